//! Why the lake did not do what it was asked.

use schemas::{ColumnName, RelationName};

use crate::KeyError;

/// Why tables could not be published or read.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The key cannot be had.
    #[error("there is no key for the lake")]
    Key {
        /// Why.
        #[from]
        source: KeyError,
    },
    /// The key file lies in the folder it protects: whoever takes the folder takes both.
    #[error("the key file must not lie inside the data folder")]
    KeyInsideData,
    /// The data folder cannot be made or entered.
    #[error("the data folder cannot be used")]
    DataFolder {
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The store failed, or an object in it was changed ([`crate::SealFault`] among the sources).
    #[error("`{object}` cannot be read or written")]
    Store {
        /// The object's path in the store.
        object: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// An object of the lake's own does not have the form it should have.
    #[error("`{object}` is not understood")]
    Malformed {
        /// The object's path in the store.
        object: String,
        /// Where it departs from the form.
        source: serde_json::Error,
    },
    /// An object of a key index does not have the form it should have, or is not that of its table.
    #[error("index `{object}` is not understood")]
    BrokenIndex {
        /// The object's path in the store.
        object: String,
    },
    /// Delta or DataFusion failed on a table.
    #[error("table `{relation}` cannot be opened or committed")]
    Table {
        /// Which table.
        relation: RelationName,
        /// What it said.
        source: Box<deltalake::DeltaTableError>,
    },
    /// A Parquet file of a table cannot be written or read.
    #[error("a file of table `{relation}` cannot be read or written")]
    File {
        /// Which table.
        relation: RelationName,
        /// What the Parquet library said.
        source: parquet::errors::ParquetError,
    },
    /// Somebody else published since this publication began. Begin again: nothing of it is visible.
    #[error("another publication was committed meanwhile")]
    Conflict,
    /// The pointer to what is published is older than the history, or gone: somebody has put an old one back, or removed it.
    #[error("`published.json` is not the newest there was: a newer version is in the history")]
    RolledBack {
        /// The version it names; none if it is gone.
        found: Option<u64>,
    },
    /// No such version was ever published, or it is no longer kept.
    #[error("version {version} is not published")]
    NoSuchVersion {
        /// The version asked for.
        version: u64,
    },
    /// The snapshot has no such table.
    #[error("table `{relation}` is not published")]
    NoSuchTable {
        /// The table asked for.
        relation: RelationName,
    },
    /// Rows were given that do not have the declared columns.
    #[error("rows for table `{relation}` do not have its columns: {difference}")]
    WrongColumns {
        /// Which table.
        relation: RelationName,
        /// The first difference, in terms of columns and types.
        difference: String,
    },
    /// The table has no such column.
    #[error("table `{relation}` has no column `{column}`")]
    NoSuchColumn {
        /// Which table.
        relation: RelationName,
        /// The column asked for.
        column: ColumnName,
    },
    /// A change supersedes more rows of one file than its table's log can hold: write the table whole.
    #[error("too many rows of table `{relation}` change")]
    ChangeTooLarge {
        /// Which table.
        relation: RelationName,
    },
    /// A table can be written once per publication.
    #[error("table `{relation}` was already written in this publication")]
    WrittenTwice {
        /// Which table.
        relation: RelationName,
    },
    /// A writer was taken and not finished: committing would publish the table as it was before.
    #[error("table `{relation}` was begun and not finished in this publication")]
    Unfinished {
        /// Which table.
        relation: RelationName,
    },
    /// The operating system gave no random bytes for a name.
    #[error("no random bytes")]
    NoRandom {
        /// What the operating system said.
        source: getrandom::Error,
    },
}

impl LakeError {
    pub(crate) fn store(object: &object_store::path::Path) -> impl FnOnce(object_store::Error) -> Self + use<> {
        let object = object.to_string();
        move |source| Self::Store { object, source }
    }

    pub(crate) fn table(relation: &RelationName) -> impl Fn(deltalake::DeltaTableError) -> Self + use<> {
        let relation = relation.clone();
        move |source| Self::Table { relation: relation.clone(), source: Box::new(source) }
    }

    pub(crate) fn file(relation: &RelationName) -> impl Fn(parquet::errors::ParquetError) -> Self + use<> {
        let relation = relation.clone();
        move |source| Self::File { relation: relation.clone(), source }
    }
}
