//! The audit chains of a site, listed once: whoever checks, copies or compares them sees to all of them.
//!
//! A running server holds the access log open and is its only writer; commands therefore have a chain of their own below it.

use std::path::PathBuf;

use audit::{AuditError, AuditLog, AuditReader};
use lake::DerivedKey;
use serde::{Deserialize, Serialize};

use crate::screen::Screen;
use crate::site::Site;

/// One chain of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditChain {
    /// The access log: requests and what the server does.
    Server,
    /// Commands that take rows out, correct them, take that back.
    Commands,
}

impl AuditChain {
    pub(crate) const ALL: [Self; 2] = [Self::Server, Self::Commands];

    /// Its folder below that of the access log; empty for the access log itself.
    pub(crate) fn below(self) -> &'static str {
        match self {
            Self::Server => "",
            Self::Commands => "commands",
        }
    }

    pub(crate) fn folder(self, site: &Site) -> PathBuf {
        match self.below() {
            "" => site.config.audit_folder.clone(),
            below => site.config.audit_folder.join(below),
        }
    }

    /// A file of one chain is never taken for a file of another.
    fn key(self, site: &Site) -> DerivedKey {
        site.key.derive(match self {
            Self::Server => "audit",
            Self::Commands => "audit of commands",
        })
    }

    pub(crate) fn title(self, screen: &Screen) -> &'static str {
        match self {
            Self::Server => screen.pick("审计链", "audit chain"),
            Self::Commands => screen.pick("命令审计链", "audit chain of commands"),
        }
    }

    pub(crate) fn reader(self, site: &Site) -> AuditReader {
        AuditReader::new(&self.folder(site), self.key(site))
    }

    /// Opens it to write. Only one process can.
    pub(crate) fn open(self, site: &Site) -> Result<AuditLog, AuditError> {
        AuditLog::open(&self.folder(site), self.key(site))
    }
}
