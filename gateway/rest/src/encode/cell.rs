//! One cell as text, the same in JSON, NDJSON and CSV.
//!
//! 64-bit integers and decimals are JSON strings (JavaScript rounds them), dates are ISO 8601, moments carry `+08:00`,
//! binary is lower-case hex, not-a-number is null.

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, LargeListArray, ListArray, MapArray, RecordBatch, StructArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, FixedOffset, NaiveDate};
use serde_json::{Map, Number, Value};

/// One row as a JSON object. `row` must be within the batch.
pub(crate) fn row_object(batch: &RecordBatch, row: usize) -> Map<String, Value> {
    batch
        .schema_ref()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), cell(column, row)))
        .collect()
}

/// One cell as JSON. A type without an own form is written as the engine displays it.
pub(crate) fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let array: &dyn Array = array.as_ref();
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Utf8 => Value::String(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Value::String(array.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Value::String(array.as_string_view().value(row).to_owned()),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::Int64 => Value::String(array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::UInt64 => Value::String(array.as_primitive::<UInt64Type>().value(row).to_string()),
        DataType::Float32 => number(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => number(array.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(unit, zone) => moment(array, row, *unit, zone.is_some()),
        DataType::List(_) => items(array.as_any().downcast_ref::<ListArray>().map(|a| a.value(row))),
        DataType::LargeList(_) => items(array.as_any().downcast_ref::<LargeListArray>().map(|a| a.value(row))),
        DataType::FixedSizeList(..) => items(array.as_any().downcast_ref::<FixedSizeListArray>().map(|a| a.value(row))),
        DataType::Struct(_) => fields(array.as_any().downcast_ref::<StructArray>(), row),
        DataType::Map(..) => {
            let entries = array.as_any().downcast_ref::<MapArray>().map(|map| map.value(row));
            items(entries.map(|entries| -> ArrayRef { std::sync::Arc::new(entries) }))
        }
        _ => displayed(array, row),
    }
}

/// The cell as a CSV field: the JSON form without quotes, nothing for null, JSON text for nested values.
pub(crate) fn csv_text(array: &ArrayRef, row: usize) -> String {
    match cell(array, row) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn date(days: i32) -> Value {
    let date = NaiveDate::from_epoch_days(days);
    date.map_or(Value::Null, |date| Value::String(date.format("%Y-%m-%d").to_string()))
}

fn moment(array: &dyn Array, row: usize, unit: TimeUnit, has_zone: bool) -> Value {
    let utc = match unit {
        TimeUnit::Second => DateTime::from_timestamp(array.as_primitive::<TimestampSecondType>().value(row), 0),
        TimeUnit::Millisecond => {
            DateTime::from_timestamp_millis(array.as_primitive::<TimestampMillisecondType>().value(row))
        }
        TimeUnit::Microsecond => {
            DateTime::from_timestamp_micros(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        TimeUnit::Nanosecond => {
            Some(DateTime::from_timestamp_nanos(array.as_primitive::<TimestampNanosecondType>().value(row)))
        }
    };
    let Some(utc) = utc else { return Value::Null };
    let text = match (has_zone, FixedOffset::east_opt(8 * 3_600)) {
        (true, Some(zone)) => utc.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%.f%:z").to_string(),
        _ => utc.naive_utc().format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
    };
    Value::String(text)
}

fn items(list: Option<ArrayRef>) -> Value {
    list.map_or(Value::Null, |list| Value::Array((0..list.len()).map(|row| cell(&list, row)).collect()))
}

fn fields(value: Option<&StructArray>, row: usize) -> Value {
    let Some(value) = value else { return Value::Null };
    let object =
        value.fields().iter().zip(value.columns()).map(|(field, column)| (field.name().clone(), cell(column, row)));
    Value::Object(object.collect())
}

fn displayed(array: &dyn Array, row: usize) -> Value {
    match ArrayFormatter::try_new(array, &FormatOptions::default()) {
        Ok(formatter) => formatter.value(row).try_to_string().map_or(Value::Null, Value::String),
        Err(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListBuilder};
    use arrow::array::{StringBuilder, TimestampMicrosecondArray};
    use serde_json::json;

    use super::*;

    #[test]
    fn each_type_has_one_form() {
        let cases: Vec<(ArrayRef, Value)> = vec![
            (Arc::new(Int64Array::from(vec![i64::MAX])), json!("9223372036854775807")),
            (Arc::new(Int32Array::from(vec![5])), json!(5)),
            (Arc::new(Float64Array::from(vec![f64::NAN])), json!(null)),
            (Arc::new(Float64Array::from(vec![1.5])), json!(1.5)),
            (Arc::new(Date32Array::from(vec![0])), json!("1970-01-01")),
            (Arc::new(Decimal128Array::from(vec![120_050]).with_precision_and_scale(12, 2).unwrap()), json!("1200.50")),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC")),
                json!("1970-01-01T08:00:00+08:00"),
            ),
            (Arc::new(TimestampMicrosecondArray::from(vec![1_500_000])), json!("1970-01-01T00:00:01.500")),
            (Arc::new(BinaryArray::from(vec![&[0xab_u8, 1][..]])), json!("ab01")),
        ];
        for (array, expected) in cases {
            assert_eq!(cell(&array, 0), expected, "{:?}", array.data_type());
        }
    }

    #[test]
    fn lists_and_nulls_nest() {
        let mut builder = ListBuilder::new(StringBuilder::new());
        builder.append_value([Some("甲"), None]);
        builder.append_null();
        let array: ArrayRef = Arc::new(builder.finish());
        assert_eq!(cell(&array, 0), json!(["甲", null]));
        assert_eq!(cell(&array, 1), json!(null));
        assert_eq!(csv_text(&array, 0), "[\"甲\",null]");
        assert_eq!(csv_text(&array, 1), "");
    }
}
