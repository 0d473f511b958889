//! An append-only file of sealed records.
//!
//! ```text
//! file   = header record record …
//! header = magic(8) key id(8) salt(32) zero(16)                                  = 64 bytes
//! record = length(4) nonce(12) head tag(16) ciphertext(length - 16) tag(16)
//! ```
//! The keys are derived from the caller's key and the salt. File name, header, record number and length are associated
//! data of every record, so that a record opens only in its place; the head tag (HMAC-SHA256, 16 bytes) makes the length
//! trustworthy before the record is read, which tells a torn end from a changed length.
//!
//! A crash can leave the end of the file torn: the record that was being appended, which nobody was told of as written.
//! Opening the log cuts it and says so ([`SealedLog::recovery`]). Anything else that does not open is an error.
//! What the file cannot show by itself is that whole records are missing at its end: whoever needs that keeps the last
//! number elsewhere.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::DerivedKey;
use crate::local_store::sync_parent;

mod labelled;
mod record;

use record::{HEAD_BYTES, HEADER_BYTES, Head, LogCipher};

/// Plain bytes of one record at most: 16 MiB (little in tests).
const RECORD_BYTES_MAX: usize = if cfg!(test) { 1 << 16 } else { 16 << 20 };

/// Why a log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system failed.
    #[error("the log file cannot be read or written")]
    File {
        /// What the operating system said.
        #[from]
        source: std::io::Error,
    },
    /// Another process, or another part of this one, has the log open for appending.
    #[error("the log is open elsewhere")]
    InUse,
    /// Not a log, or sealed under another key.
    #[error("the log cannot be opened: not a log, or sealed under another key")]
    NotSealed,
    /// A record was changed, removed or moved. Records before it are in order.
    #[error("record {number} of the log was changed, removed or moved")]
    Damaged {
        /// Its number, from 0.
        number: u64,
    },
    /// Longer than a record may be.
    #[error("a record of {bytes} bytes is too long for the log")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// An earlier append failed and could not be undone: open the log again.
    #[error("the log failed earlier and takes no more records")]
    Stopped,
    /// The operating system gave no random bytes.
    #[error("no random bytes to seal with")]
    NoRandom,
}

/// What was found when a log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Records in order.
    pub n_records: u64,
    /// Bytes of a torn record that were cut from the end; 0 after an orderly end.
    pub bytes_cut: u64,
}

/// A log open for appending. There is at most one per file.
#[derive(Debug)]
pub struct SealedLog {
    file: File,
    path: PathBuf,
    label: Vec<u8>,
    cipher: LogCipher,
    recovery: Recovery,
    next: u64,
    /// Where the next record goes.
    end: u64,
    stopped: bool,
}

impl SealedLog {
    /// Opens the log, or makes it. Reads all records once, to find the last one in order.
    ///
    /// The file may be moved to another folder, but not renamed: its name is part of the seal.
    ///
    /// # Errors
    /// [`LogError::InUse`], [`LogError::NotSealed`], [`LogError::Damaged`], [`LogError::File`].
    pub fn open(path: &Path, key: DerivedKey) -> Result<Self, LogError> {
        Self::open_as(path, name_of(path), &key)
    }

    fn open_as(path: &Path, label: Vec<u8>, key: &DerivedKey) -> Result<Self, LogError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LogError::InUse),
            Err(TryLockError::Error(source)) => return Err(source.into()),
        }
        let len = file.metadata()?.len();
        // A header that was never completed: the log was being made.
        if len < HEADER_BYTES as u64 {
            return Self::start(file, path, label, key, len);
        }
        let mut reader = SealedLogReader::new(file.try_clone()?, &label, key)?;
        for record in reader.by_ref() {
            record?;
        }
        let (next, end) = (reader.next, reader.at);
        let recovery = Recovery { n_records: next, bytes_cut: len - end };
        if recovery.bytes_cut > 0 {
            tracing::warn!(n_records = next, bytes_cut = recovery.bytes_cut, "torn end of the log cut");
            file.set_len(end)?;
            file.sync_all()?;
        }
        file.seek(SeekFrom::Start(end))?;
        let cipher = reader.cipher;
        Ok(Self { file, path: path.to_owned(), label, cipher, recovery, next, end, stopped: false })
    }

    fn start(mut file: File, path: &Path, label: Vec<u8>, key: &DerivedKey, bytes_cut: u64) -> Result<Self, LogError> {
        let (cipher, header) = LogCipher::create(key, &label)?;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)?;
        file.sync_all()?;
        sync_parent(path)?;
        let recovery = Recovery { n_records: 0, bytes_cut };
        let end = HEADER_BYTES as u64;
        Ok(Self { file, path: path.to_owned(), label, cipher, recovery, next: 0, end, stopped: false })
    }

    /// What was found on opening.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.next
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// Adds one record and gives its number, from 0, when the record is on the disk.
    ///
    /// # Errors
    /// [`LogError::TooLong`]; [`LogError::File`], after which the record is not in the log.
    pub fn append(&mut self, record: &[u8]) -> Result<u64, LogError> {
        let number = self.next;
        self.append_all([record])?;
        Ok(number)
    }

    /// Adds several records with one wait for the disk. Either all are in the log afterwards, or an error is given; after
    /// a crash meanwhile, the first few may be there.
    ///
    /// # Errors
    /// As [`SealedLog::append`].
    pub fn append_all<'a>(&mut self, records: impl IntoIterator<Item = &'a [u8]>) -> Result<(), LogError> {
        if self.stopped {
            return Err(LogError::Stopped);
        }
        let mut bytes = Vec::new();
        let mut next = self.next;
        for record in records {
            if record.len() > RECORD_BYTES_MAX {
                return Err(LogError::TooLong { bytes: record.len() });
            }
            self.cipher.seal(next, record, &mut bytes)?;
            next += 1;
        }
        if let Err(source) = self.file.write_all(&bytes).and_then(|()| self.file.sync_data()) {
            self.undo();
            return Err(source.into());
        }
        self.end += bytes.len() as u64;
        self.next = next;
        Ok(())
    }

    /// Reads all records from the start. The log can be appended to meanwhile; what comes later is not read.
    ///
    /// # Errors
    /// [`LogError::File`], [`LogError::NotSealed`].
    pub fn iter(&self) -> Result<SealedLogReader, LogError> {
        let file = File::open(&self.path)?;
        let mut reader = SealedLogReader::with_cipher(file, self.cipher.clone())?;
        reader.len = self.end;
        Ok(reader)
    }

    /// All records.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if the file was changed since it was opened; as [`SealedLog::iter`].
    pub fn read_all(&self) -> Result<Vec<Vec<u8>>, LogError> {
        self.iter()?.collect()
    }

    /// After a failed append: back to the last record that is certain, or no further.
    fn undo(&mut self) {
        let undone = self.file.set_len(self.end).and_then(|()| self.file.seek(SeekFrom::Start(self.end)));
        // After a failed sync the kernel may have dropped the pages: nothing can be said about them any more.
        self.stopped = undone.and_then(|_| self.file.sync_all()).is_err();
    }
}

/// The records of a log, one after the other. Ends at the first one that does not open.
#[derive(Debug)]
pub struct SealedLogReader {
    file: BufReader<File>,
    cipher: LogCipher,
    next: u64,
    /// Where the next record starts.
    at: u64,
    len: u64,
    ended: bool,
}

impl SealedLogReader {
    /// Reads a log without opening it for appending and without changing it. A torn end is left out, as in
    /// [`SealedLog::open`].
    ///
    /// # Errors
    /// [`LogError::File`], [`LogError::NotSealed`].
    pub fn open(path: &Path, key: &DerivedKey) -> Result<Self, LogError> {
        Self::new(File::open(path)?, &name_of(path), key)
    }

    /// Where the next record would start: after the last one of a log that was read to its end.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Bytes that have not been given as records: more than none after the end of a torn log.
    #[must_use]
    pub fn bytes_left(&self) -> u64 {
        self.len.saturating_sub(self.at)
    }

    fn new(mut file: File, label: &[u8], key: &DerivedKey) -> Result<Self, LogError> {
        file.seek(SeekFrom::Start(0))?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => LogError::NotSealed,
            _ => source.into(),
        })?;
        Self::with_cipher(file, LogCipher::open(key, label, &header)?)
    }

    fn with_cipher(mut file: File, cipher: LogCipher) -> Result<Self, LogError> {
        let len = file.metadata()?.len();
        let at = HEADER_BYTES as u64;
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { file: BufReader::new(file), cipher, next: 0, at, len, ended: false })
    }

    fn read_record(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        let damaged = LogError::Damaged { number: self.next };
        let left = self.len.saturating_sub(self.at);
        if left < HEAD_BYTES as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD_BYTES];
        self.file.read_exact(&mut head)?;
        let Some(head) = Head::open(&head, self.next, &self.cipher) else {
            // Where a power failure left a file longer than what was written, it reads as zeros.
            return if head.iter().all(|b| *b == 0) && self.zeros_to_the_end()? { Ok(None) } else { Err(damaged) };
        };
        let body_len = head.body_len();
        let left = left - HEAD_BYTES as u64;
        if left < body_len as u64 {
            return Ok(None);
        }
        let mut body = vec![0; body_len];
        self.file.read_exact(&mut body)?;
        match self.cipher.open_body(&head, self.next, body) {
            Some(record) => {
                self.next += 1;
                self.at += (HEAD_BYTES + body_len) as u64;
                Ok(Some(record))
            }
            // The very last one: written in part, in no particular order.
            None if left == body_len as u64 => Ok(None),
            None => Err(damaged),
        }
    }

    fn zeros_to_the_end(&mut self) -> Result<bool, LogError> {
        let mut rest = Vec::new();
        self.file.by_ref().take(RECORD_BYTES_MAX as u64 * 2).read_to_end(&mut rest)?;
        Ok(rest.iter().all(|b| *b == 0))
    }
}

impl Iterator for SealedLogReader {
    type Item = Result<Vec<u8>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = self.read_record().transpose();
        self.ended = !matches!(record, Some(Ok(_)));
        record
    }
}

/// The name of the file, without its folder: a data folder can be moved as a whole.
fn name_of(path: &Path) -> Vec<u8> {
    path.file_name().unwrap_or_default().as_encoded_bytes().to_vec()
}

#[cfg(test)]
mod tests;
