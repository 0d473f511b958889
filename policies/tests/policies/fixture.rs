//! Two small relations and a sound policy over them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::ArrayRef;
use policies::{Mask, MaskContext, PolicyFault, PolicySet, Principal};
use schemas::{Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

/// 2024-07-18.
pub(crate) const TODAY: i32 = 19_922;

pub(crate) fn context() -> MaskContext {
    MaskContext::new([7; 32], "case_investigation", TODAY)
}

pub(crate) fn relation(name: &str, columns: &[(&str, FieldType, Sensitivity)]) -> Relation {
    Relation {
        name: RelationName::try_from(name).unwrap(),
        zh: "表".to_owned(),
        en: "table".to_owned(),
        key: ColumnName::try_from(columns[0].0).unwrap(),
        columns: columns
            .iter()
            .map(|(name, field_type, class)| Column {
                name: ColumnName::try_from(*name).unwrap(),
                zh: format!("列{name}"),
                en: format!("column {name}"),
                field_type: *field_type,
                class: *class,
                ident: Identifiability::Attribute,
                authority: Vec::new(),
                code_list: None,
            })
            .collect(),
    }
}

pub(crate) fn person() -> Relation {
    relation(
        "unified.person",
        &[
            ("person_id", FieldType::Text, Sensitivity::P),
            ("name", FieldType::PersonName, Sensitivity::P),
            ("id_no", FieldType::CitizenId, Sensitivity::P),
            ("birth_date", FieldType::Date, Sensitivity::P),
            ("phones", FieldType::TextList, Sensitivity::P),
            ("grid_id", FieldType::Text, Sensitivity::None),
            ("street_code", FieldType::DivisionCode, Sensitivity::None),
            ("is_deceased", FieldType::Boolean, Sensitivity::None),
            ("religion", FieldType::Text, Sensitivity::S2),
        ],
    )
}

pub(crate) fn event() -> Relation {
    relation(
        "unified.event",
        &[
            ("event_id", FieldType::Text, Sensitivity::None),
            ("title", FieldType::Text, Sensitivity::P),
            ("grid_id", FieldType::Text, Sensitivity::None),
        ],
    )
}

/// A sound policy; tests change one thing in it.
pub(crate) const SOUND: &str = r#"
[masks]
id_number = { mask = "keep_first_last", first = 6, last = 4, length = 18, digits = true }

[role.grid_worker]
zh = "网格员"
en = "grid worker"
attributes = ["grids", "street"]

[role.police_officer]
zh = "民警"
en = "police officer"

[role.auditor]
zh = "审计员"
en = "auditor"

[purpose.case_investigation]
zh = "案件侦办"
en = "case investigation"
legal_basis = "刑事诉讼法"
matter = "立案决定书文号"
fields = ["unified.person.name", "unified.person.id_no", "unified.event.event_id", "unified.event.title"]
expires = 2024-07-18
roles = ["police_officer"]

[purpose."case:A2026-001"]
zh = "个案"
en = "one case"
legal_basis = "刑事诉讼法"
matter = "A2026-001"
fields = []
expires = 2027-12-31
roles = ["police_officer"]

[[rule]]
role = "grid_worker"
relations = ["unified.person"]
zh = "网格员查看本网格人员"
en = "a grid worker sees the people of the own grids"
legal_basis = "网格化条例"
rows = { column = "grid_id", in = "grids" }
classes = { none = "clear" }
[rule.columns]
id_no = "id_number"
name = "clear"
birth_date = "year"

[[rule]]
role = "police_officer"
relations = ["unified.person"]
zh = "民警查看人员"
en = "a police officer sees people"
legal_basis = "人民警察法"
rows = "all"
columns = { name = "clear", id_no = "id_number" }

[[rule]]
role = "police_officer"
purpose = "case_investigation"
relations = ["unified.person"]
zh = "民警办案查看人员"
en = "a police officer sees people for a case"
legal_basis = "刑事诉讼法"
rows = "all"
columns = { name = "clear", id_no = "clear" }

[[rule]]
role = "police_officer"
purpose = "case_investigation"
relations = ["unified.event"]
zh = "民警办案查看事件"
en = "a police officer sees events for a case"
legal_basis = "刑事诉讼法"
rows = "all"
columns = { event_id = "clear", title = "redact_free_text" }
"#;

pub(crate) fn parse(text: &str) -> Result<PolicySet, Vec<PolicyFault>> {
    PolicySet::parse("p.toml", text, &[person(), event()])
}

pub(crate) fn sound() -> PolicySet {
    parse(SOUND).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

/// Holds what was found against the reviewed lines of a file in `tests`; with the variable set, writes the file anew.
#[track_caller]
pub(crate) fn assert_reviewed(found: &str, file: &str, variable: &str) {
    let file = std::path::Path::new("tests").join(file);
    if std::env::var_os(variable).is_some() {
        std::fs::write(&file, found).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap();
    let (was, is): (BTreeSet<&str>, BTreeSet<&str>) = (reviewed.lines().collect(), found.lines().collect());
    let gone = was.difference(&is).map(|line| format!("- {line}"));
    let changed: Vec<String> = gone.chain(is.difference(&was).map(|line| format!("+ {line}"))).collect();
    assert!(
        changed.is_empty(),
        "{} has changed; review it, then write it with {variable}=1\n{}",
        file.display(),
        changed.join("\n")
    );
    assert_eq!(found, reviewed, "the same lines in another order");
}

pub(crate) fn render(faults: &[PolicyFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub(crate) fn principal(role: &str, attributes: &[(&str, &[&str])], purpose: Option<&str>) -> Principal {
    Principal {
        subject: "u1".to_owned(),
        role: role.to_owned(),
        attributes: attributes
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()))
            .collect::<BTreeMap<String, Vec<String>>>(),
        purpose: purpose.map(str::to_owned),
    }
}

pub(crate) fn masked(mask: &Mask, values: ArrayRef) -> ArrayRef {
    let out = mask.apply(&values, &context()).unwrap();
    assert_eq!(out.len(), values.len());
    assert_eq!(out.data_type(), &mask.output_type(values.data_type()));
    out
}
