//! Invariant *default closed*: nothing is visible that a sound policy does not grant.

use policies::{Decision, Mask, RowPredicate};
use schemas::{FieldType, Sensitivity};

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, relation, sound};

#[test]
fn no_rule_no_relation() {
    let set = sound();
    assert_eq!(set.decide_on(&principal("auditor", &[], None), &person(), TODAY), Decision::Invisible);
    assert_eq!(set.decide_on(&principal("grid_worker", &[], None), &event(), TODAY), Decision::Invisible);
    assert_eq!(set.decide_on(&principal("nobody", &[], None), &person(), TODAY), Decision::Invisible);
    assert_eq!(set.decide_on(&principal("", &[], None), &person(), TODAY), Decision::Invisible);
    let unknown = relation("raw.person", &[("person_id", FieldType::Text, Sensitivity::None)]);
    assert_eq!(set.decide_on(&principal("grid_worker", &[], None), &unknown, TODAY), Decision::Invisible);
}

#[test]
fn an_unsound_purpose_does_not_tell_that_an_ungranted_relation_exists() {
    let who = principal("auditor", &[], Some("nonsense"));
    assert_eq!(sound().decide_on(&who, &person(), TODAY), Decision::Invisible);
}

#[test]
fn an_empty_policy_grants_nothing() {
    let set = parse("").unwrap();
    assert_eq!(set.decide_on(&principal("grid_worker", &[], None), &person(), TODAY), Decision::Invisible);
    assert_eq!(set.roles().count(), 0);
}

#[test]
fn an_unlisted_column_of_an_unlisted_class_is_hidden() {
    let who = principal("grid_worker", &[("grids", &["G0101"])], None);
    let decision = sound().decide_on(&who, &person(), TODAY);
    let grant = decision.grant().unwrap();
    for hidden in ["person_id", "phones", "religion"] {
        assert!(grant.column(hidden).is_none(), "{hidden}");
    }
}

#[test]
fn without_a_class_default_only_listed_columns_show() {
    let who = principal("police_officer", &[], None);
    let decision = sound().decide_on(&who, &person(), TODAY);
    let names: Vec<&str> = decision.grant().unwrap().columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["name", "id_no"]);
}

#[test]
fn a_missing_attribute_is_an_empty_set_of_rows() {
    for attributes in [vec![], vec![("grids", &[] as &[&str])], vec![("grids", &[""])], vec![("street", &["330199"])]] {
        let who = principal("grid_worker", &attributes, None);
        let decision = sound().decide_on(&who, &person(), TODAY);
        assert_eq!(decision.grant().unwrap().rows, RowPredicate::None, "{attributes:?}");
    }
}

#[test]
fn an_empty_prefix_never_admits_every_row() {
    let text =
        SOUND.replace(r#"{ column = "grid_id", in = "grids" }"#, r#"{ column = "street_code", prefix = "street" }"#);
    let set = parse(&text).unwrap();
    let rows = |attributes: &[(&str, &[&str])]| {
        set.decide_on(&principal("grid_worker", attributes, None), &person(), TODAY).grant().unwrap().rows.clone()
    };
    assert_eq!(rows(&[("street", &[""])]), RowPredicate::None);
    assert_eq!(
        rows(&[("street", &["", "330199001"])]),
        RowPredicate::Prefix { column: "street_code".to_owned(), prefixes: vec!["330199001".to_owned()] }
    );
}

#[test]
fn a_column_added_after_the_check_is_hidden_even_if_its_class_has_a_default() {
    let mut newer = person();
    let mut added = newer.columns[5].clone();
    added.name = schemas::ColumnName::try_from("added").unwrap();
    newer.columns.push(added);
    let who = principal("grid_worker", &[("grids", &["G0101"])], None);
    assert!(sound().decide_on(&who, &newer, TODAY).grant().unwrap().column("added").is_none());
    let checked_with_it = policies::PolicySet::parse("p.toml", SOUND, &[newer.clone(), event()]).unwrap();
    assert_eq!(
        checked_with_it.decide_on(&who, &newer, TODAY).grant().unwrap().column("added").unwrap().mask,
        Mask::Clear
    );
}

#[test]
fn a_column_whose_type_changed_after_the_check_is_hidden() {
    let mut newer = person();
    for column in &mut newer.columns {
        if column.name.as_str() == "birth_date" {
            column.field_type = FieldType::PartialDate;
        }
    }
    let who = principal("grid_worker", &[("grids", &["G0101"])], None);
    assert!(sound().decide_on(&who, &newer, TODAY).grant().unwrap().column("birth_date").is_none());
}

#[test]
fn a_relation_that_lost_the_column_its_rows_compare_is_invisible() {
    let mut newer = person();
    newer.columns.retain(|c| c.name.as_str() != "grid_id");
    let who = principal("grid_worker", &[("grids", &["G0101"])], None);
    assert_eq!(sound().decide_on(&who, &newer, TODAY), Decision::Invisible);
}

#[test]
fn a_relation_without_any_granted_column_left_is_invisible() {
    let mut newer = person();
    newer.columns.retain(|c| !matches!(c.name.as_str(), "name" | "id_no"));
    assert_eq!(sound().decide_on(&principal("police_officer", &[], None), &newer, TODAY), Decision::Invisible);
}
