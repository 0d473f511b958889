//! What it costs to change one row in a hundred, and what it costs to read a table that was changed.
//! `cargo xtask bench changes [PEOPLE]` runs it.

use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use lake::{Lake, MasterKey, Published, Snapshot};
use tests::many_people::ManyPeople;

/// People if the command line does not say.
const PEOPLE: u64 = 1_000_000;
/// One row in so many is changed.
const SHARE: u64 = 100;
/// Changes on top of each other.
const CHANGES: u64 = 7;
/// Runs of each question.
const ROUNDS: usize = 7;
/// Rows handed over at once.
const BATCH_ROWS: u64 = 65_536;

const QUESTIONS: [(&str, &str); 5] = [
    ("count", "SELECT count(person_id) FROM t"),
    ("group by street", "SELECT street_code, count(*) FROM t GROUP BY street_code"),
    ("filter on a code", "SELECT name, phone FROM t WHERE street_code = '440106001' AND birth_date > '1990-01-01'"),
    ("every column", "SELECT * FROM t"),
    ("one record", "SELECT * FROM t WHERE person_id = '{id}'"),
];

fn main() {
    let people = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(PEOPLE);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(people));
}

async fn measure(n: u64) {
    let folder = tempfile::TempDir::with_prefix("datong-changes-").expect("a folder");
    let lake = Lake::open(&folder.path().join("data"), MasterKey::from_bytes([1; 32])).expect("a lake");
    let people = ManyPeople::new(n);
    // Rows are made before the clock runs, as far as memory allows; the whole is made anew while it is written.
    let making = making(&people, n);
    let started = Instant::now();
    let whole = people.publish(&lake).await;
    let writing = started.elapsed().saturating_sub(making);
    println!(
        "people {n}: published whole in {:.2} s, without {:.2} s that made the rows",
        writing.as_secs_f64(),
        making.as_secs_f64()
    );
    let mut state = whole.clone();
    for round in 0..CHANGES {
        let rows = changed_rows(&people, n, round);
        let removed = (0..n / SHARE / 10).map(|i| people.id((i * SHARE * 10 + 7 * round + 3) % n));
        let removed: Vec<String> = removed.collect();
        let (taken, published) = change(&lake, &people, &rows, removed).await;
        let share = taken.as_secs_f64() / writing.as_secs_f64() * 100.0;
        println!(
            "change {}: {} rows, {:.2} s, {share:.1} % of the whole",
            round + 1,
            rows.num_rows(),
            taken.as_secs_f64()
        );
        if round == 0 {
            compare(&lake, &people, n, &whole, &published, "one change").await;
        }
        state = published;
    }
    compare(&lake, &people, n, &whole, &state, "all changes").await;
    let started = Instant::now();
    let publication = lake.begin().await.expect("a publication");
    publication.rewrite(&people.relation).await.expect("a table").expect("a published table");
    let compact = publication.commit().await.expect("a version");
    println!("written anew in {:.2} s", started.elapsed().as_secs_f64());
    compare(&lake, &people, n, &whole, &compact, "written anew").await;
}

fn making(people: &ManyPeople, n: u64) -> Duration {
    let started = Instant::now();
    for from in (0..n).step_by(BATCH_ROWS as usize) {
        std::hint::black_box(people.rows(from, (from + BATCH_ROWS).min(n)));
    }
    started.elapsed()
}

/// One person in a hundred with another telephone, others in each round.
fn changed_rows(people: &ManyPeople, n: u64, round: u64) -> RecordBatch {
    let one = |i: u64| people.rows(i, i + 1);
    let rows: Vec<RecordBatch> = (0..n / SHARE).map(|i| one(i * SHARE + (i * 31 + round * 7) % SHARE)).collect();
    let schema = people.relation.arrow_schema();
    let rows = concat_batches(&schema, &rows).expect("rows of one table");
    let phones = (0..rows.num_rows()).map(|i| format!("188{round}{i:07}"));
    let phones: ArrayRef = std::sync::Arc::new(StringArray::from_iter_values(phones));
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns
        .map(|(field, column)| if field.name() == "phone" { phones.slice(0, phones.len()) } else { column.clone() });
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("rows of the table")
}

async fn change(lake: &Lake, people: &ManyPeople, rows: &RecordBatch, removed: Vec<String>) -> (Duration, Published) {
    let started = Instant::now();
    let publication = lake.begin().await.expect("a publication");
    let mut changes = publication.changes(&people.relation).await.expect("a table").expect("one that takes changes");
    changes.write(rows.clone()).await.expect("rows of the table");
    removed.into_iter().for_each(|key| changes.remove(key));
    changes.finish().await.expect("a change");
    let published = publication.commit().await.expect("a version");
    (started.elapsed(), published)
}

/// Least and median milliseconds of each question, asked of both versions in turn.
async fn compare(lake: &Lake, people: &ManyPeople, n: u64, whole: &Published, changed: &Published, title: &str) {
    println!("{title:<20} {:>19} {:>19}", "whole, ms", "changed, ms");
    let (before, after) = (session(lake.snapshot(whole), people).await, session(lake.snapshot(changed), people).await);
    for (question, sql) in QUESTIONS {
        let (mut whole, mut changed) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS as u64 {
            let sql = sql.replace("{id}", &people.id((n / 2 + round * 7_919) % n));
            for (session, times) in [(&before, &mut whole), (&after, &mut changed)] {
                let started = Instant::now();
                let mut rows = session.sql(&sql).await.expect("a plan").execute_stream().await.expect("a stream");
                while let Some(batch) = rows.try_next().await.expect("rows") {
                    std::hint::black_box(batch.num_rows());
                }
                // The first round reads what the others find in memory.
                times.extend((round > 0).then(|| started.elapsed()));
            }
        }
        whole.sort_unstable();
        changed.sort_unstable();
        let shown = |times: &[Duration]| {
            let at = |idx: usize| times.get(idx).map_or(0.0, |time| time.as_secs_f64() * 1e3);
            format!("{:>9.2}/{:>9.2}", at(0), at(times.len() / 2))
        };
        println!("{question:<20} {:>19} {:>19}", shown(&whole), shown(&changed));
    }
}

async fn session(snapshot: Snapshot, people: &ManyPeople) -> SessionContext {
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let table = snapshot.provider(&people.relation.name).await.expect("a table");
    session.register_table("t", table).expect("a name");
    session
}
