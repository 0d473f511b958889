//! The form in which rejected rows go out and come back.

use std::fs;
use std::path::Path;

/// A CSV form: headings, and rows.
pub(crate) type Form = (Vec<String>, Vec<Vec<String>>);

pub(crate) fn read_form(file: &Path) -> Form {
    let text = fs::read_to_string(file).expect("a form");
    let mut reader = csv::ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headings = reader.headers().expect("headings").iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
    (headings, rows)
}

pub(crate) fn write_form(file: &Path, (headings, rows): &Form) {
    let mut writer = csv::Writer::from_path(file).expect("a form");
    for row in std::iter::once(headings).chain(rows) {
        writer.write_record(row).expect("a row");
    }
    writer.flush().expect("a form");
}

pub(crate) fn column(form: &Form, heading: &str) -> usize {
    form.0.iter().position(|found| found.starts_with(heading)).unwrap_or_else(|| panic!("no column {heading}"))
}
