//! One cell in PostgreSQL's text and binary forms.
//!
//! Arrays are of the types that [`crate::types::wire_type`] casts to. Dates and moments count from 2000-01-01 in the binary form.

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Timelike};
use pgwire::api::Type;

use crate::numeric::put_numeric;

/// 2000-01-01 in days since 1970-01-01.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(crate) const EPOCH_MICROS: i64 = 10_957 * 86_400_000_000;

/// Appends the text form of a cell that is not null.
pub(crate) fn put_text(array: &ArrayRef, row: usize, zone: FixedOffset, out: &mut BytesMut) {
    match array.data_type() {
        DataType::Boolean => out.put_u8(if array.as_boolean().value(row) { b't' } else { b'f' }),
        DataType::Utf8 => out.put_slice(array.as_string::<i32>().value(row).as_bytes()),
        DataType::Int16 => put_display(array.as_primitive::<Int16Type>().value(row), out),
        DataType::Int32 => put_display(array.as_primitive::<Int32Type>().value(row), out),
        DataType::Int64 => put_display(array.as_primitive::<Int64Type>().value(row), out),
        DataType::Float32 => put_float(f64::from(array.as_primitive::<Float32Type>().value(row)), out, |out| {
            put_display(array.as_primitive::<Float32Type>().value(row), out);
        }),
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            put_float(value, out, |out| put_display(value, out));
        }
        DataType::Decimal128(..) => {
            out.put_slice(array.as_primitive::<Decimal128Type>().value_as_string(row).as_bytes());
        }
        DataType::Decimal256(..) => {
            out.put_slice(array.as_primitive::<Decimal256Type>().value_as_string(row).as_bytes());
        }
        DataType::Date32 => {
            if let Some(date) = NaiveDate::from_epoch_days(array.as_primitive::<Date32Type>().value(row)) {
                put_display(date.format("%Y-%m-%d"), out);
            }
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            put_clock(time_of(array.as_primitive::<Time64MicrosecondType>().value(row)), out);
        }
        DataType::Timestamp(TimeUnit::Microsecond, has_zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            put_moment(micros, has_zone.is_some().then_some(zone), out);
        }
        DataType::Binary => {
            out.put_slice(b"\\x");
            for byte in array.as_binary::<i32>().value(row) {
                put_display(format_args!("{byte:02x}"), out);
            }
        }
        DataType::List(of) if !of.data_type().is_nested() => put_array_text(array, row, zone, out),
        _ => put_displayed(array, row, out),
    }
}

/// Appends the binary form of a cell that is not null.
pub(crate) fn put_binary(array: &ArrayRef, row: usize, pg: &Type, out: &mut BytesMut) {
    match array.data_type() {
        DataType::Boolean => out.put_u8(u8::from(array.as_boolean().value(row))),
        DataType::Utf8 => out.put_slice(array.as_string::<i32>().value(row).as_bytes()),
        DataType::Int16 => out.put_i16(array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => out.put_i32(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => out.put_i64(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => out.put_f32(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => out.put_f64(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => put_numeric(&array.as_primitive::<Decimal128Type>().value_as_string(row), out),
        DataType::Decimal256(..) => put_numeric(&array.as_primitive::<Decimal256Type>().value_as_string(row), out),
        DataType::Date32 => out.put_i32(array.as_primitive::<Date32Type>().value(row).saturating_sub(EPOCH_DAYS)),
        DataType::Time64(TimeUnit::Microsecond) => {
            out.put_i64(array.as_primitive::<Time64MicrosecondType>().value(row));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            out.put_i64(array.as_primitive::<TimestampMicrosecondType>().value(row).saturating_sub(EPOCH_MICROS));
        }
        DataType::Binary => out.put_slice(array.as_binary::<i32>().value(row)),
        DataType::List(of) if !of.data_type().is_nested() => put_array_binary(array, row, pg, out),
        _ => put_displayed(array, row, out),
    }
}

fn put_display(value: impl std::fmt::Display, out: &mut BytesMut) {
    use std::fmt::Write;
    // Writing into a buffer that grows does not fail.
    let _written = write!(out, "{value}");
}

fn put_float(value: f64, out: &mut BytesMut, finite: impl FnOnce(&mut BytesMut)) {
    match value {
        _ if value.is_nan() => out.put_slice(b"NaN"),
        f64::INFINITY => out.put_slice(b"Infinity"),
        f64::NEG_INFINITY => out.put_slice(b"-Infinity"),
        _ => finite(out),
    }
}

fn time_of(micros: i64) -> NaiveTime {
    let seconds = u32::try_from(micros.div_euclid(1_000_000)).unwrap_or(0);
    let nanos = u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0) * 1_000;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos).unwrap_or(NaiveTime::MIN)
}

/// `HH:MM:SS`, with as many digits after the point as there are, up to six.
fn put_clock(time: impl Timelike, out: &mut BytesMut) {
    put_display(format_args!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()), out);
    let micros = time.nanosecond() / 1_000;
    if micros > 0 {
        let digits = format!("{micros:06}");
        put_display(format_args!(".{}", digits.trim_end_matches('0')), out);
    }
}

fn put_moment(micros: i64, zone: Option<FixedOffset>, out: &mut BytesMut) {
    let Some(utc) = DateTime::from_timestamp_micros(micros) else { return };
    let local = zone.map_or_else(|| utc.naive_utc(), |zone| utc.with_timezone(&zone).naive_local());
    put_display(local.format("%Y-%m-%d "), out);
    put_clock(local, out);
    if let Some(zone) = zone {
        let minutes = zone.local_minus_utc() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        put_display(format_args!("{sign}{hours:02}"), out);
        if rest > 0 {
            put_display(format_args!(":{rest:02}"), out);
        }
    }
}

fn items_of(array: &ArrayRef, row: usize) -> Option<ArrayRef> {
    array.as_any().downcast_ref::<ListArray>().map(|list| list.value(row))
}

/// `{a,"b c",NULL}`.
fn put_array_text(array: &ArrayRef, row: usize, zone: FixedOffset, out: &mut BytesMut) {
    let Some(items) = items_of(array, row) else { return };
    out.put_u8(b'{');
    let mut item = BytesMut::new();
    for idx in 0..items.len() {
        if idx > 0 {
            out.put_u8(b',');
        }
        if items.is_null(idx) {
            out.put_slice(b"NULL");
            continue;
        }
        item.clear();
        put_text(&items, idx, zone, &mut item);
        put_array_item(&item, out);
    }
    out.put_u8(b'}');
}

fn put_array_item(item: &[u8], out: &mut BytesMut) {
    let is_plain = !item.is_empty()
        && !item.eq_ignore_ascii_case(b"null")
        && !item.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || byte.is_ascii_whitespace());
    if is_plain {
        return out.put_slice(item);
    }
    out.put_u8(b'"');
    for byte in item {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// Number of dimensions, whether there are nulls, element type, length, first index; then each element with its length.
fn put_array_binary(array: &ArrayRef, row: usize, pg: &Type, out: &mut BytesMut) {
    let Some(items) = items_of(array, row) else { return };
    let element = match pg.kind() {
        postgres_types::Kind::Array(element) => element.clone(),
        _ => Type::TEXT,
    };
    out.put_i32(i32::from(!items.is_empty()));
    out.put_i32(i32::from(items.null_count() > 0));
    out.put_u32(element.oid());
    if items.is_empty() {
        return;
    }
    out.put_i32(i32::try_from(items.len()).unwrap_or(i32::MAX));
    out.put_i32(1);
    for idx in 0..items.len() {
        put_sized(out, (!items.is_null(idx)).then_some(|out: &mut BytesMut| put_binary(&items, idx, &element, out)));
    }
}

/// Four bytes of length, then what `write` appends; -1 and nothing for null.
pub(crate) fn put_sized(out: &mut BytesMut, write: Option<impl FnOnce(&mut BytesMut)>) {
    let start = out.len();
    out.put_i32(-1);
    let Some(write) = write else { return };
    write(out);
    let written = i32::try_from(out.len() - start - 4).unwrap_or(i32::MAX);
    if let Some(length) = out.get_mut(start..start + 4) {
        length.copy_from_slice(&written.to_be_bytes());
    }
}

fn put_displayed(array: &ArrayRef, row: usize, out: &mut BytesMut) {
    if let Ok(formatter) = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default()) {
        put_display(formatter.value(row), out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListBuilder, StringArray,
        StringBuilder, TimestampMicrosecondArray,
    };

    use super::*;

    fn text(array: ArrayRef) -> String {
        let mut out = BytesMut::new();
        put_text(&array, 0, FixedOffset::east_opt(8 * 3_600).unwrap(), &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    fn binary(array: ArrayRef, pg: &Type) -> Vec<u8> {
        let mut out = BytesMut::new();
        put_binary(&array, 0, pg, &mut out);
        out.to_vec()
    }

    fn texts(items: &[Option<&str>]) -> ArrayRef {
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value(items.iter().copied());
        Arc::new(list.finish())
    }

    #[test]
    fn texts_are_those_of_postgresql() {
        let at = |micros| TimestampMicrosecondArray::from(vec![micros]);
        let cases: Vec<(ArrayRef, &str)> = vec![
            (Arc::new(BooleanArray::from(vec![true])), "t"),
            (Arc::new(Int64Array::from(vec![i64::MIN])), "-9223372036854775808"),
            (Arc::new(Float64Array::from(vec![f64::NEG_INFINITY])), "-Infinity"),
            (Arc::new(Float64Array::from(vec![f64::NAN])), "NaN"),
            (Arc::new(Float64Array::from(vec![0.1])), "0.1"),
            (Arc::new(Decimal128Array::from(vec![-50]).with_precision_and_scale(12, 2).unwrap()), "-0.50"),
            (Arc::new(Date32Array::from(vec![0])), "1970-01-01"),
            (Arc::new(at(1_500_000)), "1970-01-01 00:00:01.5"),
            (Arc::new(at(0).with_timezone("UTC")), "1970-01-01 08:00:00+08"),
            (Arc::new(BinaryArray::from(vec![&[0xab_u8, 1][..]])), "\\xab01"),
            (
                texts(&[Some("甲"), None, Some("a b"), Some("q\"\\"), Some("NULL"), Some("")]),
                "{甲,NULL,\"a b\",\"q\\\"\\\\\",\"NULL\",\"\"}",
            ),
        ];
        for (array, expected) in cases {
            assert_eq!(text(Arc::clone(&array)), expected, "{:?}", array.data_type());
        }
    }

    #[test]
    fn binaries_count_from_the_year_2000() {
        assert_eq!(binary(Arc::new(Date32Array::from(vec![EPOCH_DAYS + 1])), &Type::DATE), [0, 0, 0, 1]);
        let moment = TimestampMicrosecondArray::from(vec![EPOCH_MICROS - 1]);
        assert_eq!(binary(Arc::new(moment), &Type::TIMESTAMP), (-1_i64).to_be_bytes());
        assert_eq!(binary(Arc::new(StringArray::from(vec!["甲"])), &Type::TEXT), "甲".as_bytes());
    }

    #[test]
    fn an_array_in_binary_has_its_header_and_nulls() {
        let expected =
            [&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1][..], &[0, 0, 0, 1, b'a'], &[255; 4]];
        assert_eq!(binary(texts(&[Some("a"), None]), &Type::TEXT_ARRAY), expected.concat());
        assert_eq!(binary(texts(&[]), &Type::TEXT_ARRAY), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25]);
    }
}
