//! One file from its reader, which blocks, to its table, which does not.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use connectors::{CorrectionOutcome, FileReport, Progress, ReadOptions, RejectedRow, RowSink, SinkError, read_file};
use lake::TableWriter;
use tokio::sync::mpsc;

use super::keep::RejectKeeper;
use super::{ClaimedFile, Landing};
use crate::Failure;
use crate::failure::chain_of;
use crate::progress::Stage;
use crate::quarantine::InForce;

/// Batches read ahead of the table.
const BATCHES_AHEAD: usize = 4;

/// Where rows go.
pub(super) enum Outlet<'o> {
    /// Accepted rows into the table, rejected ones to their keeper.
    Kept { table: &'o mut TableWriter, rejects: &'o mut RejectKeeper },
    /// They are counted and dropped.
    Nowhere,
}

impl Outlet<'_> {
    async fn take(&mut self, item: Item) -> Result<(), Failure> {
        match (self, item) {
            (Self::Kept { table, .. }, Item::Accepted(batch)) => table
                .write(batch)
                .await
                .map_err(|error| Failure::caused_by("写入失败", "rows cannot be written", &error)),
            (Self::Kept { rejects, .. }, Item::Rejected(row)) => rejects.keep(&row).await,
            (Self::Nowhere, _) => Ok(()),
        }
    }
}

/// Corrections that met their row, by id.
pub(super) type Tried = BTreeMap<String, CorrectionOutcome>;

impl Landing<'_> {
    /// Reads a file, and says which corrections met their row.
    pub(super) async fn read(
        &self,
        claimed: &ClaimedFile<'_>,
        batch: &str,
        stage: Stage,
        mut outlet: Outlet<'_>,
    ) -> Result<(FileReport, Tried), Failure> {
        let reader = self.open(claimed).await?;
        let mut options = ReadOptions::new(batch, self.started);
        options.region.clone_from(&claimed.source.region);
        options.encoding = claimed.source.encoding;
        let (registry, dataset, name) = (self.site.registry.clone(), self.dataset.clone(), claimed.name.clone());
        let (rows, mut read_rows) = mpsc::channel(BATCHES_AHEAD);
        let mut sink = Ahead { rows, stage, corrections: self.corrections.clone(), tried: Tried::new() };
        let reading = tokio::task::spawn_blocking(move || {
            let report = read_file(reader, &name, &registry, &dataset, &options, &mut sink);
            report.map(|report| (report, sink.tried))
        });
        while let Some(item) = read_rows.recv().await {
            outlet.take(item).await?;
        }
        match reading.await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(self.unreadable(claimed, &error.message_zh(), &chain_of(&error))),
            Err(_) => Err(self.interrupted(claimed)),
        }
    }
}

enum Item {
    Accepted(RecordBatch),
    Rejected(Box<RejectedRow>),
}

/// Hands rows over and waits when too many are ahead.
struct Ahead {
    rows: mpsc::Sender<Item>,
    stage: Stage,
    corrections: InForce,
    tried: Tried,
}

impl RowSink for Ahead {
    fn accept(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        Ok(self.rows.blocking_send(Item::Accepted(batch)).map_err(|_| "the table is closed")?)
    }

    fn correct(&mut self, row: &RejectedRow) -> Option<BTreeMap<String, String>> {
        let correction = self.corrections.of_row(row)?;
        self.tried.insert(correction.id.clone(), CorrectionOutcome::Applied);
        Some(correction.texts.clone())
    }

    fn reject(&mut self, row: RejectedRow) -> Result<(), SinkError> {
        if row.correction_failed
            && let Some(correction) = self.corrections.of_row(&row)
        {
            self.tried.insert(correction.id.clone(), CorrectionOutcome::StillFails);
        }
        Ok(self.rows.blocking_send(Item::Rejected(Box::new(row))).map_err(|_| "the table is closed")?)
    }

    fn progress(&mut self, progress: Progress) {
        self.stage.set(progress.bytes_done, progress.bytes_total);
    }
}
