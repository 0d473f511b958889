//! The access log: who asked for what, why, under which policy, and how many rows left.
//!
//! ```text
//! begin ── opened record on disk ──> rows may leave ──> close ── closed record on disk
//! ```
//! INVARIANT (audit before data): [`AuditLog::begin`] returns when the record is on the disk. If it fails, the caller
//! answers nothing. An [`AuditEntry`] that is dropped without [`AuditEntry::close`] is closed as aborted.
//!
//! - **One chain.** Each record names the SHA-256 of the record before it, over all files, from the first record on.
//!   [`AuditLog::verify`] and [`AuditReader::verify`] find records that were changed, removed, moved or added.
//!   What a chain cannot show is that its newest part is missing: write [`ChainReport::head`] down elsewhere, once a day,
//!   and hand it to [`AuditReader::verify`] later.
//! - **One writer.** A thread owns the files. Requests that come while it waits for the disk share the next wait
//!   (group commit), so that a thousand concurrent requests cost a few `fdatasync`s.
//! - **Only ciphertext at rest.** Every record goes through [`lake::SealedLog`]. The statement is part of the sealed
//!   record because it may hold personal values; outside it appears as a keyed hash only.
//! - **Failure is closed and heals.** A full disk makes `begin` fail; when there is room again the log goes on and a
//!   `recovered` record says so. After a crash a torn end is cut, and a `recovered` record says that too.
//!
//! # The records, field by field
//! Canonical JSON: names sorted, no white space. Absent means "not applicable". `hash` is the SHA-256 of the record
//! without `hash`; check one with `jq -cjS 'del(.hash)' | sha256sum`.
//!
//! | field | in | meaning |
//! |---|---|---|
//! | `type` | all | `opened`, `closed`, `recovered` |
//! | `sequence` | all | number of the record, from 1, without gaps, over all files |
//! | `time` | all | when it was written, `+08:00`, milliseconds |
//! | `prev_hash`, `hash` | all | the chain; the first `prev_hash` is 64 zeros |
//! | `request_id` | opened, closed | the id the client was given |
//! | `kind`, `protocol` | opened | what was asked, and over which protocol |
//! | `subject`, `role`, `purpose` | opened | the principal; absent if nobody was recognised |
//! | `token_id` | opened | the personal token the caller came with, if any; no secret |
//! | `policy_version`, `grants` | opened | content hash of the policy set; the rules that shaped the answer |
//! | `data_version` | opened | the published version of the tables that was read |
//! | `decision`, `code` | opened | `allowed`, or `denied` and why |
//! | `relations`, `columns`, `masks` | opened | what was touched; `relation.column`; column → mask |
//! | `record_id` | opened | the id asked for, where one record was |
//! | `sql_hash` | opened | HMAC-SHA256 of the statement: equal statements have equal hashes |
//! | `client` | opened | network address of the client |
//! | `opened_sequence` | closed | which `opened` record this closes |
//! | `rows`, `bytes`, `duration_ms`, `error_code` | closed | what left; `aborted` is true if the request ended without saying |
//! | `reason`, `bytes_cut`, `unclosed`, `failed` | recovered | see [`Recovered`] |

mod chain;
mod error;
mod event;
mod log;
mod reader;
mod record;
mod search;
mod segment;
mod tail;
mod verify;
mod writer;

pub use chain::Anchor;
pub use error::AuditError;
pub use event::{AuditEvent, Decision, EventKind, Outcome, Protocol, SQL_BYTES_MAX, SqlText};
pub use log::{AuditEntry, AuditLog};
pub use reader::{AuditReader, Records};
pub use record::{Closing, Content, Recovered, RecoveryReason, StoredRecord};
pub use search::{EVENTS_MAX, EventFilter, StoredEvent};
pub use verify::{ChainFault, ChainReport, Extent};
