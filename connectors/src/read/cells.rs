//! A form that people fill in, as it is written: delimited text or a workbook's first sheet, cell by cell. No dataset, no
//! rules: whoever asks for it knows what each column is.

use std::fmt;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use zip::ZipArchive;

use crate::archive::{ZipKind, zip_fault, zip_kind};
use crate::delimited::DelimitedRows;
use crate::raw_row::{RawRow, RowSource};
use crate::sniff::{Kind, kind};
use crate::text::detect;
use crate::workbook::{Workbook, XlsxBook};
use crate::{Damage, Excess, ReadError, ReadLimits, TextEncoding};

/// One row of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRow {
    /// Where it is: the sheet's row, or the line it begins on; counted from 1.
    pub number: u64,
    /// Its cells, empty ones included.
    pub cells: Vec<FormCell>,
}

/// One cell of a form. `Debug` shows no text.
#[derive(Clone, PartialEq, Eq)]
pub struct FormCell {
    /// What is written in it.
    pub text: String,
    /// What is written is not what was meant: digits were lost, a formula failed, bytes could not be decoded.
    pub is_spoilt: bool,
}

impl fmt::Debug for FormCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormCell({} bytes, spoilt {})", self.text.len(), self.is_spoilt)
    }
}

/// Reads the rows of a form that have anything in them. The form is held in memory; blocking.
///
/// # Errors
/// [`ReadError`]: no text in UTF-8, GB18030 or UTF-16 and no XLSX workbook, damaged, or too large.
pub fn read_form(content: Vec<u8>, file_name: &str, limits: &ReadLimits) -> Result<Vec<FormRow>, ReadError> {
    let file = file_name.to_owned();
    if content.len() as u64 > limits.in_memory_bytes_max {
        return Err(ReadError::TooLarge { file, what: Excess::InMemory, limit: limits.in_memory_bytes_max });
    }
    // A decoder that panics over a broken file must not take the command down with it.
    let read = catch_unwind(AssertUnwindSafe(|| match kind(&content) {
        Kind::Empty => Err(ReadError::Empty { file: file.clone() }),
        Kind::Text => read_text(content, file_name, limits),
        Kind::Zip => read_workbook(content, file_name, limits),
        Kind::Unsupported(found) => Err(ReadError::UnsupportedFormat { file: file.clone(), found }),
        Kind::Gzip => Err(ReadError::UnsupportedFormat { file: file.clone(), found: "gzip" }),
        Kind::Compound => Err(ReadError::UnsupportedFormat { file: file.clone(), found: "a workbook before XLSX" }),
        Kind::Parquet => Err(ReadError::UnsupportedFormat { file: file.clone(), found: "Parquet" }),
        Kind::Unknown => Err(ReadError::UnknownFormat { file: file.clone() }),
    }));
    read.unwrap_or_else(|_| Err(ReadError::Damaged { file, part: "file", problem: Damage::Inconsistent }))
}

fn read_text(content: Vec<u8>, file: &str, limits: &ReadLimits) -> Result<Vec<FormRow>, ReadError> {
    let found = detect(&content, None).map_err(|at| ReadError::UnknownEncoding {
        file: file.to_owned(),
        offset: at.offset,
        line: at.line,
    })?;
    let unmarked = content.get(found.mark_bytes..).unwrap_or_default();
    let separator = separator_of(unmarked);
    match found.encoding {
        encoding @ (TextEncoding::Utf8 | TextEncoding::Gb18030) => {
            all_rows(&mut DelimitedRows::new(file, None, Cursor::new(unmarked), separator, encoding, limits))
        }
        encoding @ (TextEncoding::Utf16Le | TextEncoding::Utf16Be) => {
            let decoded = crate::text::Utf16Reader::new(Cursor::new(unmarked), encoding);
            all_rows(&mut DelimitedRows::new(file, None, decoded, separator, encoding, limits))
        }
    }
}

/// The comma or, for what a spreadsheet program calls text, the tab: whichever the first line has more of.
fn separator_of(text: &[u8]) -> u8 {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| line.iter().filter(|byte| **byte == wanted).count();
    if count(b'\t') > count(b',') { b'\t' } else { b',' }
}

fn read_workbook(content: Vec<u8>, file: &str, limits: &ReadLimits) -> Result<Vec<FormRow>, ReadError> {
    let archive = ZipArchive::new(Cursor::new(content.as_slice())).map_err(|e| zip_fault(file, &e))?;
    match zip_kind(archive.file_names_raw()) {
        ZipKind::Xlsx => {}
        ZipKind::Unsupported(found) => {
            return Err(ReadError::UnsupportedFormat { file: file.to_owned(), found });
        }
        ZipKind::Archive => return Err(ReadError::UnsupportedFormat { file: file.to_owned(), found: "an archive" }),
    }
    drop(archive);
    let mut book = XlsxBook::open(file, Box::new(Cursor::new(content)), limits)?;
    let Some(first) = book.sheets().into_iter().next() else {
        return Err(ReadError::Empty { file: file.to_owned() });
    };
    let (_merged, mut rows) = book.open(&first)?;
    all_rows(rows.as_mut())
}

fn all_rows(source: &mut dyn RowSource) -> Result<Vec<FormRow>, ReadError> {
    let mut rows = Vec::new();
    let mut row = RawRow::default();
    while source.next_row(&mut row)? {
        if row.is_blank() {
            continue;
        }
        let is_spoilt = row.fault.is_some();
        let cell = |cell: &crate::raw_row::RawCell| FormCell {
            text: cell.text.clone(),
            is_spoilt: is_spoilt || cell.fault.is_some() || cell.text.contains(char::REPLACEMENT_CHARACTER),
        };
        rows.push(FormRow { number: row.number, cells: row.cells().iter().map(cell).collect() });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(content: &[u8]) -> Vec<(u64, Vec<String>)> {
        let rows = read_form(content.to_vec(), "form", &ReadLimits::default()).unwrap();
        let cells = |row: FormRow| (row.number, row.cells.into_iter().map(|cell| cell.text).collect());
        rows.into_iter().map(cells).collect()
    }

    #[test]
    fn text_is_read_as_written_in_either_encoding() {
        let expected =
            vec![(1, vec!["编号".to_owned(), "姓名".to_owned()]), (3, vec!["1".to_owned(), " 张三,李四".to_owned()])];
        let text = "编号,姓名\r\n,\r\n1,\" 张三,李四\"\r\n";
        assert_eq!(texts(text.as_bytes()), expected);
        assert_eq!(texts(&[b"\xef\xbb\xbf", text.as_bytes()].concat()), expected);
        assert_eq!(texts(&encoding_rs::GB18030.encode(text).0), expected);
        assert_eq!(texts("编号\t姓名\r\n\t\r\n1\t\" 张三,李四\"\r\n".as_bytes()), expected);
    }

    #[test]
    fn a_workbook_is_read_from_its_first_sheet_and_what_is_spoilt_is_told() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write_string(0, 0, "=1+1").unwrap();
        sheet.write_number(1, 0, 990_101_198_407_190_019.0).unwrap();
        book.add_worksheet().write_string(0, 0, "other").unwrap();
        let content = book.save_to_buffer().unwrap();
        let rows = read_form(content.clone(), "form", &ReadLimits::default()).unwrap();
        let read: Vec<_> = rows.iter().map(|row| (row.number, row.cells[0].is_spoilt)).collect();
        assert_eq!((read, rows[0].cells[0].text.as_str()), (vec![(1, false), (2, true)], "=1+1"));
        assert_eq!(format!("{:?}", rows[0].cells[0]), "FormCell(4 bytes, spoilt false)");
        for cut in [10, content.len() / 2, content.len() - 1] {
            assert!(read_form(content[..cut].to_vec(), "form", &ReadLimits::default()).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let read = |content: &[u8]| read_form(content.to_vec(), "form", &ReadLimits::default()).unwrap_err();
        assert!(matches!(read(b""), ReadError::Empty { .. }));
        assert!(matches!(read(b"%PDF-1.7"), ReadError::UnsupportedFormat { .. }));
        assert!(matches!(read(b"PAR1xxxx"), ReadError::UnsupportedFormat { .. }));
        let small = ReadLimits { in_memory_bytes_max: 3, ..ReadLimits::default() };
        assert!(matches!(read_form(b"a,b,c".to_vec(), "form", &small), Err(ReadError::TooLarge { .. })));
    }
}
