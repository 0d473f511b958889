//! Writing the whole new content of one table.

use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::Utc;
use deltalake::kernel::Add;
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use schemas::{Relation, RelationName};

use crate::delta::Tables;
use crate::parquet_layout::{FileStatistics, writer_properties};
use crate::publication::{self, Draft, Finished};
use crate::records::{RecordWriter, Unfit};
use crate::{DerivedKey, LakeError};

/// A file is closed when it has reached either. Large enough for few requests, small enough that several can be read at
/// once and that a file is skipped as a whole. Tests take few rows.
const FILE_ROWS_MAX: usize = if cfg!(test) { 5_000 } else { 1_000_000 };
const FILE_BYTES_MAX: usize = 64 << 20;

/// Rows handed to the encoder at once, so that the limits above are looked at often enough whatever is given.
const SLICE_ROWS: usize = if cfg!(test) { 1_000 } else { 65_536 };

/// Plain bytes gathered before a part is uploaded.
const PART_BYTES: usize = 8 << 20;

/// Takes the rows of one table, as a stream. Memory is bounded by one row group, not by the table.
///
/// Rows are kept in the order given; give them sorted by the relation's key, or lookups become scans.
pub struct TableWriter {
    tables: Arc<Tables>,
    relation: Relation,
    schema: SchemaRef,
    draft: Arc<Mutex<Draft>>,
    /// Common part of the names of this writer's files.
    name: String,
    open: Option<OpenFile>,
    files: Vec<Add>,
    n_rows: usize,
    /// Writes the key index; none if the relation has none, or this table can have none.
    records: Option<RecordWriter>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenTable {
    /// Which table.
    pub relation: RelationName,
    /// The Delta version that holds it.
    pub version: u64,
    /// Rows.
    pub n_rows: u64,
    /// Parquet files.
    pub n_files: usize,
    /// Plain bytes of the files.
    pub bytes: u64,
}

struct OpenFile {
    writer: AsyncArrowWriter<BufWriter>,
    name: String,
    statistics: FileStatistics,
}

impl TableWriter {
    pub(crate) fn new(
        tables: Arc<Tables>,
        relation: Relation,
        draft: Arc<Mutex<Draft>>,
        index_key: &DerivedKey,
    ) -> Result<Self, LakeError> {
        if relation.column(relation.key.as_str()).is_none() {
            return Err(LakeError::NoSuchColumn { relation: relation.name, column: relation.key });
        }
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|source| LakeError::NoRandom { source })?;
        let (schema, name) = (relation.arrow_schema(), hex::encode(number));
        let records = tables.index_writer(index_key, &relation, &name);
        Ok(Self { tables, relation, schema, draft, name, open: None, files: Vec::new(), n_rows: 0, records })
    }

    /// Adds rows, whose columns must be exactly those of the relation, in order and type.
    ///
    /// # Errors
    /// [`LakeError::WrongColumns`]; [`LakeError::File`] and [`LakeError::Store`], after which the writer is of no use.
    pub async fn write(&mut self, rows: RecordBatch) -> Result<(), LakeError> {
        let rows = self.with_declared_schema(rows)?;
        let mut start = 0;
        while start < rows.num_rows() {
            let slice = rows.slice(start, SLICE_ROWS.min(rows.num_rows() - start));
            start += slice.num_rows();
            self.write_slice(slice).await?;
        }
        Ok(())
    }

    /// Commits the rows as the table's new version and hands it to the publication, which shows it when committed.
    ///
    /// # Errors
    /// [`LakeError::File`], [`LakeError::Store`], [`LakeError::Table`].
    pub async fn finish(mut self) -> Result<WrittenTable, LakeError> {
        self.close_file().await?;
        let bytes = self.files.iter().map(|file| file.size.unsigned_abs()).sum();
        let n_files = self.files.len();
        let mut index = match self.records.take() {
            Some(records) => Some(records.finish().await?),
            None => None,
        };
        let version = self.tables.replace(&self.relation, std::mem::take(&mut self.files)).await?;
        if let Some(index) = &mut index {
            index.table_version = version;
        }
        publication::finish(&self.draft, &self.relation.name, Finished { version, index });
        let relation = self.relation.name;
        tracing::debug!(relation = %relation, version, n_rows = self.n_rows, n_files, "table written");
        Ok(WrittenTable { relation, version, n_rows: self.n_rows as u64, n_files, bytes })
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
        self.n_rows += rows.num_rows();
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

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("relation", &self.relation.name)
            .field("n_rows", &self.n_rows)
            .field("n_files", &self.files.len())
            .finish_non_exhaustive()
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
