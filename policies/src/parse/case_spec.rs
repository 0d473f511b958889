//! Officers' own cases as written: see [`crate::run_cases`] for the language.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{Datelike, NaiveDate};
use schemas::Relation;
use toml::de::{DeTable, DeValue};

use super::fault::{FaultKind, Faults, PolicyFault};
use super::reader::{TableReader, Text, Value, text_of, texts_of, wrong_type};
use super::syntax::read_document;
use crate::cases::{Case, Expectation, ExpectedCell, RowCell, column_of_texts};
use crate::{PolicySet, Principal};

/// Days from 0001-01-01 (day 1) to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

/// 2026-01-01, the day of a case that names none: a case must give the same answer every day.
const DAY_DEFAULT: i32 = 20_454;

/// What a cell may be expected to be, beside a text.
const CELLS: [(&str, ExpectedCell); 3] =
    [("hidden", ExpectedCell::Hidden), ("empty", ExpectedCell::Empty), ("token", ExpectedCell::Token)];

/// Reads every case, or tells every fault at once.
pub(crate) fn read_cases<'r>(
    set: &PolicySet,
    relations: &'r [Relation],
    file: &str,
    text: &str,
) -> Result<Vec<Case<'r>>, Vec<PolicyFault>> {
    let (document, mut faults) = read_document(file, text)?;
    let span = document.span();
    let mut top = TableReader::new(document.get_ref(), span);
    let mut cases = Vec::new();
    for value in top.optional_array("case", &mut faults).into_iter().flat_map(|array| array.iter()) {
        cases.extend(read_case(value, set, relations, &mut faults));
    }
    top.close(&mut faults);
    faults.into_result(cases)
}

fn read_case<'r>(
    value: &Value<'_>,
    set: &PolicySet,
    relations: &'r [Relation],
    faults: &mut Faults<'_>,
) -> Option<Case<'r>> {
    let mut reader = TableReader::of_value("case", value, faults)?;
    let zh = reader.require_text("zh", faults);
    let en = reader.require_text("en", faults);
    let role = reader.require_text("role", faults);
    let known_role = role.as_ref().and_then(|text| find_role(text, set, faults));
    let attributes = reader.optional_table("attributes", faults);
    let attributes = attributes.map(|table| read_attributes(table, known_role, faults)).unwrap_or_default();
    // A purpose that does not exist is a case of its own: it has to be refused.
    let purpose = reader.get("purpose").map(|value| text_of("purpose", value, faults));
    let relation = reader.require_text("relation", faults).and_then(|text| find_relation(&text, relations, faults));
    let row = reader.optional_table("row", faults);
    let row = relation.zip(row).map(|(relation, table)| read_row(table, relation, faults)).unwrap_or_default();
    let day = reader.get("day").map_or(Some(DAY_DEFAULT), |value| read_day(value, faults));
    let counts = reader.get("counts");
    let expect = if counts.is_some() { reader.get("expect") } else { reader.require("expect", faults) };
    let expect = match (counts, expect) {
        (Some(value), Some(_)) => {
            wrong_type("counts", value, "absent beside expect", faults);
            None
        }
        (Some(value), None) => relation.and_then(|relation| read_counts(value, relation, faults)),
        (None, expect) => relation.zip(expect).and_then(|(relation, value)| read_expect(value, relation, faults)),
    };
    let (line, _) = faults.place(reader.span().start);
    reader.close(faults);
    let purpose = match purpose {
        None => None,
        Some(text) => Some(text?.text),
    };
    Some(Case {
        line,
        zh: zh?.text,
        en: en?.text,
        principal: Principal { subject: "case".to_owned(), role: known_role?.name.clone(), attributes, purpose },
        relation: relation?,
        row,
        day: day?,
        expect: expect?,
    })
}

fn find_role<'s>(text: &Text, set: &'s PolicySet, faults: &mut Faults<'_>) -> Option<&'s crate::Role> {
    let found = set.role(&text.text);
    if found.is_none() {
        let kind = FaultKind::UnknownRole { name: text.text.clone() };
        faults.add_unknown(text.span.clone(), kind, &text.text, set.roles().map(|r| r.name.as_str()));
    }
    found
}

fn find_relation<'r>(text: &Text, relations: &'r [Relation], faults: &mut Faults<'_>) -> Option<&'r Relation> {
    let found = relations.iter().find(|r| r.name.to_string() == text.text);
    if found.is_none() {
        let names: Vec<String> = relations.iter().map(|r| r.name.to_string()).collect();
        let kind = FaultKind::UnknownRelation { name: text.text.clone() };
        faults.add_unknown(text.span.clone(), kind, &text.text, names.iter().map(String::as_str));
    }
    found
}

fn read_attributes(
    table: &DeTable<'_>,
    role: Option<&crate::Role>,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, Vec<String>> {
    let mut attributes = BTreeMap::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        if let Some(role) = role.filter(|role| !role.attributes.iter().any(|a| a == name)) {
            let kind = FaultKind::UnknownAttribute { role: role.name.clone(), attribute: name.to_owned() };
            faults.add_unknown(key.span(), kind, name, role.attributes.iter().map(String::as_str));
        }
        let values = texts_of(name, value, faults).into_iter().map(|t| t.text).collect();
        attributes.insert(name.to_owned(), values);
    }
    attributes
}

/// A column that is not named is empty.
fn read_row(table: &DeTable<'_>, relation: &Relation, faults: &mut Faults<'_>) -> BTreeMap<String, RowCell> {
    let mut row = BTreeMap::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        let Some(column) = relation.column(name) else {
            unknown_column(name, key.span(), relation, faults);
            continue;
        };
        let Some(text) = value.get_ref().as_str() else {
            wrong_type(name, value, "a text", faults);
            continue;
        };
        match column_of_texts(column.field_type, &[text]) {
            Some(values) => {
                row.insert(name.to_owned(), RowCell { text: text.to_owned(), values });
            }
            None => wrong_type(name, value, "a text that reads as the type of its column", faults),
        }
    }
    row
}

fn unknown_column(name: &str, span: Range<usize>, relation: &Relation, faults: &mut Faults<'_>) {
    let kind = FaultKind::UnknownColumn { relation: relation.name.to_string(), column: name.to_owned() };
    faults.add_unknown(span, kind, name, relation.columns.iter().map(|c| c.name.as_str()));
}

fn read_expect(value: &Value<'_>, relation: &Relation, faults: &mut Faults<'_>) -> Option<Expectation> {
    match value.get_ref() {
        DeValue::String(word) => match word.as_ref() {
            "no_row" => return Some(Expectation::NoRow),
            "invisible" => return Some(Expectation::Invisible),
            "refused" => return Some(Expectation::Refused),
            _ => {}
        },
        DeValue::Table(table) => {
            let columns = read_columns("expect", table, value.span(), relation, faults)?;
            return Some(Expectation::Row { counted_only: false, columns });
        }
        _ => {}
    }
    wrong_type("expect", value, "a table of columns, or one of no_row, invisible, refused", faults);
    None
}

fn read_counts(value: &Value<'_>, relation: &Relation, faults: &mut Faults<'_>) -> Option<Expectation> {
    let Some(table) = value.get_ref().as_table() else {
        wrong_type("counts", value, "a table of columns", faults);
        return None;
    };
    let columns = read_columns("counts", table, value.span(), relation, faults)?;
    Some(Expectation::Row { counted_only: true, columns })
}

fn read_columns(
    key: &'static str,
    table: &DeTable<'_>,
    span: Range<usize>,
    relation: &Relation,
    faults: &mut Faults<'_>,
) -> Option<Vec<(String, ExpectedCell)>> {
    let mut columns = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        if relation.column(name).is_none() {
            unknown_column(name, key.span(), relation, faults);
        }
        columns.extend(read_cell(name, value, faults).map(|cell| (name.to_owned(), cell)));
    }
    if table.is_empty() {
        faults.add(span, FaultKind::Empty { key: key.to_owned() });
        return None;
    }
    Some(columns)
}

/// A text, or `{ hidden = true }`, `{ empty = true }`, `{ token = true }`.
fn read_cell(name: &str, value: &Value<'_>, faults: &mut Faults<'_>) -> Option<ExpectedCell> {
    if let Some(text) = value.get_ref().as_str() {
        return Some(ExpectedCell::Text(text.to_owned()));
    }
    let table = value.get_ref().as_table().filter(|table| table.len() == 1);
    let word = table.and_then(|table| table.iter().next()).filter(|(_, flag)| flag.get_ref().as_bool() == Some(true));
    let cell = word.and_then(|(key, _)| CELLS.iter().find(|(known, _)| *known == key.get_ref().as_ref()));
    if cell.is_none() {
        let expected = "a text, or one of { hidden = true }, { empty = true }, { token = true }";
        wrong_type(name, value, expected, faults);
    }
    cell.map(|(_, cell)| cell.clone())
}

fn read_day(value: &Value<'_>, faults: &mut Faults<'_>) -> Option<i32> {
    let date = match value.get_ref() {
        DeValue::Datetime(at) if at.time.is_none() && at.offset.is_none() => at.date,
        _ => None,
    };
    let day = date.and_then(|d| NaiveDate::from_ymd_opt(i32::from(d.year), u32::from(d.month), u32::from(d.day)));
    if day.is_none() {
        wrong_type("day", value, "a date such as 2026-07-18", faults);
    }
    day.map(|date| date.num_days_from_ce() - EPOCH_FROM_CE)
}
