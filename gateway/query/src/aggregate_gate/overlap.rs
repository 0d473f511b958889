//! The query-set overlap guard: who was counted before, so that nobody is found by subtraction.
//!
//! Two released groups that differ by fewer than k persons give those persons away, however large both are. The guard
//! remembers, for each asker, the persons of every group released from one published version, and refuses a group that
//! differs from an earlier one by at least one and fewer than k persons. It compares groups of all relations with one
//! another, since a join or a second relation is only another way to describe persons.
//
// What it does not do: it does not compare across askers, nor unions of earlier groups, nor published versions, and a
// restart forgets.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roaring::RoaringBitmap;

use crate::QueryError;

/// Versions whose groups are remembered for new questions: the one in force, and the one before, which a question that was
/// asked as the data changed still speaks of.
const N_VERSIONS: usize = 2;

/// Remembers the persons of released groups.
#[derive(Debug, Default)]
pub(crate) struct OverlapGuard {
    /// The version asked about last comes last.
    versions: Mutex<VecDeque<(u64, Arc<Mutex<State>>)>>,
}

/// What was released from one published version.
#[derive(Debug, Default)]
struct State {
    /// Small numbers for persons, by keyed hash.
    numbers: HashMap<u64, u32>,
    hasher: RandomState,
    /// Released groups of each asker, by number of persons.
    released: HashMap<String, Released>,
}

#[derive(Debug, Default)]
struct Released {
    by_size: BTreeMap<u64, Vec<RoaringBitmap>>,
    n_groups: usize,
}

/// On whose behalf groups are released, and against what they are held.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// That of the version the question is about, for as long as it runs: a later version does not make it forget.
    version: Arc<Mutex<State>>,
    subject: String,
    /// Most groups one asker may have from one published version.
    max_groups: usize,
}

/// A group that may be released: its persons.
pub(super) type Persons = RoaringBitmap;

impl Asker {
    /// Small numbers for persons, the same for the same person as long as one version is published.
    pub(super) fn numbers<'t>(&self, persons: impl Iterator<Item = &'t str>) -> Vec<u32> {
        let mut state = self.state();
        let State { numbers, hasher, .. } = &mut *state;
        persons
            .map(|person| {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                *numbers.entry(hasher.hash_one(person)).or_insert(next)
            })
            .collect()
    }

    /// Decides about the groups of one answer and remembers those released, in one step, so that two queries at once cannot
    /// slip past one another. `decide` is given a view of what was released before and names the groups to remember.
    ///
    /// # Errors
    /// What `decide` says; [`QueryError::LimitReached`] if the asker has had as many groups as are given out. Nothing may be
    /// released then.
    pub(super) fn release<T>(
        &self,
        decide: impl FnOnce(&Earlier<'_>) -> Result<(T, Vec<Persons>), QueryError>,
    ) -> Result<T, QueryError> {
        let mut state = self.state();
        let released = state.released.entry(self.subject.clone()).or_default();
        let (decided, groups) = decide(&Earlier(released))?;
        let is_new = |group: &Persons| !released.by_size.get(&group.len()).is_some_and(|known| known.contains(group));
        let new: Vec<Persons> = groups.into_iter().filter(is_new).collect();
        if released.n_groups + new.len() > self.max_groups {
            return Err(QueryError::LimitReached {
                limit: "max_released_groups",
                allowed: format!("{} groups of one published version", self.max_groups),
            });
        }
        released.n_groups += new.len();
        for group in new {
            released.by_size.entry(group.len()).or_default().push(group);
        }
        Ok(decided)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one asker was released before.
pub(super) struct Earlier<'r>(&'r Released);

impl Earlier<'_> {
    /// Whether a group differs from an earlier one by too few persons.
    pub(super) fn clashes(&self, group: &Persons, k: usize) -> bool {
        let near = self.0.by_size.range(near_sizes(group.len(), k));
        near.flat_map(|(_, groups)| groups).any(|other| differ_by_few(group, other, k))
    }
}

/// Positions of groups that differ from one before them in the list by too few persons.
pub(super) fn clashes_within(groups: &[&Persons], k: usize) -> Vec<usize> {
    let mut before: BTreeMap<u64, Vec<&Persons>> = BTreeMap::new();
    let mut found = Vec::new();
    for (idx, group) in groups.iter().enumerate() {
        let mut near = before.range(near_sizes(group.len(), k)).flat_map(|(_, groups)| groups);
        if near.any(|other| differ_by_few(group, other, k)) {
            found.push(idx);
        } else {
            before.entry(group.len()).or_default().push(group);
        }
    }
    found
}

impl OverlapGuard {
    /// Somebody who asks about one published version, and may have so many groups of it.
    pub(crate) fn asker(&self, subject: &str, data_version: u64, max_groups: usize) -> Asker {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let known = versions.iter().position(|(version, _)| *version == data_version);
        let (_, state) = known.and_then(|idx| versions.remove(idx)).unwrap_or_else(|| (data_version, Arc::default()));
        let version = Arc::clone(&state);
        versions.push_back((data_version, state));
        while versions.len() > N_VERSIONS {
            versions.pop_front();
        }
        Asker { version, subject: subject.to_owned(), max_groups }
    }
}

/// Sizes of groups that could differ from one of this size by fewer than k persons.
fn near_sizes(size: u64, k: usize) -> std::ops::RangeInclusive<u64> {
    let k = k as u64;
    size.saturating_sub(k)..=size.saturating_add(k)
}

fn differ_by_few(a: &Persons, b: &Persons, k: usize) -> bool {
    let common = a.intersection_len(b);
    let apart = (a.len() - common) + (b.len() - common);
    apart > 0 && apart < k as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(guard: &OverlapGuard, subject: &str, data_version: u64) -> Asker {
        guard.asker(subject, data_version, 4)
    }

    fn persons(range: std::ops::Range<u32>) -> Persons {
        range.collect()
    }

    fn remember(asker: &Asker, groups: &[Persons]) -> Result<(), QueryError> {
        asker.release(|_| Ok(((), groups.to_vec())))
    }

    fn clashes(asker: &Asker, group: &Persons) -> bool {
        asker.release(|earlier| Ok((earlier.clashes(group, 5), Vec::new()))).unwrap()
    }

    #[test]
    fn a_group_that_differs_by_few_is_refused_and_the_same_one_is_not() {
        let li = asker(&OverlapGuard::default(), "li", 1);
        remember(&li, &[persons(0..100)]).unwrap();
        assert!(!clashes(&li, &persons(0..100)));
        assert!(clashes(&li, &persons(0..96)));
        assert!(clashes(&li, &persons(2..102)));
        assert!(!clashes(&li, &persons(0..95)));
        assert!(clashes(&li, &persons(0..104)));
        assert!(!clashes(&li, &persons(50..150)));
    }

    #[test]
    fn groups_of_one_answer_are_held_against_one_another() {
        let groups = [persons(0..50), persons(0..48), persons(100..150)];
        assert_eq!(clashes_within(&groups.each_ref(), 5), [1]);
    }

    #[test]
    fn other_people_and_other_versions_start_anew() {
        let guard = OverlapGuard::default();
        remember(&asker(&guard, "li", 1), &[persons(0..100)]).unwrap();
        let near = persons(0..99);
        assert!(!clashes(&asker(&guard, "wang", 1), &near));
        assert!(clashes(&asker(&guard, "li", 1), &near));
        assert!(!clashes(&asker(&guard, "li", 2), &near));
    }

    /// A question of the version before that is still running neither makes this version's groups forgotten, nor are
    /// persons numbered anew below it.
    #[test]
    fn an_older_version_in_flight_makes_nothing_forgotten() {
        let guard = OverlapGuard::default();
        let running = asker(&guard, "li", 1);
        let first = running.numbers(["a", "b"].into_iter());
        remember(&asker(&guard, "li", 2), &[persons(0..100)]).unwrap();
        assert_eq!(running.numbers(["b"].into_iter()), [first[1]]);
        remember(&running, &[persons(0..7)]).unwrap();
        assert!(clashes(&asker(&guard, "li", 2), &persons(0..99)));
        assert!(clashes(&running, &persons(0..6)));
        assert!(clashes(&asker(&guard, "li", 1), &persons(0..6)));
    }

    #[test]
    fn no_more_groups_than_allowed_are_released() {
        let li = asker(&OverlapGuard::default(), "li", 1);
        let apart: Vec<Persons> = (0..4).map(|i| persons(i * 100..i * 100 + 50)).collect();
        remember(&li, &apart).unwrap();
        remember(&li, &[persons(0..50)]).unwrap();
        assert!(matches!(remember(&li, &[persons(900..950)]), Err(QueryError::LimitReached { .. })));
    }

    #[test]
    fn a_person_keeps_its_number_within_a_version() {
        let guard = OverlapGuard::default();
        let li = asker(&guard, "li", 1);
        let first = li.numbers(["a", "b", "a"].into_iter());
        assert_eq!(first[0], first[2]);
        assert_ne!(first[0], first[1]);
        assert_eq!(asker(&guard, "wang", 1).numbers(["b"].into_iter()), [first[1]]);
    }
}
