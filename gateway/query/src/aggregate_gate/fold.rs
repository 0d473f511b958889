//! Persons of groups folded to groups, and the decision which of them may be released.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::error::{DataFusionError, Result};

use super::overlap::{Asker, Persons, clashes_within};
use super::shape::GroupQuery;
use crate::QueryError;

/// The keys of a group, as one comparable row; nothing where there are no keys.
pub(super) type Key = Option<OwnedRow>;

/// One group, whole.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) key: Key,
    pub(super) persons: Persons,
    pub(super) n_rows: i64,
    /// Not-null rows of each counted column.
    pub(super) counted: Vec<i64>,
    pub(super) measures: Vec<Measure>,
}

/// One measure of one group.
#[derive(Debug, Default, Clone)]
pub(super) struct Measure {
    /// Sum of each person.
    by_person: Vec<f64>,
    /// Values that are not null.
    pub(super) n_values: i64,
}

impl Measure {
    /// The sum, the same whatever the order the persons came in; null of no values.
    pub(super) fn sum(&self) -> Option<f64> {
        let mut ordered = self.by_person.clone();
        ordered.sort_by(f64::total_cmp);
        (self.n_values > 0).then(|| ordered.iter().sum())
    }

    /// The mean of the values; null of no values.
    pub(super) fn average(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a count of rows is far below 2^52")]
        self.sum().map(|sum| sum / self.n_values as f64)
    }

    /// Whether one person makes up more of the sum than allowed. A sum that is no number is one person's too.
    fn is_dominated(&self, percent: u32) -> bool {
        let total: f64 = self.by_person.iter().map(|part| part.abs()).sum();
        let most = self.by_person.iter().map(|part| part.abs()).fold(0.0, f64::max);
        !total.is_finite() || most * 100.0 > total * f64::from(percent)
    }
}

/// Collects batches of the persons' plan.
#[derive(Debug)]
pub(super) struct Fold<'q> {
    query: &'q GroupQuery,
    /// Turns keys into rows; none where there are no keys.
    converter: Option<RowConverter>,
    places: HashMap<Key, usize>,
    groups: Vec<Group>,
}

impl<'q> Fold<'q> {
    /// `key_types`: the group keys' columns, in order.
    pub(super) fn new(query: &'q GroupQuery, keys: Vec<SortField>) -> Result<Self> {
        let converter = if keys.is_empty() { None } else { Some(RowConverter::new(keys)?) };
        Ok(Self { query, converter, places: HashMap::new(), groups: Vec::new() })
    }

    /// Adds a batch: keys, person, rows, not-null counts, and sum and count of each measure.
    pub(super) fn add(&mut self, batch: &RecordBatch, asker: &Asker) -> Result<()> {
        let n_keys = self.query.n_keys();
        let (keys, rest) = batch.columns().split_at_checked(n_keys).ok_or_else(misshapen)?;
        let (person, numbers) = rest.split_first().ok_or_else(misshapen)?;
        let persons = asker.numbers(person.as_string::<i32>().iter().map(Option::unwrap_or_default));
        let keys = self.converter.as_ref().map(|converter| converter.convert_columns(keys)).transpose()?;
        let (counts, measures) = numbers.split_at_checked(1 + self.query.n_counted()).ok_or_else(misshapen)?;
        for (idx, person) in persons.into_iter().enumerate() {
            let group = self.group(keys.as_ref().map(|keys| keys.row(idx).owned()));
            group.persons.insert(person);
            let mut counts = counts.iter().map(|column| integer(column, idx));
            group.n_rows += counts.next().unwrap_or_default();
            for (sum, n) in group.counted.iter_mut().zip(counts) {
                *sum += n;
            }
            for (measure, columns) in group.measures.iter_mut().zip(measures.chunks(2)) {
                let [sum, n_values] = columns else { return Err(misshapen()) };
                let n_values = integer(n_values, idx);
                if n_values > 0 {
                    measure.n_values += n_values;
                    measure.by_person.push(sum.as_primitive::<Float64Type>().value(idx));
                }
            }
        }
        Ok(())
    }

    /// Bytes held, roughly.
    pub(super) fn bytes(&self) -> usize {
        let of_group = |group: &Group| {
            256 + group.persons.serialized_size()
                + group.measures.iter().map(|measure| measure.by_person.capacity() * 8).sum::<usize>()
        };
        self.groups.iter().map(of_group).sum()
    }

    fn group(&mut self, key: Key) -> &mut Group {
        let next = self.groups.len();
        let place = *self.places.entry(key.clone()).or_insert(next);
        if place == next {
            self.groups.push(Group {
                key,
                persons: Persons::new(),
                n_rows: 0,
                counted: vec![0; self.query.n_counted()],
                measures: vec![Measure::default(); self.query.n_measures()],
            });
        }
        #[expect(clippy::indexing_slicing, reason = "the place is an earlier group's or that of the one just pushed")]
        &mut self.groups[place]
    }

    /// The groups that may be released, in the order of their keys, and what turns their keys into columns again.
    pub(super) fn release(self, asker: &Asker) -> Result<(Vec<Group>, Option<RowConverter>), QueryError> {
        let Self { query, converter, mut groups, .. } = self;
        groups.sort_by(|a, b| a.key.cmp(&b.key));
        let large_enough = |group: &Group| {
            group.persons.len() >= query.k as u64
                && !group.measures.iter().any(|measure| measure.is_dominated(query.dominance_percent))
        };
        let (kept, small): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(large_enough);
        let withheld = union(&small);
        let is_total = query.n_keys() == 0;
        let kept = asker.release(|earlier| {
            let mut draft = Draft { kept, withheld, k: query.k };
            let sets: Vec<&Persons> = draft.kept.iter().map(|group| &group.persons).collect();
            let mut clashing = clashes_within(&sets, query.k);
            clashing
                .extend((0..sets.len()).filter(|idx| sets.get(*idx).is_some_and(|set| earlier.clashes(set, query.k))));
            if is_total && !clashing.is_empty() {
                return Err(QueryError::TooCloseToEarlier { k: query.k });
            }
            draft.withhold(&clashing);
            draft.hide_the_rest();
            // All groups together are a group too: what is left out must not follow from an earlier total.
            while draft.kept.len() > 1 && earlier.clashes(&union(&draft.kept), query.k) {
                draft.withhold_smallest();
                draft.hide_the_rest();
            }
            let mut released: Vec<Persons> = draft.kept.iter().map(|group| group.persons.clone()).collect();
            if released.len() > 1 {
                released.push(union(&draft.kept));
            }
            Ok((draft.kept, released))
        })?;
        Ok((kept, converter))
    }
}

/// Groups on the way to release.
struct Draft {
    kept: Vec<Group>,
    /// Persons of the groups left out.
    withheld: Persons,
    k: usize,
}

impl Draft {
    fn withhold(&mut self, positions: &[usize]) {
        let mut idx = 0;
        let withheld = &mut self.withheld;
        self.kept.retain(|group| {
            let stays = !positions.contains(&idx);
            if !stays {
                *withheld |= &group.persons;
            }
            idx += 1;
            stays
        });
    }

    /// A total less the groups shown is the groups left out: they have to be nobody, or enough persons together.
    fn hide_the_rest(&mut self) {
        while !self.withheld.is_empty() && self.withheld.len() < self.k as u64 && !self.kept.is_empty() {
            self.withhold_smallest();
        }
    }

    fn withhold_smallest(&mut self) {
        let smallest = self.kept.iter().enumerate().min_by_key(|(_, group)| group.persons.len()).map(|(idx, _)| idx);
        self.withhold(smallest.as_slice());
    }
}

fn union(groups: &[Group]) -> Persons {
    groups.iter().fold(Persons::new(), |all, group| all | &group.persons)
}

fn integer(column: &ArrayRef, idx: usize) -> i64 {
    let column = column.as_primitive::<Int64Type>();
    if column.is_null(idx) { 0 } else { column.value(idx) }
}

fn misshapen() -> DataFusionError {
    DataFusionError::Internal("the persons' plan has other columns".to_owned())
}
