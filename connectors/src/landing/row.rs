//! One row read by its fields: values, quality flags and key, or the fault that rejects it.

use chrono::{DateTime, Days, NaiveDate};
use schemas::{Cell, CellReader, CellValue, Dataset, Field, FieldType, Registry, RowContext};

use crate::landing::columns::is_in_range;
use crate::raw_row::RawRow;

/// Why a row is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The declared field, by index.
    pub(crate) field: Option<usize>,
    pub(crate) rule: &'static str,
}

/// A row that is fit to land.
#[derive(Debug)]
pub(crate) struct ReadRow {
    /// One for each declared field.
    pub(crate) values: Vec<Option<CellValue>>,
    /// `field:reason`.
    pub(crate) quality: Vec<String>,
    pub(crate) record_key: String,
}

/// A row that is not fit to land.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The first fault.
    pub(crate) fault: Fault,
    /// Every field at fault, by index.
    pub(crate) faulty: Vec<usize>,
    /// Its key, if that much could be read.
    pub(crate) record_key: Option<String>,
}

/// Reads rows of one dataset.
#[derive(Debug)]
pub(crate) struct RowReader<'a> {
    dataset: &'a Dataset,
    cells: CellReader,
    region: Option<&'a str>,
    /// For each field, the citizen ID that speaks of the same person.
    person_of: Vec<Option<usize>>,
    /// For each field, its column in the current table.
    columns: Vec<Option<usize>>,
    /// Fields of the key.
    key: Vec<usize>,
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(registry: &Registry, dataset: &'a Dataset, region: Option<&'a str>) -> Self {
        let position = |name: &schemas::ColumnName| dataset.fields.iter().position(|f| f.name == *name);
        Self {
            dataset,
            cells: CellReader::new(registry, dataset),
            region,
            person_of: dataset.fields.iter().map(|field| person_of(dataset, field)).collect(),
            columns: vec![None; dataset.fields.len()],
            key: dataset.key.iter().filter_map(position).collect(),
        }
    }

    /// Where the fields are from now on.
    pub(crate) fn set_columns(&mut self, columns: Vec<Option<usize>>) {
        self.columns = columns;
    }

    /// The raw text of every declared field, in declared order.
    pub(crate) fn texts<'r>(&'r self, row: &'r RawRow) -> impl Iterator<Item = &'r str> {
        self.columns.iter().map(|column| column.map_or("", |column| row.text(column)))
    }

    /// Reads a row whose cells are the declared fields in their order, whatever the table's columns are.
    pub(crate) fn read_declared(&mut self, row: &RawRow) -> Result<ReadRow, Refusal> {
        let of_table = std::mem::replace(&mut self.columns, (0..self.dataset.fields.len()).map(Some).collect());
        let read = self.read(row);
        self.columns = of_table;
        read
    }

    /// Reads every cell.
    pub(crate) fn read(&self, row: &RawRow) -> Result<ReadRow, Refusal> {
        let cells = self.read_cells(row);
        let mut read =
            ReadRow { values: Vec::with_capacity(cells.len()), quality: Vec::new(), record_key: String::new() };
        let mut fault = None;
        let mut faulty = Vec::new();
        for (idx, field) in self.dataset.fields.iter().enumerate() {
            let cell = cells.get(idx).unwrap_or(&Cell::Null);
            let value = match self.settle(field, cell, &cells, &mut read.quality) {
                Ok(value) => value,
                Err(rule) => {
                    fault = fault.or(Some(Fault { field: Some(idx), rule }));
                    faulty.push(idx);
                    None
                }
            };
            read.values.push(value);
        }
        match (fault, self.key_of(&read.values)) {
            (Some(fault), record_key) => Err(Refusal { fault, faulty, record_key }),
            (None, None) => {
                let fault = Fault { field: self.key.first().copied(), rule: "key" };
                Err(Refusal { fault, faulty: self.key.clone(), record_key: None })
            }
            (None, Some(record_key)) => Ok(ReadRow { record_key, ..read }),
        }
    }

    /// The key of a row whose other cells are not to be trusted.
    pub(crate) fn key_only(&self, row: &RawRow) -> Option<String> {
        let mut values = vec![None; self.dataset.fields.len()];
        for idx in &self.key {
            let field = self.dataset.fields.get(*idx)?;
            if let (Some(slot), Cell::Value(value, _)) = (values.get_mut(*idx), self.read_cell(*idx, field, row, None))
            {
                *slot = Some(value);
            }
        }
        self.key_of(&values).filter(|key| !key.contains(char::REPLACEMENT_CHARACTER))
    }

    /// Citizen IDs first: other cells of the row are read by their light.
    fn read_cells(&self, row: &RawRow) -> Vec<Cell> {
        let fields = || self.dataset.fields.iter().enumerate();
        let mut cells = vec![Cell::Null; self.dataset.fields.len()];
        for (idx, field) in fields().filter(|(_, f)| f.field_type == FieldType::CitizenId) {
            let read = self.read_cell(idx, field, row, None);
            put(&mut cells, idx, read);
        }
        for (idx, field) in fields().filter(|(_, f)| f.field_type != FieldType::CitizenId) {
            let person = self.person_of.get(idx).copied().flatten();
            let id_no = match person.and_then(|person| cells.get(person)) {
                Some(Cell::Value(CellValue::Text(id_no), _)) => Some(id_no.as_str()),
                _ => None,
            };
            let read = self.read_cell(idx, field, row, id_no);
            put(&mut cells, idx, read);
        }
        cells
    }

    fn read_cell(&self, idx: usize, field: &Field, row: &RawRow, id_no: Option<&str>) -> Cell {
        let column = self.columns.get(idx).copied().flatten();
        let Some(raw) = column.and_then(|column| row.cells().get(column)) else { return Cell::Null };
        if let Some(rule) = raw.fault {
            return Cell::Reject(rule);
        }
        if holds_digits(field.field_type) && is_scientific(&raw.text) {
            return Cell::Reject("precision_lost");
        }
        self.cells.read(field, &raw.text, RowContext { id_no, region: self.region })
    }

    /// The value to store, or the rule the cell breaks.
    fn settle(
        &self,
        field: &Field,
        cell: &Cell,
        cells: &[Cell],
        quality: &mut Vec<String>,
    ) -> Result<Option<CellValue>, &'static str> {
        let mut flag = |reason: &str| quality.push(format!("{}:{reason}", field.name));
        match cell {
            Cell::Null if field.required => Err("required"),
            Cell::Null => Ok(None),
            Cell::NoneOfThese if is_text(field.field_type) => Ok(Some(CellValue::Text("无".to_owned()))),
            Cell::NoneOfThese => {
                flag("none");
                Ok(None)
            }
            Cell::Value(value, remark) => {
                if !is_in_range(value) {
                    return Err("range");
                }
                remark.map(&mut flag);
                Ok(Some(value.clone()))
            }
            Cell::Copy(from) => {
                let source = self.dataset.fields.iter().position(|f| f.name.as_str() == *from);
                match source.and_then(|idx| cells.get(idx)) {
                    Some(Cell::Value(value, _)) => Ok(Some(value.clone())),
                    _ => {
                        flag("copy_unresolved");
                        Ok(None)
                    }
                }
            }
            Cell::Review(reason) => {
                flag(reason);
                Ok(None)
            }
            Cell::BySourceMap => Err("by_source_map"),
            Cell::Reject(rule) => Err(rule),
        }
    }

    /// The values of the key fields, joined by `|`; none unless all are there.
    fn key_of(&self, values: &[Option<CellValue>]) -> Option<String> {
        let text = |idx: &usize| values.get(*idx).and_then(Option::as_ref).and_then(key_text);
        let parts: Option<Vec<String>> = self.key.iter().map(text).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("|"))
    }
}

/// The citizen ID field that speaks of the same person as `field`: `husband_id_no` for `husband_birth_date`, otherwise
/// `id_no`.
fn person_of(dataset: &Dataset, field: &Field) -> Option<usize> {
    let ids = || dataset.fields.iter().enumerate().filter(|(_, f)| f.field_type == FieldType::CitizenId);
    let own = ids().find(|(_, id)| {
        let prefix = id.name.as_str().strip_suffix("id_no").unwrap_or_default();
        !prefix.is_empty() && field.name.as_str().starts_with(prefix)
    });
    own.or_else(|| ids().find(|(_, id)| id.name.as_str() == "id_no")).map(|(idx, _)| idx)
}

fn put(cells: &mut [Cell], idx: usize, read: Cell) {
    if let Some(cell) = cells.get_mut(idx) {
        *cell = read;
    }
}

fn is_text(field_type: FieldType) -> bool {
    field_type.arrow_type() == arrow::datatypes::DataType::Utf8
}

/// Fields whose digits all count.
fn holds_digits(field_type: FieldType) -> bool {
    matches!(
        field_type,
        FieldType::Text | FieldType::CitizenId | FieldType::CreditCode | FieldType::DisabilityCertNo | FieldType::Phone
    )
}

/// `3.30106E+17`: what a spreadsheet writes into a text file for a number of twelve digits and more.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.trim().split_once(['E', 'e']) else { return false };
    let mut parts = mantissa.splitn(2, '.');
    let whole = parts.next().is_some_and(|digits| digits.len() == 1 && digits.bytes().all(|b| b.is_ascii_digit()));
    let fraction = parts.next().is_none_or(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let large = exponent.strip_prefix('+').and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|n| n >= 11);
    whole && fraction && large
}

fn key_text(value: &CellValue) -> Option<String> {
    match value {
        CellValue::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        CellValue::Date(days) => {
            let epoch = NaiveDate::default();
            let days_from = Days::new(u64::from(days.unsigned_abs()));
            let date = if *days < 0 { epoch.checked_sub_days(days_from) } else { epoch.checked_add_days(days_from) };
            date.map(|date| date.to_string())
        }
        CellValue::Timestamp(micros) => DateTime::from_timestamp_micros(*micros).map(|moment| moment.to_rfc3339()),
        CellValue::Boolean(yes) => Some(yes.to_string()),
        CellValue::Integer(n) => Some(n.to_string()),
        CellValue::Float(x) => Some(x.to_string()),
        CellValue::Hundredths(n) => {
            let sign = if *n < 0 { "-" } else { "" };
            Some(format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_scientific_notation_are_recognised() {
        for lost in ["3.30106E+17", "6.22202E+18", "1e+11", " 3.30106E+17 "] {
            assert!(is_scientific(lost), "{lost}");
        }
        for fine in ["990101198407190019", "E+17", "3.3E+2", "3.30106E17", "A3E+17", "12.5E+17", "1.2.3E+17", ""] {
            assert!(!is_scientific(fine), "{fine}");
        }
    }

    #[test]
    fn keys_are_written_in_one_way() {
        assert_eq!(key_text(&CellValue::Date(19_753)).as_deref(), Some("2024-01-31"));
        assert_eq!(key_text(&CellValue::Date(-1)).as_deref(), Some("1969-12-31"));
        assert_eq!(key_text(&CellValue::Hundredths(-5)).as_deref(), Some("-0.05"));
        assert_eq!(key_text(&CellValue::Text(String::new())), None);
    }
}
