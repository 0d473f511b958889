//! One landed table, read by column and in the order of its record keys.
//!
//! Rows may come in any order and in any number of batches. They are put in the order of their keys, and of several
//! rows with one key only the newest counts, so that everything after this file is the same for the same rows.

use std::cmp::Reverse;
use std::marker::PhantomData;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use schemas::{Authority, Dataset};

use crate::LinkError;

/// Where a row is in the batches as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RowAt {
    batch: u32,
    row: u32,
}

/// The parts of each column, one per batch; `None` where a batch does not have the column.
type Columns = HashMap<String, Vec<Option<ArrayRef>>>;

/// A landed table in key order.
pub(crate) struct Landed {
    /// `police.resident`
    pub(crate) source: String,
    /// Rows that another row of the same key replaces.
    pub(crate) superseded: usize,
    /// Rows without a record key: nothing could refer to them.
    pub(crate) unkeyed: usize,
    columns: Columns,
    rows: Vec<RowAt>,
}

impl Landed {
    /// Brings the columns to their declared types and the rows into key order.
    ///
    /// # Errors
    /// [`LinkError::ColumnType`] if a column is not of its declared type, nor another writing of it.
    pub(crate) fn read(dataset: &Dataset, batches: &[RecordBatch]) -> Result<Self, LinkError> {
        let relation = dataset.landed_relation();
        let mut columns = Columns::new();
        for column in &relation.columns {
            let name = column.name.as_str();
            let wanted = column.field_type.arrow_type();
            let mut parts = Vec::with_capacity(batches.len());
            for batch in batches {
                parts.push(match batch.column_by_name(name) {
                    None => None,
                    Some(array) => Some(as_declared(array, &wanted).ok_or_else(|| LinkError::ColumnType {
                        dataset: dataset.id.clone(),
                        column: name.to_owned(),
                    })?),
                });
            }
            columns.insert(name.to_owned(), parts);
        }
        let rows = every_row(batches)?;
        let n_all = rows.len();
        let (keyed, superseded) = newest_by_key(&columns, &rows);
        Ok(Self {
            source: dataset.id.to_string(),
            superseded,
            unkeyed: n_all - superseded - keyed.len(),
            columns,
            rows: keyed,
        })
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn column<A>(&self, name: &str) -> Column<'_, A> {
        column_of(&self.columns, &self.rows, name)
    }

    /// Whether the table is declared with a column of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// A text column; one that the table does not have is null throughout.
    pub(crate) fn text(&self, name: &str) -> Column<'_, StringArray> {
        self.column(name)
    }

    /// A date column, in days since 1970-01-01.
    pub(crate) fn date(&self, name: &str) -> Column<'_, Date32Array> {
        self.column(name)
    }

    /// A moment column, in microseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn timestamp(&self, name: &str) -> Column<'_, TimestampMicrosecondArray> {
        self.column(name)
    }

    /// A yes/no column.
    pub(crate) fn boolean(&self, name: &str) -> Column<'_, BooleanArray> {
        self.column(name)
    }

    /// A column of whole numbers.
    pub(crate) fn integer(&self, name: &str) -> Column<'_, Int64Array> {
        self.column(name)
    }

    /// A column of numbers.
    pub(crate) fn float(&self, name: &str) -> Column<'_, Float64Array> {
        self.column(name)
    }

    /// A column of areas or amounts, in hundredths.
    pub(crate) fn hundredths(&self, name: &str) -> Column<'_, Decimal128Array> {
        self.column(name)
    }

    /// A column of text lists.
    pub(crate) fn list(&self, name: &str) -> Column<'_, ListArray> {
        self.column(name)
    }
}

/// One column of a landed table, addressed by the record's position in key order. Cheap to look up and to copy.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a, A> {
    rows: &'a [RowAt],
    parts: &'a [Option<ArrayRef>],
    kind: PhantomData<&'a A>,
}

impl<'a, A: Array + 'static> Column<'a, A> {
    fn at(&self, record: usize) -> Option<(&'a A, usize)> {
        let at = self.rows.get(record)?;
        let part = self.parts.get(at.batch as usize)?.as_ref()?.as_any().downcast_ref::<A>()?;
        let row = at.row as usize;
        (row < part.len() && part.is_valid(row)).then_some((part, row))
    }
}

impl<'a> Column<'a, StringArray> {
    /// The text, unless it is null or empty.
    pub(crate) fn get(&self, record: usize) -> Option<&'a str> {
        self.at(record).map(|(part, row)| part.value(row)).filter(|text| !text.is_empty())
    }
}

impl Column<'_, Date32Array> {
    pub(crate) fn get(&self, record: usize) -> Option<i32> {
        self.at(record).map(|(part, row)| part.value(row))
    }
}

impl Column<'_, TimestampMicrosecondArray> {
    pub(crate) fn get(&self, record: usize) -> Option<i64> {
        self.at(record).map(|(part, row)| part.value(row))
    }
}

impl Column<'_, BooleanArray> {
    pub(crate) fn get(&self, record: usize) -> Option<bool> {
        self.at(record).map(|(part, row)| part.value(row))
    }
}

impl Column<'_, Int64Array> {
    pub(crate) fn get(&self, record: usize) -> Option<i64> {
        self.at(record).map(|(part, row)| part.value(row))
    }
}

impl Column<'_, Float64Array> {
    pub(crate) fn get(&self, record: usize) -> Option<f64> {
        self.at(record).map(|(part, row)| part.value(row))
    }
}

impl Column<'_, Decimal128Array> {
    pub(crate) fn get(&self, record: usize) -> Option<i128> {
        self.at(record).map(|(part, row)| part.value(row))
    }
}

impl Column<'_, ListArray> {
    /// Whether one of the texts is `wanted`.
    pub(crate) fn contains(&self, record: usize, wanted: impl Fn(&str) -> bool) -> bool {
        let Some((part, row)) = self.at(record) else { return false };
        let Some(texts) = part.values().as_any().downcast_ref::<StringArray>() else { return false };
        let bound =
            |at: usize| part.value_offsets().get(at).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
        (bound(row)..bound(row + 1)).any(|item| texts.is_valid(item) && wanted(texts.value(item)))
    }
}

/// The department that speaks in a dataset. Property comes from the land register and disability from the disabled
/// persons' federation, though another department delivers them.
pub(crate) fn authority_of(source: &str) -> Authority {
    match source {
        "housing.property" => Authority::Land,
        "civil.disability" => Authority::Disabled,
        _ if source.starts_with("police.") => Authority::Police,
        _ if source.starts_with("civil.") => Authority::Civil,
        _ if source.starts_with("health.") => Authority::Health,
        _ if source.starts_with("housing.") => Authority::Housing,
        _ => Authority::Grid,
    }
}

fn column_of<'a, A>(columns: &'a Columns, rows: &'a [RowAt], name: &str) -> Column<'a, A> {
    Column { rows, parts: columns.get(name).map_or(&[], Vec::as_slice), kind: PhantomData }
}

/// One row per key, the newest, in the order of the keys; and how many rows that leaves out.
fn newest_by_key(columns: &Columns, rows: &[RowAt]) -> (Vec<RowAt>, usize) {
    let text = |name: &str| column_of::<StringArray>(columns, rows, name);
    let (key, batch, hash) = (text("record_key"), text("batch_id"), text("raw_hash"));
    let (file, sheet) = (text("source_file"), text("source_sheet"));
    let seen = column_of::<TimestampMicrosecondArray>(columns, rows, "ingested_at");
    let updated = column_of::<TimestampMicrosecondArray>(columns, rows, "updated_at");
    let line = column_of::<Int64Array>(columns, rows, "source_row");
    let newness = |i: usize| {
        Reverse((seen.get(i), updated.get(i), batch.get(i), line.get(i), file.get(i), sheet.get(i), hash.get(i)))
    };
    let mut order: Vec<usize> = (0..rows.len()).filter(|i| key.get(*i).is_some()).collect();
    order.sort_by(|a, b| key.get(*a).cmp(&key.get(*b)).then_with(|| newness(*a).cmp(&newness(*b))));
    let n_keyed = order.len();
    order.dedup_by(|a, b| key.get(*a) == key.get(*b));
    let superseded = n_keyed - order.len();
    (order.iter().filter_map(|i| rows.get(*i).copied()).collect(), superseded)
}

fn every_row(batches: &[RecordBatch]) -> Result<Vec<RowAt>, LinkError> {
    let n_rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let limit = (u32::MAX / 4) as usize;
    if n_rows > limit {
        return Err(LinkError::TooManyRecords { limit });
    }
    let mut rows = Vec::with_capacity(n_rows);
    for (batch, content) in (0_u32..).zip(batches) {
        rows.extend((0_u32..).take(content.num_rows()).map(|row| RowAt { batch, row }));
    }
    Ok(rows)
}

/// The array in its declared type. Only another writing of the same type is accepted (string views, dictionaries,
/// another time unit), never a conversion that could lose a value.
fn as_declared(array: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    fn is_text(kind: &DataType) -> bool {
        match kind {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
            DataType::Dictionary(_, values) => is_text(values),
            _ => false,
        }
    }
    let given = array.data_type();
    if given == wanted {
        return Some(ArrayRef::clone(array));
    }
    let same_kind = match (given, wanted) {
        (DataType::Null, _)
        | (DataType::Timestamp(..), DataType::Timestamp(..))
        | (DataType::Int8 | DataType::Int16 | DataType::Int32, DataType::Int64)
        | (DataType::Float32, DataType::Float64) => true,
        (DataType::Decimal128(_, a), DataType::Decimal128(_, b)) => a == b,
        (DataType::List(a) | DataType::LargeList(a), DataType::List(_)) => is_text(a.data_type()),
        (given, DataType::Utf8) => is_text(given),
        _ => false,
    };
    if same_kind { cast(array, wanted).ok() } else { None }
}
