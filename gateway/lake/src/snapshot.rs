//! Reading the tables of one published version.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use schemas::{ColumnName, RelationName};

use crate::delta::{PinnedTable, Tables};
use crate::records::IndexedTable;
use crate::table_file::TableFile;
use crate::{LakeError, Published, RecordIndex};

/// Rows per batch of [`Snapshot::stream`].
const BATCH_ROWS: usize = 8_192;

/// Rows as they come.
pub type RecordBatchStream = BoxStream<'static, Result<RecordBatch, LakeError>>;

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
        let rows = Arc::clone(&self.table(relation).await?.provider);
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
        let published = self.published.indexes.get(relation);
        match published.filter(|index| self.published.tables.get(relation) == Some(&index.table_version)) {
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
        let store = self.tables.store();
        let relation = relation.clone();
        let schema = projected(&table.schema, names.as_deref());
        let files: Vec<TableFile> =
            table.files.iter().map(|(path, size)| TableFile::new(Arc::clone(&store), path.clone(), *size)).collect();
        let batches = stream::iter(files)
            .then(move |file| read_file(file, names.clone(), relation.clone(), Arc::clone(&schema)))
            .try_flatten();
        Ok(batches.boxed())
    }

    async fn table(&self, relation: &RelationName) -> Result<Arc<PinnedTable>, LakeError> {
        let version = self.published.tables.get(relation);
        let version = version.ok_or_else(|| LakeError::NoSuchTable { relation: relation.clone() })?;
        self.tables.at_version(relation, *version).await
    }
}

async fn read_file(
    file: TableFile,
    names: Option<Vec<String>>,
    relation: RelationName,
    schema: SchemaRef,
) -> Result<RecordBatchStream, LakeError> {
    let failed = LakeError::file(&relation);
    let mut builder = ParquetRecordBatchStreamBuilder::new(file).await.map_err(&failed)?.with_batch_size(BATCH_ROWS);
    if let Some(names) = names {
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().map(String::as_str));
        builder = builder.with_projection(mask);
    }
    let batches = builder.build().map_err(&failed)?;
    let in_declared_types = move |batch: Result<RecordBatch, _>| {
        let batch: RecordBatch = batch.map_err(&failed)?;
        RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())
            .map_err(|error| LakeError::WrongColumns { relation: relation.clone(), difference: error.to_string() })
    };
    Ok(batches.map(in_declared_types).boxed())
}

fn known(columns: &[ColumnName], table: &PinnedTable, relation: &RelationName) -> Result<Vec<String>, LakeError> {
    let unknown = columns.iter().find(|column| table.schema.column_with_name(column.as_str()).is_none());
    match unknown {
        Some(column) => Err(LakeError::NoSuchColumn { relation: relation.clone(), column: column.clone() }),
        None => Ok(columns.iter().map(ToString::to_string).collect()),
    }
}

fn projected(schema: &SchemaRef, names: Option<&[String]>) -> SchemaRef {
    let Some(names) = names else { return Arc::clone(schema) };
    let fields = schema.fields().iter().filter(|field| names.contains(field.name())).cloned();
    Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()))
}
