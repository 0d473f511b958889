//! Office Open XML workbooks, cell by cell.

use std::io::BufReader;

use calamine::{DataRef, Reader as _, SheetType, Xlsx, XlsxCellReader, XlsxError};

use crate::raw_row::{RawRow, RowSource};
use crate::workbook::{Merged, ReadSeek, Workbook, cell_text, xlsx_audit};
use crate::{Damage, ReadError, ReadLimits};

type Source<'a> = BufReader<Box<dyn ReadSeek + 'a>>;

/// An opened workbook. Its shared strings are in memory, bounded by the limits; its sheets are not.
pub(crate) struct XlsxBook<'a> {
    file: String,
    book: Xlsx<Source<'a>>,
    limits: ReadLimits,
}

impl<'a> XlsxBook<'a> {
    /// Opens a workbook, after measuring what it unpacks to.
    pub(crate) fn open(file: &str, source: Box<dyn ReadSeek + 'a>, limits: &ReadLimits) -> Result<Self, ReadError> {
        let mut source = BufReader::with_capacity(64 * 1024, source);
        xlsx_audit::check(file, &mut source, limits)?;
        let book = Xlsx::new(source).map_err(|e| explain(file, &e))?;
        Ok(Self { file: file.to_owned(), book, limits: limits.clone() })
    }
}

impl Workbook for XlsxBook<'_> {
    fn sheets(&self) -> Vec<String> {
        let sheets = self.book.sheets_metadata().iter();
        sheets.filter(|s| s.typ == SheetType::WorkSheet).map(|s| s.name.clone()).collect()
    }

    fn last_row(&self) -> u64 {
        1_048_576
    }

    fn open(&mut self, sheet: &str) -> Result<(Merged, Box<dyn RowSource + '_>), ReadError> {
        let file = self.file.clone();
        let ranges = self.book.merge_cells_by_sheet_name(sheet).map_err(|e| explain(&file, &e))?;
        let cells = self.book.worksheet_cells_reader(sheet).map_err(|e| explain(&file, &e))?;
        let rows = XlsxRows { file, cells, pending: None, ended: false, limits: &self.limits };
        Ok((Merged::new(&ranges), Box::new(rows)))
    }
}

struct XlsxRows<'b, 'a> {
    file: String,
    cells: XlsxCellReader<'b, Source<'a>>,
    /// The first cell of the row after the one handed over.
    pending: Option<(u32, u32, DataRef<'b>)>,
    /// The last cell was read. Asked once more, the library would read past the cells and report a broken file.
    ended: bool,
    limits: &'b ReadLimits,
}

impl<'b> XlsxRows<'b, '_> {
    fn next_cell(&mut self) -> Result<Option<(u32, u32, DataRef<'b>)>, ReadError> {
        if let Some(cell) = self.pending.take() {
            return Ok(Some(cell));
        }
        if self.ended {
            return Ok(None);
        }
        let cell = self.cells.next_cell().map_err(|e| explain(&self.file, &e))?;
        self.ended = cell.is_none();
        Ok(cell.map(|cell| {
            let (row, column) = cell.get_position();
            (row, column, cell.get_value().clone())
        }))
    }
}

impl RowSource for XlsxRows<'_, '_> {
    fn next_row(&mut self, row: &mut RawRow) -> Result<bool, ReadError> {
        let Some((number, mut column, mut value)) = self.next_cell()? else { return Ok(false) };
        row.reset(u64::from(number) + 1);
        loop {
            place(row, column as usize, &value, self.limits);
            match self.next_cell()? {
                Some((next, c, v)) if next == number => (column, value) = (c, v),
                next => {
                    self.pending = next;
                    return Ok(true);
                }
            }
        }
    }
}

/// Puts a cell into its place, or counts it if that is too far right.
pub(crate) fn place(row: &mut RawRow, column: usize, value: &impl calamine::DataType, limits: &ReadLimits) {
    if value.is_empty() {
        return;
    }
    if column >= limits.columns_max {
        row.n_stray += 1;
        return;
    }
    let cell = row.slot(column);
    cell.text.clear();
    cell_text::write(value, cell);
    if cell.text.len() > limits.cell_bytes_max {
        let end = cell.text.floor_char_boundary(limits.cell_bytes_max);
        cell.text.truncate(end);
        row.fault = Some("field_too_long");
    }
}

/// What is wrong with a workbook, without the text of the library's error, which may quote cells.
fn explain(file: &str, error: &XlsxError) -> ReadError {
    let problem = match error {
        XlsxError::Password => return ReadError::Encrypted { file: file.to_owned() },
        XlsxError::Io(_) | XlsxError::Zip(_) | XlsxError::Xml(_) => Damage::Undecodable,
        XlsxError::XmlEof(_) => Damage::BreaksOff,
        _ => Damage::Inconsistent,
    };
    ReadError::Damaged { file: file.to_owned(), part: "workbook", problem }
}
