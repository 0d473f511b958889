//! PostgreSQL.

use std::pin::pin;
use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use futures::TryStreamExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::batch::{Cell, Collector};
use crate::database::{BATCH_ROWS, Outlet, hand_over, unfit};
use crate::select::{Parameter, Select};
use crate::{DatabaseConfig, DatabaseError, Pickup, RemoteColumn, RemoteType, Server, TableName, TakenRow, Transfer};

/// Columns of a table: name, type (that of a domain is the one below it), its kind, encoding of the server.
const DESCRIBE: &str = "SELECT a.attname::text, coalesce(b.typname, t.typname)::text, coalesce(b.typtype, t.typtype)::text, \
    current_setting('server_encoding') FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype \
    WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
    AND has_column_privilege(a.attrelid, a.attnum, 'SELECT') ORDER BY a.attnum";

pub(crate) struct Postgres {
    name: String,
    pool: Pool,
    /// For the connection that cancels.
    tls: Option<MakeRustlsConnect>,
    config: DatabaseConfig,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Postgres {
    pub(crate) fn open(config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let tls = config.uses_tls().then(|| client_tls(config)).transpose()?;
        let address = &config.address;
        let mut client = tokio_postgres::Config::new();
        client
            .host(&address.host)
            .port(address.port)
            .user(&address.user)
            .password(config.password.as_str())
            .dbname(&address.database)
            .application_name("datong")
            .connect_timeout(config.connect_timeout)
            .keepalives(true)
            .options(format!(
                "-c default_transaction_read_only=on -c statement_timeout={} -c timezone=Asia/Shanghai \
                 -c datestyle=ISO -c extra_float_digits=1",
                config.statement_timeout.as_millis()
            ))
            .ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &tls {
            Some(tls) => Manager::from_config(client, tls.clone(), manager_config),
            None => Manager::from_config(client, NoTls, manager_config),
        };
        let pool = Pool::builder(manager)
            .max_size(config.max_connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.connect_timeout))
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.connect_timeout))
            .build();
        let pool = pool.map_err(|_| DatabaseError::Unreachable { database: config.name.clone() })?;
        Ok(Self { name: config.name.clone(), pool, tls, config: config.clone() })
    }

    async fn client(&self) -> Result<Object, DatabaseError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => self.failed(&error),
            PoolError::Timeout(_) => {
                let seconds = self.config.connect_timeout.as_secs();
                DatabaseError::TimedOut { database: self.name.clone(), seconds }
            }
            _ => DatabaseError::Unreachable { database: self.name.clone() },
        })
    }

    pub(crate) async fn describe(&self, name: &TableName) -> Result<Vec<RemoteColumn>, DatabaseError> {
        let client = self.client().await?;
        let quoted = Server::Postgres.table(name);
        let rows = self.in_time(client.query(DESCRIBE, &[&quoted])).await?;
        rows.iter()
            .map(|row| {
                let text = |idx: usize| row.try_get::<_, String>(idx).map_err(|error| self.failed(&error));
                let remote_type = remote_type(&text(1)?, &text(2)?, &text(3)?);
                Ok(RemoteColumn { name: text(0)?, remote_type })
            })
            .collect()
    }

    pub(crate) async fn run(&self, select: &Select, outlet: &Outlet) -> Result<(), DatabaseError> {
        let client = self.client().await?;
        let cancel = client.cancel_token();
        let parameters = bound(&select.parameters);
        let rows = tokio::select! {
            rows = self.in_time(client.query_raw(&select.sql, parameters)) => Some(rows?),
            () = outlet.closed() => None,
        };
        let ended = match rows {
            Some(rows) => self.hand_on(rows, select, outlet).await,
            None => Ok(false),
        };
        if !matches!(ended, Ok(true)) {
            // Whoever asked is gone, or waited long enough: the server need not go on either, and what it still sends
            // belongs to nobody.
            let _closed_below = Object::take(client);
            let _told = match &self.tls {
                Some(tls) => timeout(self.config.connect_timeout, cancel.cancel_query(tls.clone())).await.is_ok(),
                None => timeout(self.config.connect_timeout, cancel.cancel_query(NoTls)).await.is_ok(),
            };
        }
        ended.map(|_| ())
    }

    /// False if nobody wants the rows any more.
    async fn hand_on(
        &self,
        rows: tokio_postgres::RowStream,
        select: &Select,
        outlet: &Outlet,
    ) -> Result<bool, DatabaseError> {
        let mut rows = pin!(rows);
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
        let mut client = self.client().await?;
        let transaction = client.build_transaction().read_only(false).start().await;
        let transaction = transaction.map_err(|error| self.failed(&error))?;
        let mut n_marked = 0;
        for row in rows {
            let (sql, parameters) = pickup.update(Server::Postgres, &self.name, row)?;
            let statement = self.in_time(transaction.prepare_cached(&sql)).await?;
            n_marked += self.in_time(transaction.execute_raw(&statement, bound(&parameters))).await?;
        }
        self.in_time(transaction.commit()).await?;
        Ok(n_marked)
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        let limit = self.config.statement_timeout;
        match timeout(limit, work).await {
            Ok(done) => done.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> DatabaseError {
        DatabaseError::TimedOut { database: self.name.clone(), seconds: self.config.statement_timeout.as_secs() }
    }

    /// What an error means. Its text stays here.
    fn failed(&self, error: &tokio_postgres::Error) -> DatabaseError {
        let database = self.name.clone();
        let Some(code) = error.code() else { return DatabaseError::Unreachable { database } };
        let code = code.code();
        match code {
            "57014" => self.timed_out(),
            "42P01" | "42703" | "3F000" => {
                let what = format!("a table or column is not there any more (code {code})");
                DatabaseError::NotAsDeclared { database, what }
            }
            "42501" => DatabaseError::Refused { database, code: code.to_owned() },
            _ if code.starts_with("28") || code == "3D000" => {
                DatabaseError::Refused { database, code: code.to_owned() }
            }
            _ if code.starts_with("08") || code.starts_with("57P") || code == "53300" => {
                DatabaseError::Unreachable { database }
            }
            _ => DatabaseError::Failed { database, code: code.to_owned() },
        }
    }
}

fn bound(parameters: &[Parameter]) -> Vec<Box<dyn ToSql + Sync + Send>> {
    parameters
        .iter()
        .map(|parameter| -> Box<dyn ToSql + Sync + Send> {
            match parameter {
                Parameter::Text(text) => Box::new(text.clone()),
                Parameter::Integer(number) => Box::new(*number),
                Parameter::Date(date) => Box::new(*date),
                Parameter::Local(local) => Box::new(*local),
                Parameter::Moment(moment) => Box::new(*moment),
            }
        })
        .collect()
}

fn cell(row: &Row, idx: usize, transfer: Transfer) -> Option<Cell<'_>> {
    match transfer {
        Transfer::Text | Transfer::Decimal => {
            row.try_get::<_, Option<&str>>(idx).ok().map(|text| text.map_or(Cell::Null, Cell::Text))
        }
        Transfer::Float => row.try_get::<_, Option<f64>>(idx).ok().map(|n| n.map_or(Cell::Null, Cell::Float)),
        _ => row.try_get::<_, Option<i64>>(idx).ok().map(|n| n.map_or(Cell::Null, Cell::Integer)),
    }
}

fn remote_type(name: &str, kind: &str, encoding: &str) -> RemoteType {
    if kind == "e" {
        return RemoteType::Textual;
    }
    match name {
        "text" | "varchar" | "bpchar" => RemoteType::Text { takes_every_text: encoding == "UTF8" },
        "uuid" | "inet" | "json" | "jsonb" | "name" | "citext" => RemoteType::Textual,
        "int2" | "int4" | "int8" => RemoteType::Integer,
        "numeric" => RemoteType::Decimal,
        "float4" | "float8" => RemoteType::Float,
        "date" => RemoteType::Date,
        "timestamp" => RemoteType::LocalTime,
        "timestamptz" => RemoteType::Moment,
        "bool" => RemoteType::Boolean,
        _ => RemoteType::Other,
    }
}

/// Checks the server's certificate and name, against the authorities that are configured or the operating system's.
fn client_tls(config: &DatabaseConfig) -> Result<MakeRustlsConnect, DatabaseError> {
    let unusable = |reason| DatabaseError::Tls { database: config.name.clone(), reason };
    let mut roots = RootCertStore::empty();
    match &config.authority_file {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(file).map_err(|_| unusable("authorities not readable"))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|_| unusable("authorities not readable"))?;
                roots.add(certificate).map_err(|_| unusable("an authority is no certificate"))?;
            }
        }
        None => {
            let _refused = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(unusable("no authority"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.map_err(|_| unusable("no protocol version"))?;
    Ok(MakeRustlsConnect::new(client.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_server() {
        assert_eq!(remote_type("varchar", "b", "UTF8"), RemoteType::Text { takes_every_text: true });
        assert_eq!(remote_type("bpchar", "b", "EUC_CN"), RemoteType::Text { takes_every_text: false });
        assert_eq!(remote_type("int4", "e", "UTF8"), RemoteType::Textual, "an enum of whatever name");
        assert_eq!(remote_type("bytea", "b", "UTF8"), RemoteType::Other);
        assert_eq!(remote_type("money", "b", "UTF8"), RemoteType::Other);
    }
}
