//! A pull in which little changed writes little, shows the same as if everything had been written, and is written as one again by
//! `datong compact`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lake::{Lake, Published};
use tests::content::{content, is_lasting};
use tests::datong::{Site, city, copy_folder, quick_folder, table_rows};
use tests::traces::files_below;

/// Enough for tables that are not written whole each time.
const PEOPLE: u64 = 5_500;

async fn published(site: &Site) -> (Lake, Published) {
    let lake = site.lake();
    let published = lake.published().await.expect("a pointer").expect("a version");
    (lake, published)
}

/// The civil affairs' list without its last rows.
fn shorten(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let is_csv = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "csv");
    let file = files.iter().filter(is_csv).max_by_key(|path| path.metadata().expect("a file").len());
    let file = file.expect("a list as CSV").clone();
    let bytes = std::fs::read(&file).expect("a file");
    let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let [.., end, _, _, _, _, _] = ends.as_slice() else { panic!("a list of some rows") };
    std::fs::write(&file, &bytes[..*end]).expect("a write");
    file
}

fn chosen(site: &Site, arguments: &[&str]) -> BTreeMap<String, Vec<String>> {
    let said = site.run(arguments).expect_code(0).stdout;
    let rows = table_rows(&said).into_iter().filter(|row| row.len() == 5 && row[0].contains('.'));
    rows.map(|row| (row[0].clone(), row[1..].to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_that_changes_is_little_that_is_written() {
    let kept = quick_folder();
    let exports = kept.path().join("city");
    let _said = city(PEOPLE, 3, &exports);
    let site = Site::init(&kept.path().join("site"));
    site.take_exports(&exports);
    let _said = site.run(&["pull"]).expect_code(0);
    let (_, first) = published(&site).await;
    let nothing = site.run(&["compact"]).expect_code(0).stdout;
    assert!(nothing.contains("no table needs compacting"), "{nothing}");

    let _file = shorten(&site.exports("police"));
    let _said = site.run(&["pull"]).expect_code(0);
    let (lake, second) = published(&site).await;
    let person = "unified.person".try_into().expect("a name");
    assert_eq!(second.indexes[&person].name, first.indexes[&person].name, "the index goes on");
    assert_eq!(second.indexes[&person].changes.len(), 1);
    let unchanged = first.tables.iter().filter(|(name, version)| second.tables.get(*name) == Some(*version));
    assert!(unchanged.count() > 5, "tables in which nothing changed stay as they are");
    let before = content(&lake, &second, |_| true).await;
    let persons = chosen(&site, &["compact", "--dry-run"]);
    let [rows, superseded, runs, _] = persons["unified.person"].as_slice() else { panic!("{persons:?}") };
    assert_eq!(rows.replace(',', ""), before["unified.person"].len().to_string());
    assert!(
        superseded.parse::<u64>().expect("a number") < 100 && runs.parse::<u64>().expect("a number") <= 2,
        "{persons:?}"
    );
    assert_eq!(published(&site).await.1.version, second.version, "a rehearsal publishes nothing");

    // The same exports taken in by a site that had nothing before give the same rows, but for ids, for moments of reading, and for
    // the batch with which a row was written.
    let other = Site::init(&kept.path().join("other"));
    for department in ["police", "civil", "health", "housing", "grid", "sensitive"] {
        copy_folder(&site.exports(department), &other.exports(department));
    }
    let _said = other.run(&["pull"]).expect_code(0);
    let (others, at_once) = published(&other).await;
    let is_compared = |column: &str| is_lasting(column) && column != "evidence";
    let (changed, whole) = (content(&lake, &second, is_compared).await, content(&others, &at_once, is_compared).await);
    for (table, rows) in &whole {
        let first = rows.iter().zip(&changed[table]).find(|(whole, changed)| whole != changed);
        assert!(*rows == changed[table], "{table} is not as if it had been written whole: {first:?}");
    }

    let compacted = chosen(&site, &["compact"]);
    assert!(compacted.contains_key("unified.person") && !compacted.contains_key("police.resident"), "{compacted:?}");
    let (lake, third) = published(&site).await;
    assert_eq!((third.version, content(&lake, &third, |_| true).await == before), (second.version + 1, true));
    assert!(third.indexes[&person].changes.is_empty());
    assert!(site.run(&["compact"]).expect_code(0).stdout.contains("no table needs compacting"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rotation_everything_can_be_brought_under_the_newest_keys() {
    let kept = quick_folder();
    let exports = kept.path().join("city");
    let _said = city(120, 3, &exports);
    let site = Site::init(&kept.path().join("site"));
    let config = std::fs::read_to_string(site.config()).expect("the configuration");
    let little = config.replace("days = 30 ", "days = 0 ").replace("versions = 3 ", "versions = 1 ");
    std::fs::write(site.config(), little).expect("a write");
    site.take_exports(&exports);
    let _said = site.run(&["pull"]).expect_code(0);
    let (lake, first) = published(&site).await;
    let before = content(&lake, &first, |_| true).await;
    let _said = site.run(&["key", "rotate"]).expect_code(0);
    let all = chosen(&site, &["compact", "--all"]);
    assert_eq!(all.len(), first.tables.len());
    let (lake, second) = published(&site).await;
    assert_eq!((second.version, content(&lake, &second, |_| true).await == before), (2, true));
    // Of what is left once the old version has gone, every row is sealed under a key that seals now.
    age(&site.folder.join("data"));
    let _said = site.run(&["purge"]).expect_code(0);
    let keys = lake.keys().status().await.expect("the keys");
    let ids = |seals: bool| {
        let ids = keys.iter().filter(move |key| key.seals == seals).map(|key| hex::decode(&key.id).expect("an id"));
        ids.collect::<Vec<_>>()
    };
    let (now, old) = (ids(true), ids(false));
    assert!(now.len() > 20 && old.len() == now.len(), "{} of {}", old.len(), now.len());
    let mut n_files = 0;
    for file in files_below(&site.folder.join("data")) {
        let is_rows = ["parquet", "records", "keys", "groups", "covered"]
            .iter()
            .any(|kind| file.extension().is_some_and(|e| e == *kind));
        if is_rows {
            let bytes = std::fs::read(&file).expect("a file");
            let starts_with_one_of =
                |ids: &[Vec<u8>]| ids.iter().any(|id| bytes[..64].windows(id.len()).any(|part| part == id));
            assert!(starts_with_one_of(&now) && !starts_with_one_of(&old), "{}", file.display());
            n_files += 1;
        }
    }
    assert!(n_files > 20, "{n_files}");
}

/// Makes every file two days old, so that none can belong to a pull under way.
fn age(folder: &Path) {
    let then = SystemTime::now() - Duration::from_secs(48 * 3_600);
    for file in files_below(folder) {
        std::fs::File::options().append(true).open(&file).expect("a file").set_modified(then).expect("a time");
    }
}
