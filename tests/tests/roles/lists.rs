//! Lists page by page.

use std::fs;
use std::time::{Duration, Instant};

use tests::datong::{Demo, Site, city, claim, quick_folder};
use tests::http::Door;

pub(crate) async fn a_list_gives_every_record_once(demo: &Demo) {
    let worker = Door::new(demo.url(), demo.token("grid_worker"));
    let grid = claim(demo.token("grid_worker"), "grids")[0].clone();
    let expected: Vec<String> = worker
        .rows("SELECT person_id FROM unified.person ORDER BY person_id")
        .await
        .iter()
        .map(|row| row["person_id"].as_str().expect("an id").to_owned())
        .collect();
    let start = format!("/api/v1/persons?grid_id={grid}&limit=37");
    let mut found = Vec::new();
    let mut path = start.clone();
    let mut cursors = Vec::new();
    loop {
        let page = worker.get(&path).await.expect_status(200);
        let body = page.json();
        let items = body["items"].as_array().expect("items").clone();
        assert!(!items.is_empty() && items.len() <= 37);
        for item in &items {
            assert_eq!(item["grid_id"], grid.as_str());
            found.push(item["person_id"].as_str().expect("an id").to_owned());
        }
        let Some(next) = body["next"].as_str() else {
            assert_eq!(page.header("link"), "", "the last page has no next one");
            break;
        };
        cursors.push(next.to_owned());
        path = format!("{start}&cursor={next}");
    }
    assert_eq!(found, expected, "every person of the grid once, in the order of ids");
    assert!(cursors.len() >= 3, "{} pages", cursors.len() + 1);

    let cursor = &cursors[0];
    let mut turned = cursor.clone().into_bytes();
    turned[30] = if turned[30] == b'A' { b'B' } else { b'A' };
    let turned = String::from_utf8(turned).expect("ASCII");
    let other = Door::new(demo.url(), demo.token("police_officer"));
    let gone = [
        ("another principal", other.get(&format!("{start}&cursor={cursor}")).await),
        ("another list", worker.get(&format!("/api/v1/houses?limit=37&cursor={cursor}")).await),
        ("another filter", worker.get(&format!("/api/v1/persons?limit=37&cursor={cursor}")).await),
        ("a changed cursor", worker.get(&format!("{start}&cursor={turned}")).await),
        ("no cursor", worker.get(&format!("{start}&cursor=abc")).await),
    ];
    for (title, answer) in gone {
        assert_eq!(answer.status, 410, "{title}: {}", answer.text());
        assert_eq!(answer.problem()["code"], "DT-REQ-0004", "{title}");
    }
}

/// A client may follow the link of RFC 8288 as it stands.
pub(crate) async fn the_link_to_the_next_page_leads_there(demo: &Demo) {
    let worker = Door::new(demo.url(), demo.token("grid_worker"));
    let grid = claim(demo.token("grid_worker"), "grids")[0].clone();
    for path in ["/api/v1/persons?limit=7".to_owned(), format!("/api/v1/persons?grid_id={grid}&limit=7")] {
        let page = worker.get(&path).await.expect_status(200);
        let link = page.header("link").trim_start_matches('<').split('>').next().expect("an address").to_owned();
        let by_cursor = worker.get(&format!("{path}&cursor={}", page.json()["next"].as_str().expect("a cursor"))).await;
        let by_link = worker.get(&link).await;
        assert_eq!(by_link.status, 200, "after {path}, the link {link}: {}", by_link.text());
        assert_eq!(by_link.json()["items"], by_cursor.json()["items"], "after {path}");
    }
}

/// A new version in service ends the cursors of the version before, and requests on it go on.
#[tokio::test]
async fn a_cursor_of_the_version_before_is_gone() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let (first, second) = (kept.path().join("first"), kept.path().join("second"));
    let _written = (city(300, 1, &first), city(300, 2, &second));
    site.take_exports(&first);
    let _said = site.run(&["pull"]).expect_code(0);
    let (_server, url) = site.serve();
    let door = Door::new(&url, &site.token("police_officer", None));
    let page = door.get("/api/v1/persons?limit=10").await.expect_status(200).json();
    let path = format!("/api/v1/persons?limit=10&cursor={}", page["next"].as_str().expect("a next page"));
    assert_eq!(door.get(&path).await.status, 200);

    site.take_exports(&second);
    let said = site.run(&["pull"]).expect_code(0);
    assert!(said.stdout.contains("published version 2"), "{}", said.stdout);
    let clock = Instant::now();
    while door.get("/readyz").await.json()["data_version"] != 2 {
        assert!(clock.elapsed() < Duration::from_secs(60), "the server never takes the new version up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let gone = door.get(&path).await.expect_status(410);
    assert_eq!(gone.problem()["code"], "DT-REQ-0004");
    assert_eq!(door.get("/api/v1/persons?limit=10").await.status, 200);
    assert!(
        fs::metadata(site.folder.join("data").join("audit")).is_ok_and(|folder| folder.is_dir()),
        "requests are audited"
    );
}
