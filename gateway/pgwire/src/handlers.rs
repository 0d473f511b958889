//! The messages of one connection.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::api::auth::StartupHandler;
use pgwire::api::cancel::CancelHandler;
use pgwire::api::portal::{Portal, PortalExecutionState};
use pgwire::api::query::{
    ExtendedQueryHandler, SimpleQueryHandler, send_describe_response, send_execution_response,
    send_partial_query_response, send_query_response, send_ready_for_query,
};
use pgwire::api::results::{DescribePortalResponse, FieldFormat, Response};
use pgwire::api::stmt::StoredStatement;
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, PgWireServerHandlers};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, Sync as SyncMessage,
    TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::{EmptyQueryResponse, ReadyForQuery, TransactionStatus};
use pgwire::messages::simplequery::Query;

use crate::commands::Command;
use crate::cursors::Cursor;
use crate::door::Door;
use crate::errors::{error, fatal};
use crate::parameters::{check_counts, values};
use crate::session::{Session, Shape};
use crate::sign_in::Exchange;
use crate::types::fields;

/// One connection, from its first packet on.
pub(crate) struct Connection {
    pub(crate) door: Arc<Door>,
    pub(crate) peer: SocketAddr,
    pub(crate) is_full: bool,
    /// What the client sent with its first packet.
    pub(crate) parameters: OnceLock<Vec<(String, String)>>,
    /// Under way while a personal token is being proven.
    pub(crate) exchange: Mutex<Option<Exchange>>,
    pub(crate) session: OnceLock<Session>,
}

/// A statement that was parsed once and may be executed many times. It is planned anew each time, for who asks then.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) command: Command,
    pub(crate) shape: Shape,
}

impl Connection {
    pub(crate) fn new(door: Arc<Door>, peer: SocketAddr, is_full: bool) -> Self {
        Self { door, peer, is_full, parameters: OnceLock::new(), exchange: Mutex::new(None), session: OnceLock::new() }
    }

    pub(crate) fn session(&self) -> PgWireResult<&Session> {
        self.session.get().ok_or_else(|| fatal("28000", "尚未认证", "not authenticated"))
    }
}

/// The handlers of one connection.
pub(crate) struct Handlers(pub(crate) Arc<Connection>);

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.0)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(Self(Arc::clone(&self.0)))
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.0)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.0)
    }
}

#[async_trait]
impl CancelHandler for Connection {
    async fn on_cancel_request(&self, request: CancelRequest) {
        self.door.connections().cancel(request.pid, &request.secret_key);
    }
}

/// A transaction in which a statement failed takes nothing but its end.
fn check_transaction(status: TransactionStatus, command: &Command) -> PgWireResult<()> {
    match (status, command) {
        (TransactionStatus::Error, Command::Commit | Command::Rollback | Command::Savepoint("ROLLBACK")) => Ok(()),
        (TransactionStatus::Error, _) => Err(error(
            "25P02",
            "事务已失败,请先 ROLLBACK".to_owned(),
            "current transaction is aborted, commands ignored until end of transaction block".to_owned(),
        )),
        _ => Ok(()),
    }
}

#[async_trait]
impl SimpleQueryHandler for Connection {
    /// Each statement's answer is on its way before the next statement begins.
    async fn on_query<C>(&self, client: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        client.set_state(PgWireConnectionState::QueryInProgress);
        let commands = self.session()?.commands(&query.query)?;
        if commands.is_empty() {
            client.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        } else {
            for command in commands {
                let response = self.respond(client, &command).await?;
                send(client, response).await?;
            }
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        let status = client.transaction_status();
        send_ready_for_query(client, status).await
    }

    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let mut responses = Vec::new();
        for command in self.session()?.commands(query)? {
            responses.push(self.respond(client, &command).await?);
        }
        Ok(responses)
    }
}

impl Connection {
    async fn respond<C>(&self, client: &mut C, command: &Command) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        check_transaction(client.transaction_status(), command)?;
        let session = self.session()?;
        let stop = session.begin();
        session.run(client, command, (Vec::new(), None), &|_| FieldFormat::Text, &stop).await
    }
}

async fn send<C>(client: &mut C, response: Response) -> PgWireResult<()>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    match response {
        Response::Query(rows) => send_query_response(client, rows, true).await,
        other => send_end(client, other).await,
    }
}

/// What a statement without rows answers.
async fn send_end<C>(client: &mut C, response: Response) -> PgWireResult<()>
where
    C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let status = client.transaction_status();
    match response {
        Response::Execution(tag) => send_execution_response(client, tag).await,
        Response::TransactionStart(tag) => {
            client.set_transaction_status(status.to_in_transaction_state());
            send_execution_response(client, tag).await
        }
        Response::TransactionEnd(tag) => {
            client.set_transaction_status(status.to_idle_state());
            send_execution_response(client, tag).await
        }
        _ => Err(error("XX000", "内部错误".to_owned(), "an answer of another kind".to_owned())),
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handlers {
    type Statement = Prepared;
    type QueryParser = Self;

    fn query_parser(&self) -> Arc<Self> {
        Arc::new(Self(Arc::clone(&self.0)))
    }

    /// Portals live as long as their transaction.
    async fn on_sync<C>(&self, client: &mut C, _message: SyncMessage) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let status = client.transaction_status();
        if status == TransactionStatus::Idle {
            client.portal_store().clear_portals();
            self.0.session()?.portals().take();
        } else {
            client.portal_store().rm_portal(DEFAULT_NAME);
        }
        client.send(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status))).await?;
        client.flush().await?;
        Ok(())
    }

    /// A connection keeps so many statements and no more.
    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
        self.0.session()?.statements().admit(&name, ("预备语句", "prepared statements"))?;
        let parsed = StoredStatement::parse(client, &message, self.query_parser()).await?;
        match parsed {
            Some(statement) => client.portal_store().put_statement(Arc::new(statement)),
            None => client.portal_store().put_empty_statement(&name),
        }
        client.send(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?;
        Ok(())
    }

    async fn on_close<C>(&self, client: &mut C, message: Close) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                client.portal_store().rm_statement(name);
                self.0.session()?.statements().forget(name);
            }
            TARGET_TYPE_BYTE_PORTAL => {
                client.portal_store().rm_portal(name);
                self.0.session()?.portals().forget(name);
            }
            _ => {}
        }
        client.send(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal = message.portal_name.as_deref().unwrap_or(DEFAULT_NAME);
        self.0.session()?.portals().admit(portal, ("门户", "portals"))?;
        match client.portal_store().get_statement(name) {
            Some(Entry::Value(statement)) => {
                let shape = &statement.statement.shape;
                check_counts(
                    message.parameters.len(),
                    shape.parameters.len(),
                    (message.parameter_format_codes.len(), message.result_column_format_codes.len()),
                    shape.schema.as_ref().map_or(0, |schema| schema.fields().len()),
                )?;
                client.portal_store().put_portal(Arc::new(Portal::try_new(&message, statement)?));
            }
            Some(Entry::Empty) => {
                check_counts(message.parameters.len(), 0, (0, 0), 0)?;
                client.portal_store().put_empty_portal(portal);
            }
            None => return Err(unknown("26000", "预备语句", "prepared statement", name)),
        }
        client.send(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    /// A cursor is a portal too: clients ask for its columns before they fetch.
    async fn on_describe<C>(&self, client: &mut C, message: Describe) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        if message.target_type == TARGET_TYPE_BYTE_PORTAL && client.portal_store().get_portal(name).is_none() {
            let schema = self.0.session()?.cursors.lock().await.get(name).map(Cursor::schema);
            let schema = schema.ok_or_else(|| unknown("34000", "游标", "portal", name))?;
            let columns = DescribePortalResponse::new(fields(&schema, |_| FieldFormat::Text));
            return send_describe_response(client, &columns).await;
        }
        self._on_describe(client, message).await
    }

    /// Rows are sent as they come; what a client does not ask for yet waits in the query, not in memory here.
    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal = match client.portal_store().get_portal(name) {
            Some(Entry::Value(portal)) => portal,
            Some(Entry::Empty) => {
                client.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
                return Ok(());
            }
            None => return Err(unknown("34000", "游标", "portal", name)),
        };
        client.set_state(PgWireConnectionState::QueryInProgress);
        let max_rows = usize::try_from(message.max_rows).unwrap_or(0);
        let (state, mut is_whole) = (portal.state(), true);
        let mut state = state.lock().await;
        if matches!(*state, PortalExecutionState::Initial) {
            match self.do_query(client, &portal, max_rows).await? {
                Response::Query(rows) => *state = PortalExecutionState::Suspended(rows),
                other => send_end(client, other).await?,
            }
        }
        if let PortalExecutionState::Suspended(rows) = &mut *state {
            is_whole = !send_partial_query_response(client, rows, max_rows).await?;
        }
        if is_whole {
            *state = PortalExecutionState::Finished;
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Prepared>, _max_rows: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = &portal.statement.statement;
        check_transaction(client.transaction_status(), &prepared.command)?;
        let session = self.0.session()?;
        let stop = session.begin();
        let values = values(portal, &prepared.shape.parameters)?;
        let format = |idx| portal.result_column_format.format_for(idx);
        let told = prepared.shape.schema.as_ref();
        session.run(client, &prepared.command, (values, told), &format, &stop).await
    }
}

fn unknown(sqlstate: &str, zh: &str, en: &str, name: &str) -> PgWireError {
    let name = if name == DEFAULT_NAME { "" } else { name };
    error(sqlstate, format!("没有{zh} \"{name}\""), format!("{en} \"{name}\" does not exist"))
}
