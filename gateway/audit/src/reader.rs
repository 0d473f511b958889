//! The log for reading, also while another process writes it.

use std::path::Path;

use lake::{DerivedKey, SealedLogReader};

use crate::chain::SqlHasher;
use crate::segment::{SealedSegments, Segments};
use crate::{AuditError, StoredRecord};

/// Reads a log without opening it for writing.
#[derive(Debug, Clone)]
pub struct AuditReader {
    pub(crate) segments: SealedSegments,
    pub(crate) hasher: SqlHasher,
}

impl AuditReader {
    /// A reader of the log in `folder`. Nothing is read yet; an empty or missing folder is an empty log.
    #[must_use]
    pub fn new(folder: &Path, key: DerivedKey) -> Self {
        let hasher = SqlHasher::new(&key);
        Self { segments: SealedSegments::new(folder, key), hasher }
    }

    /// All records, oldest first. Blocks; holds one record at a time. The chain is not checked.
    ///
    /// # Errors
    /// [`AuditError::Folder`]. The iterator gives [`AuditError::Unreadable`] or [`AuditError::Damaged`] and then ends.
    pub fn records(&self) -> Result<Records, AuditError> {
        Ok(self.records_of(self.segments.list()?))
    }

    pub(crate) fn records_of(&self, segments: Vec<u32>) -> Records {
        Records { source: self.segments.clone(), left: segments.into_iter(), current: None }
    }
}

/// Records of a log, oldest first.
#[derive(Debug)]
pub struct Records {
    source: SealedSegments,
    left: std::vec::IntoIter<u32>,
    current: Option<(u32, SealedLogReader)>,
}

impl Iterator for Records {
    type Item = Result<StoredRecord, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((segment, reader)) = &mut self.current {
                let segment = *segment;
                match reader.next() {
                    Some(Ok(bytes)) => {
                        let record = StoredRecord::parse(&bytes).ok_or(AuditError::Damaged { segment });
                        return Some(record.inspect_err(|_| self.stop()));
                    }
                    Some(Err(error)) => {
                        self.stop();
                        return Some(Err(AuditError::unreadable(segment)(error)));
                    }
                    None => self.current = None,
                }
            }
            let segment = self.left.next()?;
            match self.source.reader(segment) {
                Ok(reader) => self.current = reader.map(|reader| (segment, reader)),
                Err(error) => {
                    self.stop();
                    return Some(Err(AuditError::unreadable(segment)(error)));
                }
            }
        }
    }
}

impl Records {
    fn stop(&mut self) {
        self.current = None;
        self.left = Vec::new().into_iter();
    }
}
