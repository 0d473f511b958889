//! The matrix: role × relation × column of the shipped policies, one cell a line, against `tests/matrix.txt`.
//!
//! A changed policy shows as changed cells in the diff; a new column fails here until somebody has looked at it. Run with
//! `DATONG_UPDATE_MATRIX=1` to write the file anew.

use std::fmt::Write as _;

use policies::{MatrixCell, PolicySet, Visibility};
use schemas::{Registry, Relation};

use crate::fixture::{assert_reviewed, render};

/// [`PolicySet::matrix`], one cell a line.
fn cells(set: &PolicySet, relations: &[Relation]) -> String {
    let mut out = String::new();
    let mut last = None;
    for cell in set.matrix(relations) {
        let subject = cell.purpose.as_ref().map_or_else(|| cell.role.clone(), |p| format!("{}@{p}", cell.role));
        let place = Some((subject.clone(), cell.relation.clone()));
        let is_first = last != place;
        last = place;
        write_cell(&subject, &cell, is_first, &mut out);
    }
    out
}

fn write_cell(subject: &str, cell: &MatrixCell, is_first: bool, out: &mut String) {
    let MatrixCell { relation, rule, mask, .. } = cell;
    let deny = if cell.deny.is_empty() { String::new() } else { format!(", {}", cell.deny) };
    match (cell.visibility, &cell.column) {
        (Visibility::Invisible, _) => writeln!(out, "{subject} {relation} invisible{deny}").unwrap(),
        (Visibility::Refused, _) => writeln!(out, "{subject} {relation} refused: {}", cell.refusal).unwrap(),
        // The base rule under a purpose: its cells are listed without the purpose.
        (Visibility::Visible, _) if !rule.starts_with(&format!("{subject}/")) => {
            if is_first {
                writeln!(out, "{subject} {relation} as {rule}").unwrap();
            }
        }
        (Visibility::Visible, column) => {
            if is_first {
                let counted = cell.counted_by.map_or_else(String::new, |k| format!(" counted by {k}"));
                writeln!(out, "{subject} {relation} rows {}{counted}", cell.rows).unwrap();
            }
            writeln!(out, "{subject} {relation}.{} {mask}{deny}", column.as_ref().unwrap()).unwrap();
        }
    }
}

#[test]
fn the_shipped_matrix_is_the_reviewed_one() {
    let set = PolicySet::shipped().unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let found = cells(&set, &Registry::shipped().unwrap().relations());
    assert_reviewed(&found, "matrix.txt", "DATONG_UPDATE_MATRIX");
}

#[test]
fn a_new_column_changes_the_matrix() {
    let set = PolicySet::shipped().unwrap();
    let mut relations = Registry::shipped().unwrap().relations();
    let before = cells(&set, &relations);
    for relation in &mut relations {
        let mut added = relation.columns[0].clone();
        added.name = schemas::ColumnName::try_from("added_later").unwrap();
        relation.columns.push(added);
    }
    let after = cells(&set, &relations);
    for relation in &relations {
        let line = format!("{}.added_later -", relation.name);
        // A relation that is shown to nobody has no columns in the matrix: the sensitive lists.
        let is_shown = before.contains(&format!(" {} rows ", relation.name));
        assert!(is_shown || relation.name.schema() == "sensitive", "{}", relation.name);
        assert!(after.contains(&line) == is_shown && !before.contains(&line), "{line}");
        // Nobody sees it.
        assert!(!after.lines().any(|l| l.contains(".added_later ") && !l.ends_with(" -")));
    }
}
