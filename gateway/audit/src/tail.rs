//! Where the chain ends: read when the log is opened, and again after the disk has failed.

use std::collections::HashSet;

use crate::chain::Anchor;
use crate::segment::{SealedAppend, Segments, sealed_bytes};
use crate::{AuditError, Content, Recovered, RecoveryReason, StoredRecord};

/// What was found at the end of the log.
pub(crate) struct Tail {
    pub(crate) head: Anchor,
    /// Sequence and hash of each record of the last segment that has any.
    hashes: Vec<Anchor>,
    /// Sequence and request of what was opened there and not closed.
    pub(crate) unclosed: Vec<(u64, String)>,
    /// Bytes of a torn record that were cut.
    pub(crate) bytes_cut: u64,
}

/// The tail, and the segment that is now open for appending.
pub(crate) struct Found {
    pub(crate) log: Box<dyn SealedAppend>,
    pub(crate) segment: u32,
    /// How much is in it.
    pub(crate) bytes: u64,
    pub(crate) tail: Tail,
}

impl Tail {
    /// Opens the last segment for appending and reads the last one that has records: an empty one is left by a crash
    /// that came between the making of a file and its first record.
    pub(crate) fn find(segments: &dyn Segments) -> Result<Found, AuditError> {
        let existing = segments.list()?;
        let segment = existing.last().copied().unwrap_or(1);
        let (log, bytes_cut) = segments.open(segment).map_err(AuditError::unreadable(segment))?;
        let mut found = Found { log, segment, bytes: 0, tail: Self::before_the_first(bytes_cut) };
        for number in existing.into_iter().rev() {
            let records = segments.read(number).map_err(AuditError::unreadable(number))?;
            if number == segment {
                found.bytes = sealed_bytes(&records);
            }
            if !records.is_empty() {
                found.tail.read(&records).ok_or(AuditError::Damaged { segment: number })?;
                break;
            }
        }
        Ok(found)
    }

    fn before_the_first(bytes_cut: u64) -> Self {
        Self { head: Anchor::genesis(), hashes: Vec::new(), unclosed: Vec::new(), bytes_cut }
    }

    fn read(&mut self, records: &[Vec<u8>]) -> Option<()> {
        let mut closed = HashSet::new();
        for bytes in records {
            let record = StoredRecord::parse(bytes)?;
            match record.content {
                Content::Opened { event, .. } => self.unclosed.push((record.sequence, event.request_id)),
                Content::Closed(closing) => {
                    closed.insert(closing.opened_sequence);
                }
                // What was open then has been counted then.
                Content::Recovered(Recovered { reason: RecoveryReason::Restart, .. }) => self.unclosed.clear(),
                Content::Recovered(_) => {}
            }
            self.hashes.push(Anchor { sequence: record.sequence, hash: record.hash });
        }
        self.unclosed.retain(|(sequence, _)| !closed.contains(sequence));
        self.head = self.hashes.last()?.clone();
        Some(())
    }

    /// Whether `known` is a record of this tail, or lies before its first one.
    pub(crate) fn contains_known(&self, known: &Anchor) -> bool {
        self.hashes.first().is_none_or(|first| known.sequence < first.sequence) || self.hashes.contains(known)
    }
}
