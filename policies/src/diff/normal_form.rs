//! A row rule as alternatives: the disjunctive normal form, as far as it stays small.

use std::collections::BTreeSet;

use crate::row::{RowRule, Values};

/// Most alternatives a row rule is taken apart into; a rule with more is not decided. Shipped rules have one or two, a
/// rule a person can still read has some dozen.
const CONJUNCTS_MAX: usize = 1024;

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Comparison {
    Equals,
    StartsWith,
}

/// What a column is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source<'r> {
    Attribute(&'r str),
    Literals(&'r [String]),
}

/// One comparison of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Atom<'r> {
    pub(super) column: &'r str,
    pub(super) comparison: Comparison,
    pub(super) source: Source<'r>,
}

impl<'r> Atom<'r> {
    pub(super) fn new(column: &'r str, comparison: Comparison, values: &'r Values) -> Self {
        let source = match values {
            Values::Attribute(name) => Source::Attribute(name),
            Values::Literal(values) => Source::Literals(values),
        };
        Self { column, comparison, source }
    }
}

/// Comparisons that all have to hold. None at all: every row.
pub(super) type Conjunct<'r> = BTreeSet<Atom<'r>>;

/// Alternatives of which one has to hold; `None` if there are more than [`CONJUNCTS_MAX`].
pub(super) fn conjuncts(rule: &RowRule) -> Option<BTreeSet<Conjunct<'_>>> {
    match rule {
        RowRule::All => Some(BTreeSet::from([Conjunct::new()])),
        RowRule::In { column, values } => Some(single(Atom::new(column, Comparison::Equals, values))),
        RowRule::Prefix { column, values } => Some(single(Atom::new(column, Comparison::StartsWith, values))),
        RowRule::And(parts) => {
            let mut all = BTreeSet::from([Conjunct::new()]);
            for part in parts {
                all = product(&all, &conjuncts(part)?)?;
            }
            Some(all)
        }
        RowRule::Or(parts) => {
            let mut all = BTreeSet::new();
            for part in parts {
                all.append(&mut conjuncts(part)?);
                if all.len() > CONJUNCTS_MAX {
                    return None;
                }
            }
            Some(all)
        }
    }
}

fn single(atom: Atom<'_>) -> BTreeSet<Conjunct<'_>> {
    BTreeSet::from([Conjunct::from([atom])])
}

fn product<'r>(left: &BTreeSet<Conjunct<'r>>, right: &BTreeSet<Conjunct<'r>>) -> Option<BTreeSet<Conjunct<'r>>> {
    if left.len().saturating_mul(right.len()) > CONJUNCTS_MAX {
        return None;
    }
    Some(left.iter().flat_map(|a| right.iter().map(move |b| a.union(b).copied().collect())).collect())
}
