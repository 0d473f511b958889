//! Writing an archive, or going on with one that was interrupted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::Utc;
use lake::{DerivedKey, SealedLog, sync_parent};

use super::format::{AuditState, Begin, End, Entry, Manifest, Record};
use super::tally::Tally;
use super::{LABEL, sealed_failure};
use crate::Failure;
use crate::audit_chains::AuditChain;

/// Bytes that share one wait for the disk. As much is lost at most when the process is killed.
const FLUSH_BYTES: usize = 4 << 20;

/// The unfinished archive beside its final name. The file is locked while this lives.
///
/// Going on after a kill adds records to the same sealed file: each record has a random nonce of its own, so that no nonce
/// comes twice, also where a torn record was cut and its place is taken by another.
#[derive(Debug)]
pub(super) struct ArchiveWriter {
    log: SealedLog,
    part: PathBuf,
    tally: Tally,
    waiting: Vec<Vec<u8>>,
    waiting_bytes: usize,
}

impl ArchiveWriter {
    /// Opens the part, or makes it, and reads what is in it.
    pub(super) fn open(part: &Path, key: &DerivedKey) -> Result<Self, Failure> {
        let failed = |error| sealed_failure(part, &error);
        let log = SealedLog::open_labelled(part, LABEL, key).map_err(failed)?;
        let mut tally = Tally::default();
        for record in log.iter().map_err(failed)? {
            tally.take(&Record::decode(&record.map_err(failed)?)?)?;
        }
        Ok(Self { log, part: part.to_owned(), tally, waiting: Vec::new(), waiting_bytes: 0 })
    }

    /// The same file, emptied.
    pub(super) fn begin_anew(self, key: &DerivedKey) -> Result<Self, Failure> {
        let log = self.log.begin_anew(key).map_err(|error| sealed_failure(&self.part, &error))?;
        Ok(Self { log, part: self.part, tally: Tally::default(), waiting: Vec::new(), waiting_bytes: 0 })
    }

    /// What is in it.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Begins an empty archive; gives how much of each audit chain it is to hold.
    pub(super) fn begin(&mut self, begin: Begin) -> Result<BTreeMap<AuditChain, AuditState>, Failure> {
        let audit = begin.audit.clone();
        self.push(Record::Begin(begin))?;
        Ok(audit)
    }

    /// Begins the entry, unless it is the one that is open.
    pub(super) fn enter(&mut self, entry: &Entry) -> Result<(), Failure> {
        match self.tally.open() {
            Some((open, _)) if open == entry => Ok(()),
            _ => self.push(Record::Entry(entry.clone())),
        }
    }

    pub(super) fn piece(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        self.push(Record::Piece(bytes))
    }

    /// Ends the entry, all of whose bytes were given.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        let sha256 = self.tally.digest().unwrap_or_default();
        self.push(Record::End(End { sha256 }))
    }

    /// Writes the manifest, if it is not there from an earlier run, and puts the archive in its place, which must be free.
    pub(super) fn complete(mut self, tables: BTreeMap<String, u64>, out: &Path) -> Result<Manifest, Failure> {
        let manifest = match self.tally.manifest() {
            Some(manifest) => manifest.clone(),
            None => {
                let manifest = Manifest {
                    finished_at: Utc::now(),
                    entries: self.tally.n_entries(),
                    bytes: self.tally.bytes(),
                    entries_sha256: self.tally.entries_sha256(),
                    tables,
                };
                self.push(Record::Manifest(manifest.clone()))?;
                manifest
            }
        };
        self.flush()?;
        place(&self.part, out)?;
        sync_parent(out)?;
        Ok(manifest)
    }

    fn push(&mut self, record: Record) -> Result<(), Failure> {
        self.tally.take(&record)?;
        let bytes = record.encode()?;
        self.waiting_bytes += bytes.len();
        self.waiting.push(bytes);
        if self.waiting_bytes >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Waits until everything so far is on the disk.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let written = self.log.append_all(self.waiting.iter().map(Vec::as_slice));
        written.map_err(|error| sealed_failure(&self.part, &error))?;
        self.waiting.clear();
        self.waiting_bytes = 0;
        Ok(())
    }
}

/// Gives the archive its name.
fn place(part: &Path, out: &Path) -> Result<(), Failure> {
    // A link fails where a file is, other than a rename: nothing is ever overwritten.
    match std::fs::hard_link(part, out) {
        Ok(()) => Ok(std::fs::remove_file(part)?),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(out)),
        // Removable disks and network folders may know no links.
        Err(_) if !out.exists() => Ok(std::fs::rename(part, out)?),
        Err(error) => Err(error.into()),
    }
}

/// An archive is never overwritten.
pub(super) fn exists(out: &Path) -> Failure {
    Failure::usage(
        format!("{} 已存在,不会覆盖", out.display()),
        format!("{} exists already and is left alone", out.display()),
    )
}

#[cfg(test)]
mod tests;
