//! How one row is written: its key, which columns are null, then the values of the others in their order.
//!
//! ```text
//! row  = length(key) key null-bits(⌈columns / 8⌉) value …                 the key is not written again among the values
//! text = length bytes     list = length item …     item = 0, or length + 1 and bytes     others: 1, 4, 8 or 16 bytes
//! ```
//! Lengths are variable (7 bits a byte, the lowest first). A row is read back without copying its texts: the views of the
//! batch point into the block.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray,
    StringViewArray, make_view,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, Schema, SchemaRef,
    TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

/// What a column holds. One kind for each Arrow type that [`schemas::FieldType`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    TextList,
    Boolean,
    Date,
    Moment,
    Integer,
    Float,
    Decimal,
}

impl Kind {
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8 => Self::Text,
            DataType::List(item) if item.data_type() == &DataType::Utf8 => Self::TextList,
            DataType::Boolean => Self::Boolean,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Moment,
            DataType::Int64 => Self::Integer,
            DataType::Float64 => Self::Float,
            DataType::Decimal128(..) => Self::Decimal,
            _ => return None,
        })
    }

    /// Bytes of a value, where all have the same.
    fn width(self) -> Option<usize> {
        match self {
            Self::Text | Self::TextList => None,
            Self::Boolean => Some(1),
            Self::Date => Some(4),
            Self::Moment | Self::Integer | Self::Float => Some(8),
            Self::Decimal => Some(16),
        }
    }
}

/// Columns of the rows of one table, and which of them is the key.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    kinds: Vec<Kind>,
    key_idx: usize,
}

impl Layout {
    /// None if there is a column of a type that no declared field has, or the key is no text.
    pub(super) fn of(schema: &Schema, key: &str) -> Option<Self> {
        let kinds = schema.fields().iter().map(|field| Kind::of(field.data_type())).collect::<Option<Vec<_>>>()?;
        let key_idx = schema.index_of(key).ok()?;
        (kinds.get(key_idx) == Some(&Kind::Text)).then_some(Self { kinds, key_idx })
    }

    fn null_bytes(&self) -> usize {
        self.kinds.len().div_ceil(8)
    }
}

/// Writes the rows of one batch.
pub(super) struct RowEncoder<'b> {
    cells: Vec<Cells<'b>>,
    key_idx: usize,
}

/// A column, by its type.
enum Cells<'b> {
    Text(&'b StringArray),
    TextList(&'b ListArray, &'b StringArray),
    Boolean(&'b BooleanArray),
    Date(&'b PrimitiveArray<Date32Type>),
    Moment(&'b PrimitiveArray<TimestampMicrosecondType>),
    Integer(&'b PrimitiveArray<Int64Type>),
    Float(&'b PrimitiveArray<Float64Type>),
    Decimal(&'b PrimitiveArray<Decimal128Type>),
}

impl<'b> RowEncoder<'b> {
    /// None if the batch does not have the columns of the layout.
    pub(super) fn new(layout: &Layout, batch: &'b RecordBatch) -> Option<Self> {
        let columns = layout.kinds.iter().zip(batch.columns());
        let cells = columns.map(|(kind, column)| Cells::of(*kind, column)).collect::<Option<Vec<_>>>()?;
        (cells.len() == layout.kinds.len()).then_some(Self { cells, key_idx: layout.key_idx })
    }

    /// The key of a row; none if it is null.
    pub(super) fn key(&self, row: usize) -> Option<&'b str> {
        match self.cells.get(self.key_idx) {
            Some(Cells::Text(keys)) if keys.is_valid(row) => Some(keys.value(row)),
            _ => None,
        }
    }

    /// Appends a row to `out`.
    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) {
        put_bytes(self.key(row).unwrap_or_default().as_bytes(), out);
        let nulls_at = out.len();
        out.resize(nulls_at + self.cells.len().div_ceil(8), 0);
        for (idx, cells) in self.cells.iter().enumerate() {
            if cells.array().is_null(row) {
                if let Some(byte) = out.get_mut(nulls_at + idx / 8) {
                    *byte |= 1 << (idx % 8);
                }
            } else if idx != self.key_idx {
                cells.put(row, out);
            }
        }
    }
}

impl<'b> Cells<'b> {
    fn of(kind: Kind, column: &'b ArrayRef) -> Option<Self> {
        Some(match kind {
            Kind::Text => Self::Text(column.as_string_opt()?),
            Kind::TextList => {
                let lists = column.as_list_opt()?;
                Self::TextList(lists, lists.values().as_string_opt()?)
            }
            Kind::Boolean => Self::Boolean(column.as_boolean_opt()?),
            Kind::Date => Self::Date(column.as_primitive_opt()?),
            Kind::Moment => Self::Moment(column.as_primitive_opt()?),
            Kind::Integer => Self::Integer(column.as_primitive_opt()?),
            Kind::Float => Self::Float(column.as_primitive_opt()?),
            Kind::Decimal => Self::Decimal(column.as_primitive_opt()?),
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Text(array) => *array,
            Self::TextList(array, _) => *array,
            Self::Boolean(array) => *array,
            Self::Date(array) => *array,
            Self::Moment(array) => *array,
            Self::Integer(array) => *array,
            Self::Float(array) => *array,
            Self::Decimal(array) => *array,
        }
    }

    fn put(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Text(texts) => put_bytes(texts.value(row).as_bytes(), out),
            Self::TextList(lists, texts) => {
                let mut items = Vec::new();
                let offsets = lists.value_offsets();
                let offset = |at: usize| offsets.get(at).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
                for item in offset(row)..offset(row + 1) {
                    if texts.is_null(item) {
                        put_length(0, &mut items);
                    } else {
                        put_length(texts.value(item).len() + 1, &mut items);
                        items.extend_from_slice(texts.value(item).as_bytes());
                    }
                }
                put_bytes(&items, out);
            }
            Self::Boolean(values) => out.push(u8::from(values.value(row))),
            Self::Date(values) => out.extend_from_slice(&values.value(row).to_le_bytes()),
            Self::Moment(values) => out.extend_from_slice(&values.value(row).to_le_bytes()),
            Self::Integer(values) => out.extend_from_slice(&values.value(row).to_le_bytes()),
            Self::Float(values) => out.extend_from_slice(&values.value(row).to_le_bytes()),
            Self::Decimal(values) => out.extend_from_slice(&values.value(row).to_le_bytes()),
        }
    }
}

/// Reads rows back, as some columns of a schema.
#[derive(Debug, Clone)]
pub(super) struct RowDecoder {
    layout: Layout,
    /// For each column, its position in the batch.
    positions: Vec<Option<usize>>,
    /// Of the batch.
    schema: SchemaRef,
}

impl RowDecoder {
    /// For batches with the columns `projection` of `schema`, whose types hold what the layout has in the types of views.
    pub(super) fn new(layout: &Layout, schema: &SchemaRef, projection: Option<&[usize]>) -> Result<Self, ArrowError> {
        let (positions, schema) = match projection {
            None => ((0..layout.kinds.len()).map(Some).collect(), Arc::clone(schema)),
            Some(columns) => {
                let position = |idx| columns.iter().position(|column| *column == idx);
                ((0..layout.kinds.len()).map(position).collect(), Arc::new(schema.project(columns)?))
            }
        };
        Ok(Self { layout: layout.clone(), positions, schema })
    }

    /// Of the batches.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The one row that lies at `row` of a block. None if these bytes are no row.
    pub(super) fn read(&self, block: &Buffer, row: Range<usize>) -> Option<RecordBatch> {
        let mut reader = Reader { bytes: block.as_slice().get(..row.end)?, at: row.start };
        let key = reader.sized()?;
        let nulls_at = reader.fixed(self.layout.null_bytes())?;
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.schema.fields().len()];
        for (idx, kind) in self.layout.kinds.iter().enumerate() {
            let is_null = reader.bytes.get(nulls_at.start + idx / 8)? & (1 << (idx % 8)) != 0;
            let value = match kind.width() {
                _ if is_null => None,
                _ if idx == self.layout.key_idx => Some(key.clone()),
                Some(width) => Some(reader.fixed(width)?),
                None => Some(reader.sized()?),
            };
            if let Some(position) = *self.positions.get(idx)? {
                let array = one_value(*kind, block, value, self.schema.field(position))?;
                *columns.get_mut(position)? = Some(array);
            }
        }
        if reader.at != row.end {
            return None;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let columns = columns.into_iter().collect::<Option<Vec<_>>>()?;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).ok()
    }
}

/// The key of the row at the start of `bytes`.
pub(super) fn key_of(mut bytes: &[u8]) -> Option<&[u8]> {
    let n_bytes = take_length(&mut bytes)?;
    bytes.get(..n_bytes)
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn fixed(&mut self, n_bytes: usize) -> Option<Range<usize>> {
        let value = self.at..self.at.checked_add(n_bytes)?;
        self.bytes.get(value.clone())?;
        self.at = value.end;
        Some(value)
    }

    fn sized(&mut self) -> Option<Range<usize>> {
        let mut rest = self.bytes.get(self.at..)?;
        let n_bytes = take_length(&mut rest)?;
        self.at = self.bytes.len() - rest.len();
        self.fixed(n_bytes)
    }
}

fn one_value(kind: Kind, block: &Buffer, value: Option<Range<usize>>, field: &Field) -> Option<ArrayRef> {
    let array: ArrayRef = match kind {
        Kind::Text => Arc::new(texts(block, &[value])?),
        Kind::TextList => Arc::new(one_list(block, value)?),
        Kind::Boolean => {
            let value = value.map(|at| Some(block.as_slice().get(at)? == [1]));
            Arc::new(BooleanArray::from(vec![value.flatten()]))
        }
        Kind::Date => Arc::new(number::<Date32Type, 4>(block, value, i32::from_le_bytes, field)?),
        Kind::Moment => Arc::new(number::<TimestampMicrosecondType, 8>(block, value, i64::from_le_bytes, field)?),
        Kind::Integer => Arc::new(number::<Int64Type, 8>(block, value, i64::from_le_bytes, field)?),
        Kind::Float => Arc::new(number::<Float64Type, 8>(block, value, f64::from_le_bytes, field)?),
        Kind::Decimal => Arc::new(number::<Decimal128Type, 16>(block, value, i128::from_le_bytes, field)?),
    };
    if array.data_type() == field.data_type() { Some(array) } else { cast(&array, field.data_type()).ok() }
}

fn number<T: ArrowPrimitiveType, const WIDTH: usize>(
    block: &Buffer,
    value: Option<Range<usize>>,
    of_bytes: impl Fn([u8; WIDTH]) -> T::Native,
    field: &Field,
) -> Option<PrimitiveArray<T>> {
    let value = match value {
        None => None,
        Some(at) => Some(of_bytes(block.as_slice().get(at)?.try_into().ok()?)),
    };
    let nulls = value.is_none().then(|| NullBuffer::new_null(1));
    let array = PrimitiveArray::<T>::new(ScalarBuffer::from(vec![value.unwrap_or_default()]), nulls);
    PrimitiveArray::<T>::is_compatible(field.data_type()).then(|| array.with_data_type(field.data_type().clone()))
}

/// Texts that stay where they are: the array points into the block.
fn texts(block: &Buffer, values: &[Option<Range<usize>>]) -> Option<StringViewArray> {
    let mut views = Vec::with_capacity(values.len());
    for value in values {
        views.push(match value {
            None => 0,
            Some(at) => make_view(block.as_slice().get(at.clone())?, 0, u32::try_from(at.start).ok()?),
        });
    }
    let nulls = values.iter().any(Option::is_none).then(|| NullBuffer::from_iter(values.iter().map(Option::is_some)));
    StringViewArray::try_new(ScalarBuffer::from(views), vec![block.clone()], nulls).ok()
}

fn one_list(block: &Buffer, value: Option<Range<usize>>) -> Option<ListArray> {
    let is_null = value.is_none();
    let mut items = Vec::new();
    if let Some(at) = value {
        let mut reader = Reader { bytes: block.as_slice().get(..at.end)?, at: at.start };
        while reader.at < at.end {
            let mut rest = reader.bytes.get(reader.at..)?;
            let length = take_length(&mut rest)?;
            reader.at = reader.bytes.len() - rest.len();
            items.push(match length.checked_sub(1) {
                None => None,
                Some(n_bytes) => Some(reader.fixed(n_bytes)?),
            });
        }
    }
    let field = Arc::new(Field::new("element", DataType::Utf8View, true));
    let offsets = OffsetBuffer::from_lengths([items.len()]);
    let nulls = is_null.then(|| NullBuffer::new_null(1));
    ListArray::try_new(field, offsets, Arc::new(texts(block, &items)?), nulls).ok()
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends a length, 7 bits a byte.
pub(super) fn put_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Takes a length from the front.
pub(super) fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests;
