//! A pull that is killed at any moment leaves the last published version readable, and the next pull ends where an
//! undisturbed one does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use lake::{Lake, Published};
use tests::datong::{Running, Site, WasRunning, city, quick_folder};

/// Kills that hit a pull under way. Ones that came too late do not count.
const KILLS: u32 = 200;
const PEOPLE: u64 = 120;
/// Two cities whose exports are within every reject limit, of different people.
const SEEDS: [u64; 2] = [2, 5];

/// What a version has to be: the batches it was made of, and the rows of every table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    batches: BTreeMap<String, String>,
    rows: BTreeMap<String, usize>,
}

#[tokio::test]
async fn two_hundred_kills_never_leave_half_a_version() {
    let kept = quick_folder();
    let cities: Vec<_> = SEEDS.iter().map(|seed| kept.path().join(format!("city{seed}"))).collect();
    for (seed, folder) in SEEDS.iter().zip(&cities) {
        let _said = city(PEOPLE, *seed, folder);
    }
    let mut known = Vec::new();
    let mut clean = Vec::new();
    for (number, city) in cities.iter().enumerate() {
        let site = Site::init(&kept.path().join(format!("undisturbed{number}")));
        site.take_exports(city);
        let _said = site.run(&["pull"]).expect_code(0);
        known.push(state(&site.lake()).await.1);
        clean.push(content(&site.lake()).await);
    }
    assert_ne!(known[0], known[1], "the two cities differ");

    let site = Site::init(&kept.path().join("site"));
    site.take_exports(&cities[0]);
    let _said = site.run(&["pull"]).expect_code(0);
    let duration = whole_pull(&site, &cities);
    let mut random = Random(0x5eed_0bad_c0ff_ee11);
    let (mut n_kills, mut n_late, mut n_published) = (0_u32, 0_u32, 0_u32);
    let mut before = state(&site.lake()).await;
    let mut last_words = BTreeMap::<&str, u32>::new();
    while n_kills < KILLS {
        assert!(n_late < KILLS, "kills come too late: {n_late} of {}", n_kills + n_late);
        let next = usize::from(before.1 == known[0]);
        site.take_exports(&cities[next]);
        let pull = Running::start(site.command(&["pull"]));
        thread::sleep(random.below(duration));
        match pull.kill() {
            WasRunning::Yes => n_kills += 1,
            WasRunning::No => n_late += 1,
        }
        let after = state(&site.lake()).await;
        let said = format!("after kill {n_kills}: version {} after {}", after.0, before.0);
        match after.0 - before.0 {
            0 => assert_eq!(after.1, before.1, "{said}: the same version with another content"),
            1 => {
                assert_eq!(after.1, known[next], "{said}: neither the old version nor the new one");
                n_published += 1;
            }
            _ => panic!("{said}: one pull publishes once"),
        }
        *last_words.entry(if after.0 == before.0 { "old" } else { "new" }).or_default() += 1;
        before = after;
    }
    assert!(last_words.get("old").is_some_and(|n| *n > KILLS / 4), "kills hit pulls before they publish: {last_words:?}");

    let doctor = site.run(&["doctor"]).expect_code(0);
    assert!(doctor.stdout.contains(" 0 unreadable") && doctor.stdout.contains("all well"), "{}", doctor.stdout);
    for (number, city) in cities.iter().enumerate() {
        site.take_exports(city);
        let _said = site.run(&["pull"]).expect_code(0);
        assert_eq!(state(&site.lake()).await.1, known[number]);
        let found = content(&site.lake()).await;
        assert_eq!(found.keys().collect::<Vec<_>>(), clean[number].keys().collect::<Vec<_>>(), "the same tables");
        for (table, rows) in &found {
            let expected = &clean[number][table];
            let first = rows.iter().zip(expected).find(|(found, expected)| found != expected);
            assert!(rows == expected, "{table} is not as after an undisturbed pull: {first:?}");
        }
    }
    assert!(n_published > 0 || last_words.len() == 1, "{n_published}");
}

/// How long an undisturbed pull of other exports takes, by the clock; the longer of two.
fn whole_pull(site: &Site, cities: &[impl AsRef<Path>]) -> Duration {
    let times = [1, 0].map(|number: usize| {
        site.take_exports(cities[number].as_ref());
        let clock = Instant::now();
        let _said = site.run(&["pull"]).expect_code(0);
        clock.elapsed()
    });
    times.into_iter().max().expect("two pulls")
}

/// The published version and what is in it. Every table is opened and read to its end.
async fn state(lake: &Lake) -> (u64, State) {
    let published = lake.published().await.expect("the pointer is whole").expect("a version is published");
    let batches = published.batches.iter().map(|(dataset, batch)| (dataset.to_string(), batch.clone())).collect();
    let mut rows = BTreeMap::new();
    for (name, table) in tables(lake, &published).await {
        rows.insert(name, table.iter().map(RecordBatch::num_rows).sum());
    }
    (published.version, State { batches, rows })
}

async fn tables(lake: &Lake, published: &Published) -> Vec<(String, Vec<RecordBatch>)> {
    let snapshot = lake.snapshot(published);
    let mut tables = Vec::new();
    for relation in published.tables.keys() {
        let batches = snapshot.read(relation).await;
        tables.push((relation.to_string(), batches.unwrap_or_else(|error| panic!("{relation} cannot be read: {error:?}"))));
    }
    assert!(tables.len() > 20, "{} tables", tables.len());
    tables
}

/// Every row of every table as text, sorted, without what is drawn at random or read from the clock.
async fn content(lake: &Lake) -> BTreeMap<String, Vec<String>> {
    let published = lake.published().await.expect("the pointer is whole").expect("a version is published");
    let mut content = BTreeMap::new();
    for (name, batches) in tables(lake, &published).await {
        let mut rows: Vec<String> = batches.iter().flat_map(comparable_rows).collect();
        rows.sort_unstable();
        content.insert(name, rows);
    }
    content
}

fn comparable_rows(batch: &RecordBatch) -> Vec<String> {
    let left_out = |name: &str| {
        let random = ["person_id", "household_id", "house_id", "building_id", "residence_id", "event_id", "step_id", "tag_id", "entity_id"];
        random.iter().any(|id| name.ends_with(id)) || ["ingested_at", "updated_at", "source_batch", "batch_id"].contains(&name)
    };
    let schema = batch.schema();
    let options = FormatOptions::default().with_null("NULL");
    let kept: BTreeSet<usize> = (0..batch.num_columns()).filter(|idx| !left_out(schema.field(*idx).name())).collect();
    let columns: Vec<ArrayFormatter<'_>> =
        kept.iter().map(|idx| ArrayFormatter::try_new(batch.column(*idx).as_ref(), &options).expect("a type")).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("\u{1f}"))
        .collect()
}

/// Moments spread evenly, the same in every run; what they hit differs with the machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let share = (self.0 >> 11) as f64 / (1_u64 << 53) as f64;
        limit.mul_f64(share)
    }
}
