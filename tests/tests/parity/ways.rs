//! The five ways, and what is the same on all of them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{FlightDescriptor, Ticket};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tests::http::Door;
use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::Served;
use super::binary::Decoded;
use super::forms::{Row, of_json, of_pg_text, pg_type, rows_of};

/// Status over REST, SQLSTATE, and status over gRPC of each code. What is not here fails.
const REFUSALS: &[(&str, (u16, &str, Code))] = &[
    ("DT-SQL-0001", (400, "42601", Code::InvalidArgument)),
    ("DT-SQL-0002", (400, "42601", Code::InvalidArgument)),
    ("DT-SQL-0003", (403, "42501", Code::PermissionDenied)),
    ("DT-SQL-0004", (404, "42P01", Code::NotFound)),
    ("DT-SQL-0005", (404, "42703", Code::NotFound)),
    ("DT-SQL-0006", (404, "42883", Code::NotFound)),
    ("DT-SQL-0007", (400, "42702", Code::InvalidArgument)),
    ("DT-SQL-0008", (403, "42501", Code::PermissionDenied)),
    ("DT-SQL-0009", (400, "42804", Code::InvalidArgument)),
    ("DT-SQL-0010", (400, "22000", Code::InvalidArgument)),
    ("DT-SQL-0011", (400, "22023", Code::InvalidArgument)),
    ("DT-POL-0001", (403, "42501", Code::PermissionDenied)),
    ("DT-POL-0002", (403, "42501", Code::PermissionDenied)),
    ("DT-POL-0003", (403, "42501", Code::PermissionDenied)),
    ("DT-POL-0006", (403, "42501", Code::PermissionDenied)),
    ("DT-LIM-0001", (422, "54000", Code::ResourceExhausted)),
    ("DT-LIM-0001 max_query_time", (422, "57014", Code::DeadlineExceeded)),
    ("DT-LIM-0004", (429, "53400", Code::ResourceExhausted)),
];

/// An answer: columns with their Arrow types, and rows in the written forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<(String, DataType)>,
    pub(crate) rows: Vec<Row>,
}

/// A refusal: the code with the limit of time if it is that, and the way's own status.
type Told<S> = (String, S);

/// What an Arrow stream tells that ends before its end.
const BROKEN_OFF: (&str, u16) = ("", 200);

/// One principal on every way.
pub(crate) struct Principal {
    name: String,
    rest: Door,
    /// Address and token of the same, for answers that break off.
    arrow: (reqwest::Client, String, String),
    pub(crate) pg: Client,
    pub(crate) flight: FlightSqlServiceClient<Channel>,
    _connection: JoinSet<()>,
}

impl Principal {
    pub(crate) async fn connect(served: &Served, name: &str, token: &str) -> Self {
        let (pg, connection) = pg_config(served, token).connect(NoTls).await.expect("a connection");
        let mut running = JoinSet::new();
        running.spawn(async move {
            let _ended = connection.await;
        });
        let rest = Door::new(&served.url, token);
        let arrow = (reqwest::Client::new(), format!("{}/api/v1/sql?format=arrow", served.url), token.to_owned());
        Self { name: name.to_owned(), rest, arrow, pg, flight: flight(served, token).await, _connection: running }
    }

    /// Asks on every way; gives the answer, or the code of the refusal.
    pub(crate) async fn same_everywhere(&self, sql: &str) -> Result<Answer, String> {
        let at = format!("{}: {sql}", self.name);
        let arrow = self.arrow(sql).await;
        match arrow {
            Ok(expected) => {
                let json = self.json(sql, &expected.columns).await.unwrap_or_else(|told| panic!("{at}: JSON {told:?}"));
                assert_same(&json, &expected, &format!("{at}: JSON"));
                let flight = self.over_flight(sql).await.unwrap_or_else(|told| panic!("{at}: Flight {told:?}"));
                assert_same(&flight, &expected, &format!("{at}: Flight"));
                let text = self.text(sql, &expected.columns).await.unwrap_or_else(|told| panic!("{at}: text {told:?}"));
                assert_same(&text, &expected, &format!("{at}: pg text"));
                let binary = self.binary(sql, &expected.columns).await;
                let binary = binary.unwrap_or_else(|told| panic!("{at}: binary {told:?}"));
                assert_same(&binary, &expected, &format!("{at}: pg binary"));
                Ok(expected)
            }
            Err(refused) => {
                let (code, status) = self.json(sql, &[]).await.expect_err(&at);
                let (http, sqlstate, grpc) = expected_of(&code, &at);
                assert_eq!(status, http, "{at}: JSON");
                // An Arrow stream that has begun cannot say why it breaks off.
                assert!(
                    (refused.0.as_str(), refused.1) == BROKEN_OFF || refused == (code.clone(), http),
                    "{at}: Arrow {refused:?}"
                );
                assert_eq!(self.over_flight(sql).await, Err((code.clone(), grpc)), "{at}: Flight");
                assert_eq!(self.text(sql, &[]).await, Err((code.clone(), sqlstate.to_owned())), "{at}: pg text");
                assert_eq!(self.binary(sql, &[]).await, Err((code.clone(), sqlstate.to_owned())), "{at}: pg binary");
                Err(code)
            }
        }
    }

    pub(crate) async fn arrow(&self, sql: &str) -> Result<Answer, Told<u16>> {
        let (client, url, token) = &self.arrow;
        let asked = client.post(url).bearer_auth(token).header("accept-language", "en").body(sql.to_owned());
        let answer = asked.header("content-type", "text/plain; charset=utf-8").send().await.expect("an answer");
        let status = answer.status().as_u16();
        let Ok(body) = answer.bytes().await else { return Err((BROKEN_OFF.0.to_owned(), BROKEN_OFF.1)) };
        if status != 200 {
            let problem: serde_json::Value = serde_json::from_slice(&body).expect("a problem");
            let text = format!("{}: {}", problem["code"].as_str().unwrap_or_default(), problem["detail"]);
            return Err((code_in(&text), status));
        }
        let reader = StreamReader::try_new(&*body, None).expect("an Arrow stream");
        let schema = reader.schema();
        Ok(of_batches(&schema, &reader.map(|batch| batch.expect("a batch")).collect::<Vec<_>>()))
    }

    async fn json(&self, sql: &str, columns: &[(String, DataType)]) -> Result<Answer, Told<u16>> {
        let answer = self.rest.sql(sql).await;
        let document = answer.json();
        let problem = if answer.status == 200 { document["error"].clone() } else { answer.problem() };
        if let Some(code) = problem["code"].as_str() {
            let status = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
            return Err((code_in(&format!("{code}: {}", problem["detail"])), status));
        }
        let told = document["columns"].as_array().expect("columns").iter().zip(columns).map(|(told, (_, expected))| {
            assert_eq!(told["type"], expected.to_string());
            (told["name"].as_str().expect("a name").to_owned(), expected.clone())
        });
        let told: Vec<(String, DataType)> = told.collect();
        assert_eq!(told.len(), document["columns"].as_array().map_or(0, Vec::len));
        let rows = document["rows"].as_array().expect("rows").iter();
        let rows = rows.map(|row| told.iter().map(|(name, of)| of_json(&row[name], of)).collect()).collect();
        Ok(Answer { columns: told, rows })
    }

    async fn over_flight(&self, sql: &str) -> Result<Answer, Told<Code>> {
        let told = |status: Status| (code_in(status.message()), status.code());
        let mut client = self.flight.clone();
        let (schema, batches) = flight_rows(&mut client, sql).await.map_err(told)?;
        Ok(of_batches(&schema, &batches))
    }

    async fn text(&self, sql: &str, columns: &[(String, DataType)]) -> Result<Answer, Told<String>> {
        let mut answer = Answer { columns: Vec::new(), rows: Vec::new() };
        for message in self.pg.simple_query(sql).await.map_err(|error| told(&error))? {
            match message {
                SimpleQueryMessage::RowDescription(described) => {
                    let names = described.iter().map(|column| column.name().to_owned());
                    answer.columns = names.zip(columns.iter().map(|(_, of)| of.clone())).collect();
                    assert_eq!(described.len(), columns.len());
                }
                SimpleQueryMessage::Row(row) => {
                    let cell =
                        |(at, (_, of)): (usize, &(String, DataType))| row.get(at).map(|text| of_pg_text(text, of));
                    answer.rows.push(columns.iter().enumerate().map(cell).collect());
                }
                _ => {}
            }
        }
        Ok(answer)
    }

    async fn binary(&self, sql: &str, columns: &[(String, DataType)]) -> Result<Answer, Told<String>> {
        let statement = self.pg.prepare(sql).await.map_err(|error| told(&error))?;
        let rows = self.pg.query(&statement, &[]).await.map_err(|error| told(&error))?;
        let described = statement.columns().iter().zip(columns).map(|(column, (_, of))| {
            assert_eq!(*column.type_(), pg_type(of), "{sql}: {}", column.name());
            (column.name().to_owned(), of.clone())
        });
        let described: Vec<(String, DataType)> = described.collect();
        assert_eq!(described.len(), statement.columns().len());
        let cell = |row: &tokio_postgres::Row, at| row.get::<_, Option<Decoded>>(at).map(|value| value.0);
        let rows = rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect();
        Ok(Answer { columns: described, rows })
    }
}

fn assert_same(found: &Answer, expected: &Answer, at: &str) {
    assert_eq!(found.columns, expected.columns, "{at}");
    assert_eq!(found.rows.len(), expected.rows.len(), "{at}");
    for (row, (found, expected)) in found.rows.iter().zip(&expected.rows).enumerate() {
        assert_eq!(found, expected, "{at}: row {row}");
    }
}

fn of_batches(schema: &SchemaRef, batches: &[RecordBatch]) -> Answer {
    let columns = schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect();
    Answer { columns, rows: rows_of(batches) }
}

/// The code that a text begins with; time that is over is told apart, since clients know it as something of its own.
fn code_in(text: &str) -> String {
    let code = text.split(':').next().unwrap_or_default().to_owned();
    if text.contains("`max_query_time`") { format!("{code} max_query_time") } else { code }
}

fn expected_of(code: &str, at: &str) -> (u16, &'static str, Code) {
    let found = REFUSALS.iter().find(|(declared, _)| *declared == code);
    found.unwrap_or_else(|| panic!("{at}: the code {code} is not declared")).1
}

/// Code and SQLSTATE; the English text is the detail.
fn told(error: &tokio_postgres::Error) -> Told<String> {
    let error = error.as_db_error().unwrap_or_else(|| panic!("no answer of the server: {error:?}"));
    (code_in(error.detail().unwrap_or_default()), error.code().code().to_owned())
}

/// A new connection for a token that is refused, and the calls of the other ways.
pub(crate) async fn refused_alike(served: &Served, token: &str, code: &str, (http, sqlstate, grpc): (u16, &str, Code)) {
    let refused = Door::new(&served.url, token).sql("SELECT 1").await;
    assert_eq!((refused.problem()["code"].as_str(), refused.status), (Some(code), http), "{code}");
    let error = pg_config(served, token).connect(NoTls).await.err().expect("no connection");
    assert_eq!(told(&error), (code.to_owned(), sqlstate.to_owned()));
    let status = flight_rows(&mut flight(served, token).await, "SELECT 1").await.expect_err("no rows");
    assert_eq!((code_in(status.message()).as_str(), status.code()), (code, grpc));
}

fn pg_config(served: &Served, token: &str) -> Config {
    let mut config = Config::new();
    config.host(&served.pg.0).port(served.pg.1).user("whoever").password(token).dbname("datong");
    config
}

async fn flight(served: &Served, token: &str) -> FlightSqlServiceClient<Channel> {
    let channel = Endpoint::from_shared(served.flight.clone()).unwrap().connect().await.expect("a connection");
    let mut client = FlightSqlServiceClient::new(channel);
    client.set_token(token.to_owned());
    client
}

/// The rows with the statuses as they came: the client of the library turns them into texts.
pub(crate) async fn flight_rows(
    client: &mut FlightSqlServiceClient<Channel>,
    sql: &str,
) -> Result<(SchemaRef, Vec<RecordBatch>), Status> {
    let bearer = format!("Bearer {}", client.token().expect("a token"));
    let with_token = |request: Request<FlightDescriptor>| {
        let mut request = request;
        request.metadata_mut().insert("authorization", bearer.parse().expect("a header"));
        request
    };
    let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let info = client.inner_mut().get_flight_info(with_token(Request::new(descriptor))).await?.into_inner();
    let told = Arc::new(info.clone().try_decode_schema().expect("a schema"));
    let ticket: Ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let mut request = Request::new(ticket);
    request.metadata_mut().insert("authorization", bearer.parse().expect("a header"));
    let data = client.inner_mut().do_get(request).await?.into_inner();
    let data = data.map_err(|status| FlightError::Tonic(Box::new(status)));
    let batches: Result<Vec<RecordBatch>, FlightError> =
        FlightRecordBatchStream::new_from_flight_data(data.boxed()).try_collect().await;
    match batches {
        Ok(batches) => {
            for batch in &batches {
                let types = |schema: &SchemaRef| {
                    schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>()
                };
                assert_eq!(types(&batch.schema()), types(&told), "{sql}: the rows are of the schema that was told");
            }
            Ok((told, batches))
        }
        Err(FlightError::Tonic(status)) => Err(*status),
        Err(other) => panic!("{sql}: {other}"),
    }
}
