//! Whole queries over a small fixture, through the one function adapters call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use futures::StreamExt;
use policies::{PolicySet, Principal};
use schemas::{Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

use crate::*;

mod describing;
mod earlier;
mod lifts;
mod spilling;

const POLICY: &str = r#"
[role.grid_worker]
zh = "网格员"
en = "grid worker"
attributes = ["grids"]

[[rule]]
role = "grid_worker"
relations = ["unified.person"]
zh = "本网格"
en = "own grids"
legal_basis = "test"
rows = { column = "grid_id", in = "grids" }
columns = { person_id = "clear", grid_id = "clear", risk = "clear", phone = { mask = "keep_first_last", first = 3, last = 4, length = 11 } }
"#;

fn relation() -> Relation {
    let column = |name: &str, field_type| Column {
        name: ColumnName::try_from(name).unwrap(),
        zh: name.to_owned(),
        en: name.to_owned(),
        field_type,
        class: Sensitivity::P,
        ident: Identifiability::Attribute,
        authority: Vec::new(),
        code_list: None,
    };
    Relation {
        name: RelationName::try_from("unified.person").unwrap(),
        zh: "人".to_owned(),
        en: "person".to_owned(),
        key: ColumnName::try_from("person_id").unwrap(),
        columns: vec![
            column("person_id", FieldType::Text),
            column("grid_id", FieldType::Text),
            column("phone", FieldType::Phone),
            column("risk", FieldType::Integer),
            column("secret", FieldType::Text),
        ],
    }
}

fn data() -> PublishedData {
    let relation = relation();
    let text = |values: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let columns: Vec<ArrayRef> = vec![
        text(["P1", "P2", "P3", "P4"]),
        text(["G1", "G1", "G2", "G2"]),
        text(["13800000001", "bad", "13800000003", "13800000004"]),
        Arc::new(Int64Array::from(vec![1, 2, 0, 3])),
        text(["s1", "s2", "s3", "s4"]),
    ];
    let batch = RecordBatch::try_new(relation.arrow_schema(), columns).unwrap();
    let provider = Arc::new(MemTable::try_new(relation.arrow_schema(), vec![vec![batch]]).unwrap());
    let tables = BTreeMap::from([(relation.name.clone(), PublishedTable { relation, provider })]);
    PublishedData { version: 7, tables, ..PublishedData::default() }
}

fn worker(grids: &[&str]) -> Principal {
    let mut attributes = BTreeMap::new();
    if !grids.is_empty() {
        attributes.insert("grids".to_owned(), grids.iter().map(|grid| (*grid).to_owned()).collect());
    }
    Principal { subject: "li".to_owned(), role: "grid_worker".to_owned(), attributes, purpose: None }
}

/// Keeps what was recorded; can be told to fail.
#[derive(Debug, Default)]
struct Memory {
    fails: bool,
    opened: Mutex<Vec<AccessRecord>>,
    closed: Arc<Mutex<Vec<AccessOutcome>>>,
}

#[derive(Debug)]
struct OpenMemory(Arc<Mutex<Vec<AccessOutcome>>>);

#[async_trait]
impl Recorder for Memory {
    async fn open(&self, record: AccessRecord) -> Result<Box<dyn OpenRecord>, RecorderError> {
        if self.fails {
            return Err(RecorderError);
        }
        self.opened.lock().unwrap().push(record);
        Ok(Box::new(OpenMemory(Arc::clone(&self.closed))))
    }
}

#[async_trait]
impl OpenRecord for OpenMemory {
    async fn close(self: Box<Self>, outcome: AccessOutcome) -> Result<(), RecorderError> {
        self.0.lock().unwrap().push(outcome);
        Ok(())
    }
}

fn gateway_with(recorder: Arc<Memory>, limits: Limits) -> Gateway {
    let policies = PolicySet::parse("test.toml", POLICY, &[relation()]).unwrap();
    let config = GatewayConfig {
        limits,
        cpu_threads: 2,
        token_key: TokenKey::new([1; 32]),
        today: Some(20_000),
        spill_folder: None,
    };
    Gateway::start(config, policies, recorder).unwrap()
}

fn gateway() -> Gateway {
    let gateway = gateway_with(Arc::default(), Limits::default());
    gateway.publish(data());
    gateway
}

fn request(principal: Principal, sql: &str) -> QueryRequest {
    QueryRequest {
        principal,
        sql: sql.to_owned(),
        request_id: "r1".to_owned(),
        protocol: "rest",
        kind: "query",
        client: None,
        token_id: None,
        parameters: Vec::new(),
        as_of: None,
    }
}

async fn rows_of(mut stream: ReleasedStream) -> Result<Vec<RecordBatch>, QueryError> {
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch?);
    }
    Ok(batches)
}

async fn ask(gateway: &Gateway, principal: Principal, sql: &str) -> Result<String, QueryError> {
    let batches = rows_of(gateway.query(request(principal, sql)).await?).await?;
    Ok(pretty_format_batches(&batches).unwrap().to_string())
}

#[tokio::test]
async fn rows_and_columns_are_those_of_the_grant() {
    let shown = ask(&gateway(), worker(&["G1"]), "SELECT * FROM unified.person ORDER BY person_id").await.unwrap();
    assert_eq!(
        shown,
        "+-----------+---------+-------------+------+\n\
         | person_id | grid_id | phone       | risk |\n\
         +-----------+---------+-------------+------+\n\
         | P1        | G1      | 138****0001 | 1    |\n\
         | P2        | G1      | ***         | 2    |\n\
         +-----------+---------+-------------+------+"
    );
}

#[tokio::test]
async fn without_the_attribute_there_are_no_rows() {
    let shown = ask(&gateway(), worker(&[]), "SELECT count(*) AS n FROM unified.person").await.unwrap();
    assert!(shown.contains("| 0 |"), "{shown}");
}

#[tokio::test]
async fn predicates_see_the_masked_value() {
    let gateway = gateway();
    let count = |condition: &str| format!("SELECT count(*) AS n FROM unified.person WHERE {condition}");
    let raw = ask(&gateway, worker(&["G1"]), &count("phone = '13800000001'")).await.unwrap();
    assert!(raw.contains("| 0 |"), "{raw}");
    let masked = ask(&gateway, worker(&["G1"]), &count("phone = '138****0001'")).await.unwrap();
    assert!(masked.contains("| 1 |"), "{masked}");
}

#[tokio::test]
async fn an_error_on_a_hidden_row_never_happens() {
    let gateway = gateway();
    let answered = ask(&gateway, worker(&["G1"]), "SELECT person_id FROM unified.person WHERE 10 / risk > 0").await;
    assert!(answered.is_ok(), "{answered:?}");
    let own = ask(&gateway, worker(&["G2"]), "SELECT person_id FROM unified.person WHERE 10 / risk > 0").await;
    assert_eq!(own, Err(QueryError::EvaluationFailed));
}

#[tokio::test]
async fn hidden_and_missing_names_answer_alike() {
    let gateway = gateway();
    for (hidden, missing) in [
        ("SELECT secret FROM unified.person", "SELECT nosuch FROM unified.person"),
        ("SELECT * FROM health.visit", "SELECT * FROM nosuch.visit"),
        ("SELECT * FROM unified.secret", "SELECT * FROM unified.nosuch"),
    ] {
        let hidden = ask(&gateway, worker(&["G1"]), hidden).await.unwrap_err();
        let missing = ask(&gateway, worker(&["G1"]), missing).await.unwrap_err();
        assert_eq!(hidden.code(), missing.code());
        let shape =
            |error: &QueryError| error.to_string().replace("secret", "x").replace("nosuch", "x").replace("health", "x");
        assert_eq!(shape(&hidden), shape(&missing));
    }
}

#[tokio::test]
async fn nothing_is_answered_while_the_audit_log_cannot_be_written() {
    let gateway = gateway_with(Arc::new(Memory { fails: true, ..Memory::default() }), Limits::default());
    gateway.publish(data());
    for sql in ["SELECT person_id FROM unified.person", "SELECT nosuch FROM unified.person"] {
        assert_eq!(ask(&gateway, worker(&["G1"]), sql).await, Err(QueryError::AuditUnavailable));
    }
}

#[tokio::test]
async fn every_request_is_recorded_before_its_rows_and_closed_with_its_count() {
    let recorder = Arc::new(Memory::default());
    let gateway = gateway_with(Arc::clone(&recorder), Limits::default());
    gateway.publish(data());
    let stream = gateway.query(request(worker(&["G1"]), "SELECT phone FROM unified.person")).await.unwrap();
    {
        let opened = recorder.opened.lock().unwrap();
        assert_eq!(opened[0].columns, ["unified.person.phone"]);
        assert_eq!(opened[0].masked[0].mask, "keep_first_last");
        assert_eq!((opened[0].data_version, opened[0].denied), (7, None));
        assert!(recorder.closed.lock().unwrap().is_empty());
    }
    rows_of(stream).await.unwrap();
    assert_eq!(recorder.closed.lock().unwrap()[0].rows, 2);
    let refused = ask(&gateway, worker(&["G1"]), "DROP TABLE unified.person").await.unwrap_err();
    assert_eq!(recorder.opened.lock().unwrap()[1].denied, Some(refused.code()));
    assert_eq!(recorder.closed.lock().unwrap()[1].error_code, Some(refused.code()));
}

#[tokio::test]
async fn limits_are_named_in_their_errors() {
    let limited = |limits: Limits| {
        let gateway = gateway_with(Arc::default(), limits);
        gateway.publish(data());
        gateway
    };
    let limit_of = |answer: Result<String, QueryError>| match answer {
        Err(QueryError::LimitReached { limit, .. }) => limit,
        other => panic!("{other:?}"),
    };
    let rows = limited(Limits { max_rows: 1, ..Limits::default() });
    assert_eq!(limit_of(ask(&rows, worker(&["G1"]), "SELECT * FROM unified.person").await), "max_rows");
    let joins = limited(Limits { max_joins: 0, ..Limits::default() });
    let join = "SELECT a.person_id FROM unified.person a JOIN unified.person b USING (person_id)";
    assert_eq!(limit_of(ask(&joins, worker(&["G1"]), join).await), "max_joins");
    let list = limited(Limits { max_in_list_items: 3, ..Limits::default() });
    let items = "SELECT person_id FROM unified.person WHERE risk IN (11, 12, 13, 14)";
    assert_eq!(limit_of(ask(&list, worker(&["G1"]), items).await), "max_in_list_items");
    let time = limited(Limits { max_query_time: Duration::from_millis(300), ..Limits::default() });
    let long =
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 100000000) SELECT max(n) FROM r";
    assert_eq!(limit_of(ask(&time, worker(&["G1"]), long).await), "max_query_time");
}

#[tokio::test]
async fn too_many_queries_at_once_are_told_so() {
    let limits = Limits { max_concurrent_queries: 1, max_queue_time: Duration::from_millis(50), ..Limits::default() };
    let gateway = gateway_with(Arc::default(), limits);
    gateway.publish(data());
    let sql = "SELECT person_id FROM unified.person";
    let long =
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 100000000) SELECT max(n) FROM r";
    let held = gateway.query(request(worker(&["G1"]), long)).await.unwrap();
    assert_eq!(
        ask(&gateway, worker(&["G1"]), sql).await,
        Err(QueryError::Busy { limit: "max_concurrent_queries", allowed: 1 })
    );
    drop(held);
    assert!(ask(&gateway, worker(&["G1"]), sql).await.is_ok());
}

#[tokio::test]
async fn metadata_shows_the_principals_objects_only() {
    let gateway = gateway();
    let sql = "SELECT column_name FROM information_schema.columns ORDER BY ordinal_position";
    let columns = ask(&gateway, worker(&["G1"]), sql).await.unwrap();
    assert!(columns.contains("phone") && !columns.contains("secret"), "{columns}");
    let nobody = Principal { role: "nobody".to_owned(), ..worker(&[]) };
    let tables = ask(&gateway, nobody, "SELECT count(*) AS n FROM information_schema.tables").await.unwrap();
    assert!(tables.contains("| 0 |"), "{tables}");
}

#[tokio::test]
async fn before_the_first_publication_nothing_is_answered() {
    let gateway = gateway_with(Arc::default(), Limits::default());
    assert_eq!(ask(&gateway, worker(&["G1"]), "SELECT 1").await, Err(QueryError::NoData));
}

#[tokio::test]
async fn only_allowed_functions_exist() {
    let gateway = gateway();
    for sql in ["SELECT input_file_name()", "SELECT repeat('x', 1000000000)", "SELECT random()", "SELECT nosuch(1)"] {
        let error = ask(&gateway, worker(&["G1"]), sql).await.unwrap_err();
        assert_eq!(error.code(), "DT-SQL-0006", "{sql}: {error}");
    }
    let series = ask(&gateway, worker(&["G1"]), "SELECT * FROM generate_series(1, 1000000000)").await.unwrap_err();
    assert_eq!(series.code(), "DT-SQL-0004", "{series}");
}

#[tokio::test]
async fn the_clock_functions_have_a_moment() {
    let sql = "SELECT count(*) AS n FROM unified.person WHERE now() > TIMESTAMP '2020-01-01' AND current_date > DATE '2020-01-01'";
    let shown = ask(&gateway(), worker(&["G1"]), sql).await.unwrap();
    assert!(shown.contains("| 2 |"), "{shown}");
}
