//! How each kind of server writes what we ask.

use crate::remote::RemoteType;
use crate::{Server, TableName, Transfer, Value};

impl Server {
    /// A name, quoted. There is no name that ends its quotes.
    pub(crate) fn quoted(self, name: &str) -> String {
        match self {
            Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::MySql => format!("`{}`", name.replace('`', "``")),
        }
    }

    pub(crate) fn table(self, name: &TableName) -> String {
        match &name.schema {
            Some(schema) => format!("{}.{}", self.quoted(schema), self.quoted(&name.table)),
            None => self.quoted(&name.table),
        }
    }

    /// The place of the parameter with this number, from 1 on, as the type of its value.
    pub(crate) fn place(self, number: usize, value: &Value, of: RemoteType) -> String {
        match self {
            Self::MySql => "?".to_owned(),
            Self::Postgres => match (value, of) {
                (Value::Text(_), _) => format!("${number}"),
                (Value::Integer(_), _) => format!("${number}::int8"),
                (Value::Date(_), _) => format!("${number}::date"),
                (Value::Moment(_), RemoteType::LocalTime) => format!("${number}::timestamp"),
                (Value::Moment(_), _) => format!("${number}::timestamptz"),
            },
        }
    }

    /// A column as a text, whatever it holds; `None` if it reads as none.
    pub(crate) fn as_text(self, column: &str, of: RemoteType) -> Option<String> {
        let column = self.quoted(column);
        match (self, of) {
            (_, RemoteType::Other) => None,
            (Self::Postgres, _) => Some(format!("{column}::text")),
            (Self::MySql, RemoteType::Text { .. }) => Some(column),
            (Self::MySql, _) => Some(format!("CAST({column} AS CHAR)")),
        }
    }

    /// Whether an expression reads exactly so, null as an empty text.
    pub(crate) fn reads_as(self, text: &str, place: &str) -> String {
        match self {
            Self::Postgres => format!("COALESCE({text}, '') COLLATE \"C\" = {place}"),
            Self::MySql => {
                let exact = |text: &str| format!("CONVERT({text} USING utf8mb4) COLLATE utf8mb4_bin");
                format!("COALESCE({}, '') = {}", exact(text), exact(place))
            }
        }
    }

    /// A column as it is transferred to become a value of one of our types; `None` if it cannot. None of these fails on a
    /// value: what does not fit becomes null.
    pub(crate) fn transferred(self, column: &str, of: RemoteType, to: Transfer) -> Option<String> {
        use RemoteType::{Boolean, Date, Decimal, Float, Integer, LocalTime, Moment, Text, Textual, Unsigned};
        let quoted = self.quoted(column);
        match to {
            Transfer::Text => match of {
                Text { .. } | Textual | Integer | Unsigned | Decimal | Date => self.as_text(column, of),
                _ => None,
            },
            Transfer::Decimal => match of {
                Decimal | Integer | Unsigned => self.as_text(column, of),
                _ => None,
            },
            Transfer::Integer => match (self, of) {
                (Self::Postgres, Integer) => Some(format!("{quoted}::int8")),
                (Self::MySql, Integer) => Some(quoted),
                (Self::MySql, Unsigned) => {
                    Some(format!("CASE WHEN {quoted} <= {} THEN CAST({quoted} AS SIGNED) END", i64::MAX))
                }
                _ => None,
            },
            Transfer::Float => match (self, of) {
                (Self::Postgres, Integer | Float) => Some(format!("{quoted}::float8")),
                (Self::Postgres, Decimal) => Some(format!("CASE WHEN abs({quoted}) < 1e300 THEN {quoted}::float8 END")),
                (Self::MySql, Integer | Unsigned | Decimal | Float) => Some(format!("{quoted} + 0.0e0")),
                _ => None,
            },
            Transfer::Boolean => match of {
                Boolean => {
                    Some(format!("CASE WHEN {quoted} THEN 1::int8 ELSE CASE WHEN NOT {quoted} THEN 0::int8 END END"))
                }
                Integer | Unsigned => Some(self.zero_or_one(&quoted)),
                _ => None,
            },
            Transfer::Days => match (self, of) {
                (Self::Postgres, Date) => {
                    Some(within(&quoted, "date", &format!("({quoted} - date '1970-01-01')::int8")))
                }
                (Self::MySql, Date) => Some(format!("DATEDIFF({quoted}, '1970-01-01')")),
                _ => None,
            },
            Transfer::LocalMicros => match (self, of) {
                (Self::Postgres, LocalTime) => Some(within(&quoted, "timestamp", &micros(&quoted))),
                (Self::MySql, LocalTime) => {
                    Some(format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', {quoted})"))
                }
                _ => None,
            },
            Transfer::Micros => match (self, of) {
                (Self::Postgres, Moment) => Some(within(&quoted, "timestamptz", &micros(&quoted))),
                _ => None,
            },
        }
    }

    fn zero_or_one(self, quoted: &str) -> String {
        match self {
            Self::Postgres => format!("CASE {quoted} WHEN 1 THEN 1::int8 WHEN 0 THEN 0::int8 END"),
            Self::MySql => format!("CASE {quoted} WHEN 1 THEN 1 WHEN 0 THEN 0 END"),
        }
    }
}

/// Nothing for what lies outside the years 1 to 9999, infinity included.
fn within(quoted: &str, of_type: &str, what: &str) -> String {
    format!("CASE WHEN {quoted} >= {of_type} '0001-01-01' AND {quoted} < {of_type} '10000-01-01' THEN {what} END")
}

fn micros(quoted: &str) -> String {
    format!("(EXTRACT(EPOCH FROM {quoted}) * 1000000)::int8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_its_quotes() {
        assert_eq!(Server::Postgres.quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(Server::MySql.quoted("a`; DROP TABLE x; --"), "`a``; DROP TABLE x; --`");
        let name = TableName { schema: Some("s\"".to_owned()), table: "t".to_owned() };
        assert_eq!(Server::Postgres.table(&name), "\"s\"\"\".\"t\"");
    }

    #[test]
    fn types_that_do_not_fit_are_not_transferred() {
        let text = RemoteType::Text { takes_every_text: true };
        for server in [Server::Postgres, Server::MySql] {
            assert_eq!(server.transferred("c", text, Transfer::Integer), None);
            assert_eq!(server.transferred("c", text, Transfer::Days), None);
            assert_eq!(server.transferred("c", RemoteType::Float, Transfer::Decimal), None);
            assert_eq!(server.transferred("c", RemoteType::Other, Transfer::Text), None);
            assert_eq!(server.transferred("c", RemoteType::Boolean, Transfer::Text), None);
            assert!(
                server.transferred("c", RemoteType::Date, Transfer::Text).is_some(),
                "1949-12-31 as a partial date"
            );
        }
    }
}
