//! Bringing a table to given rows by writing what differs.
//!
//! Rows that change are marked and written anew beside the others, which makes reading a little slower each time. Therefore a
//! table is written whole when much of it differs, when it was changed often, or when what was superseded has lain in it for
//! long enough: what nobody may read any more is not to stay in its files for good.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use schemas::Relation;

use crate::keyed_rows::{KeyGroup, KeyedRows, Unkeyed};
use crate::merged_rows::merged_rows;
use crate::pinned_table::PinnedTable;
use crate::{LakeError, Publication, RecordBatchStream, WrittenTable};

/// Runs of files, or layers of its index, that a table has at most, the one written whole included.
const RUNS_MAX: usize = 8;
/// One row in so many is superseded at most.
const SUPERSEDED_SHARE: u64 = 10;
/// How long superseded rows stay in their files, as far as this table is written at all.
const SUPERSEDED_STAY_MAX: TimeDelta = TimeDelta::days(7);
/// A smaller table is always written whole.
const ROWS_MIN: u64 = if cfg!(test) { 100 } else { 5_000 };

/// What differs between a table and the rows it is to have.
#[derive(Debug, Default)]
struct Difference {
    /// Rows of keys that are new, or have other rows now; sorted.
    written: Vec<RecordBatch>,
    /// Keys that go.
    removed: Vec<String>,
    /// Keys of either kind.
    n_keys: u64,
}

/// How a published table lies in its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLayout {
    /// Rows that count.
    pub n_rows: u64,
    /// Rows that lie in its files and do not count.
    pub n_superseded: u64,
    /// Runs of files: one, and one more for each change since the table was written whole.
    pub n_runs: usize,
    /// Plain bytes of the files.
    pub bytes: u64,
    /// When the oldest file was written; none without files.
    pub oldest: Option<DateTime<Utc>>,
}

impl TableLayout {
    /// Whether it holds rows that do not count, and has held them for as long as they may stay.
    #[must_use]
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.n_superseded > 0 && has_stayed(self.oldest, now)
    }

    /// Whether it was changed since it was written whole.
    #[must_use]
    pub fn is_fragmented(&self) -> bool {
        self.n_superseded > 0 || self.n_runs > 1
    }
}

impl Publication {
    /// Brings a table to `rows`, sorted by key, at the least expense; none if it has these rows already.
    ///
    /// Columns named in `lineage` tell where a row came from when it was written: rows that differ in nothing else are the same,
    /// and stay as they are, unless the table is written whole.
    ///
    /// # Errors
    /// As [`Publication::writer`] and [`crate::TableWriter::write`].
    pub async fn update(
        &self,
        relation: &Relation,
        rows: &[RecordBatch],
        lineage: &[&str],
    ) -> Result<Option<WrittenTable>, LakeError> {
        let difference = match self.table(&relation.name).await? {
            Some(base) => self.difference(&base, relation, rows, lineage).await?,
            None => None,
        };
        match difference {
            None => self.write(relation, rows).await.map(Some),
            Some(difference) if difference.n_keys == 0 => Ok(None),
            Some(Difference { written, removed, .. }) => match self.changes(relation).await? {
                None => self.write(relation, rows).await.map(Some),
                Some(mut changes) => {
                    for batch in written {
                        changes.write(batch).await?;
                    }
                    removed.into_iter().for_each(|key| changes.remove(key));
                    changes.finish().await.map(Some)
                }
            },
        }
    }

    /// Writes a table whole.
    ///
    /// # Errors
    /// As [`Publication::writer`] and [`crate::TableWriter::write`].
    pub async fn write(&self, relation: &Relation, rows: &[RecordBatch]) -> Result<WrittenTable, LakeError> {
        self.write_whole(relation, as_stream(rows)).await
    }

    /// Writes a table anew as it is, without what was superseded, under the newest key; none if it is not published, or declared
    /// with other columns by now.
    ///
    /// # Errors
    /// As [`Publication::writer`].
    pub async fn rewrite(&self, relation: &Relation) -> Result<Option<WrittenTable>, LakeError> {
        let Some(base) = self.table_as_declared(relation).await? else { return Ok(None) };
        let rows = merged_rows(self.store(), &relation.name, &base, &relation.key)?;
        self.write_whole(relation, rows).await.map(Some)
    }

    /// How a table that can be rewritten lies in its files; none if [`Self::rewrite`] gives none.
    ///
    /// # Errors
    /// [`LakeError::Table`].
    pub async fn layout(&self, relation: &Relation) -> Result<Option<TableLayout>, LakeError> {
        let Some(base) = self.table_as_declared(relation).await? else { return Ok(None) };
        Ok(Some(TableLayout {
            n_rows: base.n_rows(),
            n_superseded: base.n_superseded(),
            n_runs: base.runs().len(),
            bytes: base.files.iter().map(|file| file.size).sum(),
            oldest: oldest_file(&base),
        }))
    }

    async fn table_as_declared(&self, relation: &Relation) -> Result<Option<Arc<PinnedTable>>, LakeError> {
        let base = self.table(&relation.name).await?;
        Ok(base.filter(|base| base.schema == relation.arrow_schema()))
    }

    /// Runs of files, or layers of the index if these are more: a change that only removes writes no file.
    fn n_layers(&self, base: &PinnedTable, relation: &Relation) -> usize {
        let index = self.base().and_then(|published| published.index(&relation.name));
        base.runs().len().max(index.map_or(0, |index| index.changes.len() + 1))
    }

    async fn write_whole(&self, relation: &Relation, mut rows: RecordBatchStream) -> Result<WrittenTable, LakeError> {
        let mut writer = self.writer(relation)?;
        while let Some(batch) = rows.try_next().await? {
            writer.write(batch).await?;
        }
        writer.finish().await
    }

    /// None if the table is better written whole, or its rows cannot be compared.
    async fn difference(
        &self,
        base: &PinnedTable,
        relation: &Relation,
        rows: &[RecordBatch],
        lineage: &[&str],
    ) -> Result<Option<Difference>, LakeError> {
        let n_rows = rows.iter().map(|batch| batch.num_rows() as u64).sum::<u64>().max(base.n_rows());
        let n_free = (n_rows / SUPERSEDED_SHARE).saturating_sub(base.n_superseded());
        let is_whole = !base.takes_changes
            || base.schema != relation.arrow_schema()
            || self.n_layers(base, relation) >= RUNS_MAX
            || n_rows < ROWS_MIN
            || (base.n_superseded() > 0 && has_stayed(oldest_file(base), Utc::now()));
        if is_whole {
            return Ok(None);
        }
        let old = merged_rows(self.store(), &relation.name, base, &relation.key)?;
        let new = as_stream(rows);
        let old = KeyedRows::new(old, &base.schema, &relation.key, lineage);
        let new = KeyedRows::new(new, &base.schema, &relation.key, lineage);
        let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
        match compare(old, new, n_free).await {
            Ok(difference) => Ok(difference),
            Err(Unkeyed::Unsorted) => Ok(None),
            Err(Unkeyed::Failed(error)) => Err(error),
        }
    }
}

fn as_stream(rows: &[RecordBatch]) -> RecordBatchStream {
    let rows: Vec<_> = rows.iter().cloned().map(Ok).collect();
    stream::iter(rows).boxed()
}

fn oldest_file(base: &PinnedTable) -> Option<DateTime<Utc>> {
    let oldest = base.files.iter().map(|file| file.add.modification_time).min();
    oldest.and_then(DateTime::from_timestamp_millis)
}

/// Whether the oldest file is as old as superseded rows may become.
fn has_stayed(oldest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    oldest.is_some_and(|oldest| oldest <= now - SUPERSEDED_STAY_MAX)
}

/// None if more than `n_free` keys differ.
async fn compare(mut old: KeyedRows, mut new: KeyedRows, n_free: u64) -> Result<Option<Difference>, Unkeyed> {
    let mut difference = Difference::default();
    let mut taken: Vec<KeyGroup> = Vec::new();
    loop {
        let order = match (old.key().await?, new.key().await?) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => was.cmp(is),
        };
        let removed = if order == Ordering::Less { old.key().await?.map(str::to_owned) } else { None };
        let was = if order.is_le() { old.take() } else { None };
        let is = if order.is_ge() { new.take() } else { None };
        let is_same = matches!((&was, &is), (Some(was), Some(is)) if old.is_same(was, &new, is));
        if !is_same {
            difference.n_keys += 1;
            difference.removed.extend(removed);
            taken.extend(is);
        }
        if difference.n_keys > n_free {
            return Ok(None);
        }
        if new.is_at_end() && !taken.is_empty() {
            difference.written.push(gather(&new, &std::mem::take(&mut taken))?);
        }
    }
    Ok(Some(difference))
}

/// The rows of these groups.
fn gather(rows: &KeyedRows, groups: &[KeyGroup]) -> Result<RecordBatch, Unkeyed> {
    let positions = groups.iter().flat_map(|group| group.start..group.end).map(|row| row as u32);
    let rows = rows.rows().ok_or(Unkeyed::Unsorted)?;
    take_record_batch(rows, &UInt32Array::from_iter_values(positions)).map_err(|_| Unkeyed::Unsorted)
}

#[cfg(test)]
mod tests;
