//! The rows of a table for the query engine: its Parquet files, without the rows that do not count.
//!
//! Positions of superseded rows are handed to the Parquet reader, which joins them with what its statistics and filters leave:
//! a table that was changed is read by the same means as one that was not.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetRowSelection};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::scalar::ScalarValue;
use object_store::ObjectStore;

use crate::pinned_table::PinnedFile;

/// The rows of one version of one table.
pub(crate) struct RowsTable {
    store: Arc<dyn ObjectStore>,
    /// Under which the engine knows the store.
    store_url: ObjectStoreUrl,
    schema: SchemaRef,
    files: Vec<PartitionedFile>,
    statistics: Statistics,
}

impl RowsTable {
    /// `declared`: the types in which the files were written.
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        store_url: ObjectStoreUrl,
        declared: &Schema,
        files: &[PinnedFile],
    ) -> Self {
        let schema = Arc::new(with_views(declared));
        let files: Vec<PartitionedFile> = files.iter().map(|file| partitioned(file, &schema)).collect();
        let statistics = merged(&files, &schema);
        Self { store, store_url, schema, files, statistics }
    }
}

impl fmt::Debug for RowsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowsTable").field("n_files", &self.files.len()).finish_non_exhaustive()
    }
}

/// The types in which the engine reads texts fastest.
fn with_views(declared: &Schema) -> Schema {
    fn viewed(data_type: &DataType) -> DataType {
        match data_type {
            DataType::Utf8 => DataType::Utf8View,
            DataType::List(item) => DataType::List(Arc::new(of_field(item))),
            other => other.clone(),
        }
    }
    fn of_field(field: &Field) -> Field {
        field.clone().with_data_type(viewed(field.data_type()))
    }
    Schema::new(declared.fields().iter().map(|field| of_field(field)).collect::<Vec<_>>())
}

fn partitioned(file: &PinnedFile, schema: &SchemaRef) -> PartitionedFile {
    let statistics = Arc::new(statistics_of(file, schema));
    let partitioned = PartitionedFile::new(file.path.to_string(), file.size).with_statistics(statistics);
    match file.rows_left() {
        None => partitioned,
        Some(left) => partitioned.with_extension(ParquetRowSelection::new(left)),
    }
}

/// What the log says of a file. With superseded rows, the range of its keys and the number of its rows are bounds.
fn statistics_of(file: &PinnedFile, schema: &Schema) -> Statistics {
    let n_rows = file.n_rows - usize::try_from(file.n_superseded()).unwrap_or(file.n_rows);
    let is_whole = file.superseded.is_none();
    let precise = |value: ScalarValue| if is_whole { Precision::Exact(value) } else { Precision::Inexact(value) };
    let stats = file.add.stats.as_deref().and_then(|stats| serde_json::from_str::<serde_json::Value>(stats).ok());
    let of_column = |field: &Field| {
        let mut column = ColumnStatistics::new_unknown();
        if field.data_type() == &DataType::Utf8View {
            let value = |bound: &str| {
                let text = stats.as_ref()?.get(bound)?.get(field.name())?.as_str()?;
                Some(precise(ScalarValue::Utf8View(Some(text.to_owned()))))
            };
            column.min_value = value("minValues").unwrap_or_default();
            column.max_value = value("maxValues").unwrap_or_default();
        }
        column
    };
    Statistics {
        num_rows: if is_whole { Precision::Exact(n_rows) } else { Precision::Inexact(n_rows) },
        total_byte_size: Precision::Absent,
        column_statistics: schema.fields().iter().map(|field| of_column(field)).collect(),
    }
}

fn merged(files: &[PartitionedFile], schema: &Schema) -> Statistics {
    let known = files.iter().filter_map(|file| file.statistics.as_deref());
    Statistics::try_merge_iter(known, schema).unwrap_or_else(|_| Statistics::new_unknown(schema))
}

#[async_trait]
impl TableProvider for RowsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics.clone())
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The optimizer hands what the reader can evaluate to the reader, once the plan is made.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let groups = FileGroup::new(self.files.clone()).split_files(state.config().target_partitions());
        if groups.is_empty() {
            let schema = match projection {
                None => Arc::clone(&self.schema),
                Some(columns) => Arc::new(self.schema.project(columns)?),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let environment = state.runtime_env();
        environment.register_object_store(self.store_url.as_ref(), Arc::clone(&self.store));
        let cache = environment.cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(Arc::clone(&self.store), cache);
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(TableParquetOptions {
                global: state.config_options().execution.parquet.clone(),
                ..TableParquetOptions::default()
            })
            .with_parquet_file_reader_factory(Arc::new(reader))
            .with_pushdown_filters(true);
        let with_statistics = |group: FileGroup| {
            let statistics = merged(group.files(), &self.schema);
            group.with_statistics(Arc::new(statistics))
        };
        let config = FileScanConfigBuilder::new(self.store_url.clone(), Arc::new(source))
            .with_file_groups(groups.into_iter().map(with_statistics).collect())
            .with_statistics(self.statistics.clone())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
