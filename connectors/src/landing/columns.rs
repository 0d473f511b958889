//! The columns of a batch while it fills.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, ListBuilder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use schemas::{CellValue, Dataset};

/// Digits of an amount, both of the fraction included.
const AMOUNT_DIGITS: u8 = 12;
const AMOUNT_LIMIT: i128 = 10_i128.pow(AMOUNT_DIGITS as u32);

/// Where a row came from.
#[derive(Debug)]
pub(crate) struct Provenance<'r> {
    pub(crate) record_key: &'r str,
    pub(crate) source_file: &'r str,
    pub(crate) source_sheet: Option<&'r str>,
    pub(crate) source_row: u64,
    pub(crate) batch_id: &'r str,
    pub(crate) ingested_at: i64,
    pub(crate) quality: &'r [String],
    pub(crate) raw_hash: &'r str,
}

/// Builders for every column of a dataset's landed relation.
#[derive(Debug)]
pub(crate) struct Columns {
    schema: SchemaRef,
    fields: Vec<(String, Builder)>,
    provenance: Vec<(String, Builder)>,
    n_rows: usize,
    text_bytes: usize,
}

impl Columns {
    /// Fails with the name of a column of a type that no landed relation has.
    pub(crate) fn new(dataset: &Dataset) -> Result<Self, String> {
        let schema = dataset.landed_relation().arrow_schema();
        let mut builders = Vec::new();
        for field in schema.fields() {
            let builder = Builder::new(field.data_type()).ok_or_else(|| field.name().clone())?;
            builders.push((field.name().clone(), builder));
        }
        let provenance = builders.split_off(dataset.fields.len().min(builders.len()));
        Ok(Self { schema, fields: builders, provenance, n_rows: 0, text_bytes: 0 })
    }

    pub(crate) fn len(&self) -> usize {
        self.n_rows
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Adds a row. Fails with the name of the column whose type does not fit: the declaration and the reader of cells
    /// do not agree, and the batch must be given up.
    pub(crate) fn append(&mut self, values: &[Option<CellValue>], provenance: &Provenance<'_>) -> Result<(), String> {
        for ((name, builder), value) in self.fields.iter_mut().zip(values) {
            self.text_bytes += builder.append(value.as_ref()).ok_or_else(|| name.clone())?;
        }
        for (name, builder) in &mut self.provenance {
            self.text_bytes += append_provenance(name, builder, provenance).ok_or_else(|| name.clone())?;
        }
        self.n_rows += 1;
        Ok(())
    }

    /// The batch, leaving none of it behind. Fails with the relation's name if the columns do not make one.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, String> {
        let builders = self.fields.iter_mut().chain(&mut self.provenance);
        let arrays: Vec<ArrayRef> = builders.map(|(_, builder)| builder.finish()).collect();
        self.n_rows = 0;
        self.text_bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|_| "record batch".to_owned())
    }
}

fn append_provenance(name: &str, builder: &mut Builder, of: &Provenance<'_>) -> Option<usize> {
    match (name, builder) {
        ("record_key", Builder::Text(b)) => b.append_value(of.record_key),
        ("source_file", Builder::Text(b)) => b.append_value(of.source_file),
        ("source_sheet", Builder::Text(b)) => b.append_option(of.source_sheet),
        ("source_row", Builder::Integer(b)) => b.append_value(i64::try_from(of.source_row).ok()?),
        ("batch_id", Builder::Text(b)) => b.append_value(of.batch_id),
        ("ingested_at", Builder::Timestamp(b)) => b.append_value(of.ingested_at),
        ("raw_hash", Builder::Text(b)) => b.append_value(of.raw_hash),
        ("quality", Builder::List(b)) => {
            of.quality.iter().for_each(|flag| b.values().append_value(flag));
            b.append(true);
        }
        _ => return None,
    }
    Some(of.record_key.len() + of.source_file.len() + of.batch_id.len())
}

/// Whether a value fits an amount column.
pub(crate) fn is_in_range(value: &CellValue) -> bool {
    !matches!(value, CellValue::Hundredths(n) if n.abs() >= AMOUNT_LIMIT)
}

#[derive(Debug)]
enum Builder {
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder),
    List(ListBuilder<StringBuilder>),
}

impl Builder {
    fn new(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(_, _) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()))
            }
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Decimal128(AMOUNT_DIGITS, 2) => {
                Self::Decimal(Decimal128Builder::new().with_data_type(data_type.clone()))
            }
            DataType::List(element) => {
                let element = Field::new(element.name(), DataType::Utf8, true);
                Self::List(ListBuilder::new(StringBuilder::new()).with_field(element))
            }
            _ => return None,
        })
    }

    /// Bytes of text taken, or none if the value is not of the column's type.
    fn append(&mut self, value: Option<&CellValue>) -> Option<usize> {
        match (self, value) {
            (Self::Text(b), Some(CellValue::Text(text))) => {
                b.append_value(text);
                return Some(text.len());
            }
            (Self::Date(b), Some(CellValue::Date(days))) => b.append_value(*days),
            (Self::Timestamp(b), Some(CellValue::Timestamp(micros))) => b.append_value(*micros),
            (Self::Boolean(b), Some(CellValue::Boolean(yes))) => b.append_value(*yes),
            (Self::Integer(b), Some(CellValue::Integer(n))) => b.append_value(*n),
            (Self::Float(b), Some(CellValue::Float(x))) => b.append_value(*x),
            (Self::Decimal(b), Some(CellValue::Hundredths(n))) => b.append_value(*n),
            (builder, None) => builder.append_null(),
            (_, Some(_)) => return None,
        }
        Some(0)
    }

    fn append_null(&mut self) {
        match self {
            Self::Text(b) => b.append_null(),
            Self::Date(b) => b.append_null(),
            Self::Timestamp(b) => b.append_null(),
            Self::Boolean(b) => b.append_null(),
            Self::Integer(b) => b.append_null(),
            Self::Float(b) => b.append_null(),
            Self::Decimal(b) => b.append_null(),
            Self::List(b) => b.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(b) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::Timestamp(b) => Arc::new(b.finish()),
            Self::Boolean(b) => Arc::new(b.finish()),
            Self::Integer(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
            Self::Decimal(b) => Arc::new(b.finish()),
            Self::List(b) => Arc::new(b.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_more_than_twelve_digits_does_not_fit() {
        assert!(is_in_range(&CellValue::Hundredths(999_999_999_999)));
        assert!(!is_in_range(&CellValue::Hundredths(1_000_000_000_000)));
        assert!(!is_in_range(&CellValue::Hundredths(-1_000_000_000_000)));
        assert!(is_in_range(&CellValue::Integer(i64::MAX)));
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let mut builder = Builder::new(&DataType::Date32).unwrap();
        assert_eq!(builder.append(Some(&CellValue::Text("2024-01-31".to_owned()))), None);
        assert_eq!(builder.append(Some(&CellValue::Date(1))), Some(0));
        assert!(Builder::new(&DataType::UInt8).is_none());
    }
}
