//! What one file turned out to hold.

use std::collections::BTreeMap;

use schemas::HeadingMatch;

/// The format of a file's content, whatever its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Fields separated by comma, tab or semicolon.
    Delimited,
    /// Office Open XML workbook.
    Xlsx,
    /// BIFF workbook.
    Xls,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// What the content was packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrapping {
    /// Nothing.
    #[default]
    Plain,
    /// gzip.
    Gzip,
    /// A zip archive.
    Zip,
}

/// Why a row is no record. Such rows are counted, and are no part of `read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipKind {
    /// The sheet's title.
    Title,
    /// Who filled it in, in what unit, when: between title and headings.
    Caption,
    /// The headings.
    Header,
    /// How to fill in the sheet, below the headings.
    Instruction,
    /// 小计
    Subtotal,
    /// 合计
    Total,
    /// 填表人, 以下空白 and the like.
    Footer,
    /// The headings once more.
    RepeatHeader,
    /// Nothing in it.
    Blank,
    /// Every declared field the same as in an earlier row of the file.
    Duplicate,
}

/// What became of a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SheetState {
    /// Its headings match the dataset.
    Read,
    /// No headings of its own; goes on where the full sheet before it ended.
    Continued,
    /// Its headings are not the dataset's; not read.
    Ignored,
    /// Nothing in it.
    Empty,
}

/// One sheet of a workbook, one entry of an archive, or the only table of a file.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SheetReport {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Read or not.
    pub state: SheetState,
    /// The row the headings begin on, if found.
    pub heading_row: Option<u64>,
    /// Headings against declaration.
    pub drift: HeadingMatch,
    /// Records accepted or rejected.
    pub read: u64,
    /// Non-empty cells right of the last heading, not read.
    pub stray_cells: u64,
}

/// One file, read to its end. `read = accepted + rejected`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FileReport {
    /// The file's name.
    pub name: String,
    /// Format of the content; of the first entry read, for an archive.
    pub format: Format,
    /// What it was packed in.
    pub wrapping: Wrapping,
    /// Encoding of a text file: `utf-8`, `gb18030`, `utf-16le`, `utf-16be`.
    pub encoding: Option<String>,
    /// Its sheets, in order.
    pub sheets: Vec<SheetReport>,
    /// Records found.
    pub read: u64,
    /// Of these, accepted.
    pub accepted: u64,
    /// Of the accepted ones, those that a person's correction made fit.
    #[serde(default)]
    pub corrected: u64,
    /// Of the records found, rejected.
    pub rejected: u64,
    /// Rows that are no records, by kind.
    pub skipped: BTreeMap<SkipKind, u64>,
    /// Rejected rows by rule.
    pub rejects_by_rule: BTreeMap<String, u64>,
}

impl FileReport {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            format: Format::Delimited,
            wrapping: Wrapping::Plain,
            encoding: None,
            sheets: Vec::new(),
            read: 0,
            accepted: 0,
            corrected: 0,
            rejected: 0,
            skipped: BTreeMap::new(),
            rejects_by_rule: BTreeMap::new(),
        }
    }

    pub(crate) fn skip(&mut self, kind: SkipKind) {
        *self.skipped.entry(kind).or_default() += 1;
    }
}
