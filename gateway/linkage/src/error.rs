//! Why linking stopped.

use schemas::{DatasetId, RelationName};

/// Why the linked tables could not be built. Nothing is half done: no table is returned with an error.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The registry has no such linked relation, so there is no schema to build it by.
    #[error("relation `{relation}` is not declared")]
    UnknownRelation {
        /// The relation that is wanted.
        relation: String,
    },
    /// A landed column has a type its declaration does not allow.
    #[error("column `{column}` of `{dataset}` is not of its declared type")]
    ColumnType {
        /// The dataset.
        dataset: DatasetId,
        /// The column.
        column: String,
    },
    /// A linked column is declared with another type than the one its values have.
    #[error("column `{column}` of `{relation}` cannot hold its values by its declared type")]
    RelationColumn {
        /// The relation.
        relation: RelationName,
        /// The column.
        column: String,
    },
    /// The membership table of the last run cannot be read.
    #[error("membership table is not readable: column `{column}`")]
    Membership {
        /// The first column that is missing, null or malformed.
        column: &'static str,
    },
    /// More records than the 32-bit codes of this crate can tell apart.
    #[error("more than {limit} records")]
    TooManyRecords {
        /// The limit.
        limit: usize,
    },
    /// The operating system gave no random bytes for new ids.
    #[error("no random bytes for new ids")]
    Random,
    /// Arrow refused to build an array or a batch.
    #[error("cannot build a table")]
    Arrow {
        /// What Arrow says.
        #[from]
        source: arrow::error::ArrowError,
    },
}
