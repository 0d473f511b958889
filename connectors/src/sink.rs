//! Where rows go.

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
