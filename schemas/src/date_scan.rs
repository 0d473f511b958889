//! Reads dates as departments write them.

use chrono::{Datelike, Days, NaiveDate};

use crate::numeral::{chinese_number, digit};
use crate::writing;
use crate::{PartialDate, PartialDateError};

/// Serial numbers that spreadsheets give to days from 1900 to 2100.
const SERIALS: std::ops::RangeInclusive<u64> = 1..=73_415;

/// Reads a date. See [`PartialDate::parse_with_id`].
pub(crate) fn read(raw: &str, id_no: Option<&str>) -> Result<PartialDate, PartialDateError> {
    let text = raw.trim();
    if let Some(date) = iso(text) {
        return known(date.0, date.1, date.2);
    }
    let text = writing::plain(text);
    let text = without_time(&text);
    let text = writing::compact(text);
    if text.is_empty() {
        return Err(PartialDateError::NoValue);
    }
    if let Some(reason) = open_reason(&text) {
        return Err(reason);
    }
    let (groups, marked) = groups(&text).ok_or(PartialDateError::Date)?;
    match groups.as_slice() {
        [one] => single(one, marked, id_no),
        [a, b] => pair(a, b, id_no),
        [a, b, c] => triple(a, b, c, id_no),
        _ => Err(if groups.len() == 6 { PartialDateError::Range } else { PartialDateError::Date }),
    }
}

/// `1949-12-31` and nothing else.
pub(crate) fn iso(text: &str) -> Option<(u32, u32, u32)> {
    let bytes = text.as_bytes();
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else { return None };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0_u32, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(**b - b'0')))
    };
    Some((number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?))
}

/// A date with a time behind it, without the time.
fn without_time(text: &str) -> &str {
    let parts = text.split_once([' ', 'T', 't']).or_else(|| text.split_once('日'));
    let Some((date, time)) = parts else { return text };
    if time.contains(':') || time == "00" { date } else { text }
}

/// Words that make a date a question.
fn open_reason(text: &str) -> Option<PartialDateError> {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.is_ascii() {
        return text.contains('~').then_some(PartialDateError::Range);
    }
    if has(&["农历", "阴历", "旧历", "正月", "冬月", "腊月", "闰", "初", "廿", "除夕"]) {
        Some(PartialDateError::Lunar)
    } else if has(&["今", "去年", "前年", "明年", "昨", "本月", "上月", "当日", "当天", "上个月"]) {
        Some(PartialDateError::Relative)
    } else if has(&["至", "到", "~", "～"]) {
        Some(PartialDateError::Range)
    } else if has(&[
        "约",
        "左右",
        "前后",
        "大概",
        "可能",
        "上半年",
        "下半年",
        "年代",
        "年初",
        "年底",
        "上旬",
        "中旬",
        "下旬",
    ]) {
        Some(PartialDateError::Ambiguous)
    } else {
        None
    }
}

/// One number of a date and how many digits it was written with.
#[derive(Debug, Clone, Copy)]
struct Group {
    value: u64,
    digits: usize,
}

/// The numbers of a date, and whether 年 stood behind the first. `None` if anything else is in the text.
fn groups(text: &str) -> Option<(Vec<Group>, bool)> {
    let mut groups = Vec::with_capacity(3);
    let mut word = String::new();
    let mut marked = false;
    for c in text.chars().chain(std::iter::once('-')) {
        match c {
            '-' | '/' | '.' | '\\' | '年' | '月' | '日' | '号' | '—' | '–' | '−' | ',' | '、' | '·' => {
                marked |= c == '年' && groups.is_empty();
                if !word.is_empty() {
                    groups.push(group(&word)?);
                    word.clear();
                }
            }
            _ if c.is_ascii_digit() || is_chinese_digit(c) => word.push(c),
            _ => return None,
        }
        if groups.len() > 6 {
            return None;
        }
    }
    Some((groups, marked))
}

fn is_chinese_digit(c: char) -> bool {
    digit(c).is_some() || c == '十'
}

fn group(word: &str) -> Option<Group> {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Group { value: word.parse().ok()?, digits: word.len() });
    }
    let mixed: Option<String> =
        word.chars().map(|c| c.to_digit(10).map(u64::from).or_else(|| digit(c)).map(|d| d.to_string())).collect();
    match mixed {
        Some(digits) if !word.contains('十') => {
            Some(Group { value: digits.parse().ok()?, digits: digits.chars().count() })
        }
        _ => chinese_number(word).map(|value| Group { value, digits: if value < 100 { 2 } else { 4 } }),
    }
}

fn single(one: &Group, marked: bool, id_no: Option<&str>) -> Result<PartialDate, PartialDateError> {
    match one.digits {
        8 => known_wide(one.value / 10_000, one.value / 100 % 100, one.value % 100),
        6 if (1..=12).contains(&(one.value % 100)) && (1850..=2200).contains(&(one.value / 100)) => {
            known_wide(one.value / 100, one.value % 100, 0)
        }
        6 => two_digit_year(one.value / 10_000, one.value / 100 % 100, one.value % 100, id_no),
        4 => known_wide(one.value, 0, 0),
        5 if SERIALS.contains(&one.value) && !marked => serial(one.value, id_no),
        2 if marked => two_digit_year(one.value, 0, 0, id_no),
        1 | 2 if one.value == 0 => Err(PartialDateError::NoValue),
        _ => Err(PartialDateError::Date),
    }
}

fn pair(a: &Group, b: &Group, id_no: Option<&str>) -> Result<PartialDate, PartialDateError> {
    match (a.digits, b.digits) {
        (4, 1 | 2) => known_wide(a.value, b.value, 0),
        (4, 4) => Err(PartialDateError::Range),
        (1 | 2, 4) => known_wide(b.value, a.value, 0),
        (2, 1 | 2) => two_digit_year(a.value, b.value, 0, id_no),
        _ => Err(PartialDateError::Date),
    }
}

fn triple(a: &Group, b: &Group, c: &Group, id_no: Option<&str>) -> Result<PartialDate, PartialDateError> {
    match (a.digits, b.digits, c.digits) {
        (4, 1 | 2, 1 | 2) => known_wide(a.value, b.value, c.value),
        (1 | 2, 1 | 2, 4) if a.value > 12 || a.value == b.value => known_wide(c.value, b.value, a.value),
        (1 | 2, 1 | 2, 4) if b.value > 12 => known_wide(c.value, a.value, b.value),
        (1 | 2, 1 | 2, 4) if a.value == 0 => known_wide(c.value, b.value, a.value),
        (1 | 2, 1 | 2, 4) => Err(PartialDateError::Ambiguous),
        (2, 1 | 2, 1 | 2) => two_digit_year(a.value, b.value, c.value, id_no),
        _ => Err(PartialDateError::Date),
    }
}

fn known_wide(year: u64, month: u64, day: u64) -> Result<PartialDate, PartialDateError> {
    let narrow = |part: u64| u32::try_from(part).map_err(|_| PartialDateError::Date);
    known(narrow(year)?, narrow(month)?, narrow(day)?)
}

/// A date from numbers, 0 for what is not known. Dates that systems write for "none" are no value.
fn known(year: u32, month: u32, day: u32) -> Result<PartialDate, PartialDateError> {
    let is_default = matches!((year, month, day), (1900 | 1, 1, 1) | (1899, 12, 30 | 31));
    if year == 0 || year >= 2900 || is_default {
        return Err(PartialDateError::NoValue);
    }
    let year = i32::try_from(year).map_err(|_| PartialDateError::Date)?;
    if month == 0 && day != 0 {
        return Err(PartialDateError::Date);
    }
    PartialDate::new(year, (month != 0).then_some(month), (day != 0).then_some(day)).ok_or(PartialDateError::Date)
}

/// Takes the century from the citizen ID, if its year ends on the same two digits.
fn two_digit_year(year: u64, month: u64, day: u64, id_no: Option<&str>) -> Result<PartialDate, PartialDateError> {
    if month > 12 || day > 31 {
        return Err(PartialDateError::Date);
    }
    let born = birth_in(id_no).ok_or(PartialDateError::Ambiguous)?;
    let full = u64::try_from(born.year()).unwrap_or_default();
    if full % 100 == year { known_wide(full, month, day) } else { Err(PartialDateError::Ambiguous) }
}

/// A day counted from 1900, if the citizen ID says so too; otherwise the other system cannot be ruled out.
fn serial(days: u64, id_no: Option<&str>) -> Result<PartialDate, PartialDateError> {
    let date = serial_day(days).ok_or(PartialDateError::Date)?;
    if birth_in(id_no) == Some(date) { Ok(date.into()) } else { Err(PartialDateError::Excel1904) }
}

/// The day of a spreadsheet serial counted from 1900.
pub(crate) fn serial_day(days: u64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(days))
}

fn birth_in(id_no: Option<&str>) -> Option<NaiveDate> {
    crate::CitizenId::parse(id_no?).ok().map(|id| id.birth_date())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11010519491231002X";

    fn check(raw: &str, wanted: Result<&str, PartialDateError>) {
        assert_eq!(read(raw, None).map(|d| d.to_string()), wanted.map(str::to_owned), "{raw}");
    }

    #[test]
    fn every_order_and_separator_is_read() {
        for raw in [
            "1949-12-31",
            "1949/12/31",
            "1949年12月31日",
            "１９４９－１２－３１",
            "1949\\12\\31",
            "1949.12.31",
            "19491231",
            "31/12/1949",
            "12/31/1949",
            "1949-12-31 00:00:00",
            "1949-12-31T00:00:00",
            "1949/12/31 0:00",
            "一九四九年十二月三十一日",
            " 1949 - 12 - 31 ",
            "1949年12月31日 00:00",
        ] {
            check(raw, Ok("1949-12-31"));
        }
        check("2001年1月2日", Ok("2001-01-02"));
        check("5/5/1949", Ok("1949-05-05"));
    }

    #[test]
    fn partial_dates_stay_partial() {
        for raw in ["1949-12", "194912", "1949年12月", "1949.12", "12/1949", "1949-12-00"] {
            check(raw, Ok("1949-12"));
        }
        for raw in ["1949", "1949年", "1949-00-00", "一九四九年"] {
            check(raw, Ok("1949"));
        }
    }

    #[test]
    fn dates_of_systems_are_no_value() {
        for raw in [
            "0000-00-00",
            "1900-01-01",
            "1900/1/1",
            "0001-01-01",
            "9999-12-31",
            "1899-12-30",
            "0000-00-00 00:00:00",
            "0",
        ] {
            check(raw, Err(PartialDateError::NoValue));
        }
    }

    #[test]
    fn impossible_dates_are_no_dates() {
        for raw in [
            "1949-02-30",
            "1949-13-01",
            "2023-02-29",
            "19491331",
            "1949-12-32",
            "abc",
            "1749-01-01",
            "1949-00-12",
            "张三",
            "1/2/3/4",
        ] {
            check(raw, Err(PartialDateError::Date));
        }
    }

    #[test]
    fn questions_stay_questions() {
        check("农历1949年冬月十二", Err(PartialDateError::Lunar));
        check("16801", Err(PartialDateError::Excel1904));
        check("49.12.31", Err(PartialDateError::Ambiguous));
        check("491231", Err(PartialDateError::Ambiguous));
        check("05/06/1949", Err(PartialDateError::Ambiguous));
        check("2019-2020", Err(PartialDateError::Range));
        check("2019年1月至2020年2月", Err(PartialDateError::Range));
        check("2019-01-02-2020-03-04", Err(PartialDateError::Range));
        check("去年3月", Err(PartialDateError::Relative));
        check("约1949年", Err(PartialDateError::Ambiguous));
    }

    #[test]
    fn the_citizen_id_settles_century_and_date_system() {
        for raw in ["49.12.31", "491231", "49年12月31日", "18263"] {
            assert_eq!(read(raw, Some(ID)).map(|d| d.to_string()), Ok("1949-12-31".to_owned()), "{raw}");
        }
        assert_eq!(read("16801", Some(ID)), Err(PartialDateError::Excel1904));
        assert_eq!(read("50.12.31", Some(ID)), Err(PartialDateError::Ambiguous));
    }
}
