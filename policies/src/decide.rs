//! The decision point: one principal, one relation, one answer.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::{FieldType, Relation};

use crate::policy_set::{Purpose, Rule};
use crate::{AggregateRule, ColumnGrant, Decision, Grant, PolicySet, Principal, Refusal, RowPredicate, SearchRule};

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
    /// - columns that the rule does not show, that the policy was not checked against, or whose type has changed since: left out;
    /// - a missing attribute: no rows.
    #[must_use]
    pub fn decide_on(&self, principal: &Principal, relation: &Relation, today: i32) -> Decision {
        let Some(rules) = self.rules.get(&principal.role).and_then(|of_role| of_role.get(&relation.name)) else {
            return Decision::Invisible;
        };
        let purpose = match self.check_purpose(principal, today) {
            Ok(purpose) => purpose,
            Err(reason) => return Decision::Refused { reason },
        };
        let of_purpose = purpose.and_then(|p| rules.by_purpose.get(&p.id));
        match (of_purpose.or(rules.base.as_ref()), purpose) {
            (Some(rule), _) => grant(rule, principal, purpose, relation).map_or(Decision::Invisible, Decision::Visible),
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
        if purpose.expires.is_some_and(|last_day| today > last_day) {
            return Err(Refusal::PurposeExpired);
        }
        Ok(Some(purpose))
    }
}

/// `None` if nothing of the rule fits the relation any more.
fn grant(rule: &Rule, principal: &Principal, purpose: Option<&Purpose>, relation: &Relation) -> Option<Grant> {
    let rows = rule.rows.bind(&principal.attributes);
    if !rows_fit(&rows, relation) {
        return None;
    }
    let columns: Vec<ColumnGrant> = relation
        .columns
        .iter()
        .filter_map(|column| {
            let shown = rule.columns.get(column.name.as_str())?;
            (shown.field_type == column.field_type).then(|| ColumnGrant {
                name: column.name.as_str().to_owned(),
                mask: shown.mask.clone(),
                rule: shown.rule.clone(),
                reason: shown.reason.clone(),
            })
        })
        .collect();
    if columns.is_empty() {
        return None;
    }
    if !aggregate_fits(rule.aggregate.as_deref(), &columns) {
        return None;
    }
    Some(Grant {
        rows,
        columns,
        aggregate: rule.aggregate.clone(),
        search: rule.search.clone().filter(|search| search_fits(search, relation)),
        rule: rule.id.clone(),
        legal_basis: rule.legal_basis.clone(),
        token_scope: purpose.map_or_else(|| format!("role:{}", principal.role), |p| p.id.clone()),
        expires: purpose.and_then(|p| p.expires),
    })
}

/// Whether the persons are still told apart: without that column nothing can be counted.
fn aggregate_fits(aggregate: Option<&AggregateRule>, columns: &[ColumnGrant]) -> bool {
    aggregate.is_none_or(|rule| columns.iter().any(|column| column.name == rule.persons))
}

/// Whether everything that is compared is still there.
fn search_fits(search: &SearchRule, relation: &Relation) -> bool {
    search.by.iter().flat_map(|key| key.columns()).all(|column| relation.column(column).is_some())
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

    #[test]
    fn the_day_turns_at_sixteen_hours_utc() {
        let at = |text: &str| china_day(text.parse().unwrap());
        assert_eq!(at("1970-01-01T15:59:59Z"), 0);
        assert_eq!(at("1970-01-01T16:00:00Z"), 1);
    }
}
