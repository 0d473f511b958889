//! The key index: one record in microseconds, by its key or by the exact value of an identifier.
//!
//! A row of a wide table lies in as many pages of a Parquet file as it has columns, and each of them in another sealed chunk.
//! Therefore every table of unified records whose key is unique is written a second time, row by row, in blocks of a few
//! KiB, each of which holds whole rows. One record costs one small read.
//!
//! ```text
//! index/SCHEMA/TABLE/NAME.records = block … block directory footer     rows, sorted by key
//! index/SCHEMA/TABLE/NAME.keys    = page … page directory footer       16 bytes of keyed hash, place of the row
//! index/SCHEMA/TABLE/NAME.groups  = page … page directory footer       the same of the rows' grid
//! index/SCHEMA/TABLE/NAME.covered = hash … hash                        of a change: the keys it speaks for
//! ```
//! - [`row`]: how a row is written, and how it is read back into one batch;
//! - [`directory`]: the first key of each block, cut to what tells it from the block before; all of it is in memory;
//! - [`identifiers`]: the hashes of ID numbers and telephones, under a key of the site, so that the file lists no number; and of
//!   grids, since a grid worker asks for the rows of one, which lie all over a table sorted by key;
//! - [`layer`]: the rows that were written together, of the whole table or of a change;
//! - [`covered`]: the keys of a change, whose older rows do not count;
//! - [`RecordIndex`] finds, in the newest layer that speaks for a key; [`IndexedTable`] lets SQL find through it.
//!
//! An index belongs to one version of one table: both are written from the same rows and published in one step. A table that
//! is not written anew keeps both. One that is changed gets a small layer on top: finding goes on to take one read by key.

mod covered;
mod directory;
mod footer;
mod identifiers;
mod index;
mod indexed_table;
mod layer;
mod row;
mod writer;

use object_store::path::Path;
use schemas::{ColumnName, FieldType, Relation, RelationName};

pub(crate) use covered::write_covered;
pub(crate) use index::IndexTypes;
pub use index::RecordIndex;
pub(crate) use indexed_table::IndexedTable;
pub(crate) use writer::{RecordWriter, Unfit};

/// Blocks and pages begin at multiples of this, so that a small one lies in one sealed chunk whatever the size of these is.
pub(crate) const PAGE_BYTES: usize = 4 << 10;

/// Schema of the relations whose rows are asked for one by one.
const INDEXED_SCHEMA: &str = "unified";

/// The column of which some hundred rows have the same value, and are asked for together.
const GROUP: &str = "grid_id";

/// The index of one version of a table, as it is published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedIndex {
    /// The random part of its objects' names.
    pub name: String,
    /// The Delta version of the table whose rows it finds.
    pub table_version: u64,
    /// The column that tells the rows apart, and by which they are sorted.
    pub key: ColumnName,
    /// The columns whose values are hashed.
    pub identifiers: Vec<ColumnName>,
    /// Rows of the table when it was written whole.
    pub n_rows: u64,
    /// Plain bytes of the object that holds these rows.
    pub record_bytes: u64,
    /// Plain bytes of the object that holds the hashes of their identifiers; zero if the table has none.
    pub key_bytes: u64,
    /// Plain bytes of the object that holds the hashes of their grids; zero if the table has none.
    #[serde(default)]
    pub group_bytes: u64,
    /// What was changed since, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<IndexedChange>,
}

/// What the index holds of one change of its table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexedChange {
    /// The random part of its objects' names.
    pub name: String,
    /// Rows written.
    pub n_rows: u64,
    /// Older rows that do not count any more.
    pub n_superseded: u64,
    /// Plain bytes of the object that holds the rows written.
    pub record_bytes: u64,
    /// Plain bytes of the object that holds the hashes of their identifiers; zero if the table has none.
    pub key_bytes: u64,
    /// Plain bytes of the object that holds the hashes of their grids; zero if the table has none.
    #[serde(default)]
    pub group_bytes: u64,
    /// Keys it speaks for: those of the rows written and those removed.
    pub n_covered: u64,
}

impl PublishedIndex {
    /// The index after a change, whose rows are indexed in `change`.
    pub(crate) fn changed(mut self, change: Self, n_covered: u64, n_superseded: u64) -> Self {
        let Self { name, n_rows, record_bytes, key_bytes, group_bytes, .. } = change;
        let change = IndexedChange { name, n_rows, n_superseded, record_bytes, key_bytes, group_bytes, n_covered };
        self.changes.push(change);
        self
    }

    /// Rows that count.
    pub(crate) fn n_rows_left(&self) -> u64 {
        self.changes
            .iter()
            .fold(self.n_rows, |n_rows, change| (n_rows + change.n_rows).saturating_sub(change.n_superseded))
    }

    /// Every object of it.
    pub(crate) fn objects(&self, relation: &RelationName) -> impl Iterator<Item = Path> {
        let of_layer = |layer: layer::LayerParts<'_>| {
            let (has_keys, has_groups) = (layer.key_bytes > 0, layer.group_bytes > 0);
            let kinds = [
                ("records", true),
                ("keys", has_keys),
                ("groups", has_groups),
                (covered::COVERED, layer.n_covered.is_some()),
            ];
            let there = kinds.into_iter().filter(|(_, is_there)| *is_there);
            there.map(|(kind, _)| object(relation, layer.name, kind)).collect::<Vec<_>>()
        };
        let objects: Vec<Path> = layer::parts(self).into_iter().flat_map(of_layer).collect();
        objects.into_iter()
    }
}

/// Where the indexes of all tables lie.
pub(crate) fn all_folders() -> Path {
    Path::from("index")
}

/// The table to which an object of an index belongs; none for any other object.
pub(crate) fn relation_of(file: &Path) -> Option<RelationName> {
    let parts: Vec<_> = file.parts().collect();
    let [index, schema, table, _] = parts.as_slice() else { return None };
    let relation = format!("{}.{}", schema.as_ref(), table.as_ref());
    (index.as_ref() == "index").then(|| RelationName::try_from(relation.as_str()).ok()).flatten()
}

fn object(relation: &RelationName, name: &str, kind: &str) -> Path {
    let file = format!("{name}.{kind}");
    Path::from_iter(["index", relation.schema(), relation.table(), file.as_str()])
}

/// Whether rows of the relation are asked for one by one.
fn is_indexed(relation: &Relation) -> bool {
    relation.name.schema() == INDEXED_SCHEMA
}

/// Positions of the columns by whose exact value a record is found, besides its key.
fn identifier_columns(relation: &Relation) -> Vec<usize> {
    let is_identifier = |field_type| matches!(field_type, FieldType::CitizenId | FieldType::Phone);
    let columns = relation.columns.iter().enumerate();
    columns.filter(|(_, column)| is_identifier(column.field_type)).map(|(idx, _)| idx).collect()
}

/// Position of the column by whose value rows are found together; none if the table has none, or it is the key.
fn group_column(relation: &Relation) -> Option<usize> {
    let is_group = |column: &schemas::Column| column.name.as_str() == GROUP && column.name != relation.key;
    relation.columns.iter().position(is_group)
}
