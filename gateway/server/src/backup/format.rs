//! The records of an archive.
//!
//! ```text
//! archive = begin (entry piece … end) … manifest
//! record  = kind(1) content
//! ```
//! `piece` is raw bytes, the others are JSON. The sealed file underneath binds every record to its place in its archive.

use std::collections::BTreeMap;

use audit::{Anchor, Extent};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::audit_chains::AuditChain;

/// Number of this format. A reader refuses any other.
pub(super) const FORMAT: u32 = 1;

/// Bytes of one piece at most.
pub(super) const PIECE_BYTES: u64 = 1 << 20;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Begin(Begin),
    Entry(Entry),
    Piece(Vec<u8>),
    End(End),
    Manifest(Manifest),
}

/// What the archive is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begin {
    pub(super) format: u32,
    pub(super) product: String,
    /// Everything in the archive is as of this moment.
    pub(super) started_at: DateTime<Utc>,
    /// The version published then.
    pub(super) published: Option<u64>,
    /// Each chain there was.
    pub(super) audit: BTreeMap<AuditChain, AuditState>,
}

/// A chain as of the beginning: it only grows, so that this much of it can be copied at any later time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct AuditState {
    pub(super) extents: Vec<Extent>,
    pub(super) records: u64,
    pub(super) head: Option<Anchor>,
    pub(super) faults: u64,
}

/// What an entry is, which decides how it is treated when it is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Configuration, policies and what else an operator may read.
    Setting,
    /// A private key. A rehearsal checks it but never writes it.
    Secret,
    /// An object of the data folder, as sealed there.
    Data,
    /// A file of an audit chain, as sealed there.
    Audit,
}

/// One file to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Path in the restored folder, with `/`.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Tells whether the original is still the one that was copied, when an archive is gone on with.
    pub(super) stamp: String,
}

/// The end of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) sha256: String,
}

/// The end of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) finished_at: DateTime<Utc>,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// SHA-256 over a line for each entry, in order: its digest, its length, its name.
    pub(super) entries_sha256: String,
    /// Rows of each table at the published version.
    pub(super) tables: BTreeMap<String, u64>,
}

impl Begin {
    /// Records of all chains.
    pub(super) fn audit_records(&self) -> u64 {
        self.audit.values().map(|state| state.records).sum()
    }

    /// Whether a chain was broken already.
    pub(super) fn is_audit_broken(&self) -> bool {
        self.audit.values().any(|state| state.faults > 0)
    }
}

impl Record {
    pub(super) fn encode(&self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Begin(begin) => json(b'B', begin),
            Self::Entry(entry) => json(b'E', entry),
            Self::Piece(bytes) => Ok([b"P".as_slice(), bytes].concat()),
            Self::End(end) => json(b'D', end),
            Self::Manifest(manifest) => json(b'M', manifest),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Failure> {
        let (kind, content) = bytes.split_first().ok_or_else(not_understood)?;
        let record = match kind {
            b'B' => Self::Begin(serde_json::from_slice(content).map_err(|_| not_understood())?),
            b'E' => Self::Entry(serde_json::from_slice(content).map_err(|_| not_understood())?),
            b'P' => Self::Piece(content.to_vec()),
            b'D' => Self::End(serde_json::from_slice(content).map_err(|_| not_understood())?),
            b'M' => Self::Manifest(serde_json::from_slice(content).map_err(|_| not_understood())?),
            _ => return Err(not_understood()),
        };
        Ok(record)
    }
}

fn json(kind: u8, content: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![kind];
    serde_json::to_writer(&mut bytes, content)
        .map_err(|error| Failure::caused_by("备份记录无法写出", "a record of the archive cannot be written", &error))?;
    Ok(bytes)
}

/// The seals hold, but the content is none this version writes.
pub(super) fn not_understood() -> Failure {
    Failure::failed(
        "备份内容无法识别,可能由更新的版本写成",
        "the archive is not understood: a newer version may have written it",
    )
}
