//! A workbook's typed cell as the text a person would have typed, or as a fault.

use calamine::{CellErrorType, DataType, ExcelDateTime, ExcelDateTimeType};

use crate::raw_row::RawCell;

/// Spreadsheets keep 15 digits of a number.
const DIGITS_KEPT: f64 = 1e15;
/// Up to here a double holds every whole number.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Writes a cell's value into `cell`, which is empty.
pub(crate) fn write(value: &impl DataType, cell: &mut RawCell) {
    if let Some(text) = value.get_string() {
        cell.text.push_str(text);
    } else if let Some(number) = value.get_float() {
        write_number(number, cell);
    } else if let Some(number) = value.get_int() {
        cell.text = number.to_string();
    } else if let Some(moment) = value.get_datetime() {
        write_moment(&moment, cell);
    } else if let Some(yes) = value.get_bool() {
        cell.text.push_str(if yes { "TRUE" } else { "FALSE" });
    } else if let Some(iso) = value.get_datetime_iso().or_else(|| value.get_duration_iso()) {
        cell.text.push_str(iso);
    } else if let Some(error) = value.get_error() {
        cell.text = error.to_string();
        // "Not available" says that there is no value; the other errors hide one.
        cell.fault = (*error != CellErrorType::NA).then_some("cell_error");
    }
}

/// Writes a number with the 15 digits a spreadsheet shows. One of 16 or more digits has lost some, unless it is exact
/// and ends in a digit the loss would have made 0.
pub(crate) fn write_number(number: f64, cell: &mut RawCell) {
    let whole = number.fract() == 0.0;
    if number.abs() >= DIGITS_KEPT {
        let exact = number.abs() <= EXACT_MAX && number % 10.0 != 0.0;
        cell.fault = (!exact).then_some("precision_lost");
        cell.text = format!("{number:.0}");
    } else if whole {
        cell.text = format!("{number:.0}");
    } else {
        let shown = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
        cell.text = shown.to_string();
    }
}

/// Writes a date as `2024-01-31`, a moment as `2024-01-31 08:00:00`, a time of day as `08:00:00`.
fn write_moment(moment: &ExcelDateTime, cell: &mut RawCell) {
    let serial = moment.as_f64();
    let (year, month, day, hour, minute, second, _) = on_the_second(moment).to_ymd_hms_milli();
    cell.text = if moment.is_duration() || (0.0..1.0).contains(&serial) {
        format!("{hour:02}:{minute:02}:{second:02}")
    } else if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    };
}

/// Serials are fractions of a day: a full second is often stored as a little less.
fn on_the_second(moment: &ExcelDateTime) -> ExcelDateTime {
    const SECONDS: f64 = 86_400.0;
    let serial = (moment.as_f64() * SECONDS).round() / SECONDS;
    // The epoch cannot be asked for, but a date of either shows which one it is.
    let is_1904 = ExcelDateTime::new(moment.as_f64(), ExcelDateTimeType::DateTime, true).to_ymd_hms_milli()
        == moment.to_ymd_hms_milli();
    ExcelDateTime::new(serial + 1e-9, ExcelDateTimeType::DateTime, is_1904)
}

#[cfg(test)]
mod tests {
    use calamine::Data;

    use super::*;

    fn check(value: &Data, text: &str, fault: Option<&'static str>) {
        let mut cell = RawCell::default();
        write(value, &mut cell);
        assert_eq!((cell.text.as_str(), cell.fault), (text, fault), "{value:?}");
    }

    fn moment(serial: f64) -> Data {
        Data::DateTime(ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, false))
    }

    #[test]
    fn numbers_are_shown_as_typed() {
        check(&Data::Float(3.0), "3", None);
        check(&Data::Float(-0.5), "-0.5", None);
        check(&Data::Float(95.520_000_000_000_01), "95.52", None);
        check(&Data::Float(123_456_789_012_345.0), "123456789012345", None);
        check(&Data::Int(7), "7", None);
        check(&Data::Bool(true), "TRUE", None);
    }

    #[test]
    fn a_number_that_lost_digits_says_so() {
        check(&Data::Float(990_101_198_407_190_016.0), "990101198407190016", Some("precision_lost"));
        check(&Data::Float(1e15), "1000000000000000", Some("precision_lost"));
        check(&Data::Float(6_222_020_200_112_230.0), "6222020200112230", Some("precision_lost"));
        check(&Data::Float(6_222_020_200_112_233.0), "6222020200112233", None);
        check(&Data::Float(-1e20), "-100000000000000000000", Some("precision_lost"));
    }

    #[test]
    fn dates_are_shown_as_iso_text() {
        check(&moment(45_322.0), "2024-01-31", None);
        check(&moment(45_322.354_166_666_664), "2024-01-31 08:30:00", None);
        check(&moment(0.5), "12:00:00", None);
        let mac = ExcelDateTime::new(43_860.0, ExcelDateTimeType::DateTime, true);
        check(&Data::DateTime(mac), "2024-01-31", None);
    }

    #[test]
    fn formula_errors_are_no_values() {
        check(&Data::Error(CellErrorType::NA), "#N/A", None);
        check(&Data::Error(CellErrorType::Ref), "#REF!", Some("cell_error"));
        check(&Data::Empty, "", None);
    }
}
