//! One authenticated connection: who it is, what it has set, what it has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use auth::Authorized;
use datafusion::common::ScalarValue;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use query::{QueryError, QueryRequest};

use crate::catalog::Catalog;
use crate::commands::{Command, commands};
use crate::cursors::Cursor;
use crate::door::Door;
use crate::errors::{error, notice, of_auth, of_query};
use crate::names::Names;
use crate::running::{Registered, Running, Stop};
use crate::settings::Settings;
use crate::sign_in::Credential;

/// What a connection has from its authentication on.
pub(crate) struct Session {
    door: Arc<Door>,
    credential: Credential,
    client: String,
    settings: Mutex<Settings>,
    pub(crate) cursors: tokio::sync::Mutex<HashMap<String, Cursor>>,
    /// What the client has prepared and bound.
    statements: Mutex<Names>,
    portals: Mutex<Names>,
    running: Arc<Running>,
    catalog: tokio::sync::Mutex<Option<Arc<Catalog>>>,
    n_statements: std::sync::atomic::AtomicU64,
    registered: Registered,
}

/// Rows of an answer, whichever part of the gateway gave them.
pub(crate) struct Rows {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: BoxStream<'static, PgWireResult<RecordBatch>>,
    pub(crate) notice: Option<ErrorInfo>,
}

/// Columns of an answer and types of parameters.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// `None` for commands without rows.
    pub(crate) schema: Option<SchemaRef>,
    pub(crate) parameters: Vec<DataType>,
}

impl Session {
    pub(crate) fn new(
        door: Arc<Door>,
        credential: Credential,
        client: String,
        registered: (Arc<Running>, Registered),
    ) -> Self {
        let (running, registered) = registered;
        Self {
            door,
            credential,
            client,
            settings: Mutex::default(),
            cursors: tokio::sync::Mutex::default(),
            statements: Mutex::default(),
            portals: Mutex::default(),
            running,
            catalog: tokio::sync::Mutex::default(),
            n_statements: std::sync::atomic::AtomicU64::new(0),
            registered,
        }
    }

    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn statements(&self) -> MutexGuard<'_, Names> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn portals(&self) -> MutexGuard<'_, Names> {
        self.portals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statements of a text that is not longer than the gateway takes; it is not even looked at otherwise.
    pub(crate) fn commands(&self, text: &str) -> PgWireResult<Vec<Command>> {
        let most = self.door.gateway().limits().max_sql_bytes;
        if text.len() > most {
            let too_long = QueryError::LimitReached { limit: "max_sql_bytes", allowed: format!("{most} bytes") };
            return Err(of_query(&too_long));
        }
        commands(text)
    }

    /// Begins a statement: from here it can be cancelled, and its time runs.
    pub(crate) fn begin(&self) -> Stop {
        let timeout = self.settings().timeout();
        self.running.begin(timeout)
    }

    /// Who asks, as of now.
    async fn asker(&self) -> PgWireResult<Authorized> {
        self.credential.authorize(self.door.authenticator()).await.map_err(|error| of_auth(&error))
    }

    fn request(&self, asker: Authorized, sql: &str, parameters: Vec<ScalarValue>) -> QueryRequest {
        let n = self.n_statements.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        QueryRequest {
            principal: asker.principal,
            sql: sql.to_owned(),
            parameters,
            request_id: format!("pg-{}-{n}", self.registered.pid()),
            protocol: "pgwire",
            kind: "query",
            client: Some(self.client.clone()),
            token_id: asker.token_id.map(|id| id.to_string()),
            as_of: None,
        }
    }

    /// Answers a command that has rows.
    pub(crate) async fn rows(&self, command: &Command, values: Vec<ScalarValue>, stop: &Stop) -> PgWireResult<Rows> {
        match command {
            Command::Query(sql) => stop.or(self.query(sql, values, stop)).await,
            Command::Catalog(sql) => stop.or(self.about_catalog(sql, values)).await,
            Command::Show(name) => self.show(name),
            _ => Err(error("42601", "该语句没有结果行".to_owned(), "this statement has no rows".to_owned())),
        }
    }

    async fn query(&self, sql: &str, values: Vec<ScalarValue>, stop: &Stop) -> PgWireResult<Rows> {
        let request = self.request(self.asker().await?, sql, values);
        let released = self.door.gateway().query(request).await.map_err(|error| of_query(&error))?;
        let notice = notice(released.masked(), released.compared_masked(), released.policy_version());
        let schema = released.schema();
        let batches = released.map_err(|error| of_query(&error));
        Ok(Rows { schema, batches: stop.clone().stream(batches), notice })
    }

    async fn about_catalog(&self, sql: &str, values: Vec<ScalarValue>) -> PgWireResult<Rows> {
        let catalog = self.catalog().await?;
        let found = self.door.catalogs().answer(&catalog, sql, values).await?;
        let batches = futures::stream::iter(found.batches.into_iter().map(Ok)).boxed();
        Ok(Rows { schema: found.schema, batches, notice: None })
    }

    /// The catalog as of now; the one of before if neither policies nor data have changed.
    async fn catalog(&self) -> PgWireResult<Arc<Catalog>> {
        let principal = self.asker().await?.principal;
        let gateway = self.door.gateway();
        let mut kept = self.catalog.lock().await;
        // Asked each time: it also tells whether the access has been withdrawn.
        let visible = gateway.visible_relations(&principal).map_err(|error| of_query(&error))?;
        let versions = (gateway.policy_version(), gateway.data_version());
        match kept.as_ref() {
            Some(catalog) if catalog.versions == versions => Ok(Arc::clone(catalog)),
            _ => {
                let fresh = Arc::new(self.door.catalogs().catalog(principal, visible, versions).await?);
                *kept = Some(Arc::clone(&fresh));
                Ok(fresh)
            }
        }
    }

    fn show(&self, name: &str) -> PgWireResult<Rows> {
        let column = |name: &str| Field::new(name, DataType::Utf8, false);
        let (columns, values) = if name == "all" {
            let settings = self.settings().all();
            let names = settings.iter().map(|(name, _)| (*name).to_owned()).collect();
            let values = settings.into_iter().map(|(_, value)| value).collect();
            (vec![column("name"), column("setting")], vec![names, values])
        } else {
            (vec![column(&name.replace(' ', "_"))], vec![vec![self.settings().show(name)?]])
        };
        let schema = Arc::new(Schema::new(columns));
        let arrays =
            values.into_iter().map(|values: Vec<String>| Arc::new(arrow::array::StringArray::from(values)) as _);
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays.collect());
        let batch = batch.map_err(|_| error("XX000", "内部错误".to_owned(), "internal error".to_owned()))?;
        Ok(Rows { schema, batches: futures::stream::iter([Ok(batch)]).boxed(), notice: None })
    }

    /// What a command will answer.
    pub(crate) async fn describe(&self, command: &Command, types: Vec<Option<DataType>>) -> PgWireResult<Shape> {
        let stop = self.begin();
        match command {
            Command::Query(sql) => {
                let described = async {
                    let request = self.request(self.asker().await?, sql, Vec::new());
                    self.door.gateway().describe(request, types).await.map_err(|error| of_query(&error))
                };
                let described = stop.or(described).await?;
                Ok(Shape { schema: Some(described.schema), parameters: described.parameters })
            }
            Command::Catalog(sql) => {
                let described = async {
                    let catalog = self.catalog().await?;
                    self.door.catalogs().describe(&catalog, sql).await
                };
                let (schema, parameters) = stop.or(described).await?;
                Ok(Shape { schema: Some(schema), parameters })
            }
            Command::Show(name) => Ok(Shape { schema: Some(self.show(name)?.schema), parameters: Vec::new() }),
            Command::Copy(of, _) | Command::Declare(_, of, _) => {
                let parameters = Box::pin(self.describe(of, types)).await?.parameters;
                Ok(Shape { schema: None, parameters })
            }
            Command::Fetch(name, _) => {
                let cursors = self.cursors.lock().await;
                let schema = cursors.get(name).map(Cursor::schema).ok_or_else(|| no_cursor(name))?;
                Ok(Shape { schema: Some(schema), parameters: Vec::new() })
            }
            _ => Ok(Shape { schema: None, parameters: Vec::new() }),
        }
    }
}

/// `FETCH` or `CLOSE` of what is not open.
pub(crate) fn no_cursor(name: &str) -> PgWireError {
    error("34000", format!("没有游标 {name}"), format!("cursor \"{name}\" does not exist"))
}
