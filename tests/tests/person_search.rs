//! Finding one person by full values that are not shown: over REST and in SQL, counted, recorded, and telling nothing else.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use arrow::util::display::array_value_to_string;
use audit::{EventFilter, EventKind, StoredEvent};
use serde_json::{Value, json};
use tests::datong::{Demo, claim};
use tests::http::{Answer, Door};

const SEARCH: &str = "/api/v1/persons/search";

/// One stored person who has everything a search may be by.
struct Stored {
    person_id: String,
    id_no: String,
    name: String,
    birth_date: String,
}

/// Persons of a grid, or of any other.
fn stored(raw: &RecordBatch, grid: &str, is_in_it: bool) -> Vec<Stored> {
    let column = |name: &str| raw.column_by_name(name).expect("a column");
    let text = |column: &ArrayRef, row: usize| array_value_to_string(column, row).expect("a text");
    let grids = column("grid_id").as_string::<i32>();
    let births = column("birth_date").as_primitive::<Date32Type>();
    (0..raw.num_rows())
        .filter(|row| !grids.is_null(*row) && (grids.value(*row) == grid) == is_in_it)
        .filter(|row| !column("id_no").is_null(*row) && !column("name").is_null(*row) && !births.is_null(*row))
        .map(|row| Stored {
            person_id: text(column("person_id"), row),
            id_no: text(column("id_no"), row),
            name: text(column("name"), row),
            birth_date: text(column("birth_date"), row),
        })
        .filter(|person| person.id_no.len() == 18 && schemas::CitizenId::parse(&person.id_no).is_ok())
        .collect()
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

fn found(answer: Answer) -> Vec<Value> {
    answer.expect_status(200).json()["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn one_person_is_found_by_full_values_and_shown_masked() {
    let demo = Demo::start(2_000, 7);
    let raw = demo.raw("unified.person").await;
    let officer = Door::new(demo.url(), demo.token("police_officer"));
    let person = stored(&raw, "", false).swap_remove(3);

    let items = found(officer.post(SEARCH, &json!({ "id_no": person.id_no })).await);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["person_id"], person.person_id.as_str());
    let shown = items[0]["id_no"].as_str().expect("a masked number");
    assert!(shown.contains("********") && shown != person.id_no, "{shown}");
    assert_eq!(items[0]["birth_date"], format!("{}-01-01", &person.birth_date[..4]));
    let lower = json!({ "id_no": format!(" {} ", person.id_no.to_lowercase()) });
    assert_eq!(found(officer.post(SEARCH, &lower).await).len(), 1, "the number as people write it");

    let by_name = json!({ "name": person.name, "birth_date": person.birth_date });
    let items = found(officer.post(SEARCH, &by_name).await);
    assert!(items.iter().any(|item| item["person_id"] == person.person_id.as_str()), "{items:?}");
    let other_day = json!({ "name": person.name, "birth_date": "1901-01-01" });
    assert_eq!(found(officer.post(SEARCH, &other_day).await), Vec::<Value>::new());

    let sql = format!(
        "SELECT f.person_id, count(p.person_id) AS n FROM catalog.find_person('{}') f \
         LEFT JOIN unified.person p ON p.grid_id = f.grid_id GROUP BY f.person_id",
        person.id_no
    );
    let rows = officer.rows(&sql).await;
    assert_eq!((rows.len(), rows[0]["person_id"].as_str()), (1, Some(person.person_id.as_str())));
    let unnamed = format!("SELECT find_person.id_no FROM Catalog.FIND_PERSON('{}')", person.id_no);
    assert_eq!(officer.rows(&unnamed).await[0]["id_no"], shown);
}

#[tokio::test]
async fn what_is_no_full_value_or_not_allowed_finds_nobody() {
    let demo = Demo::start(2_000, 7);
    let raw = demo.raw("unified.person").await;
    let grid = claim(demo.token("grid_worker"), "grids").swap_remove(0);
    let worker = Door::new(demo.url(), demo.token("grid_worker"));
    let officer = Door::new(demo.url(), demo.token("police_officer"));
    let (own, other) = (stored(&raw, &grid, true).swap_remove(0), stored(&raw, &grid, false).swap_remove(0));
    assert_eq!(found(worker.post(SEARCH, &json!({ "id_no": own.id_no })).await).len(), 1);
    assert_eq!(found(worker.post(SEARCH, &json!({ "id_no": other.id_no })).await).len(), 0, "not of the own grid");

    let wrong_check = format!("{}{}", &own.id_no[..17], if own.id_no.ends_with('1') { '2' } else { '1' });
    for (body, status, expected) in [
        (json!({ "id_no": &own.id_no[..14] }), 400, "DT-SQL-0011"),
        (json!({ "id_no": wrong_check }), 400, "DT-SQL-0011"),
        (json!({ "id_no": "%" }), 400, "DT-SQL-0011"),
        (json!({ "id_no": "x') f, unified.person p --" }), 400, "DT-SQL-0011"),
        (json!({ "name": &own.name, "birth_date": &own.birth_date[..7] }), 400, "DT-SQL-0011"),
        (json!({ "name": "", "birth_date": &own.birth_date }), 400, "DT-SQL-0011"),
        (json!({ "name": &own.name }), 400, "DT-REQ-0001"),
        (json!({ "id_no": &own.id_no, "name": &own.name }), 400, "DT-REQ-0001"),
        (json!({ "phone": "1" }), 400, "DT-REQ-0001"),
        (json!([]), 400, "DT-REQ-0001"),
    ] {
        let refused = officer.post(SEARCH, &body).await;
        assert_eq!((refused.status, code(&refused).as_str()), (status, expected), "{body}");
        assert!(
            !refused.text().contains(&own.id_no[..14]) && !refused.text().contains(&own.name),
            "{}",
            refused.text()
        );
    }
    // A grid worker finds by number only; an analyst and a privacy officer nobody; an auditor has no persons at all.
    let by_name = json!({ "name": own.name, "birth_date": own.birth_date });
    let refused = worker.post(SEARCH, &by_name).await;
    assert_eq!((refused.status, code(&refused).as_str()), (403, "DT-POL-0006"));
    for (role, status) in [("health_analyst", 403), ("privacy_officer", 403), ("auditor", 404)] {
        let refused = Door::new(demo.url(), demo.token(role)).post(SEARCH, &json!({ "id_no": own.id_no })).await;
        assert_eq!(refused.status, status, "{role}: {}", refused.text());
    }
    for sql in [
        "SELECT * FROM catalog.find_person(name) f, unified.person".to_owned(),
        "SELECT * FROM unified.person p, LATERAL catalog.find_person(p.id_no)".to_owned(),
        "SELECT * FROM catalog.find_person((SELECT min(id_no) FROM unified.person))".to_owned(),
        "SELECT * FROM catalog.find_person(concat('1', '2'))".to_owned(),
        "SELECT * FROM catalog.find_person()".to_owned(),
        "SELECT * FROM catalog.find_person".to_owned(),
        "SELECT * FROM catalog.\"find_person 0\"".to_owned(),
        format!("SELECT * FROM find_person('{}')", own.id_no),
        format!("SELECT catalog.find_person('{}')", own.id_no),
    ] {
        let refused = officer.sql(&sql).await;
        assert!(matches!(refused.status, 400 | 403 | 404), "{sql}: {}", refused.text());
    }
    let no_body = officer.method(reqwest::Method::POST, SEARCH).await;
    assert_eq!(no_body.status, 400);
}

#[tokio::test]
async fn every_try_counts_and_is_recorded() {
    let demo = Demo::start(500, 7);
    let worker = Door::new(demo.url(), demo.token("grid_worker"));
    // Nobody of the city has this number: every try is a miss.
    let nobody = json!({ "id_no": "11010519491231002X" });
    for n in 0..20 {
        assert_eq!(found(worker.post(SEARCH, &nobody).await).len(), 0, "{n}");
    }
    let refused = worker.post(SEARCH, &nobody).await;
    assert_eq!((refused.status, code(&refused).as_str()), (429, "DT-LIM-0004"));
    let in_sql = worker.sql("SELECT 1 FROM catalog.find_person('11010519491231002X')").await;
    assert_eq!(in_sql.status, 429, "SQL counts with REST");
    let _others_are_free = found(Door::new(demo.url(), demo.token("police_officer")).post(SEARCH, &nobody).await);

    let filter = EventFilter { kind: Some(EventKind::Search), limit: 100, ..EventFilter::default() };
    let events: Vec<StoredEvent> = demo.access_log().events(&filter).expect("the log").collect();
    assert_eq!(events.len(), 23);
    let refused = events.iter().filter(|event| matches!(event.event.decision, audit::Decision::Denied { .. })).count();
    assert_eq!(refused, 2);
    assert!(events.iter().all(|event| event.closing.as_ref().is_some_and(|closing| closing.outcome.rows == 0)));
    assert!(events.iter().all(|event| event.sql_hash.is_some()));
}
