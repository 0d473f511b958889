//! Tables as the server describes them.

use std::fmt;

/// `schema.table`, or a table of the schema that the server takes for the user's own (the database, in MySQL).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The schema, if it is named.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

impl TableName {
    /// Reads `table` or `schema.table`. Names are taken as they are; none has a point in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (first, second, third) = (parts.next()?, parts.next(), parts.next());
        let is_name = |name: &str| !name.trim().is_empty() && !name.chars().any(char::is_control);
        match (first, second, third) {
            (table, None, _) if is_name(table) => Some(Self { schema: None, table: table.to_owned() }),
            (schema, Some(table), None) if is_name(schema) && is_name(table) => {
                Some(Self { schema: Some(schema.to_owned()), table: table.to_owned() })
            }
            _ => None,
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

/// What a server's column holds, as far as it matters how it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteType {
    /// Texts.
    Text {
        /// Whether any text of ours can be compared with it: the server's character set has all characters.
        takes_every_text: bool,
    },
    /// What reads as a text and is compared otherwise: `uuid`, `enum`, `inet`, `json`.
    Textual,
    /// A whole number.
    Integer,
    /// A whole number that may be too large for 64 bits with a sign.
    Unsigned,
    /// A decimal number.
    Decimal,
    /// A binary fraction.
    Float,
    /// A date.
    Date,
    /// A date and a time of day without a zone.
    LocalTime,
    /// A moment.
    Moment,
    /// True or false.
    Boolean,
    /// Anything else: not read.
    Other,
}

/// One column of the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteColumn {
    /// The server's name.
    pub name: String,
    /// What it holds.
    pub remote_type: RemoteType,
}

/// A table of the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteTable {
    /// Its name.
    pub name: TableName,
    /// Its columns.
    pub columns: Vec<RemoteColumn>,
}

impl RemoteTable {
    /// The column of that name: as written, or else the only one that differs in letter case alone.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&RemoteColumn> {
        let exact = self.columns.iter().find(|column| column.name == name);
        let mut similar = self.columns.iter().filter(|column| column.name.eq_ignore_ascii_case(name));
        exact.or_else(|| similar.next().filter(|_| similar.next().is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names() {
        let name = |schema: Option<&str>, table: &str| {
            Some(TableName { schema: schema.map(str::to_owned), table: table.to_owned() })
        };
        assert_eq!(TableName::parse("dibao"), name(None, "dibao"));
        assert_eq!(TableName::parse("public.低保"), name(Some("public"), "低保"));
        for wrong in ["", " ", "a.", ".a", "a.b.c", "a\n"] {
            assert_eq!(TableName::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn columns_are_found_in_another_letter_case_if_there_is_one_only() {
        let column = |name: &str| RemoteColumn { name: name.to_owned(), remote_type: RemoteType::Integer };
        let name = TableName { schema: None, table: "t".to_owned() };
        let table = RemoteTable { name, columns: vec![column("SFZH"), column("xm"), column("XM"), column("Xm")] };
        assert_eq!(table.column("sfzh").unwrap().name, "SFZH");
        assert_eq!(table.column("XM").unwrap().name, "XM");
        assert_eq!(table.column("xM"), None);
        assert_eq!(table.column("x"), None);
    }
}
