//! `[rule.lift]`: stronger masks for the rows of children, as written in a policy.

use std::ops::Range;

use schemas::{Column, FieldType, Relation, Sensitivity};

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Text, Value, number_of, wrong_type};
use super::rules::{Known, read_classes, read_columns};
use crate::lift::Shown;
use crate::{Lift, Mask};

/// Nobody is older by so many years, so that every row would be lifted.
const UNDER_YEARS: std::ops::RangeInclusive<u32> = 1..=120;

/// As written, before it is held against the columns of a relation.
pub(super) struct LiftSpec {
    birth_date: Text,
    under_years: u32,
    columns: Vec<(Text, Mask)>,
    classes: Vec<(Sensitivity, Mask, Range<usize>)>,
}

/// Reads the table of a rule for these relations.
pub(super) fn read_lift(
    value: &Value<'_>,
    relations: &[&Relation],
    known: &Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<LiftSpec> {
    let mut reader = TableReader::of_value("lift", value, faults)?;
    let birth_date = reader.require_text("birth_date", faults);
    let birth_date = birth_date.filter(|text| decides_in_all(text, relations, faults));
    let under_years = reader.require("under_years", faults).and_then(|value| read_years(value, faults));
    let columns = reader.optional_table("columns", faults);
    let columns = columns.map(|table| read_columns(table, relations, known, faults));
    let classes = reader.optional_table("classes", faults).map(|table| read_classes(table, known, faults));
    if columns.is_none() && classes.is_none() {
        faults.add(reader.span(), FaultKind::MissingKey { key: "columns" });
    }
    reader.close(faults);
    let (columns, classes) = (columns.unwrap_or_default(), classes.unwrap_or_default());
    Some(LiftSpec { birth_date: birth_date?, under_years: under_years?, columns, classes })
}

fn read_years(value: &Value<'_>, faults: &mut Faults<'_>) -> Option<u32> {
    let years = number_of(value).and_then(|n| u32::try_from(n).ok()).filter(|n| UNDER_YEARS.contains(n));
    if years.is_none() {
        wrong_type("under_years", value, "a whole number from 1 to 120", faults);
    }
    years
}

/// Whether the column is a date of every relation.
fn decides_in_all(text: &Text, relations: &[&Relation], faults: &mut Faults<'_>) -> bool {
    let mut sound = true;
    for relation in relations {
        let (name, column) = (relation.name.to_string(), text.text.clone());
        match relation.column(&text.text) {
            Some(found) if found.field_type == FieldType::Date => continue,
            Some(_) => faults.add(text.span.clone(), FaultKind::LiftByNoDate { relation: name, column }),
            None => {
                let dates = relation.columns.iter().filter(|c| c.field_type == FieldType::Date);
                let kind = FaultKind::UnknownColumn { relation: name, column };
                faults.add_unknown(text.span.clone(), kind, &text.text, dates.map(|c| c.name.as_str()));
            }
        }
        sound = false;
    }
    sound
}

impl LiftSpec {
    /// Reports every column named that the rule does not show.
    pub(super) fn check_shown(&self, relation: &Relation, is_shown: &dyn Fn(&str) -> bool, faults: &mut Faults<'_>) {
        for (name, _) in self.columns.iter().filter(|(name, _)| !is_shown(&name.text)) {
            // One that does not exist is reported where it is read.
            if relation.column(&name.text).is_some() {
                let (relation, column) = (relation.name.to_string(), name.text.clone());
                faults.add(name.span.clone(), FaultKind::LiftOfHidden { relation, column });
            }
        }
    }

    /// The lift of a column that the rule shows by this mask; none if nothing is lifted, or not soundly.
    pub(super) fn of_column(
        &self,
        relation: &Relation,
        column: &Column,
        class: Sensitivity,
        ordinary: &Mask,
        faults: &mut Faults<'_>,
    ) -> Option<Lift> {
        let by_name = self.columns.iter().find(|(name, _)| name.text == column.name.as_str());
        let by_class = || self.classes.iter().find(|(of, ..)| *of == class);
        let (mask, span) = by_name
            .map(|(name, mask)| (mask, name.span.clone()))
            .or_else(|| by_class().map(|(_, mask, span)| (mask, span.clone())))?;
        if mask == ordinary {
            return None;
        }
        let (relation, column_name) = (relation.name.to_string(), column.name.to_string());
        let stored = column.field_type.arrow_type();
        let kind = if !mask.fits(column.field_type) {
            FaultKind::MaskDoesNotFit { mask: mask.name().to_owned(), relation, column: column_name }
        } else if mask.output_type(&stored) != ordinary.output_type(&stored) {
            FaultKind::LiftChangesType { mask: mask.name().to_owned(), relation, column: column_name }
        } else if !(Shown { mask, lift: None }).shows_no_more_than(Shown { mask: ordinary, lift: None }) {
            let ordinary = ordinary.name().to_owned();
            FaultKind::LiftShowsMore { mask: mask.name().to_owned(), ordinary, relation, column: column_name }
        } else {
            let birth_date = self.birth_date.text.clone();
            return Some(Lift { birth_date, under_years: self.under_years, mask: mask.clone() });
        };
        faults.add(span, kind);
        None
    }
}
