//! What reaches the files through the barrier: filters on clear columns, on masked columns where it is the same, and filters that
//! operators make while they run. And what does not, and is told.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use futures::TryStreamExt;
use policies::{PolicySet, Principal};
use query::{FileReads, Gateway, PublishedData};
use std::sync::Arc;
use tests::attacks::checks::oracle_equal;
use tests::attacks::ledger::Ledger;
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::grid_worker;
use tests::attacks::rows::{OWN_GRID, Rows, Side};
use tests::attacks::world::{Loading, World};
use tests::datong::{DIVISION, Demo};
use tests::http::Door;
use tests::published::{boundless, published, request, somebody};

/// The same gateway with and without skipping.
struct Pair {
    skipping: Gateway,
    reading_all: Gateway,
}

impl Pair {
    fn over(data: PublishedData) -> Self {
        let policies = || PolicySet::shipped().expect("the shipped policies");
        let skipping = Gateway::start(boundless(), policies(), Arc::new(Ledger::default())).expect("a gateway");
        let reading_all = Gateway::start_without_pruning(boundless(), policies(), Arc::new(Ledger::default()));
        let reading_all = reading_all.expect("a gateway");
        skipping.publish(data.clone());
        reading_all.publish(data);
        Self { skipping, reading_all }
    }

    /// Rows of the answer, which is the same both ways, and what was read for it.
    async fn ask(&self, who: &Principal, sql: &str) -> (Vec<String>, FileReads, FileReads) {
        let rows = answer(&self.skipping, who, sql).await;
        assert_eq!(rows, answer(&self.reading_all, who, sql).await, "{sql}");
        let skipping = self.skipping.file_reads(&request(who, sql)).await.expect(sql);
        (rows, skipping, self.reading_all.file_reads(&request(who, sql)).await.expect(sql))
    }
}

async fn answer(gateway: &Gateway, who: &Principal, sql: &str) -> Vec<String> {
    let stream = gateway.query(request(who, sql)).await.expect(sql);
    let batches: Vec<RecordBatch> = stream.try_collect().await.expect(sql);
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell = |column: &ArrayRef| arrow::util::display::array_value_to_string(column, row).expect("a text");
            rows.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    rows.sort();
    rows
}

async fn pair(demo: &Demo) -> Pair {
    Pair::over(published(&demo.lake(), &["unified.person", "unified.house"]).await)
}

fn analyst() -> Principal {
    somebody("street_analyst", Some(("street", &format!("{DIVISION}001"))))
}

#[tokio::test]
async fn a_look_up_by_a_token_of_ones_own_reads_one_record() {
    let demo = Demo::start(8_000, 7);
    let pair = pair(&demo).await;
    let person = answer(&pair.skipping, &analyst(), "SELECT person_id FROM unified.person").await.swap_remove(40);
    for condition in [
        format!("person_id = '{person}'"),
        format!("'{person}' = person_id AND sex IS NOT NULL"),
        format!("person_id IN ('{person}', 'nobody')"),
    ] {
        let sql = format!("SELECT person_id, name FROM unified.person WHERE {condition}");
        let (rows, skipping, all) = pair.ask(&analyst(), &sql).await;
        assert!(rows.len() == 1 && rows[0].starts_with(&person), "{rows:?}");
        // The key index has it; of the table nothing is read.
        assert_eq!((skipping, all), (FileReads { rows: 1, bytes: 0 }, FileReads { rows: 1, bytes: 0 }), "{condition}");
    }
    // The id itself, as others see it, is no token, and so is nobody's.
    let officer = somebody("police_officer", None);
    let id = answer(&pair.skipping, &officer, "SELECT person_id FROM unified.person LIMIT 1").await.swap_remove(0);
    for nobody in [id.as_str(), &person.to_uppercase(), "x"] {
        let sql = format!("SELECT person_id FROM unified.person WHERE person_id = '{nobody}'");
        let (rows, skipping, all) = pair.ask(&analyst(), &sql).await;
        assert!(rows.is_empty() && skipping.rows < 2_000, "{nobody}: {rows:?} {skipping:?} {all:?}");
    }
    let others = format!("SELECT count(*) FROM unified.person WHERE person_id <> '{person}'");
    let every = answer(&pair.skipping, &analyst(), "SELECT count(*) FROM unified.person").await;
    let (rows, ..) = pair.ask(&analyst(), &others).await;
    assert_eq!(rows[0].parse::<u64>().expect("a count") + 1, every[0].parse::<u64>().expect("a count"));
}

#[tokio::test]
async fn a_prefix_inside_what_is_shown_finds_what_the_masked_texts_have() {
    let demo = Demo::start(2_000, 7);
    let pair = pair(&demo).await;
    let officer = somebody("police_officer", None);
    let raw = demo.raw("unified.person").await;
    let ids = raw.column_by_name("id_no").expect("a column").as_string::<i32>();
    let n_raw = ids.iter().flatten().filter(|id| id.starts_with(DIVISION)).count();
    for (asked, as_text) in [
        (format!("id_no LIKE '{DIVISION}%'"), format!("substr(id_no, 1, 6) = '{DIVISION}'")),
        (format!("id_no NOT LIKE '{DIVISION}%'"), format!("substr(id_no, 1, 6) <> '{DIVISION}'")),
        (
            format!("NOT (id_no LIKE '{DIVISION}%' AND sex = '1')"),
            format!("NOT (substr(id_no, 1, 6) = '{DIVISION}' AND sex = '1')"),
        ),
        ("id_no LIKE '29%' OR phone LIKE '1%'".to_owned(), "left(id_no, 2) = '29' OR left(phone, 1) = '1'".to_owned()),
        ("id_no IS NULL".to_owned(), "coalesce(id_no, '') = ''".to_owned()),
    ] {
        let count = |condition: &str| format!("SELECT count(*) FROM unified.person WHERE {condition}");
        let (rows, ..) = pair.ask(&officer, &count(&asked)).await;
        assert_eq!(rows, answer(&pair.skipping, &officer, &count(&as_text)).await, "{asked}");
        if asked.starts_with("id_no LIKE") && !asked.contains("OR") {
            let n_shown: usize = rows[0].parse().expect("a count");
            assert!(n_shown > 0 && n_shown <= n_raw, "{n_shown} {n_raw}");
        }
    }
}

#[tokio::test]
async fn filters_of_running_operators_reach_clear_columns_only() {
    let demo = Demo::start(8_000, 7);
    let pair = pair(&demo).await;
    let officer = somebody("police_officer", None);
    let some = "SELECT person_id FROM unified.person ORDER BY person_id LIMIT 3";
    let join =
        format!("SELECT p.person_id, p.name FROM ({some}) few JOIN unified.person p ON p.person_id = few.person_id");
    let (rows, skipping, all) = pair.ask(&officer, &join).await;
    assert_eq!(rows.len(), 3);
    // The three are found by a scan of the whole column; the other side of the join reads a few pages.
    assert!(skipping.rows * 4 < all.rows * 3, "{skipping:?} {all:?}");
    // An analyst sees the same column as tokens: what the join learns is about tokens, and nothing is skipped by it.
    let (_, once, _) = pair.ask(&analyst(), "SELECT count(person_id) FROM unified.person").await;
    let (_, skipping, _) = pair.ask(&analyst(), &join).await;
    assert_eq!(skipping.rows, 2 * once.rows);
    // An expression that may fail on a row must not depend on which rows are skipped.
    let fallible = format!("{join} WHERE 100 / character_length(p.name) > 1");
    let (_, skipping, all) = pair.ask(&officer, &fallible).await;
    assert_eq!(skipping.rows, all.rows);
}

#[tokio::test]
async fn conditions_on_masked_values_are_told() {
    let demo = Demo::start(2_000, 7);
    let officer = Door::new(demo.url(), demo.token("police_officer"));
    for (condition, told) in [
        ("phone = '13912345678'", "unified.person.phone"),
        ("id_no LIKE '290102%'", ""),
        ("id_no LIKE '29010219%'", "unified.person.id_no"),
        ("grid_id = 'x'", ""),
        ("substr(phone, 1, 3) = '139' OR upper(name) = 'X'", "unified.person.phone"),
        ("person_id IN (SELECT person_id FROM unified.person WHERE id_no > '3')", "unified.person.id_no"),
    ] {
        let sql = format!(
            "SELECT person_id FROM (SELECT person_id, grid_id, name, phone, id_no FROM unified.person) p WHERE {condition}"
        );
        let answer = officer.sql(&sql).await.expect_status(200);
        assert_eq!(answer.header("datong-compared-masked"), told, "{condition}");
        let listed: Vec<String> =
            serde_json::from_value(answer.json()["meta"]["compared_masked"].clone()).expect("a list");
        assert_eq!(listed.join(", "), told, "{condition}");
    }
    let join = "SELECT count(*) FROM unified.person a JOIN unified.person b ON a.phone = b.phone";
    let answer = officer.sql(join).await.expect_status(200);
    assert_eq!(answer.header("datong-compared-masked"), "unified.person.phone");
}

/// A number of another length is shown as stars, whatever it begins with: a prefix finds it neither here nor in the copy of what
/// is shown.
#[tokio::test]
async fn texts_of_another_shape_are_asked_as_they_are_shown() {
    let mut rows = Rows::of(Side::A);
    let own = rows.persons.iter_mut().filter(|person| person.grid_id == OWN_GRID);
    for (person, phone) in own.zip(["1391234567", "139-1234-5678", "139", "13912345678x"]) {
        person.phone = Some(phone.to_owned());
        person.id_number = format!("1101{phone}");
    }
    let world = World::of_rows(Side::A, rows, Loading::default()).await;
    let who = grid_worker();
    let oracle = Oracle::of(&world, &who).await;
    for condition in [
        "phone LIKE '139%'",
        "phone NOT LIKE '139%'",
        "phone LIKE '1%' AND id_number LIKE '1101%'",
        "NOT (id_number LIKE '1101%' OR phone LIKE '13%')",
        "id_number LIKE '11%' OR phone IS NULL",
        "id_number IS NOT NULL",
    ] {
        let sql = format!("SELECT person_id FROM unified.person WHERE {condition} ORDER BY person_id");
        for door in world.doors() {
            oracle_equal(door, &who, &oracle, &sql).await.unwrap();
        }
    }
}
