//! Records, the catalog and the reasons for what is masked.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::datong::Demo;
use tests::http::Door;

use crate::columns::GRID_WORKER;
use crate::texts::text_of_json;

pub(crate) async fn records_catalog_and_reasons_agree(demo: &Demo) {
    for role in ["grid_worker", "police_officer", "platform"] {
        let door = Door::new(demo.url(), demo.token(role));
        for (relation, list, key) in [
            ("unified.person", "persons", "person_id"),
            ("unified.house", "houses", "house_id"),
            ("unified.event", "events", "event_id"),
            ("unified.grid", "grids", "grid_id"),
        ] {
            let rows = door.rows(&format!("SELECT * FROM {relation} ORDER BY {key} LIMIT 5")).await;
            assert!(!rows.is_empty(), "{role} sees no row of {relation}");
            for row in &rows {
                let id = row[key].as_str().expect("an id");
                let record = door.get(&format!("/api/v1/{list}/{id}")).await.expect_status(200);
                assert_eq!(&record.json(), row, "{role}: the record is the row of {relation}");
                assert_eq!(record.header("cache-control"), "private, no-store");
            }
            let page = door.get(&format!("/api/v1/{list}?limit=5")).await.expect_status(200).json();
            assert_eq!(page["items"].as_array(), Some(&rows), "{role}: the page is the rows of {relation}");
        }
    }
    let door = Door::new(demo.url(), demo.token("grid_worker"));
    let catalog = door.get("/api/v1/catalog").await.expect_status(200).json();
    let person =
        catalog.as_array().expect("relations").iter().find(|r| r["name"] == "unified.person").expect("persons");
    assert_eq!(person["rows_filtered"], true);
    let columns: Vec<&str> =
        person["columns"].as_array().expect("columns").iter().map(|c| c["name"].as_str().expect("a name")).collect();
    assert_eq!(columns.iter().copied().collect::<BTreeSet<_>>(), GRID_WORKER.iter().map(|(name, _)| *name).collect());
    let masked =
        |name: &str| person["columns"].as_array().expect("columns").iter().find(|c| c["name"] == name).cloned();
    assert_eq!(masked("name").expect("name")["mask"], "clear_under_14_surname_only");
    assert_eq!(masked("sex").expect("sex")["mask"], Value::Null);
    assert!(masked("id_no").expect("id_no")["mask"].as_str().is_some_and(|mask| mask.starts_with("keep_first_last")));
    let why = door.get("/api/v1/why?table=unified.person&column=id_no").await.expect_status(200).json();
    assert_eq!(why.as_array().map(Vec::len), Some(1));
    assert_eq!(Some(&why[0]), masked("id_no").as_ref(), "the reason is the catalog's");
    for part in ["rule", "reason_zh", "reason_en"] {
        assert!(why[0][part].as_str().is_some_and(|text| !text.is_empty()), "no {part}: {why}");
    }
    let whole = door.get("/api/v1/why?table=unified.person").await.expect_status(200).json();
    assert_eq!(whole.as_array().map(Vec::len), Some(GRID_WORKER.len()));
    // Who governs sees that there are rows and nothing in them; who audits or operates sees no table.
    for role in ["privacy_officer", "privacy_reviewer"] {
        let door = Door::new(demo.url(), demo.token(role));
        let rows = door.rows("SELECT * FROM unified.person LIMIT 200").await;
        let shown: BTreeSet<String> =
            rows.iter().flat_map(|row| row.as_object().expect("a row").values().filter_map(text_of_json)).collect();
        assert_eq!(shown, BTreeSet::from(["***".to_owned()]), "{role}");
    }
    for role in ["auditor", "operator"] {
        let door = Door::new(demo.url(), demo.token(role));
        assert_eq!(door.sql("SELECT count(*) AS n FROM unified.person").await.status, 404, "{role}");
        assert_eq!(door.get("/api/v1/persons").await.status, 404, "{role}");
    }
}
