//! The shipped declarations are sound and say what the rest of the product relies on.

use std::collections::BTreeSet;

use schemas::{DatasetId, FieldType, Identifiability, Registry, RelationName, Sensitivity};

#[test]
fn fifteen_datasets_and_ten_relations_are_shipped() {
    let registry = Registry::shipped().unwrap();
    let datasets: Vec<String> = registry.datasets().map(|d| d.id.to_string()).collect();
    assert_eq!(datasets.len(), 15, "{datasets:?}");
    let unified: BTreeSet<String> = registry.unified().map(|r| r.name.table().to_owned()).collect();
    let wanted = "building event event_step grid house household household_member person person_tag residence";
    assert_eq!(unified.iter().map(String::as_str).collect::<Vec<_>>().join(" "), wanted);
    assert_eq!(registry.relations().len(), 25);
    assert_eq!(registry.code_lists().count(), 40);
}

#[test]
fn every_key_and_code_list_exists() {
    let registry = Registry::shipped().unwrap();
    for dataset in registry.datasets() {
        for key in &dataset.key {
            assert!(dataset.field(key.as_str()).is_some_and(|f| f.required), "{}.{key}", dataset.id);
        }
        assert!(!dataset.file_words.is_empty());
        for field in &dataset.fields {
            assert_eq!(field.field_type == FieldType::Code, field.code_list.is_some(), "{}.{}", dataset.id, field.name);
        }
    }
    for relation in registry.relations() {
        assert!(relation.column(relation.key.as_str()).is_some(), "{}", relation.name);
        let names: BTreeSet<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), relation.columns.len(), "{}", relation.name);
        assert_eq!(relation.arrow_schema().fields().len(), names.len());
        for column in &relation.columns {
            assert!(!column.zh.is_empty() && !column.en.is_empty(), "{}.{}", relation.name, column.name);
            if let Some(list) = &column.code_list {
                assert!(registry.code_list(list).is_some_and(|l| !l.version.is_empty()), "{list}");
            }
        }
    }
}

#[test]
fn whatever_names_a_person_is_classified_as_personal() {
    let registry = Registry::shipped().unwrap();
    for relation in registry.relations() {
        for column in &relation.columns {
            let names_someone =
                matches!(column.field_type, FieldType::CitizenId | FieldType::PersonName | FieldType::Phone);
            if names_someone || column.ident != Identifiability::Attribute {
                assert_ne!(column.class, Sensitivity::None, "{}.{}", relation.name, column.name);
            }
            if names_someone {
                assert_eq!(column.ident, Identifiability::Direct, "{}.{}", relation.name, column.name);
            }
        }
    }
}

#[test]
fn sensitive_columns_have_their_class() {
    let registry = Registry::shipped().unwrap();
    for (relation, column, class) in [
        ("civil.subsistence", "bank_account", Sensitivity::S5),
        ("civil.elder_allowance", "bank_account", Sensitivity::S5),
        ("civil.disability", "disability_type", Sensitivity::S3),
        ("health.chronic_visit", "diagnosis_code", Sensitivity::S4),
        ("health.vaccination", "vaccine", Sensitivity::S4),
        ("health.vaccination", "name", Sensitivity::S7),
        ("police.incident", "description", Sensitivity::S8),
        ("unified.person_tag", "tag_code", Sensitivity::S8),
        ("unified.person", "id_no", Sensitivity::P),
    ] {
        let relation = registry.relation(&RelationName::try_from(relation).unwrap()).unwrap();
        assert_eq!(relation.column(column).unwrap().class, class, "{}.{column}", relation.name);
    }
}

#[test]
fn columns_of_persons_carry_grid_and_street() {
    let registry = Registry::shipped().unwrap();
    for table in ["person", "house", "event", "building"] {
        let relation = registry.relation(&RelationName::new("unified", table).unwrap()).unwrap();
        assert!(relation.column("grid_id").is_some() && relation.column("street_code").is_some(), "{table}");
    }
    for unified in registry.unified().flat_map(|r| r.columns.iter()) {
        assert!(!unified.authority.is_empty(), "{}", unified.name);
        assert_ne!(unified.name.as_str(), "bank_account");
    }
}

#[test]
fn a_landed_table_has_the_fields_and_where_they_came_from() {
    let registry = Registry::shipped().unwrap();
    let dataset = registry.dataset(&DatasetId::try_from("civil.subsistence").unwrap()).unwrap();
    let columns: Vec<String> = dataset.landed_relation().columns.iter().map(|c| c.name.to_string()).collect();
    assert_eq!(columns.first().map(String::as_str), Some("cert_no"));
    assert_eq!(
        columns[dataset.fields.len()..],
        ["record_key", "source_file", "source_sheet", "source_row", "batch_id", "ingested_at", "quality", "raw_hash"]
    );
    let grouped = [("members", "保障人数.总人数"), ("key_members", "保障人数.重点保障人数")];
    for (name, title) in grouped {
        assert_eq!(dataset.field(name).unwrap().zh, title);
    }
}

#[test]
fn cells_are_filled_down_in_household_columns_only() {
    let registry = Registry::shipped().unwrap();
    let filled: Vec<String> = registry
        .datasets()
        .flat_map(|d| d.fields.iter().filter(|f| f.fill_down).map(move |f| format!("{}.{}", d.id, f.name)))
        .collect();
    assert_eq!(filled, ["police.resident.household_no", "police.resident.head_name", "police.resident.head_id_no"]);
}
