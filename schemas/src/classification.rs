//! Classes of personal information, one dated set for each standard.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use chrono::NaiveDate;
use toml::value::Datetime;

use crate::{Column, FieldType, RelationName, SchemaError, Sensitivity, shipped};

/// What is sensitive by one standard. The declarations hold the classes of [`Classification::DEFAULT_STANDARD`]; another
/// set says where it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// Number and year of the standard: `GB/T 45574-2025`.
    pub standard: String,
    /// Chinese title of the standard.
    pub zh: String,
    /// English title of the standard.
    pub en: String,
    /// First day it is in force.
    pub valid_from: NaiveDate,
    by_type: HashMap<FieldType, Sensitivity>,
    by_column: BTreeMap<String, Sensitivity>,
}

/// As written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    standard: String,
    zh: String,
    en: String,
    valid_from: Datetime,
    #[serde(default, rename = "type")]
    by_type: HashMap<FieldType, Sensitivity>,
    #[serde(default, rename = "column")]
    by_column: BTreeMap<String, Sensitivity>,
}

impl Classification {
    /// The standard the declarations are written by.
    pub const DEFAULT_STANDARD: &'static str = "GB/T 45574-2025";

    /// The sets shipped with the product, the latest first. Read on the first call, shared by all later ones.
    ///
    /// # Errors
    /// [`SchemaError::Declaration`] with the first fault; a test keeps the shipped ones sound.
    pub fn shipped() -> Result<&'static [Self], SchemaError> {
        static SHIPPED: OnceLock<Result<Vec<Classification>, SchemaError>> = OnceLock::new();
        let read = || {
            let sets = shipped::CLASSIFICATIONS.iter().map(|(file, text)| Self::read(file, text));
            let mut sets = sets.collect::<Result<Vec<_>, _>>()?;
            sets.sort_by_key(|set| std::cmp::Reverse(set.valid_from));
            Ok(sets)
        };
        SHIPPED.get_or_init(read).as_deref().map_err(Clone::clone)
    }

    fn read(file: &str, text: &str) -> Result<Self, SchemaError> {
        let fault = |reason: String| SchemaError::Declaration { file: file.to_owned(), reason };
        let written: Written = toml::from_str(text).map_err(|error| fault(at_its_place(text, &error)))?;
        let day = written.valid_from.date.filter(|_| written.valid_from.time.is_none());
        let day = day.and_then(|d| NaiveDate::from_ymd_opt(i32::from(d.year), u32::from(d.month), u32::from(d.day)));
        let valid_from = day.ok_or_else(|| fault("`valid_from` must be a date such as 2025-11-01".to_owned()))?;
        let Written { standard, zh, en, by_type, by_column, .. } = written;
        Ok(Self { standard, zh, en, valid_from, by_type, by_column })
    }

    /// The class of a column by this standard: as the set says of the column in this relation, of every column of that name,
    /// of the type if the declared class is [`Sensitivity::P`], or else as declared.
    #[must_use]
    pub fn class_of(&self, relation: &RelationName, column: &Column) -> Sensitivity {
        let by_type = || self.by_type.get(&column.field_type).filter(|_| column.class == Sensitivity::P);
        let in_relation = self.by_column.get(&format!("{relation}.{}", column.name));
        let class = in_relation.or_else(|| self.by_column.get(column.name.as_str())).or_else(by_type);
        class.copied().unwrap_or(column.class)
    }

    /// The columns it names, `relation.column` or `column`.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.by_column.keys().map(String::as_str)
    }
}

/// `line:column: fault`, both from 1.
fn at_its_place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    fn class(standard: &str, relation: &str, column: &str) -> Sensitivity {
        let set = Classification::shipped().unwrap().iter().find(|set| set.standard == standard).unwrap();
        let relation = Registry::shipped().unwrap().relation(&RelationName::try_from(relation).unwrap()).unwrap();
        set.class_of(&relation.name, relation.column(column).unwrap())
    }

    #[test]
    fn two_sets_are_shipped_the_latest_first() {
        let sets = Classification::shipped().unwrap();
        let found: Vec<(&str, String)> =
            sets.iter().map(|set| (set.standard.as_str(), set.valid_from.to_string())).collect();
        assert_eq!(found, [("GB/T 45574-2025", "2025-11-01".to_owned()), ("GB/T 35273-2020", "2020-10-01".to_owned())]);
        assert_eq!(sets[0].standard, Classification::DEFAULT_STANDARD);
    }

    #[test]
    fn every_column_named_exists() {
        let relations = Registry::shipped().unwrap().relations();
        let exists = |wanted: &str| {
            let mut columns = relations.iter().flat_map(|r| r.columns.iter().map(move |c| (r, c)));
            columns.any(|(r, c)| c.name.as_str() == wanted || format!("{}.{}", r.name, c.name) == wanted)
        };
        for set in Classification::shipped().unwrap() {
            for column in set.columns() {
                assert!(exists(column), "{}: {column}", set.standard);
            }
        }
    }

    #[test]
    fn the_default_set_is_what_is_declared() {
        for relation in Registry::shipped().unwrap().relations() {
            for column in &relation.columns {
                let of_default = Classification::shipped().unwrap()[0].class_of(&relation.name, column);
                assert_eq!(of_default, column.class, "{}.{}", relation.name, column.name);
            }
        }
    }

    #[test]
    fn the_specification_of_2020_calls_more_sensitive_and_nothing_less() {
        let old = "GB/T 35273-2020";
        for (relation, column, expected) in [
            ("unified.person", "id_no", Sensitivity::S3),
            ("unified.person", "marital_status", Sensitivity::S8),
            ("unified.person", "permit_no", Sensitivity::S3),
            ("unified.person", "name", Sensitivity::P),
            ("civil.marriage", "husband_id_no", Sensitivity::S3),
            ("civil.marriage", "kind", Sensitivity::S8),
            ("police.incident", "kind", Sensitivity::P),
            ("unified.house", "owner_name", Sensitivity::S5),
            // A class of its own stays.
            ("health.vaccination", "id_no", Sensitivity::S7),
        ] {
            assert_eq!(class(old, relation, column), expected, "{relation}.{column}");
        }
        for relation in Registry::shipped().unwrap().relations() {
            for column in &relation.columns {
                let of_2020 = class(old, &relation.name.to_string(), column.name.as_str());
                let is_sensitive = |class| !matches!(class, Sensitivity::None | Sensitivity::P);
                assert!(is_sensitive(of_2020) || !is_sensitive(column.class), "{}.{}", relation.name, column.name);
            }
        }
    }

    #[test]
    fn a_faulty_set_tells_where() {
        let fault = |text: &str| Classification::read("x.toml", text).unwrap_err().to_string();
        let head = "standard = \"S\"\nzh = \"一\"\nen = \"one\"\n";
        assert!(
            fault(&format!("{head}valid_from = 2020-10-01\n[type]\ncitizen_id = \"S9\"\n"))
                .starts_with("x.toml:6:14: ")
        );
        assert!(
            fault(&format!("{head}valid_from = 2020-10-01\n[type]\ncitizn_id = \"S3\"\n")).starts_with("x.toml:6:1: ")
        );
        assert!(fault(&format!("{head}valid_from = 2020-10-01\nfrom = 1\n")).starts_with("x.toml:5:1: "));
        assert_eq!(
            fault(&format!("{head}valid_from = 2020-10-01T00:00:00Z\n")),
            "x.toml: `valid_from` must be a date such as 2025-11-01"
        );
    }
}
