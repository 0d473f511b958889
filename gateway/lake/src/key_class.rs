//! Which key an object is sealed under.

use std::fmt;

use object_store::path::Path;
use schemas::RelationName;

/// What is sealed under keys of its own: all that belongs to one table or dataset (rows, indexes, raw files, rejected rows),
/// or what belongs to the site as a whole. Destroying the keys of a class makes it unreadable, wherever copies of it lie.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct KeyClass(String);

impl KeyClass {
    /// What is no table's: the pointer to what is published, the history, receipts.
    #[must_use]
    pub fn site() -> Self {
        Self("site".to_owned())
    }

    /// The table, and the dataset of that name.
    #[must_use]
    pub fn of_relation(relation: &RelationName) -> Self {
        Self(relation.to_string())
    }

    /// The class of the object at `path`.
    pub(crate) fn of_path(path: &Path) -> Self {
        let parts: Vec<_> = path.parts().collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let relation = match parts.as_slice() {
            ["tables" | "index", schema, table, _, ..] => RelationName::try_from(format!("{schema}.{table}").as_str()),
            ["raw" | "rejects" | "corrections", dataset, _, ..] => RelationName::try_from(*dataset),
            _ => return Self::site(),
        };
        relation.map_or_else(|_| Self::site(), |relation| Self::of_relation(&relation))
    }

    /// Its name: that of the table, or `site`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<&str> for KeyClass {
    type Error = crate::KeyError;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        match RelationName::try_from(name) {
            _ if name == "site" => Ok(Self::site()),
            Ok(relation) => Ok(Self::of_relation(&relation)),
            Err(_) => Err(crate::KeyError::NoSuchClass { class: name.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_belongs_to_a_dataset_is_of_its_class() {
        let class = |path: &str| KeyClass::of_path(&Path::from(path)).to_string();
        for path in [
            "tables/police/resident/part-000000-ab.parquet",
            "tables/police/resident/_delta_log/00000000000000000000.json",
            "index/police/resident/ab.records",
            "raw/police.resident/b1/0000",
            "rejects/police.resident/b1/00000.ndjson",
            "corrections/police.resident/ab.json",
        ] {
            assert_eq!(class(path), "police.resident", "{path}");
        }
        for path in ["published.json", "history/0000000001.json", "receipts/police.resident/latest.json", "tables/x"] {
            assert_eq!(class(path), "site", "{path}");
        }
        assert!(KeyClass::try_from("police.resident").is_ok() && KeyClass::try_from("site").is_ok());
        assert!(KeyClass::try_from("../x").is_err());
    }
}
