//! What data may be asked for: a purpose with its ground, its matter, its end, and all it may ever show.

use std::collections::{BTreeMap, BTreeSet};

use schemas::RelationName;

use crate::diff::rows_within;
use crate::policy_set::Rule;
use crate::{AggregateRule, RevealRule, SearchRule};

/// What data may be asked for. It shows what the base rules of a role show, and beyond them nothing but `fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Id in tokens and rules: `case_investigation`.
    pub id: String,
    /// Chinese title.
    pub zh: String,
    /// English title.
    pub en: String,
    /// Law, article or mandate it rests on.
    pub legal_basis: String,
    /// The matter it is bound to: a matter number, or what kind of number the matters have.
    pub matter: String,
    /// Columns, by relation, of which it may show more than the base rule of the role does.
    pub fields: BTreeMap<RelationName, BTreeSet<String>>,
    /// Last day it holds, in days since 1970-01-01 (China time).
    pub expires: i32,
    /// Roles that may declare it.
    pub roles: Vec<String>,
}

impl Purpose {
    /// Whether more may be shown of this column than the base rule of the role shows.
    #[must_use]
    pub fn lists(&self, relation: &RelationName, column: &str) -> bool {
        self.fields.get(relation).is_some_and(|columns| columns.contains(column))
    }
}

/// Whether rows and statistics of a purpose's rule are within those of the base rule of the same role and relation. If not,
/// every column of the rule shows more: the values of further rows, or single rows in place of groups.
pub(crate) fn is_within_base(rule: &Rule, base: &Rule) -> bool {
    let counts_no_more = |mine: Option<&AggregateRule>, theirs: Option<&AggregateRule>| match (mine, theirs) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(mine), Some(theirs)) => mine.shows_no_more_than(theirs),
    };
    counts_no_more(rule.aggregate.as_deref(), base.aggregate.as_deref()) && rows_within(&rule.rows, &base.rows)
}

/// Whether a purpose's rule shows more of a column than the base rule does. A column that the base rule hides is shown more by
/// any mask, since not even its name is known without the purpose.
pub(crate) fn widens(rule: &Rule, base: Option<&Rule>, column: &str) -> bool {
    let Some(base) = base.filter(|_| rule.is_within_base) else { return rule.columns.contains_key(column) };
    match (rule.columns.get(column), base.columns.get(column)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(shown), Some(without)) => !shown.shown().shows_no_more_than(without.shown()),
    }
}

/// What may be found under a purpose's rule: what the base rule lets find in the same rows, and beyond it only by columns that
/// the purpose lists.
pub(crate) fn search_within(
    rule: &Rule,
    base: Option<&Rule>,
    purpose: &Purpose,
    relation: &RelationName,
) -> Option<SearchRule> {
    let search = rule.search.as_deref()?;
    let of_base = base.filter(|_| rule.is_within_base).and_then(|base| base.search.as_deref());
    if of_base.is_some_and(|of_base| search.shows_no_more_than(of_base)) {
        return Some(search.clone());
    }
    search.only(&|column| purpose.lists(relation, column))
}

/// What may be revealed under a purpose's rule: what the base rule lets reveal of the same rows, and beyond it only columns that
/// the purpose lists.
pub(crate) fn reveal_within(
    rule: &Rule,
    base: Option<&Rule>,
    purpose: &Purpose,
    relation: &RelationName,
) -> Option<RevealRule> {
    let reveal = rule.reveal.as_deref()?;
    let of_base = base.filter(|_| rule.is_within_base).and_then(|base| base.reveal.as_deref());
    if of_base.is_some_and(|of_base| reveal.shows_no_more_than(of_base)) {
        return Some(reveal.clone());
    }
    reveal.only(&|column| purpose.lists(relation, column))
}
