//! One dataset on its way into files: headings from the declaration, rows, duplicates and the truth about them.

use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use schemas::{Dataset, DatasetId, Registry};

use crate::dirt::DUPLICATES_PER_10K;
use crate::error::CityError;
use crate::rng::{Rng, Stream};
use crate::sink::Sink;
use crate::truth::Truth;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// An empty cell.
    Empty,
    /// Text.
    Text(String),
    /// A number cell where the format has them, otherwise its digits.
    Number(f64),
    /// A true date-and-time cell where the format has them.
    Moment(NaiveDateTime),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(f64::from(number))
    }
}

impl Value {
    /// The cell as text, as formats without types hold it.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Empty => "".into(),
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => number.to_string().into(),
            Self::Moment(at) => at.format("%Y/%-m/%-d %-H:%M:%S").to_string().into(),
        }
    }
}

/// Which dataset, under which headings, into which folder.
#[derive(Debug)]
pub(crate) struct Layout {
    /// `police.resident`
    pub(crate) dataset: &'static str,
    /// Fields in the order of the file.
    pub(crate) fields: &'static [&'static str],
    /// Headings this department uses instead of the declared title, if the declaration knows them.
    pub(crate) usual: &'static [(&'static str, &'static str)],
}

/// The declared dataset of a layout with the headings to print.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) headings: Vec<String>,
    /// Folder and beginning of the file name, without part number and ending.
    pub(crate) folder: PathBuf,
    pub(crate) stem: String,
}

impl Sheet {
    /// Looks the layout up in the declarations.
    ///
    /// # Errors
    /// If the dataset or one of the fields is not declared, or the folder cannot be made.
    pub(crate) fn resolve(
        registry: &Registry,
        layout: &Layout,
        exports: &Path,
        period: &str,
    ) -> Result<Self, CityError> {
        let missing = || CityError::DatasetNotDeclared { dataset: layout.dataset };
        let id = DatasetId::try_from(layout.dataset).map_err(|_| missing())?;
        let dataset = registry.dataset(&id).ok_or_else(missing)?;
        let headings =
            layout.fields.iter().map(|field| heading(dataset, layout, field)).collect::<Result<Vec<_>, _>>()?;
        let folder = exports.join(dataset.department());
        std::fs::create_dir_all(&folder).map_err(CityError::write(&folder))?;
        Ok(Self { headings, folder, stem: format!("{}_{period}", file_word(dataset)) })
    }
}

fn heading(dataset: &Dataset, layout: &Layout, field: &'static str) -> Result<String, CityError> {
    let declared = dataset
        .fields
        .iter()
        .position(|f| f.name.as_str() == field)
        .ok_or(CityError::FieldNotDeclared { dataset: layout.dataset, field })?;
    let usual = layout.usual.iter().find(|(name, _)| *name == field).map(|(_, heading)| (*heading).to_owned());
    if let Some(usual) = usual {
        let matched = dataset.match_headings(std::slice::from_ref(&usual));
        if matched.fields.first() == Some(&Some(declared)) {
            return Ok(usual);
        }
    }
    Ok(dataset.fields.get(declared).map(|f| f.zh.clone()).unwrap_or_default())
}

/// The Chinese title if files are recognised by it, otherwise the first word they are recognised by.
fn file_word(dataset: &Dataset) -> String {
    let by_title = dataset.file_words.iter().any(|w| dataset.zh.contains(w.as_str()));
    if by_title {
        dataset.zh.clone()
    } else {
        dataset.file_words.first().cloned().unwrap_or_else(|| dataset.zh.clone())
    }
}

/// One row with what is true about it.
#[derive(Debug)]
pub(crate) struct Record {
    /// Value of the key field; also the truth's `record_key`.
    pub(crate) key: String,
    pub(crate) cells: Vec<Value>,
    /// People the row speaks of: what is added to the key, and who it is.
    pub(crate) people: Vec<(&'static str, String)>,
    /// The flat the row's address names.
    pub(crate) house: Option<String>,
    /// The rule under which the row must be rejected.
    pub(crate) rejected: Option<&'static str>,
}

/// Counts of one dataset.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DatasetSummary {
    /// `police.resident`
    pub dataset: String,
    /// Rows in the files, rejects and duplicates included; title, heading, total and other rows are not counted.
    pub rows: u64,
    /// Rows that must be rejected.
    pub rejected: u64,
    /// Rows that repeat another row exactly.
    pub duplicates: u64,
    /// Files, relative to the output folder, in the order they were begun.
    pub files: Vec<PathBuf>,
}

/// A dataset being written.
pub(crate) struct Export {
    dataset: &'static str,
    sinks: Vec<Box<dyn Sink>>,
    /// A sensitive list, whose truth is kept apart.
    is_list: bool,
    rng: Rng,
    rows: u64,
    rejected: u64,
    duplicates: u64,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Export({}, {} rows)", self.dataset, self.rows)
    }
}

impl Export {
    /// A dataset going into these files; most have one kind, some several.
    pub(crate) fn new(seed: u64, dataset: &'static str, sinks: Vec<Box<dyn Sink>>) -> Self {
        let lane = dataset.bytes().fold(0_u64, |lane, b| lane.wrapping_mul(31).wrapping_add(u64::from(b)));
        let rng = Rng::keyed(seed, Stream::Duplicates, lane, 0);
        Self { dataset, sinks, is_list: false, rng, rows: 0, rejected: 0, duplicates: 0 }
    }

    /// The same of a sensitive list.
    pub(crate) fn of_list(seed: u64, dataset: &'static str, sinks: Vec<Box<dyn Sink>>) -> Self {
        Self { is_list: true, ..Self::new(seed, dataset, sinks) }
    }

    /// Writes a row, and what is true about it, once; and the row a second time now and then.
    pub(crate) fn write(&mut self, record: &Record, truth: &mut Truth) -> Result<(), CityError> {
        self.write_to(0, record, truth)
    }

    /// The same into one of several kinds of file.
    pub(crate) fn write_to(&mut self, sink: usize, record: &Record, truth: &mut Truth) -> Result<(), CityError> {
        if self.is_list {
            truth.listed(self.dataset, record)?;
        } else {
            truth.record(self.dataset, record)?;
        }
        let Some(sink) = self.sinks.get_mut(sink) else { return Ok(()) };
        sink.row(&record.cells)?;
        self.rows += 1;
        self.rejected += u64::from(record.rejected.is_some());
        if record.rejected.is_none() && self.rng.chance(DUPLICATES_PER_10K) {
            sink.row(&record.cells)?;
            self.rows += 1;
            self.duplicates += 1;
        }
        Ok(())
    }

    /// A row that is no record: 小计, 合计. Formats without such rows leave it out.
    pub(crate) fn aside(&mut self, cells: &[Value]) -> Result<(), CityError> {
        self.sinks.iter_mut().try_for_each(|sink| sink.aside(cells))
    }

    /// From here on, rows belong to this part: a sheet of its own where the format has sheets.
    pub(crate) fn section(&mut self, name: &str) -> Result<(), CityError> {
        self.sinks.iter_mut().try_for_each(|sink| sink.section(name))
    }

    /// Closes all files.
    pub(crate) fn finish(self, out: &Path) -> Result<DatasetSummary, CityError> {
        let mut files = Vec::new();
        for sink in self.sinks {
            for file in sink.finish()? {
                files.push(file.strip_prefix(out).map(Path::to_path_buf).unwrap_or(file));
            }
        }
        Ok(DatasetSummary {
            dataset: self.dataset.to_owned(),
            rows: self.rows,
            rejected: self.rejected,
            duplicates: self.duplicates,
            files,
        })
    }
}
