//! Role × purpose × relation: visibility, rows, columns.

use std::collections::BTreeMap;

use schemas::{FieldType, Relation};

use super::change::{Change, ChangedPart, PolicyChange, RowExample, Wording};
use super::inclusion::{Inclusion, includes};
use super::{Subjects, words};
use crate::deny::Denied;
use crate::lift::Shown;
use crate::policy_set::Rule;
use crate::row::RowRule;
use crate::{AggregateRule, ColumnGrant, Decision, PolicySet, RevealRule, SearchRule, Visibility};

pub(super) fn compare(
    old: &PolicySet,
    new: &PolicySet,
    relations: &[Relation],
    subjects: &Subjects,
) -> Vec<PolicyChange> {
    let mut rows = RowChanges::default();
    let mut changes = Vec::new();
    for (role, purpose) in subjects.iter() {
        let title = subjects.title(role, purpose);
        for relation in relations {
            let sides = [Side::of(old, role, purpose, relation), Side::of(new, role, purpose, relation)];
            changes.extend(differences(&sides, relation, &mut rows).into_iter().map(|found| PolicyChange {
                role: role.to_owned(),
                purpose: purpose.map(str::to_owned),
                relation: Some(relation.name.to_string()),
                part: found.part,
                change: found.change,
                subject: title.clone(),
                before: found.before,
                after: found.after,
                example: found.example,
            }));
        }
    }
    changes
}

/// What one set says of one role, purpose and relation.
struct Side<'s> {
    decision: Decision,
    /// The rule behind it; `None` if refused, or if there is none.
    rule: Option<&'s Rule>,
    denied: Denied<'s>,
}

impl<'s> Side<'s> {
    fn of(set: &'s PolicySet, role: &str, purpose: Option<&str>, relation: &Relation) -> Self {
        let decision = set.decide_for_all(role, purpose, relation);
        let of_relation = set.rules.get(role).and_then(|of_role| of_role.get(&relation.name));
        let rule = of_relation.and_then(|rules| {
            let of_purpose = purpose.and_then(|id| rules.by_purpose.get(id));
            of_purpose.or(rules.base.as_ref())
        });
        let is_refused = matches!(decision, Decision::Refused { .. });
        let denied = set.denied(role, purpose, relation);
        Self { decision, rule: rule.filter(|_| !is_refused), denied }
    }

    fn column(&self, name: &str) -> Option<Shown<'_>> {
        self.decision.grant()?.column(name).map(ColumnGrant::shown)
    }

    fn aggregate(&self) -> Option<&AggregateRule> {
        self.decision.grant()?.aggregate.as_deref()
    }

    /// The rule whose rows are shown; `None` if no row is.
    fn shown_rule(&self) -> Option<&'s Rule> {
        self.rule.filter(|_| matches!(self.decision, Decision::Visible(_)))
    }

    /// The columns of the rule without those denied, with their types and masks.
    fn shown(&self) -> BTreeMap<&'s str, (FieldType, Shown<'s>)> {
        let columns = self.rule.into_iter().flat_map(|rule| &rule.columns);
        let left = columns.filter(|(name, _)| !self.denied.has(name));
        left.map(|(name, column)| (name.as_str(), (column.field_type, column.shown()))).collect()
    }

    /// Whether the rule compares a column that is no text of the relation any more. Then the decision depends on which
    /// attributes the principal has, and nothing is compared exactly.
    fn is_unfit(&self, relation: &Relation) -> bool {
        self.rule.is_some_and(|rule| !fits(&rule.rows, relation))
    }
}

fn fits(rows: &RowRule, relation: &Relation) -> bool {
    match rows {
        RowRule::All => true,
        RowRule::In { column, .. } | RowRule::Prefix { column, .. } => {
            relation.arrow_type(column).is_some_and(|found| found == FieldType::Text.arrow_type())
        }
        RowRule::And(parts) | RowRule::Or(parts) => parts.iter().all(|part| fits(part, relation)),
    }
}

struct Difference {
    part: ChangedPart,
    change: Change,
    before: Wording,
    after: Wording,
    example: Option<RowExample>,
}

fn differences(sides: &[Side<'_>; 2], relation: &Relation, rows: &mut RowChanges) -> Vec<Difference> {
    let [old, new] = sides;
    if old.is_unfit(relation) || new.is_unfit(relation) {
        return unfit(old, new).into_iter().collect();
    }
    let mut found = Vec::new();
    let (was, is) = (Visibility::of(&old.decision), Visibility::of(&new.decision));
    if was != is {
        let change = Change::of_inclusions(is <= was, was <= is);
        let (before, after) = (words::of_visibility(was), words::of_visibility(is));
        found.push(Difference { part: ChangedPart::Visibility, change, before, after, example: None });
    }
    found.extend(rows.compare(old.shown_rule(), new.shown_rule()));
    found.extend(compare_aggregates(old, new));
    found.extend(compare_searches(old, new));
    found.extend(compare_reveals(old, new));
    for column in &relation.columns {
        let name = column.name.as_str();
        let (was, is) = (old.column(name), new.column(name));
        if was != is {
            let (before, after) = words::of_columns(was, is);
            let part = ChangedPart::Column(name.to_owned());
            found.push(Difference { part, change: compare_columns(was, is), before, after, example: None });
        }
    }
    found
}

/// Nothing if neither or both show the same statistics, or if one of them shows nothing at all and the other shows rows.
fn compare_aggregates(old: &Side<'_>, new: &Side<'_>) -> Option<Difference> {
    let (was, is) = (old.aggregate(), new.aggregate());
    if was == is {
        return None;
    }
    let no_more = |mine: Option<&AggregateRule>, theirs: Option<&AggregateRule>| match (mine, theirs) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(mine), Some(theirs)) => mine.shows_no_more_than(theirs),
    };
    let change = match (old.decision.grant(), new.decision.grant()) {
        (None, _) => Change::More,
        (_, None) => Change::Less,
        _ => Change::of_inclusions(no_more(is, was), no_more(was, is)),
    };
    let (before, after) = (words::of_aggregate(was), words::of_aggregate(is));
    Some(Difference { part: ChangedPart::Aggregate, change, before, after, example: None })
}

fn compare_searches(old: &Side<'_>, new: &Side<'_>) -> Option<Difference> {
    let of = |side: &Side<'_>| side.decision.grant().and_then(|grant| grant.search.clone());
    let (was, is) = (of(old), of(new));
    let change = change_of_part(was.as_deref(), is.as_deref(), SearchRule::shows_no_more_than)?;
    let (before, after) = (words::of_search(was.as_deref()), words::of_search(is.as_deref()));
    Some(Difference { part: ChangedPart::Search, change, before, after, example: None })
}

fn compare_reveals(old: &Side<'_>, new: &Side<'_>) -> Option<Difference> {
    let of = |side: &Side<'_>| side.decision.grant().and_then(|grant| grant.reveal.clone());
    let (was, is) = (of(old), of(new));
    let change = change_of_part(was.as_deref(), is.as_deref(), RevealRule::shows_no_more_than)?;
    let (before, after) = (words::of_reveal(was.as_deref()), words::of_reveal(is.as_deref()));
    Some(Difference { part: ChangedPart::Reveal, change, before, after, example: None })
}

/// The change of a part that allows nothing where it is not there; `None` if it has not changed.
fn change_of_part<R: PartialEq>(was: Option<&R>, is: Option<&R>, no_more: impl Fn(&R, &R) -> bool) -> Option<Change> {
    if was == is {
        return None;
    }
    let within = |mine: Option<&R>, theirs: Option<&R>| match (mine, theirs) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(mine), Some(theirs)) => no_more(mine, theirs),
    };
    Some(Change::of_inclusions(within(is, was), within(was, is)))
}

/// `None` is a hidden column: less than any mask, since not even its name is known.
fn compare_columns(old: Option<Shown<'_>>, new: Option<Shown<'_>>) -> Change {
    match (old, new) {
        (None, None) => Change::Same,
        (None, Some(_)) => Change::More,
        (Some(_), None) => Change::Less,
        (Some(old), Some(new)) => Change::of_inclusions(new.shows_no_more_than(old), old.shows_no_more_than(new)),
    }
}

/// Nothing if both rules are the same, otherwise undecided.
fn unfit(old: &Side<'_>, new: &Side<'_>) -> Option<Difference> {
    if let (Some(old_rule), Some(new_rule)) = (old.rule, new.rule)
        && old_rule.rows == new_rule.rows
        && old_rule.aggregate == new_rule.aggregate
        && old_rule.search == new_rule.search
        && old_rule.reveal == new_rule.reveal
        && old.shown() == new.shown()
    {
        return None;
    }
    Some(Difference {
        part: ChangedPart::Rows,
        change: Change::Undecided,
        before: words::of_rows(old.rule.map(|rule| &rule.rows)),
        after: words::of_rows(new.rule.map(|rule| &rule.rows)),
        example: None,
    })
}

/// Comparisons of rows, kept by the ids of both rules: a base rule also stands under purposes.
#[derive(Default)]
struct RowChanges {
    known: BTreeMap<(String, String), (Change, Option<RowExample>)>,
}

impl RowChanges {
    fn compare(&mut self, old: Option<&Rule>, new: Option<&Rule>) -> Option<Difference> {
        let (was, is) = (old.map(|rule| &rule.rows), new.map(|rule| &rule.rows));
        if was == is {
            return None;
        }
        let id = |rule: Option<&Rule>| rule.map_or_else(String::new, |rule| rule.id.clone());
        let known = self.known.entry((id(old), id(new))).or_insert_with(|| compare_rows(was, is));
        let (change, example) = known.clone();
        let (before, after) = (words::of_rows(was), words::of_rows(is));
        Some(Difference { part: ChangedPart::Rows, change, before, after, example })
    }
}

fn compare_rows(old: Option<&RowRule>, new: Option<&RowRule>) -> (Change, Option<RowExample>) {
    let no_row = RowRule::Or(Vec::new());
    let (old, new) = (old.unwrap_or(&no_row), new.unwrap_or(&no_row));
    let (new_in_old, old_in_new) = (includes(new, old), includes(old, new));
    let change = match (&new_in_old, &old_in_new) {
        (Inclusion::Undecided, _) | (_, Inclusion::Undecided) => Change::Undecided,
        (new_in_old, old_in_new) => {
            Change::of_inclusions(*new_in_old == Inclusion::Holds, *old_in_new == Inclusion::Holds)
        }
    };
    match new_in_old {
        Inclusion::Fails(example) => (change, Some(example)),
        Inclusion::Holds | Inclusion::Undecided => (change, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keep, Mask};

    fn compare_masks(old: Option<&Mask>, new: Option<&Mask>) -> Change {
        let shown = |mask| Shown { mask, lift: None };
        compare_columns(old.map(shown), new.map(shown))
    }

    #[test]
    fn a_hidden_column_is_less_than_any_mask() {
        assert_eq!(compare_masks(None, Some(&Mask::Null)), Change::More);
        assert_eq!(compare_masks(Some(&Mask::Null), None), Change::Less);
        assert_eq!(compare_masks(None, None), Change::Same);
    }

    #[test]
    fn masks_are_compared_both_ways() {
        let keep = |first, last| Mask::Keep(Keep { first, last, lengths: vec![18], ..Keep::default() });
        let compare = |old: &Mask, new: &Mask| compare_masks(Some(old), Some(new));
        assert_eq!(compare(&keep(6, 4), &Mask::Clear), Change::More);
        assert_eq!(compare(&keep(6, 4), &keep(6, 0)), Change::Less);
        assert_eq!(compare(&keep(6, 4), &keep(8, 0)), Change::Incomparable);
        assert_eq!(compare(&Mask::redacted(), &Mask::Constant { text: "-".to_owned() }), Change::Same);
    }
}
