//! Iceberg `read-restrictions`: exact where there is an action, stricter where there is none, never weaker.

use std::collections::BTreeSet;

use policies::{Decision, Mask, PolicySet, Principal, export_read_restrictions};
use schemas::{FieldType, Registry, Relation};
use serde_json::{Value, json};

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, sound};

/// Every action of the specification.
const ACTIONS: [&str; 9] = [
    "mask-alphanum",
    "mask-to-fixed-value",
    "replace-with-null",
    "show-first-4",
    "show-last-4",
    "truncate-to-year",
    "truncate-to-month",
    "sha-256-global",
    "sha-256-query-local",
];

fn export(set: &PolicySet, who: &Principal, relation: &Relation) -> Value {
    export_read_restrictions(set, who, relation, TODAY)
}

#[test]
fn a_grid_worker_gets_the_own_grid_the_year_and_nulls_for_the_rest() {
    let who = principal("grid_worker", &[("grids", &["G1"])], None);
    let hide = |id: u64| json!({ "field-id": id, "action": "replace-with-null" });
    assert_eq!(
        export(&sound(), &who, &person()),
        json!({
            "required-row-filter": {
                "type": "eq",
                "left": { "type": "reference", "id": 6 },
                "right": { "type": "literal", "value": "G1" },
            },
            "required-column-projections": [
                hide(1),
                hide(3),
                { "field-id": 4, "action": "truncate-to-year" },
                hide(5),
                hide(9),
            ],
            "datong-stricter": [
                {
                    "field-id": 3,
                    "column": "id_no",
                    "mask": "keep_first_last(6, 4, length 18, digits)",
                    "action": "replace-with-null",
                },
            ],
        })
    );
}

#[test]
fn row_filters_are_written_over_field_ids() {
    let filter = |rows: &str, attributes: &[(&str, &[&str])]| {
        let text = SOUND.replace("rows = { column = \"grid_id\", in = \"grids\" }", &format!("rows = {rows}"));
        let who = principal("grid_worker", attributes, None);
        export(&parse(&text).unwrap(), &who, &person()).get("required-row-filter").cloned()
    };
    let grid = json!({ "type": "reference", "id": 6 });
    let street = json!({ "type": "reference", "id": 7 });
    let starts =
        |with: &str| json!({ "type": "starts-with", "left": street, "right": { "type": "literal", "value": with } });
    assert_eq!(filter("\"all\"", &[]), None);
    assert_eq!(filter("{ column = \"grid_id\", in = \"grids\" }", &[]), Some(json!(false)));
    assert_eq!(
        filter("{ column = \"grid_id\", equals = [\"G1\", \"G2\"] }", &[]),
        Some(json!({ "type": "in", "child": grid, "values": ["G1", "G2"] }))
    );
    assert_eq!(
        filter("{ column = \"street_code\", prefix = \"street\" }", &[("street", &["1", "2", "3"])]),
        Some(json!({
            "type": "or",
            "left": { "type": "or", "left": starts("1"), "right": starts("2") },
            "right": starts("3"),
        }))
    );
    let both = "{ and = [{ column = \"street_code\", starts_with = \"1\" }, { column = \"street_code\", starts_with = \"12\" }] }";
    assert_eq!(filter(both, &[]), Some(json!({ "type": "and", "left": starts("1"), "right": starts("12") })));
}

#[test]
fn nothing_visible_is_no_row_and_no_value() {
    let auditor = principal("auditor", &[], None);
    let without_purpose = principal("police_officer", &[], None);
    for (who, relation) in [(auditor, person()), (without_purpose, event())] {
        let found = export(&sound(), &who, &relation);
        assert_eq!(found["required-row-filter"], json!(false));
        let projections = found["required-column-projections"].as_array().unwrap();
        assert_eq!(projections.len(), relation.columns.len());
        assert!(projections.iter().all(|p| p["action"] == "replace-with-null"));
        assert_eq!(found["datong-stricter"], json!([]));
    }
}

#[test]
fn tokens_of_two_classes_are_not_thrown_together() {
    let action = |columns: &str| {
        let text =
            SOUND.replace("columns = { name = \"clear\", id_no = \"id_number\" }", &format!("columns = {columns}"));
        let found = export(&parse(&text).unwrap(), &principal("police_officer", &[], None), &person());
        let of = |id: u64| {
            let projections = found["required-column-projections"].as_array().unwrap();
            projections.iter().find(|p| p["field-id"] == id).unwrap()["action"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            found["datong-stricter"].as_array().unwrap().len(),
            2,
            "a token joins across queries, the action does not"
        );
        [of(1), of(3)]
    };
    let of_class = |class: &str| format!("{{ mask = \"token\", class = \"{class}\" }}");
    let (a, b) = (of_class("a"), of_class("b"));
    assert_eq!(action(&format!("{{ person_id = {a}, id_no = {a} }}")), ["sha-256-query-local", "sha-256-query-local"]);
    assert_eq!(action(&format!("{{ person_id = {a}, id_no = {b} }}")), ["replace-with-null", "replace-with-null"]);
}

/// Whether the action shows no more than the mask of a column of that type.
fn shows_no_more(action: &str, mask: &Mask, field: FieldType) -> bool {
    match (action, mask) {
        ("replace-with-null", _) => true,
        ("mask-to-fixed-value", Mask::Constant { .. }) => true,
        ("truncate-to-year", Mask::Year) => field == FieldType::Date,
        ("sha-256-query-local", Mask::Token { .. }) => field.arrow_type() == FieldType::Text.arrow_type(),
        _ => false,
    }
}

#[test]
fn no_export_of_the_shipped_policies_is_weaker_than_the_policy() {
    let set = PolicySet::shipped().unwrap();
    let mut seen = BTreeSet::new();
    for role in set.roles() {
        let purposes = std::iter::once(None).chain(set.purposes_of(&role.name).map(|p| Some(p.id.clone())));
        for purpose in purposes {
            for relation in Registry::shipped().unwrap().relations() {
                let grids: &[(&str, &[&str])] = &[("grids", &["G1"]), ("street", &["290102001"])];
                let who = principal(&role.name, grids, purpose.as_deref());
                let found = export(&set, &who, &relation);
                let projections = found["required-column-projections"].as_array().unwrap();
                let Decision::Visible(grant) = set.decide_on(&who, &relation, TODAY) else { continue };
                for (id, column) in (1_u64..).zip(&relation.columns) {
                    let of_column: Vec<&Value> = projections.iter().filter(|p| p["field-id"] == id).collect();
                    let granted = grant.column(column.name.as_str());
                    // A lifted mask shows no more than the ordinary one, so what it allows is allowed in every row.
                    let mask = granted.map(|c| c.lift.as_ref().map_or(&c.mask, |lift| &lift.mask));
                    match (mask, of_column.as_slice()) {
                        (Some(Mask::Clear), []) => {}
                        (mask, [projection]) => {
                            let action = projection["action"].as_str().unwrap();
                            assert!(ACTIONS.contains(&action));
                            let mask = mask.unwrap_or(&Mask::Null);
                            assert!(shows_no_more(action, mask, column.field_type), "{action} for {mask}");
                            seen.insert(action.to_owned());
                        }
                        (mask, found) => panic!("{} {mask:?}: {found:?}", column.name),
                    }
                }
            }
        }
    }
    assert!(seen.contains("truncate-to-year") && seen.contains("mask-to-fixed-value"), "{seen:?}");
}

#[test]
fn what_may_only_be_counted_is_not_read_at_all() {
    let set = PolicySet::shipped().unwrap();
    let relations = Registry::shipped().unwrap().relations();
    let relation = relations.iter().find(|r| r.name.to_string() == "unified.person").unwrap();
    let out = export(&set, &principal("health_analyst", &[], None), relation);
    assert_eq!(out["required-row-filter"], json!(false));
    let actions = out["required-column-projections"].as_array().unwrap();
    assert_eq!(actions.len(), relation.columns.len());
    assert!(actions.iter().all(|action| action["action"] == "replace-with-null"));
}
