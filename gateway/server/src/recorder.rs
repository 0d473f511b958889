//! Joins the gateway's recorder port to the audit log.

use std::collections::BTreeMap;

use async_trait::async_trait;
use audit::{AuditEntry, AuditEvent, AuditLog, Decision, EventKind, Outcome, Protocol, SqlText};
use query::{AccessOutcome, AccessRecord, OpenRecord, Recorder, RecorderError};

/// Writes each request to the audit log.
#[derive(Debug)]
pub(crate) struct AuditRecorder(pub(crate) AuditLog);

#[derive(Debug)]
struct OpenEntry(AuditEntry);

#[async_trait]
impl Recorder for AuditRecorder {
    async fn open(&self, record: AccessRecord) -> Result<Box<dyn OpenRecord>, RecorderError> {
        let entry = self.0.begin(event_of(record)).await.map_err(|error| {
            tracing::error!(error = %error, "audit record not written");
            RecorderError
        })?;
        Ok(Box::new(OpenEntry(entry)))
    }
}

#[async_trait]
impl OpenRecord for OpenEntry {
    async fn close(self: Box<Self>, outcome: AccessOutcome) -> Result<(), RecorderError> {
        let outcome = Outcome {
            rows: outcome.rows,
            bytes: outcome.bytes,
            error_code: outcome.error_code.map(str::to_owned),
            duration_ms: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
        };
        self.0.close(outcome).await.map_err(|_| RecorderError)
    }
}

fn event_of(record: AccessRecord) -> AuditEvent {
    let protocol = match record.protocol {
        "pgwire" => Protocol::Pg,
        "flightsql" => Protocol::Flight,
        "console" => Protocol::Console,
        "cli" => Protocol::Cli,
        _ => Protocol::Rest,
    };
    let kind = match record.kind {
        "record" | "list" => EventKind::Record,
        "search" => EventKind::Search,
        "reveal" => EventKind::Reveal,
        "catalog" => EventKind::Catalog,
        _ => EventKind::Query,
    };
    let decision = match record.denied {
        Some(code) => Decision::Denied { code: code.to_owned() },
        None => Decision::Allowed,
    };
    let mut event = AuditEvent::new(record.request_id, kind, protocol, decision).by(&record.principal);
    event.token_id = record.token_id;
    let mut relations: Vec<String> = record
        .columns
        .iter()
        .filter_map(|column| column.rsplit_once('.').map(|(relation, _)| relation.to_owned()))
        .collect();
    relations.dedup();
    let mut grants: Vec<String> = record.masked.iter().map(|masked| masked.rule.clone()).collect();
    grants.sort_unstable();
    grants.dedup();
    event.relations = relations;
    event.columns = record.columns;
    event.masks = record
        .masked
        .into_iter()
        .map(|masked| (format!("{}.{}", masked.relation, masked.column), masked.mask))
        .collect::<BTreeMap<_, _>>();
    event.grants = grants;
    event.policy_version = Some(record.policy_version);
    event.data_version = Some(record.data_version);
    event.client = record.client;
    event.sql = Some(SqlText::new(&record.sql));
    event
}
