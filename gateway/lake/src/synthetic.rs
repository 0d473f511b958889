//! Made-up relations for the tests beside the code.

use schemas::{Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

/// A relation of these columns, the first of which is its key.
pub(crate) fn relation(name: &str, columns: &[(&str, FieldType)]) -> Relation {
    let column = |(name, field_type): &(&str, FieldType)| Column {
        name: ColumnName::try_from(*name).unwrap(),
        zh: (*name).to_owned(),
        en: (*name).to_owned(),
        field_type: *field_type,
        class: Sensitivity::P,
        ident: Identifiability::Attribute,
        authority: Vec::new(),
        code_list: None,
    };
    let columns: Vec<Column> = columns.iter().map(column).collect();
    Relation {
        name: RelationName::try_from(name).unwrap(),
        zh: "合成".to_owned(),
        en: "synthetic".to_owned(),
        key: columns[0].name.clone(),
        columns,
    }
}
