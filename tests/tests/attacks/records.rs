//! The endpoints that write their own statements: records, lists, cursors, catalog.

use policies::Principal;
use std::collections::BTreeMap;
use tests::attacks::rest_door::HttpAnswer;
use tests::attacks::roles::{grid_worker, principal};
use tests::attacks::rows::Side;
use tests::attacks::secrets::Secrets;
use tests::attacks::world::{Loading, World};

/// `{}` is a value with everything that ends a literal.
const PATHS: [&str; 22] = [
    "/api/v1/persons",
    "/api/v1/persons?limit=7",
    "/api/v1/persons?grid_id=G0202",
    "/api/v1/persons?grid_id=G0101%27%20OR%20%271%27%3D%271",
    "/api/v1/persons?grid_id=%27%20UNION%20SELECT%20*%20FROM%20raw.person%20--",
    "/api/v1/persons?household_id=P0004",
    "/api/v1/persons?ethnicity=%E6%B1%89%E6%97%8F",
    "/api/v1/persons?house_id=H0001",
    "/api/v1/persons?limit=999999999",
    "/api/v1/persons?cursor=AAAA",
    "/api/v1/persons/P0001",
    "/api/v1/persons/P1005",
    "/api/v1/persons/P2005",
    "/api/v1/persons/%27%20OR%20%271%27%3D%271",
    "/api/v1/houses?limit=3",
    "/api/v1/houses/H1003",
    "/api/v1/events?limit=3",
    "/api/v1/events/E1003",
    "/api/v1/grids",
    "/api/v1/catalog",
    "/api/v1/why?table=unified.person",
    "/api/v1/why?table=health.visit&column=diagnosis",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_worlds_give_the_same_records_and_headers() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let hidden = Secrets::of(Side::A, &a.rows);
    let who = grid_worker();
    for path in PATHS {
        let (of_a, of_b) = (a.rest.get(&who, path).await, b.rest.get(&who, path).await);
        assert!(of_a.status < 500, "{path}: {}", of_a.text());
        assert_eq!(of_a, of_b, "{path}");
        assert_eq!(hidden.found_in(of_a.body.as_deref().unwrap(), path), None, "{path}");
    }
}

/// Nothing tells a record of another grid from one that does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_record_is_absent() {
    let world = World::load(Side::A, Loading::default()).await;
    let pairs = [
        ("/api/v1/persons/P1005", "/api/v1/persons/P9999"),
        ("/api/v1/houses/H1005", "/api/v1/houses/H9999"),
        ("/api/v1/events/E1005", "/api/v1/events/E9999"),
        ("/api/v1/why?table=health.visit", "/api/v1/why?table=nosuch.nosuch"),
        ("/api/v1/why?table=unified.person&column=ethnicity", "/api/v1/why?table=unified.person&column=nosuch"),
    ];
    for (hidden, absent) in pairs {
        let (about_hidden, about_absent) =
            (world.rest.get(&grid_worker(), hidden).await, world.rest.get(&grid_worker(), absent).await);
        assert_eq!(about_hidden.status, 404, "{hidden}");
        assert_eq!(about_hidden, about_absent, "{hidden}");
    }
    assert_eq!(world.rest.get(&grid_worker(), "/api/v1/persons/P0005").await.status, 200);
}

fn next_cursor(answer: &HttpAnswer) -> Option<String> {
    let page: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    page["next"].as_str().map(str::to_owned)
}

/// All pages together are the visible rows, and a cursor is worth nothing in other hands.
#[tokio::test(flavor = "multi_thread")]
async fn pages_end_with_the_visible_rows() {
    let world = World::load(Side::A, Loading::default()).await;
    let who = grid_worker();
    let mut path = "/api/v1/persons?limit=7".to_owned();
    let (mut ids, mut cursors) = (Vec::new(), Vec::new());
    loop {
        let answer = world.rest.get(&who, &path).await;
        let page: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["person_id"].as_str().unwrap().to_owned()));
        let Some(next) = next_cursor(&answer) else { break };
        path = format!("/api/v1/persons?limit=7&cursor={next}");
        cursors.push(next);
    }
    assert_eq!(ids, (0..40).map(|i| format!("P{i:04}")).collect::<Vec<_>>());
    assert_eq!(cursors.len(), 5);
    let stolen = format!("/api/v1/persons?limit=7&cursor={}", cursors[0]);
    for thief in [
        principal("police_officer", None),
        Principal { subject: "grid_worker-2".to_owned(), ..grid_worker() },
        Principal { subject: "grid_worker-3".to_owned(), attributes: BTreeMap::new(), ..grid_worker() },
    ] {
        assert_eq!(world.rest.get(&thief, &stolen).await.status, 410);
    }
    let elsewhere = format!("/api/v1/houses?limit=7&cursor={}", cursors[0]);
    assert_eq!(world.rest.get(&who, &elsewhere).await.status, 410);
}
