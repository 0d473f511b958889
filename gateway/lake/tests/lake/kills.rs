//! Two processes work on one lake, each killed at any instruction: writing whole tables and changes, writing anew what was
//! changed, rotating keys, purging. What is published is always one state of all tables, and nothing that a writer was told
//! is published gets lost.
//!
//! `DATONG_KILLS=1000 cargo xtask test -- --test lake kills` kills more often.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use chrono::Utc;
use lake::{Lake, LakeError, MasterKey, Published, Retention};
use schemas::{FieldType, Identifiability, Relation};

use super::synthetic::{column, column_name, name};

/// Kills that hit a process at work, if `DATONG_KILLS` says nothing else.
const KILLS: u64 = 60;
/// The folder in which a child process works.
const FOLDER: &str = "DATONG_KILLS_FOLDER";
/// Where it begins with its random choices.
const SEED: &str = "DATONG_KILLS_SEED";
/// The file to which a child writes the state that it was told is published.
const TOLD: &str = "told";
/// Keys there may be.
const N_KEYS: u64 = 1_500;
/// The note of a publication that says which state it shows.
const STATE: &str = "state";
const TABLES: [&str; 2] = ["unified.person", "unified.house"];

type Content = BTreeMap<String, i64>;

fn relation(table: &str) -> Relation {
    let of = |name: &str, field_type| column(name, field_type, Identifiability::Attribute);
    Relation {
        name: name(table),
        zh: "合成".to_owned(),
        en: "synthetic".to_owned(),
        key: column_name("id"),
        columns: vec![of("id", FieldType::Text), of("phone", FieldType::Phone), of("state", FieldType::Integer)],
    }
}

fn key(i: u64) -> String {
    format!("{:016x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// What becomes of a key in a state: it stays as it was, goes, or has a row of this state.
fn fate(i: u64, state: u64) -> Option<bool> {
    if state == 0 {
        return Some(!i.is_multiple_of(5));
    }
    match ((i ^ state << 20).wrapping_mul(0xd605_bbb5_8c8a_bbfd) >> 32) % 32 {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    }
}

/// The content of every table in a state. It follows from the number of the state.
fn content(state: u64) -> Content {
    let last = |i: u64| (0..=state).rev().find_map(|state| Some((state, fate(i, state)?)));
    let there = (0..N_KEYS).filter_map(|i| Some((i, last(i).filter(|(_, is_there)| *is_there)?.0)));
    there.map(|(i, state)| (key(i), state as i64)).collect()
}

fn batch(relation: &Relation, content: &Content) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(content.keys())),
        Arc::new(StringArray::from_iter_values(content.values().map(|state| format!("199{state:08}")))),
        Arc::new(Int64Array::from_iter_values(content.values().copied())),
    ];
    RecordBatch::try_new(relation.arrow_schema(), columns).unwrap()
}

fn open(folder: &Path) -> Lake {
    Lake::open(&folder.join("data"), MasterKey::from_bytes([1; 32])).unwrap()
}

fn state_of(published: &Published) -> u64 {
    published.notes[STATE].parse().unwrap()
}

/// Goes on to the next state, by writing what changes or the whole.
async fn go_on(lake: &Lake, is_whole: bool) -> Result<Published, LakeError> {
    let publication = lake.begin().await?;
    let next = publication.base().map_or(0, |base| state_of(base) + 1);
    for table in TABLES {
        let relation = relation(table);
        let changes = if is_whole { None } else { publication.changes(&relation).await? };
        let all = content(next);
        match changes {
            None => {
                let mut writer = publication.writer(&relation)?;
                writer.write(batch(&relation, &all)).await?;
                writer.finish().await?;
            }
            Some(mut changes) => {
                let written = all.into_iter().filter(|(_, state)| *state as u64 == next).collect();
                changes.write(batch(&relation, &written)).await?;
                (0..N_KEYS).filter(|i| fate(*i, next) == Some(false)).for_each(|i| changes.remove(key(i)));
                changes.finish().await?;
            }
        }
    }
    publication.set_note(STATE, next.to_string());
    publication.commit().await
}

async fn rewrite(lake: &Lake) -> Result<Published, LakeError> {
    let publication = lake.begin().await?;
    for table in TABLES {
        publication.rewrite(&relation(table)).await?;
    }
    publication.commit().await
}

/// Works until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the test of kills starts"]
async fn worker() {
    let folder = std::env::var(FOLDER).expect("the folder to work in");
    let (lake, folder) = (open(Path::new(&folder)), Path::new(&folder).to_owned());
    let mut random = Random(std::env::var(SEED).expect("a seed").parse().unwrap());
    loop {
        let done = match random.next(8) {
            0 => Box::pin(go_on(&lake, true)).await.map(Some),
            1..=4 => Box::pin(go_on(&lake, false)).await.map(Some),
            5 => rewrite(&lake).await.map(Some),
            6 => {
                let rotated = lake.keys().rotate(&[]).await;
                rotated.map(|_| None).map_err(LakeError::from)
            }
            _ => {
                let retention = Retention { replaced_after: Utc::now(), versions: 2 };
                lake.purge(retention, false).await.map(|_| None)
            }
        };
        match done {
            Ok(None) | Err(LakeError::Conflict) => {}
            Ok(Some(published)) => {
                // One short write to the end of a file is there or is not.
                let mut told = std::fs::OpenOptions::new().append(true).create(true).open(folder.join(TOLD)).unwrap();
                told.write_all(format!("{} {}\n", published.version, state_of(&published)).as_bytes()).unwrap();
            }
            // The other process purged what this one was reading.
            Err(LakeError::Store { .. } | LakeError::Table { .. } | LakeError::File { .. }) => {}
            Err(LakeError::NoSuchVersion { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn two_writers_killed_at_any_moment_leave_one_state_of_all_tables() {
    let kills: u64 = std::env::var("DATONG_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Box::pin(go_on(&open(folder.path()), true))).unwrap();
    let mut random = Random(0x5eed_1234_5678_9abc);
    let mut workers = [start(folder.path(), &mut random), start(folder.path(), &mut random)];
    let (mut before, mut n_published) = (1, 0);
    for kill in 0..kills {
        std::thread::sleep(Duration::from_millis(100 + random.next(400)));
        let victim = &mut workers[random.next(2) as usize];
        assert!(victim.try_wait().unwrap().is_none(), "a worker ended by itself");
        victim.kill().unwrap();
        victim.wait().unwrap();
        let after = runtime.block_on(check(folder.path(), kill));
        n_published += after - before;
        before = after;
        *victim = start(folder.path(), &mut random);
    }
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    // Nobody is at work any more: everything that is kept can be read, and purging leaves nothing behind but that.
    let lake = open(folder.path());
    runtime.block_on(async {
        check(folder.path(), kills).await;
        for published in lake.published_versions().await.unwrap() {
            check_content(&lake, &published).await.unwrap();
        }
        Box::pin(go_on(&lake, false)).await.unwrap();
        check(folder.path(), kills).await;
    });
    println!("{kills} killed, {n_published} versions published meanwhile");
    assert!(n_published > kills / 10, "the writers publish");
}

fn start(folder: &Path, random: &mut Random) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["kills::worker", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(SEED, random.next(u64::MAX).to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Reads what is published while the other process goes on; gives its version.
async fn check(folder: &Path, kill: u64) -> u64 {
    let told = std::fs::read_to_string(folder.join(TOLD)).unwrap_or_default();
    let told =
        told.lines().filter_map(|line| line.split_once(' ')).map(|(v, s)| (v.parse().unwrap(), s.parse().unwrap()));
    let told: (u64, u64) = told.max().unwrap_or_default();
    let mut n_tries = 0;
    loop {
        n_tries += 1;
        let lake = open(folder);
        let published = lake.published().await.unwrap().expect("a version");
        assert!(published.version >= told.0 && state_of(&published) >= told.1, "after kill {kill}: {told:?} was lost");
        match check_content(&lake, &published).await {
            Ok(()) => return published.version,
            // Two versions may be published and the one read here purged, before it is read to its end.
            Err(error) if n_tries < 20 && lake.published().await.unwrap().unwrap().version > published.version + 1 => {
                println!("read again after {error}");
            }
            Err(error) => panic!("after kill {kill}, version {}: {error:?}", published.version),
        }
    }
}

async fn check_content(lake: &Lake, published: &Published) -> Result<(), LakeError> {
    let expected = content(state_of(published));
    let snapshot = lake.snapshot(published);
    for table in TABLES {
        let mut found = Content::new();
        for batch in snapshot.read(&name(table)).await? {
            let (keys, states) = (batch.column(0).as_string::<i32>(), batch.column(2).as_primitive::<Int64Type>());
            for row in 0..batch.num_rows() {
                let earlier = found.insert(keys.value(row).to_owned(), states.value(row));
                assert_eq!(earlier, None, "{table}: one row for each key");
            }
        }
        assert!(found == expected, "{table} is not as in state {}", state_of(published));
        let index = snapshot.records(&name(table)).await?.expect("an index");
        assert_eq!(index.n_rows(), expected.len() as u64);
        for i in (0..N_KEYS).step_by(97) {
            let record = index.get(&key(i)).await?;
            let state = record.map(|record| record.column(2).as_primitive::<Int64Type>().value(0));
            assert_eq!(state, expected.get(&key(i)).copied(), "{table}");
        }
    }
    Ok(())
}

/// The same choices in every run; what they hit differs with the machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}
