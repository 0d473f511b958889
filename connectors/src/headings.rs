//! Where the headings are, and what they are.

use schemas::{Dataset, HeadingMatch};

use crate::ReadError;
use crate::raw_row::{RawRow, RowSource, is_blank};
use crate::workbook::{Merged, MergedRange};

/// Heading rows in one block: a group over a group over the heading proper.
const HEIGHT_MAX: usize = 3;

/// The first rows of a table.
#[derive(Debug, Default)]
pub(crate) struct HeadRows {
    pub(crate) rows: Vec<RawRow>,
    /// The table has no more rows than these.
    pub(crate) ended: bool,
    /// What broke off the reading.
    pub(crate) error: Option<ReadError>,
}

/// Reads rows until `n_rows` of them are not blank, or the table ends. Blank ones are kept too, up to ten times as many.
pub(crate) fn head_rows(source: &mut dyn RowSource, n_rows: usize) -> HeadRows {
    let mut head = HeadRows::default();
    let mut filled = 0;
    while filled < n_rows && head.rows.len() < 10 * n_rows {
        let mut row = RawRow::default();
        match source.next_row(&mut row) {
            Ok(true) => {
                filled += usize::from(!row.is_blank());
                head.rows.push(row);
            }
            Ok(false) => {
                head.ended = true;
                break;
            }
            Err(e) => {
                head.error = Some(e);
                break;
            }
        }
    }
    head
}

/// The headings of a table.
#[derive(Debug)]
pub(crate) struct Headings {
    /// Index of their first row among the head rows.
    pub(crate) first: usize,
    /// Rows they take.
    pub(crate) height: usize,
    /// One for each column; those of a merged group as `group.sub`. Columns without one have an empty text.
    pub(crate) texts: Vec<String>,
    /// What they stand for.
    pub(crate) found: HeadingMatch,
}

impl Headings {
    /// Declared fields they stand for.
    pub(crate) fn n_matched(&self) -> usize {
        self.found.fields.iter().flatten().count()
    }
}

/// Looks for the block of rows that shows most of the dataset's headings; the lowest and first of equals.
pub(crate) fn find_headings(rows: &[RawRow], merged: &Merged, dataset: &Dataset) -> Option<Headings> {
    let shows_some: Vec<bool> = rows.iter().map(|row| score(row, dataset) > 0).collect();
    let mut best: Option<Headings> = None;
    for height in 1..=HEIGHT_MAX {
        for first in 0..rows.len() {
            let Some(block) = rows.get(first..first + height) else { break };
            let shows_some = shows_some.iter().skip(first).take(height).any(|shows| *shows);
            if !shows_some || block.iter().any(RawRow::is_blank) {
                continue;
            }
            let texts = combine(block, merged);
            let found = dataset.match_headings(&texts);
            let candidate = Headings { first, height, texts, found };
            if candidate.n_matched() > best.as_ref().map_or(0, Headings::n_matched) {
                best = Some(candidate);
            }
        }
    }
    best.filter(|found| found.n_matched() >= 2.min(dataset.fields.len()))
}

/// How many of the dataset's headings the best single row shows.
pub(crate) fn best_score(rows: &[RawRow], dataset: &Dataset) -> usize {
    rows.iter().map(|row| score(row, dataset)).max().unwrap_or_default()
}

/// How many of the dataset's headings a row shows by itself.
fn score(row: &RawRow, dataset: &Dataset) -> usize {
    // A lone cell is a title. Measuring it, or the rows of a text split at the wrong separator, would only cost time.
    if row.cells().iter().filter(|c| !is_blank(&c.text)).count() < 2 {
        return 0;
    }
    let texts: Vec<String> = row.cells().iter().map(|c| c.text.clone()).collect();
    dataset.match_headings(&texts).fields.iter().flatten().count()
}

/// One heading for each column: the texts above each other, groups repeated over all their columns.
fn combine(block: &[RawRow], merged: &Merged) -> Vec<String> {
    let width = block.iter().map(|row| row.cells().len()).max().unwrap_or_default();
    let mut texts: Vec<String> = (0..width).map(|column| path(block, merged, column)).collect();
    while texts.last().is_some_and(String::is_empty) {
        texts.pop();
    }
    texts
}

fn path(block: &[RawRow], merged: &Merged, column: usize) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for (level, row) in block.iter().enumerate() {
        let own = row.text(column).trim();
        let text = if is_blank(own) { group(block, merged, level, column) } else { own };
        if !text.is_empty() && parts.last() != Some(&text) {
            parts.push(text);
        }
    }
    parts.join(".")
}

/// The group an empty heading cell belongs to: the cell its merged range begins with or, where nothing is merged (text
/// files), the nearest one to the left, as long as every column in between has a heading below.
fn group<'a>(block: &'a [RawRow], merged: &Merged, level: usize, column: usize) -> &'a str {
    let Some(row) = block.get(level) else { return "" };
    if let Some(range) = merged.range_at(row.number, column) {
        let is_group = range.first_row == row.number && range.first_column < column;
        return if is_group { row.text(range.first_column).trim() } else { "" };
    }
    let touches =
        |range: &MergedRange| block.iter().any(|row| (range.first_row..=range.last_row).contains(&row.number));
    if block.last().is_some_and(|last| merged.down_to(last.number).any(touches)) {
        return "";
    }
    let has_sub = |column: usize| block.iter().skip(level + 1).any(|below| !is_blank(below.text(column)));
    let mut left = column;
    while has_sub(left) {
        let text = row.text(left).trim();
        if !is_blank(text) {
            return text;
        }
        match left.checked_sub(1) {
            Some(next) => left = next,
            None => break,
        }
    }
    ""
}
