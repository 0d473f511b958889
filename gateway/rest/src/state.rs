//! What every handler shares.

use std::fmt;
use std::sync::Arc;

use query::Gateway;

use crate::Metrics;
use crate::cursor::CursorKey;

/// Limits and secrets of this door.
#[derive(Debug, Clone)]
pub struct RestConfig {
    /// `max_body_bytes`: a longer request body is refused with 413.
    pub max_body_bytes: usize,
    /// `max_page_rows`: the largest `limit` of a list.
    pub max_page_rows: usize,
    /// 32 random bytes that sign list cursors; a restart with other bytes ends open cursors.
    pub cursor_secret: [u8; 32],
}

/// What supervisors should know of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Why the server should not be sent requests at the moment; empty when it is ready.
    pub not_ready: Vec<String>,
    /// What somebody should look at while requests are answered.
    pub warnings: Vec<String>,
}

/// Tells the health of the moment. Quick: it never waits for a disk.
pub type Readiness = Arc<dyn Fn() -> Health + Send + Sync>;

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct RestState {
    gateway: Arc<Gateway>,
    authenticator: Arc<auth::Authenticator>,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    cursor_key: Arc<CursorKey>,
    config: Arc<RestConfig>,
}

impl fmt::Debug for RestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestState").finish_non_exhaustive()
    }
}

impl RestState {
    /// Joins the parts.
    #[must_use]
    pub fn new(
        gateway: Arc<Gateway>,
        authenticator: Arc<auth::Authenticator>,
        readiness: Readiness,
        config: RestConfig,
    ) -> Self {
        Self {
            gateway,
            authenticator,
            metrics: Arc::new(Metrics::new()),
            readiness,
            cursor_key: Arc::new(CursorKey::new(config.cursor_secret)),
            config: Arc::new(config),
        }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(crate) fn authenticator(&self) -> &auth::Authenticator {
        &self.authenticator
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn health(&self) -> Health {
        (self.readiness)()
    }

    pub(crate) fn cursor_key(&self) -> &CursorKey {
        &self.cursor_key
    }

    pub(crate) fn config(&self) -> &RestConfig {
        &self.config
    }
}
