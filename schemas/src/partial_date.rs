//! Dates that may lack day or month. They stay partial.

use chrono::{Datelike, NaiveDate};

use crate::date_scan;

/// How much of a date is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatePrecision {
    /// Only the year.
    Year,
    /// Year and month.
    Month,
    /// The full date.
    Day,
}

/// `1949`, `1949-12` or `1949-12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartialDate {
    /// Year, 1850 to 2200.
    pub year: i32,
    /// Month 1 to 12, if known.
    pub month: Option<u32>,
    /// Day of the month, if known.
    pub day: Option<u32>,
}

impl PartialDate {
    /// Reads a date in any of the forms in which departments write one.
    ///
    /// # Errors
    /// [`PartialDateError`]: certainly no date, or one that a person has to decide about.
    pub fn parse(text: &str) -> Result<Self, PartialDateError> {
        Self::parse_with_id(text, None)
    }

    /// The same, with the person's citizen ID number at hand: it settles the century of a two-digit year and the date
    /// system of a spreadsheet serial.
    ///
    /// # Errors
    /// [`PartialDateError`]: certainly no date, or one that a person has to decide about.
    pub fn parse_with_id(text: &str, id_no: Option<&str>) -> Result<Self, PartialDateError> {
        date_scan::read(text, id_no)
    }

    /// A date from its parts. `None` if there is no such day, or the year lies outside 1850 to 2200.
    #[must_use]
    pub fn new(year: i32, month: Option<u32>, day: Option<u32>) -> Option<Self> {
        let day = day.filter(|_| month.is_some());
        NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
        (1850..=2200).contains(&year).then_some(Self { year, month, day })
    }

    /// How much is known.
    #[must_use]
    pub fn precision(&self) -> DatePrecision {
        match (self.month, self.day) {
            (Some(_), Some(_)) => DatePrecision::Day,
            (Some(_), None) => DatePrecision::Month,
            (None, _) => DatePrecision::Year,
        }
    }

    /// The full date, if it is one.
    #[must_use]
    pub fn to_date(&self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year, self.month?, self.day?)
    }
}

impl From<NaiveDate> for PartialDate {
    fn from(date: NaiveDate) -> Self {
        Self { year: date.year(), month: Some(date.month()), day: Some(date.day()) }
    }
}

impl std::fmt::Display for PartialDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.month, self.day) {
            (Some(month), Some(day)) => write!(f, "{:04}-{month:02}-{day:02}", self.year),
            (Some(month), None) => write!(f, "{:04}-{month:02}", self.year),
            (None, _) => write!(f, "{:04}", self.year),
        }
    }
}

/// Why a text is no date, or not yet one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartialDateError {
    /// Says that there is no date: a zero date, the default date of a system, the end of time.
    #[error("no value")]
    NoValue,
    /// No date, or an impossible one.
    #[error("date")]
    Date,
    /// Of the lunar calendar.
    #[error("lunar")]
    Lunar,
    /// A spreadsheet serial that may be of either date system.
    #[error("excel_1904")]
    Excel1904,
    /// Several readings are possible.
    #[error("ambiguous")]
    Ambiguous,
    /// A span of time.
    #[error("range")]
    Range,
    /// Needs to know when it was written.
    #[error("relative")]
    Relative,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_what_they_know() {
        for (text, precision) in
            [("1949-12-31", DatePrecision::Day), ("1949-12", DatePrecision::Month), ("1949", DatePrecision::Year)]
        {
            let date = PartialDate::parse(text).unwrap();
            assert_eq!((date.to_string().as_str(), date.precision()), (text, precision));
            assert_eq!(date.to_date().is_some(), precision == DatePrecision::Day);
        }
        assert_eq!(PartialDate::new(1949, Some(2), Some(29)), None);
        assert_eq!(PartialDate::new(1849, None, None), None);
    }
}
