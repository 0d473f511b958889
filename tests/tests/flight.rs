//! The Flight SQL door of a running demo, asked by a Flight SQL client.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    CommandGetDbSchemas, CommandGetExportedKeys, CommandGetPrimaryKeys, CommandGetTables,
    CommandStatementSubstraitPlan, ProstMessageExt, SqlInfo, SubstraitPlan,
};
use arrow_flight::{Action, FlightDescriptor, FlightInfo};
use futures::TryStreamExt;
use tests::datong::Demo;
use tests::http::Door;
use tonic::transport::{Channel, Endpoint};

type Client = FlightSqlServiceClient<Channel>;

/// The client turns a status into one of its own errors, text and all.
fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

async fn channel(demo: &Demo) -> Channel {
    let address = demo.file["flight"].as_str().expect("demo.json names the Flight SQL door").replace("grpc", "http");
    Endpoint::from_shared(address).unwrap().connect().await.unwrap()
}

async fn client(demo: &Demo, role: &str) -> Client {
    let mut client = FlightSqlServiceClient::new(channel(demo).await);
    client.set_token(demo.token(role).to_owned());
    client
}

async fn read(client: &mut Client, info: FlightInfo) -> Result<Vec<RecordBatch>, String> {
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let rows = client.do_get(ticket).await.map_err(told)?;
    rows.try_collect().await.map_err(told)
}

async fn rows(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, String> {
    let info = client.execute(sql.to_owned(), None).await.map_err(told)?;
    read(client, info).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_keeps_what_it_promises() {
    let demo = Demo::start(600, 7);
    an_answer_is_the_one_of_rest_and_tells_its_masks(&demo).await;
    only_a_valid_token_is_answered(&demo).await;
    parameters_are_bound(&demo).await;
    tickets_are_worth_nothing_to_others(&demo).await;
    nobody_is_told_of_what_they_may_not_see(&demo).await;
    what_is_not_a_query_is_refused(&demo).await;
    an_answer_under_way_can_be_cancelled(&demo).await;
}

async fn an_answer_is_the_one_of_rest_and_tells_its_masks(demo: &Demo) {
    const SQL: &str =
        "SELECT person_id, name, id_no AS number, birth_date FROM unified.person ORDER BY person_id LIMIT 50";
    let rest = Door::new(demo.url(), demo.token("grid_worker"));
    let body = rest.sql_in("?format=arrow", SQL).await.expect_status(200).body;
    let reader = arrow::ipc::reader::StreamReader::try_new(body.as_slice(), None).unwrap();
    let expected: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let mut client = client(demo, "grid_worker").await;
    let found = rows(&mut client, SQL).await.unwrap();
    let text = |batches: &[RecordBatch]| pretty_format_batches(batches).unwrap().to_string();
    assert_eq!(text(&found), text(&expected));
    let schema = found[0].schema();
    let masks = |name: &str| schema.field_with_name(name).unwrap().metadata().get("datong.mask").cloned();
    assert!(masks("number").is_some() && masks("name").is_some(), "{schema:?}");
    assert_eq!((masks("person_id"), masks("birth_date").is_some()), (None, masks("birth_date").is_some()));
    let origin = &schema.field_with_name("number").unwrap().metadata()["datong.origin"];
    assert_eq!(origin, "unified.person.id_no", "an alias is traced to what it is made of");
}

async fn only_a_valid_token_is_answered(demo: &Demo) {
    let mut nobody = FlightSqlServiceClient::new(channel(demo).await);
    assert!(rows(&mut nobody, "SELECT 1").await.unwrap_err().contains("token_missing"));
    nobody.set_token("a.b.c".to_owned());
    let refused = rows(&mut nobody, "SELECT 1").await.unwrap_err();
    assert!(refused.contains("token_") && !refused.contains("a.b.c"), "{refused}");
    assert!(nobody.get_catalogs().await.is_err(), "nor is anything about the catalog");
    let mut by_password = FlightSqlServiceClient::new(channel(demo).await);
    by_password.handshake("whoever", demo.token("grid_worker")).await.unwrap();
    assert_eq!(rows(&mut by_password, "SELECT 1").await.unwrap()[0].num_rows(), 1);
    let mut wrong = FlightSqlServiceClient::new(channel(demo).await);
    assert!(wrong.handshake("grid_worker", "secret").await.is_err());
}

async fn parameters_are_bound(demo: &Demo) {
    let mut client = client(demo, "police_officer").await;
    let all = rows(&mut client, "SELECT person_id FROM unified.person WHERE sex = '2'").await.unwrap();
    let n_all: usize = all.iter().map(RecordBatch::num_rows).sum();
    for sql in
        ["SELECT person_id FROM unified.person WHERE sex = ?", "SELECT person_id FROM unified.person WHERE sex = $1"]
    {
        let mut prepared = client.prepare(sql.to_owned(), None).await.unwrap();
        assert_eq!(prepared.parameter_schema().unwrap().fields().len(), 1);
        let values: [(&str, ArrayRef); 1] = [("1", Arc::new(StringArray::from(vec!["2"])))];
        prepared.set_parameters(RecordBatch::try_from_iter(values).unwrap()).unwrap();
        let info = prepared.execute().await.unwrap();
        let found = read(&mut client, info).await.unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), n_all, "{sql}");
        assert!(n_all > 100);
    }
    // On a masked column a value finds what a literal finds.
    let mut worker = self::client(demo, "grid_worker").await;
    let stored = rows(&mut worker, "SELECT id_no FROM unified.person WHERE id_no IS NOT NULL LIMIT 1").await.unwrap();
    let shown = stored[0].column(0).as_string_opt::<i32>().map(|column| column.value(0).to_owned());
    let shown = shown.unwrap_or_else(|| stored[0].column(0).as_string_view().value(0).to_owned());
    let literal = format!("SELECT person_id, id_no FROM unified.person WHERE id_no = '{shown}' ORDER BY 1");
    let by_literal = rows(&mut worker, &literal).await.unwrap();
    let sql = "SELECT person_id, id_no FROM unified.person WHERE id_no = ? ORDER BY 1";
    let mut prepared = worker.prepare(sql.to_owned(), None).await.unwrap();
    let values: [(&str, ArrayRef); 1] = [("1", Arc::new(StringArray::from(vec![shown])))];
    prepared.set_parameters(RecordBatch::try_from_iter(values).unwrap()).unwrap();
    let info = prepared.execute().await.unwrap();
    let by_value = read(&mut worker, info).await.unwrap();
    let text = |batches: &[RecordBatch]| pretty_format_batches(batches).unwrap().to_string();
    assert_eq!(text(&by_value), text(&by_literal));
    assert!(by_literal.iter().map(RecordBatch::num_rows).sum::<usize>() > 0);
    let unbound = client.execute("SELECT person_id FROM unified.person WHERE sex = ?".to_owned(), None).await;
    assert!(told(unbound.unwrap_err()).contains("prepared"));
}

async fn tickets_are_worth_nothing_to_others(demo: &Demo) {
    let (mut worker, mut police) = (client(demo, "grid_worker").await, client(demo, "police_officer").await);
    let info = police.execute("SELECT name FROM unified.person".to_owned(), None).await.unwrap();
    assert!(read(&mut police, info.clone()).await.is_ok());
    let refused = read(&mut worker, info).await.unwrap_err();
    assert!(refused.contains("not yours"), "{refused}");
    let mut prepared = police.prepare("SELECT name FROM unified.person".to_owned(), None).await.unwrap();
    let info = prepared.execute().await.unwrap();
    assert!(read(&mut worker, info).await.unwrap_err().contains("not yours"));
}

async fn nobody_is_told_of_what_they_may_not_see(demo: &Demo) {
    let mut worker = client(demo, "grid_worker").await;
    let command = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
    let info = worker.get_tables(command.clone()).await.unwrap();
    let listed = pretty_format_batches(&read(&mut worker, info).await.unwrap()).unwrap().to_string();
    assert!(listed.contains("person") && !listed.contains("police") && !listed.contains("sensitive"), "{listed}");
    let info = worker.get_db_schemas(CommandGetDbSchemas::default()).await.unwrap();
    let schemas = read(&mut worker, info).await.unwrap();
    assert!(!pretty_format_batches(&schemas).unwrap().to_string().contains("police"));
    let mut operator = client(demo, "operator").await;
    let info = operator.get_tables(command).await.unwrap();
    let listed = pretty_format_batches(&read(&mut operator, info).await.unwrap()).unwrap().to_string();
    assert!(!listed.contains("person"), "{listed}");
    let info = worker.get_sql_info(vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerReadOnly]).await.unwrap();
    assert_eq!(read(&mut worker, info).await.unwrap()[0].num_rows(), 2);
    let info = worker.get_xdbc_type_info(Default::default()).await.unwrap();
    assert!(read(&mut worker, info).await.unwrap()[0].num_rows() > 5);
    let info = worker.get_catalogs().await.unwrap();
    let catalogs = read(&mut worker, info).await.unwrap();
    assert_eq!(catalogs[0].column(0).as_string::<i32>().value(0), "datong");
}

async fn what_is_not_a_query_is_refused(demo: &Demo) {
    let mut client = client(demo, "grid_worker").await;
    for (sql, code) in [
        ("SELECT * FROM unified.nothing", "DT-SQL-0004"),
        ("SELECT * FROM police.resident", "DT-SQL-0004"),
        ("DROP TABLE unified.person", "DT-SQL-0003"),
        ("SET a = 1", "DT-SQL-0003"),
        ("COPY unified.person TO 'x'", "DT-SQL-0003"),
        ("SELECT 1; SELECT 2", "DT-SQL-0002"),
    ] {
        let refused = rows(&mut client, sql).await.unwrap_err();
        assert!(refused.contains(code), "{sql}: {refused}");
        assert!(client.prepare(sql.to_owned(), None).await.is_err(), "{sql}");
    }
    assert!(client.execute_update("DELETE FROM unified.person".to_owned(), None).await.is_err());
    assert!(client.begin_transaction().await.is_err());
    let keys = CommandGetPrimaryKeys { table: "resident".to_owned(), ..CommandGetPrimaryKeys::default() };
    assert!(client.get_primary_keys(keys).await.is_err());
    let keys = CommandGetExportedKeys { table: "resident".to_owned(), ..CommandGetExportedKeys::default() };
    assert!(client.get_exported_keys(keys).await.is_err());
    let plan = SubstraitPlan { plan: vec![1, 2, 3].into(), version: "0".to_owned() };
    let substrait = CommandStatementSubstraitPlan { plan: Some(plan), transaction_id: None };
    let substrait = FlightDescriptor::new_cmd(prost::Message::encode_to_vec(&substrait.as_any()));
    let bearer: tonic::metadata::MetadataValue<_> =
        format!("Bearer {}", demo.token("grid_worker")).parse().expect("a header");
    let mut request = tonic::Request::new(substrait);
    request.metadata_mut().insert("authorization", bearer.clone());
    assert!(client.inner_mut().get_flight_info(request).await.is_err());
    let mut exchange = tonic::Request::new(futures::stream::iter(Vec::<arrow_flight::FlightData>::new()));
    exchange.metadata_mut().insert("authorization", bearer);
    assert!(client.inner_mut().do_exchange(exchange).await.is_err());
    let action = Action { r#type: "LogicalPlan".to_owned(), body: vec![1, 2, 3].into() };
    assert!(client.do_action(action).await.is_err());
}

async fn an_answer_under_way_can_be_cancelled(demo: &Demo) {
    const LONG: &str = "SELECT count(*) FROM unified.person a, unified.person b, unified.person c, unified.person d \
                        WHERE a.name < b.name AND b.name < c.name AND c.name < d.name";
    let mut police = client(demo, "police_officer").await;
    let info = police.execute(LONG.to_owned(), None).await.unwrap();
    let mut reader = police.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn({
        let info = info.clone();
        async move { read(&mut reader, info).await }
    });
    let cancel = |info: FlightInfo| {
        let body = prost::Message::encode_to_vec(&arrow_flight::CancelFlightInfoRequest { info: Some(info) });
        Action { r#type: "CancelFlightInfo".to_owned(), body: body.into() }
    };
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut worker = client(demo, "grid_worker").await;
    let foreign = worker.do_action(cancel(info.clone())).await;
    assert!(foreign.is_err(), "only its holder cancels");
    police.do_action(cancel(info)).await.unwrap();
    assert!(tasks.join_next().await.unwrap().unwrap().unwrap_err().contains("cancelled"));
}
