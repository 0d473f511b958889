//! Roles and purposes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{Datelike, NaiveDate};
use schemas::{Relation, RelationName};
use toml::de::{DeTable, DeValue};

use super::deny_spec::ANY_ROLE;
use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Text, Value, number_of, text_of, texts_of, wrong_type};
use crate::{Purpose, Role};

/// Days from 0001-01-01 (day 1) to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

/// Columns by relation.
type Fields = BTreeMap<RelationName, BTreeSet<String>>;

pub(super) fn read_roles(table: Option<&DeTable<'_>>, faults: &mut Faults<'_>) -> BTreeMap<String, Role> {
    let mut roles = BTreeMap::new();
    for (key, value) in table.into_iter().flatten() {
        let name: &str = key.get_ref();
        check_name(name, key.span(), false, faults);
        if name == ANY_ROLE {
            faults.add(key.span(), FaultKind::RoleNameTaken { name: name.to_owned() });
        }
        let Some(mut reader) = TableReader::of_value(name, value, faults) else { continue };
        let zh = reader.require_text("zh", faults);
        let en = reader.require_text("en", faults);
        let attributes = reader.get("attributes").map_or_else(Vec::new, |value| read_attributes(value, faults));
        let past_days = reader.get("past_days").and_then(|value| read_past_days(value, faults)).unwrap_or(0);
        reader.close(faults);
        // A role with a fault stays known, so that the rules that name it do not report it again.
        let text = |t: Option<Text>| t.map_or_else(String::new, |t| t.text);
        let name = name.to_owned();
        roles.insert(name.clone(), Role { name, zh: text(zh), en: text(en), attributes, past_days });
    }
    roles
}

fn read_attributes(value: &Value<'_>, faults: &mut Faults<'_>) -> Vec<String> {
    let Some(items) = value.get_ref().as_array() else {
        wrong_type("attributes", value, "a list of names", faults);
        return Vec::new();
    };
    let names: Vec<_> = items.iter().filter_map(|item| text_of("attributes", item, faults)).collect();
    for name in &names {
        check_name(&name.text, name.span.clone(), false, faults);
    }
    names.into_iter().map(|n| n.text).collect()
}

fn read_past_days(value: &Value<'_>, faults: &mut Faults<'_>) -> Option<u32> {
    let days = number_of(value).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= Role::PAST_DAYS_MAX);
    if days.is_none() {
        wrong_type("past_days", value, "a whole number from 0 to 3650", faults);
    }
    days
}

/// The purposes, and the ids of those whose fields could not be read, so that their rules are not held against them.
pub(super) fn read_purposes(
    table: Option<&DeTable<'_>>,
    roles: &BTreeMap<String, Role>,
    relations: &BTreeMap<String, &Relation>,
    faults: &mut Faults<'_>,
) -> (BTreeMap<String, Purpose>, BTreeSet<String>) {
    let (mut purposes, mut unread) = (BTreeMap::new(), BTreeSet::new());
    for (key, value) in table.into_iter().flatten() {
        let id: &str = key.get_ref();
        check_name(id, key.span(), true, faults);
        let Some(mut reader) = TableReader::of_value(id, value, faults) else { continue };
        let zh = reader.require_text("zh", faults);
        let en = reader.require_text("en", faults);
        let legal_basis = reader.require_text("legal_basis", faults);
        let matter = reader.require_text("matter", faults);
        let fields = reader.require("fields", faults).and_then(|value| read_fields(value, relations, faults));
        let expires = reader.require("expires", faults).and_then(|value| read_day(value, faults));
        let open_to = reader.require("roles", faults).map_or_else(Vec::new, |value| texts_of("roles", value, faults));
        reader.close(faults);
        for role in open_to.iter().filter(|role| !roles.contains_key(&role.text)) {
            let kind = FaultKind::UnknownRole { name: role.text.clone() };
            faults.add_unknown(role.span.clone(), kind, &role.text, roles.keys().map(String::as_str));
        }
        let text = |t: Option<Text>| t.map_or_else(String::new, |t| t.text);
        if fields.is_none() {
            unread.insert(id.to_owned());
        }
        let purpose = Purpose {
            id: id.to_owned(),
            zh: text(zh),
            en: text(en),
            legal_basis: text(legal_basis),
            matter: text(matter),
            fields: fields.unwrap_or_default(),
            expires: expires.unwrap_or(i32::MIN),
            roles: open_to.into_iter().map(|r| r.text).collect(),
        };
        purposes.insert(id.to_owned(), purpose);
    }
    (purposes, unread)
}

/// A list of `relation.column`, perhaps empty; `None` if any of it is no column.
fn read_fields(value: &Value<'_>, relations: &BTreeMap<String, &Relation>, faults: &mut Faults<'_>) -> Option<Fields> {
    let Some(items) = value.get_ref().as_array() else {
        wrong_type("fields", value, "a list of columns such as unified.person.id_no", faults);
        return None;
    };
    let (mut fields, mut sound) = (Fields::new(), true);
    for item in items {
        match text_of("fields", item, faults).and_then(|text| find_field(&text, relations, faults)) {
            Some((relation, column)) => {
                fields.entry(relation).or_default().insert(column);
            }
            None => sound = false,
        }
    }
    sound.then_some(fields)
}

fn find_field(
    text: &Text,
    relations: &BTreeMap<String, &Relation>,
    faults: &mut Faults<'_>,
) -> Option<(RelationName, String)> {
    let Some((name, column)) = text.text.rsplit_once('.') else {
        let expected = "a list of columns such as unified.person.id_no";
        faults.add(text.span.clone(), FaultKind::WrongType { key: "fields".to_owned(), expected });
        return None;
    };
    let Some(relation) = relations.get(name) else {
        let kind = FaultKind::UnknownRelation { name: name.to_owned() };
        faults.add_unknown(text.span.clone(), kind, name, relations.keys().map(String::as_str));
        return None;
    };
    if relation.column(column).is_none() {
        let kind = FaultKind::UnknownColumn { relation: name.to_owned(), column: column.to_owned() };
        faults.add_unknown(text.span.clone(), kind, column, relation.columns.iter().map(|c| c.name.as_str()));
        return None;
    }
    Some((relation.name.clone(), column.to_owned()))
}

/// A date without a time.
fn read_day(value: &Value<'_>, faults: &mut Faults<'_>) -> Option<i32> {
    let day = match value.get_ref() {
        DeValue::Datetime(at) if at.time.is_none() && at.offset.is_none() => at
            .date
            .and_then(|date| NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))),
        _ => None,
    };
    if day.is_none() {
        wrong_type("expires", value, "a date such as 2027-12-31", faults);
    }
    day.map(|date| date.num_days_from_ce() - EPOCH_FROM_CE)
}

/// Names of roles, attributes and masks are lower-case words; purposes may also be matter numbers: `case:A2026-001`.
/// `role:` at the start is kept for tokens without a purpose.
pub(super) fn check_name(name: &str, span: Range<usize>, is_purpose: bool, faults: &mut Faults<'_>) {
    let starts_well = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let wide = |b: u8| is_purpose && (b.is_ascii_uppercase() || matches!(b, b'-' | b'.' | b':'));
    let goes_on_well = name.bytes().all(|b| plain(b) || wide(b));
    if !starts_well || !goes_on_well || name.len() > 63 || name.starts_with("role:") {
        faults.add(span, FaultKind::MalformedName { name: name.to_owned() });
    }
}
