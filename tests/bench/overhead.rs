//! What the barrier costs: the same questions over the same published tables, once as a police officer through the gateway and
//! once through the bare engine without any policy. `cargo xtask bench [PEOPLE]` runs it; the figures are wall times of one
//! question from its text to its last row, taken in turns in one process. Besides, what each question reads from files through
//! the barrier, and what it would read if nothing could be skipped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use policies::{PolicySet, Principal};
use query::{FileReads, Gateway};
use tests::attacks::ledger::Ledger;
use tests::datong::{DIVISION, lake_of, quick_folder, run};
use tests::published::{boundless, published, request, somebody};

/// Rounds of each question; the first is not counted.
const ROUNDS: usize = 16;
/// People if the command line does not say.
const PEOPLE: &str = "200000";
/// Relations both sides hold.
const RELATIONS: [&str; 2] = ["unified.person", "unified.house"];

/// What is asked, as whom, and the question. `{grid}` and `{person}` are values of this city as the side shows them.
const QUESTIONS: [(&str, Who, &str); 11] = [
    (
        "scan and aggregate, clear",
        Who::Officer,
        "SELECT sex, pop_kind, count(*) FROM unified.person GROUP BY sex, pop_kind",
    ),
    (
        "scan and aggregate, masked key",
        Who::Officer,
        "SELECT birth_date, count(*) FROM unified.person GROUP BY birth_date",
    ),
    ("filter, clear", Who::Officer, "SELECT person_id, name FROM unified.person WHERE grid_id = '{grid}'"),
    ("filter, masked prefix", Who::Officer, "SELECT count(*) FROM unified.person WHERE id_no LIKE '290102%'"),
    ("filter, masked", Who::Officer, "SELECT count(*) FROM unified.person WHERE id_no LIKE '29010219%'"),
    ("look-up, clear", Who::Officer, "SELECT name, phone FROM unified.person WHERE person_id = '{person}'"),
    ("look-up, token", Who::Analyst, "SELECT name, sex FROM unified.person WHERE person_id = '{person}'"),
    (
        "join",
        Who::Officer,
        "SELECT h.street_code, count(*) FROM unified.person p JOIN unified.house h ON p.house_id = h.house_id GROUP BY h.street_code",
    ),
    ("top-k, clear", Who::Officer, "SELECT person_id, name FROM unified.person ORDER BY person_id DESC LIMIT 10"),
    (
        "top-k, masked",
        Who::Officer,
        "SELECT person_id, phone FROM unified.person ORDER BY phone DESC, person_id LIMIT 10",
    ),
    ("export", Who::Officer, "SELECT {columns} FROM unified.person"),
];

/// Who asks through the policies.
#[derive(Debug, Clone, Copy)]
enum Who {
    /// A police officer: every row, most columns masked.
    Officer,
    /// A street analyst: the rows of one street, people as tokens.
    Analyst,
}

impl Who {
    fn principal(self) -> Principal {
        match self {
            Self::Officer => somebody("police_officer", None),
            Self::Analyst => somebody("street_analyst", Some(("street", &format!("{DIVISION}001")))),
        }
    }
}

struct Sides {
    gateway: Gateway,
    unpruned: Gateway,
    raw: SessionContext,
}

impl Sides {
    async fn open(folder: &std::path::Path) -> Self {
        let data = published(&lake_of(folder), &RELATIONS).await;
        let schema = Arc::new(MemorySchemaProvider::new());
        for (name, table) in &data.tables {
            schema.register_table(name.table().to_owned(), Arc::clone(&table.provider)).expect("a free name");
        }
        let policies = || PolicySet::shipped().expect("the shipped policies");
        let ledger = || Arc::new(Ledger::default());
        let gateway = Gateway::start(boundless(), policies(), ledger()).expect("a gateway");
        gateway.publish(data.clone());
        let unpruned = Gateway::start_without_pruning(boundless(), policies(), ledger()).expect("a gateway");
        unpruned.publish(data);
        let cpu_threads = boundless().cpu_threads;
        let raw = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(cpu_threads));
        let catalog = Arc::new(MemoryCatalogProvider::new());
        catalog.register_schema("unified", schema).expect("a free name");
        raw.register_catalog("datafusion", catalog);
        Self { gateway, unpruned, raw }
    }

    async fn masked(&self, who: Who, sql: &str) -> Vec<RecordBatch> {
        let rows = self.gateway.query(request(&who.principal(), sql)).await.expect(sql);
        rows.try_collect().await.expect(sql)
    }

    async fn raw(&self, sql: &str) -> Vec<RecordBatch> {
        self.raw.sql(sql).await.expect(sql).collect().await.expect(sql)
    }

    /// The question for the engine alone and for who asks.
    async fn filled(&self, who: Who, question: &str) -> (String, String) {
        let first =
            "SELECT grid_id, person_id FROM unified.person WHERE grid_id IS NOT NULL ORDER BY person_id LIMIT 1";
        let visible = self.gateway.visible_relations(&who.principal()).expect("relations");
        let person = visible.iter().find(|relation| relation.name.table() == "person").expect("persons");
        let columns = person.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let fill = |rows: Vec<RecordBatch>| {
            let row = rows.into_iter().find(|rows| rows.num_rows() > 0).expect("a person");
            let value = |idx: usize| {
                datafusion::arrow::util::display::array_value_to_string(row.column(idx), 0).expect("a text")
            };
            question.replace("{grid}", &value(0)).replace("{person}", &value(1)).replace("{columns}", &columns)
        };
        (fill(self.raw(first).await), fill(self.masked(who, first).await))
    }

    /// What is read through the barrier, and what would be read if nothing were skipped.
    async fn reads(&self, who: Who, sql: &str) -> [FileReads; 2] {
        let request = request(&who.principal(), sql);
        let pruned = self.gateway.file_reads(&request).await.expect(sql);
        [pruned, self.unpruned.file_reads(&request).await.expect(sql)]
    }
}

/// Least and middle of the rounds that count.
fn least_and_median(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let ms = |time: &Duration| time.as_secs_f64() * 1_000.0;
    (times.first().map_or(0.0, ms), times.get(times.len() / 2).map_or(0.0, ms))
}

fn main() {
    let people = std::env::args().skip(1).find(|argument| argument.parse::<u64>().is_ok());
    let people = people.unwrap_or_else(|| PEOPLE.to_owned());
    let kept = quick_folder();
    let folder = kept.path().join("demo");
    let made = run(["demo", "--people", &people, "--seed", "7", "--no-wait", "--port", "0", "--data-dir"]
        .map(std::ffi::OsString::from)
        .into_iter()
        .chain([folder.clone().into()]));
    let _made = made.expect_code(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(&folder, &people));
}

async fn measure(folder: &std::path::Path, people: &str) {
    let sides = Sides::open(folder).await;
    println!("people {people}, rounds {}, wall ms (least / median)", ROUNDS - 1);
    println!("{:<32} {:>17} {:>17} {:>8} {:>9}", "question", "engine alone", "through policies", "least", "median");
    let mut reads = Vec::new();
    for (title, who, question) in QUESTIONS {
        let (raw_sql, sql) = sides.filled(who, question).await;
        reads.push((title, sides.reads(who, &sql).await));
        let (mut raw, mut masked) = (Vec::new(), Vec::new());
        let (mut n_raw, mut n_masked) = (0, 0);
        for round in 0..ROUNDS {
            let start = Instant::now();
            let rows = sides.raw(&raw_sql).await;
            let of_raw = start.elapsed();
            n_raw = rows.iter().map(RecordBatch::num_rows).sum();
            let start = Instant::now();
            let rows = sides.masked(who, &sql).await;
            let of_masked = start.elapsed();
            n_masked = rows.iter().map(RecordBatch::num_rows).sum();
            if round > 0 {
                raw.push(of_raw);
                masked.push(of_masked);
            }
        }
        let ((raw_least, raw_median), (least, median)) = (least_and_median(raw), least_and_median(masked));
        println!(
            "{title:<32} {raw_least:>8.2}/{raw_median:>8.2} {least:>8.2}/{median:>8.2} {:>7.1}% {:>8.1}%   rows {n_raw} {n_masked}",
            (least / raw_least - 1.0) * 100.0,
            (median / raw_median - 1.0) * 100.0,
        );
    }
    println!();
    println!("{:<32} {:>12} {:>12} {:>12} {:>12}", "read through policies", "rows", "if all", "bytes", "if all");
    for (title, [pruned, all]) in reads {
        println!("{title:<32} {:>12} {:>12} {:>12} {:>12}", pruned.rows, all.rows, pruned.bytes, all.bytes);
    }
}
