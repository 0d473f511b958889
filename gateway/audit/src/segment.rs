//! The files of the log: `audit-00000001.log`, `audit-00000002.log`, … in one folder, each a [`SealedLog`].

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lake::{DerivedKey, LogError, SealedLog, SealedLogReader};

use crate::AuditError;

/// What sealing adds to a record, in bytes.
const SEAL_BYTES: u64 = 48;

/// Where records are appended to. A trait, so that a test can stand in for a disk that fails.
pub(crate) trait SealedAppend: Send {
    /// Adds the records with one wait for the disk: all of them, or an error and (as far as the disk allows) none.
    fn append_all(&mut self, records: &[Vec<u8>]) -> Result<(), LogError>;
}

/// The segments of one log, as the writer sees them.
pub(crate) trait Segments: Send {
    /// Numbers of the segments that exist, ascending.
    fn list(&self) -> Result<Vec<u32>, AuditError>;
    /// Opens a segment for appending, making it if it does not exist. Also gives the bytes of a torn record cut from its end.
    fn open(&self, segment: u32) -> Result<(Box<dyn SealedAppend>, u64), LogError>;
    /// All records of a segment, in order.
    fn read(&self, segment: u32) -> Result<Vec<Vec<u8>>, LogError>;
}

/// Segments in a folder.
#[derive(Debug, Clone)]
pub(crate) struct SealedSegments {
    folder: PathBuf,
    key: DerivedKey,
}

impl SealedSegments {
    pub(crate) fn new(folder: &Path, key: DerivedKey) -> Self {
        Self { folder: folder.to_owned(), key }
    }

    pub(crate) fn path(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("audit-{segment:08}.log"))
    }

    /// Reads a segment without locking it. `None` for one whose making was interrupted: it holds no record.
    pub(crate) fn reader(&self, segment: u32) -> Result<Option<SealedLogReader>, LogError> {
        let path = self.path(segment);
        match SealedLogReader::open(&path, &self.key) {
            Ok(reader) => Ok(Some(reader)),
            Err(LogError::NotSealed) if is_unfinished(&path)? => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A sealed log's header has 64 bytes; a shorter file was being made when the power went.
fn is_unfinished(path: &Path) -> Result<bool, std::io::Error> {
    Ok(fs::metadata(path)?.len() < 64)
}

impl Segments for SealedSegments {
    fn list(&self) -> Result<Vec<u32>, AuditError> {
        let mut segments = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(segments),
            Err(error) => return Err(AuditError::folder(error)),
        };
        for entry in entries {
            let name = entry.map_err(AuditError::folder)?.file_name();
            segments.extend(name.to_str().and_then(number_in));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn open(&self, segment: u32) -> Result<(Box<dyn SealedAppend>, u64), LogError> {
        let log = SealedLog::open(&self.path(segment), self.key.clone())?;
        let bytes_cut = log.recovery().bytes_cut;
        Ok((Box::new(log), bytes_cut))
    }

    fn read(&self, segment: u32) -> Result<Vec<Vec<u8>>, LogError> {
        self.reader(segment)?.map_or_else(|| Ok(Vec::new()), Iterator::collect)
    }
}

impl SealedAppend for SealedLog {
    fn append_all(&mut self, records: &[Vec<u8>]) -> Result<(), LogError> {
        self.append_all(records.iter().map(Vec::as_slice))
    }
}

/// What the records take in a file.
pub(crate) fn sealed_bytes(records: &[Vec<u8>]) -> u64 {
    records.iter().map(|record| record.len() as u64 + SEAL_BYTES).sum()
}

fn number_in(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("audit-")?.strip_suffix(".log")?;
    (digits.len() == 8).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_segments_are_segments() {
        assert_eq!(number_in("audit-00000012.log"), Some(12));
        for name in
            ["audit-12.log", "audit-000000012.log", "audit-0000001x.log", "audit.lock", "audit-00000001.log.bak"]
        {
            assert_eq!(number_in(name), None, "{name}");
        }
    }
}
