//! `[rule.reveal]`: fields of one record in clear for a short time, as written in a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use schemas::Relation;

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Text, Value, number_of, texts_of, wrong_type};
use super::rules::Known;
use crate::policy_set::RuleColumn;
use crate::{Mask, RevealRule};

/// As written, before it is held against a relation.
#[derive(Debug, Clone)]
pub(super) struct RevealSpec {
    columns: Vec<Text>,
    seconds: u32,
    per_hour: u32,
    approved_by: BTreeSet<String>,
    span: Range<usize>,
}

/// Reads the table of a rule.
pub(super) fn read_reveal(value: &Value<'_>, known: &Known<'_>, faults: &mut Faults<'_>) -> Option<RevealSpec> {
    let mut reader = TableReader::of_value("reveal", value, faults)?;
    let columns = reader.require("columns", faults).map(|value| texts_of("columns", value, faults)).unwrap_or_default();
    let seconds = read_number("seconds", RevealRule::SECONDS_MAX, "a whole number from 1 to 3600", &mut reader, faults);
    let per_hour =
        read_number("per_hour", RevealRule::PER_HOUR_MAX, "a whole number from 1 to 200", &mut reader, faults);
    let mut approved_by = BTreeSet::new();
    let approvers = reader.get("approved_by").map(|value| texts_of("approved_by", value, faults));
    for Text { text, span } in approvers.into_iter().flatten() {
        if !known.roles.contains_key(&text) {
            let kind = FaultKind::UnknownRole { name: text.clone() };
            faults.add_unknown(span, kind, &text, known.roles.keys().map(String::as_str));
        }
        approved_by.insert(text);
    }
    let span = reader.span();
    reader.close(faults);
    Some(RevealSpec { columns, seconds: seconds?, per_hour: per_hour?, approved_by, span })
}

fn read_number(
    key: &'static str,
    max: u32,
    expected: &'static str,
    reader: &mut TableReader<'_>,
    faults: &mut Faults<'_>,
) -> Option<u32> {
    let value = reader.require(key, faults)?;
    let found = number_of(value).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=max).contains(n));
    if found.is_none() {
        wrong_type(key, value, expected, faults);
    }
    found
}

impl RevealSpec {
    /// Holds the table against one relation: its key is shown as it is, so that a record can be named, and every column is
    /// shown through a mask.
    pub(super) fn bind(
        &self,
        relation: &Relation,
        shown: &BTreeMap<String, RuleColumn>,
        is_counted_only: bool,
        faults: &mut Faults<'_>,
    ) -> RevealRule {
        let of_relation = || relation.name.to_string();
        let is_clear = |column: &RuleColumn| column.mask == Mask::Clear && column.lift.is_none();
        if is_counted_only || !shown.get(relation.key.as_str()).is_some_and(is_clear) {
            let kind = FaultKind::RevealOfUnnamed { relation: of_relation(), key: relation.key.to_string() };
            faults.add(self.span.clone(), kind);
        }
        for Text { text, span } in &self.columns {
            if relation.column(text).is_none() {
                let kind = FaultKind::UnknownColumn { relation: of_relation(), column: text.clone() };
                let names = relation.columns.iter().map(|c| c.name.as_str());
                faults.add_unknown(span.clone(), kind, text, names);
            } else if shown.get(text).is_none_or(is_clear) {
                faults.add(span.clone(), FaultKind::RevealOfUnmasked { relation: of_relation(), column: text.clone() });
            }
        }
        RevealRule {
            columns: self.columns.iter().map(|column| column.text.clone()).collect(),
            seconds: self.seconds,
            per_hour: self.per_hour,
            approved_by: self.approved_by.clone(),
        }
    }
}
