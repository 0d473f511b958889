//! Synthetic tables for the tests of this crate.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::Field;
use lake::{Lake, Published};
use schemas::{Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

/// Stands in every name, so that a scan of the files can look for it.
pub(crate) const MARKER: &str = "MARKERZHANG";

pub(crate) fn name(text: &str) -> RelationName {
    RelationName::try_from(text).unwrap()
}

pub(crate) fn column_name(text: &str) -> ColumnName {
    ColumnName::try_from(text).unwrap()
}

pub(crate) fn column(name: &str, field_type: FieldType, ident: Identifiability) -> Column {
    Column {
        name: column_name(name),
        zh: name.to_owned(),
        en: name.to_owned(),
        field_type,
        class: Sensitivity::P,
        ident,
        authority: Vec::new(),
        code_list: None,
    }
}

/// A relation with every type there is, keyed by `person_id`.
pub(crate) fn relation(relation_name: &str) -> Relation {
    use Identifiability::{Attribute, Direct};
    Relation {
        name: name(relation_name),
        zh: "合成".to_owned(),
        en: "synthetic".to_owned(),
        key: column_name("person_id"),
        columns: vec![
            column("person_id", FieldType::Text, Direct),
            column("name", FieldType::PersonName, Direct),
            column("grid_id", FieldType::Text, Attribute),
            column("birth_date", FieldType::Date, Attribute),
            column("updated_at", FieldType::Timestamp, Attribute),
            column("is_deceased", FieldType::Boolean, Attribute),
            column("members", FieldType::Integer, Attribute),
            column("merge_score", FieldType::Float, Attribute),
            column("amount", FieldType::Amount, Attribute),
            column("phones", FieldType::TextList, Direct),
        ],
    }
}

pub(crate) fn id(i: i64) -> String {
    format!("{i:032x}")
}

/// Rows `from..to`, each derived from its number and `tag`; every seventh has nulls.
pub(crate) fn rows(relation: &Relation, from: i64, to: i64, tag: &str) -> RecordBatch {
    let known = |i: i64| i % 7 != 3;
    let numbers = || from..to;
    let mut phones = ListBuilder::new(StringBuilder::new()).with_field(Field::new(
        "element",
        arrow::datatypes::DataType::Utf8,
        true,
    ));
    for i in numbers() {
        if known(i) {
            phones.values().append_value(format!("1990000{i:04}"));
            phones.values().append_null();
        }
        phones.append(known(i));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(numbers().map(id))),
        Arc::new(StringArray::from_iter(numbers().map(|i| known(i).then(|| format!("{MARKER}{tag}{i}"))))),
        Arc::new(StringArray::from_iter_values(numbers().map(|i| format!("G{:03}", i % 20)))),
        Arc::new(Date32Array::from_iter(numbers().map(|i| known(i).then_some(i as i32)))),
        Arc::new(
            TimestampMicrosecondArray::from_iter(numbers().map(|i| known(i).then_some(i * 1_000_001)))
                .with_timezone("UTC"),
        ),
        Arc::new(BooleanArray::from_iter(numbers().map(|i| known(i).then_some(i % 2 == 0)))),
        Arc::new(Int64Array::from_iter(numbers().map(|i| known(i).then_some(i)))),
        Arc::new(Float64Array::from_iter(numbers().map(|i| known(i).then_some(i as f64 / 8.0)))),
        Arc::new(
            Decimal128Array::from_iter(numbers().map(|i| known(i).then_some(i128::from(i) * 101)))
                .with_precision_and_scale(12, 2)
                .unwrap(),
        ),
        Arc::new(phones.finish()),
    ];
    RecordBatch::try_new(relation.arrow_schema(), columns).unwrap()
}

/// One batch of all.
pub(crate) fn joined(batches: &[RecordBatch]) -> RecordBatch {
    let schema = batches.first().expect("at least one batch").schema();
    arrow::compute::concat_batches(&schema, batches).unwrap()
}

/// Publishes `rows_to` rows of one table.
pub(crate) async fn publish(lake: &Lake, relation: &Relation, rows_to: i64, tag: &str) -> Published {
    let publication = lake.begin().await.unwrap();
    let mut writer = publication.writer(relation).unwrap();
    writer.write(rows(relation, 0, rows_to, tag)).await.unwrap();
    writer.finish().await.unwrap();
    publication.commit().await.unwrap()
}
