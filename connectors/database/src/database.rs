//! One database: its pool, who waits how long, and what is told when it does not answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use arrow::array::RecordBatch;
use futures::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::breaker::Breaker;
use crate::mysql::MySql;
use crate::postgres::Postgres;
use crate::select::Select;
use crate::{DatabaseConfig, DatabaseError, Pickup, RemoteTable, Server, TableName, TakenRow};

/// Rows of one batch.
pub(crate) const BATCH_ROWS: usize = 8_192;
/// Batches that wait for who asked.
const BATCHES_AHEAD: usize = 2;

/// A database that is asked by many. Connections are made when they are needed, on the runtime it was opened with.
#[derive(Debug)]
pub struct Database {
    config: DatabaseConfig,
    client: Client,
    breaker: Breaker,
    runtime: Handle,
    running: TaskTracker,
}

#[derive(Debug)]
enum Client {
    Postgres(Postgres),
    MySql(MySql),
}

/// Where the batches of a statement go, one after the other.
pub(crate) type Outlet = mpsc::Sender<Result<RecordBatch, DatabaseError>>;

impl Database {
    /// Prepares a pool. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// [`DatabaseError::Tls`] if the authorities cannot be read.
    pub fn open(config: DatabaseConfig, runtime: Handle) -> Result<Self, DatabaseError> {
        let client = match config.address.server {
            Server::Postgres => Client::Postgres(Postgres::open(&config)?),
            Server::MySql => Client::MySql(MySql::open(&config)?),
        };
        Ok(Self { config, client, breaker: Breaker::default(), runtime, running: TaskTracker::new() })
    }

    /// How it is used.
    #[must_use]
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// What a table looks like there.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::NotAsDeclared`] if there is no such table, or none the user may see.
    pub async fn describe(self: &Arc<Self>, table: &TableName) -> Result<RemoteTable, DatabaseError> {
        let (this, name) = (Arc::clone(self), table.clone());
        let columns = self.on_runtime(async move {
            this.guarded(async {
                match &this.client {
                    Client::Postgres(client) => client.describe(&name).await,
                    Client::MySql(client) => client.describe(&name).await,
                }
            })
            .await
        });
        let columns = columns.await?;
        if columns.is_empty() {
            let what = format!("there is no table {table} that the user may see");
            return Err(DatabaseError::NotAsDeclared { database: self.config.name.clone(), what });
        }
        Ok(RemoteTable { name: table.clone(), columns })
    }

    /// Runs a statement. Whoever drops the stream ends the statement, on the server too.
    #[must_use]
    pub fn stream(self: &Arc<Self>, select: Select) -> BatchStream {
        let (outlet, batches) = mpsc::channel(BATCHES_AHEAD);
        let this = Arc::clone(self);
        // Not aborted with the stream: it has to tell the server first.
        self.running.spawn_on(
            async move {
                let run = async {
                    match &this.client {
                        Client::Postgres(client) => client.run(&select, &outlet).await,
                        Client::MySql(client) => client.run(&select, &outlet).await,
                    }
                };
                if let Err(error) = this.guarded(run).await {
                    tracing::warn!(database = this.config.name, %error, "a statement ended early");
                    let _nobody_waits = outlet.send(Err(error)).await;
                }
            },
            &self.runtime,
        );
        BatchStream { batches }
    }

    /// Sets the pickup flag of the rows that still read as they were taken, all or none. Gives their number.
    ///
    /// # Errors
    /// [`DatabaseError`]; nothing is set then.
    pub async fn pick_up(self: &Arc<Self>, pickup: Pickup, rows: Vec<TakenRow>) -> Result<u64, DatabaseError> {
        let this = Arc::clone(self);
        self.on_runtime(async move {
            this.guarded(async {
                match &this.client {
                    Client::Postgres(client) => client.pick_up(&pickup, &rows).await,
                    Client::MySql(client) => client.pick_up(&pickup, &rows).await,
                }
            })
            .await
        })
        .await
    }

    async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, DatabaseError>> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let task = AbortOnDropHandle::new(self.runtime.spawn(work));
        task.await.unwrap_or_else(|_| Err(DatabaseError::Unreachable { database: self.config.name.clone() }))
    }

    /// Keeps to the breaker.
    async fn guarded<T>(&self, work: impl Future<Output = Result<T, DatabaseError>>) -> Result<T, DatabaseError> {
        if !self.breaker.admits(Instant::now()) {
            return Err(DatabaseError::LeftAlone { database: self.config.name.clone() });
        }
        let done = work.await;
        match &done {
            Err(error) if error.is_of_connection() => self.breaker.failed(Instant::now()),
            _ => self.breaker.succeeded(),
        }
        done
    }
}

/// Batches as they come; one column each of what was selected, named `c0`, `c1`, and so on.
#[derive(Debug)]
pub struct BatchStream {
    batches: mpsc::Receiver<Result<RecordBatch, DatabaseError>>,
}

impl Stream for BatchStream {
    type Item = Result<RecordBatch, DatabaseError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(context)
    }
}

/// Sends what is collected on. False if nobody wants it any more.
pub(crate) async fn hand_over(
    outlet: &Outlet,
    rows: &mut crate::batch::Collector,
    database: &str,
) -> Result<bool, DatabaseError> {
    let batch = rows.finish().ok_or_else(|| unfit(database))?;
    Ok(outlet.send(Ok(batch)).await.is_ok())
}

/// A cell of another kind than the statement asks for.
pub(crate) fn unfit(database: &str) -> DatabaseError {
    DatabaseError::Failed { database: database.to_owned(), code: "row".to_owned() }
}
