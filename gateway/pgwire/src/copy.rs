//! `COPY (query) TO STDOUT` in text, CSV and binary.

use arrow::array::RecordBatch;
use bytes::{BufMut, Bytes, BytesMut};
use chrono::FixedOffset;
use datafusion::sql::sqlparser::ast::{CopyLegacyCsvOption, CopyLegacyOption, CopyOption};
use pgwire::error::{PgWireError, PgWireResult};

use crate::errors::error;
use crate::rows::WireBatch;

/// Begins a binary copy: signature, flags, length of the extension.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BINARY_END: &[u8] = &[0xff, 0xff];

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Csv,
    Binary,
}

/// The options of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyFormat {
    format: Format,
    delimiter: u8,
    null: Vec<u8>,
    has_header: bool,
    quote: u8,
    escape: u8,
}

impl CopyFormat {
    /// Reads the options of a statement, those of before PostgreSQL 9.0 included.
    pub(crate) fn new(options: &[CopyOption], legacy: &[CopyLegacyOption]) -> PgWireResult<Self> {
        let mut given = Given::default();
        for option in options {
            given.take(option)?;
        }
        for option in legacy {
            given.take_legacy(option)?;
        }
        given.finish()
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.format == Format::Binary
    }

    /// What comes before the rows.
    pub(crate) fn head<'a>(&self, names: impl Iterator<Item = &'a str>) -> Bytes {
        match (self.format, self.has_header) {
            (Format::Binary, _) => Bytes::from_static(BINARY_HEADER),
            (_, false) => Bytes::new(),
            (_, true) => {
                let mut out = BytesMut::new();
                for (idx, name) in names.enumerate() {
                    self.put_cell(idx, Some(name.as_bytes()), &mut out);
                }
                out.put_u8(b'\n');
                out.freeze()
            }
        }
    }

    /// What comes after them.
    pub(crate) fn tail(&self) -> Bytes {
        Bytes::from_static(if self.is_binary() { BINARY_END } else { &[] })
    }

    /// The rows of a batch, each by itself.
    pub(crate) fn rows(&self, batch: &RecordBatch, zone: FixedOffset) -> PgWireResult<Vec<Bytes>> {
        let batch = WireBatch::new(batch)?;
        let mut out = BytesMut::new();
        let row = |row| {
            if self.is_binary() {
                batch.put_copy_row(row, zone, &mut out);
            } else {
                batch.put_text_row(row, zone, &mut out, |idx, cell, out| self.put_cell(idx, cell, out));
                out.put_u8(b'\n');
            }
            out.split().freeze()
        };
        Ok((0..batch.n_rows()).map(row).collect())
    }

    fn put_cell(&self, idx: usize, cell: Option<&[u8]>, out: &mut BytesMut) {
        if idx > 0 {
            out.put_u8(self.delimiter);
        }
        match cell {
            None => out.put_slice(&self.null),
            Some(cell) if self.format == Format::Csv => self.put_csv(cell, out),
            Some(cell) => self.put_escaped(cell, out),
        }
    }

    fn put_escaped(&self, cell: &[u8], out: &mut BytesMut) {
        for byte in cell {
            let escape = match byte {
                b'\\' => Some(b'\\'),
                b'\n' => Some(b'n'),
                b'\r' => Some(b'r'),
                b'\t' => Some(b't'),
                0x08 => Some(b'b'),
                0x0b => Some(b'v'),
                0x0c => Some(b'f'),
                byte if *byte == self.delimiter => Some(*byte),
                _ => None,
            };
            if escape.is_some() {
                out.put_u8(b'\\');
            }
            out.put_u8(escape.unwrap_or(*byte));
        }
    }

    fn put_csv(&self, cell: &[u8], out: &mut BytesMut) {
        // A text that looks like null, or like the end of the data, is quoted too.
        let needs_quotes = cell == self.null.as_slice()
            || cell == b"\\."
            || cell.iter().any(|byte| [self.delimiter, self.quote, b'\n', b'\r'].contains(byte))
            || cell.first() == Some(&b' ')
            || cell.last() == Some(&b' ');
        if !needs_quotes {
            return out.put_slice(cell);
        }
        out.put_u8(self.quote);
        for byte in cell {
            if *byte == self.quote || *byte == self.escape {
                out.put_u8(self.escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(self.quote);
    }
}

/// Options as given, before defaults that depend on the format.
#[derive(Debug, Default)]
struct Given {
    format: Option<Format>,
    delimiter: Option<char>,
    null: Option<String>,
    has_header: bool,
    quote: Option<char>,
    escape: Option<char>,
}

impl Given {
    fn take(&mut self, option: &CopyOption) -> PgWireResult<()> {
        match option {
            CopyOption::Format(name) => {
                self.format = Some(match name.value.to_ascii_lowercase().as_str() {
                    "text" => Format::Text,
                    "csv" => Format::Csv,
                    "binary" => Format::Binary,
                    _ => return Err(unusable(option)),
                });
            }
            CopyOption::Delimiter(delimiter) => self.delimiter = Some(*delimiter),
            CopyOption::Null(null) => self.null = Some(null.clone()),
            CopyOption::Header(has_header) => self.has_header = *has_header,
            CopyOption::Quote(quote) => self.quote = Some(*quote),
            CopyOption::Escape(escape) => self.escape = Some(*escape),
            // All rows are written in this encoding anyway.
            CopyOption::Encoding(name) if is_utf8(name) => {}
            other => return Err(unusable(other)),
        }
        Ok(())
    }

    fn take_legacy(&mut self, option: &CopyLegacyOption) -> PgWireResult<()> {
        match option {
            CopyLegacyOption::Binary => self.format = Some(Format::Binary),
            CopyLegacyOption::Delimiter(delimiter) => self.delimiter = Some(*delimiter),
            CopyLegacyOption::Null(null) => self.null = Some(null.clone()),
            CopyLegacyOption::Header => self.has_header = true,
            CopyLegacyOption::Csv(options) => {
                self.format = Some(Format::Csv);
                for option in options {
                    match option {
                        CopyLegacyCsvOption::Header => self.has_header = true,
                        CopyLegacyCsvOption::Quote(quote) => self.quote = Some(*quote),
                        CopyLegacyCsvOption::Escape(escape) => self.escape = Some(*escape),
                        other => return Err(unusable(other)),
                    }
                }
            }
            other => return Err(unusable(other)),
        }
        Ok(())
    }

    fn finish(self) -> PgWireResult<CopyFormat> {
        let format = self.format.unwrap_or(Format::Text);
        let byte = |given: Option<char>, otherwise: u8| match given {
            None => Ok(otherwise),
            Some(c) if c.is_ascii() && !c.is_ascii_alphanumeric() && !"\n\r\\.".contains(c) => Ok(c as u8),
            Some(c) => Err(unusable(&c)),
        };
        let (delimiter, null) = match format {
            Format::Csv => (b',', ""),
            _ => (b'\t', "\\N"),
        };
        let quote = byte(self.quote, b'"')?;
        // The escape of CSV may be a backslash.
        let escape = if self.escape == Some('\\') { b'\\' } else { byte(self.escape, quote)? };
        Ok(CopyFormat {
            format,
            delimiter: byte(self.delimiter, delimiter)?,
            null: self.null.unwrap_or_else(|| null.to_owned()).into_bytes(),
            has_header: self.has_header,
            quote,
            escape,
        })
    }
}

/// Whether an encoding's name means UTF-8.
pub(crate) fn is_utf8(name: &str) -> bool {
    ["utf8", "utf-8", "unicode"].iter().any(|utf8| name.eq_ignore_ascii_case(utf8))
}

fn unusable(option: &dyn std::fmt::Display) -> PgWireError {
    error("0A000", format!("COPY 不支持选项 {option}"), format!("COPY does not support the option {option}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, StringArray};

    use super::*;

    fn copied(options: &[CopyOption]) -> String {
        let names = StringArray::from(vec![Some("a,\"b\"\t\\"), None, Some(""), Some("甲")]);
        let numbers = Int32Array::from(vec![1, 2, 3, 4]);
        let batch = RecordBatch::try_from_iter([("name", Arc::new(names) as ArrayRef), ("n", Arc::new(numbers))]);
        let format = CopyFormat::new(options, &[]).unwrap();
        let rows = format.rows(&batch.unwrap(), FixedOffset::east_opt(0).unwrap()).unwrap();
        let bytes = [format.head(["name", "n"].into_iter()), rows.concat().into(), format.tail()].concat();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn text_escapes_what_would_end_a_cell() {
        assert_eq!(copied(&[]), "a,\"b\"\\t\\\\\t1\n\\N\t2\n\t3\n甲\t4\n");
    }

    #[test]
    fn csv_tells_null_from_an_empty_text() {
        let csv = CopyOption::Format("csv".into());
        let expected = "name,n\n\"a,\"\"b\"\"\t\\\",1\n,2\n\"\",3\n甲,4\n";
        assert_eq!(copied(&[csv, CopyOption::Header(true)]), expected);
    }

    #[test]
    fn binary_has_a_header_and_an_end() {
        let bytes = copied(&[CopyOption::Format("binary".into())]);
        assert!(bytes.starts_with("PGCOPY\n"));
    }

    #[test]
    fn options_that_would_spoil_the_rows_are_refused() {
        for option in [
            CopyOption::Delimiter('a'),
            CopyOption::Delimiter('\n'),
            CopyOption::Delimiter('，'),
            CopyOption::Encoding("GBK".to_owned()),
            CopyOption::Format("parquet".into()),
        ] {
            assert!(CopyFormat::new(std::slice::from_ref(&option), &[]).is_err(), "{option}");
        }
    }
}
