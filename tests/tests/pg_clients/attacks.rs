//! The lines of the attack corpus that name this protocol. `attacks::places` counts on the names of these functions.

use std::time::{Duration, Instant};

use tests::datong::Demo;
use tests::http::Door;

use super::hostile::{Raw, states};
use super::{column, connect, refused, told};

pub(crate) async fn the_catalog_tells_what_its_reader_may_see(demo: &Demo) {
    let worker = connect(demo, "grid_worker").await;
    let names = column(&worker, "SELECT relname FROM pg_catalog.pg_class").await;
    let has = |name: &str| names.contains(&Some(name.to_owned()));
    assert!(has("person") && !has("resident") && !has("incident") && !has("hiv"), "{names:?}");
    let rows = column(&worker, "SELECT DISTINCT reltuples FROM pg_catalog.pg_class WHERE relname = 'person'").await;
    assert_eq!(rows, [Some("0".to_owned())], "no statistics");
    // There are no statistics of columns, whoever asks.
    let nothing = refused(&worker, "SELECT * FROM pg_catalog.pg_nothing").await;
    assert_eq!(refused(&worker, "SELECT * FROM pg_catalog.pg_stats").await, nothing);
    assert_eq!(column(&worker, "SELECT definition FROM pg_catalog.pg_views").await, []);
    let roles = column(&worker, "SELECT rolname FROM pg_catalog.pg_roles").await;
    assert_eq!(roles, column(&worker, "SELECT current_user").await, "the reader and nobody else");
}

pub(crate) async fn functions_of_the_catalog_tell_nothing_apart(demo: &Demo) {
    let worker = connect(demo, "grid_worker").await;
    for function in ["has_table_privilege('NAME', 'SELECT')", "pg_get_viewdef('NAME')", "obj_description('NAME')"] {
        let mut answers = Vec::new();
        for name in ["police.resident", "sensitive.hiv", "police.nothing"] {
            let sql = format!("SELECT {}", function.replace("NAME", name));
            let answer = worker.simple_query(&sql).await;
            answers.push(match answer {
                Ok(_) => column(&worker, &sql).await,
                Err(error) => vec![Some(told(&error).0)],
            });
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{function}: {answers:?}");
    }
    for name in ["police.resident", "police.nothing"] {
        let sql = format!("SELECT '{name}'::regclass::oid");
        let answer = worker.simple_query(&sql).await.map(|_| ()).map_err(|error| told(&error).0);
        let other = worker.simple_query("SELECT 'no.such'::regclass::oid").await.map(|_| ()).map_err(|e| told(&e).0);
        assert_eq!(answer, other, "{name}");
    }
}

pub(crate) async fn cursors_nobody_reads_keep_nobody_else_waiting(demo: &Demo) {
    let mut held = Vec::new();
    let mut n_refused = 0;
    for _ in 0..3 {
        let client = connect(demo, "grid_worker").await;
        client.batch_execute("BEGIN").await.unwrap();
        for name in ["a", "b"] {
            let sql = format!("DECLARE {name} CURSOR FOR SELECT * FROM unified.person a, unified.person b");
            if let Err(error) = client.batch_execute(&sql).await {
                assert_eq!(told(&error).0, "53300");
                n_refused += 1;
                break;
            }
        }
        held.push(client);
    }
    assert!(n_refused > 0, "one subject has so many places");
    let started = Instant::now();
    let police = connect(demo, "police_officer").await;
    assert_eq!(column(&police, "SELECT 1").await, [Some("1".to_owned())]);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    drop(held);
    let worker = connect(demo, "grid_worker").await;
    assert_eq!(column(&worker, "SELECT 1").await, [Some("1".to_owned())], "what was held is free again");
}

pub(crate) async fn masked_values_are_those_of_rest(demo: &Demo) {
    const SQL: &str = "SELECT id_no || '/' || coalesce(phone, '-') AS both FROM unified.person ORDER BY person_id";
    let rest = Door::new(demo.url(), demo.token("grid_worker")).rows(SQL).await;
    let worker = connect(demo, "grid_worker").await;
    let found = column(&worker, SQL).await;
    let expected: Vec<Option<String>> = rest.iter().map(|row| row["both"].as_str().map(str::to_owned)).collect();
    assert!(found.len() > 10);
    assert_eq!(found, expected);
}

pub(crate) async fn describing_tells_of_no_hidden_column(demo: &Demo) {
    let shown =
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'unified' AND table_name = 'person'";
    let (worker, police) = (connect(demo, "grid_worker").await, connect(demo, "police_officer").await);
    let (of_worker, of_police) = (column(&worker, shown).await, column(&police, shown).await);
    let hidden = of_police.iter().find(|name| !of_worker.contains(name)).cloned().flatten().expect("a hidden column");
    let described = |name: String| {
        let worker = &worker;
        async move {
            let error = worker.prepare(&format!("SELECT {name} FROM unified.person")).await.expect_err("hidden");
            let (state, text) = told(&error);
            (state, text.replace(&name, "NAME"))
        }
    };
    assert_eq!(described(hidden).await, described("no_such_column".to_owned()).await);
}

pub(crate) async fn a_second_statement_is_judged_like_the_first(demo: &Demo) {
    let worker = connect(demo, "grid_worker").await;
    for second in ["SELECT * FROM raw.person", "SELECT * FROM police.resident", "DROP TABLE unified.person"] {
        let answer = worker.simple_query(&format!("SELECT 1; {second}; SELECT 2")).await;
        let state = told(&answer.expect_err("the second statement is refused")).0;
        assert!(["42P01", "42501"].contains(&state.as_str()), "{second}: {state}");
    }
}

pub(crate) fn a_function_call_is_not_answered(demo: &Demo) {
    let mut raw = Raw::authenticated(demo, "grid_worker");
    // Function 1598 (random), no arguments, a text as the result.
    raw.message(b'F', &[0, 0, 6, 62, 0, 0, 0, 0, 0, 0]);
    raw.message(b'Q', b"SELECT 1\0");
    let answer = raw.until(b'Z');
    assert!(!answer.iter().any(|(kind, _)| *kind == b'V'), "{answer:?}");
    assert!(answer.is_empty() || !states(&answer).is_empty() || answer.iter().any(|(kind, _)| *kind == b'D'));
}

pub(crate) async fn nobody_cancels_for_somebody_else(demo: &Demo) {
    let police = connect(demo, "police_officer").await;
    let sql = "SELECT count(*) FROM unified.person a, unified.person b WHERE a.name < b.name";
    let guessing = async {
        for pid in 0..200_u32 {
            let mut raw = Raw::open(demo);
            raw.cancel(pid, 0);
        }
    };
    let (answer, ()) = tokio::join!(police.simple_query(sql), guessing);
    assert!(answer.is_ok(), "{answer:?}");
}
