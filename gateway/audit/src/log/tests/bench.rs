//! A log whose disk can fail, and whose files can be rewritten by somebody who has the key.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use lake::{LogError, MasterKey, SealedLog};

use super::super::*;
use crate::segment::SealedAppend;
use crate::{ChainFault, Decision, EventFilter, EventKind, Protocol, SqlText, StoredEvent, StoredRecord};

pub(super) fn key() -> DerivedKey {
    MasterKey::from_bytes([7; 32]).derive("audit")
}

/// A folder with a log in it, whose segments may be small and whose disk may fail.
pub(super) struct Bench {
    dir: tempfile::TempDir,
    pub(super) disk: Arc<Disk>,
    segment_bytes: u64,
}

/// What the disk does to appends.
#[derive(Debug, Default)]
pub(super) struct Disk {
    fault: Mutex<Fault>,
    pub(super) appends: AtomicUsize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    #[default]
    None,
    /// Nothing can be written.
    Full,
    /// The records arrive, but the disk says they did not, and takes no more through this file.
    LandsButSaysStopped,
}

struct FaultySegments {
    real: SealedSegments,
    disk: Arc<Disk>,
}

struct FaultyLog {
    real: Box<dyn SealedAppend>,
    disk: Arc<Disk>,
}

fn disk_full() -> LogError {
    LogError::File { source: std::io::Error::from(std::io::ErrorKind::StorageFull) }
}

impl Segments for FaultySegments {
    fn list(&self) -> Result<Vec<u32>, AuditError> {
        self.real.list()
    }

    fn open(&self, segment: u32) -> Result<(Box<dyn SealedAppend>, u64), LogError> {
        if *self.disk.fault.lock().unwrap() == Fault::Full {
            return Err(disk_full());
        }
        let (real, bytes_cut) = self.real.open(segment)?;
        Ok((Box::new(FaultyLog { real, disk: Arc::clone(&self.disk) }), bytes_cut))
    }

    fn read(&self, segment: u32) -> Result<Vec<Vec<u8>>, LogError> {
        self.real.read(segment)
    }
}

impl SealedAppend for FaultyLog {
    fn append_all(&mut self, records: &[Vec<u8>]) -> Result<(), LogError> {
        self.disk.appends.fetch_add(1, Ordering::SeqCst);
        match *self.disk.fault.lock().unwrap() {
            Fault::None => self.real.append_all(records),
            Fault::Full => Err(disk_full()),
            Fault::LandsButSaysStopped => {
                self.real.append_all(records)?;
                Err(LogError::Stopped)
            }
        }
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with_segments_of(SEGMENT_BYTES)
    }

    pub(super) fn with_segments_of(segment_bytes: u64) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), disk: Arc::default(), segment_bytes }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    pub(super) fn try_open(&self) -> Result<AuditLog, AuditError> {
        let real = SealedSegments::new(&self.folder(), key());
        let segments = FaultySegments { real, disk: Arc::clone(&self.disk) };
        AuditLog::over(&self.folder(), key(), Box::new(segments), self.segment_bytes)
    }

    pub(super) fn open(&self) -> AuditLog {
        self.try_open().unwrap()
    }

    pub(super) fn set(&self, fault: Fault) {
        *self.disk.fault.lock().unwrap() = fault;
    }

    pub(super) fn reader(&self) -> AuditReader {
        AuditReader::new(&self.folder(), key())
    }

    pub(super) fn records(&self) -> Vec<StoredRecord> {
        self.reader().records().unwrap().collect::<Result<_, _>>().unwrap()
    }

    pub(super) fn events(&self) -> Vec<StoredEvent> {
        self.reader().events(&EventFilter::default()).unwrap().collect()
    }

    pub(super) fn segment(&self, number: u32) -> PathBuf {
        SealedSegments::new(&self.folder(), key()).path(number)
    }

    /// Rewrites a segment as somebody who has the key could: other records, all seals in order.
    pub(super) fn rewrite(&self, number: u32, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let mut records = SealedSegments::new(&self.folder(), key()).read(number).unwrap();
        change(&mut records);
        std::fs::remove_file(self.segment(number)).unwrap();
        let mut log = SealedLog::open(&self.segment(number), key()).unwrap();
        log.append_all(records.iter().map(Vec::as_slice)).unwrap();
    }

    /// `n` requests, opened and closed, and the log shut.
    pub(super) async fn with_requests(self, n: usize) -> Self {
        let log = self.open();
        for idx in 0..n {
            let entry = log.begin(event(&format!("r{idx}"))).await.unwrap();
            entry.close(Outcome { rows: idx as u64, ..Outcome::default() }).await.unwrap();
        }
        log.shutdown().await;
        self
    }

    pub(super) fn faults(&self) -> Vec<ChainFault> {
        self.reader().verify(&[]).unwrap().faults
    }
}

pub(super) fn event(request_id: &str) -> AuditEvent {
    let mut event = AuditEvent::new(request_id, EventKind::Query, Protocol::Rest, Decision::Allowed);
    event.subject = Some("worker-7".to_owned());
    event.sql = Some(SqlText::new(&format!("select 1 -- {request_id}")));
    event
}
