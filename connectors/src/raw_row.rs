//! A row as a format hands it over: texts, and what is already known to be wrong with them.

use crate::ReadError;

/// One cell before its field is known. Kept and refilled from row to row.
#[derive(Debug, Default, Clone)]
pub(crate) struct RawCell {
    /// Its text; empty for no cell.
    pub(crate) text: String,
    /// A rule it breaks already: `precision_lost`, `cell_error`.
    pub(crate) fault: Option<&'static str>,
}

/// One row, refilled again and again so that reading allocates little.
#[derive(Debug, Default, Clone)]
pub(crate) struct RawRow {
    /// Where it is in its file or sheet, from 1.
    pub(crate) number: u64,
    /// A rule the whole row breaks already: `encoding`, `field_too_long`.
    pub(crate) fault: Option<&'static str>,
    /// It could not be taken apart: its only cell is all of it.
    pub(crate) is_whole: bool,
    /// Non-empty cells that lie too far right to be kept.
    pub(crate) n_stray: u64,
    slots: Vec<RawCell>,
    n_cells: usize,
}

impl RawRow {
    /// Empties the row for reuse.
    pub(crate) fn reset(&mut self, number: u64) {
        self.number = number;
        self.fault = None;
        self.is_whole = false;
        self.n_stray = 0;
        self.n_cells = 0;
    }

    /// The cells, empty ones included.
    pub(crate) fn cells(&self) -> &[RawCell] {
        self.slots.get(..self.n_cells).unwrap_or_default()
    }

    /// The text of a cell; empty if there is none.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.cells().get(column).map_or("", |c| c.text.as_str())
    }

    /// The cell at `column`, for writing; every cell in between exists afterwards.
    pub(crate) fn slot(&mut self, column: usize) -> &mut RawCell {
        if column >= self.slots.len() {
            self.slots.resize_with(column + 1, RawCell::default);
        }
        while self.n_cells <= column {
            if let Some(cell) = self.slots.get_mut(self.n_cells) {
                cell.text.clear();
                cell.fault = None;
            }
            self.n_cells += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "resized to more than `column` above")]
        &mut self.slots[column]
    }

    /// A cell after the last one, for writing.
    pub(crate) fn push(&mut self) -> &mut RawCell {
        self.slot(self.n_cells)
    }

    /// Whether no cell has anything visible.
    pub(crate) fn is_blank(&self) -> bool {
        self.cells().iter().all(|c| is_blank(&c.text))
    }

    /// The first cell with something in it: its column and its text without space around.
    pub(crate) fn first_filled(&self) -> Option<(usize, &str)> {
        self.cells().iter().enumerate().find(|(_, c)| !is_blank(&c.text)).map(|(i, c)| (i, c.text.trim()))
    }
}

/// Whether a text has nothing visible: also full-width and zero-width spaces count as nothing.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}' | '\0'))
}

/// A text without any space in it, as labels are compared.
pub(crate) fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')).collect()
}

/// Hands over the rows of one table.
pub(crate) trait RowSource {
    /// Fills `row` with the next row, or returns false at the end.
    fn next_row(&mut self, row: &mut RawRow) -> Result<bool, ReadError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_row_keeps_nothing_of_the_row_before() {
        let mut row = RawRow::default();
        row.reset(1);
        row.slot(2).text.push_str("old");
        row.slot(2).fault = Some("cell_error");
        row.reset(2);
        row.slot(3).text.push_str("new");
        let texts: Vec<&str> = row.cells().iter().map(|c| c.text.as_str()).collect();
        assert_eq!(texts, ["", "", "", "new"]);
        assert!(row.cells().iter().all(|c| c.fault.is_none()));
        assert_eq!(row.first_filled(), Some((3, "new")));
        row.reset(3);
        row.push().text.push_str(" \u{3000}\u{200b}\t");
        assert!(row.is_blank() && row.first_filled().is_none());
    }
}
