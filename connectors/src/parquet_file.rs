//! Parquet files, a few rows at a time.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::landing::{Lander, Layout};
use crate::raw_row::{RawCell, RawRow};
use crate::workbook::{ReadSeek, write_number};
use crate::{Damage, ReadError};

/// Rows decoded at once.
const ROWS: usize = 1024;

/// Reads a whole file.
pub(crate) fn read_parquet(
    lander: &mut Lander<'_>,
    sheet: Option<&str>,
    source: Box<dyn ReadSeek>,
) -> Result<(), ReadError> {
    let file = lander.file();
    let builder = ParquetRecordBatchReaderBuilder::try_new(Shared::new(source).map_err(|e| explain(file, &e.into()))?)
        .map_err(|e| explain(file, &e))?;
    let texts: Vec<String> = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
    let found = lander.dataset().match_headings(&texts);
    let layout = Layout { texts, found, exact_width: false };
    lander.require_headings(sheet, &layout, 0)?;
    let batches = builder.with_batch_size(ROWS).build().map_err(|e| explain(file, &e))?;
    lander.begin_sheet(sheet, layout, Some(0));
    let mut row = RawRow::default();
    let mut number = 0;
    for batch in batches {
        let batch = batch.map_err(|_| damaged(file, Damage::Undecodable))?;
        let columns: Vec<TextColumn<'_>> = batch.columns().iter().filter_map(TextColumn::new).collect();
        if columns.len() != batch.num_columns() {
            return Err(ReadError::UnsupportedFormat {
                file: file.to_owned(),
                found: "Parquet with a type that is no text",
            });
        }
        for idx in 0..batch.num_rows() {
            number += 1;
            row.reset(number);
            for column in &columns {
                column.write(idx, row.push());
            }
            if row.cells().iter().any(|cell| cell.fault == Some("encoding")) {
                row.fault = Some("encoding");
            }
            lander.land(&row)?;
        }
    }
    Ok(())
}

/// A column whose values become texts.
enum TextColumn<'a> {
    Doubles(ArrayRef),
    Bytes(&'a ArrayRef),
    Lists(&'a ArrayRef),
    Shown(&'a ArrayRef, ArrayFormatter<'a>),
}

/// Nulls are empty texts; a value that cannot be shown is an error, not a text.
const SHOWN: FormatOptions<'static> = FormatOptions::new().with_null("").with_display_error(false);

impl<'a> TextColumn<'a> {
    fn new(array: &'a ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                Self::Doubles(cast(array, &DataType::Float64).ok()?)
            }
            DataType::Binary => Self::Bytes(array),
            DataType::List(_) => Self::Lists(array),
            _ => Self::Shown(array, ArrayFormatter::try_new(array.as_ref(), &SHOWN).ok()?),
        })
    }

    fn write(&self, idx: usize, cell: &mut RawCell) {
        let array = match self {
            Self::Doubles(array) => array,
            Self::Bytes(array) | Self::Lists(array) | Self::Shown(array, _) => *array,
        };
        if array.is_null(idx) {
            return;
        }
        match self {
            Self::Doubles(array) => write_number(array.as_primitive::<Float64Type>().value(idx), cell),
            // Text without its logical type: some writers leave it out.
            Self::Bytes(array) => match std::str::from_utf8(array.as_binary::<i32>().value(idx)) {
                Ok(text) => cell.text.push_str(text),
                Err(_) => cell.fault = Some("encoding"),
            },
            Self::Lists(array) => {
                let items = array.as_list::<i32>().value(idx);
                let mut texts = Vec::new();
                if let Some(column) = TextColumn::new(&items) {
                    for item in 0..items.len() {
                        let mut part = RawCell::default();
                        column.write(item, &mut part);
                        cell.fault = cell.fault.or(part.fault);
                        texts.push(part.text);
                    }
                }
                cell.text = texts.join("|");
            }
            Self::Shown(_, formatter) => match formatter.value(idx).try_to_string() {
                Ok(text) => cell.text = text,
                Err(_) => cell.fault = Some("encoding"),
            },
        }
    }
}

/// One reader for all the places the Parquet decoder reads from.
#[derive(Clone)]
struct Shared {
    inner: Arc<Mutex<Box<dyn ReadSeek>>>,
    len: u64,
}

impl Shared {
    fn new(mut inner: Box<dyn ReadSeek>) -> io::Result<Self> {
        let len = inner.seek(SeekFrom::End(0))?;
        Ok(Self { inner: Arc::new(Mutex::new(inner)), len })
    }
}

impl Length for Shared {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Shared {
    type T = SharedAt;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(SharedAt { shared: self.clone(), position: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF("a range beyond the end of the file".to_owned()));
        }
        let mut bytes = vec![0; length];
        SharedAt { shared: self.clone(), position: start }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

struct SharedAt {
    shared: Shared,
    position: u64,
}

impl Read for SharedAt {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.seek(SeekFrom::Start(self.position))?;
        let n = inner.read(out)?;
        self.position += n as u64;
        Ok(n)
    }
}

/// What is wrong with a file, without the text of the library's error.
fn explain(file: &str, error: &ParquetError) -> ReadError {
    match error {
        ParquetError::EOF(_) | ParquetError::NeedMoreData(_) => damaged(file, Damage::BreaksOff),
        ParquetError::NYI(_) => {
            ReadError::UnsupportedFormat { file: file.to_owned(), found: "Parquet of a kind that is not read" }
        }
        _ => damaged(file, Damage::Inconsistent),
    }
}

fn damaged(file: &str, problem: Damage) -> ReadError {
    ReadError::Damaged { file: file.to_owned(), part: "parquet", problem }
}
