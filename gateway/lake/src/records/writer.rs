//! Writing the index of a table while the table is written.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use schemas::{Relation, RelationName};
use tokio::io::AsyncWriteExt;

use super::directory::Directory;
use super::footer::{FOOTER_BYTES, Footer, fingerprint};
use super::identifiers::{Hasher, IdentifierWriter};
use super::row::{Layout, RowEncoder};
use super::{PAGE_BYTES, PublishedIndex, group_column, identifier_columns, is_indexed, object};
use crate::LakeError;
use crate::key::DerivedKey;

/// Plain bytes gathered before a part is uploaded.
const PART_BYTES: usize = 8 << 20;
/// Bytes handed to the upload at once.
const PIECE_BYTES: usize = 1 << 20;
/// What stands before each row of a block: its length. Zero stands behind the last one, if there is room.
pub(super) const ROW_LENGTH_BYTES: usize = 4;

/// Why a table can have no index: it would not find every row, or more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A row has no key.
    NoKey,
    /// Two rows have the same key.
    Repeats,
    /// A row comes behind one with a greater key.
    Unsorted,
}

/// Takes the rows of a table as they are written. In memory are one piece of the file, the directory (about 15 MB for ten
/// million rows) and the hashes of one run of identifiers and one of grids (192 MB each at most).
pub(crate) struct RecordWriter {
    relation: RelationName,
    layout: Layout,
    fingerprint: [u8; 32],
    file: PagedFile,
    directory: Directory,
    block: Block,
    last_key: Vec<u8>,
    n_rows: u64,
    identifiers: Option<IdentifierWriter>,
    groups: Option<IdentifierWriter>,
    published: PublishedIndex,
}

/// The block being filled.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    n_rows: u32,
    /// The last key of the block before, and the first of this one.
    edge: (Vec<u8>, Vec<u8>),
}

impl RecordWriter {
    /// None if records of this relation are not asked for one by one.
    pub(crate) fn new(store: &Arc<dyn ObjectStore>, key: &DerivedKey, relation: &Relation, name: &str) -> Option<Self> {
        let schema = relation.arrow_schema();
        let layout = Layout::of(&schema, relation.key.as_str()).filter(|_| is_indexed(relation))?;
        let columns = identifier_columns(relation);
        let names = columns.iter().filter_map(|idx| relation.columns.get(*idx)).map(|column| column.name.clone());
        let published = PublishedIndex {
            name: name.to_owned(),
            table_version: 0,
            key: relation.key.clone(),
            identifiers: names.collect(),
            n_rows: 0,
            record_bytes: 0,
            key_bytes: 0,
            group_bytes: 0,
            changes: Vec::new(),
        };
        let file = |kind: &str| PagedFile::new(store, object(&relation.name, name, kind));
        let hasher = Hasher::new(key, &relation.name);
        let identifiers = (!columns.is_empty()).then(|| {
            let columns = columns.into_iter().zip(published.identifiers.iter().cloned()).collect();
            IdentifierWriter::new(hasher.clone(), columns, file("keys"))
        });
        let groups = group_column(relation).and_then(|idx| Some((idx, relation.columns.get(idx)?.name.clone())));
        let groups = groups.map(|column| IdentifierWriter::new(hasher, vec![column], file("groups")));
        Some(Self {
            relation: relation.name.clone(),
            layout,
            fingerprint: fingerprint(&schema),
            file: file("records"),
            directory: Directory::default(),
            block: Block::default(),
            last_key: Vec::new(),
            n_rows: 0,
            identifiers,
            groups,
            published,
        })
    }

    /// Adds rows of the relation's columns. Once a table is found unfit, it is to be given up.
    pub(crate) async fn write(&mut self, rows: &RecordBatch) -> Result<Result<(), Unfit>, LakeError> {
        let Some(encoder) = RowEncoder::new(&self.layout, rows) else { return Err(self.file.broken()) };
        let mut encoded = Vec::new();
        for row in 0..rows.num_rows() {
            let Some(key) = encoder.key(row) else { return Ok(Err(Unfit::NoKey)) };
            if self.n_rows > 0 && key.as_bytes() <= self.last_key.as_slice() {
                let is_same = key.as_bytes() == self.last_key.as_slice();
                return Ok(Err(if is_same { Unfit::Repeats } else { Unfit::Unsorted }));
            }
            encoded.clear();
            encoder.put(row, &mut encoded);
            self.put_row(key, &encoded).await?;
            for hashes in [&mut self.identifiers, &mut self.groups].into_iter().flatten() {
                let place = (u32::try_from(self.directory.len()), self.block.n_rows - 1);
                let (Ok(block), slot) = place else { return Err(self.file.broken()) };
                hashes.add(rows, row, block, slot).await?;
            }
        }
        Ok(Ok(()))
    }

    async fn put_row(&mut self, key: &str, encoded: &[u8]) -> Result<(), LakeError> {
        let is_full = self.block.bytes.len() + ROW_LENGTH_BYTES + encoded.len() > PAGE_BYTES;
        if is_full && self.block.n_rows > 0 {
            self.close_block().await?;
        }
        if self.block.n_rows == 0 {
            self.block.edge = (self.last_key.clone(), key.as_bytes().to_vec());
        }
        let length = u32::try_from(encoded.len()).map_err(|_| self.file.broken())?;
        self.block.bytes.extend_from_slice(&length.to_le_bytes());
        self.block.bytes.extend_from_slice(encoded);
        self.block.n_rows += 1;
        self.n_rows += 1;
        self.last_key.clear();
        self.last_key.extend_from_slice(key.as_bytes());
        Ok(())
    }

    async fn close_block(&mut self) -> Result<(), LakeError> {
        let Block { mut bytes, n_rows, edge } = std::mem::take(&mut self.block);
        if n_rows == 0 {
            return Ok(());
        }
        let n_pages = bytes.len().div_ceil(PAGE_BYTES);
        bytes.resize(n_pages * PAGE_BYTES, 0);
        let noted = u32::try_from(n_pages).ok().and_then(|n_pages| self.directory.push(&edge.0, &edge.1, n_pages));
        if noted.is_none() {
            return Err(self.file.broken());
        }
        self.file.put(&bytes).await?;
        bytes.clear();
        self.block.bytes = bytes;
        Ok(())
    }

    /// Writes what is left. The objects are complete when this returns; nobody finds them before they are published, with the
    /// version of the table.
    pub(crate) async fn finish(mut self) -> Result<PublishedIndex, LakeError> {
        self.close_block().await?;
        let footer = Footer { n_entries: self.n_rows, directory_at: self.file.n_bytes, fingerprint: self.fingerprint };
        self.published.n_rows = self.n_rows;
        self.published.record_bytes = self.file.finish(&self.directory.to_bytes(), footer).await?;
        if let Some(identifiers) = self.identifiers {
            self.published.key_bytes = identifiers.finish(self.fingerprint).await?;
        }
        if let Some(groups) = self.groups {
            self.published.group_bytes = groups.finish(self.fingerprint).await?;
        }
        let PublishedIndex { record_bytes, key_bytes, .. } = self.published;
        tracing::debug!(relation = %self.relation, n_rows = self.n_rows, record_bytes, key_bytes, "index written");
        Ok(self.published)
    }

    /// Leaves nothing behind.
    pub(crate) async fn give_up(mut self) {
        self.file.give_up().await;
        for mut hashes in [self.identifiers, self.groups].into_iter().flatten() {
            hashes.give_up().await;
        }
    }
}

/// An object of whole pages, then a directory, then a footer.
pub(super) struct PagedFile {
    target: BufWriter,
    path: Path,
    piece: Vec<u8>,
    /// Written so far.
    pub(super) n_bytes: u64,
}

impl PagedFile {
    pub(super) fn new(store: &Arc<dyn ObjectStore>, path: Path) -> Self {
        let target = BufWriter::with_capacity(Arc::clone(store), path.clone(), PART_BYTES);
        Self { target, path, piece: Vec::new(), n_bytes: 0 }
    }

    pub(super) async fn put(&mut self, bytes: &[u8]) -> Result<(), LakeError> {
        self.piece.extend_from_slice(bytes);
        self.n_bytes += bytes.len() as u64;
        if self.piece.len() >= PIECE_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), LakeError> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        self.target.put(piece).await.map_err(LakeError::store(&self.path))
    }

    /// Bytes of the whole object.
    pub(super) async fn finish(mut self, directory: &[u8], footer: Footer) -> Result<u64, LakeError> {
        self.put(directory).await?;
        self.put(&footer.to_bytes()).await?;
        debug_assert!(self.n_bytes == footer.directory_at + directory.len() as u64 + FOOTER_BYTES);
        self.flush().await?;
        let generic = |source| object_store::Error::Generic { store: "index", source: Box::new(source) };
        self.target.shutdown().await.map_err(generic).map_err(LakeError::store(&self.path))?;
        Ok(self.n_bytes)
    }

    pub(super) async fn give_up(&mut self) {
        // What cannot be aborted is removed as what nobody published.
        let _unused = self.target.abort().await;
    }

    /// More than the format has room for, or rows of other columns.
    pub(super) fn broken(&self) -> LakeError {
        LakeError::BrokenIndex { object: self.path.to_string() }
    }
}
