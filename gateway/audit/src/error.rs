//! Why something was not recorded or not read.

use std::sync::Arc;

use lake::LogError;

/// Why an event was not recorded, or the log cannot be read.
///
/// `Clone`, because one failed write fails every request that shared it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuditError {
    /// The record is not on the disk: answer nothing. The next attempt may succeed.
    #[error("audit record could not be written")]
    NotWritten {
        /// Why not.
        #[source]
        source: Arc<LogError>,
    },
    /// The log has been shut down.
    #[error("audit log is closed")]
    Closed,
    /// The event is larger than an event may be; it is not recorded, so the request must be refused.
    #[error("audit event of {bytes} bytes exceeds the limit")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Another process writes this log.
    #[error("audit log is in use by another process")]
    InUse,
    /// The folder cannot be made or read, or the writer not started.
    #[error("audit folder cannot be used")]
    Folder {
        /// What the operating system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A file of the log cannot be opened or read.
    #[error("audit file {segment} cannot be read")]
    Unreadable {
        /// Its number.
        segment: u32,
        /// Why not.
        #[source]
        source: Arc<LogError>,
    },
    /// A record is not in the form this crate writes, or the log ends before what was written to it.
    #[error("audit file {segment} is damaged: verify it before going on")]
    Damaged {
        /// The file's number.
        segment: u32,
    },
}

impl AuditError {
    pub(crate) fn folder(source: std::io::Error) -> Self {
        Self::Folder { source: Arc::new(source) }
    }

    pub(crate) fn unreadable(segment: u32) -> impl FnOnce(LogError) -> Self {
        move |source| match source {
            LogError::InUse => Self::InUse,
            source => Self::Unreadable { segment, source: Arc::new(source) },
        }
    }

    /// The stable code for clients and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotWritten { .. } => "audit_not_written",
            Self::Closed => "audit_closed",
            Self::TooLarge { .. } => "audit_event_too_large",
            Self::InUse => "audit_in_use",
            Self::Folder { .. } => "audit_folder",
            Self::Unreadable { .. } => "audit_unreadable",
            Self::Damaged { .. } => "audit_damaged",
        }
    }
}
