//! Parquet, as a data platform of a health authority hands on a month: every column text.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::{Sink, part_path};
use crate::error::CityError;
use crate::export::{Sheet, Value};

/// Rows held before they are written.
const BATCH_ROWS: usize = 4_096;

/// A Parquet file of text columns.
pub(crate) struct ParquetSink {
    schema: SchemaRef,
    path: PathBuf,
    writer: ArrowWriter<File>,
    columns: Vec<StringBuilder>,
    rows: usize,
}

impl ParquetSink {
    /// Creates the file.
    pub(crate) fn create(sheet: &Sheet) -> Result<Self, CityError> {
        let path = part_path(sheet, 1, "parquet");
        let schema: SchemaRef = Arc::new(Schema::new(
            sheet.headings.iter().map(|h| Field::new(h, DataType::Utf8, true)).collect::<Vec<_>>(),
        ));
        let file = File::create(&path).map_err(CityError::write(&path))?;
        let properties = WriterProperties::builder().set_compression(Compression::LZ4_RAW).build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .map_err(CityError::format(&path, "parquet"))?;
        let columns = sheet.headings.iter().map(|_| StringBuilder::new()).collect();
        Ok(Self { schema, path, writer, columns, rows: 0 })
    }

    fn flush(&mut self) -> Result<(), CityError> {
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(|c| Arc::new(c.finish()) as ArrayRef).collect();
        self.rows = 0;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(CityError::format(&self.path, "parquet"))?;
        self.writer.write(&batch).map_err(CityError::format(&self.path, "parquet"))
    }
}

impl Sink for ParquetSink {
    fn row(&mut self, cells: &[Value]) -> Result<(), CityError> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match cell {
                Value::Empty => column.append_null(),
                other => column.append_value(other.text()),
            }
        }
        self.rows += 1;
        if self.rows >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, CityError> {
        self.flush()?;
        let Self { path, writer, .. } = *self;
        writer.close().map_err(CityError::format(&path, "parquet"))?;
        Ok(vec![path])
    }
}
