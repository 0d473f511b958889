//! Changing some rows of a table.
//!
//! The files stay as they are. Rows of the keys concerned are marked as superseded in the table's log; what takes their place is
//! written into files of its own. The time it takes follows the change, not the table.

use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray, RecordBatch};
use deltalake::kernel::Add;

use crate::locate::locate;
use crate::pinned_table::PinnedTable;
use crate::publication::{self, Draft, Finished};
use crate::records::write_covered;
use crate::rows_writer::{RowsWriter, WrittenRows};
use crate::table_writer::bytes_of;
use crate::{DerivedKey, LakeError, PublishedIndex, WrittenTable};

/// Takes the rows of the keys that change, and the keys that go. In memory are these keys and one row group.
pub struct ChangeWriter {
    rows: RowsWriter,
    draft: Arc<Mutex<Draft>>,
    base: Arc<PinnedTable>,
    /// The index of the table as it was; none if it had none, or will have none.
    index: Option<PublishedIndex>,
    index_key: DerivedKey,
    /// Keys of rows written and keys removed.
    keys: Vec<String>,
}

impl ChangeWriter {
    pub(crate) async fn new(
        mut rows: RowsWriter,
        draft: Arc<Mutex<Draft>>,
        base: Arc<PinnedTable>,
        index: Option<PublishedIndex>,
        index_key: DerivedKey,
    ) -> Self {
        if index.is_none() {
            rows.without_index().await;
        }
        Self { rows, draft, base, index, index_key, keys: Vec::new() }
    }

    /// Adds rows, sorted by key: all that the table will have of their keys. What it had of these keys goes.
    ///
    /// # Errors
    /// [`LakeError::WrongColumns`], also for a row without a key; [`LakeError::File`] and [`LakeError::Store`], after which the
    /// writer is of no use.
    pub async fn write(&mut self, rows: RecordBatch) -> Result<(), LakeError> {
        let relation = self.rows.relation();
        let keys = rows.column_by_name(relation.key.as_str()).and_then(|keys| keys.as_string_opt::<i32>());
        let Some(keys) = keys.filter(|keys| keys.null_count() == 0) else {
            let difference = format!("`{}` is null, or no text", relation.key);
            return Err(LakeError::WrongColumns { relation: relation.name.clone(), difference });
        };
        for key in keys.iter().flatten() {
            if self.keys.last().is_none_or(|last| last != key) {
                self.keys.push(key.to_owned());
            }
        }
        self.rows.write(rows).await
    }

    /// Takes out all rows of a key, if there are any.
    pub fn remove(&mut self, key: String) {
        self.keys.push(key);
    }

    /// Commits the changed table as its new version and hands it to the publication, which shows it when committed.
    ///
    /// # Errors
    /// [`LakeError::File`], [`LakeError::Store`], [`LakeError::Table`].
    pub async fn finish(self) -> Result<WrittenTable, LakeError> {
        let Self { rows, draft, base, index, index_key, mut keys } = self;
        let (tables, relation, name) = (Arc::clone(rows.tables()), rows.relation().clone(), rows.name().to_owned());
        keys.sort_unstable();
        keys.dedup();
        let keys: Arc<[String]> = keys.into();
        let WrittenRows { files: new_files, n_rows: n_written, index: change } = Box::pin(rows.finish()).await?;
        let store = tables.store();
        let superseded = locate(&store, &relation.name, &base.files, &relation.key, &keys).await?;
        let n_superseded = superseded.iter().map(|positions| positions.len() as u64).sum::<u64>();
        let mut files =
            without(&base, &superseded).ok_or_else(|| LakeError::ChangeTooLarge { relation: relation.name.clone() })?;
        files.extend(new_files);
        let mut index = match (index, change) {
            (Some(index), Some(change)) => {
                let n_covered = write_covered(&store, &index_key, &relation, &name, &keys).await?;
                Some(index.changed(change, n_covered, n_superseded))
            }
            _ => None,
        };
        let version = tables.replace(&relation, &files).await?;
        if let Some(index) = &mut index {
            index.table_version = version;
        }
        publication::finish(&draft, &relation.name, Finished { version, index });
        let (n_rows, n_files, bytes) = (base.n_rows() - n_superseded + n_written, files.len(), bytes_of(&files));
        tracing::debug!(relation = %relation.name, version, n_written, n_superseded, n_files, "table changed");
        Ok(WrittenTable { relation: relation.name, version, n_rows, n_written, n_files, bytes })
    }
}

/// The files of the table, in each of which the rows at these positions do not count any more; a file of which no row counts is
/// left out. None if these are too many to be marked.
fn without(base: &PinnedTable, superseded: &[Vec<u64>]) -> Option<Vec<Add>> {
    let mut files = Vec::with_capacity(base.files.len());
    for (file, positions) in base.files.iter().zip(superseded) {
        let mut add = file.add.clone();
        if !positions.is_empty() {
            let mut marked = file.superseded.clone().unwrap_or_default();
            positions.iter().for_each(|position| marked.insert(*position));
            if marked.len() == file.n_rows as u64 {
                continue;
            }
            add.deletion_vector = Some(marked.to_descriptor()?);
        }
        files.push(add);
    }
    Some(files)
}

impl fmt::Debug for ChangeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeWriter")
            .field("relation", &self.rows.relation().name)
            .field("n_keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
