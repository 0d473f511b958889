//! Rows of a server as Arrow columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Builder, Int64Builder, RecordBatch,
    RecordBatchOptions, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};

use crate::remote::RemoteType;
use crate::select::CHINA_SECONDS;

/// How a column crosses, and what it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// A text, to `Utf8`.
    Text,
    /// The text of a decimal number, to `Decimal128(12, 2)`; null where it has more digits or a finer fraction.
    Decimal,
    /// To `Int64`.
    Integer,
    /// To `Float64`.
    Float,
    /// One or zero, to `Boolean`.
    Boolean,
    /// Days since 1970-01-01, to `Date32`.
    Days,
    /// Microseconds since 1970-01-01 00:00 on the clock of China, to `Timestamp(us, UTC)`.
    LocalMicros,
    /// Microseconds since 1970-01-01 00:00 UTC, to `Timestamp(us, UTC)`.
    Micros,
}

impl Transfer {
    /// How a column of the server's becomes this type; `None` for types no column becomes. Whether the column fits is
    /// found when it is selected.
    #[must_use]
    pub fn to_type(wanted: &DataType, of: RemoteType) -> Option<Self> {
        match wanted {
            DataType::Utf8 => Some(Self::Text),
            DataType::Decimal128(12, 2) => Some(Self::Decimal),
            DataType::Int64 => Some(Self::Integer),
            DataType::Float64 => Some(Self::Float),
            DataType::Boolean => Some(Self::Boolean),
            DataType::Date32 => Some(Self::Days),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) if of == RemoteType::Moment => Some(Self::Micros),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Some(Self::LocalMicros),
            _ => None,
        }
    }

    fn arrow_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Decimal => DataType::Decimal128(12, 2),
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Days => DataType::Date32,
            Self::LocalMicros | Self::Micros => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    fn finish(self, crossed: ArrayRef) -> ArrayRef {
        let whole = || crossed.as_primitive_opt::<Int64Type>().into_iter().flat_map(|numbers| numbers.iter());
        match self {
            Self::Text | Self::Integer | Self::Float => crossed,
            Self::Decimal => {
                let texts = crossed.as_string_opt::<i32>().into_iter().flat_map(|texts| texts.iter());
                let amounts: Decimal128Array = texts.map(|text| text.and_then(hundredths)).collect();
                match amounts.with_precision_and_scale(12, 2) {
                    Ok(amounts) => Arc::new(amounts),
                    Err(_) => arrow::array::new_null_array(&self.arrow_type(), crossed.len()),
                }
            }
            Self::Boolean => Arc::new(whole().map(|n| n.map(|n| n != 0)).collect::<BooleanArray>()),
            Self::Days => Arc::new(whole().map(|n| n.and_then(|n| i32::try_from(n).ok())).collect::<Date32Array>()),
            Self::Micros => moments(whole(), 0),
            Self::LocalMicros => moments(whole(), i64::from(CHINA_SECONDS) * 1_000_000),
        }
    }
}

fn moments(micros: impl Iterator<Item = Option<i64>>, ahead: i64) -> ArrayRef {
    let moments: TimestampMicrosecondArray = micros.map(|n| n.and_then(|n| n.checked_sub(ahead))).collect();
    Arc::new(moments.with_timezone("UTC"))
}

/// Hundredths of a number as servers write it (`-12.5`, `3`, `1.200`); `None` if it is none, is finer, or has more than ten
/// digits before the point.
fn hundredths(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let whole_digits = whole.trim_start_matches('0');
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 2 || whole_digits.len() > 10 {
        return None;
    }
    format!("{whole}{fraction:0<2}").parse::<i128>().ok().map(|value| sign * value)
}

/// A cell as drivers give it.
#[derive(Debug)]
pub(crate) enum Cell<'c> {
    Null,
    Text(&'c str),
    Integer(i64),
    Float(f64),
}

#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
}

impl Column {
    /// False if the cell is of another kind.
    fn append(&mut self, cell: &Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Text(texts), Cell::Text(text)) => texts.append_value(text),
            (Self::Text(texts), Cell::Null) => texts.append_null(),
            (Self::Integer(numbers), Cell::Integer(number)) => numbers.append_value(*number),
            (Self::Integer(numbers), Cell::Null) => numbers.append_null(),
            (Self::Float(numbers), Cell::Float(number)) => numbers.append_value(*number),
            (Self::Float(numbers), Cell::Null) => numbers.append_null(),
            _ => return false,
        }
        true
    }
}

/// Collects rows.
#[derive(Debug)]
pub(crate) struct Collector {
    transfers: Vec<Transfer>,
    columns: Vec<Column>,
    schema: SchemaRef,
    n_rows: usize,
}

impl Collector {
    pub(crate) fn new(transfers: &[Transfer]) -> Self {
        let fields: Vec<Field> = transfers
            .iter()
            .enumerate()
            .map(|(idx, transfer)| Field::new(format!("c{idx}"), transfer.arrow_type(), true))
            .collect();
        let columns = transfers
            .iter()
            .map(|transfer| match transfer {
                Transfer::Text | Transfer::Decimal => Column::Text(StringBuilder::new()),
                Transfer::Float => Column::Float(Float64Builder::new()),
                _ => Column::Integer(Int64Builder::new()),
            })
            .collect();
        Self { transfers: transfers.to_vec(), columns, schema: Arc::new(Schema::new(fields)), n_rows: 0 }
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds a row; false if a cell is not of the kind that was asked for.
    pub(crate) fn add<'c>(&mut self, mut cell: impl FnMut(usize, Transfer) -> Option<Cell<'c>>) -> bool {
        self.n_rows += 1;
        let columns = self.columns.iter_mut().zip(&self.transfers).enumerate();
        let mut fits = true;
        for (idx, (column, transfer)) in columns {
            fits &= match cell(idx, *transfer) {
                Some(cell) => column.append(&cell),
                None => false,
            };
        }
        fits
    }

    /// What was collected, of the types that were wanted. `None` if a row was incomplete.
    pub(crate) fn finish(&mut self) -> Option<RecordBatch> {
        let arrays = self.columns.iter_mut().zip(&self.transfers).map(|(column, transfer)| {
            let crossed: ArrayRef = match column {
                Column::Text(texts) => Arc::new(texts.finish()),
                Column::Integer(numbers) => Arc::new(numbers.finish()),
                Column::Float(numbers) => Arc::new(numbers.finish()),
            };
            transfer.finish(crossed)
        });
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.n_rows)));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays.collect(), &options).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, value) in [
            ("12.5", Some(1_250)),
            ("-0.05", Some(-5)),
            ("3", Some(300)),
            ("1.2000", Some(120)),
            ("0001.10", Some(110)),
            ("9999999999.99", Some(999_999_999_999)),
            ("10000000000", None),
            ("1.234", None),
            ("NaN", None),
            ("1e3", None),
            ("", None),
            ("-", None),
            (".5", None),
        ] {
            assert_eq!(hundredths(text), value, "{text}");
        }
    }

    #[test]
    fn what_crosses_becomes_what_was_wanted() {
        let transfers = [Transfer::Days, Transfer::LocalMicros, Transfer::Boolean, Transfer::Decimal];
        let mut rows = Collector::new(&transfers);
        assert!(rows.add(|_, transfer| Some(match transfer {
            Transfer::Decimal => Cell::Text("1.5"),
            Transfer::LocalMicros => Cell::Integer(i64::from(CHINA_SECONDS) * 1_000_000),
            _ => Cell::Integer(1),
        })));
        assert!(rows.add(|_, _| Some(Cell::Null)));
        assert!(!Collector::new(&transfers).add(|_, _| Some(Cell::Float(1.0))), "no fraction was asked for");
        let batch = rows.finish().unwrap();
        let shown = arrow::util::pretty::pretty_format_batches(&[batch]).unwrap().to_string();
        assert!(shown.contains("| 1970-01-02 | 1970-01-01T00:00:00Z | true | 1.50 |"), "{shown}");
    }
}
