//! The calls of Flight SQL.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    Any, Command, CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandStatementQuery, DoPutPreparedStatementResult,
    ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor, FlightEndpoint,
    FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage, SchemaAsIpc, Ticket,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use query::{QueryRequest, VisibleRelation};
use tonic::{Request, Response, Status, Streaming};

use crate::answer::{FlightStream, of_batch, streamed, with_masks};
use crate::caller::{Caller, Presented, authorized, caller, presented, token_of_handshake};
use crate::errors::{malformed, not_offered, of_auth, of_query};
use crate::handle::Handle;
use crate::metadata::{SQL_INFO, TYPES, catalogs, schemas, table_types, tables};
use crate::placeholders::numbered;
use crate::server::Door;

/// Rows of parameters are few: one.
const PARAMETER_BATCHES_MAX: usize = 4;

/// The calls, over a door.
#[derive(Clone)]
pub(crate) struct Service(pub(crate) Arc<Door>);

type Answered = Result<Response<FlightStream>, Status>;
type Informed = Result<Response<FlightInfo>, Status>;

impl Service {
    async fn caller(&self, presented: Presented) -> Result<Caller, Status> {
        caller(presented, &self.0.authenticator).await
    }

    fn request(&self, caller: Caller, handle: &Handle) -> Result<QueryRequest, Status> {
        Ok(QueryRequest {
            principal: caller.principal,
            sql: handle.sql.clone(),
            parameters: handle.values()?,
            request_id: self.0.request_id(),
            protocol: "flightsql",
            kind: "query",
            client: caller.address,
            token_id: caller.token_id,
            as_of: None,
        })
    }

    /// Columns and types of placeholders of a statement.
    async fn describe(&self, caller: Caller, handle: &Handle) -> Result<query::Described, Status> {
        let values = handle.values()?;
        let types = values.iter().map(|value| Some(value.data_type())).collect();
        let request = self.request(caller, handle)?;
        let mut described = self.0.gateway.describe(request, types).await.map_err(|error| of_query(&error))?;
        let fields = with_masks(&described.schema, |idx| described.masks_of_column(idx).collect());
        described.schema = Arc::new(Schema::new(fields));
        Ok(described)
    }

    async fn answer(&self, caller: Caller, handle: &Handle, ticket: Bytes) -> Answered {
        let request = self.request(caller, handle)?;
        let answer = self.0.answers.begin(ticket);
        let rows = tokio::select! {
            biased;
            () = answer.cancelled.cancelled() => return Err(Status::cancelled("cancelled by its caller / 已按请求取消")),
            rows = self.0.gateway.query(request) => rows.map_err(|error| of_query(&error))?,
        };
        Ok(Response::new(streamed(rows, answer)))
    }

    async fn visible(&self, presented: Presented) -> Result<Vec<VisibleRelation>, Status> {
        let caller = self.caller(presented).await?;
        self.0.gateway.visible_relations(&caller.principal).map_err(|error| of_query(&error))
    }
}

fn info(schema: &Schema, ticket: impl ProstMessageExt, descriptor: FlightDescriptor) -> Informed {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket: ticket.as_any().encode_to_vec().into() });
    let info = FlightInfo::new().try_with_schema(schema).map_err(|_| malformed("the schema"))?;
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor)))
}

fn of_command(batch: Result<RecordBatch, FlightError>) -> Answered {
    of_batch(batch).map(Response::new)
}

fn loaded<T>(data: &'static Result<T, String>) -> Result<&'static T, Status> {
    data.as_ref().map_err(|_| Status::internal("metadata cannot be built / 元数据不可用"))
}

fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let message: IpcMessage =
        SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into().map_err(|_| malformed("the schema"))?;
    Ok(message.0)
}

/// The schema of parameters: `$1`, `$2`, ….
fn parameter_schema(types: &[DataType]) -> Schema {
    let field = |(idx, data_type): (usize, &DataType)| Field::new(format!("${}", idx + 1), data_type.clone(), true);
    Schema::new(types.iter().enumerate().map(field).collect::<Vec<_>>())
}

type HandshakeStream = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<HandshakeStream>, Status> {
        let token = token_of_handshake(request.metadata()).ok_or_else(|| of_auth(&auth::AuthError::Missing))?;
        authorized(&token, &self.0.authenticator).await?;
        let greeting = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let mut response: Response<HandshakeStream> = Response::new(futures::stream::iter([Ok(greeting)]).boxed());
        let bearer = format!("Bearer {token}").parse().map_err(|_| malformed("the token"))?;
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        command: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Informed {
        let caller = self.caller(presented(&request)).await?;
        let handle = Handle::new(numbered(command.query));
        let sealed = self.0.key.seal(&handle, &caller.principal);
        let described = self.describe(caller, &handle).await?;
        if !described.parameters.is_empty() {
            return Err(Status::invalid_argument(
                "a statement with placeholders has to be prepared / 含参数的语句须先预备",
            ));
        }
        info(&described.schema, TicketStatementQuery { statement_handle: sealed }, request.into_inner())
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Answered {
        let caller = self.caller(presented(&request)).await?;
        let handle = self.0.key.open(&ticket.statement_handle, &caller.principal)?;
        self.answer(caller, &handle, request.into_inner().ticket).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        command: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let caller = self.caller(presented(&request)).await?;
        let handle = Handle::new(numbered(command.query));
        let sealed = self.0.key.seal(&handle, &caller.principal);
        let described = self.describe(caller, &handle).await?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: sealed,
            dataset_schema: schema_bytes(&described.schema)?,
            parameter_schema: schema_bytes(&parameter_schema(&described.parameters))?,
        })
    }

    /// Nothing is kept of a prepared statement.
    async fn do_action_close_prepared_statement(
        &self,
        _command: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        self.caller(presented(&request)).await.map(drop)
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let caller = self.caller(presented(&request)).await?;
        let handle = self.0.key.open(&command.prepared_statement_handle, &caller.principal)?;
        let data = request.into_inner().map_err(|status| FlightError::Tonic(Box::new(status)));
        let batches = FlightRecordBatchStream::new_from_flight_data(data).take(PARAMETER_BATCHES_MAX);
        let batches: Vec<RecordBatch> = batches.try_collect().await.map_err(|_| malformed("the parameters"))?;
        let rows: Vec<RecordBatch> = batches.into_iter().filter(|batch| batch.num_rows() > 0).collect();
        let bound = match rows.as_slice() {
            [] => Handle::new(handle.sql),
            [row] => handle.bind(row)?,
            _ => return Err(Status::invalid_argument("parameters are bound one row at a time / 一次绑定一行参数")),
        };
        let sealed = self.0.key.seal(&bound, &caller.principal);
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(sealed) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Informed {
        let caller = self.caller(presented(&request)).await?;
        let handle = self.0.key.open(&command.prepared_statement_handle, &caller.principal)?;
        let described = self.describe(caller, &handle).await?;
        info(&described.schema, command, request.into_inner())
    }

    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Answered {
        let caller = self.caller(presented(&request)).await?;
        let handle = self.0.key.open(&command.prepared_statement_handle, &caller.principal)?;
        self.answer(caller, &handle, request.into_inner().ticket).await
    }

    async fn get_flight_info_catalogs(
        &self,
        command: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Informed {
        self.caller(presented(&request)).await?;
        info(&command.into_builder().schema(), command, request.into_inner())
    }

    async fn do_get_catalogs(&self, command: CommandGetCatalogs, request: Request<Ticket>) -> Answered {
        self.caller(presented(&request)).await?;
        of_command(catalogs(command))
    }

    async fn get_flight_info_schemas(
        &self,
        command: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Informed {
        self.caller(presented(&request)).await?;
        info(&command.clone().into_builder().schema(), command, request.into_inner())
    }

    async fn do_get_schemas(&self, command: CommandGetDbSchemas, request: Request<Ticket>) -> Answered {
        of_command(schemas(command, &self.visible(presented(&request)).await?))
    }

    async fn get_flight_info_tables(&self, command: CommandGetTables, request: Request<FlightDescriptor>) -> Informed {
        self.caller(presented(&request)).await?;
        info(&command.clone().into_builder().schema(), command, request.into_inner())
    }

    async fn do_get_tables(&self, command: CommandGetTables, request: Request<Ticket>) -> Answered {
        of_command(tables(command, &self.visible(presented(&request)).await?))
    }

    async fn get_flight_info_table_types(
        &self,
        command: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Informed {
        self.caller(presented(&request)).await?;
        info(&command.into_builder().schema(), command, request.into_inner())
    }

    async fn do_get_table_types(&self, command: CommandGetTableTypes, request: Request<Ticket>) -> Answered {
        self.caller(presented(&request)).await?;
        of_command(table_types(command))
    }

    async fn get_flight_info_sql_info(
        &self,
        command: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Informed {
        self.caller(presented(&request)).await?;
        info(&loaded(&SQL_INFO)?.schema(), command, request.into_inner())
    }

    async fn do_get_sql_info(&self, command: CommandGetSqlInfo, request: Request<Ticket>) -> Answered {
        self.caller(presented(&request)).await?;
        of_command(command.into_builder(loaded(&SQL_INFO)?).build())
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Informed {
        self.caller(presented(&request)).await?;
        info(&loaded(&TYPES)?.schema(), command, request.into_inner())
    }

    async fn do_get_xdbc_type_info(&self, command: CommandGetXdbcTypeInfo, request: Request<Ticket>) -> Answered {
        self.caller(presented(&request)).await?;
        of_command(command.into_builder(loaded(&TYPES)?).build())
    }

    /// `CancelFlightInfo`, and nothing else.
    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        let caller = self.caller(presented(&request)).await?;
        let action = request.into_inner();
        if action.r#type != "CancelFlightInfo" {
            return Err(not_offered("this action"));
        }
        let cancel = CancelFlightInfoRequest::decode(action.body.as_ref()).map_err(|_| malformed("the request"))?;
        let mut status = CancelStatus::NotCancellable;
        for ticket in cancel.info.into_iter().flat_map(|info| info.endpoint).filter_map(|endpoint| endpoint.ticket) {
            self.0.key.open(&handle_in(&ticket)?, &caller.principal)?;
            if self.0.answers.cancel(&ticket.ticket) {
                status = CancelStatus::Cancelled;
            }
        }
        let result = CancelFlightInfoResult { status: status.into() };
        let result = arrow_flight::Result { body: result.encode_to_vec().into() };
        Ok(Response::new(futures::stream::iter([Ok(result)]).boxed()))
    }

    async fn register_sql_info(&self, _id: i32, _info: &SqlInfo) {}
}

/// The handle within a ticket.
fn handle_in(ticket: &Ticket) -> Result<Bytes, Status> {
    let any = Any::decode(ticket.ticket.as_ref()).map_err(|_| malformed("the ticket"))?;
    match Command::try_from(any) {
        Ok(Command::TicketStatementQuery(ticket)) => Ok(ticket.statement_handle),
        Ok(Command::CommandPreparedStatementQuery(command)) => Ok(command.prepared_statement_handle),
        _ => Err(malformed("the ticket")),
    }
}
