//! How good a linkage is, measured against known truth.

use hashbrown::{HashMap, HashSet};

use crate::identities::{EntityId, EntityKind, Identities};

/// Pairwise quality: of all pairs of records, which were put together and which belong together.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Quality {
    /// Pairs of records of one true entity, whether or not linking has seen them.
    pub pairs_true: u64,
    /// Pairs that linking put together, among records whose truth is known.
    pub pairs_found: u64,
    /// Pairs that are both.
    pub pairs_correct: u64,
    /// `pairs_correct / pairs_found`; 1 if nothing was found.
    pub precision: f64,
    /// `pairs_correct / pairs_true`; 1 if there is nothing to find.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

/// Compares a membership with the truth: `(source, record key, true entity)` for each record.
///
/// Pairs are counted from the sizes of clusters and of their overlaps, never enumerated: linear in the records. Records
/// of the truth that the membership does not have are pairs missed; records of the membership without truth are left
/// out, for nothing is known of them. Of a record that the truth names twice, the first counts.
pub fn evaluate<S, K, U>(identities: &Identities, truth: impl Iterator<Item = (S, K, U)>, kind: EntityKind) -> Quality
where
    S: AsRef<str>,
    K: AsRef<str>,
    U: AsRef<str>,
{
    let found = identities.by_record(kind);
    let mut uids: HashMap<String, u32> = HashMap::new();
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let mut true_sizes: HashMap<u32, u64> = HashMap::new();
    let mut found_sizes: HashMap<EntityId, u64> = HashMap::new();
    let mut overlaps: HashMap<(EntityId, u32), u64> = HashMap::new();
    for (source, key, uid) in truth {
        let (source, key) = (source.as_ref(), key.as_ref());
        if !seen.insert((source.to_owned(), key.to_owned())) {
            continue;
        }
        let next = u32::try_from(uids.len()).unwrap_or(u32::MAX);
        let uid = *uids.entry(uid.as_ref().to_owned()).or_insert(next);
        *true_sizes.entry(uid).or_default() += 1;
        if let Some(entity) = found.get(&(source, key)) {
            *found_sizes.entry(*entity).or_default() += 1;
            *overlaps.entry((*entity, uid)).or_default() += 1;
        }
    }
    let pairs_true = pairs(true_sizes.values());
    let pairs_found = pairs(found_sizes.values());
    let pairs_correct = pairs(overlaps.values());
    let share = |of: u64| if of == 0 { 1.0 } else { pairs_correct as f64 / of as f64 };
    let (precision, recall) = (share(pairs_found), share(pairs_true));
    let sum = precision + recall;
    let f1 = if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 };
    Quality { pairs_true, pairs_found, pairs_correct, precision, recall, f1 }
}

fn pairs<'a>(sizes: impl Iterator<Item = &'a u64>) -> u64 {
    sizes.map(|n| n * n.saturating_sub(1) / 2).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identities::IdentitiesBuilder;

    /// `found`: record key and number of the cluster it was put into.
    fn quality(found: &[(&str, usize)], truth: &[(&str, &str)]) -> Quality {
        let ids: Vec<EntityId> = (0..10).map(|_| EntityId::random().unwrap()).collect();
        let mut builder = IdentitiesBuilder::default();
        for (key, cluster) in found {
            builder.add(EntityKind::Person, "s.t", *key, ids[*cluster]);
        }
        evaluate(&builder.finish(), truth.iter().map(|(key, uid)| ("s.t", *key, *uid)), EntityKind::Person)
    }

    #[test]
    fn a_perfect_linkage_is_perfect() {
        let q = quality(&[("a", 0), ("b", 0), ("c", 1)], &[("a", "x"), ("b", "x"), ("c", "y")]);
        assert_eq!((q.pairs_true, q.pairs_found, q.pairs_correct), (1, 1, 1));
        assert_eq!((q.precision, q.recall, q.f1), (1.0, 1.0, 1.0));
    }

    #[test]
    fn one_cluster_too_many_and_one_too_large_are_counted_by_pairs() {
        // Truth: {a b c d} {e}. Found: {a b} {c d e}.
        let q = quality(
            &[("a", 0), ("b", 0), ("c", 1), ("d", 1), ("e", 1)],
            &[("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "y")],
        );
        assert_eq!((q.pairs_true, q.pairs_found, q.pairs_correct), (6, 4, 2));
        assert_eq!((q.precision, q.recall, q.f1), (0.5, 2.0 / 6.0, 0.4));
    }

    #[test]
    fn records_never_seen_are_missed_and_records_without_truth_are_left_out() {
        let q = quality(&[("a", 0), ("stray", 0)], &[("a", "x"), ("b", "x"), ("a", "x")]);
        assert_eq!((q.pairs_true, q.pairs_found, q.pairs_correct, q.recall), (1, 0, 0, 0.0));
    }

    #[test]
    fn nothing_against_nothing_is_no_division_by_zero() {
        let q = quality(&[], &[]);
        assert_eq!((q.precision, q.recall, q.f1), (1.0, 1.0, 1.0));
    }
}
