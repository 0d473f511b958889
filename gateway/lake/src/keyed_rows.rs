//! Sorted rows, key by key: all rows of one key come together.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Schema};
use arrow::row::{RowConverter, Rows, SortField};
use futures::StreamExt;
use schemas::ColumnName;

use crate::LakeError;
use crate::file_rows::RecordBatchStream;

/// Why rows cannot be compared key by key.
#[derive(Debug)]
pub(crate) enum Unkeyed {
    /// They are not sorted by key, a row has none, or they are of types that cannot be compared.
    Unsorted,
    /// They cannot be read.
    Failed(LakeError),
}

/// Rows as they are read, in blocks that hold all rows of each of their keys.
pub(crate) struct KeyedRows {
    rows: RecordBatchStream,
    key: usize,
    /// The columns that are compared.
    compared: Vec<usize>,
    converter: RowConverter,
    /// The rows of the last key read so far: there may be more of them.
    held: Option<RecordBatch>,
    block: Option<Block>,
    last: Option<String>,
}

/// Some rows, and where in them the next key begins.
struct Block {
    rows: RecordBatch,
    /// In a form that is equal if the rows are.
    encoded: Rows,
    at: usize,
}

/// All rows of one key.
pub(crate) struct KeyGroup {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl KeyedRows {
    /// None if there is no such column of texts, or rows cannot be compared. Columns named in `lineage` are not.
    pub(crate) fn new(rows: RecordBatchStream, schema: &Schema, key: &ColumnName, lineage: &[&str]) -> Option<Self> {
        let (key, field) = schema.column_with_name(key.as_str())?;
        let is_compared = |idx: &usize| !lineage.contains(&schema.field(*idx).name().as_str());
        let compared: Vec<usize> = (0..schema.fields().len()).filter(is_compared).collect();
        let fields = compared.iter().map(|idx| SortField::new(schema.field(*idx).data_type().clone())).collect();
        let converter = RowConverter::new(fields).ok()?;
        let is_text = field.data_type() == &DataType::Utf8;
        is_text.then_some(Self { rows, key, compared, converter, held: None, block: None, last: None })
    }

    /// The next key; none behind the last one.
    pub(crate) async fn key(&mut self) -> Result<Option<&str>, Unkeyed> {
        while self.block.as_ref().is_none_or(|block| block.at >= block.rows.num_rows()) {
            self.block = None;
            if !self.fill().await? {
                return Ok(None);
            }
        }
        let block = self.block.as_ref();
        Ok(block.map(|block| block.rows.column(self.key).as_string::<i32>().value(block.at)))
    }

    /// The rows of the next key. To be asked after [`Self::key`] only.
    pub(crate) fn take(&mut self) -> Option<KeyGroup> {
        let block = self.block.as_mut()?;
        let keys = block.rows.column(self.key).as_string::<i32>();
        let start = block.at;
        let key = keys.value(start);
        let n_same = (start..keys.len()).take_while(|row| keys.value(*row) == key).count();
        block.at = start + n_same;
        Some(KeyGroup { start, end: block.at })
    }

    /// Whether both groups, each taken last from its side, are the same rows in the same order.
    pub(crate) fn is_same(&self, group: &KeyGroup, other: &Self, others: &KeyGroup) -> bool {
        let (Some(mine), Some(theirs)) = (&self.block, &other.block) else { return false };
        let mut pairs = (group.start..group.end).zip(others.start..others.end);
        group.end - group.start == others.end - others.start
            && pairs.all(|(row, other)| mine.encoded.row(row) == theirs.encoded.row(other))
    }

    /// The rows at hand, in which a group has its place.
    pub(crate) fn rows(&self) -> Option<&RecordBatch> {
        self.block.as_ref().map(|block| &block.rows)
    }

    /// Whether the group taken last is the last one of the rows at hand.
    pub(crate) fn is_at_end(&self) -> bool {
        self.block.as_ref().is_none_or(|block| block.at >= block.rows.num_rows())
    }

    /// Reads the next block. False if there is none.
    async fn fill(&mut self) -> Result<bool, Unkeyed> {
        loop {
            let read = self.rows.next().await.transpose().map_err(Unkeyed::Failed)?;
            let is_end = read.is_none();
            let rows = match (self.held.take(), read) {
                (None, None) => return Ok(false),
                (Some(rows), None) | (None, Some(rows)) => rows,
                (Some(held), Some(rows)) => {
                    concat_batches(&held.schema(), [&held, &rows]).map_err(|_| Unkeyed::Unsorted)?
                }
            };
            if rows.num_rows() == 0 {
                continue;
            }
            let n_whole = if is_end { rows.num_rows() } else { self.start_of_last(&rows)? };
            if n_whole < rows.num_rows() {
                self.held = Some(rows.slice(n_whole, rows.num_rows() - n_whole));
            }
            if n_whole > 0 {
                self.begin(rows.slice(0, n_whole))?;
                return Ok(true);
            }
        }
    }

    /// Where the rows of the last key begin.
    fn start_of_last(&self, rows: &RecordBatch) -> Result<usize, Unkeyed> {
        let keys = rows.column(self.key).as_string_opt::<i32>().ok_or(Unkeyed::Unsorted)?;
        let last = keys.len() - 1;
        let n_same = (0..keys.len()).rev().take_while(|row| keys.value(*row) == keys.value(last)).count();
        Ok(keys.len() - n_same)
    }

    fn begin(&mut self, rows: RecordBatch) -> Result<(), Unkeyed> {
        let keys = rows.column(self.key).as_string_opt::<i32>().filter(|keys| keys.null_count() == 0);
        let keys = keys.ok_or(Unkeyed::Unsorted)?;
        let is_behind = self.last.as_deref().is_none_or(|last| last < keys.value(0));
        let is_sorted = (1..keys.len()).all(|row| keys.value(row - 1) <= keys.value(row));
        if !is_behind || !is_sorted {
            return Err(Unkeyed::Unsorted);
        }
        self.last = Some(keys.value(keys.len() - 1).to_owned());
        let columns = rows.project(&self.compared).map_err(|_| Unkeyed::Unsorted)?;
        let encoded = self.converter.convert_columns(columns.columns()).map_err(|_| Unkeyed::Unsorted)?;
        self.block = Some(Block { rows, encoded, at: 0 });
        Ok(())
    }
}
