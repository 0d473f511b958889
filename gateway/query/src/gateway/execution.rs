//! Running a plan on the threads for it, a few batches ahead of who reads them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Gateway;
use crate::QueryError;
use crate::slots::Slot;

/// Batches computed ahead of a slow client.
const BATCHES_AHEAD: usize = 2;

impl Gateway {
    /// Runs the plan to its end or to that of its time.
    pub(super) fn execute(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        started: Instant,
        slot: Slot,
    ) -> (mpsc::Receiver<Result<RecordBatch, QueryError>>, AbortOnDropHandle<()>) {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let allowed = self.config.limits.max_query_time;
        let deadline = tokio::time::Instant::from_std(started + allowed);
        let task = self.cpu.spawn(async move {
            let mut rows = match execute_stream(plan, context) {
                Ok(rows) => rows,
                Err(error) => {
                    let _ = sender.send(Err(QueryError::from_execution(&error))).await;
                    return;
                }
            };
            let is_whole = loop {
                let step = match tokio::time::timeout_at(deadline, rows.next()).await {
                    Ok(None) => break true,
                    Ok(Some(Ok(batch))) => Ok(batch),
                    Ok(Some(Err(error))) => Err(QueryError::from_execution(&error)),
                    Err(_) => Err(out_of_time(allowed)),
                };
                let failed = step.is_err();
                match tokio::time::timeout_at(deadline, sender.send(step)).await {
                    Ok(Ok(())) if !failed => {}
                    Ok(_) => return,
                    Err(_) => break false,
                }
            };
            // The place is free once the last row is fetched, and after its time whether or not anybody reads: a client
            // that does not keeps neither the place nor the memory of its query.
            let _ = tokio::time::timeout_at(deadline, sender.reserve_many(BATCHES_AHEAD)).await;
            drop((rows, slot));
            if !is_whole {
                let _ = sender.send(Err(out_of_time(allowed))).await;
            }
        });
        (receiver, task)
    }
}

fn out_of_time(allowed: Duration) -> QueryError {
    QueryError::LimitReached { limit: "max_query_time", allowed: format!("{} ms", allowed.as_millis()) }
}
