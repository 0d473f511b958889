//! Where rows go.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;

/// Whatever a sink cannot go on with.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// How far the reading of one file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file read so far.
    pub bytes_done: u64,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// Records read so far, accepted or rejected.
    pub rows_read: u64,
}

/// Takes what comes out of one file. An error ends the reading.
pub trait RowSink {
    /// Takes a batch of accepted rows of the dataset's landed relation; never an empty one.
    ///
    /// # Errors
    /// Ends the reading with [`crate::ReadError::Sink`].
    fn accept(&mut self, batch: RecordBatch) -> Result<(), SinkError>;

    /// Takes a rejected row. It holds plain text: seal it before it is stored.
    ///
    /// # Errors
    /// Ends the reading with [`crate::ReadError::Sink`].
    fn reject(&mut self, row: RejectedRow) -> Result<(), SinkError>;

    /// Is asked about every row that failed, before it is rejected: the texts to read in place of the row's own, by field,
    /// if a person has corrected it. The row is read once more; if it still fails, it is rejected as it came, under the rule
    /// it breaks now.
    fn correct(&mut self, _row: &RejectedRow) -> Option<BTreeMap<String, String>> {
        None
    }

    /// Is told every some thousand records, accepted or rejected, and at the end.
    fn progress(&mut self, _progress: Progress) {}
}

/// A row that failed, whole and as it came. `Debug` shows no value.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RejectedRow {
    /// The file.
    pub source_file: String,
    /// The sheet or archive entry, if the file has any.
    pub sheet: Option<String>,
    /// Where the row is: the sheet's row, the line it begins on, or the record's number; counted from 1.
    pub row: u64,
    /// The record's key, if it could be read.
    pub record_key: Option<String>,
    /// The field at fault, if one is.
    pub field: Option<String>,
    /// Why: `checksum`, `date`, `masked`, `field_count` …
    pub rule: String,
    /// What would fix it, in Chinese.
    pub hint_zh: String,
    /// What would fix it, in English.
    pub hint_en: String,
    /// Every cell with its heading, as it came.
    pub raw: Vec<(String, String)>,
    /// The declared field of each cell, in the order of `raw`, where it has one.
    #[serde(default)]
    pub fields: Vec<Option<String>>,
    /// Every field at fault. None where the row as a whole is: its cells may then lie under the wrong headings.
    #[serde(default)]
    pub faulty: Vec<String>,
    /// Hash of what the row says, hex: of the declared fields as in the landed column `raw_hash` or, if the row as a whole is
    /// at fault, of every cell.
    #[serde(default)]
    pub raw_hash: String,
    /// A correction was tried, and the row fails all the same.
    #[serde(default)]
    pub correction_failed: bool,
}

impl RejectedRow {
    /// The text of a declared field as it came; empty if the row has no such cell.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        let found = self.fields.iter().position(|of_cell| of_cell.as_deref() == Some(field));
        found.and_then(|idx| self.raw.get(idx)).map_or("", |(_, text)| text.as_str())
    }

    /// Whether the row as a whole is at fault: it was split or decoded wrongly, and no cell can be trusted to be what its
    /// heading says.
    #[must_use]
    pub fn is_faulty_as_a_whole(&self) -> bool {
        self.field.is_none()
    }
}

impl std::fmt::Debug for RejectedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RejectedRow")
            .field("source_file", &self.source_file)
            .field("sheet", &self.sheet)
            .field("row", &self.row)
            .field("field", &self.field)
            .field("rule", &self.rule)
            .field("cells", &self.raw.len())
            .finish_non_exhaustive()
    }
}
