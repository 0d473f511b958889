//! The main job on a synthetic city: `datong demo … --no-wait`, and what it prints and leaves behind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;
use lake::{Lake, Published};
use object_store::ObjectStoreExt;
use object_store::path::Path as ObjectPath;
use schemas::RelationName;
use serde_json::Value;
use tests::datong::{Finished, ROLES, Site, city, free_port, lake_of, quick_folder, run, table_rows};
use tests::traces::{Traces, files_below};

const PEOPLE: u64 = 2_000;
const SEED: u64 = 7;

const DATASETS: [&str; 18] = [
    "civil.disability",
    "civil.elder_allowance",
    "civil.marriage",
    "civil.subsistence",
    "grid.event",
    "grid.grid",
    "health.archive",
    "health.chronic_visit",
    "health.vaccination",
    "housing.lease",
    "housing.property",
    "housing.repair",
    "police.floating",
    "police.incident",
    "police.resident",
    "sensitive.hiv",
    "sensitive.mental_disorder",
    "sensitive.offender",
];

#[tokio::test]
async fn the_main_job_keeps_every_promise() {
    let kept = quick_folder();
    let folder = kept.path().join("first");
    let port = free_port();
    let finished = demo(&folder, port);
    let city_printed = city(PEOPLE, SEED, &kept.path().join("same")).stdout;

    let rows = printed_datasets(&finished.stdout);
    let lake = lake_of(&folder);
    every_row_read_is_accepted_or_rejected(&rows, &city_printed, &lake).await;
    let published = lake.published().await.expect("a readable pointer").expect("a published version");
    for (dataset, counts) in &rows {
        assert_eq!(count(&lake, &published, &relation(dataset)).await, counts.accepted, "accepted rows of {dataset}");
    }
    rejects_are_those_of_the_truth(&folder, &lake, &rows).await;
    printed_totals_are_those_of_the_tables(&finished.stdout, &lake, &published).await;
    stages_have_their_times(&finished.stdout);
    the_demo_file_is_for_scripts(&folder, port);
    nothing_personal_is_in_clear(&folder, &finished, &lake).await;

    let again = demo(&kept.path().join("second"), free_port());
    assert_eq!(figures(&finished.stdout), figures(&again.stdout), "the same seed gives the same figures");
    linkage_is_as_good_as_it_says(&finished.stdout, &folder, &lake, &published).await;
}

#[test]
fn another_seed_gives_other_figures() {
    let kept = quick_folder();
    let printed = |seed: u64| city(400, seed, &kept.path().join(seed.to_string())).stdout;
    assert_ne!(table_rows(&printed(1)), table_rows(&printed(2)));
    assert_eq!(table_rows(&printed(1)), table_rows(&printed(1)));
}

#[test]
fn the_quarantine_says_where_and_why_and_never_what() {
    let kept = quick_folder();
    let (site, truth) = (Site::init(&kept.path().join("site")), kept.path().join("city"));
    let _said = city(600, 3, &truth);
    site.take_exports(&truth);
    let pulled = site.run(&["pull"]).expect_code(0);
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (source, _, rule) in truth_rows(&truth.join("truth").join("rejects.csv")) {
        *expected.entry((source, rule)).or_default() += 1;
    }
    assert!(expected.len() > 5, "the city has too little dirt for this test");
    let listed = site.run(&["quarantine", "list"]).expect_code(0);
    let found: BTreeMap<(String, String), u64> = table_rows(&listed.stdout)
        .into_iter()
        .map(|cells| ((cells[0].clone(), cells[1].clone()), number(&cells[2])))
        .collect();
    assert_eq!(found, expected);

    let n_health: u64 = expected.iter().filter(|((source, _), _)| source == "health.archive").map(|(_, n)| n).sum();
    let shown = site.run(&["quarantine", "show", "health.archive", "--limit", "1000"]).expect_code(0);
    let rows = table_rows(&shown.stdout);
    assert_eq!(rows.len() as u64, n_health);
    for cells in &rows {
        assert!(cells[0].contains("居民健康档案"), "the file: {cells:?}");
        assert!(cells.iter().any(|cell| cell.parse::<u64>().is_ok()), "the row: {cells:?}");
        // File, sheet or archive entry, row, field, rule, what would mend it.
        assert_eq!(cells.len(), 6, "{cells:?}");
        let is_name = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(is_name(&cells[3]) && is_name(&cells[4]) && !cells[5].is_empty(), "the field and the rule: {cells:?}");
    }
    for said in [&pulled, &listed, &shown] {
        let text = format!("{}{}", said.stdout, said.stderr);
        assert_eq!(long_numbers(&text), Vec::<String>::new(), "a number as long as an ID number was shown");
    }
}

fn demo(folder: &Path, port: u16) -> Finished {
    run([
        OsString::from("demo"),
        "--people".into(),
        PEOPLE.to_string().into(),
        "--seed".into(),
        SEED.to_string().into(),
        "--data-dir".into(),
        folder.into(),
        "--no-wait".into(),
        "--port".into(),
        port.to_string().into(),
    ])
    .expect_code(0)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    read: u64,
    accepted: u64,
    rejected: u64,
}

fn printed_datasets(printed: &str) -> BTreeMap<String, Counts> {
    table_rows(printed)
        .into_iter()
        .filter(|cells| cells.len() >= 4 && DATASETS.contains(&cells[0].as_str()))
        .map(|cells| {
            let counts = Counts { read: number(&cells[1]), accepted: number(&cells[2]), rejected: number(&cells[3]) };
            (cells[0].clone(), counts)
        })
        .collect()
}

/// Nothing is lost: every row the city wrote was read, and every row read was accepted or rejected. A row written twice into
/// one file is read once; the receipt says how often that was.
async fn every_row_read_is_accepted_or_rejected(rows: &BTreeMap<String, Counts>, city_printed: &str, lake: &Lake) {
    assert_eq!(rows.keys().map(String::as_str).collect::<Vec<_>>(), DATASETS);
    let written: BTreeMap<String, u64> =
        table_rows(city_printed).into_iter().map(|cells| (cells[0].clone(), number(&cells[1]))).collect();
    for (dataset, counts) in rows {
        let object = ObjectPath::from(format!("receipts/{dataset}/latest.json"));
        let bytes = lake.store().get(&object).await.expect("a receipt").bytes().await.expect("its bytes");
        let receipt: Value = serde_json::from_slice(&bytes).expect("a receipt is JSON");
        let on_receipt = ["read", "accepted", "rejected"].map(|name| receipt[name].as_u64().expect("a count"));
        assert_eq!(on_receipt, [counts.read, counts.accepted, counts.rejected], "the receipt of {dataset}");
        assert_eq!(counts.read, counts.accepted + counts.rejected, "{dataset}");
        let n_repeated = receipt["skipped"]["duplicate"].as_u64().unwrap_or(0);
        assert_eq!(counts.read + n_repeated, written[dataset], "rows the city wrote for {dataset}");
        assert!(counts.accepted > 0, "{dataset} has no row");
    }
}

/// Every reject is in the truth file with its key and rule, every row of the truth file is a reject, and the figures printed
/// are their numbers.
async fn rejects_are_those_of_the_truth(folder: &Path, lake: &Lake, rows: &BTreeMap<String, Counts>) {
    let truth: BTreeSet<(String, String, String)> =
        truth_rows(&folder.join("city").join("truth").join("rejects.csv")).into_iter().collect();
    assert!(truth.len() > 30, "the city has too little dirt for this test");
    let mut found = BTreeSet::new();
    let store = lake.store();
    let objects: Vec<_> = store.list(Some(&ObjectPath::from("rejects"))).try_collect().await.expect("a listing");
    for object in objects {
        let dataset = object.location.parts().nth(1).expect("rejects/DATASET/…").as_ref().to_owned();
        let bytes = store.get(&object.location).await.expect("an object").bytes().await.expect("its bytes");
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Value = serde_json::from_slice(line).expect("a rejected row is JSON");
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            assert!(!text("source_file").is_empty() && row["row"].as_u64().is_some() && !text("hint_zh").is_empty());
            assert!(row["raw"].as_array().is_some_and(|cells| cells.len() > 3), "the row is kept whole");
            assert!(found.insert((dataset.clone(), text("record_key"), text("rule"))), "a row is rejected once");
        }
    }
    assert_eq!(found.difference(&truth).collect::<Vec<_>>(), Vec::<&_>::new(), "rejected, and should not be");
    assert_eq!(truth.difference(&found).collect::<Vec<_>>(), Vec::<&_>::new(), "not rejected, and should be");
    for (dataset, counts) in rows {
        let n_true = truth.iter().filter(|(source, _, _)| source == dataset).count() as u64;
        assert_eq!(counts.rejected, n_true, "rejected rows of {dataset}");
    }
}

async fn printed_totals_are_those_of_the_tables(printed: &str, lake: &Lake, published: &Published) {
    for (word, table) in [("persons", "person"), ("houses", "house"), ("households", "household"), ("events", "event")]
    {
        let stored = count(lake, published, &RelationName::new("unified", table).expect("a name")).await;
        assert_eq!(figure_after(printed, &format!(" {word} ")), stored.to_string(), "{word}");
        assert!(stored > 0, "no {word}");
    }
    let people = figure_after(printed, "people ");
    assert_eq!(number(&people), PEOPLE);
}

/// The printed precision and recall are those of the published membership, counted here pair by pair from its own rows.
async fn linkage_is_as_good_as_it_says(printed: &str, folder: &Path, lake: &Lake, published: &Published) {
    let membership = RelationName::new("gateway", "membership").expect("a name");
    let mut entities: HashMap<(String, String, String), String> = HashMap::new();
    for batch in lake.snapshot(published).read(&membership).await.expect("the membership") {
        let text = |name: &str| texts(&batch, name);
        let rows = text("kind").into_iter().zip(text("source")).zip(text("record_key")).zip(text("entity_id"));
        for (((kind, source), key), entity) in rows {
            entities.insert((kind, source, key), entity);
        }
    }
    for (kind, title) in [("person", "person linkage"), ("house", "house linkage")] {
        let truth = truth_rows(&folder.join("city").join("truth").join(format!("{kind}.csv")));
        let (mut true_groups, mut found_groups, mut both): (Groups, Groups, Groups) = Default::default();
        for (source, key, uid) in truth {
            *true_groups.entry(uid.clone()).or_default() += 1;
            if let Some(entity) = entities.get(&(kind.to_owned(), source, key)) {
                *found_groups.entry(entity.clone()).or_default() += 1;
                *both.entry(format!("{uid} {entity}")).or_default() += 1;
            }
        }
        let correct = pairs(&both);
        let (precision, recall) = (correct / pairs(&found_groups), correct / pairs(&true_groups));
        let line = printed.lines().find(|line| line.contains(title)).unwrap_or_else(|| panic!("no line about {title}"));
        assert_eq!(figure_after(line, "pair precision "), format!("{precision:.4}"), "{title}");
        assert_eq!(figure_after(line, "pair recall "), format!("{recall:.4}"), "{title}");
        assert!(precision >= 0.995, "{title}: precision {precision:.4}");
        assert!(recall >= 0.90, "{title}: recall {recall:.4}");
    }
}

type Groups = HashMap<String, u64>;

fn pairs(groups: &Groups) -> f64 {
    groups.values().map(|n| n * (n - 1) / 2).sum::<u64>() as f64
}

fn stages_have_their_times(printed: &str) {
    let line = printed.lines().find(|line| line.contains("elapsed")).expect("a line of elapsed times");
    let stages: Vec<(&str, f64)> = line
        .split_once(": ")
        .expect("a title")
        .1
        .split(" · ")
        .map(|stage| {
            let (name, seconds) = stage.rsplit_once(' ').expect("a name and a time");
            (name, seconds.strip_suffix('s').and_then(|s| s.parse().ok()).expect("seconds"))
        })
        .collect();
    for word in ["city", "land", "link", "publish", "open"] {
        assert!(stages.iter().any(|(name, _)| name.ends_with(word)), "no stage `{word}` in {line}");
    }
    let ready: f64 = figure_after(printed, "ready to answer after ").trim_end_matches('s').parse().expect("seconds");
    let sum: f64 = stages.iter().map(|(_, seconds)| seconds).sum();
    assert!(sum > 0.0 && sum <= ready + 0.1, "stages of {sum} s within {ready} s");
}

fn the_demo_file_is_for_scripts(folder: &Path, port: u16) {
    let file = folder.join("demo.json");
    let demo: Value = serde_json::from_str(&fs::read_to_string(&file).expect("demo.json")).expect("JSON");
    assert_eq!(demo["rest"], format!("http://127.0.0.1:{port}"));
    assert_eq!((&demo["people"], &demo["seed"]), (&PEOPLE.into(), &SEED.into()));
    let tokens = demo["tokens"].as_object().expect("tokens by role");
    assert_eq!(tokens.keys().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(ROLES));
    for token in tokens.values() {
        assert_eq!(token.as_str().map(|token| token.split('.').count()), Some(3), "a token has three parts");
    }
    // The other two doors take the next two ports; they are named from the day they exist.
    if let Some(address) = demo.get("pg") {
        assert_eq!(address, &format!("127.0.0.1:{}", port + 1));
    }
    if let Some(url) = demo.get("flight").and_then(Value::as_str) {
        assert!(url.ends_with(&format!("127.0.0.1:{}", port + 2)), "{url}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file).expect("demo.json").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "tokens are for the owner of the folder only");
    }
}

/// Takes names, ID numbers and telephone numbers of fifty people and looks for them in every byte and every file name below
/// the data folder. That they can be found at all is shown by the exports, where they have to be.
async fn nothing_personal_is_in_clear(folder: &Path, finished: &Finished, lake: &Lake) {
    let traces = Traces::of_residents(lake).await;
    let exports = files_below(&folder.join("city").join("exports").join("police"));
    let n_exported = exports.iter().map(|file| traces.count(&fs::read(file).expect("an export"))).sum::<usize>();
    assert!(n_exported >= 40, "the search finds what is there: {n_exported} in the exports");

    let files = files_below(&folder.join("data"));
    assert!(files.len() > 60, "tables, receipts, rejects, audit: {} files", files.len());
    for file in &files {
        assert_eq!(
            traces.count(&fs::read(file).expect("a file")),
            0,
            "something personal is in clear in {}",
            file.display()
        );
        assert_eq!(traces.count(file.to_string_lossy().as_bytes()), 0, "a file is named after somebody");
    }
    assert_eq!(traces.count(finished.stderr.as_bytes()), 0, "something personal is in the log");
}

/// Every figure a demo prints: all but times, the version of what it drew at random, and the rows it shows.
fn figures(printed: &str) -> Vec<&str> {
    let is_time = |line: &str| line.contains("elapsed") || line.contains("ready to answer");
    let before = printed.split_once("SQL>").expect("a question").0;
    let counts = printed.lines().filter(|line| line.starts_with("-- "));
    let figures: Vec<&str> = before.lines().filter(|line| !is_time(line)).chain(counts).collect();
    assert!(figures.len() > 20, "{figures:?}");
    figures
}

/// What follows `words`, up to the next space.
fn figure_after(text: &str, words: &str) -> String {
    let after = text.split_once(words).unwrap_or_else(|| panic!("no `{words}` in:\n{text}")).1;
    after.chars().take_while(|c| !c.is_whitespace()).filter(|c| *c != ',').collect()
}

fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

/// Runs of fifteen and more digits.
fn long_numbers(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= 15).map(str::to_owned).collect()
}

fn truth_rows(file: &Path) -> Vec<(String, String, String)> {
    let mut reader = csv::Reader::from_path(file).expect("a truth file");
    reader.deserialize().collect::<Result<_, _>>().expect("three columns")
}

fn relation(dataset: &str) -> RelationName {
    let (schema, table) = dataset.split_once('.').expect("DEPARTMENT.TABLE");
    RelationName::new(schema, table).expect("a name")
}

async fn count(lake: &Lake, published: &Published, relation: &RelationName) -> u64 {
    let batches = lake.snapshot(published).read(relation).await.expect("a table");
    batches.iter().map(|batch| batch.num_rows() as u64).sum()
}

/// The texts of a column that are not null.
fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    let array = array.as_string::<i32>();
    array.iter().flatten().map(str::to_owned).collect()
}
