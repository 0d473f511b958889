//! One file from its reader, which blocks, to its table, which does not.

use arrow::array::RecordBatch;
use connectors::{FileReport, Progress, ReadOptions, RejectedRow, RowSink, SinkError, read_file};
use lake::TableWriter;
use tokio::sync::mpsc;

use super::keep::RejectKeeper;
use super::{ClaimedFile, Landing};
use crate::Failure;
use crate::failure::chain_of;
use crate::progress::Stage;

/// Batches read ahead of the table.
const BATCHES_AHEAD: usize = 4;

impl Landing<'_> {
    /// Reads a file into the table; rejected rows go to their keeper.
    pub(super) async fn read(
        &self,
        claimed: &ClaimedFile<'_>,
        batch: &str,
        stage: Stage,
        table: &mut TableWriter,
        rejects: &mut RejectKeeper,
    ) -> Result<FileReport, Failure> {
        let reader = self.open(claimed).await?;
        let mut options = ReadOptions::new(batch, self.started);
        options.region.clone_from(&claimed.source.region);
        options.encoding = claimed.source.encoding;
        let (registry, dataset, name) = (self.site.registry.clone(), self.dataset.clone(), claimed.file.name.clone());
        let (rows, mut read_rows) = mpsc::channel(BATCHES_AHEAD);
        let reading = tokio::task::spawn_blocking(move || {
            let mut sink = Ahead { rows, stage };
            read_file(reader, &name, &registry, &dataset, &options, &mut sink)
        });
        while let Some(item) = read_rows.recv().await {
            match item {
                Item::Accepted(batch) => table
                    .write(batch)
                    .await
                    .map_err(|error| Failure::caused_by("写入失败", "rows cannot be written", &error))?,
                Item::Rejected(row) => rejects.keep(&row).await?,
            }
        }
        match reading.await {
            Ok(Ok(report)) => Ok(report),
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
}

impl RowSink for Ahead {
    fn accept(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        Ok(self.rows.blocking_send(Item::Accepted(batch)).map_err(|_| "the table is closed")?)
    }

    fn reject(&mut self, row: RejectedRow) -> Result<(), SinkError> {
        Ok(self.rows.blocking_send(Item::Rejected(Box::new(row))).map_err(|_| "the table is closed")?)
    }

    fn progress(&mut self, progress: Progress) {
        self.stage.set(progress.bytes_done, progress.bytes_total);
    }
}
