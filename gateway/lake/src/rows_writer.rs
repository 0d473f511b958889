//! Rows to Parquet files, and to records for the key index.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::Utc;
use deltalake::kernel::Add;
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use schemas::Relation;

use crate::delta::Tables;
use crate::parquet_layout::{FileStatistics, writer_properties};
use crate::records::{RecordWriter, Unfit};
use crate::{DerivedKey, LakeError, PublishedIndex};

/// A file is closed when it has reached either. Large enough for few requests, small enough that several can be read at
/// once and that a file is skipped as a whole. Tests take few rows.
const FILE_ROWS_MAX: usize = if cfg!(test) { 5_000 } else { 1_000_000 };
const FILE_BYTES_MAX: usize = 64 << 20;

/// Rows handed to the encoder at once, so that the limits above are looked at often enough whatever is given.
const SLICE_ROWS: usize = if cfg!(test) { 1_000 } else { 65_536 };

/// Plain bytes gathered before a part is uploaded.
const PART_BYTES: usize = 8 << 20;

/// Writes files of one run: rows that are written together. Memory is bounded by one row group.
pub(crate) struct RowsWriter {
    tables: Arc<Tables>,
    relation: Relation,
    schema: SchemaRef,
    /// Common part of the names of this writer's files.
    name: String,
    open: Option<OpenFile>,
    files: Vec<Add>,
    n_rows: u64,
    /// Writes the key index; none if the relation has none, or these rows can have none.
    records: Option<RecordWriter>,
}

/// What was written. Nobody finds it before it is committed.
pub(crate) struct WrittenRows {
    pub(crate) files: Vec<Add>,
    pub(crate) n_rows: u64,
    pub(crate) index: Option<PublishedIndex>,
}

struct OpenFile {
    writer: AsyncArrowWriter<BufWriter>,
    name: String,
    statistics: FileStatistics,
}

impl RowsWriter {
    pub(crate) fn new(tables: Arc<Tables>, relation: Relation, index_key: &DerivedKey) -> Result<Self, LakeError> {
        if relation.column(relation.key.as_str()).is_none() {
            return Err(LakeError::NoSuchColumn { relation: relation.name, column: relation.key });
        }
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|source| LakeError::NoRandom { source })?;
        let (schema, name) = (relation.arrow_schema(), hex::encode(number));
        let records = tables.index_writer(index_key, &relation, &name);
        Ok(Self { tables, relation, schema, name, open: None, files: Vec::new(), n_rows: 0, records })
    }

    pub(crate) fn relation(&self) -> &Relation {
        &self.relation
    }

    pub(crate) fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// The random part of the names of its files and of its index.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Rows so far.
    pub(crate) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Adds rows, whose columns must be exactly those of the relation, in order and type.
    pub(crate) async fn write(&mut self, rows: RecordBatch) -> Result<(), LakeError> {
        let rows = self.with_declared_schema(rows)?;
        let mut start = 0;
        while start < rows.num_rows() {
            let slice = rows.slice(start, SLICE_ROWS.min(rows.num_rows() - start));
            start += slice.num_rows();
            self.write_slice(slice).await?;
        }
        Ok(())
    }

    /// Writes no index, if it was writing one.
    pub(crate) async fn without_index(&mut self) {
        if let Some(records) = self.records.take() {
            records.give_up().await;
        }
    }

    pub(crate) async fn finish(mut self) -> Result<WrittenRows, LakeError> {
        self.close_file().await?;
        let index = match self.records.take() {
            Some(records) => Some(records.finish().await?),
            None => None,
        };
        Ok(WrittenRows { files: self.files, n_rows: self.n_rows, index })
    }

    fn with_declared_schema(&self, rows: RecordBatch) -> Result<RecordBatch, LakeError> {
        if let Some(difference) = first_difference(&self.schema, &rows.schema()) {
            return Err(LakeError::WrongColumns { relation: self.relation.name.clone(), difference });
        }
        // Drops metadata and restores nullability, neither of which belongs to the content.
        RecordBatch::try_new(Arc::clone(&self.schema), rows.columns().to_vec()).map_err(|error| {
            LakeError::WrongColumns { relation: self.relation.name.clone(), difference: error.to_string() }
        })
    }

    async fn write_slice(&mut self, rows: RecordBatch) -> Result<(), LakeError> {
        let failed = LakeError::file(&self.relation.name);
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.open_file()?,
        };
        if let Some(keys) = rows.column_by_name(self.relation.key.as_str()) {
            file.statistics.add(keys);
        }
        file.writer.write(&rows).await.map_err(failed)?;
        self.index(&rows).await?;
        self.n_rows += rows.num_rows() as u64;
        let size = file.writer.bytes_written() + file.writer.in_progress_size();
        let full = file.statistics.n_rows() >= FILE_ROWS_MAX || size >= FILE_BYTES_MAX;
        self.open = Some(file);
        if full { self.close_file().await } else { Ok(()) }
    }

    async fn index(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        let Some(mut records) = self.records.take() else { return Ok(()) };
        match records.write(rows).await? {
            Ok(()) => self.records = Some(records),
            Err(unfit) => {
                records.give_up().await;
                let relation = &self.relation.name;
                match unfit {
                    // So it is by design with the steps of an event or the members of a household.
                    Unfit::Repeats => tracing::debug!(relation = %relation, "keys repeat: no index"),
                    Unfit::NoKey | Unfit::Unsorted => {
                        tracing::warn!(relation = %relation, reason = ?unfit, "no index: records are found more slowly");
                    }
                }
            }
        }
        Ok(())
    }

    fn open_file(&self) -> Result<OpenFile, LakeError> {
        // Names sort in the order of writing.
        let name = format!("part-{:06}-{}.parquet", self.files.len(), self.name);
        let target = BufWriter::with_capacity(self.tables.store(), self.path_of(&name), PART_BYTES);
        let properties = writer_properties(&self.relation);
        let writer = AsyncArrowWriter::try_new(target, Arc::clone(&self.schema), Some(properties))
            .map_err(LakeError::file(&self.relation.name))?;
        Ok(OpenFile { writer, name, statistics: FileStatistics::default() })
    }

    async fn close_file(&mut self) -> Result<(), LakeError> {
        let Some(file) = self.open.take() else { return Ok(()) };
        file.writer.close().await.map_err(LakeError::file(&self.relation.name))?;
        let path = self.path_of(&file.name);
        let meta = self.tables.store().head(&path).await.map_err(LakeError::store(&path))?;
        self.files.push(Add {
            path: file.name,
            size: i64::try_from(meta.size).unwrap_or(i64::MAX),
            modification_time: Utc::now().timestamp_millis(),
            data_change: true,
            stats: Some(file.statistics.to_json(self.relation.key.as_str())),
            ..Add::default()
        });
        Ok(())
    }

    fn path_of(&self, name: &str) -> Path {
        Tables::folder(&self.relation.name).join(name)
    }
}

fn first_difference(declared: &SchemaRef, given: &SchemaRef) -> Option<String> {
    let mut pairs = declared.fields().iter().zip(given.fields());
    if let Some((want, got)) =
        pairs.find(|(want, got)| want.name() != got.name() || want.data_type() != got.data_type())
    {
        return Some(format!(
            "`{}` of type {} is declared, `{}` of type {} was given",
            want.name(),
            want.data_type(),
            got.name(),
            got.data_type()
        ));
    }
    let (want, got) = (declared.fields().len(), given.fields().len());
    (want != got).then(|| format!("{want} columns are declared, {got} were given"))
}

#[cfg(test)]
mod tests;
