//! Merged cells: groups in the headings, households in the rows.

use calamine::Dimensions;

use crate::raw_row::RawRow;

/// A rectangle of merged cells. Rows count from 1, columns from 0, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergedRange {
    pub(crate) first_row: u64,
    pub(crate) last_row: u64,
    pub(crate) first_column: usize,
    pub(crate) last_column: usize,
}

/// The merged cells of a sheet, from its top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Merged(Vec<MergedRange>);

impl Merged {
    pub(crate) fn new(ranges: &[Dimensions]) -> Self {
        let mut ranges: Vec<MergedRange> = ranges
            .iter()
            .map(|d| MergedRange {
                first_row: u64::from(d.start.0) + 1,
                last_row: u64::from(d.end.0) + 1,
                first_column: d.start.1 as usize,
                last_column: d.end.1 as usize,
            })
            .collect();
        ranges.sort_by_key(|r| (r.first_row, r.first_column));
        Self(ranges)
    }

    /// The ranges that begin in or above `row`.
    pub(crate) fn down_to(&self, row: u64) -> impl Iterator<Item = &MergedRange> {
        self.0.iter().take_while(move |range| range.first_row <= row)
    }

    /// The range a cell lies in.
    pub(crate) fn range_at(&self, row: u64, column: usize) -> Option<&MergedRange> {
        self.down_to(row)
            .find(|r| (r.first_row..=r.last_row).contains(&row) && (r.first_column..=r.last_column).contains(&column))
    }
}

/// Repeats the value of a vertically merged cell in the rows it covers, for the columns that are declared so.
#[derive(Debug, Default)]
pub(crate) struct FillDown {
    columns: Vec<ColumnRanges>,
}

#[derive(Debug)]
struct ColumnRanges {
    column: usize,
    /// Rows of the ranges, from the bottom, so that the next one is the last.
    ranges: Vec<(u64, u64)>,
    /// The value of the range the last row was in, and that range's last row.
    value: Option<(String, u64)>,
}

impl FillDown {
    /// `columns`: those of the fields declared `fill_down`.
    pub(crate) fn new(merged: &Merged, columns: &[usize]) -> Self {
        let ranges_of = |column: usize| {
            let of_column = merged.0.iter().filter(|r| r.first_column == column && r.last_row > r.first_row);
            of_column.map(|r| (r.first_row, r.last_row)).rev().collect()
        };
        let columns =
            columns.iter().map(|column| ColumnRanges { column: *column, ranges: ranges_of(*column), value: None });
        Self { columns: columns.collect() }
    }

    /// Fills the empty cells of a row. Rows must come from top to bottom.
    pub(crate) fn apply(&mut self, row: &mut RawRow) {
        for column in &mut self.columns {
            column.apply(row);
        }
    }
}

impl ColumnRanges {
    fn apply(&mut self, row: &mut RawRow) {
        while let Some((first, last)) = self.ranges.last().copied().filter(|(first, _)| *first <= row.number) {
            self.ranges.pop();
            // A range whose first row has no cell at all has no value to repeat.
            self.value = (first == row.number).then(|| (row.text(self.column).to_owned(), last));
        }
        match &self.value {
            Some((value, last)) if row.number <= *last => {
                let cell = row.slot(self.column);
                if cell.text.is_empty() {
                    cell.text.push_str(value);
                }
            }
            _ => self.value = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, cells: &[&str]) -> RawRow {
        let mut row = RawRow::default();
        row.reset(number);
        for cell in cells {
            row.push().text.push_str(cell);
        }
        row
    }

    #[test]
    fn values_are_repeated_within_their_range_only() {
        let merged = Merged::new(&[
            Dimensions::new((5, 0), (6, 0)),
            Dimensions::new((1, 0), (3, 0)),
            Dimensions::new((1, 1), (3, 1)),
            Dimensions::new((8, 0), (9, 0)),
        ]);
        let mut fill = FillDown::new(&merged, &[0]);
        let mut filled = Vec::new();
        for (number, cells) in [
            (2, &["H1", "a"][..]),
            (3, &["", "b"]),
            (4, &["", ""]),
            (5, &["", "c"]),
            (6, &["H2", "d"]),
            (7, &[]),
            (8, &["", "e"]),
            (10, &["", "f"]),
        ] {
            let mut row = row(number, cells);
            fill.apply(&mut row);
            filled.push((number, row.text(0).to_owned(), row.text(1).to_owned()));
        }
        let of = |n: u64, household: &str, other: &str| (n, household.to_owned(), other.to_owned());
        assert_eq!(
            filled,
            [
                of(2, "H1", "a"),
                of(3, "H1", "b"),
                of(4, "H1", ""),
                of(5, "", "c"),
                of(6, "H2", "d"),
                of(7, "H2", ""),
                of(8, "", "e"),
                of(10, "", "f"),
            ]
        );
    }

    #[test]
    fn a_cell_knows_its_range() {
        let merged = Merged::new(&[Dimensions::new((0, 2), (0, 4))]);
        assert_eq!(merged.range_at(1, 3).map(|r| r.first_column), Some(2));
        assert_eq!(merged.range_at(2, 3), None);
        assert_eq!(merged.range_at(1, 5), None);
    }
}
