//! What the order of rows in a table of people does to questions: sorted by id, and by grid and id.
//!
//! `cargo run --release -p lake --example row_order [ROWS] [ROUNDS]`
//!
//! Both tables hold the same people, are published through the lake as every table is, and are asked in turns. A round asks for
//! another person, grid and street, the same in both. Besides wall and processor time: the requests to the store below the
//! sealed one, and the sealed bytes they read. Neither table has a key index, which would need rows sorted by key.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use lake::{Lake, LocalStore, MasterKey, WrittenTable};
use object_store::ObjectStore;

#[path = "synthetic/counting_store.rs"]
mod counting_store;
#[path = "synthetic/people.rs"]
mod people;
#[path = "synthetic/stopwatch.rs"]
mod stopwatch;

use counting_store::{CountingStore, Reads};
use people::{Outcome, People, mixed};
use stopwatch::{Stopwatch, Times};

const ROWS: u64 = 1_000_000;
const ROUNDS: u64 = 9;
/// Rows made and handed to the writer at once.
const BATCH_ROWS: usize = 65_536;

/// The tables, in the order of their figures.
const TABLES: [&str; 2] = ["bench.by_id", "bench.by_grid"];

/// What is asked. `{table}`, `{person}`, `{grid}` and `{street}` are filled in.
const QUESTIONS: [(&str, &str); 11] = [
    ("one person by id", "SELECT * FROM {table} WHERE person_id = '{person}'"),
    ("one grid, all columns", "SELECT * FROM {table} WHERE grid_id = '{grid}'"),
    ("one grid, count by code", "SELECT education, count(*) FROM {table} WHERE grid_id = '{grid}' GROUP BY education"),
    ("one grid, first 50 by id", "SELECT * FROM {table} WHERE grid_id = '{grid}' ORDER BY person_id LIMIT 50"),
    ("one street, any 100", "SELECT * FROM {table} WHERE street_code = '{street}' LIMIT 100"),
    (
        "one street, count by code",
        "SELECT education, count(*) FROM {table} WHERE street_code = '{street}' GROUP BY education",
    ),
    ("one street, first 50 by id", "SELECT * FROM {table} WHERE street_code = '{street}' ORDER BY person_id LIMIT 50"),
    ("all, 50 after an id", "SELECT * FROM {table} WHERE person_id > '{person}' ORDER BY person_id LIMIT 50"),
    ("all, count by code", "SELECT education, count(*) FROM {table} GROUP BY education"),
    ("all, top 10 by name", "SELECT person_id, name, phone FROM {table} ORDER BY name DESC LIMIT 10"),
    ("all, all columns", "SELECT * FROM {table}"),
];

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let mut next = |default| arguments.next().transpose().map(|given| given.unwrap_or(default));
    let (n_rows, rounds) = (next(ROWS)?, next(ROUNDS)?);
    let folder = tempfile::TempDir::with_prefix("datong-order-")?;
    let below = Arc::new(CountingStore::new(Arc::new(LocalStore::new(folder.path())?)));
    let lake = Lake::over(Arc::clone(&below) as Arc<dyn ObjectStore>, MasterKey::generate()?)?;
    let people = People(n_rows);
    let by_id = people.by_id();
    let mut by_grid = by_id.clone();
    // Stable: within a grid people stay sorted by id.
    by_grid.sort_by_cached_key(|person| People::grid_id(people.grid(*person)));
    say(&format!("{n_rows} people, {rounds} rounds after one that does not count"))?;
    for (table, order) in TABLES.into_iter().zip([&by_id, &by_grid]) {
        let start = Instant::now();
        let written = publish(&lake, table, people, order).await?;
        let (bytes, seconds) = (written.bytes as f64 / 1e6, start.elapsed().as_secs_f64());
        say(&format!("{table}: {bytes:.1} MB in {} files, made and published in {seconds:.1} s", written.n_files))?;
    }
    let context = open(&lake).await?;
    header()?;
    for (title, question) in QUESTIONS {
        let asked = Asked { question, people, by_id: &by_id, context: &context, below: &below };
        asked.compare(title, rounds).await?;
    }
    Ok(())
}

async fn publish(lake: &Lake, table: &str, people: People, order: &[u64]) -> Outcome<WrittenTable> {
    let relation = people::relation(table)?;
    let publication = lake.begin().await?;
    let mut writer = publication.writer(&relation)?;
    for some in order.chunks(BATCH_ROWS) {
        writer.write(people.rows(&relation, some)?).await?;
    }
    let written = writer.finish().await?;
    publication.commit().await?;
    Ok(written)
}

/// An engine as the gateway has it, on what is published.
async fn open(lake: &Lake) -> Outcome<SessionContext> {
    let published = lake.published().await?.ok_or("nothing is published")?;
    let snapshot = lake.snapshot(&published);
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    for table in TABLES {
        let relation = people::relation(table)?.name;
        context.register_table(relation.table(), snapshot.provider(&relation).await?)?;
    }
    Ok(context)
}

/// One question, in every order of rows.
struct Asked<'a> {
    question: &'static str,
    people: People,
    by_id: &'a [u64],
    context: &'a SessionContext,
    below: &'a CountingStore,
}

impl Asked<'_> {
    async fn compare(&self, title: &str, rounds: u64) -> Outcome<()> {
        let mut times = vec![Times::default(); TABLES.len()];
        let mut reads = vec![Reads::default(); TABLES.len()];
        for round in 0..=rounds {
            let mut n_rows = None;
            for turn in 0..TABLES.len() {
                let idx = (round as usize + turn) % TABLES.len();
                let found = (TABLES.get(idx), times.get_mut(idx), reads.get_mut(idx));
                let (Some(table), Some(times), Some(reads)) = found else { continue };
                let sql = self.filled(table, round);
                self.below.take();
                let watch = Stopwatch::start();
                let n_found = self.ask(&sql).await?;
                if round > 0 {
                    times.add(&watch);
                    let read = self.below.take();
                    reads.requests += read.requests;
                    reads.bytes += read.bytes;
                }
                if n_rows.replace(n_found).is_some_and(|other| other != n_found) {
                    return Err(format!("`{title}` has another answer in {table}").into());
                }
            }
        }
        let mut line = format!("{title:<27}");
        for (times, reads) in times.iter_mut().zip(reads) {
            let (times, per_round) = (times.summary(), rounds as f64);
            let (requests, megabytes) = (reads.requests as f64 / per_round, reads.bytes as f64 / 1e6 / per_round);
            write!(line, " |{:>9.1}{:>9.1}{:>9.1}", times.least, times.median, times.cpu)?;
            write!(line, "{requests:>9.1}{megabytes:>9.2}")?;
        }
        say(&line)
    }

    /// The question of a round.
    fn filled(&self, table: &str, round: u64) -> String {
        let at = mixed(round ^ 0x5EED) as usize % self.by_id.len();
        let person = self.by_id.get(at).copied().unwrap_or_default();
        let grid = self.people.grid(person);
        self.question
            .replace("{table}", table.trim_start_matches("bench."))
            .replace("{person}", &People::id(person))
            .replace("{grid}", &People::grid_id(grid))
            .replace("{street}", &People::street_code(grid))
    }

    /// Asks and drops the rows as they come.
    async fn ask(&self, sql: &str) -> Outcome<usize> {
        let rows = self.context.sql(sql).await?.execute_stream().await?;
        Ok(rows.try_fold(0, |sum, batch| async move { Ok(sum + batch.num_rows()) }).await?)
    }
}

fn header() -> Outcome<()> {
    let mut names = format!("{:<27}", "");
    let mut columns = format!("{:<27}", "milliseconds, per question");
    for table in TABLES {
        write!(names, " |{table:>45}")?;
        write!(columns, " |{:>9}{:>9}{:>9}{:>9}{:>9}", "least", "median", "CPU", "requests", "MB read")?;
    }
    say(&names)?;
    say(&columns)
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
