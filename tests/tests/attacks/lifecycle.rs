//! Sequences: the same question of several principals, other policies, other data. Category O.

use std::sync::Arc;

use policies::{PolicySet, Principal};
use query::Gateway;
use schemas::{FieldType, Relation};
use serde_json::{Value, json};
use tests::attacks::checks::{denied, looks_nonexistent, oracle_equal, same_answer, same_in_both_worlds};
use tests::attacks::door::Door;
use tests::attacks::oracle::Oracle;
use tests::attacks::rest_door::HttpAnswer;
use tests::attacks::roles::{POLICY, grid_worker, policies, principal};
use tests::attacks::rows::{OWN_GRID, Side};
use tests::attacks::secrets::Secrets;
use tests::attacks::tables::{Storage, TableRows, stored};
use tests::attacks::world::{Loading, World, published};

const QUESTIONS: [&str; 6] = [
    "SELECT * FROM unified.person ORDER BY person_id",
    "SELECT id_number, phone FROM unified.person ORDER BY person_id",
    "SELECT person_id FROM unified.person WHERE id_number = '110101199001011237'",
    "SELECT count(*), min(phone), max(id_number) FROM unified.person",
    "SELECT grid_id, count(*) FROM unified.person GROUP BY grid_id ORDER BY grid_id",
    "SELECT person_id FROM unified.person WHERE grid_id = 'G0202' ORDER BY person_id",
];

fn relations() -> Vec<Relation> {
    stored(&tests::attacks::rows::Rows::of(Side::A)).iter().map(TableRows::relation).collect()
}

/// O-001: an answer in clear to one principal is never another one's, whoever asks first.
#[tokio::test(flavor = "multi_thread")]
async fn one_text_asked_by_two_principals_has_two_answers() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let officer = principal("police_officer", Some("case:A2026-001"));
    let worker = grid_worker();
    let oracle = Oracle::of(&a, &worker).await;
    for sql in QUESTIONS {
        for (door, twin) in a.doors().into_iter().zip(b.doors()) {
            let before = door.ask(&worker, sql).await;
            let in_clear = door.ask(&officer, sql).await;
            assert_eq!(in_clear.failure, None, "{sql}");
            let _ = twin.ask(&officer, sql).await;
            let after = door.ask(&worker, sql).await;
            assert_eq!(before, after, "{sql}");
            same_in_both_worlds(door.name(), &after, &twin.ask(&worker, sql).await, true).unwrap();
            oracle_equal(door, &worker, &oracle, sql).await.unwrap();
        }
    }
}

/// O-002: what is empty for one is not for another, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_one_grid_says_nothing_about_another() {
    let world = World::load(Side::A, Loading::default()).await;
    let of_grid =
        |grid: &str| Principal { attributes: [("grid_id".to_owned(), vec![grid.to_owned()])].into(), ..grid_worker() };
    for sql in QUESTIONS {
        for grids in [["G0101", "G0202"], ["G0303", "G0101"], ["G9999", "G0202"]] {
            for grid in grids {
                let who = of_grid(grid);
                let oracle = Oracle::of(&world, &who).await;
                for door in world.doors() {
                    oracle_equal(door, &who, &oracle, sql).await.unwrap_or_else(|finding| panic!("{grid}: {finding}"));
                }
            }
        }
    }
}

/// O-004: a broken policy text never becomes a policy set, so that the last good one stays in force.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_policy_changes_nothing() {
    let world = World::load(Side::A, Loading::default()).await;
    let (gateway, who, sql) = (&world.in_process.0, grid_worker(), QUESTIONS[0]);
    let (before, version) = (world.in_process.ask(&who, sql).await, gateway.policy_version());
    let broken = [
        String::new() + "[[rule]\n" + POLICY,
        POLICY.replacen("rows = { column = \"grid_id\", in = \"grid_id\" }", "", 1),
        POLICY.replacen("id_number = \"id_six_four\"", "id_number = \"id_six_for\"", 1),
        POLICY.replacen("phone = \"phone_three_four\"", "fone = \"phone_three_four\"", 1),
        POLICY.replacen("role = \"grid_worker\"", "role = \"grid_walker\"", 1),
        POLICY.replacen("k = 5", "k = 1", 1),
    ];
    for text in broken {
        assert_ne!(text, POLICY);
        let faults = PolicySet::parse("roles.toml", &text, &relations()).expect_err("a fault");
        assert!(faults.iter().all(|fault| fault.to_string().contains("roles.toml")), "{faults:?}");
        // What a publisher would do with the outcome.
        if let Ok(set) = PolicySet::parse("roles.toml", &text, &relations()) {
            gateway.replace_policies(set);
        }
        assert_eq!(gateway.policy_version(), version);
        assert_eq!(world.in_process.ask(&who, sql).await, before);
    }
    // An empty text is a sound policy that shows nothing to anybody: never "no policy".
    gateway.replace_policies(policies("", &relations()));
    assert_ne!(gateway.policy_version(), version);
    for door in world.doors() {
        looks_nonexistent(door, &who, sql, ("unified.person", "unified.nosuch")).await.unwrap();
    }
}

/// A set that is put in force holds for the next question, is named in its answer and its record, and ends old cursors.
#[tokio::test(flavor = "multi_thread")]
async fn new_policies_hold_for_the_next_question() {
    let world = World::load(Side::A, Loading::default()).await;
    let (gateway, who) = (&world.in_process.0, grid_worker());
    let sql = "SELECT id_number, phone FROM unified.person ORDER BY person_id";
    let first = gateway.policy_version();
    let page = world.rest.get(&who, "/api/v1/persons?limit=7").await;
    let cursor = next_cursor(&page).expect("a second page");
    for door in world.doors() {
        assert_eq!(door.ask(&who, sql).await.columns, ["id_number", "phone"]);
    }
    let reveal = "[rule.reveal]\ncolumns = [\"phone\"]\nseconds = 60\nper_hour = 200\n";
    let narrower = POLICY.replacen("phone = \"phone_three_four\"\n", "", 1).replacen(", phone = \"null\"", "", 1);
    let narrower = narrower.replacen(reveal, "", 1);
    assert_ne!(narrower, POLICY);
    gateway.replace_policies(policies(&narrower, &relations()));
    let second = gateway.policy_version();
    assert_ne!(first, second);
    let _ = world.ledger.take();
    for door in world.doors() {
        looks_nonexistent(door, &who, sql, ("phone", "nosuchcol")).await.unwrap();
        denied(door, &who, sql).await.unwrap();
    }
    let entries = world.ledger.take();
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry.record.policy_version == second));
    assert_eq!(world.rest.get(&who, &format!("/api/v1/persons?limit=7&cursor={cursor}")).await.status, 410);
    // And back again.
    gateway.replace_policies(policies(POLICY, &relations()));
    assert_eq!(gateway.policy_version(), first);
    let oracle = Oracle::of(&world, &who).await;
    for door in world.doors() {
        oracle_equal(door, &who, &oracle, sql).await.unwrap();
    }
}

/// An answer that is being read when the data change is that of the moment it was asked, and says so. One whose principal may
/// see something else from now on ends: no row leaves under the policies of before.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_belongs_to_the_moment_it_was_asked() {
    use futures::StreamExt;
    let world = World::load(Side::A, Loading::default()).await;
    let (gateway, who) = (&world.in_process.0, grid_worker());
    let request = query::QueryRequest {
        principal: who.clone(),
        sql: "SELECT person_id FROM unified.person".to_owned(),
        request_id: "attack-1".to_owned(),
        protocol: "cli",
        kind: "query",
        client: None,
        token_id: None,
        parameters: Vec::new(),
        as_of: None,
    };
    let old = gateway.policy_version();
    let mut cut = gateway.query(request.clone()).await.unwrap();
    let mut rows = gateway.query(request).await.unwrap();
    gateway.publish(published(2, &stored(&tests::attacks::rows::Rows::of(Side::B)), Storage::Plain, 32));
    assert_eq!((rows.policy_version(), rows.data_version()), (old.as_str(), 1));
    let mut n_rows = 0;
    while let Some(batch) = rows.next().await {
        n_rows += batch.unwrap().num_rows();
    }
    assert_eq!(n_rows, 40);
    gateway.replace_policies(policies("", &relations()));
    assert!(matches!(cut.next().await, Some(Err(query::QueryError::PolicyChanged))));
    assert!(cut.next().await.is_none());
    assert_eq!(gateway.data_version(), Some(2));
    denied(&world.in_process, &who, "SELECT person_id FROM unified.person").await.unwrap();
}

/// What happens to a table between two versions.
type Change<'a> = &'a dyn Fn(TableRows) -> TableRows;

/// The world's tables with `unified.person` changed, published as the second version.
fn publish_changed(gateway: &Gateway, world: &World, change: Change<'_>) {
    let tables: Vec<TableRows> = stored(&world.rows)
        .into_iter()
        .map(|table| if table.name == "unified.person" { change(table) } else { table })
        .collect();
    gateway.publish(published(2, &tables, Storage::Plain, 32));
}

/// O-006 and O-007: a column that is renamed, is new, or changes its type is hidden until a policy speaks of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_no_policy_speaks_of_is_hidden() {
    let who = grid_worker();
    let renamed = |table: TableRows| table.renamed("id_number", "idno");
    let new = |table: TableRows| table.with_copy("phone", "phone2", FieldType::Phone);
    let another_type =
        |table: TableRows| table.without("household_id").with_copy("id_number", "household_id", FieldType::CitizenId);
    let cases: [(&str, &str, Change<'_>); 3] =
        [("idno", "id_number", &renamed), ("phone2", "", &new), ("household_id", "household_id", &another_type)];
    for (hidden, gone, change) in cases {
        let world = World::load(Side::A, Loading::default()).await;
        let oracle = Oracle::of(&world, &who).await;
        let secrets = Secrets::hidden_from(Side::A, &world.rows, &oracle).await;
        let before = world.in_process.ask(&who, QUESTIONS[0]).await;
        publish_changed(&world.in_process.0, &world, change);
        let expected: Vec<String> = before.columns.iter().filter(|column| *column != gone).cloned().collect();
        for door in world.doors() {
            let answer = door.ask(&who, QUESTIONS[0]).await;
            assert_eq!((answer.columns.clone(), answer.failure.clone()), (expected.clone(), None), "{hidden}");
            assert_eq!(secrets.found_in(answer.text().as_bytes(), QUESTIONS[0]), None, "{hidden}");
            let sql = format!("SELECT {hidden} FROM unified.person");
            looks_nonexistent(door, &who, &sql, (hidden, "nosuchcol")).await.unwrap();
            // What is left is answered as before.
            let rest = "SELECT person_id, name, phone FROM unified.person ORDER BY person_id";
            same_answer(door.name(), &oracle.ask(rest).await, &door.ask(&who, rest).await, true).unwrap();
        }
        let record = world.rest.get(&who, "/api/v1/persons/P0001").await;
        assert_eq!((record.status, secrets.found_in(record.text().as_bytes(), "")), (200, None), "{hidden}");
        assert!(!record.text().contains(&format!("\"{hidden}\"")), "{}", record.text());
    }
}

/// A new version of the data is what the next question reads, and cursors of the old one end.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_read_by_the_next_question() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let officer = principal("police_officer", None);
    let cursor = next_cursor(&a.rest.get(&officer, "/api/v1/persons?limit=7").await).expect("a second page");
    let gateway: &Arc<Gateway> = &a.in_process.0;
    gateway.publish(published(2, &stored(&b.rows), Storage::Plain, 50));
    for sql in QUESTIONS {
        for (door, other) in [(a.doors()[0], b.doors()[0]), (a.doors()[1], b.doors()[1])] {
            let (of_a, of_b) = (door.ask(&officer, sql).await, other.ask(&officer, sql).await);
            same_answer(door.name(), &of_b, &of_a, true).unwrap_or_else(|finding| panic!("{sql}: {finding}"));
        }
    }
    assert_eq!(a.rest.get(&officer, &format!("/api/v1/persons?limit=7&cursor={cursor}")).await.status, 410);
}

fn next_cursor(answer: &HttpAnswer) -> Option<String> {
    let page: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    page["next"].as_str().map(str::to_owned)
}

/// What is tightened holds for reveals that were asked for before.
#[tokio::test(flavor = "multi_thread")]
async fn a_reveal_lasts_no_longer_than_its_policy() {
    let world = World::load(Side::A, Loading::default()).await;
    let (gateway, who) = (&world.in_process.0, grid_worker());
    let own = world.rows.persons.iter().find(|person| person.grid_id == OWN_GRID).expect("a person");
    let body = json!({
        "relation": "unified.person", "record": own.person_id, "column": "phone", "reason": "上门走访核实"
    });
    let asked = world.rest.post(&who, "/api/v1/reveals", &body).await;
    let asked: Value = serde_json::from_str(&asked.text()).unwrap();
    let path = format!("/api/v1/reveals/{}", asked["id"].as_str().expect("an id"));
    assert_eq!(world.rest.get(&who, &path).await.status, 200);
    let reveal = "[rule.reveal]\ncolumns = [\"phone\"]\nseconds = 60\nper_hour = 200\n";
    for tightened in [
        POLICY.replacen(reveal, "", 1),
        POLICY.replacen(reveal, &format!("{reveal}approved_by = [\"privacy_officer\"]\n"), 1),
        POLICY.replacen(reveal, &reveal.replace("60", "30"), 1),
    ] {
        assert_ne!(tightened, POLICY);
        gateway.replace_policies(policies(&tightened, &relations()));
        let look = world.rest.get(&who, &path).await;
        assert_eq!(look.status, 403, "{}", look.text());
        assert!(look.text().contains("DT-POL-0007"), "{}", look.text());
    }
    gateway.replace_policies(policies(POLICY, &relations()));
    assert_eq!(world.rest.get(&who, &path).await.status, 200);
}
