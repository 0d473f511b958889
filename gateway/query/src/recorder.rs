//! The port to the audit log. The log itself lives in the crate `audit`; the server joins the two.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use policies::Principal;

use crate::MaskedColumn;

/// One request as the audit log keeps it. `Debug` hides the statement.
#[derive(Clone)]
pub struct AccessRecord {
    /// Names the request in logs and answers.
    pub request_id: String,
    /// `rest`, `pgwire`, `flightsql`, `console`, `cli`.
    pub protocol: &'static str,
    /// `query`, `record`, `list`, `search`, `reveal`, `catalog`.
    pub kind: &'static str,
    /// Network address of the client, if any.
    pub client: Option<String>,
    /// Who asks, in which role, for what.
    pub principal: Principal,
    /// The personal token they asked with, if any.
    pub token_id: Option<String>,
    /// The statement; a cell value may stand in it.
    pub sql: String,
    /// Relations and columns the answer reads: `unified.person.name`.
    pub columns: Vec<String>,
    /// Masks in force on them.
    pub masked: Vec<MaskedColumn>,
    /// Policy version in force.
    pub policy_version: String,
    /// Published data version read.
    pub data_version: u64,
    /// Why the request was denied; none if it was allowed.
    pub denied: Option<&'static str>,
}

impl fmt::Debug for AccessRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessRecord")
            .field("request_id", &self.request_id)
            .field("protocol", &self.protocol)
            .field("kind", &self.kind)
            .field("sql_bytes", &self.sql.len())
            .field("denied", &self.denied)
            .finish_non_exhaustive()
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessOutcome {
    /// Rows released.
    pub rows: u64,
    /// Arrow bytes released.
    pub bytes: u64,
    /// Code of the error that ended it, if any; `aborted` when the client left.
    pub error_code: Option<&'static str>,
    /// From arrival to the last row.
    pub duration: Duration,
}

/// The record could not be made durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit record cannot be written")]
pub struct RecorderError;

/// Makes records durable.
#[async_trait]
pub trait Recorder: Send + Sync + fmt::Debug {
    /// Writes the record and returns when it is durable. No row leaves before.
    ///
    /// # Errors
    /// [`RecorderError`] if it is not durable; the caller then answers nothing.
    async fn open(&self, record: AccessRecord) -> Result<Box<dyn OpenRecord>, RecorderError>;
}

/// A record whose request is still running.
#[async_trait]
pub trait OpenRecord: Send + Sync + fmt::Debug {
    /// Writes how the request ended.
    ///
    /// # Errors
    /// [`RecorderError`] if it is not durable.
    async fn close(self: Box<Self>, outcome: AccessOutcome) -> Result<(), RecorderError>;
}
