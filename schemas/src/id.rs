//! Names, parsed once and never a bare string afterwards.

use std::fmt;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Names are lower-case ASCII letters, digits and `_`, starting with a letter, at most 63 bytes.
    #[error("`{name}` is not a name: use lower-case letters, digits and _, at most 63")]
    Malformed {
        /// The text as given.
        name: String,
    },
    /// A qualified name has exactly one dot.
    #[error("`{name}` is not of the form schema.table")]
    NotQualified {
        /// The text as given.
        name: String,
    },
}

fn check_part(part: &str, whole: &str) -> Result<(), NameError> {
    let mut bytes = part.bytes();
    let starts_well = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    let goes_on_well = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts_well && goes_on_well && part.len() <= 63 {
        Ok(())
    } else {
        Err(NameError::Malformed { name: whole.to_owned() })
    }
}

/// A table as SQL names it: `schema.table`, for example `unified.person` or `police.resident`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelationName {
    schema: String,
    table: String,
}

impl RelationName {
    /// Builds the name from its two parts.
    ///
    /// # Errors
    /// [`NameError::Malformed`] if a part is no name.
    pub fn new(schema: &str, table: &str) -> Result<Self, NameError> {
        let whole = format!("{schema}.{table}");
        check_part(schema, &whole)?;
        check_part(table, &whole)?;
        Ok(Self { schema: schema.to_owned(), table: table.to_owned() })
    }

    /// The SQL schema: `unified`, or the department.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The table within its schema.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }
}

impl TryFrom<&str> for RelationName {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        match text.split_once('.') {
            Some((schema, table)) if !table.contains('.') => Self::new(schema, table),
            _ => Err(NameError::NotQualified { name: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for RelationName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::try_from(text.as_str())
    }
}

impl From<RelationName> for String {
    fn from(name: RelationName) -> Self {
        name.to_string()
    }
}

impl std::str::FromStr for RelationName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text)
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A declared dataset. It is also the table its accepted rows land in: `police.resident`.
pub type DatasetId = RelationName;

/// A column of a relation or field of a dataset: `birth_date`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ColumnName(String);

impl ColumnName {
    /// `record_key`, the key of every landed table.
    #[must_use]
    pub(crate) fn record_key() -> Self {
        Self("record_key".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for ColumnName {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        check_part(text, text)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ColumnName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::try_from(text.as_str())
    }
}

impl From<ColumnName> for String {
    fn from(name: ColumnName) -> Self {
        name.0
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_has_two_lower_case_parts() {
        assert_eq!(RelationName::try_from("unified.person").unwrap().table(), "person");
        for bad in ["person", "a.b.c", "Unified.person", "unified.", ".person", "unified.per son", "unified.人口"] {
            assert!(RelationName::try_from(bad).is_err(), "{bad}");
        }
    }
}
