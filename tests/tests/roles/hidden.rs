//! What is hidden, and what was never there.

use std::collections::BTreeSet;

use schemas::RelationName;
use serde_json::Value;
use tests::datong::{Demo, claim};
use tests::http::{Answer, Door};

pub(crate) async fn what_is_hidden_answers_as_what_is_not_there(demo: &Demo) {
    // Role, a hidden column of unified.person, a hidden table that is published.
    let cases = [
        ("grid_worker", "former_name", "police.resident"),
        ("grid_worker", "disagreements", "health.archive"),
        ("police_officer", "sources", "health.chronic_visit"),
        ("health_analyst", "phones", "police.incident"),
        ("health_analyst", "household_id", "unified.house"),
    ];
    let lake = demo.lake();
    let published = lake.published().await.expect("a readable pointer").expect("a published version");
    for (role, column, table) in cases {
        let (schema, name) = table.split_once('.').expect("SCHEMA.TABLE");
        let relation = RelationName::new(schema, name).expect("a name");
        assert!(published.tables.contains_key(&relation), "{table} is published, so it is hidden and not missing");
        let door = Door::new(demo.url(), demo.token(role));
        let forms = [
            "SELECT {} FROM unified.person",
            "SELECT count(*) AS n FROM unified.person WHERE {} IS NULL",
            "SELECT p.{} FROM unified.person p",
            "SELECT 1 AS one FROM unified.person ORDER BY {}",
            "SELECT count({}) AS n FROM unified.person GROUP BY sex",
        ];
        for form in forms {
            same_but_for_the_name(&door, form, column, "zzz_nowhere", role).await;
        }
        for form in
            ["SELECT * FROM {}", "SELECT count(*) AS n FROM {} t", "SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM {})"]
        {
            same_but_for_the_name(&door, form, table, &format!("{schema}.zzz_nowhere"), role).await;
            same_but_for_the_name(&door, form, table, "zzz_nowhere.zzz", role).await;
        }
        let why = |table: String, column: &'static str| {
            let door = door.clone();
            async move { door.get(&format!("/api/v1/why?table={table}&column={column}")).await }
        };
        let (hidden, missing) =
            (why("unified.person".into(), column).await, why("unified.person".into(), "zzz_nowhere").await);
        assert_eq!(without_request(&hidden), without_request(&missing), "{role}: why {column}");
        assert_eq!(hidden.status, 404);
        let (hidden, missing) = (why(table.to_owned(), "id_no").await, why("no.where".into(), "id_no").await);
        assert_eq!(without_request(&hidden), without_request(&missing), "{role}: why {table}");
        let catalog = door.get("/api/v1/catalog").await.expect_status(200).text();
        assert!(!catalog.contains(&format!("\"{table}\"")), "{role}: the catalog names {table}");
        let listed = door.rows("SELECT table_schema, table_name FROM information_schema.tables").await;
        assert!(!listed.is_empty());
        assert!(
            !listed.iter().any(|row| row["table_schema"] == schema && row["table_name"] == name),
            "{role}: {table}"
        );
    }
    // A person outside the own grids is nobody.
    let everybody = Door::new(demo.url(), demo.token("police_officer"));
    let worker = Door::new(demo.url(), demo.token("grid_worker"));
    let own = claim(demo.token("grid_worker"), "grids")[0].clone();
    let foreign = everybody
        .rows(&format!("SELECT person_id FROM unified.person WHERE grid_id <> '{own}' ORDER BY person_id LIMIT 1"))
        .await;
    let foreign = foreign[0]["person_id"].as_str().expect("an id");
    assert_eq!(everybody.get(&format!("/api/v1/persons/{foreign}")).await.status, 200);
    let (hidden, missing) =
        (worker.get(&format!("/api/v1/persons/{foreign}")).await, worker.get("/api/v1/persons/nobody").await);
    assert_eq!(hidden.status, 404);
    assert_eq!(without_request(&hidden), without_request(&missing));
}

/// The same statement with a hidden name and with one that never was: same status, same headers, same text but for the name.
async fn same_but_for_the_name(door: &Door, form: &str, hidden: &str, missing: &str, role: &str) {
    let title = format!("{role}: {}", form.replace("{}", hidden));
    let (one, other) = (door.sql(&form.replace("{}", hidden)).await, door.sql(&form.replace("{}", missing)).await);
    assert_eq!((one.status, other.status), (404, 404), "{title}: {} / {}", one.text(), other.text());
    let (one_problem, other_problem) = (one.problem(), other.problem());
    for part in ["type", "title", "code", "status"] {
        assert_eq!(one_problem[part], other_problem[part], "{title}");
    }
    let detail = |problem: &Value, name: &str| problem["detail"].as_str().expect("a text").replace(name, "NAME");
    assert_eq!(detail(&one_problem, hidden), detail(&other_problem, missing), "{title}");
    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(names(&one), names(&other), "{title}");
}

/// An answer without what differs from request to request.
fn without_request(answer: &Answer) -> (u16, Value, BTreeSet<String>) {
    let mut problem = answer.problem();
    if let Some(parts) = problem.as_object_mut() {
        let _id = parts.shift_remove("instance");
    }
    (answer.status, problem, answer.headers.keys().map(ToString::to_string).collect())
}
