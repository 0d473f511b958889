//! Rows the policy has released. Adapters can send nothing else.
//
// INVARIANT (released rows only): see ARCHITECTURE.md.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use schemas::RelationName;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::epoch::EpochWatch;
use crate::masked_predicates::MaskedUse;
use crate::recorder::{AccessOutcome, OpenRecord};
use crate::{Limits, QueryError};

/// A mask in force on a column that an answer reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaskedColumn {
    /// Relation.
    pub relation: RelationName,
    /// Column of the relation, not of the answer.
    pub column: String,
    /// Name of the mask.
    pub mask: String,
    /// The rule that asks for it.
    pub rule: String,
}

/// The rows of one answer, as they are computed. Dropping it stops the query.
pub struct ReleasedStream {
    schema: SchemaRef,
    masked: Vec<MaskedColumn>,
    masked_use: MaskedUse,
    policy_version: String,
    data_version: u64,
    batches: BoxStream<'static, Result<RecordBatch, QueryError>>,
}

impl fmt::Debug for ReleasedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReleasedStream")
            .field("n_columns", &self.schema.fields().len())
            .field("data_version", &self.data_version)
            .finish_non_exhaustive()
    }
}

impl ReleasedStream {
    /// Columns of the answer.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// Masks in force on what the answer reads, for the client's notice.
    #[must_use]
    pub fn masked(&self) -> &[MaskedColumn] {
        &self.masked
    }

    /// Masked columns (`unified.person.phone`) that conditions of the statement compare: with what is shown, not with what is
    /// stored. Sorted.
    #[must_use]
    pub fn compared_masked(&self) -> &[String] {
        &self.masked_use.compared
    }

    /// Masks in force on what a column of the answer is made of; none if all of it is shown as it is stored. `idx` is the
    /// column's place in the schema.
    pub fn masks_of_column(&self, idx: usize) -> impl Iterator<Item = &MaskedColumn> {
        self.masked_use.masks_of_column(idx, &self.masked)
    }

    /// Version of the policy set that decided.
    #[must_use]
    pub fn policy_version(&self) -> &str {
        &self.policy_version
    }

    /// Published version that was read.
    #[must_use]
    pub fn data_version(&self) -> u64 {
        self.data_version
    }
}

impl Stream for ReleasedStream {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.as_mut().poll_next(cx)
    }
}

/// What a running query holds until its last row.
pub(crate) struct Running {
    pub(crate) schema: SchemaRef,
    pub(crate) masked: Vec<MaskedColumn>,
    pub(crate) masked_use: MaskedUse,
    pub(crate) policy_version: String,
    pub(crate) data_version: u64,
    pub(crate) rows: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    pub(crate) task: AbortOnDropHandle<()>,
    pub(crate) epoch: EpochWatch,
    pub(crate) record: Box<dyn OpenRecord>,
    pub(crate) started: Instant,
}

impl Running {
    /// Wraps the rows with the limits on them and the closing of the audit record.
    pub(crate) fn release(self, limits: &Limits) -> ReleasedStream {
        let Self { schema, masked, masked_use, policy_version, data_version, rows, task, epoch, record, started } =
            self;
        let counter = Counter {
            rows,
            task,
            epoch,
            record: Some(record),
            started,
            n_rows: 0,
            n_bytes: 0,
            n_cells: 0,
            max_rows: limits.max_rows,
            max_bytes: limits.max_result_bytes,
            max_cells: limits.max_cells,
        };
        // Fused: an adapter may ask once more after the end, and an unfold panics on that.
        let batches = Box::pin(futures::stream::unfold(counter, Counter::next).fuse());
        ReleasedStream { schema, masked, masked_use, policy_version, data_version, batches }
    }
}

struct Counter {
    rows: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    task: AbortOnDropHandle<()>,
    epoch: EpochWatch,
    record: Option<Box<dyn OpenRecord>>,
    started: Instant,
    n_rows: u64,
    n_bytes: u64,
    n_cells: u64,
    max_rows: u64,
    max_bytes: u64,
    max_cells: u64,
}

impl Counter {
    async fn next(mut self) -> Option<(Result<RecordBatch, QueryError>, Self)> {
        // The record is taken when the stream ends; after that there is nothing more.
        self.record.as_ref()?;
        let received = tokio::select! {
            // A change of access goes before rows that are ready.
            biased;
            cut = self.epoch.cut() => Some(Err(cut)),
            received = self.rows.recv() => received,
        };
        let step = match received {
            Some(received) => received.and_then(|batch| self.count(batch)),
            // Rows end where the task ends. One that broke off has not delivered them all.
            None => match (&mut self.task).await {
                Ok(()) => {
                    let closed = self.close(None).await;
                    return closed.err().map(|error| (Err(error), self));
                }
                Err(_) => Err(QueryError::internal("execution panicked")),
            },
        };
        if let Err(error) = &step {
            // The query stops now, not when the client lets go of the stream.
            self.task.abort();
            if let Err(unrecorded) = self.close(Some(error.code())).await {
                return Some((Err(unrecorded), self));
            }
        }
        Some((step, self))
    }

    fn count(&mut self, batch: RecordBatch) -> Result<RecordBatch, QueryError> {
        let n_rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        let n_bytes = u64::try_from(batch.get_array_memory_size()).unwrap_or(u64::MAX);
        if self.n_rows.saturating_add(n_rows) > self.max_rows {
            return Err(QueryError::LimitReached { limit: "max_rows", allowed: format!("{} rows", self.max_rows) });
        }
        if self.n_bytes.saturating_add(n_bytes) > self.max_bytes {
            return Err(QueryError::LimitReached {
                limit: "max_result_bytes",
                allowed: format!("{} bytes", self.max_bytes),
            });
        }
        let n_cells = n_rows.saturating_mul(u64::try_from(batch.num_columns()).unwrap_or(u64::MAX));
        if self.n_cells.saturating_add(n_cells) > self.max_cells {
            return Err(QueryError::LimitReached { limit: "max_cells", allowed: format!("{} cells", self.max_cells) });
        }
        self.n_rows += n_rows;
        self.n_bytes += n_bytes;
        self.n_cells += n_cells;
        Ok(batch)
    }

    async fn close(&mut self, error_code: Option<&'static str>) -> Result<(), QueryError> {
        let Some(record) = self.record.take() else { return Ok(()) };
        let outcome =
            AccessOutcome { rows: self.n_rows, bytes: self.n_bytes, error_code, duration: self.started.elapsed() };
        record.close(outcome).await.map_err(|_| QueryError::AuditUnavailable)
    }
}
