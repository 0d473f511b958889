//! Fields that one record at a time may be shown of in clear, for a reason and for a short time.

use std::collections::BTreeSet;

/// How fields of one record may be revealed. Within the rows of the rule; a lift stays: what is hidden of children is not
/// revealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevealRule {
    /// Which columns. Never empty; each is shown by the rule through a mask.
    pub columns: BTreeSet<String>,
    /// How long one reveal lasts, in seconds; 1 to [`RevealRule::SECONDS_MAX`].
    pub seconds: u32,
    /// Most reveals that one subject may ask for in an hour; 1 to [`RevealRule::PER_HOUR_MAX`].
    pub per_hour: u32,
    /// Roles of which another person has to agree first; empty if nobody has to.
    pub approved_by: BTreeSet<String>,
}

impl RevealRule {
    /// Longer is no longer a look.
    pub const SECONDS_MAX: u32 = 3_600;
    /// More is no longer one record at a time.
    pub const PER_HOUR_MAX: u32 = 200;

    /// The rule without columns of which this does not hold; `None` if none is left.
    pub(crate) fn only(&self, may_reveal: &dyn Fn(&str) -> bool) -> Option<Self> {
        let columns: BTreeSet<String> = self.columns.iter().filter(|column| may_reveal(column)).cloned().collect();
        (!columns.is_empty()).then(|| Self { columns, ..self.clone() })
    }

    /// Whether everything that may be revealed under `self` may be revealed under `other`.
    #[must_use]
    pub fn shows_no_more_than(&self, other: &Self) -> bool {
        let is_agreed_no_easier = other.approved_by.is_empty()
            || (!self.approved_by.is_empty() && self.approved_by.is_subset(&other.approved_by));
        self.columns.is_subset(&other.columns)
            && self.seconds <= other.seconds
            && self.per_hour <= other.per_hour
            && is_agreed_no_easier
    }
}
