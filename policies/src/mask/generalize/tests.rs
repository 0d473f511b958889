use arrow::array::{Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray};

use super::*;

fn day(year: i32, month: u32, day: u32) -> i32 {
    days_of(NaiveDate::from_ymd_opt(year, month, day).unwrap())
}

fn written(write: impl Fn(&str, &mut String), value: &str) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

#[test]
fn a_date_becomes_the_first_of_its_year() {
    let dates = Date32Array::from(vec![
        Some(day(1984, 7, 19)),
        None,
        Some(day(1970, 1, 1)),
        Some(day(1969, 12, 31)),
        Some(i32::MIN),
        Some(i32::MAX),
        Some(day(1849, 12, 31)),
    ]);
    let years = years(&dates);
    let years = years.as_primitive_opt::<Date32Type>().unwrap();
    let expected = Date32Array::from(vec![
        Some(day(1984, 1, 1)),
        None,
        Some(day(1970, 1, 1)),
        Some(day(1969, 1, 1)),
        None,
        None,
        None,
    ]);
    assert_eq!(years, &expected);
}

#[test]
fn a_partial_date_becomes_its_year() {
    for (value, year) in [("1949-12-31", "1949"), ("1949-12", "1949"), ("1949", "1949")] {
        assert_eq!(written(write_year, value), year);
    }
    for value in [
        "",
        "49",
        "1949/12/31",
        "1949-13",
        "1949-02-30",
        "1949-12-31-01",
        "１９４９",
        "0001",
        "3000-01-01",
        "1949-1-1",
        "年",
    ] {
        assert_eq!(written(write_year, value), REDACTED, "{value}");
    }
}

#[test]
fn an_age_changes_on_the_birthday() {
    let bands = |today| AgeBands { width: 5, top: 90, today };
    let of = |today, birth: &str| written(|v, o| bands(today).write_text(v, o), birth);
    assert_eq!(of(day(2024, 7, 18), "1989-07-19"), "30-34");
    assert_eq!(of(day(2024, 7, 19), "1989-07-19"), "35-39");
    assert_eq!(of(day(2023, 2, 28), "1988-02-29"), "30-34");
    assert_eq!(of(day(2023, 3, 1), "1988-02-29"), "35-39");
    assert_eq!(of(day(2024, 7, 18), "2024-07-18"), "0-4");
    assert_eq!(of(day(2024, 7, 18), "1934-07-18"), "90+");
    assert_eq!(of(day(2024, 7, 18), "1934-07-19"), "85-89");
    assert_eq!(of(day(2024, 7, 18), "1989"), "35-39");
}

#[test]
fn an_absurd_age_is_redacted() {
    let bands = AgeBands { width: 5, top: 90, today: day(2024, 7, 18) };
    for birth in ["2024-07-19", "1893-01-01", "x", ""] {
        assert_eq!(written(|v, o| bands.write_text(v, o), birth), REDACTED, "{birth}");
    }
    let dates = Date32Array::from(vec![Some(day(1990, 1, 1)), None, Some(i32::MIN), Some(day(2030, 1, 1))]);
    let shown = bands.of_dates(&dates);
    let expected = StringArray::from(vec![Some("30-34"), None, Some(REDACTED), Some(REDACTED)]);
    assert_eq!(shown.as_string_opt::<i32>().unwrap(), &expected);
    let nonsense_today = AgeBands { width: 0, top: 0, today: i32::MAX };
    assert_eq!(written(|v, o| nonsense_today.write_text(v, o), "1990"), REDACTED);
}

#[test]
fn the_last_band_ends_at_the_top() {
    let bands = AgeBands { width: 20, top: 90, today: day(2024, 1, 1) };
    assert_eq!(written(|v, o| bands.write_text(v, o), "1940-01-01"), "80-89");
}

#[test]
fn a_division_code_is_cut() {
    let cut = |value: &str| written(|v, o| write_division(6, v, o), value);
    assert_eq!(cut("330199001002"), "330199");
    assert_eq!(cut("330199"), "330199");
    assert_eq!(cut("3301"), "3301");
    for value in ["", "33019", "330199 00", "３３０１９９", "云州市示范", "33019900X"] {
        assert_eq!(cut(value), REDACTED, "{value}");
    }
}

#[test]
fn amounts_fall_into_bands() {
    let decimals =
        Decimal128Array::from(vec![Some(120_000), Some(149_999), Some(150_000), None, Some(-1), Some(i128::MAX)])
            .with_precision_and_scale(38, 2)
            .unwrap();
    let shown = amount_bands(&decimals, 500).unwrap();
    let expected = StringArray::from(vec![
        Some("1000-1500"),
        Some("1000-1500"),
        Some("1500-2000"),
        None,
        Some(REDACTED),
        Some(REDACTED),
    ]);
    assert_eq!(shown.as_string_opt::<i32>().unwrap(), &expected);
}

#[test]
fn whole_and_floating_numbers_fall_into_bands() {
    let whole = Int64Array::from(vec![Some(0), Some(9), Some(10), None, Some(-5), Some(i64::MAX)]);
    let shown = amount_bands(&whole, 10).unwrap();
    let expected =
        StringArray::from(vec![Some("0-10"), Some("0-10"), Some("10-20"), None, Some(REDACTED), Some(REDACTED)]);
    assert_eq!(shown.as_string_opt::<i32>().unwrap(), &expected);
    let floats = Float64Array::from(vec![Some(9.99), Some(f64::NAN), Some(f64::INFINITY), Some(-0.5), None]);
    let shown = amount_bands(&floats, 10).unwrap();
    let expected = StringArray::from(vec![Some("0-10"), Some(REDACTED), Some(REDACTED), Some(REDACTED), None]);
    assert_eq!(shown.as_string_opt::<i32>().unwrap(), &expected);
}

#[test]
fn other_columns_have_no_bands() {
    assert!(amount_bands(&StringArray::from(vec!["1"]), 10).is_none());
}
