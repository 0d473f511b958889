//! What an archive holds so far. Writer and readers count the same way, record by record.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::format::{Begin, Entry, FORMAT, Manifest, Record, not_understood};
use crate::Failure;

/// The records taken in so far, checked against each other.
#[derive(Debug, Default)]
pub(super) struct Tally {
    begin: Option<Begin>,
    whole: BTreeMap<String, Entry>,
    open: Option<OpenEntry>,
    bytes: u64,
    digests: Sha256,
    manifest: Option<Manifest>,
}

/// An entry whose end has not come yet.
#[derive(Debug)]
struct OpenEntry {
    entry: Entry,
    bytes: u64,
    digest: Sha256,
}

impl Tally {
    /// Takes in the next record.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), Failure> {
        if self.manifest.is_some() || (self.begin.is_none() && !matches!(record, Record::Begin(_))) {
            return Err(not_understood());
        }
        match record {
            Record::Begin(begin) if self.begin.is_none() && begin.format == FORMAT => self.begin = Some(begin.clone()),
            Record::Entry(entry) => self.start(entry)?,
            Record::Piece(bytes) => self.add(bytes)?,
            Record::End(end) if self.digest().is_some_and(|digest| digest == end.sha256) => self.end(&end.sha256),
            Record::End(_) => return Err(self.changed()),
            Record::Manifest(manifest) if self.is_right(manifest) => self.manifest = Some(manifest.clone()),
            Record::Begin(_) | Record::Manifest(_) => return Err(not_understood()),
        }
        Ok(())
    }

    fn start(&mut self, entry: &Entry) -> Result<(), Failure> {
        if self.open.is_some() || self.whole.contains_key(&entry.name) || !is_inside(&entry.name) {
            return Err(not_understood());
        }
        self.open = Some(OpenEntry { entry: entry.clone(), bytes: 0, digest: Sha256::new() });
        Ok(())
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let open = self.open.as_mut().ok_or_else(not_understood)?;
        open.bytes += piece.len() as u64;
        open.digest.update(piece);
        if open.bytes > open.entry.bytes { Err(not_understood()) } else { Ok(()) }
    }

    fn end(&mut self, sha256: &str) {
        if let Some(OpenEntry { entry, bytes, .. }) = self.open.take() {
            self.bytes += bytes;
            self.digests.update(format!("{sha256} {bytes} {}\n", entry.name).as_bytes());
            self.whole.insert(entry.name.clone(), entry);
        }
    }

    fn is_right(&self, manifest: &Manifest) -> bool {
        self.open.is_none()
            && manifest.entries == self.n_entries()
            && manifest.bytes == self.bytes
            && manifest.entries_sha256 == self.entries_sha256()
    }

    fn changed(&self) -> Failure {
        let name = self.open.as_ref().map_or("-", |open| open.entry.name.as_str());
        Failure::failed(
            format!("备份中的 {name} 与其摘要不符"),
            format!("{name} in the archive is not what its digest says"),
        )
    }

    /// How the archive began; nothing if it is still empty.
    pub(super) fn begin(&self) -> Option<&Begin> {
        self.begin.as_ref()
    }

    /// How the archive ended; nothing if it has not.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Entries that are whole, by name.
    pub(super) fn whole(&self) -> &BTreeMap<String, Entry> {
        &self.whole
    }

    /// The entry that is not, and how much of it is there.
    pub(super) fn open(&self) -> Option<(&Entry, u64)> {
        self.open.as_ref().map(|open| (&open.entry, open.bytes))
    }

    /// Digest of the open entry, if all its bytes are there.
    pub(super) fn digest(&self) -> Option<String> {
        let open = self.open.as_ref().filter(|open| open.bytes == open.entry.bytes)?;
        Some(hex::encode(open.digest.clone().finalize()))
    }

    pub(super) fn n_entries(&self) -> u64 {
        self.whole.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn entries_sha256(&self) -> String {
        hex::encode(self.digests.clone().finalize())
    }
}

/// Whether a name stays inside the folder it is restored to, on every system.
fn is_inside(name: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && !part.contains(['\\', ':', '\0']);
    name.split('/').all(is_plain)
}

#[cfg(test)]
mod tests;
