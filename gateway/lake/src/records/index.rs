//! Finding records.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schemas::{ColumnName, RelationName};

use super::directory::Directory;
use super::footer::{FOOTER_BYTES, Footer, fingerprint};
use super::identifiers::{HashDirectory, Hasher, Place};
use super::row::{Layout, RowDecoder, key_of};
use super::writer::ROW_LENGTH_BYTES;
use super::{PAGE_BYTES, PublishedIndex};
use crate::LakeError;
use crate::key::DerivedKey;

/// Blocks read at once, when many rows have the same identifier.
const BLOCKS_AT_ONCE: usize = 256;

/// The records of one version of one table. Its directories are in memory; the records are not.
pub struct RecordIndex {
    store: Arc<dyn ObjectStore>,
    relation: RelationName,
    published: PublishedIndex,
    records: Path,
    layout: Layout,
    whole: RowDecoder,
    schema: SchemaRef,
    directory: Directory,
    identifiers: Option<Identifiers>,
}

struct Identifiers {
    object: Path,
    directory: HashDirectory,
    hasher: Hasher,
}

/// The types a table was declared with, and those in which it is read.
#[derive(Debug, Clone)]
pub(crate) struct IndexTypes {
    pub(crate) declared: SchemaRef,
    pub(crate) read_as: SchemaRef,
}

impl RecordIndex {
    /// Reads the directories: some 15 MB for ten million rows.
    pub(crate) async fn open(
        store: Arc<dyn ObjectStore>,
        key: &DerivedKey,
        relation: &RelationName,
        published: &PublishedIndex,
        types: IndexTypes,
    ) -> Result<Self, LakeError> {
        let IndexTypes { declared, read_as } = types;
        let records = published.records(relation);
        let fingerprint = fingerprint(&declared);
        let (bytes, footer) = read_directory(store.as_ref(), &records, published.record_bytes, fingerprint).await?;
        let directory = Directory::parse(&bytes).ok_or_else(|| broken(&records))?;
        let layout = Layout::of(&declared, published.key.as_str()).ok_or_else(|| broken(&records))?;
        let whole = RowDecoder::new(&layout, &read_as, None).map_err(|_| broken(&records))?;
        let n_bytes = u64::from(directory.n_pages()) * PAGE_BYTES as u64;
        if footer.n_entries != published.n_rows || n_bytes != footer.directory_at {
            return Err(broken(&records));
        }
        let identifiers = match published.keys(relation) {
            None => None,
            Some(object) => {
                let (bytes, footer) = read_directory(store.as_ref(), &object, published.key_bytes, fingerprint).await?;
                let directory = HashDirectory::parse(&bytes, footer.n_entries).ok_or_else(|| broken(&object))?;
                if (directory.n_pages() * PAGE_BYTES) as u64 != footer.directory_at {
                    return Err(broken(&object));
                }
                Some(Identifiers { object, directory, hasher: Hasher::new(key, relation) })
            }
        };
        let (relation, published) = (relation.clone(), published.clone());
        Ok(Self { store, relation, published, records, layout, whole, schema: read_as, directory, identifiers })
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
        if self.identifiers.is_some() { &self.published.identifiers } else { &[] }
    }

    /// Records.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.published.n_rows
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
            Some(column) => Ok(Some(self.read_places(&self.places(column, value).await?, &self.whole).await?)),
        }
    }

    /// Reads only some columns.
    pub(super) fn decoder(&self, projection: Option<&[usize]>) -> Result<RowDecoder, LakeError> {
        RowDecoder::new(&self.layout, &self.schema, projection).map_err(|_| broken(&self.records))
    }

    pub(super) async fn read_key(&self, key: &str, decoder: &RowDecoder) -> Result<Option<RecordBatch>, LakeError> {
        let Some(at) = self.directory.find(key.as_bytes()) else { return Ok(None) };
        let range = self.range_of(at).ok_or_else(|| broken(&self.records))?;
        let block = Buffer::from(read(self.store.as_ref(), &self.records, range).await?);
        for row in Rows::of(&block) {
            let found = block.as_slice().get(row.clone()).and_then(key_of).ok_or_else(|| broken(&self.records))?;
            if found == key.as_bytes() {
                return Ok(Some(decoder.read(&block, row).ok_or_else(|| broken(&self.records))?));
            }
        }
        Ok(None)
    }

    /// Where the rows are that have this identifier, in order, each once.
    pub(super) async fn places(&self, column: &ColumnName, value: &str) -> Result<Vec<Place>, LakeError> {
        let Some(identifiers) = &self.identifiers else { return Ok(Vec::new()) };
        let hash = identifiers.hasher.hash(column, value);
        let stretches = identifiers.directory.find(&hash);
        let ranges: Vec<Range<u64>> = stretches
            .iter()
            .map(|stretch| (stretch.pages.start * PAGE_BYTES) as u64..(stretch.pages.end * PAGE_BYTES) as u64)
            .collect();
        let object = &identifiers.object;
        let pages = self.store.get_ranges(object, &ranges).await.map_err(LakeError::store(object))?;
        let mut places = Vec::new();
        for (stretch, bytes) in stretches.iter().zip(pages) {
            places.extend(stretch.places(&bytes, &hash).ok_or_else(|| broken(object))?);
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    pub(super) async fn read_places(&self, places: &[Place], decoder: &RowDecoder) -> Result<RecordBatch, LakeError> {
        let failed = || broken(&self.records);
        let mut rows = Vec::with_capacity(places.len());
        for places in places.chunks(BLOCKS_AT_ONCE) {
            let ranges = places.iter().map(|(block, _)| self.range_of(*block as usize)).collect::<Option<Vec<_>>>();
            let ranges = ranges.ok_or_else(failed)?;
            let blocks = self.store.get_ranges(&self.records, &ranges).await;
            for ((_, slot), block) in places.iter().zip(blocks.map_err(LakeError::store(&self.records))?) {
                let block = Buffer::from(block);
                let row = Rows::of(&block).nth(*slot as usize).ok_or_else(failed)?;
                rows.push(decoder.read(&block, row).ok_or_else(failed)?);
            }
        }
        match rows.as_slice() {
            [only] => Ok(only.clone()),
            _ => concat_batches(decoder.schema(), &rows).map_err(|_| failed()),
        }
    }

    fn range_of(&self, block: usize) -> Option<Range<u64>> {
        let (start, end) = self.directory.pages(block)?;
        let bytes = |page: u32| u64::from(page) * PAGE_BYTES as u64;
        Some(bytes(start)..bytes(end))
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

/// Where the rows of a block are.
struct Rows<'b> {
    block: &'b [u8],
    at: usize,
}

impl<'b> Rows<'b> {
    fn of(block: &'b Buffer) -> Self {
        Self { block: block.as_slice(), at: 0 }
    }
}

impl Iterator for Rows<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let length = self.block.get(self.at..)?.first_chunk::<ROW_LENGTH_BYTES>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let start = self.at + ROW_LENGTH_BYTES;
        self.at = start + length;
        (length > 0).then_some(start..self.at)
    }
}

async fn read(store: &dyn ObjectStore, object: &Path, range: Range<u64>) -> Result<Bytes, LakeError> {
    // One request below, where `get_range` would be two: one for what the object is, one for its bytes.
    let found = store.get_ranges(object, &[range]).await.map_err(LakeError::store(object))?;
    found.into_iter().next().ok_or_else(|| broken(object))
}

async fn read_directory(
    store: &dyn ObjectStore,
    object: &Path,
    n_bytes: u64,
    fingerprint: [u8; 32],
) -> Result<(Bytes, Footer), LakeError> {
    let footer_at = n_bytes.checked_sub(FOOTER_BYTES).ok_or_else(|| broken(object))?;
    let footer = store.get_range(object, footer_at..n_bytes).await.map_err(LakeError::store(object))?;
    let footer =
        Footer::parse(&footer).filter(|footer| footer.fingerprint == fingerprint && footer.directory_at <= footer_at);
    let footer = footer.ok_or_else(|| broken(object))?;
    if footer.directory_at == footer_at {
        return Ok((Bytes::new(), footer));
    }
    let directory = store.get_range(object, footer.directory_at..footer_at).await.map_err(LakeError::store(object))?;
    Ok((directory, footer))
}

fn broken(object: &Path) -> LakeError {
    LakeError::BrokenIndex { object: object.to_string() }
}
