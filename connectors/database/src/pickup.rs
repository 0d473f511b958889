//! The pickup flag of 成都 DB510100/T 048: the provider puts 0, who takes a row puts 1.

use crate::select::{Parameter, Writer, flag};
use crate::{DatabaseError, RemoteColumn, RemoteTable, RemoteType, Server};

/// Where the flag is, and what tells whether a row still reads as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pickup {
    /// The table.
    pub table: RemoteTable,
    /// The flag.
    pub flag: RemoteColumn,
    /// The columns that identify a row.
    pub key: Vec<RemoteColumn>,
    /// Every column that was taken, the key among them.
    pub taken: Vec<RemoteColumn>,
}

/// A row as it was taken: the texts of `key`, then those of `taken`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenRow {
    /// Texts of the columns that identify it.
    pub key: Vec<String>,
    /// Texts of the columns that were taken; empty where there was null.
    pub taken: Vec<String>,
}

impl Pickup {
    /// The statement for one row. A row that the provider has changed since keeps its flag and comes again.
    pub(crate) fn update(
        &self,
        server: Server,
        database: &str,
        row: &TakenRow,
    ) -> Result<(String, Vec<Parameter>), DatabaseError> {
        let not_as_declared = |column: &RemoteColumn| DatabaseError::NotAsDeclared {
            database: database.to_owned(),
            what: format!("column {} of {} cannot be used for pickup", column.name, self.table.name),
        };
        let zero = flag(self.flag.remote_type, false).ok_or_else(|| not_as_declared(&self.flag))?;
        let one = flag(self.flag.remote_type, true).ok_or_else(|| not_as_declared(&self.flag))?;
        let (table, quoted_flag) = (server.table(&self.table.name), server.quoted(&self.flag.name));
        let mut writer = Writer::new(server, &self.table);
        writer.push(&format!("UPDATE {table} SET {quoted_flag} = {one} WHERE {quoted_flag} = {zero}"));
        for (column, text) in self.key.iter().zip(&row.key) {
            // As the column's own type where that is plain, so that its index is used.
            let place = match (column.remote_type, text.parse::<i64>()) {
                (RemoteType::Integer, Ok(number)) => writer.integer(number),
                (RemoteType::Text { .. }, _) => writer.plain_text(text),
                _ => continue,
            };
            writer.push(&format!(" AND {} = {place}", server.quoted(&column.name)));
        }
        for (column, text) in self.taken.iter().zip(&row.taken) {
            let as_text = server.as_text(&column.name, column.remote_type).ok_or_else(|| not_as_declared(column))?;
            let place = writer.text(text);
            writer.push(&format!(" AND {}", server.reads_as(&as_text, &place)));
        }
        Ok((writer.sql, writer.parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableName;

    #[test]
    fn only_a_row_that_reads_as_it_was_taken_is_marked() {
        let column = |name: &str, remote_type| RemoteColumn { name: name.to_owned(), remote_type };
        let (id, name) = (column("id", RemoteType::Integer), column("xm", RemoteType::Textual));
        let flag = column("bz", RemoteType::Text { takes_every_text: true });
        let table =
            RemoteTable { name: TableName::parse("t").unwrap(), columns: vec![id.clone(), name.clone(), flag.clone()] };
        let pickup = Pickup { table, flag, key: vec![id.clone()], taken: vec![id, name] };
        let row = TakenRow { key: vec!["7".to_owned()], taken: vec!["7".to_owned(), String::new()] };
        let (sql, parameters) = pickup.update(Server::Postgres, "d", &row).unwrap();
        assert_eq!(
            sql,
            "UPDATE \"t\" SET \"bz\" = '1' WHERE \"bz\" = '0' AND \"id\" = $1::int8 AND COALESCE(\"id\"::text, '') \
             COLLATE \"C\" = $2::text AND COALESCE(\"xm\"::text, '') COLLATE \"C\" = $3::text"
        );
        assert_eq!(
            parameters,
            [Parameter::Integer(7), Parameter::Text("7".to_owned()), Parameter::Text(String::new())]
        );
        let (sql, _) = pickup.update(Server::MySql, "d", &row).unwrap();
        assert!(
            sql.contains("COALESCE(CONVERT(CAST(`xm` AS CHAR) USING utf8mb4) COLLATE utf8mb4_bin, '') = "),
            "{sql}"
        );
    }
}
