//! Writing the whole new content of one table.

use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use deltalake::kernel::Add;
use schemas::RelationName;

use crate::LakeError;
use crate::publication::{self, Draft, Finished};
use crate::rows_writer::{RowsWriter, WrittenRows};

/// Takes the rows of one table, as a stream. Memory is bounded by one row group, not by the table.
///
/// Rows are kept in the order given; give them sorted by the relation's key, or lookups become scans.
pub struct TableWriter {
    rows: RowsWriter,
    draft: Arc<Mutex<Draft>>,
}

/// A table as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenTable {
    /// Which table.
    pub relation: RelationName,
    /// The Delta version that holds it.
    pub version: u64,
    /// Rows.
    pub n_rows: u64,
    /// Rows that were written for it; fewer than it has, if it was changed.
    pub n_written: u64,
    /// Parquet files.
    pub n_files: usize,
    /// Plain bytes of the files.
    pub bytes: u64,
}

impl TableWriter {
    pub(crate) fn new(rows: RowsWriter, draft: Arc<Mutex<Draft>>) -> Self {
        Self { rows, draft }
    }

    /// Adds rows, whose columns must be exactly those of the relation, in order and type.
    ///
    /// # Errors
    /// [`LakeError::WrongColumns`]; [`LakeError::File`] and [`LakeError::Store`], after which the writer is of no use.
    pub async fn write(&mut self, rows: RecordBatch) -> Result<(), LakeError> {
        self.rows.write(rows).await
    }

    /// Commits the rows as the table's new version and hands it to the publication, which shows it when committed.
    ///
    /// # Errors
    /// [`LakeError::File`], [`LakeError::Store`], [`LakeError::Table`].
    pub async fn finish(self) -> Result<WrittenTable, LakeError> {
        let (tables, relation) = (Arc::clone(self.rows.tables()), self.rows.relation().clone());
        let WrittenRows { files, n_rows, mut index } = Box::pin(self.rows.finish()).await?;
        let version = tables.replace(&relation, &files).await?;
        if let Some(index) = &mut index {
            index.table_version = version;
        }
        publication::finish(&self.draft, &relation.name, Finished { version, index });
        let n_files = files.len();
        tracing::debug!(relation = %relation.name, version, n_rows, n_files, "table written");
        let bytes = bytes_of(&files);
        Ok(WrittenTable { relation: relation.name, version, n_rows, n_written: n_rows, n_files, bytes })
    }
}

/// Plain bytes of all these files.
pub(crate) fn bytes_of(files: &[Add]) -> u64 {
    files.iter().map(|file| file.size.unsigned_abs()).sum()
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("relation", &self.rows.relation().name)
            .field("n_rows", &self.rows.n_rows())
            .finish_non_exhaustive()
    }
}
