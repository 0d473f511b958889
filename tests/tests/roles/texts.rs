//! Answers as comparable texts.

use std::io::Cursor;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::ipc::reader::StreamReader;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, FixedOffset, TimeDelta};
use serde_json::Value;
use tests::http::Answer;

use crate::copy::epoch;

pub(crate) fn arrow_batches(answer: &Answer) -> Vec<RecordBatch> {
    let reader = StreamReader::try_new(Cursor::new(&answer.body), None).expect("an Arrow stream");
    reader.collect::<Result<_, _>>().expect("batches")
}

/// Rows as texts, column names first.
pub(crate) fn rows_of(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        if rows.is_empty() {
            rows.push(batch.schema().fields().iter().map(|field| field.name().clone()).collect());
        }
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("a type"))
            .collect();
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()),
        );
    }
    rows
}

pub(crate) fn first_difference<'r>(
    found: &'r [Vec<String>],
    expected: &'r [Vec<String>],
) -> Option<(&'r String, &'r String)> {
    let rows = found.iter().zip(expected).find(|(found, expected)| found != expected)?;
    rows.0.iter().zip(rows.1).find(|(found, expected)| found != expected)
}

/// A cell of a JSON answer as a CSV field has it.
pub(crate) fn text_of_json(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Cells of Arrow data in the forms the JSON answers promise, written down here again.
pub(crate) fn json_forms(batches: &[RecordBatch]) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for batch in batches {
        rows.extend(
            (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| json_form(column, row)).collect()),
        );
    }
    rows
}

fn json_form(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let text = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int32 | DataType::UInt64 => {
            let wide = cast(array, &DataType::Int64).expect("a whole number");
            wide.as_primitive::<Int64Type>().value(row).to_string()
        }
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => Value::from(array.as_primitive::<Float64Type>().value(row)).to_string(),
        DataType::Date32 => {
            (epoch() + TimeDelta::days(i64::from(array.as_primitive::<Date32Type>().value(row)))).to_string()
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let utc = DateTime::from_timestamp_micros(array.as_primitive::<TimestampMicrosecondType>().value(row));
            let zone = FixedOffset::east_opt(8 * 3_600).expect("a zone");
            utc.expect("a moment").with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items: Vec<Value> =
                (0..items.len()).map(|item| json_form(&items, item).map_or(Value::Null, Value::from)).collect();
            Value::from(items).to_string()
        }
        other => panic!("no form for {other}"),
    };
    Some(text)
}
