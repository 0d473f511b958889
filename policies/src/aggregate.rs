//! Relations that may be counted and summed, but not read row by row.

use std::collections::BTreeSet;

/// How a relation may be aggregated. Of such a relation nothing is released but groups that rest on enough persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateRule {
    /// Visible column whose distinct values are the persons. It may be counted and joined on, and appears nowhere else.
    pub persons: String,
    /// Fewest distinct persons a released group rests on; at least [`AggregateRule::K_MIN`].
    pub k: u32,
    /// Visible columns that may be group keys and be compared with constants.
    pub keys: BTreeSet<String>,
    /// Visible columns of numbers that may be summed and averaged.
    pub measures: BTreeSet<String>,
    /// Most that one person may contribute to a sum, in percent of the contributions' absolute values; 1 to 100.
    pub dominance_percent: u32,
}

impl AggregateRule {
    /// Below two, a group is a person.
    pub const K_MIN: u32 = 2;
    /// Above this, nothing sensible is released any more.
    pub const K_MAX: u32 = 10_000;
    /// Holds where a rule does not say otherwise.
    pub const DOMINANCE_PERCENT: u32 = 80;

    /// Whether everything that may be learned under `self` may be learned under `other`. Exact where it says yes.
    #[must_use]
    pub fn shows_no_more_than(&self, other: &Self) -> bool {
        self.persons == other.persons
            && self.k >= other.k
            && self.dominance_percent <= other.dominance_percent
            && self.keys.is_subset(&other.keys)
            && self.measures.is_subset(&other.measures)
    }
}
