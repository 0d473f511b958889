//! Making new tables visible all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use object_store::ObjectStore;
use schemas::{DatasetId, Relation, RelationName};

use crate::delta::Tables;
use crate::pinned_table::PinnedTable;
use crate::published::Pinned;
use crate::rows_writer::RowsWriter;
use crate::{
    ChangeWriter, DerivedKey, KeyClass, KeyRing, LakeError, Published, PublishedIndex, TableWriter, published,
};

/// Tables being written, of which nobody sees anything before [`Publication::commit`].
///
/// Dropping it leaves everything as it was. Files already written stay as garbage in the store, invisible to readers.
pub struct Publication {
    store: Arc<dyn ObjectStore>,
    tables: Arc<Tables>,
    keys: Arc<KeyRing>,
    /// The keys that had been destroyed when it began.
    destroyed: BTreeSet<(KeyClass, String)>,
    index_key: DerivedKey,
    base: Option<Pinned>,
    draft: Arc<Mutex<Draft>>,
}

/// What the publication will change.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    begun: BTreeSet<RelationName>,
    finished: BTreeMap<RelationName, Finished>,
    dropped: BTreeSet<RelationName>,
    batches: BTreeMap<DatasetId, String>,
    notes: BTreeMap<String, String>,
}

/// A table as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    /// The Delta version.
    pub(crate) version: u64,
    pub(crate) index: Option<PublishedIndex>,
}

impl Publication {
    pub(crate) async fn begin(
        store: Arc<dyn ObjectStore>,
        tables: Arc<Tables>,
        keys: Arc<KeyRing>,
    ) -> Result<Self, LakeError> {
        let destroyed = keys.destroyed().await?;
        let index_key = tables.index_key().await?;
        let base = published::current(store.as_ref()).await?;
        Ok(Self { store, tables, keys, destroyed, index_key, base, draft: Arc::default() })
    }

    /// What was published when this publication began, and what it builds on.
    #[must_use]
    pub fn base(&self) -> Option<&Published> {
        self.base.as_ref().map(|pinned| &pinned.published)
    }

    /// A writer for the whole new content of one table. Several tables may be written at the same time.
    ///
    /// # Errors
    /// [`LakeError::WrittenTwice`] if this publication already has a writer for it.
    pub fn writer(&self, relation: &Relation) -> Result<TableWriter, LakeError> {
        if !lock(&self.draft).begun.insert(relation.name.clone()) {
            return Err(LakeError::WrittenTwice { relation: relation.name.clone() });
        }
        let rows = RowsWriter::new(Arc::clone(&self.tables), relation.clone(), &self.index_key)?;
        Ok(TableWriter::new(rows, Arc::clone(&self.draft)))
    }

    /// A writer for what changes in one table; none if the table has to be written whole: nothing of it is published, or what
    /// is published has other columns, or is of an older version of the product.
    ///
    /// # Errors
    /// As [`Self::writer`]; [`LakeError::Table`].
    pub async fn changes(&self, relation: &Relation) -> Result<Option<ChangeWriter>, LakeError> {
        let Some(base) = self.table(&relation.name).await? else { return Ok(None) };
        if !base.takes_changes || base.schema != relation.arrow_schema() {
            return Ok(None);
        }
        if !lock(&self.draft).begun.insert(relation.name.clone()) {
            return Err(LakeError::WrittenTwice { relation: relation.name.clone() });
        }
        let index = self.base().and_then(|published| published.index(&relation.name).cloned());
        let rows = RowsWriter::new(Arc::clone(&self.tables), relation.clone(), &self.index_key)?;
        let draft = Arc::clone(&self.draft);
        Ok(Some(ChangeWriter::new(rows, draft, base, index, self.index_key.clone()).await))
    }

    /// The table as it is published; none if it is not.
    pub(crate) async fn table(&self, relation: &RelationName) -> Result<Option<Arc<PinnedTable>>, LakeError> {
        match self.base().and_then(|published| published.tables.get(relation)) {
            None => Ok(None),
            Some(version) => Ok(Some(self.tables.at_version(relation, *version).await?)),
        }
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Records the last batch taken in from a dataset.
    pub fn set_batch(&self, dataset: &DatasetId, batch: impl Into<String>) {
        lock(&self.draft).batches.insert(dataset.clone(), batch.into());
    }

    /// Records a note; see [`Published::notes`].
    pub fn set_note(&self, name: impl Into<String>, note: impl Into<String>) {
        lock(&self.draft).notes.insert(name.into(), note.into());
    }

    /// Leaves the table, and the batch of the dataset of that name, out of what will be published.
    pub fn drop_table(&self, relation: &RelationName) {
        lock(&self.draft).dropped.insert(relation.clone());
    }

    /// Makes everything visible, in one step. Tables that were not written stay as they are.
    ///
    /// # Errors
    /// [`LakeError::Unfinished`] if a writer was not finished; [`LakeError::Conflict`] if somebody else published since
    /// this publication began, or destroyed a key that it may have sealed under. In both cases nothing is visible. After [`LakeError::Store`] on `published.json` it may
    /// or may not be visible, as the store may have failed to answer only: read [`crate::Lake::published`].
    pub async fn commit(self) -> Result<Published, LakeError> {
        let next = self.next()?;
        if self.key_destroyed_meanwhile().await? {
            return Err(LakeError::Conflict);
        }
        published::replace(self.store.as_ref(), self.base.as_ref(), &next).await?;
        tracing::info!(version = next.version, tables = next.tables.len(), "published");
        Ok(next)
    }

    /// Whether a key is gone under which something of this publication may have been sealed.
    async fn key_destroyed_meanwhile(&self) -> Result<bool, LakeError> {
        let now = self.keys.destroyed().await?;
        let draft = lock(&self.draft);
        let mut written: BTreeSet<KeyClass> = draft.finished.keys().map(KeyClass::of_relation).collect();
        written.insert(KeyClass::site());
        Ok(now.difference(&self.destroyed).any(|(class, _)| written.contains(class)))
    }

    pub(crate) fn next(&self) -> Result<Published, LakeError> {
        let draft = lock(&self.draft);
        if let Some(relation) = draft.begun.iter().find(|name| !draft.finished.contains_key(*name)) {
            return Err(LakeError::Unfinished { relation: relation.clone() });
        }
        let mut next = self.base().cloned().unwrap_or_else(|| Published {
            version: 0,
            published_at: Utc::now(),
            tables: BTreeMap::new(),
            indexes: BTreeMap::new(),
            batches: BTreeMap::new(),
            notes: BTreeMap::new(),
        });
        next.version += 1;
        next.published_at = Utc::now();
        for name in &draft.dropped {
            next.tables.remove(name);
            next.indexes.remove(name);
            next.batches.remove(name);
        }
        for (name, Finished { version, index }) in &draft.finished {
            next.tables.insert(name.clone(), *version);
            // The index of an older version would find what is no longer there.
            next.indexes.remove(name);
            next.indexes.extend(index.clone().map(|index| (name.clone(), index)));
        }
        next.batches.extend(draft.batches.clone());
        next.notes.extend(draft.notes.clone());
        Ok(next)
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication").field("base", &self.base).field("draft", &self.draft).finish_non_exhaustive()
    }
}

/// Records as what `relation` will be published.
pub(crate) fn finish(draft: &Mutex<Draft>, relation: &RelationName, finished: Finished) {
    lock(draft).finished.insert(relation.clone(), finished);
}

fn lock(draft: &Mutex<Draft>) -> MutexGuard<'_, Draft> {
    draft.lock().unwrap_or_else(PoisonError::into_inner)
}
