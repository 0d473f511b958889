//! One raw cell, read by its field.

mod code;
mod date;
mod identifier;
mod name;
mod number;
mod place;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use crate::address::Region;
use crate::mojibake::Mojibake;
use crate::{Dataset, Field, FieldType, Registry, writing};
use code::CodeTable;

/// A typed value.
#[derive(Clone, PartialEq)]
pub enum CellValue {
    /// For every field type held as `Utf8`.
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Yes or no.
    Boolean(bool),
    /// Whole number.
    Integer(i64),
    /// Number with a fraction.
    Float(f64),
    /// Hundredths: 120000 is 1200.00.
    Hundredths(i128),
}

/// A cell value has no place in a log: only its kind is shown, of a text its length.
impl std::fmt::Debug for CellValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Date(_) => f.write_str("Date"),
            Self::Timestamp(_) => f.write_str("Timestamp"),
            Self::Boolean(_) => f.write_str("Boolean"),
            Self::Integer(_) => f.write_str("Integer"),
            Self::Float(_) => f.write_str("Float"),
            Self::Hundredths(_) => f.write_str("Hundredths"),
        }
    }
}

/// What a cell says.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// "None of these", a value and not nothing (无 in a disability column).
    NoneOfThese,
    /// A value, perhaps with a remark for the row's quality list (`id15`, `deceased_mark`).
    Value(CellValue, Option<&'static str>),
    /// The value of another field of the same row (同户籍地址).
    Copy(&'static str),
    /// Two readings are possible: held back until someone decides. Stored as null with the reason in `quality`.
    Review(&'static str),
    /// Means different things in different code lists and the declaration has no map for it: the row is rejected with
    /// rule `by_source_map`.
    BySourceMap,
    /// Certainly unusable: the row is rejected with this rule.
    Reject(&'static str),
}

/// What else is known of the row and file while a cell is read.
#[derive(Clone, Copy, Default)]
pub struct RowContext<'a> {
    /// The row's citizen ID as read, to settle the century of a two-digit year.
    pub id_no: Option<&'a str>,
    /// Region the file's addresses belong to, prepended where they leave it out: `浙江省杭州市`.
    pub region: Option<&'a str>,
}

impl std::fmt::Debug for RowContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowContext").field("has_id_no", &self.id_no.is_some()).field("region", &self.region).finish()
    }
}

/// Reads cells of one dataset. Built once per file, used for every row.
#[derive(Debug)]
pub struct CellReader {
    registry: Registry,
    /// By code list.
    codes: HashMap<String, CodeTable>,
    /// The file's region, read once.
    region: OnceLock<(String, Region)>,
}

impl CellReader {
    /// A reader for the dataset's fields.
    #[must_use]
    pub fn new(registry: &Registry, dataset: &Dataset) -> Self {
        let codes = dataset
            .fields
            .iter()
            .filter_map(|field| registry.code_list(field.code_list.as_deref()?))
            .map(|list| (list.id.clone(), CodeTable::of(list)))
            .collect();
        Self { registry: registry.clone(), codes, region: OnceLock::new() }
    }

    /// Reads one cell. Never fails and never panics: whatever cannot be read is a [`Cell::Reject`] or [`Cell::Review`].
    ///
    /// A word of the field's `source_map` is read as what the map says, before anything else. Whether a required field
    /// may be [`Cell::Null`] is for the caller to say.
    #[must_use]
    pub fn read(&self, field: &Field, raw: &str, row: RowContext<'_>) -> Cell {
        let text = writing::plain(raw);
        if text.is_empty() {
            return Cell::Null;
        }
        let text = match field.source_map.get(text.as_ref()) {
            Some(code) if field.field_type == FieldType::Code => return value(code.clone()),
            Some(meaning) => Cow::Borrowed(meaning.as_str()),
            None => text,
        };
        let text = text.as_ref();
        if field.null_words.iter().any(|word| word == text) {
            return Cell::Null;
        }
        if writing::is_ditto(text) {
            return Cell::Reject("ditto");
        }
        match field.field_type {
            FieldType::Code => return self.read_code(field, text),
            FieldType::Boolean => return code::boolean(text),
            _ if writing::is_null_word(text) => return Cell::Null,
            _ => {}
        }
        if let Some(mojibake) = Mojibake::detect(text) {
            return match mojibake {
                Mojibake::Recoverable => Cell::Review("mojibake"),
                Mojibake::Lost => Cell::Reject("mojibake"),
            };
        }
        self.read_typed(field, text, row)
    }

    fn read_typed(&self, field: &Field, text: &str, row: RowContext<'_>) -> Cell {
        let divisions = self.registry.divisions();
        match field.field_type {
            FieldType::CitizenId => identifier::citizen_id(text, divisions),
            FieldType::DisabilityCertNo => identifier::disability_cert_no(text, divisions),
            FieldType::CreditCode => identifier::credit_code(text),
            FieldType::Phone => identifier::phone(text),
            FieldType::DivisionCode => identifier::division_code(text, divisions),
            FieldType::DiagnosisCode => identifier::diagnosis_code(text),
            FieldType::PersonName => name::person_name(text),
            FieldType::Date => date::date(text, row.id_no),
            FieldType::PartialDate => date::partial_date(text, row.id_no, field.name.as_str().ends_with("birth_date")),
            FieldType::Timestamp => date::timestamp(text),
            FieldType::Integer => number::integer(text),
            FieldType::Float => number::float(text),
            FieldType::Amount => number::amount(text),
            FieldType::Area => number::area(text),
            FieldType::Floor => number::floor(text),
            FieldType::Address => self.read_address(text, row.region),
            FieldType::Text | FieldType::TextList | FieldType::Code | FieldType::Boolean => free_text(text),
        }
    }

    fn read_address(&self, text: &str, region: Option<&str>) -> Cell {
        let Some(name) = region else { return place::address(text, None) };
        let (known, parsed) = self.region.get_or_init(|| (name.to_owned(), Region::parse(name)));
        if known == name {
            place::address(text, Some(parsed))
        } else {
            place::address(text, Some(&Region::parse(name)))
        }
    }

    fn read_code(&self, field: &Field, text: &str) -> Cell {
        match field.code_list.as_ref().and_then(|list| self.codes.get(list)) {
            Some(table) => table.read(text),
            None => Cell::Reject("code"),
        }
    }
}

fn free_text(text: &str) -> Cell {
    if writing::is_scientific(text) && text.len() > 5 {
        return Cell::Reject("precision_lost");
    }
    value(text.to_owned())
}

fn value(text: String) -> Cell {
    Cell::Value(CellValue::Text(text), None)
}

#[cfg(test)]
mod tests;
