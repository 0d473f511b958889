//! The rows of files, in the declared types, file after file.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use schemas::RelationName;

use crate::LakeError;
use crate::pinned_table::PinnedFile;
use crate::table_file::TableFile;

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// Rows as they come.
pub type RecordBatchStream = BoxStream<'static, Result<RecordBatch, LakeError>>;

/// The rows that count, in batches of up to 8192; with `names`, only these columns, in the order of `schema`.
pub(crate) fn read(
    store: Arc<dyn ObjectStore>,
    relation: &RelationName,
    schema: &SchemaRef,
    files: Vec<PinnedFile>,
    names: Option<Vec<String>>,
) -> RecordBatchStream {
    let relation = relation.clone();
    let schema = projected(schema, names.as_deref());
    let read = move |file| read_file(Arc::clone(&store), file, names.clone(), relation.clone(), Arc::clone(&schema));
    stream::iter(files).then(read).try_flatten().boxed()
}

async fn read_file(
    store: Arc<dyn ObjectStore>,
    pinned: PinnedFile,
    names: Option<Vec<String>>,
    relation: RelationName,
    schema: SchemaRef,
) -> Result<RecordBatchStream, LakeError> {
    let failed = LakeError::file(&relation);
    let left = pinned.rows_left();
    let file = TableFile::new(store, pinned.path, pinned.size);
    let mut builder = ParquetRecordBatchStreamBuilder::new(file).await.map_err(&failed)?.with_batch_size(BATCH_ROWS);
    if let Some(left) = left {
        builder = builder.with_row_selection(left);
    }
    if let Some(names) = names {
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().map(String::as_str));
        builder = builder.with_projection(mask);
    }
    let batches = builder.build().map_err(&failed)?;
    let in_declared_types = move |batch: Result<RecordBatch, _>| {
        let batch: RecordBatch = batch.map_err(&failed)?;
        RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())
            .map_err(|error| LakeError::WrongColumns { relation: relation.clone(), difference: error.to_string() })
    };
    Ok(batches.map(in_declared_types).boxed())
}

fn projected(schema: &SchemaRef, names: Option<&[String]>) -> SchemaRef {
    let Some(names) = names else { return Arc::clone(schema) };
    let fields = schema.fields().iter().filter(|field| names.contains(field.name())).cloned();
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
