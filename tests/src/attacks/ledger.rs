//! A recorder that keeps what it is told, so that tests can ask what was recorded.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use query::{AccessOutcome, AccessRecord, OpenRecord, Recorder, RecorderError};

/// One record and how it ended.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As opened.
    pub record: AccessRecord,
    /// As closed.
    pub outcome: Option<AccessOutcome>,
}

/// Every record so far.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<Entry>>>);

impl Ledger {
    /// Takes all records out.
    #[must_use]
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[derive(Debug)]
struct Open {
    ledger: Ledger,
    record: AccessRecord,
}

#[async_trait]
impl Recorder for Ledger {
    async fn open(&self, record: AccessRecord) -> Result<Box<dyn OpenRecord>, RecorderError> {
        Ok(Box::new(Open { ledger: self.clone(), record }))
    }
}

#[async_trait]
impl OpenRecord for Open {
    async fn close(self: Box<Self>, outcome: AccessOutcome) -> Result<(), RecorderError> {
        let Self { ledger, record } = *self;
        ledger.0.lock().unwrap().push(Entry { record, outcome: Some(outcome) });
        Ok(())
    }
}
