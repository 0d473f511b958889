//! One record among many: by key and by identifier in the lake, by key through the policies, and as a statement.
//! `cargo xtask bench records [PEOPLE]` runs it. Ids are random over the whole table, so that hardly one is asked for twice.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use lake::{Lake, MasterKey, RecordIndex};
use policies::PolicySet;
use query::{Gateway, RecordTarget};
use schemas::RelationName;
use tests::attacks::ledger::Ledger;
use tests::many_people::ManyPeople;
use tests::published::{boundless, published, request, somebody};

/// People if the command line does not say.
const PEOPLE: u64 = 1_000_000;
/// Records asked for, and statements.
const RECORDS: usize = 100_000;
const STATEMENTS: usize = 3_000;

/// Numbers below `n` that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).wrapping_mul(n) >> 31
    }
}

fn show(title: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let idx = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(idx).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    println!("{title:<34} {:>9} {:>10.1} {:>10.1} {:>10.1}", times.len(), at(0.5), at(0.99), at(0.999));
}

fn main() {
    let people = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(PEOPLE);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(people));
}

async fn measure(n: u64) {
    let folder = tempfile::TempDir::with_prefix("datong-records-").expect("a folder");
    let open = || Lake::open(&folder.path().join("data"), MasterKey::from_bytes([1; 32])).expect("a lake");
    let (people, lake) = (ManyPeople::new(n), open());
    let started = Instant::now();
    for from in (0..n.min(655_360)).step_by(65_536) {
        std::hint::black_box(people.rows(from, (from + 65_536).min(n)));
    }
    let making = started.elapsed().as_secs_f64() * n as f64 / n.min(655_360) as f64;
    let started = Instant::now();
    let state = people.publish(&lake).await;
    let publishing = started.elapsed().as_secs_f64();
    let name = people.relation.name.clone();
    let index = state.indexes.get(&name).expect("an index");
    let table = table_bytes(&folder.path().join("data/tables"));
    println!("people {n}; published in {publishing:.1} s, of which about {making:.1} s made the rows");
    println!(
        "table {:.1} MB, records {:.1} MB, keys {:.1} MB: {:.0} % of the table",
        table as f64 / 1e6,
        index.record_bytes as f64 / 1e6,
        index.key_bytes as f64 / 1e6,
        (index.record_bytes + index.key_bytes) as f64 / table as f64 * 100.0
    );
    let lake = open();
    let snapshot = lake.snapshot(&lake.published().await.expect("a pointer").expect("a version"));
    snapshot.schema(&name).await.expect("a table");
    let started = Instant::now();
    let index = snapshot.records(&name).await.expect("a sound index").expect("an index");
    println!("index opened in {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    println!("{:<34} {:>9} {:>10} {:>10} {:>10}", "microseconds", "asked", "p50", "p99", "p99.9");
    by_key(&people, &index, n).await;
    by_identifier(&index, n).await;
    through_policies(&people, &lake, n, &name).await;
}

async fn by_key(people: &ManyPeople, index: &RecordIndex, n: u64) {
    let mut dice = Dice(7);
    let mut times = Vec::with_capacity(RECORDS);
    for _ in 0..RECORDS {
        let id = people.id(dice.below(n));
        let started = Instant::now();
        let found = index.get(&id).await.expect("a sound index");
        times.push(started.elapsed());
        assert_eq!(found.map_or(0, |row| row.num_rows()), 1);
    }
    show("lake, by key", times);
}

async fn by_identifier(index: &RecordIndex, n: u64) {
    let mut dice = Dice(8);
    for (column, value) in [("id_no", ManyPeople::id_no as fn(u64) -> String), ("phone", ManyPeople::phone)] {
        let (mut times, mut n_found) = (Vec::with_capacity(RECORDS), 0);
        for _ in 0..RECORDS {
            let value = value(dice.below(n));
            let started = Instant::now();
            let found = index.find(column, &value).await.expect("a sound index").expect("an identifier");
            times.push(started.elapsed());
            n_found += found.num_rows();
        }
        assert!(n_found > RECORDS / 2);
        show(&format!("lake, by {column}"), times);
    }
}

async fn through_policies(people: &ManyPeople, lake: &Lake, n: u64, name: &RelationName) {
    let policies = PolicySet::shipped().expect("the shipped policies");
    let gateway = Gateway::start(boundless(), policies, std::sync::Arc::new(Ledger::default())).expect("a gateway");
    gateway.publish(published(lake, &["unified.person"]).await);
    let officer = somebody("police_officer", None);
    let mut dice = Dice(9);
    let mut times = Vec::with_capacity(RECORDS);
    for _ in 0..RECORDS {
        let id = people.id(dice.below(n));
        let target = RecordTarget::new(&name.to_string(), "person_id", &id).expect("a relation");
        let asked = request(&officer, "");
        let started = Instant::now();
        let rows = gateway.record(asked, target).await.expect("a record");
        let rows: Vec<_> = rows.try_collect().await.expect("rows");
        times.push(started.elapsed());
        assert_eq!(rows.iter().map(|rows| rows.num_rows()).sum::<usize>(), 1);
    }
    show("record through policies", times);
    for (title, columns) in [("statement, every column", "*"), ("statement, two columns", "name, phone")] {
        let mut times = Vec::with_capacity(STATEMENTS);
        for _ in 0..STATEMENTS {
            let id = people.id(dice.below(n));
            let asked = request(&officer, &format!("SELECT {columns} FROM unified.person WHERE person_id = '{id}'"));
            let started = Instant::now();
            let rows = gateway.query(asked).await.expect("an answer");
            let rows: Vec<_> = rows.try_collect().await.expect("rows");
            times.push(started.elapsed());
            assert_eq!(rows.iter().map(|rows| rows.num_rows()).sum::<usize>(), 1);
        }
        show(title, times);
    }
}

/// Bytes of all Parquet files.
fn table_bytes(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| match path.extension() {
            _ if path.is_dir() => table_bytes(&path),
            Some(kind) if kind == "parquet" => path.metadata().expect("a file").len(),
            _ => 0,
        })
        .sum()
}
