//! One table that linking makes.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};

use crate::{Authority, CodeListId, ColumnName, FieldType, Identifiability, RelationName, Sensitivity};

/// One column of a relation.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name in SQL and JSON.
    pub name: ColumnName,
    /// Chinese title.
    pub zh: String,
    /// English title.
    pub en: String,
    /// Type; decides the Arrow type.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Class of personal information.
    pub class: Sensitivity,
    /// How directly it points at a person.
    pub ident: Identifiability,
    /// Whose word counts, most trusted first.
    #[serde(default)]
    pub authority: Vec<Authority>,
    /// The code list its values come from.
    #[serde(default)]
    pub code_list: Option<CodeListId>,
}

/// A table: one that linking makes, or the landed rows of one dataset.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// Name in SQL.
    pub name: RelationName,
    /// Chinese title.
    pub zh: String,
    /// English title.
    pub en: String,
    /// The column that identifies a row, and by which the table is sorted.
    pub key: ColumnName,
    /// Columns in their order.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
}

impl Relation {
    /// The Arrow schema: every column nullable, in declared order, without metadata.
    #[must_use]
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .map(|c| ArrowField::new(c.name.as_str(), c.field_type.arrow_type(), true))
                .collect::<Vec<_>>(),
        ))
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.as_str() == name)
    }

    /// The Arrow type of the column of that name.
    #[must_use]
    pub fn arrow_type(&self, name: &str) -> Option<DataType> {
        self.column(name).map(|c| c.field_type.arrow_type())
    }
}
