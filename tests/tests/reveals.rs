//! One masked field of one record in clear: within the caller's rows, for a reason, if need be with another person's agreement, and
//! for a short time; every step recorded.

use arrow::array::{Array, AsArray, RecordBatch};
use audit::{EventFilter, EventKind, StoredEvent};
use serde_json::{Value, json};
use tests::datong::{Demo, claim};
use tests::http::{Answer, Door};

const REVEALS: &str = "/api/v1/reveals";
const REASON: &str = "上门走访,电话确认在家";

/// An adult with a phone, of a grid or of another one.
struct Stored {
    person_id: String,
    id_no: String,
    phone: String,
}

fn stored(raw: &RecordBatch, grid: &str, is_in_it: bool) -> Stored {
    let texts = |name: &str| raw.column_by_name(name).expect("a column").as_string::<i32>();
    let (ids, phones, grids, keys) = (texts("id_no"), texts("phone"), texts("grid_id"), texts("person_id"));
    let births = raw.column_by_name("birth_date").expect("a column");
    let births = births.as_primitive::<arrow::datatypes::Date32Type>();
    let row = (0..raw.num_rows()).find(|row| {
        let is_here = !grids.is_null(*row) && (grids.value(*row) == grid) == is_in_it;
        // Born before 2000-01-01.
        let is_of_age = births.is_valid(*row) && births.value(*row) < 10_957;
        let is_whole =
            [(phones, 11), (ids, 18)].iter().all(|(texts, n)| texts.is_valid(*row) && texts.value(*row).len() == *n);
        is_here && is_of_age && is_whole
    });
    let row = row.expect("such a person");
    let text = |column: &arrow::array::StringArray| column.value(row).to_owned();
    Stored { person_id: text(keys), id_no: text(ids), phone: text(phones) }
}

fn asked(record: &str, column: &str) -> Value {
    json!({ "relation": "unified.person", "record": record, "column": column, "reason": REASON })
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().expect("an id").to_owned()
}

async fn look(door: &Door, id: &str) -> Answer {
    door.get(&format!("{REVEALS}/{id}")).await
}

fn worker(demo: &Demo) -> (Door, String) {
    let token = demo.token("grid_worker");
    (Door::new(demo.url(), token), claim(token, "grids").swap_remove(0))
}

#[tokio::test]
async fn a_grid_worker_sees_one_phone_of_the_own_grid_for_a_minute() {
    let demo = Demo::start(4_000, 7);
    let (worker, grid) = worker(&demo);
    let raw = demo.raw("unified.person").await;
    let person = stored(&raw, &grid, true);
    let answer = worker.post(REVEALS, &asked(&person.person_id, "phone")).await.expect_status(201);
    assert_eq!((answer.json()["state"].as_str(), answer.json()["seconds_left"].as_u64()), (Some("open"), Some(60)));
    assert!(!answer.text().contains(&person.phone), "asking shows nothing yet");
    let reveal = id(&answer);
    let seen = look(&worker, &reveal).await.expect_status(200);
    assert_eq!(seen.json()["value"], person.phone.as_str());
    assert!(seen.json()["seconds_left"].as_u64().is_some_and(|left| left <= 60));
    assert!(seen.header("cache-control").contains("no-store"));
    // A table of the same name exists for the look alone, and the column stays masked in everything else.
    let masked =
        worker.rows(&format!("SELECT phone FROM unified.person WHERE person_id = '{}'", person.person_id)).await;
    assert!(masked[0]["phone"].as_str().is_some_and(|phone| phone.contains("****")), "{masked:?}");
    let table = worker.sql("SELECT * FROM catalog.revealed").await;
    assert_eq!((table.status, code(&table).as_str()), (404, "DT-SQL-0004"));

    let listed = worker.get(REVEALS).await.expect_status(200);
    assert_eq!(listed.json()["items"][0]["id"], reveal.as_str());
    assert!(!listed.text().contains(&person.phone));
    let ended = worker.method(reqwest::Method::DELETE, &format!("{REVEALS}/{reveal}")).await.expect_status(200);
    assert_eq!(ended.json()["state"], "ended");
    let after = look(&worker, &reveal).await.expect_status(200);
    assert_eq!((after.json()["state"].as_str(), after.json().get("value")), (Some("ended"), None));
}

#[tokio::test]
async fn a_reveal_widens_neither_rows_nor_columns() {
    let demo = Demo::start(4_000, 7);
    let (worker, grid) = worker(&demo);
    let raw = demo.raw("unified.person").await;
    let (own, other) = (stored(&raw, &grid, true), stored(&raw, &grid, false));
    // Somebody of another grid and nobody are the same to the caller, byte for byte but for ids.
    let mut answers = Vec::new();
    for record in [other.person_id.as_str(), "0123456789abcdef0123456789abcdef"] {
        let reveal = id(&worker.post(REVEALS, &asked(record, "phone")).await.expect_status(201));
        let seen = look(&worker, &reveal).await.expect_status(404);
        assert!(!seen.text().contains(&other.phone));
        answers.push((code(&seen), seen.json()["detail"].clone()));
    }
    assert_eq!(answers[0], answers[1]);
    for (body, status, expected) in [
        (asked(&own.person_id, "id_no"), 403, "DT-POL-0007"),
        (asked(&own.person_id, "name"), 403, "DT-POL-0007"),
        (asked(&own.person_id, "ethnicity"), 403, "DT-POL-0007"),
        (asked(&own.person_id, "phone\" FROM unified.person --"), 403, "DT-POL-0007"),
        (
            json!({ "relation": "unified.event", "record": "x", "column": "phone", "reason": REASON }),
            403,
            "DT-POL-0007",
        ),
        (
            json!({ "relation": "police.person", "record": "x", "column": "phone", "reason": REASON }),
            404,
            "DT-SQL-0004",
        ),
        (json!({ "relation": "no name", "record": "x", "column": "phone", "reason": REASON }), 404, "DT-SQL-0004"),
        (
            json!({ "relation": "unified.person", "record": own.person_id, "column": "phone", "reason": "  " }),
            400,
            "DT-POL-0008",
        ),
        (json!({ "relation": "unified.person", "record": own.person_id, "column": "phone" }), 400, "DT-REQ-0001"),
        (json!([]), 400, "DT-REQ-0001"),
    ] {
        let refused = worker.post(REVEALS, &body).await;
        assert_eq!((refused.status, code(&refused).as_str()), (status, expected), "{body}: {}", refused.text());
    }
    let long =
        json!({ "relation": "unified.person", "record": "x".repeat(3 << 20), "column": "phone", "reason": REASON });
    let refused = worker.post(REVEALS, &long).await;
    assert_eq!((refused.status, code(&refused).as_str()), (413, "DT-LIM-0003"));
    for role in ["street_analyst", "health_analyst", "auditor", "operator", "civil_clerk"] {
        let refused = Door::new(demo.url(), demo.token(role)).post(REVEALS, &asked(&own.person_id, "phone")).await;
        assert!(matches!(refused.status, 403 | 404), "{role}: {}", refused.text());
    }
    // Another's reveal is nobody's, whoever asks.
    let reveal = id(&worker.post(REVEALS, &asked(&own.person_id, "phone")).await.expect_status(201));
    for role in ["police_officer", "privacy_officer", "operator"] {
        let door = Door::new(demo.url(), demo.token(role));
        assert_eq!(code(&look(&door, &reveal).await), "DT-POL-0009", "{role}");
        let approved = door.post(&format!("{REVEALS}/{reveal}/approve"), &json!({})).await;
        assert_eq!(code(&approved), "DT-POL-0009", "{role}");
        assert_eq!(door.get(REVEALS).await.expect_status(200).json()["items"], json!([]), "{role}");
    }
}

#[tokio::test]
async fn a_second_person_agrees_and_every_step_is_recorded() {
    let demo = Demo::start(4_000, 7);
    let raw = demo.raw("unified.person").await;
    let person = stored(&raw, "", false);
    let officer = Door::new(demo.url(), demo.token("police_officer"));
    let privacy = Door::new(demo.url(), demo.token("privacy_officer"));
    let waiting = officer.post(REVEALS, &asked(&person.person_id, "id_no")).await.expect_status(202);
    let reveal = id(&waiting);
    assert_eq!(waiting.json()["approved_by"], json!(["privacy_officer"]));
    let seen = look(&officer, &reveal).await.expect_status(200);
    assert_eq!((seen.json()["state"].as_str(), seen.json().get("value")), (Some("waiting"), None));
    let own = officer.post(&format!("{REVEALS}/{reveal}/approve"), &json!({})).await;
    assert_eq!((own.status, code(&own).as_str()), (403, "DT-POL-0010"));

    let listed = privacy.get(REVEALS).await.expect_status(200);
    assert_eq!(
        (&listed.json()["items"][0]["id"], &listed.json()["items"][0]["reason"]),
        (&json!(reveal), &json!(REASON))
    );
    let agreed = privacy.post(&format!("{REVEALS}/{reveal}/approve"), &json!({})).await.expect_status(200);
    assert_eq!((agreed.json()["state"].as_str(), agreed.json()["seconds_left"].as_u64()), (Some("open"), Some(300)));
    assert!(!agreed.text().contains(&person.id_no));
    assert_eq!(look(&privacy, &reveal).await.status, 404, "who agrees does not see");
    assert_eq!(look(&officer, &reveal).await.expect_status(200).json()["value"], person.id_no.as_str());

    let refused = id(&officer.post(REVEALS, &asked(&person.person_id, "phone")).await.expect_status(202));
    let _refused = privacy.post(&format!("{REVEALS}/{refused}/refuse"), &json!({})).await.expect_status(200);
    let seen = look(&officer, &refused).await.expect_status(200);
    assert_eq!((seen.json()["state"].as_str(), seen.json().get("value")), (Some("refused"), None));

    let filter = EventFilter { kind: Some(EventKind::Reveal), limit: 100, ..EventFilter::default() };
    let events: Vec<StoredEvent> = demo.access_log().events(&filter).expect("the log").collect();
    // Asked, looked at while waiting, own approval refused, approved, a look of who agreed, a look, asked, refused, a look.
    let rows: Vec<u64> = events.iter().map(|event| event.closing.as_ref().expect("an end").outcome.rows).collect();
    assert_eq!(rows.iter().sum::<u64>(), 1, "{rows:?}");
    assert_eq!(events.len(), 9, "looks at what is not open, and of others, are recorded too");
    let denied = events.iter().filter(|event| matches!(event.event.decision, audit::Decision::Denied { .. })).count();
    assert_eq!(denied, 2);
    assert!(events.iter().all(|event| event.sql_hash.is_some()));
}

#[tokio::test]
async fn reveals_are_few() {
    let demo = Demo::start(500, 7);
    let (worker, _) = worker(&demo);
    for _ in 0..10 {
        let _asked = worker.post(REVEALS, &asked("nobody", "phone")).await.expect_status(201);
    }
    let refused = worker.post(REVEALS, &asked("nobody", "phone")).await;
    assert_eq!((refused.status, code(&refused).as_str()), (429, "DT-LIM-0005"));
}
