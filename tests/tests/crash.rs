//! A pull that is killed at any moment leaves the last published version readable, and the next pull ends where an
//! undisturbed one does; also with another pull, a purge, a compaction or a rotation of keys at its side, killed as well.
//!
//! `DATONG_KILLS=1000 cargo xtask test -- --test crash` kills more often.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use lake::{Lake, Published};
use tests::content::{content, is_lasting};
use tests::datong::{Running, Site, WasRunning, city, quick_folder};

/// Kills that hit a pull under way, if `DATONG_KILLS` says nothing else. Ones that came too late do not count.
const KILLS: u64 = 200;
/// What goes on beside a pull, one of them at a time, or nothing.
const BESIDE: [&[&str]; 4] =
    [&["pull"], &["purge"], &["compact", "--all"], &["key", "rotate", "site", "unified.person", "police.resident"]];
/// Sites whose pulls are killed at the same time.
const SITES: u64 = 2;
const PEOPLE: u64 = 120;
/// Two cities whose exports are within every reject limit, of different people.
const SEEDS: [u64; 2] = [2, 5];

/// What a version has to be: the batches it was made of, and the rows of every table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    batches: BTreeMap<String, String>,
    rows: BTreeMap<String, usize>,
}

#[test]
fn kills_never_leave_half_a_version() {
    let kept = quick_folder();
    let cities = SEEDS.map(|seed| kept.path().join(format!("city{seed}")));
    for (seed, folder) in SEEDS.iter().zip(&cities) {
        let _said = city(PEOPLE, *seed, folder);
    }
    let undisturbed = [0, 1].map(|number: usize| {
        let site = Site::init(&kept.path().join(format!("undisturbed{number}")));
        site.take_exports(&cities[number]);
        let _said = site.run(&["pull"]).expect_code(0);
        let lake = site.lake();
        wait(async { Undisturbed { state: state(&lake).await.1, content: lasting_content(&lake).await } })
    });
    assert_ne!(undisturbed[0].state, undisturbed[1].state, "the two cities differ");
    // Two sites at the same time, as there are two cores; each has its own history of kills.
    thread::scope(|scope| {
        let sites = (1..=SITES).map(|number| {
            let (folder, cities, undisturbed) = (kept.path().join(format!("site{number}")), &cities, &undisturbed);
            scope.spawn(move || {
                let site = Site::init(&folder);
                keep_little(&site);
                kill_pulls(&site, cities, undisturbed, Random(0x5eed_0bad_c0ff_ee11_u64.wrapping_mul(number)));
                ends_as_undisturbed(&site, cities, undisturbed);
            })
        });
        for site in sites.collect::<Vec<_>>() {
            site.join().expect("a site keeps every promise");
        }
    });
}

/// Kills pull after pull, each with something new to publish, and looks at what is published after each.
fn kill_pulls(site: &Site, cities: &[PathBuf; 2], undisturbed: &[Undisturbed; 2], mut random: Random) {
    site.take_exports(&cities[0]);
    let _said = site.run(&["pull"]).expect_code(0);
    let duration = whole_pull(site, cities);
    let (mut n_kills, mut n_late, mut n_kept, mut n_published) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut n_beside = [0_u64; BESIDE.len()];
    let mut before = wait(state(&site.lake()));
    let kills = std::env::var("DATONG_KILLS").map_or(KILLS, |text| text.parse().expect("DATONG_KILLS is a number"));
    while n_kills < kills / SITES {
        assert!(n_late < kills, "kills come too late: {n_late} of {}", n_kills + n_late);
        let next = usize::from(before.1 == undisturbed[0].state);
        site.take_exports(&cities[next]);
        let pull = Running::start(site.command(&["pull"]));
        let number = random.choice(BESIDE.len() + 1);
        let is_compaction = BESIDE.get(number).is_some_and(|arguments| arguments[0] == "compact");
        let mut beside = BESIDE.get(number).map(|arguments| Running::start(site.command(arguments)));
        // Something beside a pull makes it slower; the end of a pull, where it publishes, is to be hit too.
        let mut end_beside = |random: &mut Random, at_most: Duration| {
            let Some(beside) = beside.take() else { return 0 };
            thread::sleep(random.below(at_most));
            let was_running = u64::from(matches!(beside.kill(), WasRunning::Yes));
            n_beside[number] += was_running;
            was_running
        };
        if random.choice(2) == 0 {
            n_kills += end_beside(&mut random, duration / 8);
        }
        thread::sleep(random.below(duration * 2));
        match pull.kill() {
            WasRunning::Yes => n_kills += 1,
            WasRunning::No => n_late += 1,
        }
        n_kills += end_beside(&mut random, duration / 8);
        let after = wait(state(&site.lake()));
        let said = format!("after kill {n_kills}: version {} after {}", after.0, before.0);
        match after.0 - before.0 {
            0 => {
                assert_eq!(after.1, before.1, "{said}: the same version with another content");
                n_kept += 1;
            }
            // A pull publishes what is new, compaction what was there.
            n if n == 1 || (n == 2 && is_compaction) => {
                let is_new = after.1 == undisturbed[next].state;
                assert!(
                    is_new || (is_compaction && after.1 == before.1),
                    "{said}: neither the old content nor the new one"
                );
                n_published += u64::from(is_new);
            }
            _ => panic!("{said}: each publishes once"),
        }
        before = after;
    }
    println!(
        "{n_kills} killed, {n_late} pulls ended before; {n_kept} kept the version, {n_published} published; \
         beside them {n_beside:?} of {BESIDE:?} were killed"
    );
    assert!(n_kept > kills / SITES / 5, "kills hit pulls before they publish: {n_kept} of {n_kills}");
}

/// Older versions go at once, so that a purge always has something to do.
fn keep_little(site: &Site) {
    let config = std::fs::read_to_string(site.config()).expect("the configuration");
    let little = config.replace("days = 30 ", "days = 0 ").replace("versions = 3 ", "versions = 2 ");
    assert_ne!(little, config);
    std::fs::write(site.config(), little).expect("a write");
}

/// The site is sound, and pulls that nobody kills end where they would have without its history.
fn ends_as_undisturbed(site: &Site, cities: &[PathBuf; 2], undisturbed: &[Undisturbed; 2]) {
    let doctor = site.run(&["doctor"]).expect_code(0);
    assert!(doctor.stdout.contains(" 0 unreadable") && doctor.stdout.contains("all well"), "{}", doctor.stdout);
    for (city, expected) in cities.iter().zip(undisturbed) {
        site.take_exports(city);
        let _said = site.run(&["pull"]).expect_code(0);
        let lake = site.lake();
        assert_eq!(wait(state(&lake)).1, expected.state);
        let found = wait(lasting_content(&lake));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.content.keys().collect::<Vec<_>>(), "the same tables");
        for (table, rows) in &found {
            let expected = &expected.content[table];
            let first = rows.iter().zip(expected).find(|(found, expected)| found != expected);
            assert!(rows == expected, "{table} is not as after an undisturbed pull: {first:?}");
        }
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// What a pull without kills leaves.
struct Undisturbed {
    state: State,
    content: BTreeMap<String, Vec<String>>,
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
        tables.push((
            relation.to_string(),
            batches.unwrap_or_else(|error| panic!("{relation} cannot be read: {error:?}")),
        ));
    }
    assert!(tables.len() > 20, "{} tables", tables.len());
    tables
}

/// Every row of every table, without what is drawn at random or read from the clock.
async fn lasting_content(lake: &Lake) -> BTreeMap<String, Vec<String>> {
    let published = lake.published().await.expect("the pointer is whole").expect("a version is published");
    content(lake, &published, is_lasting).await
}

/// Moments spread evenly, the same in every run; what they hit differs with the machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: Duration) -> Duration {
        limit.mul_f64((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn choice(&mut self, of: usize) -> usize {
        (self.next() >> 11) as usize % of
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
