//! `datong key shred` of one list: none of its rows can be read anywhere any more, and everything else is as it was.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use lake::Lake;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use tests::content::{content, is_lasting};
use tests::datong::{copy_folder, lake_of, quick_folder};
use tests::http::Door;

use crate::{TAGS, pulled, texts};

const SHREDDED: &str = "sensitive.hiv";

/// All objects of a lake (the access log beside it is none): those that open with their content, and the names of those that do not.
async fn objects(lake: &Lake) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let store = lake.store();
    let listed: Vec<_> = store.list(None::<&ObjectPath>).try_collect().await.expect("a listing");
    let (mut open, mut closed) = (BTreeMap::new(), Vec::new());
    for object in listed {
        let name = object.location.to_string();
        if name.starts_with("audit/") {
            continue;
        }
        let bytes = match store.get(&object.location).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) => drop(open.insert(name, bytes.to_vec())),
            Err(_) => closed.push(name),
        }
    }
    (open, closed)
}

/// What belongs to the list alone, or was made of it.
fn is_of_the_list(object: &str) -> bool {
    let folders = ["tables/sensitive/hiv/", "tables/sensitive/person_tag/", "index/sensitive/"];
    let beside = ["raw", "rejects", "corrections"].map(|folder| format!("{folder}/{SHREDDED}/"));
    folders.iter().any(|folder| object.starts_with(folder)) || beside.iter().any(|folder| object.starts_with(folder))
}

fn holds(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|window| window == value.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shredded_list_cannot_be_read_anywhere_and_everything_else_answers() {
    let kept = quick_folder();
    let site = pulled(kept.path(), 1_000);
    let lake = site.lake();
    let published = lake.published().await.expect("a pointer").expect("a version");
    let before = content(&lake, &published, is_lasting).await;
    let numbers = texts(&lake, SHREDDED, "list_no").await;
    let mut codes = texts(&lake, TAGS, "tag_code").await;
    codes.sort();
    assert!(numbers.len() >= 3 && codes.iter().any(|code| code == "S05"), "{codes:?}");
    // The search for what may not be there any more finds it while it is.
    let (open, closed) = objects(&lake).await;
    assert!(closed.is_empty(), "{closed:?}");
    assert!(open.values().any(|bytes| numbers.iter().any(|number| holds(bytes, number))), "the raw file");
    assert!(open.keys().filter(|object| is_of_the_list(object)).count() > 4);
    let stolen = kept.path().join("stolen");
    copy_folder(&site.folder, &stolen);
    drop(lake);

    let arguments =
        ["token", "issue", "--subject", "li", "--role", "police_officer", "--purpose", "case_investigation"];
    let token = site.run(&arguments).expect_code(0).stdout.trim().to_owned();
    let (running, url) = site.serve();
    let officer = Door::new(&url, &token);
    let n_offenders = officer.count(TAGS).await;
    let n_persons = officer.count("unified.person").await;
    assert!(n_offenders > 0 && n_persons > 500, "{n_offenders} {n_persons}");
    let shredded = site.run(&["--lang", "en", "key", "shred", SHREDDED, "--yes"]).expect_code(0);
    assert!(shredded.stdout.contains("destroyed sensitive.hiv"), "{}", shredded.stdout);
    assert_eq!((officer.count(TAGS).await, officer.count("unified.person").await), (n_offenders, n_persons));
    drop(running);

    // Where it was: neither the list nor a tag of it; all the rest, row by row.
    let lake = site.lake();
    let published = lake.published().await.expect("a pointer").expect("a version");
    assert!(published.tables.keys().all(|name| name.to_string() != SHREDDED));
    let mut left = texts(&lake, TAGS, "tag_code").await;
    left.sort();
    codes.retain(|code| code != "S05");
    assert_eq!(left, codes);
    let mut after = content(&lake, &published, is_lasting).await;
    for (table, rows) in before.iter().filter(|(table, _)| ![SHREDDED, TAGS].contains(&table.as_str())) {
        assert!(after.remove(table).as_ref() == Some(rows), "{table} is as it was");
    }
    assert_eq!(after.into_keys().collect::<Vec<_>>(), [TAGS]);
    // What does not open any more is of versions before, all of it made of several datasets.
    let is_linked = |object: &String| {
        ["unified", "gateway", "sensitive/person_tag"]
            .iter()
            .any(|of| object.starts_with(&format!("tables/{of}/")) || object.starts_with(&format!("index/{of}/")))
    };
    let (open, closed) = objects(&lake).await;
    assert!(closed.iter().all(is_linked), "{closed:?}");
    assert!(open.values().all(|bytes| numbers.iter().all(|number| !holds(bytes, number))));

    // In a copy made before, with the key file, and the ring as it is now: everything that was of the list is noise.
    std::fs::copy(site.folder.join("data/keyring.json"), stolen.join("data/keyring.json")).expect("a copy");
    let (open, closed) = objects(&lake_of(&stolen)).await;
    assert!(open.keys().any(|object| object.starts_with("tables/police/resident/")), "other tables open");
    assert!(open.keys().any(|object| object.starts_with("tables/sensitive/offender/")), "other lists open");
    assert!(open.keys().any(|object| object.starts_with("raw/sensitive.offender/")));
    for object in open.keys() {
        assert!(!is_of_the_list(object), "{object} opens");
    }
    for (object, bytes) in &open {
        assert!(numbers.iter().all(|number| !holds(bytes, number)), "{object} tells of the list");
    }
    assert!(closed.iter().filter(|object| is_of_the_list(object)).count() > 4, "{closed:?}");
}
