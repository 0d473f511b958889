//! The shipped declarations are sound and say what the rest of the product relies on.

use std::collections::BTreeSet;

use schemas::{DatasetId, FieldType, Identifiability, Registry, RelationName, Sensitivity};

#[test]
fn eighteen_datasets_and_eleven_relations_are_shipped() {
    let registry = Registry::shipped().unwrap();
    let datasets: Vec<String> = registry.datasets().map(|d| d.id.to_string()).collect();
    assert_eq!(datasets.len(), 18, "{datasets:?}");
    let of_schema = |schema: &str| {
        let linked = registry.linked().filter(|relation| relation.name.schema() == schema);
        linked.map(|relation| relation.name.table()).collect::<Vec<_>>().join(" ")
    };
    let wanted = "building event event_step grid house household household_member person person_tag residence";
    assert_eq!((of_schema("unified").as_str(), of_schema("sensitive").as_str()), (wanted, "person_tag"));
    assert_eq!(registry.linked().count(), 11);
    assert_eq!(registry.relations().len(), 29);
    assert_eq!(registry.code_lists().count(), 41);
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

/// Whoever sees one column of a sensitive list sees that somebody is on it: none of them is merely personal, so that no rule that
/// goes by classes shows one with the rest.
#[test]
fn every_column_of_a_sensitive_list_is_sensitive() {
    let registry = Registry::shipped().unwrap();
    let lists: Vec<_> = registry.datasets().filter(|dataset| dataset.department() == "sensitive").collect();
    assert_eq!(lists.iter().map(|list| list.id.table()).collect::<Vec<_>>(), ["hiv", "mental_disorder", "offender"]);
    for list in lists {
        let class = if list.id.table() == "offender" { Sensitivity::S8 } else { Sensitivity::S4 };
        for field in &list.fields {
            assert_eq!(field.class, class, "{}.{}", list.id, field.name);
            assert!(!field.zh.is_empty() && !field.en.is_empty(), "{}.{}", list.id, field.name);
            assert!(!field.aliases.is_empty(), "{}.{}", list.id, field.name);
        }
        assert_eq!(list.key.iter().map(|key| key.as_str()).collect::<Vec<_>>(), ["list_no"], "{}", list.id);
    }
    let of = |name: &str| registry.relation(&RelationName::try_from(name).unwrap()).unwrap().columns;
    let (tags, sensitive) = (of("unified.person_tag"), of("sensitive.person_tag"));
    assert!(sensitive.iter().all(|column| column.class == Sensitivity::S4));
    let shapes = |columns: &[schemas::Column]| -> Vec<_> {
        columns.iter().map(|column| (column.name.clone(), column.field_type, column.ident)).collect()
    };
    assert_eq!(shapes(&sensitive), shapes(&tags), "the columns of unified.person_tag");
}

#[test]
fn a_dataset_cannot_take_the_name_of_a_linked_table() {
    let registry = Registry::shipped().unwrap();
    let text = include_str!("../data/datasets/sensitive/hiv.toml");
    assert!(registry.clone().with_dataset("site/hiv.toml", text).is_ok());
    let text = text.replace("\"sensitive.hiv\"", "\"sensitive.person_tag\"");
    let error = registry.with_dataset("site/hiv.toml", &text).unwrap_err();
    assert_eq!(error.to_string(), "site/hiv.toml: `sensitive.person_tag` is a table that linking makes");
}

/// Code 01 of the standard is level 0: a bare digit may be either, and is not read.
#[test]
fn a_level_of_danger_is_read_by_its_name_or_its_whole_code() {
    let registry = Registry::shipped().unwrap();
    let dataset = registry.dataset(&DatasetId::try_from("sensitive.mental_disorder").unwrap()).unwrap();
    let reader = schemas::CellReader::new(&registry, dataset);
    let level = dataset.field("danger_level").unwrap();
    let read = |raw: &str| reader.read(level, raw, schemas::RowContext::default());
    let code = |code: &str| schemas::Cell::Value(schemas::CellValue::Text(code.to_owned()), None);
    assert_eq!((read("3级"), read("04"), read("3")), (code("04"), code("04"), schemas::Cell::BySourceMap));
}

#[test]
fn columns_of_persons_carry_grid_and_street() {
    let registry = Registry::shipped().unwrap();
    for table in ["person", "house", "event", "building"] {
        let relation = registry.relation(&RelationName::new("unified", table).unwrap()).unwrap();
        assert!(relation.column("grid_id").is_some() && relation.column("street_code").is_some(), "{table}");
    }
    for linked in registry.linked().flat_map(|r| r.columns.iter()) {
        assert!(!linked.authority.is_empty(), "{}", linked.name);
        assert_ne!(linked.name.as_str(), "bank_account");
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
