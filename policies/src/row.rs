//! Which rows: the small grammar, as written in a rule ([`RowRule`]) and as bound to a principal ([`RowPredicate`]).

use std::collections::{BTreeMap, BTreeSet};

/// Which rows of a relation a principal may see. Every column named is text, and every text is compared by its bytes.
/// A null never matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowPredicate {
    /// Every row.
    All,
    /// No row.
    None,
    /// The column equals one of the values. `values` is never empty, sorted, without repeats.
    In {
        /// Column compared; the principal need not be able to see it.
        column: String,
        /// Values admitted.
        values: Vec<String>,
    },
    /// The column starts with one of the prefixes. `prefixes` is never empty and holds no empty text.
    Prefix {
        /// Column compared; the principal need not be able to see it.
        column: String,
        /// Prefixes admitted.
        prefixes: Vec<String>,
    },
    /// All of them. At least two parts, none of them `All` or `None`.
    And(Vec<RowPredicate>),
    /// Any of them. At least two parts, none of them `All` or `None`.
    Or(Vec<RowPredicate>),
}

impl RowPredicate {
    /// The columns it compares, each once, sorted.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut found = BTreeSet::new();
        self.collect_columns(&mut found);
        found.into_iter().collect()
    }

    fn collect_columns<'a>(&'a self, found: &mut BTreeSet<&'a str>) {
        match self {
            Self::All | Self::None => {}
            Self::In { column, .. } | Self::Prefix { column, .. } => {
                found.insert(column);
            }
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|p| p.collect_columns(found)),
        }
    }

    /// Whether a row passes, given its values by column name. The reference meaning, for tests and single records; a
    /// query engine compiles the predicate instead.
    #[must_use]
    pub fn admits<'v>(&self, value_of: &dyn Fn(&str) -> Option<&'v str>) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::In { column, values } => value_of(column).is_some_and(|v| values.iter().any(|x| x == v)),
            Self::Prefix { column, prefixes } => {
                value_of(column).is_some_and(|v| prefixes.iter().any(|p| v.starts_with(p.as_str())))
            }
            Self::And(parts) => parts.iter().all(|p| p.admits(value_of)),
            Self::Or(parts) => parts.iter().any(|p| p.admits(value_of)),
        }
    }
}

/// Where the values of a comparison come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Values {
    /// The principal's attribute of that name.
    Attribute(String),
    /// The policy itself.
    Literal(Vec<String>),
}

/// A row predicate as written in a rule, not yet bound to a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowRule {
    All,
    In { column: String, values: Values },
    Prefix { column: String, values: Values },
    And(Vec<RowRule>),
    Or(Vec<RowRule>),
}

impl RowRule {
    /// Binds the rule to a principal's attributes. A missing or empty attribute is the empty set, and an empty text in an
    /// attribute counts as missing: as a prefix it would admit every row.
    pub(crate) fn bind(&self, attributes: &BTreeMap<String, Vec<String>>) -> RowPredicate {
        match self {
            Self::All => RowPredicate::All,
            Self::In { column, values } => match resolve(values, attributes) {
                values if values.is_empty() => RowPredicate::None,
                values => RowPredicate::In { column: column.clone(), values },
            },
            Self::Prefix { column, values } => match resolve(values, attributes) {
                prefixes if prefixes.is_empty() => RowPredicate::None,
                prefixes => RowPredicate::Prefix { column: column.clone(), prefixes },
            },
            Self::And(parts) => all_of(parts.iter().map(|p| p.bind(attributes))),
            Self::Or(parts) => any_of(parts.iter().map(|p| p.bind(attributes))),
        }
    }
}

fn resolve(values: &Values, attributes: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let found = match values {
        Values::Attribute(name) => attributes.get(name),
        Values::Literal(values) => Some(values),
    };
    let distinct: BTreeSet<&String> = found.into_iter().flatten().filter(|v| !v.is_empty()).collect();
    distinct.into_iter().cloned().collect()
}

fn all_of(parts: impl Iterator<Item = RowPredicate>) -> RowPredicate {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            RowPredicate::None => return RowPredicate::None,
            RowPredicate::All => {}
            other => kept.push(other),
        }
    }
    match kept.pop() {
        None => RowPredicate::All,
        Some(only) if kept.is_empty() => only,
        Some(last) => {
            kept.push(last);
            RowPredicate::And(kept)
        }
    }
}

fn any_of(parts: impl Iterator<Item = RowPredicate>) -> RowPredicate {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            RowPredicate::All => return RowPredicate::All,
            RowPredicate::None => {}
            other => kept.push(other),
        }
    }
    match kept.pop() {
        None => RowPredicate::None,
        Some(only) if kept.is_empty() => only,
        Some(last) => {
            kept.push(last);
            RowPredicate::Or(kept)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_grids() -> RowRule {
        RowRule::In { column: "grid_id".to_owned(), values: Values::Attribute("grids".to_owned()) }
    }

    fn own_street() -> RowRule {
        RowRule::Prefix { column: "street_code".to_owned(), values: Values::Attribute("street".to_owned()) }
    }

    fn attributes(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.iter().map(|x| (*x).to_owned()).collect())).collect()
    }

    #[test]
    fn a_missing_or_empty_attribute_admits_no_row() {
        for rule in [own_grids(), own_street()] {
            assert_eq!(rule.bind(&attributes(&[])), RowPredicate::None);
            assert_eq!(rule.bind(&attributes(&[("grids", &[]), ("street", &[])])), RowPredicate::None);
            assert_eq!(rule.bind(&attributes(&[("grids", &[""]), ("street", &[""])])), RowPredicate::None);
        }
    }

    #[test]
    fn values_are_sorted_and_distinct() {
        let bound = own_grids().bind(&attributes(&[("grids", &["G2", "G1", "G2"])]));
        assert_eq!(
            bound,
            RowPredicate::In { column: "grid_id".to_owned(), values: vec!["G1".to_owned(), "G2".to_owned()] }
        );
    }

    #[test]
    fn and_is_empty_when_one_part_is() {
        let both = RowRule::And(vec![own_grids(), own_street()]);
        assert_eq!(both.bind(&attributes(&[("grids", &["G1"])])), RowPredicate::None);
        assert!(
            matches!(both.bind(&attributes(&[("grids", &["G1"]), ("street", &["9"])])), RowPredicate::And(p) if p.len() == 2)
        );
        assert_eq!(RowRule::And(vec![RowRule::All, RowRule::All]).bind(&attributes(&[])), RowPredicate::All);
    }

    #[test]
    fn or_keeps_the_parts_that_have_an_attribute() {
        let either = RowRule::Or(vec![own_grids(), own_street()]);
        assert_eq!(either.bind(&attributes(&[])), RowPredicate::None);
        assert_eq!(
            either.bind(&attributes(&[("grids", &["G1"])])),
            own_grids().bind(&attributes(&[("grids", &["G1"])]))
        );
        assert_eq!(RowRule::Or(vec![own_grids(), RowRule::All]).bind(&attributes(&[])), RowPredicate::All);
    }

    #[test]
    fn columns_are_named_once() {
        let rule = RowRule::Or(vec![own_grids(), RowRule::And(vec![own_street(), own_grids()])]);
        let bound = rule.bind(&attributes(&[("grids", &["G1"]), ("street", &["9"])]));
        assert_eq!(bound.columns(), ["grid_id", "street_code"]);
        assert!(RowPredicate::All.columns().is_empty());
    }

    #[test]
    fn a_null_is_never_admitted() {
        let bound = own_street().bind(&attributes(&[("street", &["330199"])]));
        assert!(bound.admits(&|_| Some("330199001")));
        assert!(!bound.admits(&|_| Some("330198001")));
        assert!(!bound.admits(&|_| None));
    }
}
