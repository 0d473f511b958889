//! All rows of a table in the order of its keys.
//!
//! A table that was changed has several runs of files, each of them sorted: they are merged as they are read.

use std::sync::Arc;

use arrow::compute::SortOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use parquet::errors::ParquetError;
use schemas::{ColumnName, RelationName};

use crate::LakeError;
use crate::file_rows::{self, RecordBatchStream};
use crate::pinned_table::{PinnedFile, PinnedTable};

/// Rows of a merged batch.
const BATCH_ROWS: usize = 8_192;

/// The rows that count. They are in order if each run is: whoever needs that checks it.
pub(crate) fn merged_rows(
    store: &Arc<dyn ObjectStore>,
    relation: &RelationName,
    table: &PinnedTable,
    key: &ColumnName,
) -> Result<RecordBatchStream, LakeError> {
    let read = |files: Vec<&PinnedFile>| {
        let files = files.into_iter().cloned().collect();
        file_rows::read(Arc::clone(store), relation, &table.schema, files, None)
    };
    let mut runs = table.runs();
    if runs.len() < 2 {
        return Ok(read(runs.pop().unwrap_or_default()));
    }
    let failed = LakeError::file(relation);
    let broken = |error: DataFusionError| failed(ParquetError::External(Box::new(error)));
    let column = Column::new_with_schema(key.as_str(), &table.schema).map_err(&broken)?;
    let by_key =
        PhysicalSortExpr { expr: Arc::new(column), options: SortOptions { descending: false, nulls_first: true } };
    let order = LexOrdering::new([by_key]).ok_or(DataFusionError::Internal("no order".to_owned())).map_err(&broken)?;
    let streams = runs.into_iter().map(|files| {
        let rows = read(files).map_err(|error| DataFusionError::External(Box::new(error)));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&table.schema), rows)) as SendableRecordBatchStream
    });
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let merged = StreamingMergeBuilder::new()
        .with_streams(streams.collect())
        .with_schema(Arc::clone(&table.schema))
        .with_expressions(&order)
        .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
        .with_batch_size(BATCH_ROWS)
        .with_reservation(MemoryConsumer::new("merged rows").register(&pool))
        .build()
        .map_err(&broken)?;
    let failed = LakeError::file(relation);
    Ok(merged.map_err(move |error| failed(ParquetError::External(Box::new(error)))).boxed())
}
