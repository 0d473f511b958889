//! `[rule.search]`: what one person may be found by, as written in a policy.

use std::ops::Range;

use schemas::Relation;

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Value, number_of, texts_of, wrong_type};
use crate::{SearchKey, SearchRule};

/// As written, before it is held against a relation.
#[derive(Debug, Clone)]
pub(super) struct SearchSpec {
    by: Vec<(SearchKey, Range<usize>)>,
    per_hour: u32,
    span: Range<usize>,
}

/// Reads the table of a rule.
pub(super) fn read_search(value: &Value<'_>, faults: &mut Faults<'_>) -> Option<SearchSpec> {
    let mut reader = TableReader::of_value("search", value, faults)?;
    let by = reader.require("by", faults).map(|value| texts_of("by", value, faults)).unwrap_or_default();
    let mut keys = Vec::new();
    for word in by {
        match SearchKey::ALL.into_iter().find(|key| key.word() == word.text) {
            Some(key) => keys.push((key, word.span)),
            None => {
                let kind = FaultKind::UnknownSearchKey { name: word.text.clone() };
                faults.add_unknown(word.span, kind, &word.text, SearchKey::ALL.iter().map(|key| key.word()));
            }
        }
    }
    let per_hour = reader.require("per_hour", faults).and_then(|value| {
        let found = number_of(value).and_then(|n| u32::try_from(n).ok());
        let found = found.filter(|n| (1..=SearchRule::PER_HOUR_MAX).contains(n));
        if found.is_none() {
            wrong_type("per_hour", value, "a whole number from 1 to 1000", faults);
        }
        found
    });
    let span = reader.span();
    reader.close(faults);
    Some(SearchSpec { by: keys, per_hour: per_hour?, span })
}

impl SearchSpec {
    /// Holds the table against one relation. A relation that may only be counted shows nobody who is found.
    pub(super) fn bind(&self, relation: &Relation, is_counted_only: bool, faults: &mut Faults<'_>) -> SearchRule {
        for (key, span) in &self.by {
            for column in key.columns().iter().filter(|column| relation.column(column).is_none()) {
                let kind =
                    FaultKind::UnknownColumn { relation: relation.name.to_string(), column: (*column).to_owned() };
                faults.add(span.clone(), kind);
            }
        }
        if is_counted_only {
            faults.add(self.span.clone(), FaultKind::SearchOfCounts { relation: relation.name.to_string() });
        }
        SearchRule { by: self.by.iter().map(|(key, _)| *key).collect(), per_hour: self.per_hour }
    }
}
