//! A table with its headings somewhere near the top: a sheet, or a delimited text.

use schemas::HeadingMatch;

use crate::anatomy::Anatomy;
use crate::headings::{HeadRows, Headings, find_headings, head_rows};
use crate::landing::{Lander, Layout};
use crate::raw_row::{RawRow, RowSource};
use crate::workbook::{FillDown, Merged};
use crate::{ReadError, SheetReport, SheetState, SkipKind};

/// How many cells a row must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowWidth {
    /// As many as there are headings: a text whose rows have more or fewer was split wrongly somewhere.
    AsHeadings,
    /// Any: cells have their own places. A sheet that reaches `last_row` may go on in the next one.
    Any { last_row: u64 },
}

/// What became of a table.
#[derive(Debug)]
pub(crate) enum Outcome {
    Read,
    Empty,
    NoHeadings {
        rows_searched: usize,
    },
    /// Headings of the dataset, but a required one is missing: the error, should nothing else be found.
    Incomplete {
        error: Box<ReadError>,
        drift: HeadingMatch,
    },
}

/// Finds the headings and lands the rows below them.
pub(crate) fn read_table(
    lander: &mut Lander<'_>,
    sheet: Option<&str>,
    source: &mut dyn RowSource,
    merged: &Merged,
    width: RowWidth,
) -> Result<Outcome, ReadError> {
    let mut head = head_rows(source, lander.limits().heading_rows_max);
    let found = find_headings(&head.rows, merged, lander.dataset());
    let Some(headings) = found else {
        if let Some(e) = head.error {
            return Err(e);
        }
        if head.rows.iter().all(RawRow::is_blank) {
            return Ok(Outcome::Empty);
        }
        if lander.continues() {
            return continue_table(lander, sheet, source, merged, head, width);
        }
        return Ok(Outcome::NoHeadings { rows_searched: head.rows.len() });
    };
    if !headings.found.missing_required.is_empty() {
        return Ok(incomplete(lander, sheet, headings));
    }
    let heading_row = head.rows.get(headings.first).map(|row| row.number);
    let exact_width = width == RowWidth::AsHeadings;
    let layout = Layout { texts: headings.texts.clone(), found: headings.found.clone(), exact_width };
    lander.begin_sheet(sheet, layout, heading_row);
    let mut anatomy = Anatomy::new(&head.rows, &headings, lander.key_columns());
    for kind in anatomy.above() {
        lander.skip(kind);
    }
    let blank_above = head.rows.iter().take(headings.first).filter(|row| row.is_blank()).count();
    (0..blank_above).for_each(|_| lander.skip(SkipKind::Blank));
    (0..headings.height).for_each(|_| lander.skip(SkipKind::Header));
    let body = head.rows.split_off((headings.first + headings.height).min(head.rows.len()));
    head.rows = body;
    read_body(lander, source, merged, head, width, &mut anatomy)?;
    Ok(Outcome::Read)
}

/// A sheet without headings after a full one.
fn continue_table(
    lander: &mut Lander<'_>,
    sheet: Option<&str>,
    source: &mut dyn RowSource,
    merged: &Merged,
    head: HeadRows,
    width: RowWidth,
) -> Result<Outcome, ReadError> {
    lander.continue_sheet(sheet);
    let mut anatomy = Anatomy::without_headings(lander.key_columns());
    read_body(lander, source, merged, head, width, &mut anatomy)?;
    Ok(Outcome::Read)
}

/// Lands the rows already read, then the rest.
fn read_body(
    lander: &mut Lander<'_>,
    source: &mut dyn RowSource,
    merged: &Merged,
    head: HeadRows,
    width: RowWidth,
    anatomy: &mut Anatomy,
) -> Result<(), ReadError> {
    let mut fill = FillDown::new(merged, &lander.fill_down_columns());
    let mut last = 0;
    let mut each = |lander: &mut Lander<'_>, row: &mut RawRow| {
        last = row.number;
        // What is broken is judged as a record, whatever it begins with.
        let kind = if row.fault.is_some() { None } else { anatomy.kind(row) };
        fill.apply(row);
        match kind {
            Some(kind) => {
                lander.skip(kind);
                Ok(())
            }
            None => lander.land(row),
        }
    };
    for mut row in head.rows {
        each(lander, &mut row)?;
    }
    if let Some(e) = head.error {
        return Err(e);
    }
    let mut row = RawRow::default();
    while !head.ended && source.next_row(&mut row)? {
        each(lander, &mut row)?;
    }
    lander.end_sheet(matches!(width, RowWidth::Any { last_row } if last >= last_row));
    Ok(())
}

/// Some headings match, but a required one is not there.
fn incomplete(lander: &Lander<'_>, sheet: Option<&str>, headings: Headings) -> Outcome {
    let error = ReadError::MissingColumns {
        file: lander.file().to_owned(),
        sheet: sheet.map(str::to_owned),
        missing: lander.titles(&headings.found.missing_required),
        found: headings.texts.into_iter().filter(|t| !t.is_empty()).collect(),
    };
    Outcome::Incomplete { error: Box::new(error), drift: headings.found }
}

impl SheetReport {
    /// The report of a sheet that was not read.
    pub(crate) fn unread(name: Option<String>, state: SheetState) -> Self {
        Self { name, state, heading_row: None, drift: HeadingMatch::default(), read: 0, stray_cells: 0 }
    }
}
