//! Reading the tables of one published version.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use futures::TryStreamExt;
use schemas::{ColumnName, RelationName};

use crate::delta::Tables;
use crate::file_rows::{self, RecordBatchStream};
use crate::pinned_table::PinnedTable;
use crate::records::IndexedTable;
use crate::{LakeError, Published, RecordIndex};

/// The tables at the versions that one [`Published`] pins, whatever is published later. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    tables: Arc<Tables>,
    published: Arc<Published>,
}

impl Snapshot {
    pub(crate) fn new(tables: Arc<Tables>, published: Published) -> Self {
        Self { tables, published: Arc::new(published) }
    }

    /// What this snapshot shows.
    #[must_use]
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// The tables there are, sorted by name.
    pub fn relations(&self) -> impl Iterator<Item = &RelationName> {
        self.published.tables.keys()
    }

    /// The table for the query engine. Opened once per version; scans read no Delta log.
    ///
    /// Its scans give `Utf8View` for every text column, and lists of `Utf8View`, since DataFusion reads these faster;
    /// the other types are the declared ones. Literals in filters should have the column's type as the provider's
    /// schema states it, or page statistics and bloom filters are not used. Filters are pushed down as `Inexact`: they
    /// skip files, row groups, pages and rows, and still have to be applied above.
    ///
    /// Filters that ask for some rows by the key or by an identifier are answered through the index, where there is one.
    ///
    /// # Errors
    /// [`LakeError::NoSuchTable`], [`LakeError::Table`]; [`LakeError::Store`] and [`LakeError::BrokenIndex`] of the index.
    pub async fn provider(&self, relation: &RelationName) -> Result<Arc<dyn TableProvider>, LakeError> {
        let rows = Arc::clone(&self.table(relation).await?.rows) as Arc<dyn TableProvider>;
        Ok(match self.records(relation).await? {
            None => rows,
            Some(index) => Arc::new(IndexedTable::new(rows, index)),
        })
    }

    /// The key index of the table at this version; none if it has none. Opened once for all who hold it.
    ///
    /// # Errors
    /// As [`Self::provider`].
    pub async fn records(&self, relation: &RelationName) -> Result<Option<Arc<RecordIndex>>, LakeError> {
        let table = self.table(relation).await?;
        match self.published.index(relation) {
            None => Ok(None),
            Some(published) => Ok(Some(self.tables.index(relation, published, &table).await?)),
        }
    }

    /// The declared columns and types of the table at this version, as [`schemas::Relation::arrow_schema`] gave them
    /// when it was written.
    ///
    /// # Errors
    /// [`LakeError::NoSuchTable`], [`LakeError::Table`].
    pub async fn schema(&self, relation: &RelationName) -> Result<SchemaRef, LakeError> {
        Ok(Arc::clone(&self.table(relation).await?.schema))
    }

    /// All rows, in the order they were written, in the declared types (`Utf8`, no views).
    ///
    /// # Errors
    /// [`LakeError::NoSuchTable`], [`LakeError::Table`], [`LakeError::File`].
    pub async fn read(&self, relation: &RelationName) -> Result<Vec<RecordBatch>, LakeError> {
        self.stream(relation, None).await?.try_collect().await
    }

    /// The rows in the order they were written, in the declared types, in batches of up to 8192 rows; with `columns`,
    /// only those, in the order of the table.
    ///
    /// # Errors
    /// [`LakeError::NoSuchTable`], [`LakeError::NoSuchColumn`], [`LakeError::Table`]; [`LakeError::File`] in the stream.
    pub async fn stream(
        &self,
        relation: &RelationName,
        columns: Option<&[ColumnName]>,
    ) -> Result<RecordBatchStream, LakeError> {
        let table = self.table(relation).await?;
        let names = match columns {
            None => None,
            Some(columns) => Some(known(columns, &table, relation)?),
        };
        Ok(file_rows::read(self.tables.store(), relation, &table.schema, table.files.clone(), names))
    }

    async fn table(&self, relation: &RelationName) -> Result<Arc<PinnedTable>, LakeError> {
        let version = self.published.tables.get(relation);
        let version = version.ok_or_else(|| LakeError::NoSuchTable { relation: relation.clone() })?;
        self.tables.at_version(relation, *version).await
    }
}

fn known(columns: &[ColumnName], table: &PinnedTable, relation: &RelationName) -> Result<Vec<String>, LakeError> {
    let unknown = columns.iter().find(|column| table.schema.column_with_name(column.as_str()).is_none());
    match unknown {
        Some(column) => Err(LakeError::NoSuchColumn { relation: relation.clone(), column: column.clone() }),
        None => Ok(columns.iter().map(ToString::to_string).collect()),
    }
}
