//! What the barrier costs: the same questions over the same published tables, once as a police officer through the gateway and
//! once through the bare engine without any policy. `cargo xtask bench [PEOPLE]` runs it; the figures are wall times of one
//! question from its text to its last row, taken in turns in one process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use policies::{PolicySet, Principal};
use query::{Gateway, GatewayConfig, Limits, PublishedData, PublishedTable, QueryRequest, TokenKey};
use schemas::{Registry, RelationName};
use tests::attacks::ledger::Ledger;
use tests::datong::{DIVISION, lake_of, quick_folder, run};

/// Rounds of each question; the first is not counted.
const ROUNDS: usize = 16;
/// People if the command line does not say.
const PEOPLE: &str = "200000";
/// Relations both sides hold.
const RELATIONS: [&str; 2] = ["unified.person", "unified.house"];

/// A question and what it shows.
const QUESTIONS: [(&str, &str); 9] = [
    ("scan and aggregate, clear", "SELECT sex, pop_kind, count(*) FROM unified.person GROUP BY sex, pop_kind"),
    ("scan and aggregate, masked key", "SELECT birth_date, count(*) FROM unified.person GROUP BY birth_date"),
    ("filter, clear", "SELECT person_id, name FROM unified.person WHERE grid_id = '{grid}'"),
    ("filter, masked", "SELECT count(*) FROM unified.person WHERE id_no LIKE '29010219%'"),
    ("look-up, clear", "SELECT name, phone FROM unified.person WHERE person_id = '{person}'"),
    (
        "join",
        "SELECT h.street_code, count(*) FROM unified.person p JOIN unified.house h ON p.house_id = h.house_id GROUP BY h.street_code",
    ),
    ("top-k, clear", "SELECT person_id, name FROM unified.person ORDER BY person_id DESC LIMIT 10"),
    ("top-k, masked", "SELECT person_id, phone FROM unified.person ORDER BY phone DESC, person_id LIMIT 10"),
    ("export", "SELECT {columns} FROM unified.person"),
];

struct Sides {
    gateway: Gateway,
    raw: SessionContext,
    officer: Principal,
}

impl Sides {
    async fn open(folder: &std::path::Path) -> Self {
        let lake = lake_of(folder);
        let published = lake.published().await.expect("a pointer").expect("a published version");
        let snapshot = lake.snapshot(&published);
        let registry = Registry::shipped().expect("declarations").admit_division(DIVISION);
        let mut data = PublishedData { version: published.version, ..PublishedData::default() };
        let schema = Arc::new(MemorySchemaProvider::new());
        for name in RELATIONS {
            let name = RelationName::try_from(name).expect("a name");
            let provider: Arc<dyn TableProvider> = snapshot.provider(&name).await.expect("a table");
            schema.register_table(name.table().to_owned(), Arc::clone(&provider)).expect("a free name");
            let relation = registry.relation(&name).expect("a declaration");
            data.tables.insert(name, PublishedTable { relation, provider });
        }
        let cpu_threads = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        let config = GatewayConfig {
            limits: Limits { max_rows: u64::MAX, max_result_bytes: u64::MAX, ..Limits::default() },
            cpu_threads,
            token_key: TokenKey::new([7; 32]),
            today: None,
        };
        let policies = PolicySet::shipped().expect("the shipped policies");
        let gateway = Gateway::start(config, policies, Arc::new(Ledger::default())).expect("a gateway");
        gateway.publish(data);
        let raw = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(cpu_threads));
        let catalog = Arc::new(MemoryCatalogProvider::new());
        catalog.register_schema("unified", schema).expect("a free name");
        raw.register_catalog("datafusion", catalog);
        let officer = Principal {
            subject: "bench".to_owned(),
            role: "police_officer".to_owned(),
            attributes: std::collections::BTreeMap::new(),
            purpose: None,
        };
        Self { gateway, raw, officer }
    }

    async fn masked(&self, sql: &str) -> Vec<RecordBatch> {
        let request = QueryRequest {
            principal: self.officer.clone(),
            sql: sql.to_owned(),
            request_id: "bench".to_owned(),
            protocol: "cli",
            kind: "query",
            client: None,
        };
        let rows = self.gateway.query(request).await.expect(sql);
        rows.try_collect().await.expect(sql)
    }

    async fn raw(&self, sql: &str) -> Vec<RecordBatch> {
        self.raw.sql(sql).await.expect(sql).collect().await.expect(sql)
    }

    /// The question with values of this city in place of its blanks.
    async fn filled(&self, question: &str) -> String {
        let first =
            "SELECT grid_id, person_id FROM unified.person WHERE grid_id IS NOT NULL ORDER BY person_id LIMIT 1";
        let row = self.raw(first).await.swap_remove(0);
        let value =
            |idx: usize| datafusion::arrow::util::display::array_value_to_string(row.column(idx), 0).expect("a text");
        let visible = self.gateway.visible_relations(&self.officer).expect("relations");
        let person = visible.iter().find(|relation| relation.name.table() == "person").expect("persons");
        let columns = person.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        question.replace("{grid}", &value(0)).replace("{person}", &value(1)).replace("{columns}", &columns)
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
    for (title, question) in QUESTIONS {
        let sql = sides.filled(question).await;
        let (mut raw, mut masked) = (Vec::new(), Vec::new());
        let (mut n_raw, mut n_masked) = (0, 0);
        for round in 0..ROUNDS {
            let start = Instant::now();
            let rows = sides.raw(&sql).await;
            let of_raw = start.elapsed();
            n_raw = rows.iter().map(RecordBatch::num_rows).sum();
            let start = Instant::now();
            let rows = sides.masked(&sql).await;
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
}
