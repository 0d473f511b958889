//! XLS (BIFF8), as old systems still export: the smallest workbook that is sound. [MS-XLS], [MS-CFB].

mod compound_file;

use std::path::PathBuf;

use super::{Sink, part_path};
use crate::error::CityError;
use crate::export::{Sheet, Value};
use compound_file::{MOST_STREAM_BYTES, write_compound_file};

/// A workbook is closed and the next begun when its cells take this many bytes. Leaves room for the records around them.
const CELL_BYTES_PER_FILE: usize = MOST_STREAM_BYTES - 200_000;
/// Rows a BIFF8 sheet can have, less the last few.
const MOST_ROWS: u16 = 65_500;
/// Index of the one cell format.
const CELL_FORMAT: u16 = 15;

const BOF: u16 = 0x0809;
const EOF: u16 = 0x000a;
const BOUNDSHEET: u16 = 0x0085;

/// An XLS export with a merged title row.
pub(crate) struct XlsSink {
    sheet: Sheet,
    title: &'static str,
    cells: Vec<u8>,
    row: u16,
    files: Vec<PathBuf>,
}

impl XlsSink {
    /// A workbook; written when full or finished.
    pub(crate) fn new(sheet: Sheet, title: &'static str) -> Self {
        let mut sink = Self { sheet, title, cells: Vec::new(), row: 0, files: Vec::new() };
        sink.open();
        sink
    }

    fn open(&mut self) {
        self.cells.clear();
        self.row = 0;
        self.put(&[self.title.into()]);
        let headings: Vec<Value> = self.sheet.headings.iter().map(|h| h.as_str().into()).collect();
        self.put(&headings);
    }

    fn put(&mut self, cells: &[Value]) {
        for (column, cell) in (0_u16..).zip(cells) {
            match cell {
                Value::Empty => {}
                Value::Number(number) => {
                    let mut body = place(self.row, column);
                    body.extend(number.to_le_bytes());
                    record(&mut self.cells, 0x0203, &body);
                }
                Value::Text(_) | Value::Moment(_) => {
                    let mut body = place(self.row, column);
                    let units: Vec<u16> = cell.text().encode_utf16().collect();
                    body.extend(u16::try_from(units.len()).unwrap_or_default().to_le_bytes());
                    body.push(1);
                    body.extend(units.iter().flat_map(|u| u.to_le_bytes()));
                    record(&mut self.cells, 0x0204, &body);
                }
            }
        }
        self.row = self.row.saturating_add(1);
    }

    fn close(&mut self) -> Result<(), CityError> {
        let path = part_path(&self.sheet, self.files.len() + 1, "xls");
        let columns = u16::try_from(self.sheet.headings.len()).unwrap_or(u16::MAX);
        let stream = workbook_stream(&self.cells, self.row, columns);
        std::fs::write(&path, write_compound_file(&stream)).map_err(CityError::write(&path))?;
        self.files.push(path);
        Ok(())
    }
}

impl Sink for XlsSink {
    fn row(&mut self, cells: &[Value]) -> Result<(), CityError> {
        if self.cells.len() >= CELL_BYTES_PER_FILE || self.row >= MOST_ROWS {
            self.close()?;
            self.open();
        }
        self.put(cells);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, CityError> {
        self.close()?;
        Ok(self.files)
    }
}

fn record(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend(kind.to_le_bytes());
    out.extend(u16::try_from(body.len()).unwrap_or_default().to_le_bytes());
    out.extend(body);
}

fn place(row: u16, column: u16) -> Vec<u8> {
    [row, column, CELL_FORMAT].iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// `ShortXLUnicodeString`: length, a flag for two bytes per character, characters.
fn short_text(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut out = vec![u8::try_from(units.len()).unwrap_or_default(), 1];
    out.extend(units.iter().flat_map(|u| u.to_le_bytes()));
    out
}

fn bof(out: &mut Vec<u8>, kind: u16) {
    let mut body = Vec::new();
    for word in [0x0600, kind, 0x0dbb, 0x07cc, 0x0041, 0, 0x0006, 0] {
        body.extend(u16::to_le_bytes(word));
    }
    record(out, BOF, &body);
}

/// The globals, one sheet, its cells and the merged title.
fn workbook_stream(cells: &[u8], rows: u16, columns: u16) -> Vec<u8> {
    let mut out = Vec::new();
    bof(&mut out, 0x0005);
    record(&mut out, 0x0042, &1200_u16.to_le_bytes());
    record(&mut out, 0x003d, &words(&[0, 0, 0x3a5c, 0x23be, 0x0038, 0, 0, 1, 0x0258]));
    for _ in 0..5 {
        let mut font = words(&[220, 0, 0x7fff, 400, 0]);
        font.extend([0, 0, 134, 0]);
        font.extend(short_text("宋体"));
        record(&mut out, 0x0031, &font);
    }
    for index in 0..=CELL_FORMAT {
        let is_cell = index == CELL_FORMAT;
        let mut format = words(&[0, 0, if is_cell { 0x0001 } else { 0xfff5 }]);
        format.extend([0x20, 0, 0, if is_cell || index == 0 { 0 } else { 0xf4 }]);
        format.extend([0; 8]);
        format.extend(0x20c0_u16.to_le_bytes());
        record(&mut out, 0x00e0, &format);
    }
    record(&mut out, 0x0293, &[0x00, 0x80, 0x00, 0xff]);
    let name = short_text("Sheet1");
    // The sheet begins after this record (4 + 6 + name bytes) and the end of the globals (4 bytes).
    let sheet_at = out.len() + 4 + 6 + name.len() + 4;
    let mut boundsheet = u32::try_from(sheet_at).unwrap_or_default().to_le_bytes().to_vec();
    boundsheet.extend([0, 0]);
    boundsheet.extend(name);
    record(&mut out, BOUNDSHEET, &boundsheet);
    record(&mut out, EOF, &[]);
    bof(&mut out, 0x0010);
    let mut dimensions = Vec::new();
    dimensions.extend(0_u32.to_le_bytes());
    dimensions.extend(u32::from(rows).to_le_bytes());
    dimensions.extend(words(&[0, columns, 0]));
    record(&mut out, 0x0200, &dimensions);
    out.extend(cells);
    record(&mut out, 0x023e, &words(&[0x06b6, 0, 0, 0x0040, 0, 0, 0, 0, 0]));
    record(&mut out, 0x00e5, &words(&[1, 0, 0, 0, columns.saturating_sub(1)]));
    record(&mut out, EOF, &[]);
    out
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use calamine::Reader;

    use super::*;

    #[test]
    fn a_workbook_is_read_as_it_was_written_and_a_full_one_is_followed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let headings = ["编号", "姓名", "金额"].map(str::to_owned).to_vec();
        let sheet = Sheet { headings, folder: folder.path().to_path_buf(), stem: "高龄".to_owned() };
        let mut sink = Box::new(XlsSink::new(sheet, "明细表"));
        for n in 0..70_000_u32 {
            sink.row(&[format!("GL{n:06}").into(), "王㛃𠮷".into(), n.into()]).unwrap();
        }
        let files = sink.finish().unwrap();
        assert!(files.len() > 1);
        let mut n = 0;
        for file in files {
            let mut workbook: calamine::Xls<_> = calamine::open_workbook(file).unwrap();
            let range = workbook.worksheet_range("Sheet1").unwrap();
            let mut rows = range.rows();
            assert_eq!(rows.next().unwrap()[0].to_string(), "明细表");
            assert_eq!(rows.next().unwrap()[1].to_string(), "姓名");
            for row in rows {
                let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
                assert_eq!(cells, [format!("GL{n:06}"), "王㛃𠮷".to_owned(), n.to_string()]);
                n += 1;
            }
        }
        assert_eq!(n, 70_000);
    }
}
