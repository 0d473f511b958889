//! One world behind a real gateway.

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use query::{Gateway, GatewayConfig, Limits, PublishedData, PublishedTable, TokenKey};
use schemas::Relation;

use super::door::{Door, InProcess};
use super::ledger::Ledger;
use super::rest_door::RestDoor;
use super::roles::{POLICY, policies};
use super::rows::{Rows, Side};
use super::tables::{Storage, TableRows, stored};

/// 2026-06-01, so that no answer depends on the day of the test.
const TODAY: i32 = 20_605;

/// How a world is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Loading<'a> {
    /// How text is held.
    pub storage: Storage,
    /// Threads and partitions; with one, rows are delivered in one order.
    pub cpu_threads: usize,
    /// The policy text.
    pub policy: &'a str,
    /// Further people of other grids, in the second world only.
    pub crowd: usize,
    /// Rows of a stored batch; none for 32 in the first world and 50 in the second, so that what is delivered must not
    /// depend on where batches end.
    pub batch_rows: Option<usize>,
    /// Limits of every query; none for the product's.
    pub limits: Option<&'a Limits>,
    /// Functions that watch their arguments.
    pub probes: &'a [Arc<ScalarUDF>],
}

impl Default for Loading<'_> {
    fn default() -> Self {
        Self {
            storage: Storage::Plain,
            cpu_threads: 1,
            policy: POLICY,
            crowd: 0,
            batch_rows: None,
            limits: None,
            probes: &[],
        }
    }
}

/// A world with its ways in.
#[derive(Debug)]
pub struct World {
    /// Which of the two.
    pub side: Side,
    /// The rows as stored.
    pub rows: Rows,
    /// What was recorded.
    pub ledger: Ledger,
    /// `Gateway::query`.
    pub in_process: InProcess,
    /// The REST server.
    pub rest: RestDoor,
}

impl World {
    /// Loads a world and opens its doors.
    pub async fn load(side: Side, loading: Loading<'_>) -> Self {
        let mut rows = Rows::of(side);
        if side == Side::B {
            rows.crowd(loading.crowd);
        }
        Self::of_rows(side, rows, loading).await
    }

    /// Loads rows that need not be those of the side.
    pub async fn of_rows(side: Side, rows: Rows, loading: Loading<'_>) -> Self {
        let ledger = Ledger::default();
        let gateway = gateway(side, &rows, loading, &ledger);
        let rest = RestDoor::open(Arc::clone(&gateway)).await;
        Self { side, rows, ledger, in_process: InProcess(gateway), rest }
    }

    /// Every door there is.
    #[must_use]
    pub fn doors(&self) -> [&dyn Door; 2] {
        [&self.in_process, &self.rest]
    }
}

fn batch_rows(side: Side) -> usize {
    match side {
        Side::A => 32,
        Side::B => 50,
    }
}

fn gateway(side: Side, rows: &Rows, loading: Loading<'_>, ledger: &Ledger) -> Arc<Gateway> {
    let tables = stored(rows);
    let relations: Vec<Relation> = tables.iter().map(TableRows::relation).collect();
    let config = GatewayConfig {
        limits: loading.limits.cloned().unwrap_or_default(),
        cpu_threads: loading.cpu_threads,
        token_key: TokenKey::new([7; 32]),
        today: Some(TODAY),
        spill_folder: None,
    };
    let (policies, recorder) = (policies(loading.policy, &relations), Arc::new(ledger.clone()));
    let gateway = match loading.probes {
        [] => Gateway::start(config, policies, recorder).unwrap(),
        probes => Gateway::start_with_probes(config, policies, recorder, probes.to_vec()).unwrap(),
    };
    gateway.publish(published(1, &tables, loading.storage, loading.batch_rows.unwrap_or(batch_rows(side))));
    Arc::new(gateway)
}

/// Tables as one version of the data.
#[must_use]
pub fn published(version: u64, tables: &[TableRows], storage: Storage, batch_rows: usize) -> PublishedData {
    let tables = tables.iter().map(|table| {
        let (relation, provider) = (table.relation(), table.provider(storage, batch_rows));
        (relation.name.clone(), PublishedTable { relation, provider })
    });
    PublishedData { version, tables: tables.collect(), ..PublishedData::default() }
}
