//! `[rule.aggregate]`: what may be counted and summed, as written in a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use schemas::FieldType;

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Text, Value, number_of, texts_of, wrong_type};
use crate::policy_set::RuleColumn;
use crate::{AggregateRule, Mask};

/// As written, before it is held against the columns of a relation.
#[derive(Debug, Clone)]
pub(super) struct AggregateSpec {
    persons: Text,
    k: u32,
    keys: Vec<Text>,
    measures: Vec<Text>,
    dominance_percent: u32,
}

/// Reads the table of a rule.
pub(super) fn read_aggregate(value: &Value<'_>, faults: &mut Faults<'_>) -> Option<AggregateSpec> {
    let mut reader = TableReader::of_value("aggregate", value, faults)?;
    let persons = reader.require_text("persons", faults);
    let k = reader
        .require("k", faults)
        .and_then(|value| within("k", value, AggregateRule::K_MIN..=AggregateRule::K_MAX, faults));
    let keys = reader.get("keys").map(|value| texts_of("keys", value, faults)).unwrap_or_default();
    let measures = reader.get("measures").map(|value| texts_of("measures", value, faults)).unwrap_or_default();
    let dominance_percent = match reader.get("dominance_percent") {
        None => Some(AggregateRule::DOMINANCE_PERCENT),
        Some(value) => within("dominance_percent", value, 1..=100, faults),
    };
    reader.close(faults);
    Some(AggregateSpec { persons: persons?, k: k?, keys, measures, dominance_percent: dominance_percent? })
}

fn within(
    key: &'static str,
    value: &Value<'_>,
    range: std::ops::RangeInclusive<u32>,
    faults: &mut Faults<'_>,
) -> Option<u32> {
    let found = number_of(value).and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
    if found.is_none() {
        let expected = match key {
            "k" => "a whole number from 2 to 10000",
            _ => "a whole number from 1 to 100",
        };
        wrong_type(key, value, expected, faults);
    }
    found
}

impl AggregateSpec {
    /// Holds the table against what the rule shows of one relation.
    pub(super) fn bind(
        &self,
        relation: &str,
        columns: &BTreeMap<String, RuleColumn>,
        faults: &mut Faults<'_>,
    ) -> AggregateRule {
        for counted in self.measures.iter().chain([&self.persons]) {
            if columns.get(&counted.text).is_some_and(|column| column.lift.is_some()) {
                let kind = FaultKind::LiftOfCounted { relation: relation.to_owned(), column: counted.text.clone() };
                faults.add(counted.span.clone(), kind);
            }
        }
        let mut named = |text: &Text, sound: &dyn Fn(&RuleColumn) -> bool| {
            check(relation, text, columns.get(&text.text), sound, faults);
            text.text.clone()
        };
        // A persons column that is the same for everybody would make every group one person: nothing would be released.
        let persons = named(&self.persons, &|column| {
            column.field_type.arrow_type() == FieldType::Text.arrow_type()
                && matches!(column.mask, Mask::Clear | Mask::Token { .. })
        });
        let keys: BTreeSet<String> =
            self.keys.iter().map(|key| named(key, &|_| true)).filter(|key| *key != persons).collect();
        let measures = self
            .measures
            .iter()
            .map(|measure| {
                named(measure, &|column| column.field_type.arrow_type().is_numeric() && column.mask == Mask::Clear)
            })
            .collect();
        AggregateRule { persons, k: self.k, keys, measures, dominance_percent: self.dominance_percent }
    }
}

fn check(
    relation: &str,
    text: &Text,
    column: Option<&RuleColumn>,
    sound: &dyn Fn(&RuleColumn) -> bool,
    faults: &mut Faults<'_>,
) {
    let span: Range<usize> = text.span.clone();
    let (relation, column_name) = (relation.to_owned(), text.text.clone());
    match column {
        Some(column) if sound(column) => {}
        Some(_) => faults.add(span, FaultKind::AggregateColumnUnfit { relation, column: column_name }),
        None => faults.add(span, FaultKind::AggregateColumnHidden { relation, column: column_name }),
    }
}
