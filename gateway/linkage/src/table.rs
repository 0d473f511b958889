//! Writes a table of linking, row by row, exactly as its relation declares it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::compute::{concat_batches, sort_to_indices, take};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use schemas::{CodeList, FieldType, Registry, Relation, RelationName};

use crate::LinkError;
use crate::identities::EntityId;

/// Rows per batch.
const BATCH_ROWS: usize = 65_536;

/// One value of a table. `None` in any of them is null.
pub(crate) enum Value<'a> {
    Text(Option<&'a str>),
    Id(Option<EntityId>),
    Date(Option<i32>),
    Moment(Option<i64>),
    Flag(Option<bool>),
    Count(Option<i64>),
    Number(Option<f64>),
    Hundredths(Option<i128>),
    List(&'a [String]),
}

enum Builder {
    Text(StringBuilder),
    Date(Date32Builder),
    Moment(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
    Count(Int64Builder),
    Number(Float64Builder),
    Hundredths(Decimal128Builder),
    List(ListBuilder<StringBuilder>),
}

/// A table in the making. The caller gives the rows in the order of the relation's key.
pub(crate) struct TableWriter<'r> {
    name: RelationName,
    schema: SchemaRef,
    columns: Vec<(String, Builder, Option<&'r CodeList>)>,
    by_name: HashMap<String, usize>,
    /// Index of the column that probably comes next: callers name columns in the relation's order.
    next: usize,
    n_rows: usize,
    batches: Vec<RecordBatch>,
    refused: BTreeMap<String, u64>,
    fault: Option<LinkError>,
}

impl<'r> TableWriter<'r> {
    /// A writer for that relation: `unified.person`.
    ///
    /// # Errors
    /// [`LinkError::UnknownRelation`] if it is not declared.
    pub(crate) fn new(registry: &'r Registry, relation: &str) -> Result<Self, LinkError> {
        let unknown = || LinkError::UnknownRelation { relation: relation.to_owned() };
        let name = RelationName::try_from(relation).map_err(|_| unknown())?;
        let relation: Relation = registry.relation(&name).ok_or_else(unknown)?;
        let mut columns = Vec::with_capacity(relation.columns.len());
        for column in &relation.columns {
            let codes = column.code_list.as_deref().and_then(|list| registry.code_list(list));
            columns.push((column.name.as_str().to_owned(), Builder::of(column.field_type), codes));
        }
        let schema = relation.arrow_schema();
        let by_name =
            columns.iter().zip(0..).map(|((name, ..), at): (&(String, _, _), usize)| (name.clone(), at)).collect();
        Ok(Self {
            name,
            schema,
            columns,
            by_name,
            next: 0,
            n_rows: 0,
            batches: Vec::new(),
            refused: BTreeMap::new(),
            fault: None,
        })
    }

    /// Sets a column of the current row. A column that the relation does not have is left out; a code that is not in
    /// the column's code list becomes null and is counted.
    pub(crate) fn set(&mut self, column: &str, value: Value<'_>) {
        let expected = self.columns.get(self.next).is_some_and(|(name, ..)| name == column);
        let at = if expected { Some(self.next) } else { self.by_name.get(column).copied() };
        let Some(at) = at else { return };
        self.next = at + 1;
        let n_rows = self.n_rows;
        let Some((_, builder, codes)) = self.columns.get_mut(at) else { return };
        if builder.len() > n_rows {
            return;
        }
        let value = match (value, codes) {
            (Value::Text(Some(code)), Some(list)) if !list.codes.contains_key(code) => {
                *self.refused.entry(format!("{}.{column}", self.name)).or_default() += 1;
                Value::Text(None)
            }
            (value, _) => value,
        };
        if !builder.append(value) {
            builder.append_null();
            self.fault
                .get_or_insert(LinkError::RelationColumn { relation: self.name.clone(), column: column.to_owned() });
        }
    }

    /// Ends the row: what was not set is null.
    pub(crate) fn end_row(&mut self) {
        self.n_rows += 1;
        self.next = 0;
        for (_, builder, _) in &mut self.columns {
            if builder.len() < self.n_rows {
                builder.append_null();
            }
        }
        if self.n_rows == BATCH_ROWS {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(|(_, builder, _)| builder.finish()).collect();
        self.n_rows = 0;
        match RecordBatch::try_new(SchemaRef::clone(&self.schema), arrays) {
            Ok(batch) => self.batches.push(batch),
            Err(source) => {
                self.fault.get_or_insert(LinkError::Arrow { source });
            }
        }
    }

    /// The table with its rows sorted by a text column, for callers that cannot give them in order.
    ///
    /// # Errors
    /// As [`TableWriter::finish`].
    pub(crate) fn finish_sorted(self, key: &str) -> Result<FinishedTable, LinkError> {
        let schema = SchemaRef::clone(&self.schema);
        let mut finished = self.finish()?;
        finished.batches = sort_rows(&finished.batches, &schema, key)?;
        Ok(finished)
    }

    /// The table. An empty one has one batch without rows.
    ///
    /// # Errors
    /// The first fault met: a value that its column cannot hold.
    pub(crate) fn finish(mut self) -> Result<FinishedTable, LinkError> {
        if self.n_rows > 0 || self.batches.is_empty() {
            self.flush();
        }
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(FinishedTable { name: self.name, batches: self.batches, refused: self.refused }),
        }
    }
}

/// The rows in the order of a column, in batches again.
fn sort_rows(batches: &[RecordBatch], schema: &SchemaRef, key: &str) -> Result<Vec<RecordBatch>, LinkError> {
    let whole = concat_batches(schema, batches)?;
    let Some(keys) = whole.column_by_name(key) else { return Ok(batches.to_vec()) };
    let order = sort_to_indices(keys, None, None)?;
    let columns = whole.columns().iter().map(|column| take(column, &order, None)).collect::<Result<Vec<_>, _>>()?;
    let sorted = RecordBatch::try_new(SchemaRef::clone(schema), columns)?;
    let starts = (0..sorted.num_rows().max(1)).step_by(BATCH_ROWS);
    Ok(starts.map(|start| sorted.slice(start, BATCH_ROWS.min(sorted.num_rows() - start))).collect())
}

/// A finished table.
pub(crate) struct FinishedTable {
    pub(crate) name: RelationName,
    pub(crate) batches: Vec<RecordBatch>,
    /// Values that were no codes of their column's list, by `relation.column`.
    pub(crate) refused: BTreeMap<String, u64>,
}

impl FinishedTable {
    pub(crate) fn n_rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

impl Builder {
    fn of(field_type: FieldType) -> Self {
        match field_type.arrow_type() {
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(..) => Self::Moment(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            DataType::Boolean => Self::Flag(BooleanBuilder::new()),
            DataType::Int64 => Self::Count(Int64Builder::new()),
            DataType::Float64 => Self::Number(Float64Builder::new()),
            kind @ DataType::Decimal128(..) => Self::Hundredths(Decimal128Builder::new().with_data_type(kind)),
            DataType::List(_) => {
                let element = Arc::new(Field::new("element", DataType::Utf8, true));
                Self::List(ListBuilder::new(StringBuilder::new()).with_field(element))
            }
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends a value; `false` if it is of another type, and then nothing is appended.
    fn append(&mut self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(to), Value::Text(text)) => to.append_option(text),
            (Self::Text(to), Value::Id(id)) => to.append_option(id.map(|id| id.to_string())),
            (Self::Date(to), Value::Date(days)) => to.append_option(days),
            (Self::Moment(to), Value::Moment(at)) => to.append_option(at),
            (Self::Flag(to), Value::Flag(flag)) => to.append_option(flag),
            (Self::Count(to), Value::Count(count)) => to.append_option(count),
            (Self::Number(to), Value::Number(number)) => to.append_option(number),
            (Self::Hundredths(to), Value::Hundredths(amount)) => to.append_option(amount),
            (Self::List(to), Value::List(texts)) => {
                for text in texts {
                    to.values().append_value(text);
                }
                to.append(true);
            }
            _ => return false,
        }
        true
    }

    fn append_null(&mut self) {
        match self {
            Self::Text(to) => to.append_null(),
            Self::Date(to) => to.append_null(),
            Self::Moment(to) => to.append_null(),
            Self::Flag(to) => to.append_null(),
            Self::Count(to) => to.append_null(),
            Self::Number(to) => to.append_null(),
            Self::Hundredths(to) => to.append_null(),
            Self::List(to) => to.append(false),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(of) => of.len(),
            Self::Date(of) => of.len(),
            Self::Moment(of) => of.len(),
            Self::Flag(of) => of.len(),
            Self::Count(of) => of.len(),
            Self::Number(of) => of.len(),
            Self::Hundredths(of) => of.len(),
            Self::List(of) => of.len(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(of) => Arc::new(of.finish()),
            Self::Date(of) => Arc::new(of.finish()),
            Self::Moment(of) => Arc::new(of.finish()),
            Self::Flag(of) => Arc::new(of.finish()),
            Self::Count(of) => Arc::new(of.finish()),
            Self::Number(of) => Arc::new(of.finish()),
            Self::Hundredths(of) => Arc::new(of.finish()),
            Self::List(of) => Arc::new(of.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, StringArray};

    #[test]
    fn rows_come_out_as_the_relation_declares_them_and_wrong_codes_do_not() {
        let registry = Registry::shipped().unwrap();
        let mut table = TableWriter::new(&registry, "unified.person").unwrap();
        table.set("person_id", Value::Text(Some("1")));
        table.set("sex", Value::Text(Some("7")));
        table.set("no_such_column", Value::Text(Some("x")));
        table.set("phones", Value::List(&["13800138000".to_owned()]));
        table.end_row();
        table.set("sex", Value::Text(Some("2")));
        table.end_row();
        let finished = table.finish().unwrap();
        let batch = &finished.batches[0];
        assert_eq!(batch.schema(), registry.relation(&"unified.person".try_into().unwrap()).unwrap().arrow_schema());
        let sex = batch.column_by_name("sex").unwrap().as_any().downcast_ref::<StringArray>().unwrap().clone();
        assert_eq!((sex.is_null(0), sex.value(1), finished.n_rows()), (true, "2", 2));
        assert_eq!(finished.refused, BTreeMap::from([("unified.person.sex".to_owned(), 1)]));
    }

    #[test]
    fn a_value_of_another_type_is_a_fault() {
        let registry = Registry::shipped().unwrap();
        let mut table = TableWriter::new(&registry, "unified.person").unwrap();
        table.set("sex", Value::Count(Some(1)));
        table.end_row();
        assert!(matches!(table.finish(), Err(LinkError::RelationColumn { .. })));
        assert!(matches!(TableWriter::new(&registry, "unified.ghost"), Err(LinkError::UnknownRelation { .. })));
    }
}
