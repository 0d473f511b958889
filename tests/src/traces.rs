//! Looking for personal values in bytes that should hold none.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use lake::Lake;
use schemas::RelationName;

/// Values of many people. Found in one pass, each at least eight bytes long.
#[derive(Debug)]
pub struct Traces(HashMap<[u8; 8], Vec<Vec<u8>>>);

impl Traces {
    /// ID numbers, telephone numbers, names and addresses of residents, in UTF-8 and UTF-16.
    ///
    /// # Panics
    /// If they cannot be read, or are too few for a search to mean anything.
    pub async fn of_residents(lake: &Lake) -> Self {
        let published = lake.published().await.expect("a readable pointer").expect("a published version");
        let resident = RelationName::new("police", "resident").expect("a name");
        let batches = lake.snapshot(&published).read(&resident).await.expect("residents");
        let sample = |column: &str, at_least: usize| -> Vec<String> {
            let all: Vec<String> = batches.iter().flat_map(|batch| texts(batch, column)).collect();
            let step = (all.len() / 50).max(1);
            all.into_iter().step_by(step).filter(|text| text.chars().count() >= at_least).collect()
        };
        let numbers: Vec<String> = [sample("id_no", 15), sample("phone", 11)].concat();
        // Two characters of a name also stand in words; three and more do not.
        let words: Vec<String> = [sample("name", 3), sample("registered_address", 12)].concat();
        assert!(numbers.len() > 60 && words.len() > 40, "{} numbers, {} words", numbers.len(), words.len());
        let utf8 = numbers.iter().chain(&words).map(|text| text.clone().into_bytes());
        let utf16 = numbers.iter().chain(&words).map(|text| text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        let mut by_start: HashMap<[u8; 8], Vec<Vec<u8>>> = HashMap::new();
        for value in utf8.chain(utf16) {
            if let Some(start) = value.first_chunk() {
                by_start.entry(*start).or_default().push(value);
            }
        }
        Self(by_start)
    }

    /// How many of them are in these bytes.
    ///
    /// # Panics
    /// Never: a window of eight bytes has eight bytes.
    #[must_use]
    pub fn count(&self, bytes: &[u8]) -> usize {
        let is_one = |(at, start): (usize, &[u8])| {
            let start: [u8; 8] = start.try_into().expect("eight bytes");
            self.0.get(&start).is_some_and(|values| values.iter().any(|value| bytes[at..].starts_with(value)))
        };
        bytes.windows(8).enumerate().filter(|window| is_one(*window)).count()
    }
}

/// Every file below a folder.
///
/// # Panics
/// If a folder cannot be listed.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    array.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}
