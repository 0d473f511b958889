//! What leaves the process as bytes: no text of a hidden row or of a masked value in any format, and the same bytes in both
//! worlds, whatever layout the stored arrays have.

use policies::Principal;
use tests::attacks::door::Door;
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::grid_worker;
use tests::attacks::rows::{Rows, Side};
use tests::attacks::secrets::Secrets;
use tests::attacks::tables::Storage;
use tests::attacks::world::{Loading, World};

const FORMATS: [&str; 5] = ["json", "ndjson", "csv", "arrow", "parquet"];

const STATEMENTS: [&str; 12] = [
    "SELECT * FROM unified.person",
    "SELECT * FROM unified.house",
    "SELECT * FROM unified.event",
    "SELECT residence_address FROM unified.person WHERE person_id = 'P0003'",
    "SELECT residence_address FROM unified.person LIMIT 1",
    "SELECT id_number, phone FROM unified.person ORDER BY person_id LIMIT 2",
    "SELECT DISTINCT grid_id FROM unified.person",
    "SELECT grid_id, min(residence_address), array_agg(phone) FROM unified.person GROUP BY grid_id",
    "SELECT e.description, p.residence_address FROM unified.event e LEFT JOIN unified.person p USING (person_id)",
    "SELECT residence_address FROM unified.person WHERE grid_id = 'G0202'",
    "SELECT struct(residence_address, phone), make_array(name, residence_address) FROM unified.person",
    "SELECT nosuch FROM unified.person",
];

async fn check(loading: Loading<'_>) {
    let (a, b) = (World::load(Side::A, loading).await, World::load(Side::B, loading).await);
    let hidden = [Secrets::of(Side::A, &a.rows), Secrets::of(Side::B, &b.rows)];
    let who = grid_worker();
    let mut findings = Vec::new();
    for sql in STATEMENTS {
        for format in FORMATS {
            let answers = [a.rest.post_sql(&who, sql, format).await, b.rest.post_sql(&who, sql, format).await];
            assert_eq!(answers[0].status, if sql.contains("nosuch") { 404 } else { 200 }, "{sql}");
            for (answer, hidden) in answers.iter().zip(&hidden) {
                let body = answer.body.as_deref().expect("a whole body");
                let headers = format!("{:?}", answer.headers);
                let found = hidden.found_in(body, sql).or_else(|| hidden.found_in(headers.as_bytes(), sql));
                findings.extend(found.map(|text| format!("{format}: {sql}: holds {text}")));
            }
            if answers[0] != answers[1] {
                let lengths = answers.map(|answer| answer.body.map(|body| body.len()));
                findings.push(format!("{format}: {sql}: the worlds differ; {lengths:?} bytes"));
            }
        }
    }
    // What is counted, and limited, must not depend on hidden rows either.
    let recorded = [&a, &b].map(|world| world.ledger.take());
    for (of_a, of_b) in recorded[0].iter().zip(&recorded[1]) {
        let counted = [of_a, of_b].map(|entry| entry.outcome.clone().map(|outcome| (outcome.rows, outcome.bytes)));
        if counted[0] != counted[1] {
            findings.push(format!("recorded rows and bytes differ: {counted:?}: {}", of_a.record.sql));
        }
    }
    findings.dedup();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_arrays() {
    check(Loading::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn view_arrays() {
    check(Loading { storage: Storage::Views, ..Loading::default() }).await;
}

/// Where few rows are left out, the engine's own filter leaves their texts in the buffers that the others point into.
#[tokio::test(flavor = "multi_thread")]
async fn view_arrays_of_which_most_is_shown() {
    let loading = Loading { storage: Storage::Views, batch_rows: Some(1_000), ..Loading::default() };
    let world = World::load(Side::A, loading).await;
    let grids = ["G0101", "G0102", "G0202"].map(str::to_owned).to_vec();
    let who = Principal { attributes: [("grid_id".to_owned(), grids)].into(), ..grid_worker() };
    let hidden = Secrets::hidden_from(Side::A, &world.rows, &Oracle::of(&world, &who).await).await;
    assert!(hidden.n_texts() > 100, "{}", hidden.n_texts());
    for sql in
        ["SELECT * FROM unified.person", "SELECT residence_address FROM unified.person", "SELECT * FROM unified.event"]
    {
        for format in FORMATS {
            let answer = world.rest.post_sql(&who, sql, format).await;
            assert_eq!(answer.status, 200, "{sql}");
            assert_eq!(hidden.found_in(answer.body.as_deref().expect("a whole body"), sql), None, "{format}: {sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dictionary_arrays() {
    check(Loading { storage: Storage::Dictionaries, ..Loading::default() }).await;
}

/// Thousands of hidden rows before, between and after the visible ones do not move the borders of what is delivered.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_hidden_rows_is_not_felt() {
    check(Loading { crowd: 20_000, ..Loading::default() }).await;
}

/// The search would find what it looks for.
#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_what_a_wider_policy_lets_out() {
    let policy = tests::attacks::roles::POLICY.replacen("{ column = \"grid_id\", in = \"grid_id\" }", "\"all\"", 1);
    let world = World::load(Side::A, Loading { policy: &policy, ..Loading::default() }).await;
    let hidden = Secrets::of(Side::A, &Rows::of(Side::A));
    for format in FORMATS {
        let sql = "SELECT residence_address FROM unified.person";
        let answer = world.rest.post_sql(&grid_worker(), sql, format).await;
        let found = hidden.found_in(answer.body.as_deref().unwrap(), sql);
        // Parquet is compressed: LZ4 keeps most literals, and the marker is long enough to stand whole at its first use.
        assert!(found.is_some(), "{format}");
    }
    let _ = world.in_process.ask(&grid_worker(), "SELECT 1").await;
}
