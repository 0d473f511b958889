//! A small city written by hand: landed rows cell by cell, and the unified rows read back as texts.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fault in a fixture is a failed test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListBuilder, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use linkage::{EntityKind, Identities, LinkInput, Linked};
use schemas::{CitizenId, DatasetId, Registry};

/// One row: column to cell as text; columns that are not named are null.
pub(crate) type Cells = BTreeMap<String, String>;

pub(crate) struct City {
    pub(crate) registry: Registry,
    pub(crate) rows: Vec<(String, Cells)>,
}

/// The estate most tests live in.
pub(crate) const ESTATE: &str = "浙江省杭州市西湖区翠苑街道翠苑一区";

/// The day on which every test runs.
pub(crate) fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 30).unwrap()
}

pub(crate) fn micros(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").unwrap().and_utc().timestamp_micros()
}

/// A citizen ID number with a right check character. The county was never assigned.
pub(crate) fn id_no(birth: &str, order: u32) -> String {
    let seventeen = format!("999901{birth}{order:03}");
    let check = CitizenId::check_character(&seventeen).unwrap();
    format!("{seventeen}{check}")
}

impl City {
    pub(crate) fn new() -> Self {
        Self { registry: Registry::shipped().unwrap(), rows: Vec::new() }
    }

    /// Adds a row. The record key is made of the dataset's key fields; every row comes from batch `b1` unless it says
    /// otherwise.
    pub(crate) fn row(&mut self, dataset: &str, cells: &[(&str, &str)]) -> &mut Self {
        let declared = self.registry.dataset(&dataset.try_into().unwrap()).unwrap();
        let mut row: Cells = cells.iter().map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect();
        for column in row.keys() {
            assert!(declared.landed_relation().column(column).is_some(), "{dataset} has no {column}");
        }
        let key: Vec<String> = declared.key.iter().map(|k| row.get(k.as_str()).cloned().unwrap_or_default()).collect();
        row.entry("record_key".to_owned()).or_insert(key.join("|"));
        row.entry("batch_id".to_owned()).or_insert("b1".to_owned());
        row.entry("ingested_at".to_owned()).or_insert("2026-06-01T00:00:00".to_owned());
        let line = self.rows.len().to_string();
        row.entry("source_row".to_owned()).or_insert(line);
        self.rows.push((dataset.to_owned(), row));
        self
    }

    /// The landed tables, with `per_batch` rows in each batch.
    pub(crate) fn tables(&self, per_batch: usize) -> BTreeMap<DatasetId, Vec<RecordBatch>> {
        let mut by_dataset: BTreeMap<DatasetId, Vec<&Cells>> = BTreeMap::new();
        for (dataset, row) in &self.rows {
            by_dataset.entry(dataset.as_str().try_into().unwrap()).or_default().push(row);
        }
        by_dataset
            .into_iter()
            .map(|(id, rows)| {
                let schema = self.registry.relation(&id).unwrap().arrow_schema();
                let batches = rows
                    .chunks(per_batch)
                    .map(|rows| {
                        let columns = schema.fields().iter().map(|f| array(f.data_type(), f.name(), rows)).collect();
                        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
                    })
                    .collect();
                (id, batches)
            })
            .collect()
    }

    pub(crate) fn link(&self) -> Linked {
        self.link_after(None)
    }

    pub(crate) fn link_after(&self, previous: Option<&Identities>) -> Linked {
        self.link_in_batches(previous, 1000)
    }

    pub(crate) fn link_in_batches(&self, previous: Option<&Identities>, per_batch: usize) -> Linked {
        let tables = self.tables(per_batch);
        let now_us = micros("2026-06-30T12:00:00");
        let input = LinkInput { registry: &self.registry, tables: &tables, previous, today: today(), now_us };
        linkage::link(&input, &mut |_| {}).unwrap()
    }
}

fn array(kind: &DataType, column: &str, rows: &[&Cells]) -> ArrayRef {
    let cells = || rows.iter().map(|row| row.get(column).map(String::as_str));
    match kind {
        DataType::Date32 => Arc::new(Date32Array::from_iter(cells().map(|c| c.map(days)))),
        DataType::Timestamp(..) => {
            Arc::new(TimestampMicrosecondArray::from_iter(cells().map(|c| c.map(micros))).with_timezone("UTC"))
        }
        DataType::Boolean => Arc::new(BooleanArray::from_iter(cells().map(|c| c.map(|c| c == "true")))),
        DataType::Int64 => Arc::new(Int64Array::from_iter(cells().map(|c| c.map(|c| c.parse().unwrap())))),
        DataType::Float64 => Arc::new(Float64Array::from_iter(cells().map(|c| c.map(|c| c.parse().unwrap())))),
        DataType::Decimal128(..) => {
            let hundredths = |c: &str| (c.parse::<f64>().unwrap() * 100.0).round() as i128;
            let plain = Decimal128Array::from_iter(cells().map(|c| c.map(hundredths)));
            Arc::new(plain.with_data_type(kind.clone()))
        }
        DataType::List(_) => {
            let element = Arc::new(Field::new("element", DataType::Utf8, true));
            let mut list = ListBuilder::new(StringBuilder::new()).with_field(element);
            for cell in cells() {
                cell.into_iter().flat_map(|c| c.split(';')).for_each(|item| list.values().append_value(item));
                list.append(cell.is_some());
            }
            Arc::new(list.finish())
        }
        _ => Arc::new(StringArray::from_iter(cells())),
    }
}

pub(crate) fn days(text: &str) -> i32 {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap().num_days_from_ce() - 719_163
}

/// A table as rows of texts, of the schema `unified` unless its name says otherwise; nulls are left out.
pub(crate) fn table(linked: &Linked, name: &str) -> Vec<Cells> {
    let whole = if name.contains('.') { name.to_owned() } else { format!("unified.{name}") };
    let batches = &linked.tables[&whole.as_str().try_into().unwrap()];
    let mut rows = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        let options = FormatOptions::default();
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells = schema.fields().iter().zip(batch.columns()).zip(&columns);
            rows.push(
                cells
                    .filter(|((_, array), _)| array.is_valid(row))
                    .map(|((field, _), cells)| (field.name().clone(), cells.value(row).to_string()))
                    .collect(),
            );
        }
    }
    rows
}

/// The entity of a record, which must have one.
pub(crate) fn entity(linked: &Linked, kind: EntityKind, source: &str, key: &str) -> String {
    linked
        .identities
        .entity(kind, source, key)
        .unwrap_or_else(|| panic!("{source} {key} belongs to nothing"))
        .to_string()
}

/// The person of a record.
pub(crate) fn who(linked: &Linked, source: &str, key: &str) -> String {
    entity(linked, EntityKind::Person, source, key)
}

/// The row of `table` in which `column` is `value`; there must be exactly one.
pub(crate) fn find(linked: &Linked, name: &str, column: &str, value: &str) -> Cells {
    let mut rows: Vec<Cells> =
        table(linked, name).into_iter().filter(|row| row.get(column).is_some_and(|c| c == value)).collect();
    assert_eq!(rows.len(), 1, "{name} rows with that {column}");
    rows.remove(0)
}

/// The row of `unified.person` for a record.
pub(crate) fn person(linked: &Linked, source: &str, key: &str) -> Cells {
    find(linked, "person", "person_id", &who(linked, source, key))
}

/// The cells of those columns, `-` for null.
pub(crate) fn pick<'r, const N: usize>(row: &'r Cells, columns: [&str; N]) -> [&'r str; N] {
    columns.map(|column| row.get(column).map_or("-", String::as_str))
}
