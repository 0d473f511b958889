//! Finding events: who looked at what, between when and when.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use serde::Serialize;

use crate::segment::Segments;
use crate::{
    AuditError, AuditEvent, AuditReader, Closing, Content, Decision, EventKind, Protocol, Recovered, RecoveryReason,
    StoredRecord,
};

/// Most events one search gives.
pub const EVENTS_MAX: usize = 10_000;
/// Events one search gives if nothing is said.
const EVENTS_DEFAULT: usize = 100;
/// How far the machine's clock may have gone back within the log for a search by time still to find everything.
const CLOCK_SLACK: TimeDelta = TimeDelta::days(1);

/// Which events to find: all conditions that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Not before this moment.
    pub since: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Numbered lower than this: the `sequence` of the last event of the page before.
    pub before_sequence: Option<u64>,
    /// By this subject.
    pub subject: Option<String>,
    /// In this role.
    pub role: Option<String>,
    /// For this purpose.
    pub purpose: Option<String>,
    /// Of this kind.
    pub kind: Option<EventKind>,
    /// Over this protocol.
    pub protocol: Option<Protocol>,
    /// The request with this id.
    pub request_id: Option<String>,
    /// Touching this relation.
    pub relation: Option<String>,
    /// Touching this column, written `relation.column`.
    pub column: Option<String>,
    /// Asking for the record with this id.
    pub record_id: Option<String>,
    /// With the statement of this keyed hash.
    pub sql_hash: Option<String>,
    /// True: only denied requests; false: only allowed ones.
    pub denied: Option<bool>,
    /// At most this many, the newest; at most [`EVENTS_MAX`]. Default 100.
    pub limit: usize,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self {
            since: None,
            until: None,
            before_sequence: None,
            subject: None,
            role: None,
            purpose: None,
            kind: None,
            protocol: None,
            request_id: None,
            relation: None,
            column: None,
            record_id: None,
            sql_hash: None,
            denied: None,
            limit: EVENTS_DEFAULT,
        }
    }
}

/// A request as recorded, from its beginning to its end.
#[derive(Debug, Clone, Serialize)]
pub struct StoredEvent {
    /// Number of its `opened` record.
    pub sequence: u64,
    /// When it began.
    pub time: DateTime<FixedOffset>,
    /// Hash of its `opened` record.
    pub hash: String,
    /// What was asked. The statement is in it, though not in its JSON: show it only to whoever may see it.
    pub event: Box<AuditEvent>,
    /// The keyed hash of the statement.
    pub sql_hash: Option<String>,
    /// How it ended; `None` if it is still open, or was when the process ended.
    pub closing: Option<Closing>,
}

impl EventFilter {
    fn accepts(&self, record: &StoredRecord, event: &AuditEvent, sql_hash: Option<&String>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&String>| wanted.is_none() || wanted.as_ref() == found;
        let among = |wanted: &Option<String>, found: &[String]| wanted.as_ref().is_none_or(|text| found.contains(text));
        self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
            && self.before_sequence.is_none_or(|before| record.sequence < before)
            && is(&self.subject, event.subject.as_ref())
            && is(&self.role, event.role.as_ref())
            && is(&self.purpose, event.purpose.as_ref())
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.protocol.is_none_or(|protocol| event.protocol == protocol)
            && is(&self.request_id, Some(&event.request_id))
            && among(&self.relation, &event.relations)
            && among(&self.column, &event.columns)
            && is(&self.record_id, event.record_id.as_ref())
            && is(&self.sql_hash, sql_hash)
            && self.denied.is_none_or(|denied| matches!(event.decision, Decision::Denied { .. }) == denied)
    }
}

impl AuditReader {
    /// The newest events that pass `filter`, newest first. Blocks: reads the files that can hold such events, about a
    /// second each. Memory: at most `limit` events.
    ///
    /// # Errors
    /// [`AuditError::Folder`], [`AuditError::Unreadable`], [`AuditError::Damaged`]: a damaged log gives no partial answer.
    pub fn events(&self, filter: &EventFilter) -> Result<impl Iterator<Item = StoredEvent> + use<>, AuditError> {
        let limit = filter.limit.min(EVENTS_MAX);
        let mut found: BTreeMap<u64, StoredEvent> = BTreeMap::new();
        for record in self.records_of(self.segments_since(filter.since)?) {
            let record = record?;
            match &record.content {
                Content::Opened { event, sql_hash } if filter.accepts(&record, event, sql_hash.as_ref()) => {
                    let stored = StoredEvent {
                        sequence: record.sequence,
                        time: record.time,
                        hash: record.hash.clone(),
                        event: event.clone(),
                        sql_hash: sql_hash.clone(),
                        closing: None,
                    };
                    found.insert(record.sequence, stored);
                    if found.len() > limit {
                        found.pop_first();
                    }
                }
                Content::Closed(closing) => {
                    if let Some(stored) = found.get_mut(&closing.opened_sequence) {
                        stored.closing = Some(closing.clone());
                    }
                }
                Content::Opened { .. } | Content::Recovered(_) => {}
            }
        }
        Ok(found.into_values().rev())
    }

    /// How often the log recovered from an interruption, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// As for [`AuditReader::events`].
    pub fn recoveries(&self, limit: usize) -> Result<Vec<(DateTime<FixedOffset>, Recovered)>, AuditError> {
        let mut found = VecDeque::new();
        for record in self.records()? {
            let record = record?;
            if let Content::Recovered(recovered) = record.content {
                found.push_front((record.time, recovered));
                found.truncate(limit.min(EVENTS_MAX));
            }
        }
        Ok(found.into())
    }

    /// The segments that can hold records since `since`: from the last one that began before it, with some slack.
    fn segments_since(&self, since: Option<DateTime<Utc>>) -> Result<Vec<u32>, AuditError> {
        let mut segments = self.segments.list()?;
        let Some(since) = since.and_then(|since| since.checked_sub_signed(CLOCK_SLACK)) else {
            return Ok(segments);
        };
        let mut first = 0;
        for (idx, segment) in segments.iter().enumerate().rev() {
            let begins = self.records_of(vec![*segment]).next().transpose()?.map(|record| record.time);
            if begins.is_some_and(|begins| begins < since) {
                first = idx;
                break;
            }
        }
        Ok(segments.split_off(first))
    }
}

impl Recovered {
    /// Whether a process had ended without closing the log, rather than the disk having failed.
    #[must_use]
    pub fn after_restart(&self) -> bool {
        self.reason == RecoveryReason::Restart
    }
}
