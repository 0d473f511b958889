//! One version of one table: its files, and which of their rows count.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake::kernel::Add;
use deltalake::{DeltaResult, DeltaTable, DeltaTableError};
use object_store::path::Path;
use parquet::arrow::arrow_reader::RowSelection;

use crate::rows_table::RowsTable;
use crate::superseded::Superseded;

/// One table at one version. Never changes.
#[derive(Debug)]
pub(crate) struct PinnedTable {
    /// For the query engine.
    pub(crate) rows: Arc<RowsTable>,
    /// The declared types, without view types.
    pub(crate) schema: SchemaRef,
    /// In the order they were written.
    pub(crate) files: Vec<PinnedFile>,
    /// Whether rows of its files can be superseded. Tables of older versions of the product are written anew.
    pub(crate) takes_changes: bool,
}

/// One of its files.
#[derive(Debug, Clone)]
pub(crate) struct PinnedFile {
    /// As it stands in the log.
    pub(crate) add: Add,
    pub(crate) path: Path,
    /// Bytes, in clear.
    pub(crate) size: u64,
    /// Rows, those included that do not count.
    pub(crate) n_rows: usize,
    /// Those that do not; none if all do.
    pub(crate) superseded: Option<Superseded>,
}

impl PinnedTable {
    /// Of the version that `table` has loaded, whose files lie in `folder`.
    pub(crate) fn of(
        table: &DeltaTable,
        folder: &Path,
        rows: impl FnOnce(&SchemaRef, &[PinnedFile]) -> RowsTable,
    ) -> DeltaResult<Self> {
        let state = table.snapshot()?;
        let mut files = Vec::new();
        for file in state.log_data() {
            let add = Add {
                path: file.path().into_owned(),
                size: file.size(),
                modification_time: file.modification_time(),
                data_change: true,
                stats: file.stats(),
                deletion_vector: file.deletion_vector_descriptor(),
                ..Add::default()
            };
            files.push(PinnedFile::of(add, file.num_records(), folder)?);
        }
        let in_order = |file: &PinnedFile| (file.add.modification_time, file.path.clone());
        files.sort_by_cached_key(in_order);
        let schema = state.snapshot().arrow_schema();
        let vectors = state.metadata().configuration().get("delta.enableDeletionVectors");
        let takes_changes = vectors.is_some_and(|value| value == "true");
        Ok(Self { rows: Arc::new(rows(&schema, &files)), schema, files, takes_changes })
    }

    /// Its files by the writers that wrote them, the oldest first. Each run is in the order of its writer.
    pub(crate) fn runs(&self) -> Vec<Vec<&PinnedFile>> {
        let mut runs: Vec<(&str, Vec<&PinnedFile>)> = Vec::new();
        for file in &self.files {
            match runs.iter_mut().find(|(writer, _)| *writer == file.writer()) {
                Some((_, run)) => run.push(file),
                None => runs.push((file.writer(), vec![file])),
            }
        }
        runs.into_iter().map(|(_, run)| run).collect()
    }

    /// Rows that do not count.
    pub(crate) fn n_superseded(&self) -> u64 {
        self.files.iter().map(PinnedFile::n_superseded).sum()
    }

    /// Rows that count.
    pub(crate) fn n_rows(&self) -> u64 {
        self.files.iter().map(|file| file.n_rows as u64 - file.n_superseded()).sum()
    }
}

impl PinnedFile {
    fn of(add: Add, n_rows: Option<usize>, folder: &Path) -> DeltaResult<Self> {
        let broken = || DeltaTableError::Generic(format!("the log says no rows of `{}`", add.path));
        let superseded = match &add.deletion_vector {
            None => None,
            Some(descriptor) => Some(Superseded::parse(descriptor).ok_or_else(broken)?),
        };
        let n_rows = n_rows.ok_or_else(broken)?;
        if superseded.as_ref().is_some_and(|superseded| superseded.len() > n_rows as u64) {
            return Err(broken());
        }
        let (path, size) = (folder.clone().join(add.path.as_str()), add.size.unsigned_abs());
        Ok(Self { path, size, n_rows, superseded, add })
    }

    /// The part of its name that all files of its writer have.
    fn writer(&self) -> &str {
        self.add.path.rsplit('-').next().unwrap_or_default()
    }

    pub(crate) fn n_superseded(&self) -> u64 {
        self.superseded.as_ref().map_or(0, Superseded::len)
    }

    /// The rows that count; none if all do.
    pub(crate) fn rows_left(&self) -> Option<RowSelection> {
        self.superseded.as_ref().map(|superseded| superseded.rows_left(self.n_rows))
    }
}
