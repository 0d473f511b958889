//! Who may see what, as it is put in force while the gateway answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policies::{PolicySet, Principal};

use super::Gateway;

impl Gateway {
    /// Puts a policy set in force for new queries, and ends those under way to whose principals it shows anything otherwise:
    /// from then on no row of theirs leaves.
    pub fn replace_policies(&self, policies: PolicySet) {
        self.access.send_modify(|epoch| Arc::make_mut(epoch).policies = Arc::new(policies));
    }

    /// Withdraws the access of exactly these subjects: nothing they ask is answered, and their queries under way end.
    pub fn withdraw(&self, subjects: BTreeSet<String>) {
        self.access.send_modify(|epoch| Arc::make_mut(epoch).withdrawn = Arc::new(subjects));
    }

    /// Puts exactly these personal tokens in force, by id, each with whom it names: nothing that is asked with another one is
    /// answered, and queries under way end.
    pub fn keep_tokens(&self, tokens: BTreeMap<String, Principal>) {
        self.access.send_modify(|epoch| Arc::make_mut(epoch).tokens = Arc::new(tokens));
    }

    /// Whose access is withdrawn.
    #[must_use]
    pub fn withdrawn(&self) -> BTreeSet<String> {
        BTreeSet::clone(&self.access.borrow().withdrawn)
    }

    /// The policy version in force.
    #[must_use]
    pub fn policy_version(&self) -> String {
        self.access.borrow().policies.version().to_owned()
    }
}
