//! The decision point: one principal, one relation, one answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use schemas::{FieldType, Relation};

use crate::deny::Denied;
use crate::policy_set::{Rule, RuleColumn};
use crate::purpose::{self, Purpose};
use crate::{AggregateRule, ColumnGrant, Decision, Grant, Lift, Mask, PolicySet, Principal, Refusal, RowPredicate};

/// Days from 0001-01-01 (day 1) to 1970-01-01.
const EPOCH_FROM_CE: i64 = 719_163;

impl PolicySet {
    /// What the principal may see of the relation, today. See [`PolicySet::decide_on`].
    #[must_use]
    pub fn decide(&self, principal: &Principal, relation: &Relation) -> Decision {
        self.decide_on(principal, relation, china_day(Utc::now()))
    }

    /// What the principal may see of the relation on a day (days since 1970-01-01, China time). Default closed:
    /// - no rule of the active role for the relation: [`Decision::Invisible`], whatever the purpose;
    /// - a declared purpose that is unknown, expired or not open to the role: [`Decision::Refused`], never less instead;
    /// - a relation the role reads only for a purpose, with none or another declared: [`Decision::Refused`];
    /// - columns of which a purpose's rule shows more than the base rule, and which the purpose does not list: left out;
    /// - columns that the rule does not show, that the policy was not checked against, or whose type has changed since: left out;
    /// - a missing attribute: no rows.
    ///
    /// What a deny names is then taken away: a column as if no rule showed it, a relation as if there were no rule.
    #[must_use]
    pub fn decide_on(&self, principal: &Principal, relation: &Relation, today: i32) -> Decision {
        let Some(rules) = self.rules.get(&principal.role).and_then(|of_role| of_role.get(&relation.name)) else {
            return Decision::Invisible;
        };
        let denied = self.denied(&principal.role, principal.purpose.as_deref(), relation);
        if denied.whole.is_some() {
            return Decision::Invisible;
        }
        let purpose = match self.check_purpose(principal, today) {
            Ok(purpose) => purpose,
            Err(reason) => return Decision::Refused { reason },
        };
        let of_purpose = purpose.and_then(|p| rules.by_purpose.get(&p.id));
        let base = rules.base.as_ref();
        // The reading of the policy has held the rule against the purpose's fields; what is shown does not rest on that alone.
        let is_beyond = |column: &str| {
            let both = purpose.zip(of_purpose);
            both.is_some_and(|(p, rule)| !p.lists(&relation.name, column) && purpose::widens(rule, base, column))
        };
        match (of_purpose.or(base), purpose) {
            (Some(rule), _) => {
                let mut grant = grant(rule, principal, purpose, relation, &is_beyond);
                if let (Some(grant), Some((purpose, rule))) = (&mut grant, purpose.zip(of_purpose)) {
                    grant.search = purpose::search_within(rule, base, purpose, &relation.name).map(Arc::new);
                    grant.reveal = purpose::reveal_within(rule, base, purpose, &relation.name).map(Arc::new);
                }
                let grant = grant.map(|grant| with_stored_parts(grant, relation));
                grant
                    .and_then(|grant| take_away(grant, &denied))
                    .map_or(Decision::Invisible, |grant| Decision::Visible(Box::new(grant)))
            }
            (None, Some(_)) => Decision::Refused { reason: Refusal::PurposeNotForRelation },
            (None, None) => Decision::Refused { reason: Refusal::PurposeMissing },
        }
    }

    /// The declared purpose of a principal, if it holds on that day; `None` if none is declared.
    ///
    /// # Errors
    /// [`Refusal`] if the purpose is unknown, expired or not open to the role. A session that declares such a purpose is to
    /// be refused as a whole.
    pub fn check_purpose(&self, principal: &Principal, today: i32) -> Result<Option<&Purpose>, Refusal> {
        let Some(id) = &principal.purpose else { return Ok(None) };
        let purpose = self.purpose(id).ok_or(Refusal::PurposeUnknown)?;
        if !purpose.roles.contains(&principal.role) {
            return Err(Refusal::PurposeNotForRole);
        }
        if today > purpose.expires {
            return Err(Refusal::PurposeExpired);
        }
        Ok(Some(purpose))
    }
}

/// `None` if nothing of the rule fits the relation any more.
fn grant(
    rule: &Rule,
    principal: &Principal,
    purpose: Option<&Purpose>,
    relation: &Relation,
    is_beyond: &dyn Fn(&str) -> bool,
) -> Option<Grant> {
    let rows = rule.rows.bind(&principal.attributes);
    if !rows_fit(&rows, relation) {
        return None;
    }
    let columns: Vec<ColumnGrant> = relation
        .columns
        .iter()
        .filter(|column| !is_beyond(column.name.as_str()))
        .filter_map(|column| {
            let shown = rule.columns.get(column.name.as_str())?;
            let (mask, lift) = masks_of(shown, relation);
            (shown.field_type == column.field_type).then(|| ColumnGrant {
                name: column.name.as_str().to_owned(),
                mask: mask.clone(),
                lift: lift.cloned(),
                rule: shown.rule.clone(),
                reason: shown.reason.clone(),
            })
        })
        .collect();
    let grant = Grant {
        rows,
        columns,
        denied: Vec::new(),
        aggregate: rule.aggregate.clone(),
        search: rule.search.clone(),
        reveal: rule.reveal.clone(),
        rule: rule.id.clone(),
        legal_basis: rule.legal_basis.clone(),
        token_scope: purpose.map_or_else(|| format!("role:{}", principal.role), |p| p.id.clone()),
        expires: purpose.map(|p| p.expires),
    };
    with_sound_parts(grant)
}

/// The mask of a column and its lift. Where no date decides any more, every row counts as a child's.
fn masks_of<'r>(shown: &'r RuleColumn, relation: &Relation) -> (&'r Mask, Option<&'r Lift>) {
    match &shown.lift {
        Some(lift) if relation.column(&lift.birth_date).is_none_or(|c| c.field_type != FieldType::Date) => {
            (&lift.mask, None)
        }
        lift => (&shown.mask, lift.as_ref()),
    }
}

/// The grant without searches by columns that the relation does not have any more, and reveals of them.
fn with_stored_parts(mut grant: Grant, relation: &Relation) -> Grant {
    let stored = |column: &str| relation.column(column).is_some();
    grant.search = grant.search.and_then(|search| search.only(&stored)).map(Arc::new);
    let shown = |column: &str| grant.columns.iter().any(|shown| shown.name == column);
    grant.reveal = grant.reveal.and_then(|reveal| reveal.only(&shown)).map(Arc::new);
    grant
}

/// The grant without what is denied; `None` if nothing is left.
fn take_away(mut grant: Grant, denied: &Denied<'_>) -> Option<Grant> {
    grant.denied = grant.columns.iter().filter_map(|column| denied.column(&column.name)).collect();
    grant.columns.retain(|column| !denied.has(&column.name));
    // Whoever may not see a column does not find by it either.
    grant.search = grant.search.and_then(|search| search.only(&|column| !denied.has(column))).map(Arc::new);
    grant.reveal = grant.reveal.and_then(|reveal| reveal.only(&|column| !denied.has(column))).map(Arc::new);
    with_sound_parts(grant)
}

/// The grant with statistics over the columns that are left; `None` if there are none, or persons cannot be counted.
fn with_sound_parts(mut grant: Grant) -> Option<Grant> {
    if let Some(aggregate) = &grant.aggregate {
        grant.aggregate = Some(aggregate_of(aggregate, &grant.columns)?);
    }
    (!grant.columns.is_empty()).then_some(grant)
}

/// The statistics over the columns that are shown; `None` if persons cannot be told apart, so that nothing can be counted.
fn aggregate_of(rule: &Arc<AggregateRule>, columns: &[ColumnGrant]) -> Option<Arc<AggregateRule>> {
    let shown: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if !shown.contains(rule.persons.as_str()) {
        return None;
    }
    if rule.keys.iter().chain(&rule.measures).all(|name| shown.contains(name.as_str())) {
        return Some(Arc::clone(rule));
    }
    let mut left = AggregateRule::clone(rule);
    left.keys.retain(|name| shown.contains(name.as_str()));
    left.measures.retain(|name| shown.contains(name.as_str()));
    Some(Arc::new(left))
}

/// Whether every column compared is a text of the relation.
fn rows_fit(rows: &RowPredicate, relation: &Relation) -> bool {
    let text = FieldType::Text.arrow_type();
    rows.columns().into_iter().all(|name| relation.arrow_type(name).is_some_and(|t| t == text))
}

/// The day in China, in days since 1970-01-01.
fn china_day(now: DateTime<Utc>) -> i32 {
    let there = now.checked_add_signed(TimeDelta::hours(8)).unwrap_or(now);
    let days = i64::from(chrono::Datelike::num_days_from_ce(&there.date_naive())) - EPOCH_FROM_CE;
    // Chrono's years end long before i32 days do.
    i32::try_from(days).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A purpose whose record has lost its fields after the policy was read.
    #[test]
    fn a_purpose_gives_nothing_beyond_its_fields_even_if_its_rule_does() {
        let mut set = PolicySet::shipped().unwrap();
        let relations = schemas::Registry::shipped().unwrap().relations();
        let person = relations.iter().find(|r| r.name.to_string() == "unified.person").unwrap();
        let role = "police_officer".to_owned();
        let purpose = Some("case_investigation".to_owned());
        let officer =
            Principal { subject: "u1".to_owned(), role, attributes: std::collections::BTreeMap::new(), purpose };
        let shown = |set: &PolicySet| set.decide_on(&officer, person, 0).grant().unwrap().clone();
        assert_eq!(shown(&set).column("id_no").unwrap().mask, crate::Mask::Clear);
        for purpose in Arc::make_mut(&mut set.purposes).values_mut() {
            purpose.fields.clear();
        }
        let left = shown(&set);
        assert!(left.column("id_no").is_none() && left.column("permit_no").is_none());
        assert_eq!(left.column("name").unwrap().rule, "police_officer@case_investigation/unified.person/name");
    }

    #[test]
    fn the_day_turns_at_sixteen_hours_utc() {
        let at = |text: &str| china_day(text.parse().unwrap());
        assert_eq!(at("1970-01-01T15:59:59Z"), 0);
        assert_eq!(at("1970-01-01T16:00:00Z"), 1);
    }
}
