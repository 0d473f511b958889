//! File formats departments deliver.

mod columnar;
mod delimited;
mod json_lines;
mod workbook;
mod xls;

pub(crate) use columnar::ParquetSink;
pub(crate) use delimited::{DelimitedSink, Packing, TextForm};
pub(crate) use json_lines::JsonLinesSink;
pub(crate) use workbook::{Anatomy, WorkbookSink};
pub(crate) use xls::XlsSink;

use std::path::PathBuf;

use crate::error::CityError;
use crate::export::{Sheet, Value};

/// One kind of file being written, in as many parts as it needs.
pub(crate) trait Sink {
    /// Writes a record.
    fn row(&mut self, cells: &[Value]) -> Result<(), CityError>;

    /// Writes a row that is no record, if the format has such rows.
    fn aside(&mut self, _cells: &[Value]) -> Result<(), CityError> {
        Ok(())
    }

    /// Begins a part with a name, if the format has such parts.
    fn section(&mut self, _name: &str) -> Result<(), CityError> {
        Ok(())
    }

    /// Closes the files and says which they are.
    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, CityError>;
}

/// The path of part `number` (from 1) of a dataset's files.
fn part_path(sheet: &Sheet, number: usize, ending: &str) -> PathBuf {
    if number <= 1 {
        sheet.folder.join(format!("{}.{ending}", sheet.stem))
    } else {
        sheet.folder.join(format!("{}_{number}.{ending}", sheet.stem))
    }
}
