//! Delimited text: which separator, and rows from records.

mod find;
mod splitter;

use std::io::{Cursor, Read};

use schemas::Dataset;

use self::splitter::{Record, SplitError, Splitter};
use crate::headings::{best_score, head_rows};
use crate::raw_row::{RawRow, RowSource};
use crate::{ReadError, ReadLimits, TextEncoding};

/// Separators met, most frequent first. `|` is none: in GBK it is the second byte of many characters.
const SEPARATORS: [u8; 3] = [b',', b'\t', b';'];

/// The separator under which the beginning of the text shows most of the dataset's headings; the comma if none does.
pub(crate) fn find_separator(head: &[u8], encoding: TextEncoding, dataset: &Dataset, limits: &ReadLimits) -> u8 {
    let score = |separator: u8| {
        let mut rows = DelimitedRows::new("", None, Cursor::new(head), separator, encoding, limits);
        // The head may end within a quoted cell: what was read until then is enough.
        let head = head_rows(&mut rows, limits.heading_rows_max);
        best_score(&head.rows, dataset)
    };
    let scored = SEPARATORS.into_iter().rev().map(|separator| (score(separator), separator));
    scored.max_by_key(|(score, _)| *score).map_or(b',', |(_, separator)| separator)
}

/// The rows of a delimited text.
#[derive(Debug)]
pub(crate) struct DelimitedRows<'a, R> {
    file: &'a str,
    sheet: Option<&'a str>,
    splitter: Splitter<R>,
    encoding: TextEncoding,
    record: Record,
}

impl<'a, R: Read> DelimitedRows<'a, R> {
    pub(crate) fn new(
        file: &'a str,
        sheet: Option<&'a str>,
        inner: R,
        separator: u8,
        encoding: TextEncoding,
        limits: &ReadLimits,
    ) -> Self {
        let splitter = Splitter::new(inner, separator, limits);
        Self { file, sheet, splitter, encoding, record: Record::default() }
    }
}

impl<R: Read> RowSource for DelimitedRows<'_, R> {
    fn next_row(&mut self, row: &mut RawRow) -> Result<bool, ReadError> {
        let more = self.splitter.read(&mut self.record).map_err(|e| match e {
            SplitError::Io(source) => ReadError::from_io(self.file, "text", source),
            SplitError::UnclosedQuote { line, offset } => ReadError::UnclosedQuote {
                file: self.file.to_owned(),
                sheet: self.sheet.map(str::to_owned),
                line,
                offset,
            },
        })?;
        row.reset(self.record.line);
        row.fault = self.record.fault;
        for field in self.record.fields() {
            if !self.encoding.decode(field, &mut row.push().text) {
                row.fault.get_or_insert("encoding");
            }
        }
        Ok(more)
    }
}
