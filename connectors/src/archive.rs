//! Packed content: how much it may unpack to, and what is in an archive.

use std::io::{self, Read};

use zip::result::ZipError;

use crate::{Damage, Excess, ReadError, ReadLimits};

/// Below this, any ratio is harmless.
const RATIO_FROM_BYTES: u64 = 16 * 1024 * 1024;

/// Counts what a part really unpacks to; what it declares may be a lie.
#[derive(Debug)]
pub(crate) struct Gauge {
    packed: u64,
    bytes: u64,
    bytes_max: u64,
    what: Excess,
    ratio_max: u64,
}

impl Gauge {
    pub(crate) fn new(packed: u64, bytes_max: u64, what: Excess, limits: &ReadLimits) -> Self {
        Self { packed, bytes: 0, bytes_max, what, ratio_max: limits.unpacking_ratio_max }
    }

    pub(crate) fn add(&mut self, n: u64) -> Result<(), (Excess, u64)> {
        self.bytes = self.bytes.saturating_add(n);
        if self.bytes > self.bytes_max {
            return Err((self.what, self.bytes_max));
        }
        if self.bytes > RATIO_FROM_BYTES && self.bytes / self.packed.max(1) > self.ratio_max {
            return Err((Excess::UnpackingRatio, self.ratio_max));
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A limit passed deep inside a reader, on its way out as an `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Exceeded {
    pub(crate) what: Excess,
    pub(crate) limit: u64,
}

/// Unpacks within a gauge.
#[derive(Debug)]
pub(crate) struct Gauged<R> {
    inner: R,
    gauge: Gauge,
}

impl<R> Gauged<R> {
    pub(crate) fn new(inner: R, gauge: Gauge) -> Self {
        Self { inner, gauge }
    }
}

impl<R: Read> Read for Gauged<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.gauge.add(n as u64).map_err(|(what, limit)| io::Error::other(Exceeded { what, limit }))?;
        Ok(n)
    }
}

/// What the parts of a zip archive make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZipKind {
    Xlsx,
    Archive,
    Unsupported(&'static str),
}

/// Recognises an archive by the names of its parts.
pub(crate) fn zip_kind<'a>(names: impl Iterator<Item = &'a [u8]>) -> ZipKind {
    let (mut office, mut workbook, mut binary, mut open_document) = (false, false, false, false);
    for name in names {
        office |= name == b"[Content_Types].xml";
        workbook |= name.ends_with(b"workbook.xml");
        binary |= name.ends_with(b"workbook.bin");
        open_document |= name == b"mimetype";
    }
    match (office, workbook, binary, open_document) {
        (true, true, _, _) => ZipKind::Xlsx,
        (true, false, true, _) => ZipKind::Unsupported("a binary workbook (XLSB)"),
        (true, false, false, _) => ZipKind::Unsupported("an Office document"),
        (false, _, _, true) => ZipKind::Unsupported("an OpenDocument file"),
        (false, _, _, false) => ZipKind::Archive,
    }
}

/// The last part of an entry's name, for reports only: it is never a path to anything. Old archivers write names in
/// GBK.
pub(crate) fn entry_name(raw: &[u8]) -> String {
    let name = std::str::from_utf8(raw)
        .map_or_else(|_| encoding_rs::GB18030.decode_without_bom_handling(raw).0.into_owned(), str::to_owned);
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).collect()
}

/// Entries no department put there on purpose.
pub(crate) fn is_litter(raw: &[u8]) -> bool {
    let last = raw.rsplit(|b| *b == b'/').next().unwrap_or_default();
    raw.starts_with(b"__MACOSX/") || last.starts_with(b".") || last == b"Thumbs.db" || last.starts_with(b"~$")
}

/// What is wrong with an archive.
pub(crate) fn zip_fault(file: &str, error: &ZipError) -> ReadError {
    let file = file.to_owned();
    let problem = match error {
        ZipError::InvalidPassword => return ReadError::Encrypted { file },
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => return ReadError::Encrypted { file },
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => {
            return ReadError::UnsupportedFormat { file, found: "a zip archive of an unusual kind" };
        }
        ZipError::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => Damage::BreaksOff,
        ZipError::Io(_) => Damage::Undecodable,
        // The directory is at the end: without it the archive was cut off.
        ZipError::InvalidArchive(_) => Damage::BreaksOff,
        _ => Damage::Inconsistent,
    };
    ReadError::Damaged { file, part: "zip", problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_stops_by_size_and_by_ratio() {
        let limits = ReadLimits { unpacking_ratio_max: 10, ..ReadLimits::default() };
        let mut gauge = Gauge::new(1, 100, Excess::Unpacked, &limits);
        assert_eq!((gauge.add(100), gauge.add(1)), (Ok(()), Err((Excess::Unpacked, 100))));
        let mut gauge = Gauge::new(2 << 20, u64::MAX, Excess::Unpacked, &limits);
        assert_eq!(gauge.add(20 << 20), Ok(()));
        assert_eq!(gauge.add(20 << 20), Err((Excess::UnpackingRatio, 10)));
    }

    #[test]
    fn archives_are_told_from_workbooks() {
        let kind = |names: &[&str]| zip_kind(names.iter().map(|n| n.as_bytes()));
        assert_eq!(kind(&["[Content_Types].xml", "xl/workbook.xml"]), ZipKind::Xlsx);
        assert_eq!(kind(&["a.csv", "b.csv"]), ZipKind::Archive);
        assert_eq!(kind(&["[Content_Types].xml", "word/document.xml"]), ZipKind::Unsupported("an Office document"));
        assert_eq!(kind(&["mimetype", "content.xml"]), ZipKind::Unsupported("an OpenDocument file"));
    }

    #[test]
    fn entry_names_are_labels() {
        assert_eq!(entry_name(b"../../etc/passwd"), "passwd");
        assert_eq!(entry_name(b"a\\b.csv"), "b.csv");
        assert_eq!(entry_name(b"\xbb\xa7\xbc\xae.csv"), "户籍.csv");
        assert!(is_litter(b"__MACOSX/._a.csv") && is_litter(b"x/.DS_Store") && !is_litter(b"x/a.csv"));
    }
}
