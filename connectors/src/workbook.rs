//! Workbooks: sheets, merged cells, cells as text.

mod cell_text;
mod merged;
mod xls;
mod xls_extent;
mod xlsx;
mod xlsx_audit;

use std::io::{Read, Seek};

pub(crate) use cell_text::write_number;
pub(crate) use merged::{FillDown, Merged, MergedRange};
pub(crate) use xls::XlsBook;
pub(crate) use xlsx::XlsxBook;

use crate::ReadError;
use crate::raw_row::RowSource;

/// A reader that can also jump.
pub(crate) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// A workbook of any format: its sheets, one at a time.
pub(crate) trait Workbook {
    /// Names of the worksheets, in their order.
    fn sheets(&self) -> Vec<String>;

    /// The last row a sheet of this format can have.
    fn last_row(&self) -> u64;

    /// Opens a sheet: its merged ranges and its rows.
    fn open(&mut self, sheet: &str) -> Result<(Merged, Box<dyn RowSource + '_>), ReadError>;
}
