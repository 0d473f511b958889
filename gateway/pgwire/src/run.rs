//! Carrying out one command.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::common::ScalarValue;
use futures::{Sink, SinkExt, StreamExt};
use pgwire::api::results::{FieldFormat, QueryResponse, Response, Tag};
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};
use pgwire::messages::response::TransactionStatus;

use crate::commands::{Command, Rows as Wanted};
use crate::copy::CopyFormat;
use crate::cursors::Cursor;
use crate::errors::error;
use crate::rows::{data_rows, same_on_the_wire};
use crate::running::Stop;
use crate::session::{Rows, Session, no_cursor};
use crate::types::fields;

/// Open cursors of one connection.
const CURSORS_MAX: usize = 4;

/// Values of parameters, and the columns that the client was told, if it was.
type Bound<'a> = (Vec<ScalarValue>, Option<&'a SchemaRef>);

impl Session {
    /// Carries out a command. A copy is sent from here; other rows are in the response.
    pub(crate) async fn run<C>(
        &self,
        client: &mut C,
        command: &Command,
        (values, told): Bound<'_>,
        format: &(dyn Fn(usize) -> FieldFormat + Sync),
        stop: &Stop,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let done = |tag: &str| Ok(Response::Execution(Tag::new(tag)));
        match command {
            Command::Query(_) | Command::Catalog(_) | Command::Show(_) => {
                let rows = self.rows(command, values, stop).await?;
                if told.is_some_and(|told| !same_on_the_wire(told, &rows.schema)) {
                    return Err(changed());
                }
                self.response(client, rows, format, if matches!(command, Command::Show(_)) { "SHOW" } else { "SELECT" })
                    .await
            }
            Command::Copy(of, how) => {
                let rows = self.rows(of, values, stop).await?;
                self.copy_out(client, rows, how).await.map(|n| Response::Execution(Tag::new("COPY").with_rows(n)))
            }
            Command::Begin => Ok(Response::TransactionStart(Tag::new("BEGIN"))),
            Command::Commit => {
                let has_failed = matches!(client.transaction_status(), TransactionStatus::Error);
                self.cursors.lock().await.retain(|_, cursor| cursor.is_held() && !has_failed);
                Ok(Response::TransactionEnd(Tag::new(if has_failed { "ROLLBACK" } else { "COMMIT" })))
            }
            Command::Rollback => {
                self.cursors.lock().await.clear();
                Ok(Response::TransactionEnd(Tag::new("ROLLBACK")))
            }
            Command::Savepoint(tag) => done(tag),
            Command::Set(name, value) => {
                self.settings().set(name, value.as_deref())?;
                done("SET")
            }
            Command::SetTransaction => done("SET"),
            Command::ResetAll => {
                self.settings().reset();
                done("RESET")
            }
            Command::Declare(name, of, is_held) => {
                let rows = self.rows(of, values, stop).await?;
                self.declare(client, name, rows, *is_held).await?;
                done("DECLARE CURSOR")
            }
            Command::Fetch(name, wanted) => self.fetch(name, *wanted, format, stop).await,
            Command::CloseCursor(name) => {
                let mut cursors = self.cursors.lock().await;
                match name {
                    Some(name) => drop(cursors.remove(name).ok_or_else(|| no_cursor(name))?),
                    None => cursors.clear(),
                }
                done("CLOSE CURSOR")
            }
            Command::Deallocate(name) => {
                match name {
                    Some(name) => {
                        client.portal_store().rm_statement(name);
                        self.statements().forget(name);
                    }
                    None => self.deallocate_all(client),
                }
                done("DEALLOCATE")
            }
            Command::DiscardAll => {
                self.settings().reset();
                self.cursors.lock().await.clear();
                self.deallocate_all(client);
                done("DISCARD ALL")
            }
            Command::Unlisten => done("UNLISTEN"),
        }
    }

    /// Nothing that was prepared is kept.
    fn deallocate_all<C>(&self, client: &C)
    where
        C: ClientPortalStore,
        C::PortalStore: PortalStore,
    {
        let names = self.statements().take();
        for name in names {
            client.portal_store().rm_statement(&name);
        }
    }

    async fn response<C>(
        &self,
        client: &mut C,
        rows: Rows,
        format: &(dyn Fn(usize) -> FieldFormat + Sync),
        tag: &str,
    ) -> PgWireResult<Response>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        tell(client, rows.notice).await?;
        let fields = Arc::new(fields(&rows.schema, format));
        let data = data_rows(rows.batches, Arc::clone(&fields), self.settings().zone());
        let mut response = QueryResponse::new(fields, data);
        response.set_command_tag(tag);
        Ok(Response::Query(response))
    }

    async fn copy_out<C>(&self, client: &mut C, mut rows: Rows, how: &CopyFormat) -> PgWireResult<usize>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        tell(client, rows.notice.take()).await?;
        let zone = self.settings().zone();
        let n_columns = rows.schema.fields().len();
        let format = i16::from(how.is_binary());
        let begin = CopyOutResponse::new(
            i8::from(how.is_binary()),
            i16::try_from(n_columns).unwrap_or(i16::MAX),
            vec![format; n_columns],
        );
        client.feed(PgWireBackendMessage::CopyOutResponse(begin)).await?;
        // As PostgreSQL sends it: what comes before the rows is in one message with the first of them.
        let mut head = how.head(rows.schema.fields().iter().map(|field| field.name().as_str()));
        let mut n_rows = 0;
        while let Some(batch) = rows.batches.next().await {
            let batch = batch?;
            n_rows += batch.num_rows();
            for row in how.rows(&batch, zone)? {
                let bytes = joined(std::mem::take(&mut head), row);
                client.feed(PgWireBackendMessage::CopyData(CopyData::new(bytes))).await?;
            }
        }
        let tail = joined(head, how.tail());
        if !tail.is_empty() {
            client.feed(PgWireBackendMessage::CopyData(CopyData::new(tail))).await?;
        }
        client.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
        Ok(n_rows)
    }

    async fn declare<C>(&self, client: &mut C, name: &str, mut rows: Rows, is_held: bool) -> PgWireResult<()>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        tell(client, rows.notice.take()).await?;
        let mut cursors = self.cursors.lock().await;
        if cursors.contains_key(name) {
            return Err(error("42P03", format!("游标 {name} 已存在"), format!("cursor \"{name}\" already exists")));
        }
        if cursors.len() >= CURSORS_MAX {
            return Err(error(
                "53400",
                format!("一个连接至多打开 {CURSORS_MAX} 个游标"),
                format!("a connection has at most {CURSORS_MAX} cursors open"),
            ));
        }
        cursors.insert(name.to_owned(), Cursor::new(rows, is_held));
        Ok(())
    }

    async fn fetch(
        &self,
        name: &str,
        wanted: Wanted,
        format: &(dyn Fn(usize) -> FieldFormat + Sync),
        stop: &Stop,
    ) -> PgWireResult<Response> {
        let mut cursors = self.cursors.lock().await;
        let cursor = cursors.get_mut(name).ok_or_else(|| no_cursor(name))?;
        let schema = cursor.schema();
        let batches = stop.or(cursor.fetch(wanted)).await?;
        let fields = Arc::new(fields(&schema, format));
        let batches = futures::stream::iter(batches.into_iter().map(Ok::<_, PgWireError>));
        let data = data_rows(batches, Arc::clone(&fields), self.settings().zone());
        let mut response = QueryResponse::new(fields, data);
        response.set_command_tag("FETCH");
        Ok(Response::Query(response))
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() { second } else { [first, second].concat().into() }
}

async fn tell<C>(client: &mut C, notice: Option<ErrorInfo>) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    if let Some(notice) = notice {
        client.feed(PgWireBackendMessage::NoticeResponse(notice.into())).await?;
    }
    Ok(())
}

/// What the statement answers has changed since its client was told: policies or data have.
fn changed() -> PgWireError {
    error(
        "0A000",
        "语句的结果列已变化,请重新准备语句".to_owned(),
        "cached plan must not change result type: prepare the statement again".to_owned(),
    )
}
