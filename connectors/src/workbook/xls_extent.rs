//! Measures the sheets of a BIFF workbook before the library lays them out as full rectangles: one cell in the last
//! corner of each of many sheets would ask for all memory there is.

use std::io::{Cursor, Read as _};

use crate::{Damage, Excess, ReadError, ReadLimits};

const BOUND_SHEET: u16 = 0x0085;
const DIMENSIONS: u16 = 0x0200;
const BOF: u16 = 0x0809;
const EOF: u16 = 0x000a;
const FILE_PASS: u16 = 0x002f;
/// Records that begin with row and column: blank, number, label, error, row of numbers, formula, shared string.
const CELLS: [u16; 9] = [0x0201, 0x0203, 0x0204, 0x0205, 0x027e, 0x00bd, 0x00d6, 0x00fd, 0x0006];
/// A row of numbers, which ends with its last column.
const MULTIPLE: u16 = 0x00bd;

/// Checks the extent of every sheet.
pub(crate) fn check(file: &str, bytes: &[u8], limits: &ReadLimits) -> Result<(), ReadError> {
    let damaged = |problem| ReadError::Damaged { file: file.to_owned(), part: "workbook", problem };
    let mut compound = cfb::CompoundFile::open(Cursor::new(bytes)).map_err(|_| damaged(Damage::Undecodable))?;
    if compound.exists("/EncryptedPackage") {
        return Err(ReadError::Encrypted { file: file.to_owned() });
    }
    let name = ["/Workbook", "/Book"].into_iter().find(|name| compound.is_stream(name));
    let Some(name) = name else {
        return Err(ReadError::UnsupportedFormat {
            file: file.to_owned(),
            found: "an OLE document without a workbook",
        });
    };
    let mut stream = Vec::new();
    let opened = compound.open_stream(name).and_then(|s| s.take(limits.in_memory_bytes_max).read_to_end(&mut stream));
    opened.map_err(|_| damaged(Damage::BreaksOff))?;
    let mut starts = Vec::new();
    for (kind, data) in Records(&stream) {
        match kind {
            FILE_PASS if data.iter().take(2).any(|b| *b != 0) => {
                return Err(ReadError::Encrypted { file: file.to_owned() });
            }
            BOUND_SHEET => starts.extend(u32_at(data, 0)),
            EOF => break,
            _ => {}
        }
    }
    if starts.len() > limits.entries_max {
        return Err(ReadError::TooLarge {
            file: file.to_owned(),
            what: Excess::Entries,
            limit: limits.entries_max as u64,
        });
    }
    let mut cells = 0;
    for start in starts {
        let sheet = stream.get(start as usize..).ok_or_else(|| damaged(Damage::Inconsistent))?;
        cells += extent(sheet);
        if cells > limits.biff_cells_max {
            return Err(ReadError::TooLarge {
                file: file.to_owned(),
                what: Excess::Cells,
                limit: limits.biff_cells_max,
            });
        }
    }
    Ok(())
}

/// Cells of the rectangle the sheet's cells span, or of the one it declares if that is larger.
fn extent(sheet: &[u8]) -> u64 {
    let (mut rows, mut columns) = (Span::default(), Span::default());
    let mut declared = 0;
    let mut depth = 0_u32;
    for (kind, data) in Records(sheet) {
        match kind {
            BOF => depth += 1,
            EOF if depth <= 1 => break,
            EOF => depth -= 1,
            DIMENSIONS => declared = declared.max(declared_extent(data)),
            _ if CELLS.contains(&kind) => {
                rows.add(u16_at(data, 0));
                columns.add(u16_at(data, 2));
                if kind == MULTIPLE {
                    columns.add(data.len().checked_sub(2).and_then(|at| u16_at(data, at)));
                }
            }
            _ => {}
        }
    }
    declared.max(rows.len() * columns.len())
}

fn declared_extent(data: &[u8]) -> u64 {
    let (rows, columns) = match data.len() {
        10 => ((u16_at(data, 0).map(u32::from), u16_at(data, 2).map(u32::from)), (u16_at(data, 4), u16_at(data, 6))),
        _ => ((u32_at(data, 0), u32_at(data, 4)), (u16_at(data, 8), u16_at(data, 10))),
    };
    let rows = u64::from(rows.1.unwrap_or_default().saturating_sub(rows.0.unwrap_or_default()));
    // A first column after the last counts as 0.
    let (first, last) = (columns.0.unwrap_or_default(), columns.1.unwrap_or_default());
    let columns = u64::from(if first > 0xff || last < first { last } else { last - first });
    rows * columns
}

#[derive(Debug, Default)]
struct Span(Option<(u16, u16)>);

impl Span {
    fn add(&mut self, at: Option<u16>) {
        if let Some(at) = at {
            let (first, last) = self.0.unwrap_or((at, at));
            self.0 = Some((first.min(at), last.max(at)));
        }
    }

    fn len(&self) -> u64 {
        self.0.map_or(0, |(first, last)| u64::from(last - first) + 1)
    }
}

/// The records of a stream: kind and data.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = u16_at(self.0, 0)?;
        let len = usize::from(u16_at(self.0, 2)?);
        let data = self.0.get(4..4 + len)?;
        self.0 = self.0.get(4 + len..)?;
        Some((kind, data))
    }
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    let bytes: [u8; 2] = data.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(bytes))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes: [u8; 4] = data.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}
