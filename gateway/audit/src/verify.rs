//! Is the chain whole.

use std::collections::HashSet;

use lake::LogError;
use serde::{Deserialize, Serialize};

use crate::chain::Anchor;
use crate::segment::Segments;
use crate::{AuditError, AuditReader, Content, Recovered, RecoveryReason, StoredRecord};

/// Most faults that are listed; more are counted.
const FAULTS_LISTED_MAX: usize = 100;

/// What a check of the whole log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Files read.
    pub segments: u32,
    /// Records read.
    pub records: u64,
    /// The newest record: what to write down outside the machine. `None` for an empty log.
    pub head: Option<Anchor>,
    /// Requests without an end: still open, or open when a process ended.
    pub unclosed: u64,
    /// What is wrong, oldest first, the first hundred.
    pub faults: Vec<ChainFault>,
    /// How many faults there are.
    pub fault_count: u64,
    /// The files, oldest first, each up to the end of its last whole record: what a copy of the log takes.
    #[serde(skip)]
    pub extents: Vec<Extent>,
}

/// How much of one file of the log is there for good: a torn end is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Name of the file in the log's folder.
    pub file: String,
    /// Bytes from its start.
    pub bytes: u64,
}

impl ChainReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.fault_count == 0
    }
}

/// One thing that is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum ChainFault {
    /// A file between the first and the last is missing, or the first is not number 1.
    #[error("file {segment} is missing")]
    SegmentMissing {
        /// Its number.
        segment: u32,
    },
    /// A file cannot be opened, or not with this key.
    #[error("file {segment} cannot be opened")]
    SegmentUnreadable {
        /// Its number.
        segment: u32,
    },
    /// A sealed record was changed, removed or moved; the rest of its file cannot be read.
    #[error("record {record} of file {segment} was changed, removed or moved")]
    SealBroken {
        /// The file.
        segment: u32,
        /// The record's place in it, from 0.
        record: u64,
    },
    /// A record is not in the form this crate writes.
    #[error("a record of file {segment} after number {after} is not a record")]
    NotARecord {
        /// The file.
        segment: u32,
        /// The last good number before it.
        after: u64,
    },
    /// Numbers are missing, repeated or out of order.
    #[error("record {expected} was expected in file {segment}, but {found} was found")]
    SequenceBroken {
        /// The file.
        segment: u32,
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A record does not name the hash of the one before it.
    #[error("record {sequence} does not follow the one before it")]
    LinkBroken {
        /// Its number.
        sequence: u64,
    },
    /// A record's content does not have the hash it names, or its statement does not.
    #[error("record {sequence} was changed")]
    HashWrong {
        /// Its number.
        sequence: u64,
    },
    /// A record that was written down elsewhere is not in the log, or is another.
    #[error("record {sequence} is not the one written down elsewhere, or is missing")]
    AnchorMissing {
        /// Its number.
        sequence: u64,
    },
    /// An end of a request that was not open.
    #[error("record {sequence} closes a request that is not open")]
    ClosesNothing {
        /// Its number.
        sequence: u64,
    },
}

impl AuditReader {
    /// Reads the whole log and checks every record, every link, and that the places in `anchors` are still what they
    /// were. Blocks: seconds per GiB.
    ///
    /// # Errors
    /// [`AuditError::Folder`] if the folder cannot be listed. What is wrong with the records is in the report.
    pub fn verify(&self, anchors: &[Anchor]) -> Result<ChainReport, AuditError> {
        let segments = self.segments.list()?;
        let mut check = Check {
            head: Anchor::genesis(),
            open: HashSet::new(),
            unclosed: 0,
            anchors: anchors.iter().filter(|anchor| anchor.sequence > 0).collect(),
            report: ChainReport {
                segments: 0,
                records: 0,
                head: None,
                unclosed: 0,
                faults: Vec::new(),
                fault_count: 0,
                extents: Vec::new(),
            },
        };
        let mut expected = 1;
        for segment in segments {
            for missing in expected..segment {
                check.fault(ChainFault::SegmentMissing { segment: missing });
            }
            expected = segment + 1;
            check.report.segments += 1;
            let path = self.segments.path(segment);
            let whole = self.check_segment(segment, &mut check);
            // A damaged file is copied as it is: what is wrong with it stays provable.
            let bytes = whole.or_else(|| Some(path.metadata().ok()?.len())).unwrap_or(0);
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            check.report.extents.push(Extent { file, bytes });
        }
        Ok(check.finish())
    }

    /// Gives the end of the last whole record; nothing if the file is damaged.
    fn check_segment(&self, segment: u32, check: &mut Check<'_>) -> Option<u64> {
        let mut reader = match self.segments.reader(segment) {
            Ok(Some(reader)) => reader,
            Ok(None) => return Some(0),
            Err(_) => {
                check.fault(ChainFault::SegmentUnreadable { segment });
                return None;
            }
        };
        let faults_before = check.report.fault_count;
        for bytes in reader.by_ref() {
            match bytes {
                Ok(bytes) => match StoredRecord::parse(&bytes) {
                    Some(record) => check.record(segment, &record, record.is_authentic(&self.hasher)),
                    None => check.fault(ChainFault::NotARecord { segment, after: check.head.sequence }),
                },
                Err(LogError::Damaged { number }) => check.fault(ChainFault::SealBroken { segment, record: number }),
                Err(_) => check.fault(ChainFault::SegmentUnreadable { segment }),
            }
        }
        (check.report.fault_count == faults_before).then(|| reader.position())
    }
}

struct Check<'a> {
    head: Anchor,
    /// Requests that are open at this point of the log.
    open: HashSet<u64>,
    /// Requests that were open when a process ended.
    unclosed: u64,
    anchors: Vec<&'a Anchor>,
    report: ChainReport,
}

impl Check<'_> {
    fn record(&mut self, segment: u32, record: &StoredRecord, authentic: bool) {
        let sequence = record.sequence;
        let expected = self.head.sequence + 1;
        if sequence != expected {
            self.fault(ChainFault::SequenceBroken { segment, expected, found: sequence });
        }
        if record.prev_hash != self.head.hash {
            self.fault(ChainFault::LinkBroken { sequence });
        }
        if !authentic {
            self.fault(ChainFault::HashWrong { sequence });
        }
        self.follow_requests(record);
        self.anchors.retain(|anchor| anchor.sequence != sequence || anchor.hash != record.hash);
        self.head = Anchor { sequence, hash: record.hash.clone() };
        self.report.records += 1;
    }

    fn follow_requests(&mut self, record: &StoredRecord) {
        match &record.content {
            Content::Opened { .. } => {
                self.open.insert(record.sequence);
            }
            Content::Closed(closing) => {
                if !self.open.remove(&closing.opened_sequence) {
                    self.fault(ChainFault::ClosesNothing { sequence: record.sequence });
                }
            }
            Content::Recovered(Recovered { reason: RecoveryReason::Restart, .. }) => {
                self.unclosed += self.open.len() as u64;
                self.open.clear();
            }
            Content::Recovered(_) => {}
        }
    }

    fn fault(&mut self, fault: ChainFault) {
        self.report.fault_count += 1;
        if self.report.faults.len() < FAULTS_LISTED_MAX {
            self.report.faults.push(fault);
        }
    }

    fn finish(mut self) -> ChainReport {
        for anchor in std::mem::take(&mut self.anchors) {
            self.fault(ChainFault::AnchorMissing { sequence: anchor.sequence });
        }
        self.report.unclosed = self.unclosed + self.open.len() as u64;
        self.report.head = (self.report.records > 0).then_some(self.head);
        self.report
    }
}
