//! A declared dataset: what one department sends.

use crate::{Column, ColumnName, DatasetId, Field, FieldType, Identifiability, Relation, RelationName, Sensitivity};

/// One department export, declared in `schemas/data/datasets/<department>/<table>.toml`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Name, also the table accepted rows land in.
    pub id: DatasetId,
    /// Chinese title: 户籍人口.
    pub zh: String,
    /// English title.
    pub en: String,
    /// The fields that together name one record of the department; their values, joined by `|`, are its `record_key`.
    pub key: Vec<ColumnName>,
    /// Files of this dataset are recognised by these words in their name.
    pub file_words: Vec<String>,
    /// Secret by law (国家秘密, 工作秘密): such a dataset is refused, never loaded.
    #[serde(default)]
    pub secret: bool,
    /// Fields in the order the department prints them.
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
}

/// What a file's headings are, measured against the declaration. A difference is drift: reported, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct HeadingMatch {
    /// For each heading of the file, in order: the index of the declared field, or none.
    pub fields: Vec<Option<usize>>,
    /// Declared fields no heading stands for.
    pub missing: Vec<ColumnName>,
    /// Those of `missing` without which the file is refused.
    pub missing_required: Vec<ColumnName>,
    /// Headings no field stands for, as printed.
    pub unknown: Vec<String>,
    /// Fields that two headings claim: `(field, heading)` of the later one, which is not read.
    pub ambiguous: Vec<(ColumnName, String)>,
}

/// Columns the way in adds to every landed table, after the declared fields.
const PROVENANCE: [(&str, &str, &str, FieldType, Sensitivity, Identifiability); 8] = [
    ("record_key", "记录主键", "record key", FieldType::Text, Sensitivity::P, Identifiability::Direct),
    ("source_file", "来源文件", "source file", FieldType::Text, Sensitivity::P, Identifiability::Attribute),
    ("source_sheet", "来源工作表", "source sheet", FieldType::Text, Sensitivity::None, Identifiability::Attribute),
    ("source_row", "来源行号", "source row", FieldType::Integer, Sensitivity::None, Identifiability::Attribute),
    ("batch_id", "批次", "batch", FieldType::Text, Sensitivity::None, Identifiability::Attribute),
    ("ingested_at", "入库时间", "ingested at", FieldType::Timestamp, Sensitivity::None, Identifiability::Attribute),
    ("quality", "质量标记", "quality flags", FieldType::TextList, Sensitivity::P, Identifiability::Attribute),
    ("raw_hash", "原文哈希", "raw hash", FieldType::Text, Sensitivity::P, Identifiability::Direct),
];

impl Dataset {
    /// The department: the schema part of the id.
    #[must_use]
    pub fn department(&self) -> &str {
        self.id.schema()
    }

    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name.as_str() == name)
    }

    /// A table with these fields alone (all, if none is named) that is read where it is, under another name. Its rows are
    /// identified by the first field of the key that is among them.
    ///
    /// `None` if a field is not declared, or none of the key is among them.
    #[must_use]
    pub fn live_relation(&self, name: RelationName, fields: &[&str]) -> Option<Relation> {
        let is_declared = |field: &&str| self.fields.iter().any(|declared| declared.name.as_str() == *field);
        if !fields.iter().all(is_declared) {
            return None;
        }
        let is_wanted = |column: &ColumnName| fields.is_empty() || fields.contains(&column.as_str());
        let key = self.key.iter().find(|key| is_wanted(key))?.clone();
        let columns = self.columns().filter(|column| is_wanted(&column.name)).collect();
        Some(Relation { name, zh: self.zh.clone(), en: self.en.clone(), key, columns })
    }

    /// The declared fields as columns.
    fn columns(&self) -> impl Iterator<Item = Column> {
        self.fields.iter().map(|f| Column {
            name: f.name.clone(),
            zh: f.zh.clone(),
            en: f.en.clone(),
            field_type: f.field_type,
            class: f.class,
            ident: f.ident,
            authority: Vec::new(),
            code_list: f.code_list.clone(),
        })
    }

    /// The landed table: the declared fields in their order, then the provenance columns `record_key`, `source_file`,
    /// `source_sheet`, `source_row`, `batch_id`, `ingested_at`, `quality` (texts `field:reason`), `raw_hash`.
    #[must_use]
    pub fn landed_relation(&self) -> Relation {
        let added = PROVENANCE.iter().filter_map(|(name, zh, en, field_type, class, ident)| {
            Some(Column {
                name: ColumnName::try_from(*name).ok()?,
                zh: (*zh).to_owned(),
                en: (*en).to_owned(),
                field_type: *field_type,
                class: *class,
                ident: *ident,
                authority: Vec::new(),
                code_list: None,
            })
        });
        let columns: Vec<Column> = self.columns().chain(added).collect();
        Relation {
            name: self.id.clone(),
            zh: self.zh.clone(),
            en: self.en.clone(),
            key: ColumnName::record_key(),
            columns,
        }
    }
}
