//! Earlier versions and what has changed since: under the policies of now, for roles that may look back, never of what is open
//! to statistics only.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use tests::datong::{Site, city, quick_folder};
use tests::http::Door;

type Rows = BTreeMap<String, Map<String, Value>>;

/// A site that has published twice: the police alone, then everybody.
fn twice() -> (tempfile::TempDir, Site) {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let out = kept.path().join("city");
    let _made = city(400, 7, &out).expect_code(0);
    site.take_exports(&out);
    let _first = site.run(&["pull", "police", "grid"]).expect_code(0);
    let _second = site.run(&["pull"]).expect_code(0);
    (kept, site)
}

async fn persons(door: &Door, as_of: &str) -> Rows {
    let path = format!("/api/v1/sql?as_of={as_of}");
    let statement = serde_json::json!({ "sql": "SELECT * FROM unified.person" });
    let answer = door.post(&path, &statement).await.expect_status(200).json();
    assert_eq!(answer["meta"]["data_version"].to_string(), as_of);
    let rows = answer["rows"].as_array().expect("rows").iter().map(|row| row.as_object().expect("a row").clone());
    rows.map(|row| (row["person_id"].as_str().expect("an id").to_owned(), row)).collect()
}

/// All changes, page by page, as (change, id, columns, record).
async fn changes(door: &Door, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = door.get(&format!("/api/v1/changes?{query}&limit=70{cursor}")).await.expect_status(200).json();
        all.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn expected(before: &Rows, after: &Rows) -> Vec<(String, String)> {
    let ids: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |id: &String| match (before.get(id), after.get(id)) {
        (None, Some(_)) => Some("added"),
        (Some(_), None) => Some("removed"),
        (Some(was), Some(is)) if was != is => Some("changed"),
        _ => None,
    };
    ids.into_iter().filter_map(|id| Some((of(id)?.to_owned(), id.clone()))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_the_difference_of_what_one_sees_of_two_versions() {
    let (_kept, site) = twice();
    let (_running, url) = site.serve();
    let everybody = persons(&Door::new(&url, &site.token("police_officer", None)), "1").await;
    let street = everybody.values().find_map(|row| row["street_code"].as_str()).expect("somebody lives in a street");
    let street = format!("street={street}");
    for (role, attribute) in [("police_officer", None), ("street_analyst", Some(street.as_str())), ("platform", None)] {
        let door = Door::new(&url, &site.token(role, attribute));
        let versions = door.get("/api/v1/versions").await.expect_status(200).json();
        let numbers: Vec<u64> =
            versions["versions"].as_array().expect("versions").iter().filter_map(|v| v["version"].as_u64()).collect();
        assert_eq!(numbers, [1, 2], "{role}");
        let (before, after) = (persons(&door, "1").await, persons(&door, "2").await);
        assert!(!after.is_empty(), "{role} sees somebody");
        let found = changes(&door, "since=1").await;
        let told: Vec<(String, String)> = found
            .iter()
            .map(|item| (item["change"].as_str().unwrap().to_owned(), item["id"].as_str().unwrap().to_owned()))
            .collect();
        let expected = expected(&before, &after);
        assert!(expected.len() > 20, "{role}: {}", expected.len());
        assert_eq!(told, expected, "{role}");
        for item in &found {
            let id = item["id"].as_str().expect("an id");
            assert_eq!(item["record"].as_object(), after.get(id), "{role}: the record as it is now");
            if item["change"] == "changed" {
                let differs: Vec<&String> =
                    after[id].keys().filter(|column| before[id].get(*column) != after[id].get(*column)).collect();
                assert_eq!(item["columns"].as_array().map(Vec::len), Some(differs.len()));
            }
        }
        assert!(changes(&door, "since=2").await.is_empty());
        assert_eq!(changes(&door, "since=1&until=2").await.len(), found.len());
        assert_eq!(changes(&door, "since=1&until=1").await.len(), 0);
        // One record, and a list, as they were.
        let (id, row) = before.first_key_value().expect("somebody");
        let then = door.get(&format!("/api/v1/persons/{id}?as_of=1")).await.expect_status(200).json();
        assert_eq!(then.as_object(), Some(row), "{role}");
        let listed = door.get("/api/v1/persons?as_of=1&limit=5").await.expect_status(200).json();
        assert_eq!(listed["items"][0].as_object(), Some(row));
        let cursor = listed["next"].as_str().expect("a next page");
        let page =
            door.get(&format!("/api/v1/persons?as_of=1&limit=5&cursor={cursor}")).await.expect_status(200).json();
        assert_eq!(page["items"][0]["person_id"].as_str(), before.keys().nth(5).map(String::as_str));
        let other = door.get(&format!("/api/v1/persons?as_of=2&limit=5&cursor={cursor}")).await;
        assert_eq!(other.status, 410, "a cursor of another version");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_roles_that_may_look_back_do_and_never_at_counts() {
    let (_kept, site) = twice();
    let (_running, url) = site.serve();
    let ask = async |role: &str, attribute: Option<&str>, path: &str, sql: &str| {
        let door = Door::new(&url, &site.token(role, attribute));
        let answer = door.post(path, &serde_json::json!({ "sql": sql })).await;
        (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
    };
    let (then, n) = ("/api/v1/sql?as_of=1", "SELECT count(*) AS n FROM unified.person");
    let grids = Some("grids=990100001001001");
    assert_eq!(ask("grid_worker", grids, then, n).await, (403, "DT-POL-0011".to_owned()));
    assert_eq!(ask("grid_worker", grids, "/api/v1/sql?as_of=99", n).await, (403, "DT-POL-0011".to_owned()));
    assert_eq!(ask("grid_worker", grids, "/api/v1/sql?as_of=2", n).await.0, 200, "the current one by its number");
    let worker = Door::new(&url, &site.token("grid_worker", grids));
    let versions = worker.get("/api/v1/versions").await.expect_status(200).json();
    assert_eq!(versions["versions"].as_array().map(Vec::len), Some(1));
    assert_eq!(worker.get("/api/v1/changes?since=1").await.status, 403);
    assert_eq!(ask("police_officer", None, "/api/v1/sql?as_of=99", n).await, (404, "DT-SQL-0012".to_owned()));
    assert_eq!(ask("police_officer", None, "/api/v1/sql?as_of=2001-01-01T00:00:00Z", n).await.0, 404);
    assert_eq!(ask("police_officer", None, "/api/v1/sql?as_of=2100-01-01T00:00:00Z", n).await.0, 200);
    assert_eq!(ask("police_officer", None, "/api/v1/sql?as_of=yesterday", n).await, (400, "DT-REQ-0001".to_owned()));
    let officer = Door::new(&url, &site.token("police_officer", None));
    for bad in ["", "?since=x", "?since=1&of=people", "?since=1&limit=0", "?since=1&of=grids&grid_id=1", "?since=1&x=1"]
    {
        assert_eq!(officer.get(&format!("/api/v1/changes{bad}")).await.status, 400, "{bad}");
    }
    let search = "SELECT * FROM catalog.find_person('11010519491231002X')";
    assert_eq!(ask("police_officer", None, then, search).await, (403, "DT-SQL-0008".to_owned()));

    // Statistics: open as they are now; not as they were, even to a role that may look back.
    let counts = "SELECT count(*) AS n FROM unified.person";
    assert_eq!(ask("health_analyst", None, "/api/v1/sql", counts).await.0, 200);
    assert_eq!(ask("health_analyst", None, then, counts).await, (403, "DT-POL-0011".to_owned()));
    let policies = site.folder.join("policies.toml");
    let text = std::fs::read_to_string(&policies).expect("the policies");
    let wider = text.replace("[role.health_analyst]\n", "[role.health_analyst]\npast_days = 30\n");
    assert_ne!(wider, text);
    let draft = site.folder.join("draft.toml");
    std::fs::write(&draft, &wider).expect("a write");
    let diff =
        site.run(&["--lang", "en", "policy", "diff", "live", &draft.display().to_string(), "--fail-on-widening"]);
    let diff = diff.expect_code(3);
    assert!(diff.stdout.contains("earlier versions") && diff.stdout.contains("30 days back"), "{}", diff.stdout);
    std::fs::write(&policies, wider).expect("a write");
    let mut answer = ask("health_analyst", None, then, counts).await;
    for _ in 0..50 {
        if answer.1 == "DT-POL-0012" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = ask("health_analyst", None, then, counts).await;
    }
    assert_eq!(answer, (403, "DT-POL-0012".to_owned()));
}
