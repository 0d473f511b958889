//! BIFF workbooks. The format bounds a sheet to 65,536 rows of 256 cells, and the library holds all sheets in memory:
//! they are measured first.

use std::io::{Cursor, Read, Seek as _};

use calamine::{Data, Range, Reader as _, SheetType, Xls, XlsError};

use crate::raw_row::{RawRow, RowSource};
use crate::workbook::{Merged, ReadSeek, Workbook, xls_extent, xlsx};
use crate::{Damage, Excess, ReadError, ReadLimits};

/// An opened workbook.
pub(crate) struct XlsBook {
    file: String,
    book: Xls<Cursor<Vec<u8>>>,
    limits: ReadLimits,
}

impl XlsBook {
    /// Opens a workbook, after measuring it.
    pub(crate) fn open(file: &str, mut source: Box<dyn ReadSeek + '_>, limits: &ReadLimits) -> Result<Self, ReadError> {
        source.rewind().map_err(|e| ReadError::from_io(file, "workbook", e))?;
        let mut bytes = Vec::new();
        let taken = source.take(limits.in_memory_bytes_max + 1).read_to_end(&mut bytes);
        taken.map_err(|e| ReadError::from_io(file, "workbook", e))?;
        if bytes.len() as u64 > limits.in_memory_bytes_max {
            let limit = limits.in_memory_bytes_max;
            return Err(ReadError::TooLarge { file: file.to_owned(), what: Excess::InMemory, limit });
        }
        xls_extent::check(file, &bytes, limits)?;
        let book = Xls::new(Cursor::new(bytes)).map_err(|e| explain(file, &e))?;
        Ok(Self { file: file.to_owned(), book, limits: limits.clone() })
    }
}

impl Workbook for XlsBook {
    fn sheets(&self) -> Vec<String> {
        let sheets = self.book.sheets_metadata().iter();
        sheets.filter(|s| s.typ == SheetType::WorkSheet).map(|s| s.name.clone()).collect()
    }

    fn last_row(&self) -> u64 {
        65_536
    }

    fn open(&mut self, sheet: &str) -> Result<(Merged, Box<dyn RowSource + '_>), ReadError> {
        let ranges = self.book.merge_cells_by_sheet_name(sheet).map_err(|e| explain(&self.file, &e))?;
        let range = self.book.worksheet_range(sheet).map_err(|e| explain(&self.file, &e))?;
        let rows = XlsRows { range, next: 0, limits: &self.limits };
        Ok((Merged::new(&ranges), Box::new(rows)))
    }
}

struct XlsRows<'b> {
    range: Range<Data>,
    /// Row of the range that comes next.
    next: usize,
    limits: &'b ReadLimits,
}

impl RowSource for XlsRows<'_> {
    fn next_row(&mut self, row: &mut RawRow) -> Result<bool, ReadError> {
        let (first_row, first_column) = self.range.start().unwrap_or_default();
        let (height, width) = self.range.get_size();
        if self.next >= height {
            return Ok(false);
        }
        row.reset(u64::from(first_row) + self.next as u64 + 1);
        for column in 0..width {
            if let Some(value) = self.range.get((self.next, column)) {
                xlsx::place(row, first_column as usize + column, value, self.limits);
            }
        }
        self.next += 1;
        Ok(true)
    }
}

/// What is wrong with a workbook, without the text of the library's error, which may quote cells.
fn explain(file: &str, error: &XlsError) -> ReadError {
    let problem = match error {
        XlsError::Password => return ReadError::Encrypted { file: file.to_owned() },
        XlsError::Io(_) | XlsError::Cfb(_) => Damage::Undecodable,
        XlsError::EoStream(_) | XlsError::ContinueRecordTooShort => Damage::BreaksOff,
        _ => Damage::Inconsistent,
    };
    ReadError::Damaged { file: file.to_owned(), part: "workbook", problem }
}
