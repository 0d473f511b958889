//! Finding records.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use object_store::ObjectStore;
use schemas::{ColumnName, RelationName};

use super::identifiers::Hasher;
use super::layer::{FoundRow, HashedBy, Layer, parts};
use super::row::{Layout, RowDecoder};
use super::{GROUP, PublishedIndex};
use crate::LakeError;
use crate::key::DerivedKey;

/// The records of one version of one table. Its directories are in memory; the records are not.
pub struct RecordIndex {
    relation: RelationName,
    published: PublishedIndex,
    layout: Layout,
    whole: RowDecoder,
    schema: SchemaRef,
    hasher: Hasher,
    group: Option<ColumnName>,
    base: Layer,
    /// The newest first.
    changes: Vec<Layer>,
}

/// The types a table was declared with, and those in which it is read.
#[derive(Debug, Clone)]
pub(crate) struct IndexTypes {
    pub(crate) declared: SchemaRef,
    pub(crate) read_as: SchemaRef,
}

impl RecordIndex {
    /// Reads the directories: some 15 MB for ten million rows, and 16 bytes for each key that was changed since.
    pub(crate) async fn open(
        store: Arc<dyn ObjectStore>,
        key: &DerivedKey,
        relation: &RelationName,
        published: &PublishedIndex,
        types: IndexTypes,
    ) -> Result<Self, LakeError> {
        let IndexTypes { declared, read_as } = types;
        let mut layers = Vec::new();
        for parts in parts(published) {
            layers.push(Layer::open(&store, relation, &declared, parts).await?);
        }
        layers.reverse();
        let mut changes = layers;
        let broken = || LakeError::BrokenIndex { object: relation.to_string() };
        let base = changes.pop().ok_or_else(broken)?;
        let layout = Layout::of(&declared, published.key.as_str()).ok_or_else(|| base.broken())?;
        let whole = RowDecoder::new(&layout, &read_as, None).map_err(|_| base.broken())?;
        let hasher = Hasher::new(key, relation);
        let has_groups = published.group_bytes > 0;
        let group = has_groups.then(|| ColumnName::try_from(GROUP).ok()).flatten();
        let (relation, published) = (relation.clone(), published.clone());
        Ok(Self { relation, published, layout, whole, schema: read_as, hasher, group, base, changes })
    }

    /// The columns of the records: those that [`crate::Snapshot::provider`] gives.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The column by which [`Self::get`] finds.
    #[must_use]
    pub fn key(&self) -> &ColumnName {
        &self.published.key
    }

    /// The columns by which [`Self::find`] finds.
    #[must_use]
    pub fn identifiers(&self) -> &[ColumnName] {
        &self.published.identifiers
    }

    /// Records.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.published.n_rows_left()
    }

    /// The one record of this key; none if there is none.
    ///
    /// # Errors
    /// [`LakeError::Store`], among others if the object was changed; [`LakeError::BrokenIndex`].
    pub async fn get(&self, key: &str) -> Result<Option<RecordBatch>, LakeError> {
        self.read_key(key, &self.whole).await
    }

    /// All records that have exactly this value in an identifier column, in the order of their keys; none if the column is not
    /// among [`Self::identifiers`].
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn find(&self, column: &str, value: &str) -> Result<Option<RecordBatch>, LakeError> {
        match self.identifiers().iter().find(|name| name.as_str() == column) {
            None => Ok(None),
            Some(column) => Ok(Some(self.read_hashed(HashedBy::Identifier, column, value, &self.whole).await?)),
        }
    }

    /// Reads only some columns.
    pub(super) fn decoder(&self, projection: Option<&[usize]>) -> Result<RowDecoder, LakeError> {
        RowDecoder::new(&self.layout, &self.schema, projection).map_err(|_| self.base.broken())
    }

    pub(super) async fn read_key(&self, key: &str, decoder: &RowDecoder) -> Result<Option<RecordBatch>, LakeError> {
        let layer = self.layer_of(key);
        match layer.find_key(key).await? {
            None => Ok(None),
            Some(found) => Ok(Some(decoder.read(&found.block, found.row).ok_or_else(|| layer.broken())?)),
        }
    }

    /// The column of which [`HashedBy::Group`] finds the rows; none if the table has none.
    pub(super) fn group(&self) -> Option<&ColumnName> {
        self.group.as_ref()
    }

    /// No more rows than these have one of the values in the column of the group. Reads nothing.
    pub(super) fn n_of_group_at_most(&self, column: &ColumnName, values: &[String]) -> u64 {
        let hashes = values.iter().map(|value| self.hasher.hash(column, value));
        let of_layers = |hash| self.layers().map(|layer| layer.n_at_most(HashedBy::Group, &hash) as u64).sum::<u64>();
        hashes.map(of_layers).sum()
    }

    pub(super) async fn read_hashed(
        &self,
        by: HashedBy,
        column: &ColumnName,
        value: &str,
        decoder: &RowDecoder,
    ) -> Result<RecordBatch, LakeError> {
        let hash = self.hasher.hash(column, value);
        let mut rows: Vec<(Vec<u8>, FoundRow)> = Vec::new();
        for (at, layer) in self.layers().enumerate() {
            for found in layer.find_hash(by, &hash).await? {
                let key = found.key().ok_or_else(|| layer.broken())?.to_vec();
                if !self.is_superseded(at, &key) {
                    rows.push((key, found));
                }
            }
        }
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        let decoded = rows.into_iter().map(|(_, found)| decoder.read(&found.block, found.row));
        let decoded = decoded.collect::<Option<Vec<_>>>().ok_or_else(|| self.base.broken())?;
        match decoded.as_slice() {
            [only] => Ok(only.clone()),
            _ => concat_batches(decoder.schema(), &decoded).map_err(|_| self.base.broken()),
        }
    }

    /// The newest first.
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.changes.iter().chain([&self.base])
    }

    /// The newest layer that speaks for a key.
    fn layer_of(&self, key: &str) -> &Layer {
        if self.changes.is_empty() {
            return &self.base;
        }
        let hash = self.hasher.hash(self.key(), key);
        self.changes.iter().find(|change| change.covers(&hash)).unwrap_or(&self.base)
    }

    /// Whether a newer layer than the one at this place speaks for the key.
    fn is_superseded(&self, layer: usize, key: &[u8]) -> bool {
        let Some(newer) = self.changes.get(..layer).filter(|newer| !newer.is_empty()) else { return false };
        let Ok(key) = std::str::from_utf8(key) else { return false };
        let hash = self.hasher.hash(self.key(), key);
        newer.iter().any(|change| change.covers(&hash))
    }
}

impl fmt::Debug for RecordIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordIndex")
            .field("relation", &self.relation)
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}
