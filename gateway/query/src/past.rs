//! What was published before: who may ask for it, and of what.
//!
//! An earlier version is read under the policies of now, by roles that may look back (`past_days`), and only so far. What a role
//! may only count is not open in it: the difference of the counts of two versions may be one person.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use policies::{PolicySet, Principal};

use crate::{PublishedData, QueryError};

/// Which version is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The version of that number.
    Version(u64),
    /// What was in force at that time.
    Time(DateTime<Utc>),
}

/// One version that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// Its number.
    pub version: u64,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// When the next one was; none for the current one.
    pub replaced_at: Option<DateTime<Utc>>,
}

/// Keeps earlier versions, and opens them.
#[async_trait]
pub trait Past: Send + Sync + fmt::Debug {
    /// Every version that is kept, the oldest first, the current one last.
    ///
    /// # Errors
    /// [`PastError::Failed`].
    async fn versions(&self) -> Result<Vec<KeptVersion>, PastError>;

    /// The tables of a version that is not the current one, marked [`PublishedData::is_past`]; unmarked ones are not read.
    ///
    /// # Errors
    /// [`PastError`].
    async fn open(&self, version: u64) -> Result<Arc<PublishedData>, PastError>;
}

/// Why an earlier version cannot be had. Whoever keeps it has logged the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastError {
    /// It is not kept.
    NoSuchVersion,
    /// It cannot be read.
    Failed,
}

impl From<PastError> for QueryError {
    fn from(error: PastError) -> Self {
        match error {
            PastError::NoSuchVersion => Self::NoSuchVersion,
            PastError::Failed => Self::internal("an earlier version"),
        }
    }
}

/// The versions of `all` that the principal may read at `now`.
pub(crate) fn open_to(
    policies: &PolicySet,
    principal: &Principal,
    all: Vec<KeptVersion>,
    now: DateTime<Utc>,
) -> Vec<KeptVersion> {
    let days = days(policies, principal);
    all.into_iter()
        .filter(|kept| kept.replaced_at.is_none_or(|at| now - at < TimeDelta::days(i64::from(days))))
        .collect()
}

/// The version meant, if the principal may read it.
pub(crate) fn find(
    policies: &PolicySet,
    principal: &Principal,
    all: Vec<KeptVersion>,
    as_of: AsOf,
    now: DateTime<Utc>,
) -> Result<KeptVersion, QueryError> {
    let meant = all.iter().rev().find(|kept| match as_of {
        AsOf::Version(version) => kept.version == version,
        AsOf::Time(time) => kept.published_at <= time,
    });
    let not_open = QueryError::PastNotOpen { days: days(policies, principal) };
    // Who may not look back does not learn either how far it would go.
    let Some(meant) = meant.cloned() else {
        return Err(if days(policies, principal) == 0 { not_open } else { QueryError::NoSuchVersion });
    };
    open_to(policies, principal, vec![meant], now).pop().ok_or(not_open)
}

fn days(policies: &PolicySet, principal: &Principal) -> u32 {
    policies.role(&principal.role).map_or(0, |role| role.past_days)
}
