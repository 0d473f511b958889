//! Roles and purposes.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{Datelike, NaiveDate};
use toml::de::{DeTable, DeValue};

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Value, text_of, texts_of, wrong_type};
use crate::{Purpose, Role};

/// Days from 0001-01-01 (day 1) to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

pub(super) fn read_roles(table: Option<&DeTable<'_>>, faults: &mut Faults<'_>) -> BTreeMap<String, Role> {
    let mut roles = BTreeMap::new();
    for (key, value) in table.into_iter().flatten() {
        let name: &str = key.get_ref();
        check_name(name, key.span(), false, faults);
        let Some(mut reader) = TableReader::of_value(name, value, faults) else { continue };
        let zh = reader.require_text("zh", faults);
        let en = reader.require_text("en", faults);
        let attributes = reader.get("attributes").map_or_else(Vec::new, |value| read_attributes(value, faults));
        reader.close(faults);
        // A role with a fault stays known, so that the rules that name it do not report it again.
        let text = |t: Option<super::reader::Text>| t.map_or_else(String::new, |t| t.text);
        roles.insert(name.to_owned(), Role { name: name.to_owned(), zh: text(zh), en: text(en), attributes });
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

pub(super) fn read_purposes(
    table: Option<&DeTable<'_>>,
    roles: &BTreeMap<String, Role>,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, Purpose> {
    let mut purposes = BTreeMap::new();
    for (key, value) in table.into_iter().flatten() {
        let id: &str = key.get_ref();
        check_name(id, key.span(), true, faults);
        let Some(mut reader) = TableReader::of_value(id, value, faults) else { continue };
        let zh = reader.require_text("zh", faults);
        let en = reader.require_text("en", faults);
        let legal_basis = reader.require_text("legal_basis", faults);
        let expires = reader.get("expires").and_then(|value| read_day(value, faults));
        let open_to = reader.require("roles", faults).map_or_else(Vec::new, |value| texts_of("roles", value, faults));
        reader.close(faults);
        for role in open_to.iter().filter(|role| !roles.contains_key(&role.text)) {
            let kind = FaultKind::UnknownRole { name: role.text.clone() };
            faults.add_unknown(role.span.clone(), kind, &role.text, roles.keys().map(String::as_str));
        }
        let text = |t: Option<super::reader::Text>| t.map_or_else(String::new, |t| t.text);
        let purpose = Purpose {
            id: id.to_owned(),
            zh: text(zh),
            en: text(en),
            legal_basis: text(legal_basis),
            expires,
            roles: open_to.into_iter().map(|r| r.text).collect(),
        };
        purposes.insert(id.to_owned(), purpose);
    }
    purposes
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
