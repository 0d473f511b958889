//! Queries, parameters, errors, cursors, transactions, settings.

use std::time::{Duration, Instant};

use tests::datong::Demo;
use tests::http::Door;
use tokio_postgres::NoTls;
use tokio_postgres::types::Type;

use super::{column, config, connect, refused, told};

pub(crate) async fn an_answer_is_the_one_of_rest_and_says_what_is_masked(demo: &Demo) {
    const SQL: &str = "SELECT person_id, name, id_no, birth_date FROM unified.person ORDER BY person_id LIMIT 50";
    let rest = Door::new(demo.url(), demo.token("grid_worker"));
    let csv = String::from_utf8(rest.sql_in("?format=csv", SQL).await.expect_status(200).body).unwrap();
    let client = connect(demo, "grid_worker").await;
    let rows = client.query(SQL, &[]).await.unwrap();
    let text = |row: &tokio_postgres::Row, idx: usize| row.get::<_, Option<String>>(idx).unwrap_or_default();
    let lines = rows.iter().map(|row| {
        let born: Option<chrono::NaiveDate> = row.get(3);
        let born = born.map(|born| born.to_string()).unwrap_or_default();
        format!("{},{},{},{born}", text(row, 0), text(row, 1), text(row, 2))
    });
    let lines: Vec<String> = lines.collect();
    assert!(lines.len() > 10);
    assert_eq!(lines, csv.lines().skip(1).collect::<Vec<_>>());
    let notice = client.notices.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(notice.contains("脱敏") && notice.contains("unified.person.id_no("), "{notice}");
}

pub(crate) async fn only_a_valid_token_opens_a_connection(demo: &Demo) {
    for password in ["", "nonsense", "a.b.c"] {
        let refused = config(demo, "grid_worker").password(password).connect(NoTls).await;
        let (state, text) = told(&refused.err().expect("no connection"));
        assert_eq!(state, "28P01", "{text}");
        assert!(!text.contains("nonsense"), "{text}");
    }
}

pub(crate) async fn parameters_have_types_and_take_the_place_of_literals(demo: &Demo) {
    let client = connect(demo, "police_officer").await;
    let statement =
        client.prepare("SELECT person_id, birth_date FROM unified.person WHERE birth_date < $1 AND sex = $2 LIMIT $3");
    let statement = statement.await.unwrap();
    assert_eq!(statement.params(), [Type::DATE, Type::TEXT, Type::INT8]);
    assert_eq!(statement.columns().iter().map(|c| c.type_().clone()).collect::<Vec<_>>(), [Type::TEXT, Type::DATE]);
    let before = chrono::NaiveDate::from_ymd_opt(1980, 1, 1).unwrap();
    let rows = client.query(&statement, &[&before, &"2", &5_i64]).await.unwrap();
    assert_eq!(rows.len(), 5);
    let literal = "SELECT count(*) FROM unified.person WHERE birth_date < DATE '1980-01-01' AND sex = '2'";
    let bound = "SELECT count(*) FROM unified.person WHERE birth_date < $1 AND sex = $2";
    let by_literal: i64 = client.query_one(literal, &[]).await.unwrap().get(0);
    let by_value: i64 = client.query_one(bound, &[&before, &"2"]).await.unwrap().get(0);
    assert!(by_literal > 5);
    assert_eq!(by_literal, by_value);
    let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let found = client.query("SELECT person_id FROM unified.person WHERE person_id = ANY($1)", &[&ids]).await.unwrap();
    assert_eq!(found.len(), 5);
    let injected = client.query(bound, &[&before, &"2' OR '1'='1"]).await.unwrap();
    assert_eq!(injected[0].get::<_, i64>(0), 0, "a value is a value");
}

pub(crate) async fn errors_have_the_states_that_clients_know(demo: &Demo) {
    let client = connect(demo, "grid_worker").await;
    let cases = [
        ("SELECT * FROM unified.nothing", "42P01"),
        ("SELECT nothing FROM unified.person", "42703"),
        ("SELEC 1", "42601"),
        ("SELECT nothing(1)", "42883"),
        ("DROP TABLE unified.person", "42501"),
        ("INSERT INTO unified.person VALUES (1)", "42501"),
        ("CREATE TABLE x (a int)", "42501"),
        ("COPY unified.person FROM STDIN", "42501"),
        ("COPY (SELECT 1) TO 'x.csv'", "42501"),
        ("EXPLAIN SELECT * FROM unified.person", "42501"),
        ("SET ROLE postgres", "42501"),
        ("SET SESSION AUTHORIZATION postgres", "42501"),
        ("SET datafusion.execution.batch_size = 1", "42704"),
        ("SHOW datafusion.execution.batch_size", "42704"),
        ("SET client_encoding = 'GBK'", "22023"),
        ("SET search_path = unified", "22023"),
        ("FETCH 1 FROM nothing", "34000"),
        ("SELECT * FROM police.incident", "42P01"),
        ("SELECT 1/0", "22000"),
    ];
    for (sql, state) in cases {
        assert_eq!(refused(&client, sql).await, state, "{sql}");
        let prepared = client.prepare(sql).await;
        let executed = match prepared {
            Ok(statement) => client.query(&statement, &[]).await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert_eq!(executed.map_err(|error| told(&error).0), Err(state.to_owned()), "prepared: {sql}");
    }
    let long = format!("SELECT '{}'", "x".repeat(100_000));
    assert_eq!(refused(&client, &long).await, "54000");
    assert_eq!(column(&client, "SELECT 1").await, [Some("1".to_owned())], "the connection lives on");
}

pub(crate) async fn a_statement_ends_when_it_is_cancelled_and_when_its_time_is_over(demo: &Demo) {
    // Every pair of persons of the town, three times over.
    const LONG: &str = "SELECT count(*) FROM unified.person a, unified.person b, unified.person c, unified.person d \
                        WHERE a.name < b.name AND b.name < c.name AND c.name < d.name";
    let client = connect(demo, "police_officer").await;
    let cancel = client.cancel_token();
    let started = Instant::now();
    let (answer, cancelled) = tokio::join!(client.simple_query(LONG), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel_query(NoTls).await
    });
    cancelled.unwrap();
    assert_eq!(told(&answer.expect_err("it was cancelled")).0, "57014");
    client.batch_execute("SET statement_timeout = '700ms'").await.unwrap();
    let (state, text) = told(&client.simple_query(LONG).await.expect_err("it takes longer"));
    assert!(state == "57014" && text.contains("statement timeout"), "{state} {text}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    client.batch_execute("RESET statement_timeout").await.unwrap();
    assert_eq!(column(&client, "SELECT 2").await, [Some("2".to_owned())]);
}

pub(crate) async fn cursors_give_each_row_once(demo: &Demo) {
    let client = connect(demo, "police_officer").await;
    let whole = column(&client, "SELECT person_id FROM unified.person ORDER BY 1").await;
    client.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT person_id FROM unified.person ORDER BY 1").await.unwrap();
    let mut fetched = Vec::new();
    loop {
        let part = column(&client, "FETCH 97 FROM c").await;
        let is_last = part.len() < 97;
        fetched.extend(part);
        if is_last {
            break;
        }
    }
    assert!(fetched.len() > 400);
    assert_eq!(fetched, whole);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(refused(&client, "FETCH 1 FROM c").await, "34000", "a cursor ends with its transaction");
}

pub(crate) async fn a_failed_transaction_takes_nothing_but_its_end(demo: &Demo) {
    let client = connect(demo, "grid_worker").await;
    client.batch_execute("BEGIN").await.unwrap();
    assert_eq!(refused(&client, "SELECT * FROM unified.nothing").await, "42P01");
    assert_eq!(refused(&client, "SELECT 1").await, "25P02");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(column(&client, "SELECT 1").await, [Some("1".to_owned())]);
    // What came before a failing statement of one text has been answered.
    let sql = "SELECT 7; SELECT * FROM unified.nothing; SELECT 8";
    assert_eq!(refused(&client, sql).await, "42P01");
}

pub(crate) async fn more_statements_in_one_text_than_there_are_places_are_answered_in_turn(demo: &Demo) {
    let client = connect(demo, "grid_worker").await;
    let text = vec!["SELECT count(*) FROM unified.person"; 20].join(";");
    assert_eq!(column(&client, &text).await.len(), 20);
}

pub(crate) async fn moments_are_shown_in_the_zone_of_the_session(demo: &Demo) {
    let client = connect(demo, "police_officer").await;
    const SQL: &str = "SELECT to_timestamp_micros(0) AT TIME ZONE 'UTC'";
    let _zoneless = column(&client, SQL).await;
    let moment = "SELECT arrow_cast('1970-01-01T00:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))')";
    assert_eq!(column(&client, moment).await, [Some("1970-01-01 08:00:00+08".to_owned())]);
    client.batch_execute("SET TIME ZONE 'UTC'").await.unwrap();
    assert_eq!(column(&client, moment).await, [Some("1970-01-01 00:00:00+00".to_owned())]);
}
