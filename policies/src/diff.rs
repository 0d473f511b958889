//! Who sees more than before: the exact difference of two policy sets.
//!
//! For each role, without a purpose and under each it may declare in either set, and for each relation, three things are
//! compared: whether the relation can be read, what is shown of each column, of adults and of children
//! ([`crate::Mask::shows_no_more_than`]), and which rows are shown, over every principal of the role and every row
//! (`inclusion`, exact); and for each role how far back it may look. Denies have taken away what they do. What is *not* compared: which columns together give a masked
//! value away, that a lifted mask tells of a child, and how many principals a role has.

mod cells;
mod change;
mod inclusion;
mod normal_form;
mod notes;
mod past;
mod purposes;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use schemas::Relation;

pub use change::{Change, ChangeLine, ChangedPart, PolicyChange, PolicyNote, RowExample, Wording};

use crate::PolicySet;
use crate::row::RowRule;

/// What two policy sets show differently, and what only reads differently.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyDiff {
    /// What has changed, by role, purpose, relation and part. [`Change::Same`] stands where rows or a mask are written
    /// otherwise and show the same.
    pub changes: Vec<PolicyChange>,
    /// Changes of titles and legal bases, sorted.
    pub notes: Vec<PolicyNote>,
}

impl PolicyDiff {
    /// Whether anybody may see something that was hidden before. If so, a second person has to agree.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.changes.iter().any(|change| change.change.widens())
    }

    /// Whether both sets show and say the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notes.is_empty()
    }

    /// The changes as lines of a table.
    #[must_use]
    pub fn table(&self) -> Vec<ChangeLine> {
        self.changes.iter().map(PolicyChange::line).collect()
    }

    /// The changes in Chinese, one line each.
    #[must_use]
    pub fn zh(&self) -> Vec<String> {
        self.changes.iter().map(PolicyChange::zh).collect()
    }

    /// The changes in English, one line each.
    #[must_use]
    pub fn en(&self) -> Vec<String> {
        self.changes.iter().map(PolicyChange::en).collect()
    }
}

impl PolicySet {
    /// What `new` shows and `old` does not, and the other way round, of these relations. A rule for any other relation is not
    /// looked at: pass every relation that can be queried.
    ///
    /// Purposes are compared as if none had ended; that one ends earlier or later is a change of its own. Exact, except
    /// where it says [`Change::Undecided`].
    #[must_use]
    pub fn diff(old: &Self, new: &Self, relations: &[Relation]) -> PolicyDiff {
        let subjects = Subjects::of(old, new);
        let mut changes = purposes::compare(old, new, &subjects);
        changes.extend(past::compare(old, new, &subjects));
        changes.extend(cells::compare(old, new, relations, &subjects));
        changes.sort_by(|a, b| a.key().cmp(&b.key()));
        PolicyDiff { changes, notes: notes::compare(old, new) }
    }
}

/// Whether one row rule admits only what another admits, for every principal and every row; no where it cannot be decided.
pub(crate) fn rows_within(inner: &RowRule, outer: &RowRule) -> bool {
    inclusion::includes(inner, outer) == inclusion::Inclusion::Holds
}

/// Every role with every purpose it may declare, of either set.
struct Subjects {
    of_role: BTreeMap<String, BTreeSet<Option<String>>>,
    roles: BTreeMap<String, Wording>,
    purposes: BTreeMap<String, Wording>,
}

impl Subjects {
    fn of(old: &PolicySet, new: &PolicySet) -> Self {
        let mut subjects = Self { of_role: BTreeMap::new(), roles: BTreeMap::new(), purposes: BTreeMap::new() };
        // The titles of the new set stay.
        for set in [old, new] {
            for role in set.roles() {
                subjects.roles.insert(role.name.clone(), Wording::new(&role.zh, &role.en));
                let of_role = subjects.of_role.entry(role.name.clone()).or_default();
                of_role.insert(None);
                of_role.extend(set.purposes_of(&role.name).map(|purpose| Some(purpose.id.clone())));
            }
            for purpose in set.purposes() {
                subjects.purposes.insert(purpose.id.clone(), Wording::new(&purpose.zh, &purpose.en));
            }
        }
        subjects
    }

    fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.of_role.iter().flat_map(|(role, purposes)| purposes.iter().map(|p| (role.as_str(), p.as_deref())))
    }

    /// `民警@案件侦办`.
    fn title(&self, role: &str, purpose: Option<&str>) -> Wording {
        let of = |titles: &BTreeMap<String, Wording>, id: &str| {
            titles.get(id).cloned().unwrap_or_else(|| Wording::new(id, id))
        };
        let role = of(&self.roles, role);
        match purpose.map(|id| of(&self.purposes, id)) {
            Some(purpose) => Wording::new(format!("{}@{}", role.zh, purpose.zh), format!("{}@{}", role.en, purpose.en)),
            None => role,
        }
    }
}
