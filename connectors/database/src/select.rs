//! Statements that read, and how their values go along.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};

use crate::remote::RemoteType;
use crate::{Condition, DatabaseError, RemoteColumn, RemoteTable, Server, Transfer, Value};

/// Seconds that the time of China is ahead.
pub(crate) const CHINA_SECONDS: i32 = 8 * 3_600;

/// A value as a server takes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parameter {
    Text(String),
    Integer(i64),
    Date(NaiveDate),
    Local(NaiveDateTime),
    Moment(DateTime<Utc>),
}

impl Parameter {
    fn of(value: &Value, column: RemoteType) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.clone()),
            Value::Integer(number) => Self::Integer(*number),
            Value::Date(date) => Self::Date(*date),
            Value::Moment(moment) if column == RemoteType::LocalTime => Self::Local(in_china(*moment)),
            Value::Moment(moment) => Self::Moment(*moment),
        }
    }
}

/// The clock on the wall, in China.
fn in_china(moment: DateTime<Utc>) -> NaiveDateTime {
    match FixedOffset::east_opt(CHINA_SECONDS) {
        Some(zone) => moment.with_timezone(&zone).naive_local(),
        None => moment.naive_utc(),
    }
}

/// A statement that is being written.
#[derive(Debug)]
pub(crate) struct Writer<'w> {
    pub(crate) server: Server,
    table: &'w RemoteTable,
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

impl<'w> Writer<'w> {
    pub(crate) fn new(server: Server, table: &'w RemoteTable) -> Self {
        Self { server, table, sql: String::new(), parameters: Vec::new() }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// A parameter for a column, at the end.
    fn value(&mut self, value: &Value, of: RemoteType) {
        self.parameters.push(Parameter::of(value, of));
        let place = self.server.place(self.parameters.len(), value, of);
        self.push(&place);
    }

    /// A text as a parameter that the server is told to be one.
    pub(crate) fn text(&mut self, text: &str) -> String {
        self.parameters.push(Parameter::Text(text.to_owned()));
        self.place_of_last("::text")
    }

    /// A text as a parameter of the type of what it is compared with.
    pub(crate) fn plain_text(&mut self, text: &str) -> String {
        self.parameters.push(Parameter::Text(text.to_owned()));
        self.place_of_last("")
    }

    /// A whole number as a parameter.
    pub(crate) fn integer(&mut self, number: i64) -> String {
        self.parameters.push(Parameter::Integer(number));
        self.place_of_last("::int8")
    }

    fn place_of_last(&self, cast: &str) -> String {
        match self.server {
            Server::Postgres => format!("${}{cast}", self.parameters.len()),
            Server::MySql => "?".to_owned(),
        }
    }

    fn column(&self, name: &str) -> Option<&'w RemoteColumn> {
        self.table.columns.iter().find(|column| column.name == name)
    }

    fn condition(&mut self, condition: &Condition) -> Option<()> {
        match condition {
            Condition::Compare { column, comparison, value } => {
                let column = self.column(column)?;
                self.push(&format!("{} {} ", self.server.quoted(&column.name), comparison.sign()));
                self.value(value, column.remote_type);
            }
            Condition::OneOf { column, values } => {
                let column = self.column(column)?;
                self.push(&format!("{} IN (", self.server.quoted(&column.name)));
                for (idx, value) in values.iter().enumerate() {
                    self.push(if idx == 0 { "" } else { ", " });
                    self.value(value, column.remote_type);
                }
                self.push(")");
            }
            Condition::Begins { column, prefix } => {
                // Not LIKE: what is equal there includes what is equal here, whatever the collation.
                let quoted = self.server.quoted(&self.column(column)?.name);
                let place = self.text(prefix);
                self.push(&format!("LEFT({quoted}, {}) = {place}", prefix.chars().count()));
            }
            Condition::Absent { column } => {
                let quoted = self.server.quoted(&self.column(column)?.name);
                self.push(&format!("{quoted} IS NULL"));
            }
            Condition::Present { column } => {
                let quoted = self.server.quoted(&self.column(column)?.name);
                self.push(&format!("{quoted} IS NOT NULL"));
            }
            Condition::All(parts) => self.joined(parts, " AND ")?,
            Condition::Any(parts) => self.joined(parts, " OR ")?,
        }
        Some(())
    }

    fn joined(&mut self, parts: &[Condition], word: &str) -> Option<()> {
        self.push("(");
        for (idx, part) in parts.iter().enumerate() {
            self.push(if idx == 0 { "" } else { word });
            self.condition(part)?;
        }
        self.push(")");
        Some(())
    }
}

/// A statement that reads some columns of some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) transfers: Vec<Transfer>,
}

impl Select {
    /// Reads `columns` as the types they are to become, of the rows that fulfil `condition`, at most `limit`. Without
    /// columns each row gives the number one.
    ///
    /// # Errors
    /// [`DatabaseError::NotAsDeclared`] if a column is not in the table or cannot become that type.
    pub fn rows(
        server: Server,
        (database, table): (&str, &RemoteTable),
        columns: &[(&RemoteColumn, Transfer)],
        condition: Option<&Condition>,
        limit: Option<usize>,
    ) -> Result<Self, DatabaseError> {
        let not_as_declared = |what: String| DatabaseError::NotAsDeclared { database: database.to_owned(), what };
        let mut selected = Vec::with_capacity(columns.len());
        let mut transfers = Vec::with_capacity(columns.len());
        for (column, transfer) in columns {
            let expression = server.transferred(&column.name, column.remote_type, *transfer);
            let no_fit = || not_as_declared(format!("column {} of {} is of another type", column.name, table.name));
            selected.push(expression.ok_or_else(no_fit)?);
            transfers.push(*transfer);
        }
        if selected.is_empty() {
            selected.push(if server == Server::Postgres { "1::int8" } else { "1" }.to_owned());
            transfers.push(Transfer::Integer);
        }
        let mut writer = Writer::new(server, table);
        writer.push(&format!("SELECT {} FROM {}", selected.join(", "), server.table(&table.name)));
        if let Some(condition) = condition {
            writer.push(" WHERE ");
            let unknown = || not_as_declared(format!("a condition names a column that {} lacks", table.name));
            writer.condition(condition).ok_or_else(unknown)?;
        }
        if let Some(limit) = limit {
            writer.push(&format!(" LIMIT {limit}"));
        }
        Ok(Self { sql: writer.sql, parameters: writer.parameters, transfers })
    }

    /// The statement, with places for its values.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }
}

/// Which rows an extract takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// All.
    Everything,
    /// Those at or after a mark in a column that grows, less an overlap for what was committed late, and those without one.
    Since {
        /// The column, as the server calls it.
        column: String,
        /// As the server writes it; `None` at the beginning.
        mark: Option<String>,
        /// In seconds, for columns of time.
        overlap: u32,
    },
    /// Those whose flag is 0.
    Flagged {
        /// The flag, as the server calls it.
        column: String,
    },
}

/// Rows as texts, sorted by their key.
#[derive(Debug, Clone, PartialEq)]
pub struct Extract {
    /// The columns, in order.
    pub columns: Vec<RemoteColumn>,
    /// Those that identify a row.
    pub key: Vec<RemoteColumn>,
    /// Which rows.
    pub progress: Progress,
}

impl Extract {
    /// The statement.
    ///
    /// # Errors
    /// [`DatabaseError::NotAsDeclared`] if a column is of no type that has a text, or none to go by.
    pub fn select(&self, server: Server, (database, table): (&str, &RemoteTable)) -> Result<Select, DatabaseError> {
        let not_as_declared = |column: &str| DatabaseError::NotAsDeclared {
            database: database.to_owned(),
            what: format!("column {column} of {} is of a type that cannot be used so", table.name),
        };
        let mut selected = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let text = server.as_text(&column.name, column.remote_type);
            selected.push(text.ok_or_else(|| not_as_declared(&column.name))?);
        }
        let mut writer = Writer::new(server, table);
        writer.push(&format!("SELECT {} FROM {}", selected.join(", "), server.table(&table.name)));
        writer.progress(&self.progress).map_err(|column| not_as_declared(&column))?;
        let key: Vec<String> = self.key.iter().map(|column| server.quoted(&column.name)).collect();
        writer.push(&format!(" ORDER BY {}", key.join(", ")));
        let transfers = vec![Transfer::Text; self.columns.len()];
        Ok(Select { sql: writer.sql, parameters: writer.parameters, transfers })
    }
}

impl Writer<'_> {
    /// The rows of an extract; the column's name if it cannot be gone by.
    fn progress(&mut self, progress: &Progress) -> Result<(), String> {
        match progress {
            Progress::Everything | Progress::Since { mark: None, .. } => Ok(()),
            Progress::Since { column, mark: Some(mark), overlap } => {
                let found = self.column(column).ok_or_else(|| column.clone())?;
                let quoted = self.server.quoted(&found.name);
                let place = self.text(mark);
                let from = self.server.since(&quoted, &place, found.remote_type, *overlap);
                let from = from.ok_or_else(|| column.clone())?;
                self.push(&format!(" WHERE ({from} OR {quoted} IS NULL)"));
                Ok(())
            }
            Progress::Flagged { column } => {
                let found = self.column(column).ok_or_else(|| column.clone())?;
                let zero = flag(found.remote_type, false).ok_or_else(|| column.clone())?;
                self.push(&format!(" WHERE {} = {zero}", self.server.quoted(&found.name)));
                Ok(())
            }
        }
    }
}

impl Server {
    /// A column at or after a mark; `None` if it is of no type that grows.
    fn since(self, quoted: &str, place: &str, of: RemoteType, overlap: u32) -> Option<String> {
        use RemoteType::{Date, Integer, LocalTime, Moment, Text, Unsigned};
        Some(match (self, of) {
            (Self::Postgres, Integer) => format!("{quoted} >= {place}::int8"),
            (Self::Postgres, Date) => format!("{quoted} >= {place}::date"),
            (Self::Postgres, LocalTime) => {
                format!("{quoted} >= {place}::timestamp - make_interval(secs => {overlap})")
            }
            (Self::Postgres, Moment) => {
                format!("{quoted} >= {place}::timestamptz - make_interval(secs => {overlap})")
            }
            (Self::Postgres, Text { .. }) => format!("{quoted} COLLATE \"C\" >= {place}"),
            (Self::MySql, Integer | Unsigned) => format!("{quoted} >= CAST({place} AS DECIMAL(20))"),
            (Self::MySql, Date) => format!("{quoted} >= CAST({place} AS DATE)"),
            (Self::MySql, LocalTime) => {
                format!("{quoted} >= CAST({place} AS DATETIME(6)) - INTERVAL {overlap} SECOND")
            }
            (Self::MySql, Text { .. }) => {
                format!("CONVERT({quoted} USING utf8mb4) COLLATE utf8mb4_bin >= {place}")
            }
            _ => return None,
        })
    }
}

/// How a flag says taken or not.
pub(crate) fn flag(of: RemoteType, is_taken: bool) -> Option<&'static str> {
    match (of, is_taken) {
        (RemoteType::Text { .. }, false) => Some("'0'"),
        (RemoteType::Text { .. }, true) => Some("'1'"),
        (RemoteType::Integer | RemoteType::Unsigned | RemoteType::Decimal, false) => Some("0"),
        (RemoteType::Integer | RemoteType::Unsigned | RemoteType::Decimal, true) => Some("1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Comparison, TableName};

    fn table() -> RemoteTable {
        let column = |name: &str, remote_type| RemoteColumn { name: name.to_owned(), remote_type };
        RemoteTable {
            name: TableName::parse("front.dibao").unwrap(),
            columns: vec![
                column("cert", RemoteType::Text { takes_every_text: true }),
                column("n", RemoteType::Integer),
                column("at", RemoteType::LocalTime),
                column("flag", RemoteType::Text { takes_every_text: true }),
            ],
        }
    }

    fn moment() -> DateTime<Utc> {
        DateTime::from_timestamp(0, 0).unwrap()
    }

    #[test]
    fn values_are_parameters() {
        let table = table();
        let condition = Condition::All(vec![
            Condition::OneOf {
                column: "cert".to_owned(),
                values: vec![Value::Text("' OR 1=1 --".to_owned()), Value::Text("b".to_owned())],
            },
            Condition::Any(vec![
                Condition::Begins { column: "cert".to_owned(), prefix: "城%".to_owned() },
                Condition::Absent { column: "n".to_owned() },
                Condition::Compare {
                    column: "at".to_owned(),
                    comparison: Comparison::GreaterOrEqual,
                    value: Value::Moment(moment()),
                },
            ]),
        ]);
        let columns = [(&table.columns[1], Transfer::Integer)];
        let select = Select::rows(Server::Postgres, ("d", &table), &columns, Some(&condition), Some(3)).unwrap();
        assert_eq!(
            select.sql,
            "SELECT \"n\"::int8 FROM \"front\".\"dibao\" WHERE (\"cert\" IN ($1, $2) AND (LEFT(\"cert\", 2) = $3::text \
             OR \"n\" IS NULL OR \"at\" >= $4::timestamp)) LIMIT 3"
        );
        let at_eight = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap().and_hms_opt(8, 0, 0).unwrap();
        assert_eq!(select.parameters[3], Parameter::Local(at_eight), "columns without a zone hold the time of China");
        let select = Select::rows(Server::MySql, ("d", &table), &[], Some(&condition), None).unwrap();
        assert_eq!(
            select.sql,
            "SELECT 1 FROM `front`.`dibao` WHERE (`cert` IN (?, ?) AND (LEFT(`cert`, 2) = ? OR `n` IS NULL OR `at` >= ?))"
        );
        let unknown = Condition::Absent { column: "nope".to_owned() };
        assert!(Select::rows(Server::MySql, ("d", &table), &[], Some(&unknown), None).is_err());
        let columns = [(&table.columns[0], Transfer::Days)];
        assert!(Select::rows(Server::MySql, ("d", &table), &columns, None, None).is_err());
    }

    #[test]
    fn extracts_go_by_a_mark_or_a_flag() {
        let table = table();
        let extract =
            |progress| Extract { columns: table.columns[..2].to_vec(), key: vec![table.columns[0].clone()], progress };
        let since = |column: &str| Progress::Since {
            column: column.to_owned(),
            mark: Some("2026-01-02 03:04:05".to_owned()),
            overlap: 300,
        };
        let select = extract(since("at")).select(Server::Postgres, ("d", &table)).unwrap();
        assert_eq!(
            select.sql,
            "SELECT \"cert\"::text, \"n\"::text FROM \"front\".\"dibao\" WHERE (\"at\" >= $1::text::timestamp - \
             make_interval(secs => 300) OR \"at\" IS NULL) ORDER BY \"cert\""
        );
        let select = extract(since("at")).select(Server::MySql, ("d", &table)).unwrap();
        assert_eq!(
            select.sql,
            "SELECT `cert`, CAST(`n` AS CHAR) FROM `front`.`dibao` WHERE (`at` >= CAST(? AS DATETIME(6)) - INTERVAL 300 \
             SECOND OR `at` IS NULL) ORDER BY `cert`"
        );
        let flagged = Progress::Flagged { column: "flag".to_owned() };
        let select = extract(flagged).select(Server::MySql, ("d", &table)).unwrap();
        assert_eq!(
            select.sql,
            "SELECT `cert`, CAST(`n` AS CHAR) FROM `front`.`dibao` WHERE `flag` = '0' ORDER BY `cert`"
        );
        assert!(extract(Progress::Flagged { column: "at".to_owned() }).select(Server::MySql, ("d", &table)).is_err());
    }
}
