//! What sealing costs: the same work on a plain folder and on sealed ones, in turns, as wall times and their ratios.
//!
//! `cargo run --release -p lake --example sealing_speed [ROWS] [ROUNDS] [READS] [TITLE]`; with a title, only what has it in its own.
//!
//! Every store holds the same Parquet file of people and the same large object below `index/`, on the same disk. All of it is
//! in the page cache, and every side knows its footers, listings and headers when a round counts. Questions go through
//! DataFusion's own listing table with two partitions, without the Delta log, which would cost every side the same. Processor
//! time is the figure to go by on a machine that does something else as well.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path as FsPath;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use bytes::Bytes;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::TryStreamExt;
use lake::{AES_256_GCM, EncryptedStore, LakeKeys, LocalStore, MasterKey, SM4_GCM, SUITES, Suite};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use schemas::{Identifiability, Relation};
use url::Url;

#[path = "synthetic/people.rs"]
mod people;
#[path = "synthetic/stopwatch.rs"]
mod stopwatch;

use people::{Outcome, People, mixed};
use stopwatch::{Stopwatch, Times};

const ROWS: usize = 500_000;
const ROUNDS: usize = 9;
const READS: usize = 4_000;

/// Look-ups in SQL per round.
const LOOK_UPS: usize = 40;
/// The object that point reads go to.
const OBJECT_BYTES: usize = 64 << 20;
/// What a cipher alone takes in one pass.
const PASS_BYTES: usize = 16 << 20;
/// Rows handed to the encoder at once, as `table_writer.rs` does.
const SLICE_ROWS: usize = 65_536;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default| arguments.next().map_or(Ok(default), |argument| argument.parse());
    let (n_rows, rounds, n_reads) = (next(ROWS)?, next(ROUNDS)?, next(READS)?);
    let title_asked = arguments.next().unwrap_or_default();
    let folder = tempfile::TempDir::with_prefix("datong-sealing-")?;
    let table = Table::new(n_rows)?;
    let mut sides = Vec::new();
    for (name, suite) in [("plain", None), ("aes-256-gcm", Some(AES_256_GCM)), ("sm4-gcm", Some(SM4_GCM))] {
        sides.push(Side::new(name, suite, folder.path())?);
    }
    let file = fill(&sides, &table).await?;
    for side in &sides {
        side.context.register_parquet("person", side.url.join("tables/")?, ParquetReadOptions::default()).await?;
    }
    say(&format!(
        "{n_rows} rows of {} columns, {:.1} MB as Parquet; {rounds} rounds after one that does not count",
        table.relation.columns.len(),
        file as f64 / 1e6
    ))?;
    ciphers_alone()?;
    header(&sides)?;
    for (title, work) in works(n_reads).into_iter().filter(|(title, _)| title.contains(&title_asked)) {
        compare(&title, &work, &sides, &table, rounds).await?;
    }
    Ok(())
}

/// A store, and an engine that reads it.
struct Side {
    name: &'static str,
    store: Arc<dyn ObjectStore>,
    url: Url,
    /// Has caches of its own: what one side has read helps no other.
    context: SessionContext,
}

impl Side {
    fn new(name: &'static str, suite: Option<Suite>, folder: &FsPath) -> Outcome<Self> {
        let folder = folder.join(name);
        std::fs::create_dir(&folder)?;
        let files: Arc<dyn ObjectStore> = Arc::new(LocalStore::new(&folder)?);
        let store = match suite {
            None => files,
            Some(suite) => {
                Arc::new(EncryptedStore::over(files, LakeKeys::new(Arc::new(MasterKey::generate()?), suite)))
            }
        };
        let mut config = SessionConfig::new().with_target_partitions(2);
        config.options_mut().execution.parquet.pushdown_filters = true;
        let context = SessionContext::new_with_config(config);
        let url = Url::parse(&format!("{name}://bench/"))?;
        context.register_object_store(&url, Arc::clone(&store));
        Ok(Self { name, store, url, context })
    }

    /// Asks and drops the rows as they come.
    async fn ask(&self, sql: &str) -> Outcome<usize> {
        let rows = self.context.sql(sql).await?.execute_stream().await?;
        Ok(rows.try_fold(0, |sum, batch| async move { Ok(sum + batch.num_rows()) }).await?)
    }

    async fn write(&self, path: &Path, table: &Table) -> Outcome<()> {
        let target = BufWriter::with_capacity(Arc::clone(&self.store), path.clone(), 8 << 20);
        let schema = table.relation.arrow_schema();
        let mut writer = AsyncArrowWriter::try_new(target, schema, Some(writer_properties(&table.relation)))?;
        for rows in &table.rows {
            writer.write(rows).await?;
        }
        writer.close().await?;
        Ok(())
    }

    /// Reads pieces of the object, each in a request of its own, as the key index does.
    async fn read(&self, pieces: Pieces, round: usize) -> Outcome<()> {
        let path = object();
        for read in 0..pieces.n as u64 {
            let dice = mixed(((round as u64) << 32) | read);
            let start = match pieces.start {
                Start::Page => dice % (OBJECT_BYTES as u64 / pieces.bytes) * pieces.bytes,
                Start::Anywhere => dice % (OBJECT_BYTES as u64 - pieces.bytes),
            };
            let range = start..start + pieces.bytes;
            let found = self.store.get_ranges(&path, std::slice::from_ref(&range)).await?;
            std::hint::black_box(found);
        }
        Ok(())
    }
}

/// The rows, sorted by their key.
struct Table {
    relation: Relation,
    people: Vec<u64>,
    rows: Vec<RecordBatch>,
}

impl Table {
    fn new(n_rows: usize) -> Outcome<Self> {
        let (relation, people) = (people::relation("bench.person")?, People(n_rows as u64));
        let sorted = people.by_id();
        let rows = sorted.chunks(SLICE_ROWS).map(|some| people.rows(&relation, some)).collect::<Outcome<_>>()?;
        Ok(Self { relation, people: sorted, rows })
    }
}

/// As `gateway/lake/src/parquet_layout.rs` lays out files; what that decides by type is here decided the same way.
fn writer_properties(relation: &Relation) -> WriterProperties {
    let key = ColumnPath::from(relation.key.as_str());
    let mut properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(131_072))
        .set_data_page_row_count_limit(1_024)
        .set_write_batch_size(1_024)
        .set_dictionary_page_size_limit(64 << 10)
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_bloom_filter_enabled(key.clone(), true)
        .set_column_bloom_filter_fpp(key.clone(), 0.01)
        .set_column_bloom_filter_max_ndv(key, 131_072);
    let seldom_repeats = |name: &str| name.ends_with("_id") && name != "grid_id";
    for column in &relation.columns {
        if column.ident == Identifiability::Direct || seldom_repeats(column.name.as_str()) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name.as_str()), false);
        }
    }
    properties.build()
}

/// Puts the same bytes into every store, and gives the length of the Parquet file.
async fn fill(sides: &[Side], table: &Table) -> Outcome<u64> {
    let file = Path::from("tables/person.parquet");
    let mut bytes: Option<Bytes> = None;
    let noise: Vec<u8> = (0..OBJECT_BYTES as u64 / 8).flat_map(|i| mixed(i).to_le_bytes()).collect();
    let noise = Bytes::from(noise);
    for side in sides {
        match &bytes {
            None => {
                side.write(&file, table).await?;
                bytes = Some(side.store.get(&file).await?.bytes().await?);
            }
            Some(bytes) => {
                side.store.put(&file, bytes.clone().into()).await?;
            }
        }
        side.store.put(&object(), noise.clone().into()).await?;
    }
    Ok(bytes.map_or(0, |bytes| bytes.len() as u64))
}

/// Below `index/`, where objects are sealed in pieces of 4 KiB.
fn object() -> Path {
    Path::from("index/bench/records")
}

/// One thing that every side does.
enum Work {
    /// The whole table as a new file.
    Write,
    /// One question.
    Ask(String),
    /// So many people by their ids, one after the other.
    LookUp(usize),
    Read(Pieces),
}

/// Reads of equal size.
#[derive(Clone, Copy)]
struct Pieces {
    n: usize,
    bytes: u64,
    start: Start,
}

#[derive(Clone, Copy)]
enum Start {
    /// At a multiple of their size, as the key index reads.
    Page,
    Anywhere,
}

impl Work {
    async fn done(&self, side: &Side, table: &Table, round: usize) -> Outcome<()> {
        match self {
            Self::Write => side.write(&Path::from("written/person.parquet"), table).await,
            Self::Ask(sql) => side.ask(sql).await.map(|_| ()),
            Self::LookUp(n) => {
                for i in 0..*n as u64 {
                    let at = mixed(((round as u64) << 32) | i) as usize % table.people.len();
                    let id = table.people.get(at).map(|person| People::id(*person)).unwrap_or_default();
                    if side.ask(&format!("SELECT * FROM person WHERE person_id = '{id}'")).await? != 1 {
                        return Err("a person was not found".into());
                    }
                }
                Ok(())
            }
            Self::Read(pieces) => side.read(*pieces, round).await,
        }
    }
}

fn works(n_reads: usize) -> Vec<(String, Work)> {
    let ask = |title: &str, sql: &str| (format!("scan: {title}"), Work::Ask(sql.to_owned()));
    let read = |kib: u64, start| {
        let place = match start {
            Start::Page => "pages",
            Start::Anywhere => "anywhere",
        };
        (format!("{n_reads} reads of {kib} KiB, {place}"), Work::Read(Pieces { n: n_reads, bytes: kib << 10, start }))
    };
    vec![
        ("write the table".to_owned(), Work::Write),
        ask(
            "count with a filter",
            "SELECT count(*) FROM person WHERE birth_date < DATE '1960-01-01' AND employer IS NOT NULL",
        ),
        ask("group by a code", "SELECT education, count(*) FROM person GROUP BY education"),
        ask("extremes of all texts", &extremes()),
        ask("all columns", "SELECT * FROM person"),
        (format!("{LOOK_UPS} look-ups in SQL"), Work::LookUp(LOOK_UPS)),
        read(4, Start::Page),
        read(16, Start::Page),
        read(4, Start::Anywhere),
        read(16, Start::Anywhere),
    ]
}

/// A question for which every text has to be read and decoded, though statistics would tell some of the answer.
fn extremes() -> String {
    let texts = "person_id id_no name former_name sex ethnicity native_place marital_status political_status education \
                 employer phone reg_address cur_address pop_kind house_id grid_id street_code community_code source_batch";
    // The suffix keeps the engine from answering out of statistics.
    let of_each = texts.split(' ').map(|name| format!("min({name} || ''), max({name} || '')"));
    format!("SELECT {} FROM person", of_each.collect::<Vec<_>>().join(", "))
}

/// Does the work on every side in turns and reports the times. Who begins changes from round to round.
async fn compare(title: &str, work: &Work, sides: &[Side], table: &Table, rounds: usize) -> Outcome<()> {
    let mut times = vec![Times::default(); sides.len()];
    for round in 0..=rounds {
        for turn in 0..sides.len() {
            let idx = (round + turn) % sides.len();
            let (Some(side), Some(times)) = (sides.get(idx), times.get_mut(idx)) else { continue };
            let watch = Stopwatch::start();
            work.done(side, table, round).await?;
            if round > 0 {
                times.add(&watch);
            }
        }
    }
    let found: Vec<_> = times.iter_mut().map(Times::summary).collect();
    let plain = found.first().copied().unwrap_or_default();
    let mut line = format!("{title:<29}");
    for (idx, this) in found.into_iter().enumerate() {
        write!(line, " |{:>8.1}{:>8.1}{:>8.1}", this.least, this.median, this.cpu)?;
        if idx > 0 {
            let ratios = [this.least / plain.least, this.median / plain.median, this.cpu / plain.cpu];
            ratios.iter().try_for_each(|ratio| write!(line, "{ratio:>7.2}"))?;
        }
    }
    say(&line)
}

fn header(sides: &[Side]) -> Outcome<()> {
    let mut names = format!("{:<29}", "");
    let mut columns = format!("{:<29}", "milliseconds");
    for (idx, side) in sides.iter().enumerate() {
        let ratios = if idx == 0 { String::new() } else { format!("{:>7}{:>7}{:>7}", "ratio", "ratio", "ratio") };
        write!(names, " |{:>width$}", side.name, width = 24 + ratios.len())?;
        write!(columns, " |{:>8}{:>8}{:>8}{ratios}", "least", "median", "CPU")?;
    }
    say(&names)?;
    say(&columns)
}

/// How fast one thread seals and opens in memory, without any store: the best of some passes.
fn ciphers_alone() -> Outcome<()> {
    for suite in SUITES {
        for bytes in [4 << 10, 64 << 10] {
            let (mut sealing, mut opening) = (Duration::MAX, Duration::MAX);
            for _ in 0..5 {
                let (sealed_in, opened_in) = one_pass(suite, bytes)?;
                (sealing, opening) = (sealing.min(sealed_in), opening.min(opened_in));
            }
            let speed = |time: Duration| PASS_BYTES as f64 / 1e6 / time.as_secs_f64();
            let (name, kib, seals, opens) = (suite.name(), bytes >> 10, speed(sealing), speed(opening));
            say(&format!("{name} alone, pieces of {kib} KiB: seals {seals:.0} MB/s, opens {opens:.0} MB/s"))?;
        }
    }
    Ok(())
}

/// Seals and opens pieces of so many bytes.
fn one_pass(suite: Suite, bytes: usize) -> Outcome<(Duration, Duration)> {
    // The nonce serves many times, which is of no harm to zeros under a key that nobody keeps.
    let (cipher, nonce, associated) = (suite.cipher(&[7; 32]), [0; 12], [0; 96]);
    let mut text = vec![0; PASS_BYTES];
    let start = Instant::now();
    let tags: Vec<_> = text.chunks_mut(bytes).filter_map(|piece| cipher.seal(&nonce, &associated, piece)).collect();
    let sealing = start.elapsed();
    let start = Instant::now();
    let opened = text.chunks_mut(bytes).zip(&tags).all(|(piece, tag)| cipher.open(&nonce, &associated, piece, tag));
    let opening = start.elapsed();
    if opened { Ok((sealing, opening)) } else { Err("what was sealed does not open".into()) }
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
