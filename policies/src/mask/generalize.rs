//! Dates to years and ages, codes to their prefix, numbers to bands.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, StringBuilder};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type};
use chrono::{Datelike, NaiveDate};

use super::REDACTED;

/// Days from 0001-01-01 (day 1) to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;
/// Years a date can have; others are no dates of living or registered people.
const YEARS: std::ops::RangeInclusive<i32> = 1850..=2200;
/// Nobody is older.
const AGE_MAX: u32 = 130;
/// Numbers from here on are no amounts, areas or counts.
const AMOUNT_END: i128 = 1_000_000_000_000;
/// Lengths of a division code.
const DIVISION_LENGTHS: [usize; 5] = [2, 4, 6, 9, 12];

fn date_of(days: i32) -> Option<NaiveDate> {
    let date = NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_FROM_CE)?)?;
    YEARS.contains(&date.year()).then_some(date)
}

fn days_of(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

/// 1984-07-19 to 1984-01-01. A date outside 1850 to 2200 becomes null, the only redaction a date column can hold.
///
/// Source: generalization in ISO/IEC 20889:2018. Not enough for people over 89: see [`AgeBands`].
pub(super) fn years(dates: &PrimitiveArray<Date32Type>) -> ArrayRef {
    let first_day = |days| Some(days_of(NaiveDate::from_ymd_opt(date_of(days)?.year(), 1, 1)?));
    Arc::new(dates.unary_opt::<_, Date32Type>(first_day))
}

/// `1949`, `1949-12` and `1949-12-31` to `1949`; anything else is redacted.
pub(super) fn write_year(value: &str, out: &mut String) {
    match read_partial(value).and_then(|_| value.get(..4)) {
        Some(year) => out.push_str(year),
        None => out.push_str(REDACTED),
    }
}

/// A partial date as written in tables. A missing month or day counts as the first.
fn read_partial(value: &str) -> Option<NaiveDate> {
    let mut parts = value.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |m| number(m, 2))?;
    let day = parts.next().map_or(Some(1), |d| number(d, 2))?;
    let year = i32::try_from(year).ok()?;
    if parts.next().is_some() || !YEARS.contains(&year) {
        return None;
    }
    NaiveDate::from_ymd_opt(year, month, day)
}

fn number(digits: &str, length: usize) -> Option<u32> {
    if digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Age in completed years on `today`, in bands of `width` years from 0 on, and `top+` from `top` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct AgeBands {
    pub(super) width: u32,
    pub(super) top: u32,
    pub(super) today: i32,
}

impl AgeBands {
    pub(super) fn of_dates(self, dates: &PrimitiveArray<Date32Type>) -> ArrayRef {
        let mut builder = StringBuilder::with_capacity(dates.len(), dates.len().saturating_mul(5));
        let mut scratch = String::new();
        for days in dates {
            let Some(days) = days else {
                builder.append_null();
                continue;
            };
            scratch.clear();
            self.write(date_of(days), &mut scratch);
            builder.append_value(&scratch);
        }
        Arc::new(builder.finish())
    }

    /// For partial dates: a missing month or day counts as the first, so the age may be one too high.
    pub(super) fn write_text(self, value: &str, out: &mut String) {
        self.write(read_partial(value), out);
    }

    /// A day in the future, or an age over 130, is redacted.
    fn write(self, birth: Option<NaiveDate>, out: &mut String) {
        let age = birth.zip(date_of(self.today)).and_then(|(birth, today)| today.years_since(birth));
        let Some(age) = age.filter(|a| *a <= AGE_MAX) else {
            out.push_str(REDACTED);
            return;
        };
        // Writing to a String cannot fail.
        let _ = if age >= self.top {
            write!(out, "{}+", self.top)
        } else {
            let low = age - age % self.width.max(1);
            let high = low.saturating_add(self.width.max(1) - 1).min(self.top.saturating_sub(1));
            write!(out, "{low}-{high}")
        };
    }
}

/// For each date whether somebody born then has completed fewer than `years` years on `today`. Without nulls: a null, a day in the
/// future and an age over 130 count as under age, and so does every date on a day that is none.
pub(crate) fn is_under_age(dates: &PrimitiveArray<Date32Type>, years: u32, today: i32) -> BooleanArray {
    let Some(today) = date_of(today) else { return BooleanArray::from(vec![true; dates.len()]) };
    let age = |birth: Option<i32>| today.years_since(date_of(birth?)?).filter(|age| *age <= AGE_MAX);
    dates.iter().map(|birth| Some(age(birth).is_none_or(|age| age < years))).collect()
}

/// The first `digits` of a division code; a shorter code stays as it is. Redacted unless 2, 4, 6, 9 or 12 ASCII digits.
pub(super) fn write_division(digits: u32, value: &str, out: &mut String) {
    let is_code = DIVISION_LENGTHS.contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    let shown = usize::try_from(digits).ok().and_then(|n| value.get(..n.min(value.len())));
    out.push_str(shown.filter(|_| is_code).unwrap_or(REDACTED));
}

/// Bands of a decimal, whole or floating number, or `None` for a column of another type. What is negative, no number, or
/// a million millions and more is redacted.
pub(super) fn amount_bands(values: &dyn Array, width: u64) -> Option<ArrayRef> {
    let width = i128::from(width.max(1));
    if let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() {
        let DataType::Decimal128(_, scale) = decimals.data_type() else { return None };
        let scale = *scale;
        return Some(bands(decimals.iter().map(|v| v.map(|v| whole_of_decimal(v, scale))), width));
    }
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        return Some(bands(numbers.iter().map(|v| v.map(|v| Some(i128::from(v)))), width));
    }
    let floats = values.as_primitive_opt::<Float64Type>()?;
    // A cast from f64 saturates, and the range is checked afterwards.
    Some(bands(floats.iter().map(|v| v.map(|v| v.is_finite().then_some(v.floor() as i128))), width))
}

fn whole_of_decimal(value: i128, scale: i8) -> Option<i128> {
    let power = 10_i128.checked_pow(u32::from(scale.unsigned_abs()))?;
    if scale >= 0 { Some(value.div_euclid(power)) } else { value.checked_mul(power) }
}

/// Outer `None`: null. Inner `None`: no usable number.
fn bands(wholes: impl Iterator<Item = Option<Option<i128>>>, width: i128) -> ArrayRef {
    let mut builder = StringBuilder::new();
    let mut scratch = String::new();
    for whole in wholes {
        let Some(whole) = whole else {
            builder.append_null();
            continue;
        };
        scratch.clear();
        match whole.filter(|w| (0..AMOUNT_END).contains(w)) {
            Some(whole) => {
                let low = whole - whole % width;
                // Writing to a String cannot fail.
                let _ = write!(scratch, "{low}-{}", low.saturating_add(width));
            }
            None => scratch.push_str(REDACTED),
        }
        builder.append_value(&scratch);
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests;
