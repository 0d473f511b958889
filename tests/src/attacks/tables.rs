//! Rows to Arrow, and the relations that declare them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{NaiveDate, NaiveTime};
use datafusion::datasource::MemTable;
use schemas::{Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

use super::rows::{Contract, Event, House, Person, Rows, Visit};

/// How text is held by the provider. What is released must not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// `Utf8`.
    Plain,
    /// `Utf8View`, as Parquet is read: filtered views keep the buffers of the rows left out.
    Views,
    /// `Dictionary`, but for the columns that policies compare: filtered dictionaries keep the words of the rows left out.
    Dictionaries,
}

impl Storage {
    fn hold(self, name: &str, array: &ArrayRef) -> ArrayRef {
        let held_as = match (self, array.data_type()) {
            (Self::Dictionaries, _) if name == "grid_id" => return Arc::clone(array),
            (Self::Views, DataType::Utf8) => DataType::Utf8View,
            (Self::Dictionaries, DataType::Utf8) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            _ => return Arc::clone(array),
        };
        cast(array, &held_as).unwrap()
    }
}

/// One relation with its rows.
#[derive(Debug, Clone)]
pub struct TableRows {
    /// `schema.table`.
    pub name: &'static str,
    columns: Vec<(&'static str, FieldType, ArrayRef)>,
}

impl TableRows {
    /// The declaration. The first column is the key, and every column is personal.
    #[must_use]
    pub fn relation(&self) -> Relation {
        let column = |(name, field_type, _): &(&'static str, FieldType, ArrayRef)| Column {
            name: ColumnName::try_from(*name).unwrap(),
            zh: (*name).to_owned(),
            en: (*name).to_owned(),
            field_type: *field_type,
            class: Sensitivity::P,
            ident: Identifiability::Attribute,
            authority: Vec::new(),
            code_list: None,
        };
        Relation {
            name: RelationName::try_from(self.name).unwrap(),
            zh: self.name.to_owned(),
            en: self.name.to_owned(),
            key: ColumnName::try_from(self.columns[0].0).unwrap(),
            columns: self.columns.iter().map(column).collect(),
        }
    }

    /// Columns of texts that have nothing to do with one another; short ones end in nulls.
    #[must_use]
    pub fn of_values<const N: usize>(name: &'static str, columns: [(&'static str, Vec<String>); N]) -> Self {
        let n_rows = columns.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let column = |(name, values): (&'static str, Vec<String>)| {
            let array: ArrayRef = Arc::new((0..n_rows).map(|i| values.get(i).cloned()).collect::<StringArray>());
            (name, FieldType::Text, array)
        };
        Self { name, columns: columns.into_iter().map(column).collect() }
    }

    /// Names of the columns, in declared order.
    pub fn column_names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, ..)| *name)
    }

    /// Only these columns, in declared order.
    #[must_use]
    pub fn keep(mut self, names: &[&str]) -> Self {
        for name in names {
            assert!(self.columns.iter().any(|(column, ..)| column == name), "{} has no {name}", self.name);
        }
        self.columns.retain(|(name, ..)| names.contains(name));
        self
    }

    /// The same values under another name.
    #[must_use]
    pub fn renamed(mut self, column: &str, to: &'static str) -> Self {
        let found = self.columns.iter_mut().find(|(name, ..)| *name == column);
        found.unwrap_or_else(|| panic!("{} has no {column}", self.name)).0 = to;
        self
    }

    /// With one column more, of the values of another.
    #[must_use]
    pub fn with_copy(mut self, column: &str, name: &'static str, field_type: FieldType) -> Self {
        let found = self.columns.iter().find(|(known, ..)| *known == column);
        let (.., array) = found.unwrap_or_else(|| panic!("{} has no {column}", self.name));
        let array = Arc::clone(array);
        self.columns.push((name, field_type, array));
        self
    }

    /// The same rows without one column.
    #[must_use]
    pub fn without(mut self, column: &str) -> Self {
        self.columns.retain(|(name, ..)| *name != column);
        self
    }

    /// The rows in one partition, in batches of `batch_rows`.
    #[must_use]
    pub fn provider(&self, storage: Storage, batch_rows: usize) -> Arc<MemTable> {
        let arrays: Vec<ArrayRef> = self.columns.iter().map(|(name, _, array)| storage.hold(name, array)).collect();
        let fields: Vec<Field> = self
            .columns
            .iter()
            .zip(&arrays)
            .map(|((name, ..), array)| Field::new(*name, array.data_type().clone(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let all = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
        let batches = (0..all.num_rows())
            .step_by(batch_rows)
            .map(|from| all.slice(from, batch_rows.min(all.num_rows() - from)))
            .collect();
        Arc::new(MemTable::try_new(schema, vec![batches]).unwrap())
    }
}

/// Every relation of one world, as stored.
#[must_use]
pub fn stored(rows: &Rows) -> Vec<TableRows> {
    let mut raw = persons(&rows.persons);
    raw.name = "raw.person";
    vec![
        persons(&rows.persons),
        houses(&rows.houses),
        events(&rows.events),
        contracts(&rows.contracts),
        visits(&rows.visits),
        bank_accounts("civil.subsidy", &rows.bank_accounts),
        bank_accounts("police.key_person", &rows.bank_accounts),
        raw,
    ]
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn optional<'a>(values: impl Iterator<Item = Option<&'a String>>) -> ArrayRef {
    Arc::new(values.map(|value| value.map(String::as_str)).collect::<StringArray>())
}

fn dates(values: impl Iterator<Item = Option<NaiveDate>>) -> ArrayRef {
    Arc::new(values.map(|date| date.map(|date| date.to_epoch_days())).collect::<Date32Array>())
}

fn moments(values: impl Iterator<Item = NaiveDate>) -> ArrayRef {
    let at_nine = NaiveTime::from_hms_opt(9, 30, 0).unwrap();
    let micros = values.map(|date| date.and_time(at_nine).and_utc().timestamp_micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

fn floats(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

/// `unified.person`.
#[must_use]
pub fn persons(rows: &[Person]) -> TableRows {
    let text = |of: fn(&Person) -> &String| texts(rows.iter().map(of));
    TableRows {
        name: "unified.person",
        columns: vec![
            ("person_id", FieldType::Text, text(|p| &p.person_id)),
            ("name", FieldType::PersonName, text(|p| &p.name)),
            ("id_number", FieldType::CitizenId, text(|p| &p.id_number)),
            ("sex", FieldType::Text, text(|p| &p.sex)),
            ("birth_date", FieldType::Date, dates(rows.iter().map(|p| p.birth_date))),
            ("phone", FieldType::Phone, optional(rows.iter().map(|p| p.phone.as_ref()))),
            ("ethnicity", FieldType::Text, text(|p| &p.ethnicity)),
            ("household_address", FieldType::Address, text(|p| &p.household_address)),
            ("residence_address", FieldType::Address, text(|p| &p.residence_address)),
            ("grid_id", FieldType::Text, text(|p| &p.grid_id)),
            ("is_deceased", FieldType::Boolean, Arc::new(rows.iter().map(|p| p.is_deceased).collect::<BooleanArray>())),
            ("household_id", FieldType::Text, text(|p| &p.household_id)),
            ("risk_level", FieldType::Integer, Arc::new(rows.iter().map(|p| p.risk_level).collect::<Int64Array>())),
        ],
    }
}

/// `unified.house`.
#[must_use]
pub fn houses(rows: &[House]) -> TableRows {
    let text = |of: fn(&House) -> &String| texts(rows.iter().map(of));
    TableRows {
        name: "unified.house",
        columns: vec![
            ("house_id", FieldType::Text, text(|h| &h.house_id)),
            ("address", FieldType::Address, text(|h| &h.address)),
            ("building", FieldType::Text, text(|h| &h.building)),
            ("unit", FieldType::Text, text(|h| &h.unit)),
            ("room", FieldType::Text, text(|h| &h.room)),
            ("owner_person_id", FieldType::Text, text(|h| &h.owner_person_id)),
            ("owner_name", FieldType::PersonName, text(|h| &h.owner_name)),
            ("area_m2", FieldType::Float, floats(rows.iter().map(|h| h.area_m2))),
            ("usage", FieldType::Text, text(|h| &h.usage)),
            ("grid_id", FieldType::Text, text(|h| &h.grid_id)),
            ("lon", FieldType::Float, floats(rows.iter().map(|h| h.lon))),
            ("lat", FieldType::Float, floats(rows.iter().map(|h| h.lat))),
        ],
    }
}

/// `unified.event`.
#[must_use]
pub fn events(rows: &[Event]) -> TableRows {
    let text = |of: fn(&Event) -> &String| texts(rows.iter().map(of));
    TableRows {
        name: "unified.event",
        columns: vec![
            ("event_id", FieldType::Text, text(|e| &e.event_id)),
            ("kind", FieldType::Text, text(|e| &e.kind)),
            ("reported_at", FieldType::Timestamp, moments(rows.iter().map(|e| e.reported_at))),
            ("grid_id", FieldType::Text, text(|e| &e.grid_id)),
            ("person_id", FieldType::Text, optional(rows.iter().map(|e| e.person_id.as_ref()))),
            ("house_id", FieldType::Text, text(|e| &e.house_id)),
            ("description", FieldType::Text, text(|e| &e.description)),
            ("status", FieldType::Text, text(|e| &e.status)),
            ("handler_department", FieldType::Text, text(|e| &e.handler_department)),
            ("severity", FieldType::Integer, Arc::new(rows.iter().map(|e| Some(e.severity)).collect::<Int64Array>())),
            ("reporter_phone", FieldType::Phone, optional(rows.iter().map(|e| e.reporter_phone.as_ref()))),
        ],
    }
}

/// `housing.contract`.
#[must_use]
pub fn contracts(rows: &[Contract]) -> TableRows {
    let text = |of: fn(&Contract) -> &String| texts(rows.iter().map(of));
    TableRows {
        name: "housing.contract",
        columns: vec![
            ("contract_id", FieldType::Text, text(|c| &c.contract_id)),
            ("house_id", FieldType::Text, text(|c| &c.house_id)),
            ("tenant_person_id", FieldType::Text, text(|c| &c.tenant_person_id)),
            ("tenant_id_number", FieldType::CitizenId, text(|c| &c.tenant_id_number)),
            ("rent", FieldType::Float, floats(rows.iter().map(|c| c.rent))),
            ("start_date", FieldType::Date, dates(rows.iter().map(|c| Some(c.start_date)))),
            ("end_date", FieldType::Date, dates(rows.iter().map(|c| Some(c.end_date)))),
        ],
    }
}

fn visits(rows: &[Visit]) -> TableRows {
    let text = |of: fn(&Visit) -> &String| texts(rows.iter().map(of));
    TableRows {
        name: "health.visit",
        columns: vec![
            ("person_id", FieldType::Text, text(|v| &v.person_id)),
            ("id_number", FieldType::CitizenId, text(|v| &v.id_number)),
            ("diagnosis", FieldType::Text, text(|v| &v.diagnosis)),
            ("hospital", FieldType::Text, text(|v| &v.hospital)),
            ("visit_date", FieldType::Date, dates(rows.iter().map(|v| Some(v.visit_date)))),
            ("cost", FieldType::Float, floats(rows.iter().map(|v| v.cost))),
        ],
    }
}

fn bank_accounts(name: &'static str, accounts: &[String]) -> TableRows {
    TableRows {
        name,
        columns: vec![
            ("record_no", FieldType::Text, texts((0..accounts.len()).map(|i| format!("R{i}")))),
            ("bank_account", FieldType::Text, texts(accounts.iter())),
        ],
    }
}
