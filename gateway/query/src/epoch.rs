//! Who may see what at this moment, published as one, and what a change of it does to answers that are still leaving.
//
// INVARIANT (nothing leaves under withdrawn access): see ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::sync::Arc;

use policies::{Decision, Grant, PolicySet, Principal};
use tokio::sync::watch;

use crate::{PublishedData, QueryError};

/// Policies, and subjects whose access is withdrawn.
#[derive(Debug)]
pub(crate) struct AccessEpoch {
    pub(crate) policies: Arc<PolicySet>,
    pub(crate) withdrawn: Arc<BTreeSet<String>>,
}

impl AccessEpoch {
    /// Whether the principal may ask at all.
    pub(crate) fn admit(&self, principal: &Principal) -> Result<(), QueryError> {
        if self.withdrawn.contains(&principal.subject) { Err(QueryError::AccessWithdrawn) } else { Ok(()) }
    }
}

/// What a query under way keeps so that its answer stops when it may no longer leave.
#[derive(Debug)]
pub(crate) struct EpochWatch {
    receiver: watch::Receiver<Arc<AccessEpoch>>,
    seen: Arc<AccessEpoch>,
    principal: Principal,
    data: Arc<PublishedData>,
    today: i32,
}

impl EpochWatch {
    /// `receiver`: `seen` is the last epoch it has given.
    pub(crate) fn new(
        receiver: watch::Receiver<Arc<AccessEpoch>>,
        seen: Arc<AccessEpoch>,
        principal: Principal,
        data: Arc<PublishedData>,
        today: i32,
    ) -> Self {
        Self { receiver, seen, principal, data, today }
    }

    /// Waits until the answer may no longer leave, and says why. May be dropped at any point and called again.
    pub(crate) async fn cut(&mut self) -> QueryError {
        loop {
            if self.receiver.changed().await.is_err() {
                // The gateway is gone; nothing changes any more.
                std::future::pending::<()>().await;
            }
            let now = Arc::clone(&self.receiver.borrow_and_update());
            if let Err(error) = now.admit(&self.principal) {
                return error;
            }
            if !self.shows_the_same(&now) {
                return QueryError::PolicyChanged;
            }
            self.seen = now;
        }
    }

    /// Whether every relation is shown as it was when the query was planned. Not only those it reads: whose rights have
    /// changed asks again.
    fn shows_the_same(&self, now: &AccessEpoch) -> bool {
        self.data.tables.values().all(|table| {
            let shown = |epoch: &AccessEpoch| epoch.policies.decide_on(&self.principal, &table.relation, self.today);
            essence(shown(&self.seen)) == essence(shown(now))
        })
    }
}

/// A grant without its words: what is shown, not why.
fn essence(decision: Decision) -> Option<Grant> {
    let Decision::Visible(mut grant) = decision else { return None };
    grant.legal_basis.clear();
    grant.rule.clear();
    grant.denied.clear();
    for column in &mut grant.columns {
        column.rule.clear();
        column.reason = policies::Reason::default();
    }
    Some(*grant)
}
