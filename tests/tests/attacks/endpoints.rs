//! Category M as far as there are doors: the endpoints REST has, against what the lines ask of endpoints like them. L-007
//! and L-011 belong here too.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::attacks::door::Door;
use tests::attacks::oracle::Oracle;
use tests::attacks::rest_door::HttpAnswer;
use tests::attacks::roles::{grid_worker, principal};
use tests::attacks::rows::{OWN_GRID, Side, is_lifted};
use tests::attacks::secrets::Secrets;
use tests::attacks::world::{Loading, World};

/// Every endpoint. One that joins has to be looked at here and in `records`.
const ENDPOINTS: [&str; 22] = [
    "/api/openapi.json",
    "/api/v1/catalog",
    "/api/v1/events",
    "/api/v1/events/{id}",
    "/api/v1/grids",
    "/api/v1/grids/{id}",
    "/api/v1/houses",
    "/api/v1/houses/{id}",
    "/api/v1/persons",
    "/api/v1/persons/{id}",
    "/api/v1/reveals",
    "/api/v1/reveals/{id}",
    "/api/v1/reveals/{id}/approve",
    "/api/v1/reveals/{id}/refuse",
    "/api/v1/changes",
    "/api/v1/sql",
    "/api/v1/versions",
    "/api/v1/why",
    "/livez",
    "/api/v1/persons/search",
    "/metrics",
    "/readyz",
];

/// The lines of M that speak of REST, as they are written.
const AS_WRITTEN: [&str; 5] = [
    "/v1/unified/person?fields=id_number,phone",
    "/v1/unified/person?filter=id_number%20eq%20'110101199001011237'",
    "/v1/unified/person?fields=ethnicity",
    "/v1/unified/person?filter=grid_id%20eq%20'G0202'&count=true",
    "/v1/unified/person?offset=1&limit=1",
];

fn json(answer: &HttpAnswer) -> Value {
    serde_json::from_str(&answer.text()).unwrap_or_else(|_| panic!("{}", answer.text()))
}

/// The answer with one name put for another, its request id and length aside.
fn renamed(answer: &HttpAnswer, from: &str, to: &str) -> (u16, String) {
    (answer.status, answer.text().replace(from, to))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoints_are_those_that_were_looked_at() {
    let world = World::load(Side::A, Loading::default()).await;
    let document = json(&world.rest.get(&grid_worker(), "/api/openapi.json").await);
    let declared: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let known = BTreeSet::from(ENDPOINTS);
    assert_eq!(declared.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    for path in AS_WRITTEN {
        let answer = world.rest.get(&grid_worker(), path).await;
        assert_eq!(answer, world.rest.get(&grid_worker(), "/v1/nosuch").await, "{path}");
        assert_eq!(answer.status, 404, "{path}");
    }
    // Where nothing is kept there is nothing to look back at; what is kept is asked in `history.rs`.
    let changes = world.rest.get(&grid_worker(), "/api/v1/changes?since=1").await;
    assert_eq!(changes.status, 404, "{}", changes.text());
    assert_eq!(json(&world.rest.get(&grid_worker(), "/api/v1/versions").await)["versions"], Value::Array(Vec::new()));
}

/// M-001: records hold the masked values that SQL gives, and the oracle.
#[tokio::test(flavor = "multi_thread")]
async fn records_hold_what_sql_gives() {
    let world = World::load(Side::A, Loading::default()).await;
    for who in [grid_worker(), principal("police_officer", None)] {
        let oracle = Oracle::of(&world, &who).await;
        let expected = oracle.ask("SELECT person_id, id_number, phone FROM unified.person ORDER BY person_id").await;
        let page = json(&world.rest.get(&who, "/api/v1/persons?limit=1000").await);
        let items = page["items"].as_array().unwrap();
        let cell = |item: &Value, name: &str| item[name].as_str().map(str::to_owned);
        let found: Vec<Vec<Option<String>>> = items
            .iter()
            .map(|item| ["person_id", "id_number", "phone"].map(|name| cell(item, name)).to_vec())
            .collect();
        assert_eq!(found, expected.rows);
        for item in items {
            let id = item["person_id"].as_str().unwrap();
            assert_eq!(&json(&world.rest.get(&who, &format!("/api/v1/persons/{id}")).await), item);
        }
    }
}

/// M-002 and M-004: lists are not narrowed by a masked or a hidden column, which is refused like one that does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn lists_are_not_narrowed_by_what_is_masked_or_hidden() {
    let world = World::load(Side::A, Loading::default()).await;
    let who = grid_worker();
    let hidden = Secrets::of(Side::A, &world.rows);
    for (column, value) in [
        ("id_number", "110101199001011237"),
        ("phone", "13800000001"),
        ("ethnicity", "%E6%B1%89%E6%97%8F"),
        ("fields", "ethnicity"),
        ("filter", "x"),
        ("count", "true"),
        ("offset", "1"),
        ("sort", "ethnicity"),
    ] {
        let path = format!("/api/v1/persons?{column}={value}");
        let answer = world.rest.get(&who, &path).await;
        assert_eq!(answer.status, 400, "{path}");
        let absent = world.rest.get(&who, &format!("/api/v1/persons?nosuchcol={value}")).await;
        assert_eq!(renamed(&answer, column, "nosuchcol"), renamed(&absent, column, "nosuchcol"), "{path}");
        assert_eq!(hidden.found_in(answer.body.as_deref().unwrap(), &path), None, "{path}");
    }
}

/// M-006 and M-007: totals, tags and paging depend on visible rows only: there are none that do not.
#[tokio::test(flavor = "multi_thread")]
async fn totals_tags_and_paging_are_those_of_the_visible_rows() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let who = grid_worker();
    let pages = ["grid_id=G0202", "grid_id=G0202&limit=1", "grid_id=G0101&limit=1", "limit=1", "limit=39", "limit=40"];
    for page in pages {
        let path = format!("/api/v1/persons?{page}");
        let answers = [a.rest.get(&who, &path).await, b.rest.get(&who, &path).await];
        assert_eq!(answers[0], answers[1], "{path}");
        for name in ["etag", "last-modified", "x-total-count", "content-range"] {
            assert!(answers[0].headers.iter().all(|(header, _)| header != name), "{path}: {name}");
        }
        let body = json(&answers[0]);
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["items", "next"], "{path}");
        if page.contains("G0202") {
            assert_eq!((body["items"].as_array().unwrap().len(), body["next"].is_null()), (0, true), "{path}");
        }
    }
}

/// L-007: of several roles the active one counts, and alone; without an active one nothing is answered.
#[tokio::test(flavor = "multi_thread")]
async fn roles_do_not_add_up() {
    let world = World::load(Side::A, Loading::default()).await;
    let who = grid_worker();
    let path = "/api/v1/persons?limit=1000";
    let both = ["grid_worker", "police_officer"];
    let alone = world.rest.get(&who, path).await;
    assert_eq!(json(&alone)["items"].as_array().unwrap().len(), 40);
    assert_eq!(world.rest.get_with_roles(&who, &both, Some("grid_worker"), path).await, alone);
    let as_officer = world.rest.get_with_roles(&who, &both, Some("police_officer"), path).await;
    assert_eq!(json(&as_officer)["items"].as_array().unwrap().len(), world.rows.persons.len());
    for (held, active) in [(&both[..], None), (&both[..1], Some("police_officer")), (&both[..], Some("auditor"))] {
        let answer = world.rest.get_with_roles(&who, held, active, path).await;
        assert_eq!(answer.status, 401, "{held:?} {active:?}: {}", answer.text());
    }
}

/// L-011: a reveal never widens the rows. Somebody of another grid and nobody at all are the same, in both worlds.
#[tokio::test(flavor = "multi_thread")]
async fn a_reveal_stays_within_the_rows_of_the_caller() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let who = grid_worker();
    let mut looks = Vec::new();
    for world in [&a, &b] {
        let other =
            world.rows.persons.iter().find(|person| person.grid_id != OWN_GRID).expect("a person of another grid");
        let of_own_grid = || world.rows.persons.iter().filter(|person| person.grid_id == OWN_GRID);
        let own = of_own_grid().find(|person| !is_lifted(person.birth_date) && person.phone.is_some());
        let own = own.expect("an adult with a phone");
        let child = of_own_grid().find(|person| is_lifted(person.birth_date) && person.phone.is_some());
        let child = child.expect("a child with a phone");
        for (record, shown) in [
            (&*other.person_id, None),
            ("P9999", None),
            (&*own.person_id, Some(own.phone.as_deref())),
            // What the policy hides of children is not revealed either.
            (&*child.person_id, Some(None)),
        ] {
            let body =
                json!({ "relation": "unified.person", "record": record, "column": "phone", "reason": "上门走访核实" });
            let asked = world.rest.post(&who, "/api/v1/reveals", &body).await;
            assert_eq!(asked.status, 201, "{}", asked.text());
            let path = format!("/api/v1/reveals/{}", self::json(&asked)["id"].as_str().expect("an id"));
            let look = world.rest.get(&who, &path).await;
            match shown {
                Some(phone) => assert_eq!(self::json(&look)["value"], json!(phone), "{}", look.text()),
                None => looks.push((look.status, look.body)),
            }
        }
        let by_sql = world.rest.ask(&who, "SELECT reveal(phone) FROM unified.person WHERE person_id = 'P0001'").await;
        assert_eq!(by_sql.failure.map(|failure| failure.code).as_deref(), Some("DT-SQL-0006"));
        let table = world.rest.ask(&who, "SELECT * FROM catalog.revealed").await;
        assert_eq!(table.failure.map(|failure| failure.code).as_deref(), Some("DT-SQL-0004"));
    }
    assert_eq!(looks[0].0, 404);
    assert!(looks.windows(2).all(|pair| pair[0] == pair[1]), "{looks:?}");
}
