//! Raw rows become typed rows of the landed relation, or rejected ones.

mod columns;
mod row;
mod seen;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{Dataset, HeadingMatch, Registry};

use self::columns::{Columns, Provenance};
use self::row::{Fault, ReadRow, Refusal, RowReader};
use self::seen::{RowHash, Seen, row_hash};
use crate::raw_row::{RawRow, is_blank};
use crate::read::{Meter, ReadOptions};
use crate::{
    FileReport, Format, Progress, ReadError, ReadLimits, RejectedRow, RowSink, SheetReport, SheetState, SkipKind,
    TextEncoding, Wrapping, hint,
};

/// Records between two reports of progress.
const PROGRESS_ROWS: u64 = 8192;

/// The columns of a table.
#[derive(Debug, Default, Clone)]
pub(crate) struct Layout {
    /// Headings, one for each column.
    pub(crate) texts: Vec<String>,
    /// The fields they stand for.
    pub(crate) found: HeadingMatch,
    /// Rows must have as many cells as there are headings.
    pub(crate) exact_width: bool,
}

impl Layout {
    /// The column of a field, given by its index.
    fn column_of(&self, field: usize) -> Option<usize> {
        self.found.fields.iter().position(|found| *found == Some(field))
    }
}

/// Lands the rows of one file.
pub(crate) struct Lander<'a> {
    file: &'a str,
    dataset: &'a Dataset,
    options: &'a ReadOptions,
    sink: &'a mut dyn RowSink,
    meter: Arc<Meter>,
    reader: RowReader<'a>,
    columns: Columns,
    seen: Seen,
    report: FileReport,
    layout: Layout,
    sheet: Option<String>,
    /// The sheet before was full: one without headings goes on with it.
    full: bool,
}

impl<'a> Lander<'a> {
    pub(crate) fn new(
        file: &'a str,
        registry: &Registry,
        dataset: &'a Dataset,
        options: &'a ReadOptions,
        sink: &'a mut dyn RowSink,
        meter: Arc<Meter>,
    ) -> Result<Self, ReadError> {
        let columns =
            Columns::new(dataset).map_err(|column| ReadError::Declaration { file: file.to_owned(), column })?;
        Ok(Self {
            file,
            dataset,
            options,
            sink,
            meter,
            reader: RowReader::new(registry, dataset, options.region.as_deref()),
            columns,
            seen: Seen::default(),
            report: FileReport::new(file),
            layout: Layout::default(),
            sheet: None,
            full: false,
        })
    }

    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    pub(crate) fn dataset(&self) -> &'a Dataset {
        self.dataset
    }

    pub(crate) fn options(&self) -> &'a ReadOptions {
        self.options
    }

    pub(crate) fn limits(&self) -> &'a ReadLimits {
        &self.options.limits
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn sheets(&self) -> &[SheetReport] {
        &self.report.sheets
    }

    pub(crate) fn found_format(&mut self, format: Format) {
        if self.report.read == 0 {
            self.report.format = format;
        }
    }

    pub(crate) fn found_wrapping(&mut self, wrapping: Wrapping) {
        self.report.wrapping = wrapping;
    }

    pub(crate) fn found_encoding(&mut self, encoding: TextEncoding) {
        if self.report.read == 0 {
            self.report.encoding = Some(encoding.name().to_owned());
        }
    }

    /// Notes a sheet that is not read.
    pub(crate) fn report_sheet(&mut self, sheet: SheetReport) {
        self.report.sheets.push(sheet);
    }

    /// Turns to a table whose headings are known.
    pub(crate) fn begin_sheet(&mut self, sheet: Option<&str>, layout: Layout, heading_row: Option<u64>) {
        self.sheet = sheet.map(str::to_owned);
        let report = SheetReport::unread(self.sheet.clone(), SheetState::Read);
        self.report.sheets.push(SheetReport { heading_row, drift: layout.found.clone(), ..report });
        self.set_layout(layout);
        self.full = false;
    }

    /// Turns to a sheet that goes on with the columns of the one before.
    pub(crate) fn continue_sheet(&mut self, sheet: Option<&str>) {
        self.sheet = sheet.map(str::to_owned);
        let report = SheetReport::unread(self.sheet.clone(), SheetState::Continued);
        self.report.sheets.push(SheetReport { drift: self.layout.found.clone(), ..report });
        self.full = false;
    }

    /// Refuses a table that lacks the dataset's headings.
    pub(crate) fn require_headings(
        &self,
        sheet: Option<&str>,
        layout: &Layout,
        rows_searched: usize,
    ) -> Result<(), ReadError> {
        let (file, sheet) = (self.file.to_owned(), sheet.map(str::to_owned));
        if layout.found.fields.iter().flatten().count() < 2.min(self.dataset.fields.len()) {
            return Err(ReadError::NoHeadings { file, sheet, rows_searched });
        }
        if layout.found.missing_required.is_empty() {
            return Ok(());
        }
        let missing = self.titles(&layout.found.missing_required);
        Err(ReadError::MissingColumns { file, sheet, missing, found: layout.texts.clone() })
    }

    /// What the fields are called in Chinese.
    pub(crate) fn titles(&self, names: &[schemas::ColumnName]) -> Vec<String> {
        let title = |name: &schemas::ColumnName| {
            self.dataset.field(name.as_str()).map_or_else(|| name.to_string(), |field| field.zh.clone())
        };
        names.iter().map(title).collect()
    }

    /// Puts other headings in place, for formats whose records bring their own.
    pub(crate) fn set_layout(&mut self, layout: Layout) {
        if let Some(sheet) = self.report.sheets.last_mut() {
            sheet.drift.clone_from(&layout.found);
        }
        let columns = (0..self.dataset.fields.len()).map(|field| layout.column_of(field)).collect();
        self.reader.set_columns(columns);
        self.layout = layout;
    }

    /// Says whether the table filled its sheet to the last row.
    pub(crate) fn end_sheet(&mut self, full: bool) {
        self.full = full;
    }

    /// Whether a sheet without headings goes on with the one before.
    pub(crate) fn continues(&self) -> bool {
        self.full
    }

    /// Columns of the dataset's key.
    pub(crate) fn key_columns(&self) -> Vec<usize> {
        let is_key = |name: &schemas::ColumnName| self.dataset.key.contains(name);
        self.columns_where(|field| is_key(&field.name))
    }

    /// Columns whose vertically merged cells are repeated.
    pub(crate) fn fill_down_columns(&self) -> Vec<usize> {
        self.columns_where(|field| field.fill_down)
    }

    fn columns_where(&self, wanted: impl Fn(&schemas::Field) -> bool) -> Vec<usize> {
        let fields = self.dataset.fields.iter().enumerate().filter(|(_, field)| wanted(field));
        fields.filter_map(|(idx, _)| self.layout.column_of(idx)).collect()
    }

    /// Counts a row that is no record.
    pub(crate) fn skip(&mut self, kind: SkipKind) {
        self.report.skip(kind);
    }

    /// Takes one record: accepts it, rejects it, or drops it as an exact duplicate.
    pub(crate) fn land(&mut self, row: &RawRow) -> Result<(), ReadError> {
        let width_fault = self.layout.exact_width && !self.has_right_width(row);
        if let Some(rule) = row.fault.or(width_fault.then_some("field_count")) {
            let record_key = if rule == "encoding" { self.reader.key_only(row) } else { None };
            let hash = row_hash(row.cells().iter().map(|cell| cell.text.as_str()));
            let refusal = Refusal { fault: Fault { field: None, rule }, faulty: Vec::new(), record_key };
            return self.refuse(row, &refusal, hash);
        }
        self.count_stray(row);
        let hash = row_hash(self.reader.texts(row));
        if !self.seen.is_new(&hash) {
            self.skip(SkipKind::Duplicate);
            return Ok(());
        }
        match self.reader.read(row) {
            Ok(read) => self.accept(row, &read, hash),
            Err(refusal) => self.refuse(row, &refusal, hash),
        }
    }

    /// Hands over what is left and reports the end.
    pub(crate) fn finish(&mut self) -> Result<(), ReadError> {
        self.flush()?;
        self.report_progress();
        Ok(())
    }

    pub(crate) fn into_report(self) -> FileReport {
        self.report
    }

    fn flush(&mut self) -> Result<(), ReadError> {
        if self.columns.len() > 0 {
            let batch = self.columns.finish();
            let batch = batch.map_err(|column| ReadError::Declaration { file: self.file.to_owned(), column })?;
            self.sink.accept(batch).map_err(|source| ReadError::Sink { file: self.file.to_owned(), source })?;
        }
        Ok(())
    }

    fn report_progress(&mut self) {
        let (bytes_done, bytes_total) = self.meter.progress();
        self.sink.progress(Progress { bytes_done, bytes_total, rows_read: self.report.read });
    }

    fn count_read(&mut self) {
        self.report.read += 1;
        if self.report.read.is_multiple_of(PROGRESS_ROWS) {
            self.report_progress();
        }
        if let Some(sheet) = self.report.sheets.last_mut() {
            sheet.read += 1;
        }
    }

    fn count_stray(&mut self, row: &RawRow) {
        let right_of_headings = row.cells().iter().skip(self.layout.texts.len());
        let n_stray = row.n_stray + right_of_headings.filter(|c| !is_blank(&c.text)).count() as u64;
        if let Some(sheet) = self.report.sheets.last_mut() {
            sheet.stray_cells += n_stray;
        }
    }

    /// Empty cells after the last heading are left by many exporters and mean nothing.
    fn has_right_width(&self, row: &RawRow) -> bool {
        let width = self.layout.texts.len();
        row.cells().len() >= width && row.cells().iter().skip(width).all(|c| is_blank(&c.text))
    }

    fn accept(&mut self, row: &RawRow, read: &ReadRow, hash: RowHash) -> Result<(), ReadError> {
        self.count_read();
        let provenance = Provenance {
            record_key: &read.record_key,
            source_file: self.file,
            source_sheet: self.sheet.as_deref(),
            source_row: row.number,
            batch_id: &self.options.batch_id,
            ingested_at: self.options.ingested_at.timestamp_micros(),
            quality: &read.quality,
            raw_hash: &hex::encode(hash),
        };
        let appended = self.columns.append(&read.values, &provenance);
        appended.map_err(|column| ReadError::Declaration { file: self.file.to_owned(), column })?;
        self.report.accepted += 1;
        let limits = self.limits();
        if self.columns.len() >= limits.batch_rows_max || self.columns.text_bytes() >= limits.batch_bytes_max {
            self.flush()?;
        }
        Ok(())
    }

    /// Rejects a row, unless a person has corrected it and it can be read so. The hash stays that of the row as it came.
    fn refuse(&mut self, row: &RawRow, refusal: &Refusal, hash: RowHash) -> Result<(), ReadError> {
        let rejected = self.rejected(row, refusal, hash);
        let Some(texts) = self.sink.correct(&rejected) else { return self.reject(rejected) };
        let corrected = self.corrected(row, refusal.fault, &texts);
        let mut read = match self.reader.read_declared(&corrected) {
            Ok(read) => read,
            Err(refusal) => {
                return self.reject(RejectedRow { correction_failed: true, ..self.rejected(row, &refusal, hash) });
            }
        };
        if !self.seen.is_new(&row_hash(corrected.cells().iter().map(|cell| cell.text.as_str()))) {
            self.skip(SkipKind::Duplicate);
            return Ok(());
        }
        read.quality.extend(texts.keys().map(|field| format!("{field}:corrected")));
        self.report.corrected += 1;
        self.accept(row, &read, hash)
    }

    /// The declared fields in their order, with these texts in place of the row's own. Of a row that is at fault as a whole
    /// nothing is kept.
    fn corrected(&self, row: &RawRow, fault: Fault, texts: &BTreeMap<String, String>) -> RawRow {
        let mut corrected = RawRow::default();
        corrected.reset(row.number);
        for (idx, field) in self.dataset.fields.iter().enumerate() {
            let cell = corrected.slot(idx);
            let own = self.layout.column_of(idx).and_then(|column| row.cells().get(column));
            match (texts.get(field.name.as_str()), own) {
                (Some(text), _) => cell.text.clone_from(text),
                (None, Some(own)) if fault.field.is_some() => cell.clone_from(own),
                (None, _) => {}
            }
        }
        corrected
    }

    fn reject(&mut self, rejected: RejectedRow) -> Result<(), ReadError> {
        self.count_read();
        self.report.rejected += 1;
        *self.report.rejects_by_rule.entry(rejected.rule.clone()).or_default() += 1;
        self.sink.reject(rejected).map_err(|source| ReadError::Sink { file: self.file.to_owned(), source })
    }

    fn rejected(&self, row: &RawRow, refusal: &Refusal, hash: RowHash) -> RejectedRow {
        let heading = |column: usize| match self.layout.texts.get(column) {
            Some(text) if !text.is_empty() && !row.is_whole => text.clone(),
            _ => format!("#{}", column + 1),
        };
        let name = |idx: usize| self.dataset.fields.get(idx).map(|field| field.name.to_string());
        let field_of = |column: usize| {
            let found = self.layout.found.fields.get(column).copied().flatten().filter(|_| !row.is_whole);
            found.and_then(name)
        };
        let rule = refusal.fault.rule;
        let (hint_zh, hint_en) = hint(rule);
        RejectedRow {
            source_file: self.file.to_owned(),
            sheet: self.sheet.clone(),
            row: row.number,
            record_key: refusal.record_key.clone(),
            field: refusal.fault.field.and_then(name),
            rule: rule.to_owned(),
            hint_zh: hint_zh.to_owned(),
            hint_en: hint_en.to_owned(),
            raw: row.cells().iter().enumerate().map(|(column, c)| (heading(column), c.text.clone())).collect(),
            fields: (0..row.cells().len()).map(field_of).collect(),
            faulty: refusal.faulty.iter().copied().filter_map(name).collect(),
            raw_hash: hex::encode(hash),
            correction_failed: false,
        }
    }
}
