//! `[[deny]]`: what is taken away after every grant, as written in a policy.

use std::collections::BTreeMap;
use std::ops::Range;

use schemas::Relation;
use toml::de::DeArray;

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Text, Value, texts_of};
use super::rules::{Known, read_purpose, read_relations};
use crate::deny::Deny;
use crate::{Reason, Role};

/// Stands for every role, also those declared later.
pub(super) const ANY_ROLE: &str = "any";

pub(super) fn read_denies(array: Option<&DeArray<'_>>, known: &Known<'_>, faults: &mut Faults<'_>) -> Vec<Deny> {
    let values = array.into_iter().flat_map(|array| array.iter());
    values.filter_map(|value| read_deny(value, known, faults)).flatten().collect()
}

/// One deny for each role and relation named.
fn read_deny(value: &Value<'_>, known: &Known<'_>, faults: &mut Faults<'_>) -> Option<Vec<Deny>> {
    let mut reader = TableReader::of_value("deny", value, faults)?;
    let roles = reader.require("role", faults).and_then(|value| read_roles(value, known, faults));
    let purpose = match reader.get("purpose") {
        None => Some(None),
        Some(value) => read_open_purpose(value, roles.as_deref(), known, faults).map(Some),
    };
    let relations = reader.require("relations", faults).map(|value| read_relations(value, known, faults));
    let relations = relations.unwrap_or_default();
    let columns = reader.get("columns").map(|value| read_columns(value, &relations, faults));
    let zh = reader.require_text("zh", faults);
    let en = reader.require_text("en", faults);
    let legal_basis = reader.require_text("legal_basis", faults);
    reader.close(faults);
    let draft = Draft { purpose: purpose?, columns, zh: zh?.text, en: en?.text, legal_basis: legal_basis?.text };
    let roles = roles?;
    let denies =
        roles.iter().flat_map(|role| relations.iter().map(|relation| draft.bind(role.map(|r| &*r.name), relation)));
    Some(denies.collect())
}

/// `"any"` alone is `[None]`; otherwise the roles named.
fn read_roles<'k>(value: &Value<'_>, known: &Known<'k>, faults: &mut Faults<'_>) -> Option<Vec<Option<&'k Role>>> {
    let names = texts_of("role", value, faults);
    if let [only] = names.as_slice()
        && only.text == ANY_ROLE
    {
        return Some(vec![None]);
    }
    let (mut roles, mut sound) = (Vec::new(), !names.is_empty());
    for Text { text, span } in names {
        match known.roles.get(&text) {
            Some(role) => roles.push(Some(role)),
            None if text == ANY_ROLE => {
                sound = false;
                let expected = "a role, a list of roles, or \"any\" alone";
                faults.add(span, FaultKind::WrongType { key: "role".to_owned(), expected });
            }
            None => {
                sound = false;
                let words = known.roles.keys().map(String::as_str).chain([ANY_ROLE]);
                faults.add_unknown(span, FaultKind::UnknownRole { name: text.clone() }, &text, words);
            }
        }
    }
    sound.then_some(roles)
}

/// A purpose that every role named may declare: under another nothing could be taken away.
fn read_open_purpose(
    value: &Value<'_>,
    roles: Option<&[Option<&Role>]>,
    known: &Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<String> {
    let roles = roles.filter(|roles| !roles.is_empty()).unwrap_or(&[None]);
    let read: Vec<_> = roles.iter().map(|role| read_purpose(value, *role, known, faults)).collect();
    read.into_iter().collect::<Option<Vec<_>>>()?.pop()
}

/// Every column has to exist in every relation of the deny.
fn read_columns(value: &Value<'_>, relations: &[&Relation], faults: &mut Faults<'_>) -> Vec<Text> {
    let names = texts_of("columns", value, faults);
    for Text { text, span } in &names {
        for relation in relations.iter().filter(|r| r.column(text).is_none()) {
            unknown_column(text, span.clone(), relation, faults);
        }
    }
    names
}

fn unknown_column(name: &str, span: Range<usize>, relation: &Relation, faults: &mut Faults<'_>) {
    let kind = FaultKind::UnknownColumn { relation: relation.name.to_string(), column: name.to_owned() };
    faults.add_unknown(span, kind, name, relation.columns.iter().map(|c| c.name.as_str()));
}

/// What all denies of one `[[deny]]` share.
struct Draft {
    purpose: Option<String>,
    columns: Option<Vec<Text>>,
    zh: String,
    en: String,
    legal_basis: String,
}

impl Draft {
    fn bind(&self, role: Option<&str>, relation: &Relation) -> Deny {
        let subject = role.unwrap_or(ANY_ROLE);
        let subject =
            self.purpose.as_ref().map_or_else(|| subject.to_owned(), |purpose| format!("{subject}@{purpose}"));
        let columns = self.columns.as_ref().map(|names| {
            let columns = names.iter().filter_map(|name| relation.column(&name.text));
            columns
                .map(|column| (column.name.to_string(), self.reason(&column.zh, &column.en)))
                .collect::<BTreeMap<_, _>>()
        });
        Deny {
            id: format!("deny:{subject}/{}", relation.name),
            role: role.map(str::to_owned),
            purpose: self.purpose.clone(),
            relation: relation.name.clone(),
            columns,
            zh: self.zh.clone(),
            en: self.en.clone(),
            legal_basis: self.legal_basis.clone(),
        }
    }

    fn reason(&self, zh: &str, en: &str) -> Reason {
        Reason {
            zh: format!("{}：{zh}已被禁止查看，其他规则一律不得放行。依据：{}", self.zh, self.legal_basis),
            en: format!("{}: {en} denied, whatever other rules grant; legal basis {}", self.en, self.legal_basis),
        }
    }
}
