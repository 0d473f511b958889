//! Relations in which one person may be found by full values that are not shown.

use std::collections::BTreeSet;

/// What a person may be found by. Parts of a value never are: who knows the whole value does not learn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SearchKey {
    /// The full ID number.
    IdNo,
    /// The full name and the full birth date.
    NameAndBirthDate,
}

impl SearchKey {
    /// Every key.
    pub const ALL: [Self; 2] = [Self::IdNo, Self::NameAndBirthDate];

    /// As written in policies.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::IdNo => "id_no",
            Self::NameAndBirthDate => "name+birth_date",
        }
    }

    /// The columns it compares, as stored.
    #[must_use]
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::IdNo => &["id_no"],
            Self::NameAndBirthDate => &["name", "birth_date"],
        }
    }
}

/// How one person may be found. Finding is within the rows of the rule, and shows what the rule shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRule {
    /// By what. Never empty.
    pub by: BTreeSet<SearchKey>,
    /// Most tries of one subject in an hour, misses included; 1 to [`SearchRule::PER_HOUR_MAX`].
    pub per_hour: u32,
}

impl SearchRule {
    /// More is no longer looking for one person.
    pub const PER_HOUR_MAX: u32 = 1_000;

    /// The rule without keys that compare a column of which this does not hold; `None` if no key is left.
    pub(crate) fn only(&self, may_compare: &dyn Fn(&str) -> bool) -> Option<Self> {
        let by: BTreeSet<SearchKey> =
            self.by.iter().copied().filter(|key| key.columns().iter().all(|column| may_compare(column))).collect();
        (!by.is_empty()).then_some(Self { by, per_hour: self.per_hour })
    }

    /// Whether everything that may be found under `self` may be found under `other`.
    #[must_use]
    pub fn shows_no_more_than(&self, other: &Self) -> bool {
        self.per_hour <= other.per_hour && self.by.is_subset(&other.by)
    }
}
