//! Who may see what at this moment, published as one, and what a change of it does to answers that are still leaving.
//
// INVARIANT (nothing leaves under withdrawn access): see ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policies::{Decision, Grant, PolicySet, Principal};
use tokio::sync::watch;

use crate::{PublishedData, QueryError};

/// Policies, subjects whose access is withdrawn, and personal tokens that are in force.
#[derive(Debug, Clone)]
pub(crate) struct AccessEpoch {
    pub(crate) policies: Arc<PolicySet>,
    pub(crate) withdrawn: Arc<BTreeSet<String>>,
    /// Whom each token names, by its id.
    pub(crate) tokens: Arc<BTreeMap<String, Principal>>,
}

impl AccessEpoch {
    /// Whether the principal may ask at all, with this personal token if it came with one.
    pub(crate) fn admit(&self, principal: &Principal, token_id: Option<&str>) -> Result<(), QueryError> {
        if self.withdrawn.contains(&principal.subject) {
            return Err(QueryError::AccessWithdrawn);
        }
        if token_id.is_some_and(|id| self.tokens.get(id) != Some(principal)) {
            return Err(QueryError::TokenRevoked);
        }
        Ok(())
    }
}

/// What a query under way keeps so that its answer stops when it may no longer leave.
#[derive(Debug)]
pub(crate) struct EpochWatch {
    receiver: watch::Receiver<Arc<AccessEpoch>>,
    seen: Arc<AccessEpoch>,
    principal: Principal,
    token_id: Option<String>,
    data: Arc<PublishedData>,
    today: i32,
}

impl EpochWatch {
    /// `receiver`: `seen` is the last epoch it has given.
    pub(crate) fn new(
        receiver: watch::Receiver<Arc<AccessEpoch>>,
        seen: Arc<AccessEpoch>,
        (principal, token_id): (Principal, Option<String>),
        data: Arc<PublishedData>,
        today: i32,
    ) -> Self {
        Self { receiver, seen, principal, token_id, data, today }
    }

    /// Waits until the answer may no longer leave, and says why. May be dropped at any point and called again.
    pub(crate) async fn cut(&mut self) -> QueryError {
        loop {
            if self.receiver.changed().await.is_err() {
                // The gateway is gone; nothing changes any more.
                std::future::pending::<()>().await;
            }
            let now = Arc::clone(&self.receiver.borrow_and_update());
            if let Err(error) = now.admit(&self.principal, self.token_id.as_deref()) {
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
