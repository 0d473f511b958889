//! Released batches to data rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bytes::{BufMut, BytesMut};
use chrono::FixedOffset;
use futures::{Stream, StreamExt};
use pgwire::api::Type;
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;

use crate::cell::{put_binary, put_sized, put_text};
use crate::errors::error;
use crate::types::wire_type;

/// The columns of one batch, cast to what has a form on the wire.
pub(crate) struct WireBatch {
    columns: Vec<(ArrayRef, Type)>,
    n_rows: usize,
}

impl WireBatch {
    pub(crate) fn new(batch: &RecordBatch) -> PgWireResult<Self> {
        let column = |array: &ArrayRef| -> Result<(ArrayRef, Type), ArrowError> {
            let wire = wire_type(array.data_type());
            let array = if *array.data_type() == wire.arrow { Arc::clone(array) } else { cast(array, &wire.arrow)? };
            Ok((array, wire.pg))
        };
        let columns = batch.columns().iter().map(column).collect::<Result<_, _>>().map_err(|_| no_form())?;
        Ok(Self { columns, n_rows: batch.num_rows() })
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Appends a row's cells, each after its length.
    pub(crate) fn put_row(
        &self,
        row: usize,
        format: impl Fn(usize) -> FieldFormat,
        zone: FixedOffset,
        out: &mut BytesMut,
    ) {
        for (idx, (array, pg)) in self.columns.iter().enumerate() {
            let write = |out: &mut BytesMut| match format(idx) {
                FieldFormat::Text => put_text(array, row, zone, out),
                FieldFormat::Binary => put_binary(array, row, pg, out),
            };
            put_sized(out, array.is_valid(row).then_some(write));
        }
    }

    /// Appends the text of each cell, escaped by `escape`; `None` stands for null.
    pub(crate) fn put_text_row(
        &self,
        row: usize,
        zone: FixedOffset,
        out: &mut BytesMut,
        mut put: impl FnMut(usize, Option<&[u8]>, &mut BytesMut),
    ) {
        let mut text = BytesMut::new();
        for (idx, (array, _)) in self.columns.iter().enumerate() {
            if array.is_null(row) {
                put(idx, None, out);
                continue;
            }
            text.clear();
            put_text(array, row, zone, &mut text);
            put(idx, Some(&text), out);
        }
    }

    /// Number of columns and the cells in binary, as `COPY` has them.
    pub(crate) fn put_copy_row(&self, row: usize, zone: FixedOffset, out: &mut BytesMut) {
        out.put_i16(i16::try_from(self.n_columns()).unwrap_or(i16::MAX));
        self.put_row(row, |_| FieldFormat::Binary, zone, out);
    }
}

/// Arrow's text names a cell that cannot be cast; ours does not.
fn no_form() -> PgWireError {
    error("22000", "有一列的值无法按此协议返回".to_owned(), "a column has no form on this protocol".to_owned())
}

/// Data rows of batches, in the formats of the row description.
pub(crate) fn data_rows<S, E>(
    batches: S,
    fields: Arc<Vec<FieldInfo>>,
    zone: FixedOffset,
) -> impl Stream<Item = PgWireResult<DataRow>> + Send
where
    S: Stream<Item = Result<RecordBatch, E>> + Send,
    E: Into<PgWireError> + Send,
{
    let rows_of = move |batch: Result<RecordBatch, E>| {
        let rows = batch.map_err(Into::into).and_then(|batch| rows_of_batch(&batch, &fields, zone));
        futures::stream::iter(match rows {
            Ok(rows) => rows.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    };
    batches.map(rows_of).flatten()
}

fn rows_of_batch(batch: &RecordBatch, fields: &[FieldInfo], zone: FixedOffset) -> PgWireResult<Vec<DataRow>> {
    let batch = WireBatch::new(batch)?;
    let n_columns = i16::try_from(batch.n_columns()).map_err(|_| no_form())?;
    let format = |idx: usize| fields.get(idx).map_or(FieldFormat::Text, FieldInfo::format);
    let mut buffer = BytesMut::new();
    let row = |row| {
        batch.put_row(row, format, zone, &mut buffer);
        DataRow::new(buffer.split(), n_columns)
    };
    Ok((0..batch.n_rows()).map(row).collect())
}

/// Whether two schemas look the same to a client: by then it has been told one of them.
pub(crate) fn same_on_the_wire(told: &SchemaRef, found: &SchemaRef) -> bool {
    told.fields().len() == found.fields().len()
        && told.fields().iter().zip(found.fields()).all(|(told, found)| {
            told.name() == found.name() && wire_type(told.data_type()).pg == wire_type(found.data_type()).pg
        })
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int32Array, StringArray, UInt64Array};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn columns_are_cast_to_what_the_wire_has() {
        let names: DictionaryArray<Int32Type> = [Some("甲"), None].into_iter().collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("name", Arc::new(names) as ArrayRef, true),
            ("n", Arc::new(UInt64Array::from(vec![u64::MAX, 0])), true),
            ("i", Arc::new(Int32Array::from(vec![1, 2])), true),
        ]);
        let batch = batch.unwrap();
        let zone = FixedOffset::east_opt(0).unwrap();
        let fields = crate::types::fields(batch.schema_ref(), |_| FieldFormat::Text);
        let rows = rows_of_batch(&batch, &fields, zone).unwrap();
        let expected =
            [&[0, 0, 0, 3][..], "甲".as_bytes(), &[0, 0, 0, 20], b"18446744073709551615", &[0, 0, 0, 1], b"1"].concat();
        assert_eq!(rows.first().map(|row| row.data.to_vec()), Some(expected));
        let second = [&[255; 4][..], &[0, 0, 0, 1], b"0", &[0, 0, 0, 1], b"2"].concat();
        assert_eq!(rows.get(1).map(|row| row.data.to_vec()), Some(second));
    }

    #[test]
    fn a_schema_that_a_client_was_told_otherwise_is_noticed() {
        let of = |name: &str, array: ArrayRef| RecordBatch::try_from_iter([(name, array)]).unwrap().schema();
        let text = of("a", Arc::new(StringArray::from(vec!["x"])));
        assert!(same_on_the_wire(&text, &text));
        assert!(!same_on_the_wire(&text, &of("b", Arc::new(StringArray::from(vec!["x"])))));
        assert!(!same_on_the_wire(&text, &of("a", Arc::new(Int32Array::from(vec![1])))));
    }
}
