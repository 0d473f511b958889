//! Dates and moments.

use chrono::NaiveDate;

use super::{Cell, CellValue, value};
use crate::citizen_id::today;
use crate::{PartialDate, PartialDateError, date_scan, moment};

/// A full date. A partial one is held back: the column cannot hold it.
pub(super) fn date(text: &str, id_no: Option<&str>) -> Cell {
    if matches!(text, "长期" | "永久" | "长期有效" | "无期限") {
        return Cell::Null;
    }
    match PartialDate::parse_with_id(text, id_no) {
        Ok(date) => match date.to_date() {
            Some(date) => full(date, None),
            None => Cell::Review("partial_date"),
        },
        // Few workbooks count from 1904, and no other date of the row settles it: the remark keeps the doubt.
        Err(PartialDateError::Excel1904) => match text.trim().parse().ok().and_then(date_scan::serial_day) {
            Some(date) => full(date, Some("excel_serial")),
            None => Cell::Reject("date"),
        },
        Err(PartialDateError::Date) => match moment::read(text) {
            Ok((micros, _)) => full(moment::day_in_china(micros), None),
            Err(error) => fault(error),
        },
        Err(error) => fault(error),
    }
}

fn full(date: NaiveDate, remark: Option<&'static str>) -> Cell {
    let epoch = NaiveDate::default();
    match i32::try_from(date.signed_duration_since(epoch).num_days()) {
        Ok(days) => Cell::Value(CellValue::Date(days), remark),
        Err(_) => Cell::Reject("date"),
    }
}

/// A date that may lack day or month. One of birth cannot lie in the future.
pub(super) fn partial_date(text: &str, id_no: Option<&str>, is_birth: bool) -> Cell {
    let date = match PartialDate::parse_with_id(text, id_no) {
        Ok(date) => date,
        Err(error) => return fault(error),
    };
    let first_day = NaiveDate::from_ymd_opt(date.year, date.month.unwrap_or(1), date.day.unwrap_or(1));
    if is_birth && first_day.is_none_or(|day| day > today()) {
        return Cell::Reject("date");
    }
    value(date.to_string())
}

pub(super) fn timestamp(text: &str) -> Cell {
    match moment::read(text) {
        Ok((micros, remark)) => Cell::Value(CellValue::Timestamp(micros), remark),
        Err(error) => fault(error),
    }
}

fn fault(error: PartialDateError) -> Cell {
    match error {
        PartialDateError::NoValue => Cell::Null,
        PartialDateError::Date => Cell::Reject("date"),
        PartialDateError::Lunar => Cell::Review("lunar"),
        PartialDateError::Excel1904 => Cell::Review("excel_1904"),
        PartialDateError::Ambiguous => Cell::Review("ambiguous"),
        PartialDateError::Range => Cell::Review("range"),
        PartialDateError::Relative => Cell::Review("relative"),
    }
}
