//! The three kinds of record, to JSON and back.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::{SqlHasher, canonical, hash_of};
use crate::{AuditEvent, Outcome, SqlText};

/// A record as it is in the log.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    /// Its number, from 1.
    pub sequence: u64,
    /// When it was written, in China Standard Time.
    pub time: DateTime<FixedOffset>,
    /// Hash of the record before.
    pub prev_hash: String,
    /// Hash of this record.
    pub hash: String,
    /// What it says.
    pub content: Content,
    /// The JSON it was read from, without the statement.
    fields: Map<String, Value>,
}

/// What a record says.
#[derive(Debug, Clone)]
pub enum Content {
    /// A request began.
    Opened {
        /// The request.
        event: Box<AuditEvent>,
        /// The keyed hash of its statement.
        sql_hash: Option<String>,
    },
    /// A request ended.
    Closed(Closing),
    /// The log went on after an interruption.
    Recovered(Recovered),
}

/// How a request ended, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The `opened` record this closes.
    pub opened_sequence: u64,
    /// The request's id.
    pub request_id: String,
    /// True if the request ended without saying how: `outcome` is then zero and means "unknown".
    pub aborted: bool,
    /// What left.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Why the log had stopped, and what that cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// What had happened.
    pub reason: RecoveryReason,
    /// Bytes of a torn record that were cut from the end of the file. Nobody was told that it had been written.
    pub bytes_cut: u64,
    /// Requests of the last file that were open when the process ended; they stay without a `closed` record.
    pub unclosed: u64,
    /// Requests that were refused because their record could not be written.
    pub failed: u64,
}

/// What the log recovered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryReason {
    /// The process ended without closing the log.
    Restart,
    /// Records could not be written for a while.
    WriteFailure,
}

/// A record that is to be written.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Draft<'d> {
    Opened {
        #[serde(flatten)]
        event: &'d AuditEvent,
        #[serde(skip_serializing_if = "Option::is_none")]
        sql_hash: Option<String>,
    },
    Closed(&'d Closing),
    Recovered(&'d Recovered),
}

impl Draft<'_> {
    /// The fields of the record without number, time and chain. `None` only if serde_json cannot write it, which for
    /// these types does not happen; the caller treats it as an event that cannot be recorded.
    pub(crate) fn fields(&self) -> Option<Map<String, Value>> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => Some(fields),
            Ok(_) | Err(_) => None,
        }
    }
}

/// Now, as it is written into records.
pub(crate) fn china_time(now: DateTime<Utc>) -> String {
    // Eight hours east all year round; the second value cannot be out of range.
    let zone = FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| chrono::Offset::fix(&Utc));
    now.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Millis, false)
}

impl StoredRecord {
    /// Reads a record. `None` if it is not in the one form this crate writes.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(bytes) else {
            return None;
        };
        // One way to write each record: what would be read differently than it was hashed is not accepted.
        if canonical(fields.clone()).as_bytes() != bytes {
            return None;
        }
        let sql = match fields.shift_remove("sql") {
            None => None,
            Some(Value::String(sql)) => Some(SqlText::new(&sql)),
            Some(_) => return None,
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let whole = || Value::Object(fields.clone());
        let content = match text("type")?.as_str() {
            "opened" => {
                let mut event: AuditEvent = serde_json::from_value(whole()).ok()?;
                event.sql = sql;
                Content::Opened { event: Box::new(event), sql_hash: text("sql_hash") }
            }
            "closed" => Content::Closed(serde_json::from_value(whole()).ok()?),
            "recovered" => Content::Recovered(serde_json::from_value(whole()).ok()?),
            _ => return None,
        };
        Some(Self {
            sequence: fields.get("sequence").and_then(Value::as_u64)?,
            time: DateTime::parse_from_rfc3339(&text("time")?).ok()?,
            prev_hash: text("prev_hash")?,
            hash: text("hash")?,
            content,
            fields,
        })
    }

    /// The record as canonical JSON without the statement: what may be exported, and what the hash can be checked with.
    #[must_use]
    pub fn to_json(&self) -> String {
        canonical(self.fields.clone())
    }

    /// Whether the hash is that of the content, and the statement the one that was hashed.
    pub(crate) fn is_authentic(&self, hasher: &SqlHasher) -> bool {
        let mut unhashed = self.fields.clone();
        unhashed.shift_remove("hash");
        let statement_fits = match &self.content {
            Content::Opened { event, sql_hash } => event.sql.as_ref().map(|sql| hasher.hash(sql)) == *sql_hash,
            Content::Closed(_) | Content::Recovered(_) => true,
        };
        statement_fits && hash_of(&unhashed) == self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{Anchor, link};
    use crate::{Decision, EventKind, Protocol};

    #[test]
    fn times_are_china_standard_time_with_milliseconds() {
        let time = DateTime::parse_from_rfc3339("2026-01-01T18:00:00Z").unwrap().to_utc();
        assert_eq!(china_time(time), "2026-01-02T02:00:00.000+08:00");
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        let mut event =
            AuditEvent::new("r1", EventKind::Query, Protocol::Pg, Decision::Denied { code: "no_policy".to_owned() });
        event.masks.insert("unified.person.phone".to_owned(), "partial".to_owned());
        event.data_version = Some(u64::MAX);
        event.sql = Some(SqlText::new("select '\u{7f}\"深'"));
        let hasher = SqlHasher::new(&lake::MasterKey::from_bytes([1; 32]).derive("audit"));
        let sql_hash = event.sql.as_ref().map(|sql| hasher.hash(sql));
        let draft = Draft::Opened { event: &event, sql_hash: sql_hash.clone() };
        let (bytes, head) =
            link(draft.fields().unwrap(), &china_time(Utc::now()), &Anchor::genesis(), event.sql.as_ref());
        let record = StoredRecord::parse(&bytes).unwrap();
        assert_eq!((record.sequence, &record.hash), (1, &head.hash));
        assert!(record.is_authentic(&hasher));
        match &record.content {
            Content::Opened { event: read, sql_hash: hash } => assert_eq!((&**read, hash), (&event, &sql_hash)),
            other => panic!("{other:?}"),
        }
        assert!(!record.to_json().contains("select") && !format!("{record:?}").contains("select"));
        // Another way to write the same thing is not accepted.
        let spaced = String::from_utf8(bytes.clone()).unwrap().replacen(':', ": ", 1);
        assert!(StoredRecord::parse(spaced.as_bytes()).is_none());
        // The statement is not hashed itself, but bound by its own hash.
        let other = String::from_utf8(bytes).unwrap().replace("select", "delete");
        assert!(!StoredRecord::parse(other.as_bytes()).unwrap().is_authentic(&hasher));
    }

    #[test]
    fn closings_and_recoveries_come_back_too() {
        let outcome = Outcome { rows: 3, bytes: 99, error_code: Some("cancelled".to_owned()), duration_ms: 7 };
        let closing = Closing { opened_sequence: 1, request_id: "r1".to_owned(), aborted: false, outcome };
        let recovered = Recovered { reason: RecoveryReason::Restart, bytes_cut: 5, unclosed: 2, failed: 0 };
        let read = |draft: Draft<'_>| {
            let (bytes, _) = link(draft.fields().unwrap(), &china_time(Utc::now()), &Anchor::genesis(), None);
            StoredRecord::parse(&bytes).unwrap().content
        };
        assert!(matches!(read(Draft::Closed(&closing)), Content::Closed(found) if found == closing));
        assert!(matches!(read(Draft::Recovered(&recovered)), Content::Recovered(found) if found == recovered));
    }
}
