//! Rows that were written together: those of the whole table, or of a change.

use std::ops::Range;
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schemas::RelationName;

use super::covered::{COVERED, Covered};
use super::directory::Directory;
use super::footer::{FOOTER_BYTES, Footer, fingerprint};
use super::identifiers::{Hash, HashDirectory, HashPages, Place};
use super::row::key_of;
use super::writer::ROW_LENGTH_BYTES;
use super::{PAGE_BYTES, PublishedIndex, object};
use crate::LakeError;

/// Blocks read at once, when many rows have the same identifier.
const BLOCKS_AT_ONCE: usize = 256;

/// What is published of a layer.
pub(super) struct LayerParts<'a> {
    pub(super) name: &'a str,
    n_rows: u64,
    record_bytes: u64,
    pub(super) key_bytes: u64,
    pub(super) group_bytes: u64,
    /// None of the whole table.
    pub(super) n_covered: Option<u64>,
}

/// By which hashes rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HashedBy {
    Identifier,
    Group,
}

/// An object of hashes, with its directory.
struct Hashes {
    object: Path,
    directory: HashDirectory,
}

/// One layer. Its directories are in memory; its rows are not.
pub(super) struct Layer {
    store: Arc<dyn ObjectStore>,
    records: Path,
    directory: Directory,
    identifiers: Option<Hashes>,
    groups: Option<Hashes>,
    /// Of a change, the keys it speaks for.
    covered: Option<Covered>,
}

/// A row as it lies in its block.
pub(super) struct FoundRow {
    pub(super) block: Buffer,
    pub(super) row: Range<usize>,
}

impl FoundRow {
    pub(super) fn key(&self) -> Option<&[u8]> {
        key_of(self.block.as_slice().get(self.row.clone())?)
    }
}

/// The layers of an index, the whole table first, then its changes in order.
pub(super) fn parts(published: &PublishedIndex) -> Vec<LayerParts<'_>> {
    let PublishedIndex { name, n_rows, record_bytes, key_bytes, group_bytes, changes, .. } = published;
    let (n_rows, record_bytes, key_bytes, group_bytes) = (*n_rows, *record_bytes, *key_bytes, *group_bytes);
    let whole = LayerParts { name, n_rows, record_bytes, key_bytes, group_bytes, n_covered: None };
    let of_changes = changes.iter().map(|change| LayerParts {
        name: &change.name,
        n_rows: change.n_rows,
        record_bytes: change.record_bytes,
        key_bytes: change.key_bytes,
        group_bytes: change.group_bytes,
        n_covered: Some(change.n_covered),
    });
    [whole].into_iter().chain(of_changes).collect()
}

impl Layer {
    pub(super) async fn open(
        store: &Arc<dyn ObjectStore>,
        relation: &RelationName,
        declared: &SchemaRef,
        parts: LayerParts<'_>,
    ) -> Result<Self, LakeError> {
        let fingerprint = fingerprint(declared);
        let records = object(relation, parts.name, "records");
        let (bytes, footer) = read_directory(store.as_ref(), &records, parts.record_bytes, fingerprint).await?;
        let directory = Directory::parse(&bytes).ok_or_else(|| broken(&records))?;
        let n_bytes = u64::from(directory.n_pages()) * PAGE_BYTES as u64;
        if footer.n_entries != parts.n_rows || n_bytes != footer.directory_at {
            return Err(broken(&records));
        }
        let hashes = async |kind: &str, n_bytes: u64| {
            if n_bytes == 0 {
                return Ok(None);
            }
            let object = object(relation, parts.name, kind);
            let (bytes, footer) = read_directory(store.as_ref(), &object, n_bytes, fingerprint).await?;
            let directory = HashDirectory::parse(&bytes, footer.n_entries).ok_or_else(|| broken(&object))?;
            if (directory.n_pages() * PAGE_BYTES) as u64 != footer.directory_at {
                return Err(broken(&object));
            }
            Ok(Some(Hashes { object, directory }))
        };
        let (identifiers, groups) =
            (hashes("keys", parts.key_bytes).await?, hashes("groups", parts.group_bytes).await?);
        let covered = match parts.n_covered {
            None => None,
            Some(n_keys) => {
                let path = object(relation, parts.name, COVERED);
                Some(Covered::read(store.as_ref(), &path, n_keys).await?)
            }
        };
        Ok(Self { store: Arc::clone(store), records, directory, identifiers, groups, covered })
    }

    fn hashes(&self, by: HashedBy) -> Option<&Hashes> {
        match by {
            HashedBy::Identifier => self.identifiers.as_ref(),
            HashedBy::Group => self.groups.as_ref(),
        }
    }

    /// No more rows than these have the hash. Reads nothing.
    pub(super) fn n_at_most(&self, by: HashedBy, hash: &Hash) -> usize {
        self.hashes(by).map_or(0, |hashes| hashes.directory.find(hash).iter().map(HashPages::n_entries).sum())
    }

    /// Whether nothing older counts of this key.
    pub(super) fn covers(&self, key: &Hash) -> bool {
        self.covered.as_ref().is_none_or(|covered| covered.contains(key))
    }

    pub(super) async fn find_key(&self, key: &str) -> Result<Option<FoundRow>, LakeError> {
        let Some(at) = self.directory.find(key.as_bytes()) else { return Ok(None) };
        let range = self.range_of(at).ok_or_else(|| self.broken())?;
        let block = Buffer::from(read(self.store.as_ref(), &self.records, range).await?);
        for row in Rows::of(&block) {
            let found = block.as_slice().get(row.clone()).and_then(key_of).ok_or_else(|| self.broken())?;
            if found == key.as_bytes() {
                return Ok(Some(FoundRow { block: block.clone(), row }));
            }
        }
        Ok(None)
    }

    /// The rows that have this hash, in the order of their keys, each once.
    pub(super) async fn find_hash(&self, by: HashedBy, hash: &Hash) -> Result<Vec<FoundRow>, LakeError> {
        let places = self.places(by, hash).await?;
        let mut rows = Vec::with_capacity(places.len());
        for places in places.chunks(BLOCKS_AT_ONCE) {
            let ranges = places.iter().map(|(block, _)| self.range_of(*block as usize)).collect::<Option<Vec<_>>>();
            let ranges = ranges.ok_or_else(|| self.broken())?;
            let blocks = self.store.get_ranges(&self.records, &ranges).await;
            for ((_, slot), block) in places.iter().zip(blocks.map_err(LakeError::store(&self.records))?) {
                let block = Buffer::from(block);
                let row = Rows::of(&block).nth(*slot as usize).ok_or_else(|| self.broken())?;
                rows.push(FoundRow { block, row });
            }
        }
        Ok(rows)
    }

    async fn places(&self, by: HashedBy, hash: &Hash) -> Result<Vec<Place>, LakeError> {
        let Some(Hashes { object, directory }) = self.hashes(by) else { return Ok(Vec::new()) };
        let stretches = directory.find(hash);
        let ranges: Vec<Range<u64>> = stretches
            .iter()
            .map(|stretch| (stretch.pages.start * PAGE_BYTES) as u64..(stretch.pages.end * PAGE_BYTES) as u64)
            .collect();
        let pages = self.store.get_ranges(object, &ranges).await.map_err(LakeError::store(object))?;
        let mut places = Vec::new();
        for (stretch, bytes) in stretches.iter().zip(pages) {
            places.extend(stretch.places(&bytes, hash).ok_or_else(|| broken(object))?);
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    fn range_of(&self, block: usize) -> Option<Range<u64>> {
        let (start, end) = self.directory.pages(block)?;
        let bytes = |page: u32| u64::from(page) * PAGE_BYTES as u64;
        Some(bytes(start)..bytes(end))
    }

    /// An object of it does not have the form it should have.
    pub(super) fn broken(&self) -> LakeError {
        broken(&self.records)
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
