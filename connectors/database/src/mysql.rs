//! MySQL and MariaDB.

use std::fmt;

use futures::TryStreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{
    Conn, Error, Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, Row, SslOpts, TxOpts, Value as Sent,
};
use tokio::time::timeout;

use crate::batch::{Cell, Collector};
use crate::database::{BATCH_ROWS, Outlet, hand_over, unfit};
use crate::select::{Parameter, Select};
use crate::{DatabaseConfig, DatabaseError, Pickup, RemoteColumn, RemoteType, Server, TableName, TakenRow, Transfer};

/// Columns of a table: name, type as declared, character set.
const DESCRIBE: &str = "SELECT COLUMN_NAME, LOWER(DATA_TYPE), LOWER(COLUMN_TYPE), LOWER(COALESCE(CHARACTER_SET_NAME, '')) \
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";

pub(crate) struct MySql {
    name: String,
    pool: Pool,
    /// For the connection that cancels.
    opts: Opts,
    config: DatabaseConfig,
}

impl fmt::Debug for MySql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySql").field("name", &self.name).finish_non_exhaustive()
    }
}

impl MySql {
    pub(crate) fn open(config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let address = &config.address;
        let unusable = |reason| DatabaseError::Tls { database: config.name.clone(), reason };
        let constraints = PoolConstraints::new(0, config.max_connections).unwrap_or_default();
        let seconds = config.statement_timeout.as_secs().max(1);
        let milliseconds = config.statement_timeout.as_millis();
        // One server reads what the other takes for a comment.
        let session = format!(
            "SET SESSION time_zone = '+08:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION' \
             /*M!100100 , max_statement_time = {seconds} */ /*!50708 , max_execution_time = {milliseconds} */"
        );
        let tls = match &config.authority_file {
            _ if !config.uses_tls() => None,
            Some(file) if file.is_file() => {
                let authority = SslOpts::default().with_disable_built_in_roots(true);
                Some(authority.with_root_certs(vec![file.clone().into()]))
            }
            Some(_) => return Err(unusable("authorities not readable")),
            None => Some(SslOpts::default()),
        };
        let builder = OptsBuilder::default()
            .ip_or_hostname(address.host.clone())
            .tcp_port(address.port)
            .user(Some(address.user.clone()))
            .pass(Some(config.password.as_str().to_owned()))
            .db_name(Some(address.database.clone()))
            .prefer_socket(Some(false))
            .client_found_rows(true)
            .ssl_opts(tls)
            .setup(vec![session, "SET SESSION TRANSACTION READ ONLY".to_owned()])
            .pool_opts(PoolOpts::default().with_constraints(constraints));
        let opts = Opts::from(builder);
        Ok(Self { name: config.name.clone(), pool: Pool::new(opts.clone()), opts, config: config.clone() })
    }

    async fn connection(&self) -> Result<Conn, DatabaseError> {
        match timeout(self.config.connect_timeout, self.pool.get_conn()).await {
            Ok(found) => found.map_err(|error| self.failed(&error)),
            Err(_) => {
                let seconds = self.config.connect_timeout.as_secs();
                Err(DatabaseError::TimedOut { database: self.name.clone(), seconds })
            }
        }
    }

    pub(crate) async fn describe(&self, name: &TableName) -> Result<Vec<RemoteColumn>, DatabaseError> {
        let mut connection = self.connection().await?;
        let asked = (name.schema.clone(), name.table.clone());
        let rows: Vec<(String, String, String, String)> = self.in_time(connection.exec(DESCRIBE, asked)).await?;
        let columns = rows.into_iter().map(|(name, data_type, column_type, characters)| {
            let remote_type = remote_type(&data_type, &column_type, &characters);
            RemoteColumn { name, remote_type }
        });
        Ok(columns.collect())
    }

    pub(crate) async fn run(&self, select: &Select, outlet: &Outlet) -> Result<(), DatabaseError> {
        let mut connection = self.connection().await?;
        let id = connection.id();
        let ended = self.hand_on(&mut connection, select, outlet).await;
        if !matches!(ended, Ok(true)) {
            // Whoever asked is gone, or waited long enough: the server need not go on either.
            let _told = timeout(self.config.connect_timeout, self.kill(id)).await;
        }
        ended.map(|_| ())
    }

    async fn kill(&self, id: u32) -> Result<(), Error> {
        let mut connection = Conn::new(self.opts.clone()).await?;
        connection.query_drop(format!("KILL QUERY {id}")).await?;
        connection.disconnect().await
    }

    /// False if nobody wants the rows any more.
    async fn hand_on(&self, connection: &mut Conn, select: &Select, outlet: &Outlet) -> Result<bool, DatabaseError> {
        let asked = connection.exec_stream::<Row, _, _>(select.sql.clone(), bound(&select.parameters));
        let mut rows = tokio::select! {
            rows = self.in_time(asked) => rows?,
            () = outlet.closed() => return Ok(false),
        };
        let mut collected = Collector::new(&select.transfers);
        loop {
            let next = tokio::select! {
                next = self.in_time(rows.try_next()) => next?,
                () = outlet.closed() => return Ok(false),
            };
            let Some(row) = next else { break };
            if !collected.add(|idx, transfer| cell(&row, idx, transfer)) {
                return Err(unfit(&self.name));
            }
            if collected.n_rows() == BATCH_ROWS && !hand_over(outlet, &mut collected, &self.name).await? {
                return Ok(false);
            }
        }
        Ok(collected.n_rows() == 0 || hand_over(outlet, &mut collected, &self.name).await?)
    }

    pub(crate) async fn pick_up(&self, pickup: &Pickup, rows: &[TakenRow]) -> Result<u64, DatabaseError> {
        let mut connection = self.connection().await?;
        let mut options = TxOpts::default();
        options.with_readonly(Some(false));
        let mut transaction = self.in_time(connection.start_transaction(options)).await?;
        let mut n_marked = 0;
        for row in rows {
            let (sql, parameters) = pickup.update(Server::MySql, &self.name, row)?;
            self.in_time(transaction.exec_drop(sql, bound(&parameters))).await?;
            n_marked += transaction.affected_rows();
        }
        self.in_time(transaction.commit()).await?;
        Ok(n_marked)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, DatabaseError> {
        match timeout(self.config.statement_timeout, work).await {
            Ok(done) => done.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> DatabaseError {
        DatabaseError::TimedOut { database: self.name.clone(), seconds: self.config.statement_timeout.as_secs() }
    }

    /// What an error means. Its text stays here.
    fn failed(&self, error: &Error) -> DatabaseError {
        let database = self.name.clone();
        let Error::Server(server) = error else { return DatabaseError::Unreachable { database } };
        let code = server.code.to_string();
        match server.code {
            1317 | 1969 | 3024 => self.timed_out(),
            1054 | 1146 => {
                let what = format!("a table or column is not there any more (code {code})");
                DatabaseError::NotAsDeclared { database, what }
            }
            1044 | 1045 | 1049 | 1142 | 1143 | 1227 => DatabaseError::Refused { database, code },
            1040 | 1053 | 1077 | 1927 => DatabaseError::Unreachable { database },
            _ => DatabaseError::Failed { database, code },
        }
    }
}

fn bound(parameters: &[Parameter]) -> Params {
    let values = parameters.iter().map(|parameter| match parameter {
        Parameter::Text(text) => Sent::from(text.clone()),
        Parameter::Integer(number) => Sent::from(*number),
        Parameter::Date(date) => Sent::from(*date),
        Parameter::Local(local) => Sent::from(*local),
        Parameter::Moment(moment) => Sent::from(moment.naive_utc()),
    });
    let values: Vec<Sent> = values.collect();
    if values.is_empty() { Params::Empty } else { Params::Positional(values) }
}

fn cell(row: &Row, idx: usize, transfer: Transfer) -> Option<Cell<'_>> {
    match (row.as_ref(idx)?, transfer) {
        (Sent::NULL, _) => Some(Cell::Null),
        (Sent::Bytes(bytes), Transfer::Text | Transfer::Decimal) => std::str::from_utf8(bytes).ok().map(Cell::Text),
        (Sent::Float(number), Transfer::Float) => Some(Cell::Float(f64::from(*number))),
        (Sent::Double(number), Transfer::Float) => Some(Cell::Float(*number)),
        (Sent::Int(number), _) if transfer != Transfer::Float => Some(Cell::Integer(*number)),
        (Sent::UInt(number), _) if transfer != Transfer::Float => i64::try_from(*number).ok().map(Cell::Integer),
        _ => None,
    }
}

fn remote_type(data_type: &str, column_type: &str, characters: &str) -> RemoteType {
    match data_type {
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            RemoteType::Text { takes_every_text: characters == "utf8mb4" }
        }
        "enum" | "set" | "json" | "uuid" | "inet4" | "inet6" => RemoteType::Textual,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" if column_type.contains("unsigned") => {
            RemoteType::Unsigned
        }
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => RemoteType::Integer,
        "decimal" => RemoteType::Decimal,
        "float" | "double" => RemoteType::Float,
        "date" => RemoteType::Date,
        // The session's clock is China's, so that both read alike.
        "datetime" | "timestamp" => RemoteType::LocalTime,
        _ => RemoteType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_server() {
        assert_eq!(remote_type("varchar", "varchar(20)", "utf8mb4"), RemoteType::Text { takes_every_text: true });
        assert_eq!(remote_type("char", "char(1)", "gbk"), RemoteType::Text { takes_every_text: false });
        assert_eq!(remote_type("bigint", "bigint(20) unsigned", ""), RemoteType::Unsigned);
        assert_eq!(remote_type("timestamp", "timestamp", ""), RemoteType::LocalTime);
        assert_eq!(remote_type("blob", "blob", ""), RemoteType::Other);
        assert_eq!(remote_type("bit", "bit(1)", ""), RemoteType::Other);
    }
}
