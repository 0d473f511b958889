//! One JSON object a line. Keys are headings; a record may bring keys that none before it had.

use std::collections::HashMap;
use std::io::{BufRead, Read as _};

use serde_json::{Map, Value};

use crate::landing::{Lander, Layout};
use crate::raw_row::{RawCell, RawRow, is_blank};
use crate::workbook::write_number;
use crate::{Excess, ReadError, SkipKind, TextEncoding};

/// Reads the lines of `text`, which is in `encoding` (two-byte units already turned into UTF-8).
pub(crate) fn read_ndjson<R: BufRead>(
    lander: &mut Lander<'_>,
    sheet: Option<&str>,
    text: R,
    encoding: TextEncoding,
) -> Result<(), ReadError> {
    let (file, limits) = (lander.file(), lander.limits());
    let mut lines = Lines { text, encoding, bytes_max: limits.row_bytes_max, number: 0, bytes: Vec::new() };
    let mut keys = Keys { columns: HashMap::new(), names: Vec::new(), max: limits.columns_max };
    let too_many =
        || ReadError::TooLarge { file: file.to_owned(), what: Excess::Keys, limit: limits.columns_max as u64 };
    let mut head = Vec::new();
    let mut more = true;
    while more && head.len() < limits.heading_rows_max {
        let mut row = RawRow::default();
        more =
            lines.next(&mut row, &mut keys).map_err(|e| ReadError::from_io(file, "text", e))?.ok_or_else(too_many)?;
        if more {
            head.push(row);
        }
    }
    lander.begin_sheet(sheet, keys.checked_layout(lander, sheet, head.len())?, Some(1));
    let mut n_keys = keys.names.len();
    for row in &head {
        land(lander, row)?;
    }
    let mut row = RawRow::default();
    while more {
        more =
            lines.next(&mut row, &mut keys).map_err(|e| ReadError::from_io(file, "text", e))?.ok_or_else(too_many)?;
        if more {
            if keys.names.len() > n_keys {
                n_keys = keys.names.len();
                lander.set_layout(keys.layout(lander));
            }
            land(lander, &row)?;
        }
    }
    Ok(())
}

fn land(lander: &mut Lander<'_>, row: &RawRow) -> Result<(), ReadError> {
    if row.fault.is_none() && row.is_blank() {
        lander.skip(SkipKind::Blank);
        return Ok(());
    }
    lander.land(row)
}

/// The keys seen so far, in the order they came.
struct Keys {
    columns: HashMap<String, usize>,
    names: Vec<String>,
    max: usize,
}

impl Keys {
    /// The column of a key, or none if there are too many.
    fn column(&mut self, key: &str) -> Option<usize> {
        if let Some(column) = self.columns.get(key) {
            return Some(*column);
        }
        let column = self.names.len();
        self.names.push(key.to_owned());
        self.columns.insert(key.to_owned(), column);
        (column < self.max).then_some(column)
    }

    fn layout(&self, lander: &Lander<'_>) -> Layout {
        let found = lander.dataset().match_headings(&self.names);
        Layout { texts: self.names.clone(), found, exact_width: false }
    }

    fn checked_layout(&self, lander: &Lander<'_>, sheet: Option<&str>, n_rows: usize) -> Result<Layout, ReadError> {
        let layout = self.layout(lander);
        lander.require_headings(sheet, &layout, n_rows)?;
        Ok(layout)
    }
}

struct Lines<R> {
    text: R,
    encoding: TextEncoding,
    bytes_max: usize,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Fills `row` with the next line: true, or false at the end; none if the keys became too many.
    fn next(&mut self, row: &mut RawRow, keys: &mut Keys) -> std::io::Result<Option<bool>> {
        self.bytes.clear();
        self.number += 1;
        row.reset(self.number);
        let limit = self.bytes_max as u64 + 1;
        if self.text.by_ref().take(limit).read_until(b'\n', &mut self.bytes)? == 0 {
            return Ok(Some(false));
        }
        if self.bytes.len() > self.bytes_max && self.bytes.last() != Some(&b'\n') {
            self.text.skip_until(b'\n')?;
            row.fault = Some("row_too_long");
        }
        let mut line = String::new();
        if !self.encoding.decode(self.bytes.trim_ascii(), &mut line) {
            row.fault.get_or_insert("encoding");
        }
        if row.fault.is_none() && !is_blank(&line) {
            match serde_json::from_str::<Map<String, Value>>(&line) {
                Ok(object) => return Ok(spread(&object, "", keys, row).then_some(true)),
                Err(_) => row.fault = Some("json"),
            }
        }
        if row.fault.is_some() {
            row.is_whole = true;
            row.push().text = line;
        }
        Ok(Some(true))
    }
}

/// Puts the members of an object into their columns, those of an inner object as `outer.inner`. False if the keys
/// became too many.
fn spread(object: &Map<String, Value>, outer: &str, keys: &mut Keys, row: &mut RawRow) -> bool {
    object.iter().all(|(key, value)| {
        let name = if outer.is_empty() { key.clone() } else { format!("{outer}.{key}") };
        if let Value::Object(inner) = value {
            return spread(inner, &name, keys, row);
        }
        let Some(column) = keys.column(&name) else { return false };
        write_value(value, row.slot(column));
        true
    })
}

fn write_value(value: &Value, cell: &mut RawCell) {
    cell.text.clear();
    match value {
        Value::Null => {}
        Value::Bool(yes) => cell.text = yes.to_string(),
        Value::String(text) => cell.text.push_str(text),
        // Whole numbers of up to 19 digits are exact; beyond, and with a fraction, they are doubles.
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(double) => write_number(double, cell),
            None => cell.text = number.to_string(),
        },
        Value::Array(values) => {
            let mut texts = Vec::new();
            for value in values {
                let mut part = RawCell::default();
                write_value(value, &mut part);
                cell.fault = cell.fault.or(part.fault);
                texts.push(part.text);
            }
            cell.text = texts.join("|");
        }
        Value::Object(_) => cell.text = value.to_string(),
    }
}
