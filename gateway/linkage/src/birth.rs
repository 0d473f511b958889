//! Birth dates as they are compared: whole or partial, and how two of them can be one.

use chrono::{Datelike, NaiveDate};

/// A birth date as `yyyymmdd`, with 00 for a part that is unknown; 0 stands for none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Birth(pub(crate) u32);

/// How two birth dates go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BirthLevel {
    /// Cannot be one person's.
    Different,
    /// Differ as one date does that was written or converted wrongly.
    Near,
    /// One is missing, or one is partial and the known parts agree.
    Compatible,
    /// The same day.
    Same,
}

/// Most days that a date can move when a lunar day is written as a solar one. The lunar year begins 20 to 51 days
/// after the solar one; leap months add a little.
const LUNAR_DAYS: std::ops::RangeInclusive<i64> = 18..=55;

impl Birth {
    pub(crate) const NONE: Self = Self(0);

    /// Reads `1949`, `1949-12` or `1949-12-31`; anything else is no date.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = text.split('-').map(|part| part.parse::<u32>().ok());
        let Some(Some(year)) = parts.next() else { return Self::NONE };
        let month = parts.next().flatten().unwrap_or(0);
        let day = if month == 0 { 0 } else { parts.next().flatten().unwrap_or(0) };
        if !(1800..=2200).contains(&year) || month > 12 || day > 31 {
            return Self::NONE;
        }
        let birth = Self(year * 10_000 + month * 100 + day);
        if day > 0 && birth.date().is_none() { Self::NONE } else { birth }
    }

    /// The date within a citizen ID number of 18 characters.
    pub(crate) fn of_citizen_id(id_no: &str) -> Self {
        let digits = id_no.get(6..14).and_then(|d| d.parse::<u32>().ok());
        digits.map(Self).filter(|b| b.date().is_some()).unwrap_or(Self::NONE)
    }

    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether the day is known.
    pub(crate) fn is_exact(self) -> bool {
        self.day() > 0
    }

    pub(crate) fn year(self) -> u32 {
        self.0 / 10_000
    }

    pub(crate) fn month(self) -> u32 {
        self.0 / 100 % 100
    }

    pub(crate) fn day(self) -> u32 {
        self.0 % 100
    }

    /// The day, if the date is whole.
    pub(crate) fn date(self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(i32::try_from(self.year()).ok()?, self.month(), self.day())
    }

    /// The first day the date can mean, and what is known of it: `day`, `month` or `year`.
    pub(crate) fn first_day(self) -> Option<(NaiveDate, &'static str)> {
        if self.is_none() {
            return None;
        }
        let precision = match (self.month(), self.day()) {
            (0, _) => "year",
            (_, 0) => "month",
            _ => "day",
        };
        let year = i32::try_from(self.year()).ok()?;
        NaiveDate::from_ymd_opt(year, self.month().max(1), self.day().max(1)).map(|date| (date, precision))
    }

    /// Compares two dates.
    pub(crate) fn level(self, other: Self) -> BirthLevel {
        if self.is_none() || other.is_none() {
            return BirthLevel::Compatible;
        }
        if !self.is_exact() || !other.is_exact() {
            let months_agree = self.month() == 0 || other.month() == 0 || self.month() == other.month();
            return if self.year() == other.year() && months_agree {
                BirthLevel::Compatible
            } else {
                BirthLevel::Different
            };
        }
        if self == other {
            return BirthLevel::Same;
        }
        if is_slip(self, other) { BirthLevel::Near } else { BirthLevel::Different }
    }
}

/// Whether two whole dates differ as by one slip: one digit, two neighbouring digits swapped, month and day swapped,
/// 1 January put for an unknown day, the year before or after (age counted the old way), or a lunar date.
fn is_slip(a: Birth, b: Birth) -> bool {
    let same_year = a.year() == b.year();
    let swapped = same_year && a.month() == b.day() && a.day() == b.month();
    let default_day = same_year && (a.0 % 10_000 == 101 || b.0 % 10_000 == 101);
    let next_year = a.year().abs_diff(b.year()) == 1 && a.0 % 10_000 == b.0 % 10_000;
    let lunar = match (a.date(), b.date()) {
        (Some(x), Some(y)) => {
            LUNAR_DAYS.contains(&(i64::from(x.num_days_from_ce()) - i64::from(y.num_days_from_ce())).abs())
        }
        _ => false,
    };
    swapped || default_day || next_year || lunar || one_digit_or_swap(a.0, b.0)
}

fn one_digit_or_swap(a: u32, b: u32) -> bool {
    let digits = |v: u32| {
        let mut out = [0_u32; 8];
        let mut rest = v;
        for slot in out.iter_mut().rev() {
            *slot = rest % 10;
            rest /= 10;
        }
        out
    };
    let pairs: Vec<(usize, u32, u32)> = digits(a)
        .into_iter()
        .zip(digits(b))
        .enumerate()
        .filter(|(_, (x, y))| x != y)
        .map(|(at, (x, y))| (at, x, y))
        .collect();
    match pairs.as_slice() {
        // The first two digits are the century: a slip there is no slip but another generation.
        [(at, ..)] => *at >= 2,
        [(i, x, y), (j, u, v)] => *j == i + 1 && *i >= 2 && x == v && y == u,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(a: &str, b: &str) -> BirthLevel {
        Birth::parse(a).level(Birth::parse(b))
    }

    #[test]
    fn partial_dates_agree_with_what_they_leave_open() {
        assert_eq!(level("1949", "1949-12-31"), BirthLevel::Compatible);
        assert_eq!(level("1949-12", "1949-12-31"), BirthLevel::Compatible);
        assert_eq!(level("1949-11", "1949-12-31"), BirthLevel::Different);
        assert_eq!(level("", "1949-12-31"), BirthLevel::Compatible);
        assert_eq!(level("1949-12-31", "1949-12-31"), BirthLevel::Same);
    }

    #[test]
    fn one_slip_is_near_and_a_generation_is_not() {
        for (a, b) in [
            ("1980-03-12", "1980-03-13"),
            ("1980-03-12", "1980-12-03"),
            ("1980-01-01", "1980-07-19"),
            ("1980-03-12", "1981-03-12"),
            ("1980-03-12", "1980-04-17"),
            ("1980-03-12", "1980-03-21"),
        ] {
            assert_eq!(level(a, b), BirthLevel::Near, "{a} {b}");
        }
        assert_eq!(level("1955-03-12", "1980-07-19"), BirthLevel::Different);
        assert_eq!(level("1912-03-12", "2012-03-12"), BirthLevel::Different);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for bad in ["", "abc", "1980-13-01", "1980-02-30", "80-01-01", "-", "1980-99"] {
            assert!(Birth::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Birth::of_citizen_id("33010619800312001X"), Birth(19_800_312));
        assert!(Birth::of_citizen_id("short").is_none());
        assert!(Birth::of_citizen_id("一二三四五六七八").is_none());
        assert_eq!(Birth::NONE.first_day(), None);
    }
}
