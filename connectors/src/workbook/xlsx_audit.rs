//! Measures a workbook before it is opened: what its parts really unpack to, and whether they would make the XML reader
//! ask for absurd amounts of memory. Reads every part once and keeps none of it.

use std::io::{Read, Seek};

use zip::ZipArchive;

use crate::archive::{Gauge, zip_fault};
use crate::{Damage, Excess, ReadError, ReadLimits};

/// Parts that are streamed, and so may be larger than memory.
const STREAMED: &str = "xl/worksheets/";
/// Where a part's first tags must be.
const OPENING_BYTES: usize = 64 * 1024;

/// Checks every part of the workbook.
pub(crate) fn check<R: Read + Seek>(file: &str, source: R, limits: &ReadLimits) -> Result<(), ReadError> {
    let mut archive = ZipArchive::new(source).map_err(|e| zip_fault(file, &e))?;
    if archive.len() > limits.entries_max {
        return Err(too_large(file, Excess::Entries, limits.entries_max as u64));
    }
    let mut total = 0;
    for idx in 0..archive.len() {
        let part = archive.by_index(idx).map_err(|e| zip_fault(file, &e))?;
        let name = part.name().map(|n| n.to_string()).unwrap_or_default();
        let bytes_max = if name.starts_with(STREAMED) { limits.unpacked_bytes_max } else { limits.in_memory_bytes_max };
        let what = if name.starts_with(STREAMED) { Excess::Unpacked } else { Excess::InMemory };
        if part.size() > bytes_max {
            return Err(too_large(file, what, bytes_max));
        }
        let gauge = Gauge::new(part.compressed_size(), bytes_max, what, limits);
        total += Part { file, name, limits, gauge }.check(part)?;
        if total > limits.unpacked_bytes_max {
            return Err(too_large(file, Excess::Unpacked, limits.unpacked_bytes_max));
        }
    }
    Ok(())
}

struct Part<'a> {
    file: &'a str,
    name: String,
    limits: &'a ReadLimits,
    gauge: Gauge,
}

impl Part<'_> {
    /// The part's true size.
    fn check(&mut self, mut part: impl Read) -> Result<u64, ReadError> {
        let is_xml = self.name.ends_with(".xml") || self.name.ends_with(".rels");
        let mut chunk = vec![0; OPENING_BYTES];
        let mut opening = Vec::new();
        let mut text_run = 0;
        loop {
            let n = match part.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) => return Err(ReadError::from_io(self.file, "workbook", e)),
            };
            let bytes = chunk.get(..n).unwrap_or_default();
            self.gauge.add(n as u64).map_err(|(what, limit)| too_large(self.file, what, limit))?;
            opening.extend(bytes.iter().take(OPENING_BYTES - opening.len()));
            if is_xml {
                text_run = self.longest_text(bytes, text_run)?;
            }
        }
        if self.name.to_ascii_lowercase().ends_with("sharedstrings.xml") {
            self.check_string_count(&opening)?;
        }
        Ok(self.gauge.bytes())
    }

    /// Bytes since the last tag began, after `bytes`.
    fn longest_text(&self, bytes: &[u8], before: usize) -> Result<usize, ReadError> {
        let mut run = before;
        for piece in bytes.split(|b| *b == b'<') {
            run += piece.len();
            if run > self.limits.xml_text_bytes_max {
                return Err(too_large(self.file, Excess::XmlText, self.limits.xml_text_bytes_max as u64));
            }
            run = 0;
        }
        let tail = bytes.iter().rev().position(|b| *b == b'<');
        Ok(tail.unwrap_or(before + bytes.len()))
    }

    /// The reader reserves room for as many strings as the part says it has.
    fn check_string_count(&self, opening: &[u8]) -> Result<(), ReadError> {
        let inconsistent = || {
            Err(ReadError::Damaged {
                file: self.file.to_owned(),
                part: "shared strings",
                problem: Damage::Inconsistent,
            })
        };
        let text = String::from_utf8_lossy(opening);
        if text.contains("<!") || !text.contains("sst") {
            return inconsistent();
        }
        for after in text.split("uniqueCount").skip(1) {
            let digits: String =
                after.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
            // A string takes at least `<si/>`.
            let fits = digits.parse::<u64>().is_ok_and(|n| n <= self.gauge.bytes() / 5);
            if !fits {
                return inconsistent();
            }
        }
        Ok(())
    }
}

fn too_large(file: &str, what: Excess, limit: u64) -> ReadError {
    ReadError::TooLarge { file: file.to_owned(), what, limit }
}
