//! What commands of the quarantine leave on record: who took rows out, corrected them, took that back.
//!
//! They go into the commands' own chain, [`AuditChain::Commands`].

use std::time::Duration;

use audit::{AuditEntry, AuditError, AuditEvent, AuditLog, Decision, EventKind, Outcome, Protocol};
use schemas::DatasetId;

use crate::Failure;
use crate::audit_chains::AuditChain;
use crate::site::Site;

/// How long another command may hold the log.
const TURN_TRIES: u32 = 100;
const TURN_INTERVAL: Duration = Duration::from_millis(100);

/// A command on record. Dropping it records that nobody knows how it ended.
pub(super) struct Trail {
    log: AuditLog,
    entry: AuditEntry,
}

/// Records that somebody begins to change what is on record about a dataset.
pub(super) async fn begin(site: &Site, what: &str, author: &str, dataset: &DatasetId) -> Result<Trail, Failure> {
    let mut event = AuditEvent::new(request_id(what), EventKind::Quarantine, Protocol::Cli, Decision::Allowed);
    event.subject = Some(author.to_owned());
    event.relations = vec![dataset.to_string()];
    record(site, event).await
}

/// Puts an event on record before anything of it is done.
pub(super) async fn record(site: &Site, event: AuditEvent) -> Result<Trail, Failure> {
    let unusable = |error: AuditError| {
        Failure::caused_by("审计记录无法写入,未执行", "the audit record cannot be written; nothing was done", &error)
    };
    let mut tries = 0;
    let log = loop {
        match AuditChain::Commands.open(site) {
            Err(AuditError::InUse) if tries < TURN_TRIES => {
                tries += 1;
                tokio::time::sleep(TURN_INTERVAL).await;
            }
            opened => break opened.map_err(unusable)?,
        }
    };
    let entry = log.begin(event).await.map_err(unusable)?;
    Ok(Trail { log, entry })
}

impl Trail {
    /// Records the end, with the rows concerned.
    pub(super) async fn close(self, rows: u64) -> Result<(), Failure> {
        self.end(Outcome { rows, ..Outcome::default() }).await
    }

    pub(super) async fn end(self, outcome: Outcome) -> Result<(), Failure> {
        let closed = self.entry.close(outcome).await;
        self.log.shutdown().await;
        closed.map_err(|error| {
            Failure::caused_by("审计记录未能写完", "the end of the audit record was not written", &error)
        })
    }
}

/// A name for a command on record.
pub(super) fn request_id(what: &str) -> String {
    format!("quarantine-{what}-{}", chrono::Utc::now().timestamp_micros())
}
