//! Reads moments as departments write them. A moment without an offset is China's.

use chrono::{NaiveDate, NaiveTime, Timelike};

use crate::PartialDateError;
use crate::date_scan;
use crate::writing;

/// China has one offset all year.
const CHINA_SECONDS: i64 = 8 * 3600;
const MICROS: i64 = 1_000_000;

/// A moment, and a remark if something had to be assumed.
pub(crate) type Moment = (i64, Option<&'static str>);

/// Reads a moment: microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn read(raw: &str) -> Result<Moment, PartialDateError> {
    let text = raw.trim();
    if let Some(moment) = plain_form(text) {
        return moment;
    }
    let text = writing::plain(text);
    let text = text.as_ref();
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && let Some(moment) = number(text)
    {
        return moment;
    }
    let (date_text, rest) = split(text);
    let date = match date_scan::read(date_text, None) {
        Err(PartialDateError::Excel1904) => return Err(PartialDateError::Date),
        read => read?,
    };
    let Some(day) = date.to_date() else { return Err(PartialDateError::Ambiguous) };
    let rest = rest.trim();
    if rest.is_empty() {
        return Ok((in_china(day, 0), Some("date_only")));
    }
    let (time_text, offset) = split_offset(rest);
    let seconds_of_day = time(time_text).ok_or(PartialDateError::Date)?;
    let local = in_china(day, seconds_of_day);
    Ok((offset.map_or(local, |seconds| local + (CHINA_SECONDS - seconds) * MICROS), None))
}

/// Microseconds of a moment in China, `micros` after midnight.
fn in_china(day: NaiveDate, micros: i64) -> i64 {
    let midnight = day.and_time(NaiveTime::MIN).and_utc().timestamp();
    (midnight - CHINA_SECONDS) * MICROS + micros
}

/// `2020-01-06 12:09:38` and nothing else.
fn plain_form(text: &str) -> Option<Result<Moment, PartialDateError>> {
    let (date, time_text) = text.split_at_checked(10)?;
    let (year, month, day) = date_scan::iso(date)?;
    if year < 1950 || !time_text.starts_with([' ', 'T']) {
        return None;
    }
    let time = NaiveTime::parse_from_str(time_text.get(1..)?, "%H:%M:%S").ok()?;
    let day = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(Ok((in_china(day, i64::from(time.num_seconds_from_midnight()) * MICROS), None)))
}

/// A moment written as one number: epoch, `20200106120938`, or the serial of a spreadsheet with its fraction.
fn number(text: &str) -> Option<Result<Moment, PartialDateError>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let value: i64 = whole.parse().ok()?;
    let is_recent = |seconds: i64| (315_532_800..4_102_444_800).contains(&seconds);
    match (whole.len(), fraction.is_empty()) {
        (13, true) if is_recent(value / 1000) => Some(Ok((value * 1000, None))),
        (10, true) if is_recent(value) => Some(Ok((value * MICROS, None))),
        (12 | 14, true) => {
            let (date, time_digits) = whole.split_at_checked(8)?;
            let mut clock = time_digits.to_owned();
            clock.insert(2, ':');
            if clock.len() == 7 {
                clock.insert(5, ':');
            }
            let day = date_scan::read(date, None).and_then(|d| d.to_date().ok_or(PartialDateError::Date));
            Some(day.and_then(|day| {
                let micros = time(&clock).ok_or(PartialDateError::Date)?;
                Ok((in_china(day, micros), None))
            }))
        }
        (5, _) => {
            let day = date_scan::serial_day(u64::try_from(value).ok()?)?;
            let share: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
            #[expect(clippy::cast_possible_truncation, reason = "a share of one day in seconds fits")]
            let seconds = (share * 86_400.0).round() as i64;
            Some(Ok((in_china(day, seconds * MICROS), Some("excel_serial"))))
        }
        _ => None,
    }
}

/// Date and time of a text.
fn split(text: &str) -> (&str, &str) {
    if let Some((date, time)) = text.split_once('日').or_else(|| text.split_once('号')) {
        return (date, time);
    }
    match text.char_indices().find(|(_, c)| matches!(c, ' ' | 'T' | 't' | '上' | '下' | '中' | '凌' | '晚')) {
        Some((at, c)) => {
            let (date, time) = text.split_at_checked(at).unwrap_or((text, ""));
            (date, if matches!(c, ' ' | 'T' | 't') { time.get(1..).unwrap_or_default() } else { time })
        }
        None => (text, ""),
    }
}

/// A time and the seconds east of UTC it was written with.
fn split_offset(text: &str) -> (&str, Option<i64>) {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return (time, Some(0));
    }
    let Some((at, sign)) = text.char_indices().rev().find(|(_, c)| matches!(c, '+' | '-')) else { return (text, None) };
    let (time, offset) = text.split_at_checked(at).unwrap_or((text, ""));
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    let padded = format!("{digits:0<4}");
    match padded.parse::<i64>() {
        Ok(number) if padded.len() == 4 => {
            let seconds = number / 100 * 3600 + number % 100 * 60;
            (time, Some(if sign == '-' { -seconds } else { seconds }))
        }
        _ => (text, None),
    }
}

/// Microseconds after midnight: `12:09:38.5`, `12:09`, `12时9分38秒`, `下午3:20`, `3:20 PM`, `24:00`.
fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    let afternoon = ["下午", "晚上", "傍晚", "PM", "pm"].iter().any(|w| text.contains(w));
    let morning = ["上午", "凌晨", "早上", "AM", "am"].iter().any(|w| text.contains(w));
    let mut parts = [0_i64; 3];
    let mut micros = 0;
    let mut count = 0;
    let clock: String = text.chars().filter(|c| c.is_ascii_digit() || ":：.时点分秒".contains(*c)).collect();
    let clock = clock.trim_start_matches(['.', '点']);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    for part in clock.split([':', '：', '时', '点', '分', '秒']).filter(|p| !p.is_empty()) {
        *parts.get_mut(count)? = part.parse().ok()?;
        count += 1;
    }
    if !fraction.is_empty() {
        let six: String = format!("{fraction:0<6}").chars().take(6).collect();
        micros = six.parse().ok()?;
    }
    let [mut hour, minute, second] = parts;
    if count == 0 || minute > 59 || second > 60 || hour > 24 || (hour == 24 && (minute, second) != (0, 0)) {
        return None;
    }
    if afternoon && hour < 12 {
        hour += 12;
    } else if morning && hour == 12 {
        hour = 0;
    }
    Some((hour * 3600 + minute * 60 + second) * MICROS + micros)
}

/// The day it was in China.
pub(crate) fn day_in_china(micros: i64) -> NaiveDate {
    let local = chrono::DateTime::from_timestamp_micros(micros.saturating_add(CHINA_SECONDS * MICROS));
    local.map(|moment| moment.date_naive()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration};

    use super::*;

    /// A moment in China, with its offset.
    fn in_china_text(micros: i64) -> String {
        let moment = DateTime::from_timestamp_micros(micros).unwrap() + Duration::seconds(CHINA_SECONDS);
        format!("{}+08:00", moment.format("%Y-%m-%dT%H:%M:%S"))
    }

    fn check(raw: &str, wanted: &str, remark: Option<&str>) {
        let (micros, said) = read(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
        assert_eq!((in_china_text(micros).as_str(), said), (wanted, remark), "{raw}");
    }

    #[test]
    fn every_form_is_the_same_moment() {
        for raw in [
            "2019-01-06 12:09:38",
            "2019-01-06T12:09:38",
            "2019/1/6 12:09:38",
            "2019年1月6日 12时9分38秒",
            "2019年1月6日12:09:38",
            "2019-01-06T04:09:38Z",
            "2019-01-06T12:09:38+08:00",
            "2019-01-06T12:09:38.000+0800",
            "2019-01-06 04:09:38+00:00",
            "20190106120938",
            "1546747778000",
            "1546747778",
            "２０１９－０１－０６　１２：０９：３８",
            "2019.1.6 12:09:38 PM",
        ] {
            check(raw, "2019-01-06T12:09:38+08:00", None);
        }
        check("2020-01-06 12:09", "2020-01-06T12:09:00+08:00", None);
        check("202001061209", "2020-01-06T12:09:00+08:00", None);
        check("2020-01-06 下午3:20", "2020-01-06T15:20:00+08:00", None);
        check("2020-01-06 24:00:00", "2020-01-07T00:00:00+08:00", None);
        check("2019-10-08T16:27:18Z", "2019-10-09T00:27:18+08:00", None);
        check("2020-01-06", "2020-01-06T00:00:00+08:00", Some("date_only"));
        check("20200106", "2020-01-06T00:00:00+08:00", Some("date_only"));
        check("43836.5", "2020-01-06T12:00:00+08:00", Some("excel_serial"));
        check("43836", "2020-01-06T00:00:00+08:00", Some("excel_serial"));
    }

    #[test]
    fn wrong_moments_are_told() {
        for (raw, error) in [
            ("2020-02-30 12:00:00", PartialDateError::Date),
            ("2020-01-06 25:00:00", PartialDateError::Date),
            ("2020-01-06 12:61", PartialDateError::Date),
            ("2020-01-06 没写", PartialDateError::Date),
            ("abc", PartialDateError::Date),
            ("20201306120938", PartialDateError::Date),
            ("0000-00-00 00:00:00", PartialDateError::NoValue),
            ("2020-01", PartialDateError::Ambiguous),
            ("昨天 12:00", PartialDateError::Relative),
        ] {
            assert_eq!(read(raw), Err(error), "{raw}");
        }
    }
}
