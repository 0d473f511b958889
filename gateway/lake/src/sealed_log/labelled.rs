//! Sealed logs that may be renamed: a label is part of their seal instead of the name of the file. Archives are such files.

use std::path::Path;

use super::{LogError, SealedLog, SealedLogReader};
use crate::DerivedKey;

impl SealedLog {
    /// Opens the log sealed under `label`, or makes it, whatever the name of its file is. It may be copied: a copy is as good,
    /// but only one of the two should be appended to.
    ///
    /// # Errors
    /// As [`SealedLog::open`].
    pub fn open_labelled(path: &Path, label: &str, key: &DerivedKey) -> Result<Self, LogError> {
        Self::open_as(path, label.as_bytes().to_vec(), key)
    }

    /// Removes every record and goes on as a new log with keys of its own, in the same file, which stays locked meanwhile.
    ///
    /// # Errors
    /// [`LogError::File`], [`LogError::NoRandom`].
    pub fn begin_anew(self, key: &DerivedKey) -> Result<Self, LogError> {
        Self::start(self.file, &self.path, self.label, key, 0)
    }
}

impl SealedLogReader {
    /// Reads a log that was sealed under `label`. A torn end is left out; [`SealedLogReader::bytes_left`] tells of it.
    ///
    /// # Errors
    /// As [`SealedLogReader::open`].
    pub fn open_labelled(path: &Path, label: &str, key: &DerivedKey) -> Result<Self, LogError> {
        Self::new(std::fs::File::open(path)?, label.as_bytes(), key)
    }
}
