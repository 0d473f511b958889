//! One written form of each value, whichever way it came, and the declared types.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::DateTime;
use serde_json::Value;
use tokio_postgres::types::Type;

/// The type on pg wire of each Arrow type that comes up. A type that is not here fails.
pub(crate) fn pg_type(arrow: &DataType) -> Type {
    match arrow {
        DataType::Boolean => Type::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::INT2,
        DataType::Int32 | DataType::UInt16 => Type::INT4,
        DataType::Int64 | DataType::UInt32 => Type::INT8,
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => Type::NUMERIC,
        DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Date32 => Type::DATE,
        DataType::Timestamp(_, None) => Type::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        DataType::Utf8 | DataType::Utf8View | DataType::Null => Type::TEXT,
        DataType::List(item) => match pg_type(item.data_type()) {
            Type::TEXT => Type::TEXT_ARRAY,
            Type::INT8 => Type::INT8_ARRAY,
            Type::DATE => Type::DATE_ARRAY,
            other => panic!("no array of {other} is declared"),
        },
        other => panic!("no type on pg wire is declared for {other}"),
    }
}

pub(crate) type Row = Vec<Option<String>>;

/// The rows of batches.
pub(crate) fn rows_of(batches: &[RecordBatch]) -> Vec<Row> {
    let row = |batch: &RecordBatch, row: usize| batch.columns().iter().map(|column| of_arrow(column, row)).collect();
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|at| row(batch, at)).collect::<Vec<Row>>()).collect()
}

/// Moments as RFC 3339 in UTC, numbers with a fraction by their value, lists in brackets, everything else as Arrow shows it.
fn of_arrow(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return None;
    }
    let shown = || {
        let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f"));
        let formatter = ArrayFormatter::try_new(array, &options).expect("a type that can be shown");
        formatter.value(row).to_string()
    };
    Some(match array.data_type() {
        DataType::Timestamp(_, Some(_)) => {
            let naive = arrow::compute::cast(
                array,
                &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into())),
            );
            let micros = naive.expect("microseconds");
            let micros = micros.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(row);
            DateTime::from_timestamp_micros(micros).expect("a moment").to_rfc3339()
        }
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            list((0..items.len()).map(|at| of_arrow(&items, at)))
        }
        _ => shown(),
    })
}

/// The same of a value of JSON.
pub(crate) fn of_json(value: &Value, arrow: &DataType) -> Option<String> {
    match (value, arrow) {
        (Value::Null, _) => None,
        (Value::String(text), DataType::Timestamp(_, Some(_))) => Some(moment(text)),
        (Value::String(text), _) => Some(text.clone()),
        (Value::Number(number), DataType::Float32 | DataType::Float64) => {
            Some(float(number.as_f64().expect("a number")))
        }
        (Value::Array(items), DataType::List(item)) => {
            Some(list(items.iter().map(|value| of_json(value, item.data_type()))))
        }
        (other, _) => Some(other.to_string()),
    }
}

/// The same of a text on pg wire.
pub(crate) fn of_pg_text(text: &str, arrow: &DataType) -> String {
    match arrow {
        DataType::Boolean => match text {
            "t" => "true".to_owned(),
            "f" => "false".to_owned(),
            other => panic!("{other} is no boolean"),
        },
        DataType::Timestamp(_, Some(_)) => moment(&format!("{}:00", text.replacen(' ', "T", 1))),
        DataType::Timestamp(_, None) => text.replacen(' ', "T", 1),
        DataType::Float32 => float(f64::from(text.parse::<f32>().expect("a number"))),
        DataType::Float64 => float(text.parse().expect("a number")),
        DataType::List(item) => {
            list(array_items(text).into_iter().map(|text| text.map(|text| of_pg_text(&text, item.data_type()))))
        }
        _ => text.to_owned(),
    }
}

/// `{a,"b c",NULL}`.
fn array_items(text: &str) -> Vec<Option<String>> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).expect("an array");
    let (mut items, mut item, mut is_quoted, mut within) = (Vec::new(), String::new(), false, false);
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => item.push(letters.next().expect("a letter after a backslash")),
            '"' => (within, is_quoted) = (!within, true),
            ',' if !within => {
                items.push((is_quoted || item != "NULL").then(|| std::mem::take(&mut item)));
                (item, is_quoted) = (String::new(), false);
            }
            other => item.push(other),
        }
    }
    if !inner.is_empty() {
        items.push((is_quoted || item != "NULL").then_some(item));
    }
    items
}

fn moment(text: &str) -> String {
    let moment = DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    moment.to_utc().to_rfc3339()
}

pub(crate) fn float(value: f64) -> String {
    // A single-precision number is the same one on every way only after it was rounded to its own digits.
    format!("{value:?}")
}

pub(crate) fn list(items: impl Iterator<Item = Option<String>>) -> String {
    format!("{:?}", items.collect::<Vec<_>>())
}

#[test]
fn arrays_are_read_with_their_quotes() {
    let read = array_items(r#"{1,"a\"b,c",NULL,"NULL",""}"#);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(read, [text("1"), text("a\"b,c"), None, text("NULL"), text("")]);
    assert!(array_items("{}").is_empty());
}
