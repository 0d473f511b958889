//! What is recorded about a request.

use std::collections::BTreeMap;
use std::fmt;

use policies::Principal;
use serde::{Deserialize, Serialize};

/// Longest part of a statement that is kept, in bytes; the gateway refuses longer statements anyway.
pub const SQL_BYTES_MAX: usize = 64 * 1024;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A SQL statement.
    Query,
    /// One record by its id.
    Record,
    /// An exact-match search for a person or a house.
    Search,
    /// One masked field of one record in clear: asked for, agreed to, looked at, ended.
    Reveal,
    /// What is there to be seen.
    Catalog,
    /// What has changed since a version.
    Changes,
    /// A file of rows.
    Export,
    /// A token was checked or issued.
    Token,
    /// A pull of a department's data.
    Pull,
    /// A policy was drafted, approved, published or withdrawn.
    Policy,
    /// Rejected rows were listed, shown, retried or dropped.
    Quarantine,
    /// A key was made, rotated or withdrawn.
    Key,
    /// The access log itself was read.
    Audit,
    /// The configuration was changed.
    Config,
}

/// How the request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// REST over HTTP.
    Rest,
    /// The web console.
    Console,
    /// The PostgreSQL wire protocol.
    Pg,
    /// Arrow Flight SQL.
    Flight,
    /// The command line of `datong`.
    Cli,
    /// A scheduled task of the gateway itself.
    Internal,
}

/// What the policies said before the first row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// Rows may leave, masked and filtered as `masks` and `grants` say.
    Allowed,
    /// Nothing leaves.
    Denied {
        /// A stable code, never a text with values.
        code: String,
    },
}

/// One request, as known before its first row leaves.
///
/// Every text may be sealed personal data; none of it belongs in a log line. `Debug` leaves the statement out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// The id the client was given with the answer.
    pub request_id: String,
    /// What was asked for.
    pub kind: EventKind,
    /// How the request came in.
    pub protocol: Protocol,
    /// Who asked. `None` if nobody was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The active role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The declared purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Id of the personal token they asked with, if any; no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Content hash of the policy set that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<String>,
    /// The rules of it that shaped the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
    /// The published version of the tables that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_version: Option<u64>,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// Relations touched: `unified.person`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<String>,
    /// Columns touched: `unified.person.phone`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Masks applied: column → name of the mask.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masks: BTreeMap<String, String>,
    /// The id asked for, where one record was asked for. An id of the gateway's own, never an ID number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_id: Option<String>,
    /// The statement or search text. Not part of the hashed JSON: it is sealed beside it and bound to it by its keyed hash.
    #[serde(skip)]
    pub sql: Option<SqlText>,
    /// Network address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

impl AuditEvent {
    /// An event with what every request has; the rest is filled in field by field.
    #[must_use]
    pub fn new(request_id: impl Into<String>, kind: EventKind, protocol: Protocol, decision: Decision) -> Self {
        Self {
            request_id: request_id.into(),
            kind,
            protocol,
            subject: None,
            role: None,
            purpose: None,
            token_id: None,
            policy_version: None,
            grants: Vec::new(),
            data_version: None,
            decision,
            relations: Vec::new(),
            columns: Vec::new(),
            masks: BTreeMap::new(),
            record_id: None,
            sql: None,
            client: None,
        }
    }

    /// Says who asked.
    #[must_use]
    pub fn by(mut self, principal: &Principal) -> Self {
        self.subject = Some(principal.subject.clone());
        self.role = Some(principal.role.clone());
        self.purpose.clone_from(&principal.purpose);
        self
    }
}

/// A statement, which may hold personal values: `Debug` says only how long it is.
#[derive(Clone, PartialEq, Eq)]
pub struct SqlText(String);

impl SqlText {
    /// Keeps the first 64 KiB of `sql`, cut at a character.
    #[must_use]
    pub fn new(sql: &str) -> Self {
        Self(sql.get(..sql.floor_char_boundary(SQL_BYTES_MAX)).unwrap_or(sql).to_owned())
    }

    /// The statement itself, for whoever has been allowed to see it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SqlText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SqlText({} bytes, hidden)", self.0.len())
    }
}

/// How a request ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Rows that left.
    pub rows: u64,
    /// Bytes that left, as encoded for the client.
    pub bytes: u64,
    /// The stable code of the error the request ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// From `begin` to the end, in milliseconds.
    pub duration_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_statement() {
        let mut event = AuditEvent::new("r1", EventKind::Query, Protocol::Rest, Decision::Allowed);
        event.sql = Some(SqlText::new("select * from person where name = '哨兵'"));
        let shown = format!("{event:?} {event:#?}");
        assert!(!shown.contains("哨兵") && !shown.contains("select"), "{shown}");
        assert!(shown.contains("SqlText(42 bytes, hidden)"), "{shown}");
    }

    #[test]
    fn long_statements_are_cut_at_a_character() {
        let text = SqlText::new(&"民".repeat(SQL_BYTES_MAX));
        assert_eq!(text.reveal().len(), SQL_BYTES_MAX / 3 * 3);
        assert!(text.reveal().chars().all(|c| c == '民'));
        assert_eq!(SqlText::new("select 1").reveal(), "select 1");
    }

    #[test]
    fn the_principal_is_copied_whole() {
        let principal = Principal {
            subject: "worker-7".to_owned(),
            role: "grid_worker".to_owned(),
            attributes: BTreeMap::new(),
            purpose: Some("inspection".to_owned()),
        };
        let event = AuditEvent::new("r1", EventKind::Query, Protocol::Rest, Decision::Allowed).by(&principal);
        assert_eq!(event.subject.as_deref(), Some("worker-7"));
        assert_eq!(event.role.as_deref(), Some("grid_worker"));
        assert_eq!(event.purpose.as_deref(), Some("inspection"));
    }
}
