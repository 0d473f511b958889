//! A grant as Iceberg REST `read-restrictions`, so that other engines on the same tables can enforce it.
//!
//! The restrictions are advice to a reader that obeys: they never replace withholding the files. A reader evaluates the row
//! filter on original values, then one action a column; a column not listed is *not* restricted, so hidden columns are
//! listed as null. The list of actions is closed, and ours is finer. A mask goes out as an action only if that shows no more:
//!
//! | mask | action |
//! |---|---|
//! | clear | none |
//! | null | `replace-with-null` |
//! | constant, on a text | `mask-to-fixed-value`: another text, as little told |
//! | year, on a date | `truncate-to-year` |
//! | token, on a text | `sha-256-query-local`, if the role sees tokens of one class only: the action does not keep classes apart |
//! | any other | `replace-with-null` |
//! | any with a lift | that of the lifted mask, for every row |
//!
//! `show-first-4`, `show-last-4` and `mask-alphanum` are never used: they tell lengths and kinds of characters, and pass
//! short values whole. `sha-256-global` is never used: ID numbers are few enough to be hashed one by one.
//!
//! Source: apache/iceberg#13879, `ReadRestrictions` of the REST catalog specification.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use schemas::Relation;
use serde_json::{Map, Value, json};

use crate::{ColumnGrant, Mask, PolicySet, Principal, RowPredicate};

const NULL: &str = "replace-with-null";

/// What a principal may see of a relation, as `read-restrictions`. A decision that shows no row becomes a filter that admits
/// no row, and null in every column.
///
/// Field ids count the declared columns of the relation from 1; a catalogue with other ids has to translate them.
/// `datong-stricter` lists the columns of which the restrictions show less than the policy: a reader may ignore it.
#[must_use]
pub fn export_read_restrictions(set: &PolicySet, principal: &Principal, relation: &Relation, today: i32) -> Value {
    let decision = set.decide_on(principal, relation, today);
    // What may only be counted is not read at all: there is no action for that.
    let grant = decision.grant().filter(|grant| grant.aggregate.is_none());
    let one_token_class = token_classes(set, principal).len() <= 1;
    let (mut projections, mut stricter) = (Vec::new(), Vec::new());
    for (id, column) in (1_u64..).zip(&relation.columns) {
        let shown = grant.and_then(|grant| grant.column(column.name.as_str()));
        let data_type = column.field_type.arrow_type();
        let (action, is_stricter) = shown.map_or((Some(NULL), false), |c| action(c, &data_type, one_token_class));
        if let Some(action) = action {
            projections.push(json!({ "field-id": id, "action": action }));
            if let Some(shown) = shown.filter(|_| is_stricter) {
                let mask = shown.shown().to_string();
                stricter.push(json!({ "field-id": id, "column": shown.name, "mask": mask, "action": action }));
            }
        }
    }
    let mut out = Map::new();
    let filter = grant.map_or(Some(Value::Bool(false)), |grant| row_filter(&grant.rows, relation));
    if let Some(filter) = filter {
        out.insert("required-row-filter".to_owned(), filter);
    }
    out.insert("required-column-projections".to_owned(), Value::Array(projections));
    out.insert("datong-stricter".to_owned(), Value::Array(stricter));
    Value::Object(out)
}

/// The action for a column, and whether it shows less than the mask. No action: shown as it is. An action is the same for every
/// row, so a column with a lift gets that of the lifted mask, which shows no more than the ordinary one.
fn action(column: &ColumnGrant, data_type: &DataType, one_token_class: bool) -> (Option<&'static str>, bool) {
    match &column.lift {
        Some(lift) => (action_of(&lift.mask, data_type, one_token_class).0, true),
        None => action_of(&column.mask, data_type, one_token_class),
    }
}

fn action_of(mask: &Mask, data_type: &DataType, one_token_class: bool) -> (Option<&'static str>, bool) {
    match (mask, data_type) {
        (Mask::Clear, _) => (None, false),
        (Mask::Null, _) => (Some(NULL), false),
        (Mask::Constant { .. }, DataType::Utf8) => (Some("mask-to-fixed-value"), false),
        (Mask::Year, DataType::Date32) => (Some("truncate-to-year"), false),
        // A token also joins across queries.
        (Mask::Token { .. }, DataType::Utf8) if one_token_class => (Some("sha-256-query-local"), true),
        _ => (Some(NULL), true),
    }
}

/// Classes of the tokens that the principal may meet in one query, over all relations of the set.
fn token_classes<'s>(set: &'s PolicySet, principal: &Principal) -> BTreeSet<&'s str> {
    let mut classes = BTreeSet::new();
    for rules in set.rules.get(&principal.role).into_iter().flat_map(|of_role| of_role.values()) {
        let of_purpose = principal.purpose.as_ref().and_then(|purpose| rules.by_purpose.get(purpose));
        let rule = of_purpose.or(rules.base.as_ref());
        for column in rule.into_iter().flat_map(|rule| rule.columns.values()) {
            for mask in column.lift.iter().map(|lift| &lift.mask).chain([&column.mask]) {
                if let Mask::Token { class } = mask {
                    classes.insert(class.as_str());
                }
            }
        }
    }
    classes
}

/// The predicate as an Iceberg expression over field ids; `None` if it admits every row. A column that the relation does not
/// have admits no row.
fn row_filter(rows: &RowPredicate, relation: &Relation) -> Option<Value> {
    (*rows != RowPredicate::All).then(|| expression(rows, relation))
}

fn expression(rows: &RowPredicate, relation: &Relation) -> Value {
    match rows {
        RowPredicate::All => Value::Bool(true),
        RowPredicate::None => Value::Bool(false),
        RowPredicate::In { column, values } => match (reference(column, relation), values.as_slice()) {
            (None, _) => Value::Bool(false),
            (Some(column), [only]) => comparison("eq", &column, only),
            (Some(column), values) => json!({ "type": "in", "child": column, "values": values }),
        },
        RowPredicate::Prefix { column, prefixes } => match reference(column, relation) {
            None => Value::Bool(false),
            Some(column) => {
                let parts = prefixes.iter().map(|prefix| comparison("starts-with", &column, prefix));
                combine("or", parts).unwrap_or(Value::Bool(false))
            }
        },
        RowPredicate::And(parts) => {
            let parts = parts.iter().map(|part| expression(part, relation));
            combine("and", parts).unwrap_or(Value::Bool(false))
        }
        RowPredicate::Or(parts) => {
            let parts = parts.iter().map(|part| expression(part, relation));
            combine("or", parts).unwrap_or(Value::Bool(false))
        }
    }
}

fn reference(column: &str, relation: &Relation) -> Option<Value> {
    let (id, _) = (1_u64..).zip(&relation.columns).find(|(_, c)| c.name.as_str() == column)?;
    Some(json!({ "type": "reference", "id": id }))
}

fn comparison(operator: &str, column: &Value, value: &str) -> Value {
    json!({ "type": operator, "left": column, "right": { "type": "literal", "value": value } })
}

/// Expressions take two operands. `None` if there is none.
fn combine(operator: &str, parts: impl Iterator<Item = Value>) -> Option<Value> {
    parts.reduce(|left, right| json!({ "type": operator, "left": left, "right": right }))
}
