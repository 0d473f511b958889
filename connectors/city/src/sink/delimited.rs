//! CSV in the encodings Excel and old systems write: GB18030, UTF-8 with and without mark, UTF-16 "Unicode text".

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Sink, part_path};
use crate::error::CityError;
use crate::export::{Sheet, Value};

/// Encoding and separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// GB18030, commas, CRLF: Excel's "CSV" on a Chinese system.
    Gb18030,
    /// UTF-8 with byte order mark, commas, CRLF: Excel's "CSV UTF-8".
    Utf8Mark,
    /// UTF-8 without mark, commas, LF.
    Utf8,
    /// UTF-16LE with mark, tabs, CRLF: Excel's "Unicode text".
    Utf16Tabs,
}

/// Whether the file is delivered as it is or packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As it is.
    Plain,
    /// Alone in a ZIP archive.
    Zip,
}

enum Out {
    Plain(BufWriter<File>),
    Zip(Box<ZipWriter<BufWriter<File>>>),
}

/// A delimited text file.
pub(crate) struct DelimitedSink {
    form: TextForm,
    path: PathBuf,
    out: Out,
    line: String,
}

impl DelimitedSink {
    /// Creates the file and writes its headings.
    pub(crate) fn create(sheet: &Sheet, form: TextForm, packing: Packing) -> Result<Self, CityError> {
        let inner_ending = if form == TextForm::Utf16Tabs { "txt" } else { "csv" };
        let path = part_path(sheet, 1, if packing == Packing::Zip { "zip" } else { inner_ending });
        let file = BufWriter::new(File::create(&path).map_err(CityError::write(&path))?);
        let out = match packing {
            Packing::Plain => Out::Plain(file),
            Packing::Zip => {
                let mut archive = ZipWriter::new(file);
                // A fixed time: the same city gives the same bytes.
                let options =
                    SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).large_file(true);
                let inner = format!("{}.{inner_ending}", sheet.stem);
                archive.start_file(inner, options).map_err(CityError::format(&path, "zip"))?;
                Out::Zip(Box::new(archive))
            }
        };
        let mut sink = Self { form, path, out, line: String::new() };
        match form {
            TextForm::Utf8Mark => sink.bytes(b"\xef\xbb\xbf")?,
            TextForm::Utf16Tabs => sink.bytes(b"\xff\xfe")?,
            TextForm::Gb18030 | TextForm::Utf8 => {}
        }
        let headings: Vec<Value> = sheet.headings.iter().map(|h| h.as_str().into()).collect();
        sink.row(&headings)?;
        Ok(sink)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), CityError> {
        match &mut self.out {
            Out::Plain(file) => file.write_all(bytes),
            Out::Zip(archive) => archive.write_all(bytes),
        }
        .map_err(CityError::write(&self.path))
    }
}

impl Sink for DelimitedSink {
    fn row(&mut self, cells: &[Value]) -> Result<(), CityError> {
        let separator = if self.form == TextForm::Utf16Tabs { '\t' } else { ',' };
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        for (n, cell) in cells.iter().enumerate() {
            if n > 0 {
                line.push(separator);
            }
            push_quoted(&mut line, &cell.text(), separator);
        }
        line.push_str(if self.form == TextForm::Utf8 { "\n" } else { "\r\n" });
        match self.form {
            TextForm::Gb18030 => {
                let (encoded, _, _) = encoding_rs::GB18030.encode(&line);
                self.bytes(&encoded)?;
            }
            TextForm::Utf8 | TextForm::Utf8Mark => self.bytes(line.as_bytes())?,
            TextForm::Utf16Tabs => {
                let encoded: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
                self.bytes(&encoded)?;
            }
        }
        self.line = line;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, CityError> {
        let Self { path, out, .. } = *self;
        let mut file = match out {
            Out::Plain(file) => file,
            Out::Zip(archive) => archive.finish().map_err(CityError::format(&path, "zip"))?,
        };
        file.flush().map_err(CityError::write(&path))?;
        Ok(vec![path])
    }
}

fn push_quoted(line: &mut String, cell: &str, separator: char) {
    if cell.contains([separator, '"', '\r', '\n']) {
        line.push('"');
        line.push_str(&cell.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cells_that_need_it_are_quoted() {
        let quoted = |cell| {
            let mut line = String::new();
            push_quoted(&mut line, cell, ',');
            line
        };
        assert_eq!(quoted("望湖苑"), "望湖苑");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("=\"1\""), "\"=\"\"1\"\"\"");
    }
}
