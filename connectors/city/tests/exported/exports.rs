//! Reading a city's exports back, format by format, without the code that wrote them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use calamine::{Data, Reader};
use schemas::{Dataset, Registry};

/// One row of a file: heading and cell.
pub(crate) type Row = BTreeMap<String, String>;

/// A city in a folder of its own.
#[derive(Debug)]
pub(crate) struct City {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) summary: city::CitySummary,
}

pub(crate) fn write_city(people: u64, seed: u64) -> City {
    let folder = tempfile::tempdir().unwrap();
    let config = city::CityConfig { people, seed, out: folder.path().to_path_buf() };
    let summary = city::generate(&config, &mut |_, _, _| {}).unwrap();
    City { folder, summary }
}

impl City {
    pub(crate) fn path(&self, file: &Path) -> PathBuf {
        self.folder.path().join(file)
    }

    /// All rows of a dataset, files in order.
    pub(crate) fn rows(&self, dataset: &Dataset) -> Vec<Row> {
        let summary = self.summary.datasets.iter().find(|d| d.dataset == dataset.id.to_string()).unwrap();
        summary.files.iter().flat_map(|file| rows_of(&self.path(file), dataset)).collect()
    }

    /// `(source, record_key) -> value` of a truth file.
    pub(crate) fn truth(&self, file: &str) -> BTreeMap<(String, String), String> {
        let mut truth = BTreeMap::new();
        for record in csv::Reader::from_path(self.folder.path().join("truth").join(file)).unwrap().into_records() {
            let record = record.unwrap();
            let key = (record[0].to_owned(), record[1].to_owned());
            assert_eq!(truth.insert(key, record[2].to_owned()), None, "a record is in {file} twice");
        }
        truth
    }
}

pub(crate) fn registry() -> Registry {
    Registry::shipped().unwrap().admit_division(city::DEMO_DIVISION)
}

fn rows_of(path: &Path, dataset: &Dataset) -> Vec<Row> {
    let bytes = std::fs::read(path).unwrap();
    let ending = path.extension().unwrap().to_str().unwrap();
    let tables = match ending {
        "xlsx" | "xls" => sheets(path),
        "parquet" => vec![parquet(path)],
        "ndjson" => return json(&String::from_utf8(bytes).unwrap()),
        "gz" => {
            let mut text = String::new();
            flate2::read::GzDecoder::new(Cursor::new(bytes)).read_to_string(&mut text).unwrap();
            return json(&text);
        }
        "zip" => {
            let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
            assert_eq!(archive.len(), 1);
            let mut inner = Vec::new();
            archive.by_index(0).unwrap().read_to_end(&mut inner).unwrap();
            vec![delimited(&inner)]
        }
        _ => vec![delimited(&bytes)],
    };
    tables.into_iter().flat_map(|table| records(table, dataset)).collect()
}

fn delimited(bytes: &[u8]) -> Vec<Vec<String>> {
    let (text, separator) = if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        (encoding_rs::UTF_16LE.decode(rest).0.into_owned(), b'\t')
    } else if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        (String::from_utf8(rest.to_vec()).unwrap(), b',')
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        (text.to_owned(), b',')
    } else {
        let (text, _, broken) = encoding_rs::GB18030.decode(bytes);
        assert!(!broken);
        (text.into_owned(), b',')
    };
    csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .from_reader(text.as_bytes())
        .into_records()
        .map(|r| r.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

fn json(text: &str) -> Vec<Row> {
    text.lines()
        .map(|line| {
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            object
                .into_iter()
                .map(|(heading, value)| {
                    let cell = match value {
                        serde_json::Value::Null => String::new(),
                        serde_json::Value::String(text) => text,
                        other => other.to_string(),
                    };
                    (heading, cell)
                })
                .collect()
        })
        .collect()
}

fn parquet(path: &Path) -> Vec<Vec<String>> {
    use arrow::array::{Array, AsArray};
    let file = std::fs::File::open(path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let headings = reader.schema().fields().iter().map(|f| f.name().clone()).collect();
    let mut rows = vec![headings];
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let cell = |column: &std::sync::Arc<dyn Array>| {
                let texts = column.as_string::<i32>();
                if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() }
            };
            rows.push(batch.columns().iter().map(cell).collect());
        }
    }
    rows
}

/// Every sheet of a workbook as text.
pub(crate) fn sheets(path: &Path) -> Vec<Vec<Vec<String>>> {
    let mut workbook = calamine::open_workbook_auto(path).unwrap();
    workbook
        .sheet_names()
        .iter()
        .map(|name| {
            let range = workbook.worksheet_range(name).unwrap();
            range.rows().map(|row| row.iter().map(cell_text).collect()).collect()
        })
        .collect()
}

fn cell_text(cell: &Data) -> String {
    match cell {
        Data::DateTime(at) => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        other => other.to_string(),
    }
}

/// The rows under the headings that are records: they have a key. Title, caption, instruction, subtotals and footer have
/// none.
fn records(table: Vec<Vec<String>>, dataset: &Dataset) -> Vec<Row> {
    let missing = |headings: &[String]| {
        let matched = dataset.match_headings(headings);
        matched.missing_required.is_empty().then_some(matched.missing.len())
    };
    // One row of headings, or two: whichever stands for the most fields, the first of them, in one row if that is enough.
    let (_, headings, first) = (0..table.len().min(8))
        .flat_map(|row| {
            let below = table.get(row + 1).cloned().unwrap_or_default();
            let grouped = under_groups(&table[row], &below);
            [(table[row].clone(), row + 1), (grouped, row + 2)]
        })
        .filter_map(|(headings, first)| Some((missing(&headings)?, headings, first)))
        .min_by_key(|(missing, _, first)| (*missing, *first))
        .expect("a row of headings");
    let keys: BTreeSet<usize> = dataset
        .match_headings(&headings)
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| field.is_some_and(|f| dataset.key.contains(&dataset.fields[f].name)))
        .map(|(column, _)| column)
        .collect();
    assert_eq!(keys.len(), dataset.key.len());
    table[first..]
        .iter()
        .filter(|row| keys.iter().all(|&k| row.get(k).is_some_and(|cell| !cell.is_empty())))
        .filter(|row| row.iter().filter(|cell| !cell.is_empty()).count() > 2)
        .map(|row| headings.iter().cloned().zip(row.iter().cloned()).collect())
        .collect()
}

/// Two rows of headings as one: `保障人数.总人数`.
fn under_groups(top: &[String], below: &[String]) -> Vec<String> {
    let mut group = String::new();
    top.iter()
        .zip(below.iter().map(String::as_str).chain(std::iter::repeat("")))
        .map(|(above, sub)| {
            if !above.is_empty() {
                group.clone_from(above);
            }
            if sub.is_empty() { above.clone() } else { format!("{group}.{sub}") }
        })
        .collect()
}
