//! What is taken away after every grant: a deny overrides every rule, of every purpose.

use std::collections::BTreeMap;

use schemas::{Relation, RelationName};

use crate::{DeniedColumn, PolicySet, Reason};

/// One `[[deny]]` for one role, or for every one, and one relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deny {
    /// `deny:any/unified.person`, `deny:police_officer@case_investigation/unified.event`.
    pub(crate) id: String,
    /// `None`: every role.
    pub(crate) role: Option<String>,
    /// `None`: whatever the purpose, and without one.
    pub(crate) purpose: Option<String>,
    pub(crate) relation: RelationName,
    /// `None`: the whole relation.
    pub(crate) columns: Option<BTreeMap<String, Reason>>,
    pub(crate) zh: String,
    pub(crate) en: String,
    pub(crate) legal_basis: String,
}

impl Deny {
    fn holds_for(&self, role: &str, purpose: Option<&str>, relation: &RelationName) -> bool {
        self.relation == *relation
            && self.role.as_deref().is_none_or(|of_role| of_role == role)
            && (self.purpose.is_none() || self.purpose.as_deref() == purpose)
    }
}

/// Everything that is taken away from one role, under one purpose or none, of one relation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Denied<'s> {
    /// The first deny of the whole relation.
    pub(crate) whole: Option<&'s Deny>,
    /// The first deny of each column.
    columns: BTreeMap<&'s str, (&'s Deny, &'s Reason)>,
}

impl Denied<'_> {
    pub(crate) fn has(&self, column: &str) -> bool {
        self.whole.is_some() || self.columns.contains_key(column)
    }

    /// Id of any deny among them: of the relation, or else of a column.
    pub(crate) fn first_id(&self) -> Option<&str> {
        let of_column = self.columns.values().map(|(deny, _)| *deny).next();
        self.whole.or(of_column).map(|deny| deny.id.as_str())
    }

    /// What to tell about a column that a rule shows and a deny takes away.
    pub(crate) fn column(&self, name: &str) -> Option<DeniedColumn> {
        let (deny, reason) = self.columns.get(name)?;
        Some(DeniedColumn { name: name.to_owned(), rule: format!("{}/{name}", deny.id), reason: (*reason).clone() })
    }
}

impl PolicySet {
    /// The denies that hold. A deny for a purpose holds only where that purpose is declared.
    pub(crate) fn denied(&self, role: &str, purpose: Option<&str>, relation: &Relation) -> Denied<'_> {
        let mut denied = Denied::default();
        for deny in self.denies.iter().filter(|deny| deny.holds_for(role, purpose, &relation.name)) {
            match &deny.columns {
                None => denied.whole = denied.whole.or(Some(deny)),
                Some(columns) => columns.iter().for_each(|(name, reason)| {
                    denied.columns.entry(name).or_insert((deny, reason));
                }),
            }
        }
        denied
    }
}
