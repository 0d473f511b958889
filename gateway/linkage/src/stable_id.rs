//! Ids that stay: a cluster of this run takes the id that its records had before.
//!
//! - The cluster takes the old id that holds most of its records; ties go to the smallest id.
//! - Merge: two old entities in one cluster leave one survivor, the one with more records in it.
//! - Split: of several clusters that held one id, the one with most of its records keeps it.
//! - What no old id is left for gets a random new one.

use std::cmp::Reverse;

use hashbrown::{HashMap, HashSet};

use crate::LinkError;
use crate::identities::{EntityId, EntityKind, Identities, IdentitiesBuilder};

/// A record of a cluster: source and record key with suffix.
pub(crate) type RecordName = (&'static str, String);

/// Gives an id to each cluster and notes the membership of its records. Returns the ids in the order of the clusters,
/// and how many are new.
pub(crate) fn assign(
    kind: EntityKind,
    clusters: impl Iterator<Item = Vec<RecordName>>,
    previous: Option<&Identities>,
    membership: &mut IdentitiesBuilder,
) -> Result<(Vec<EntityId>, u64), LinkError> {
    let before = previous.map(|p| p.by_record(kind)).unwrap_or_default();
    let clusters: Vec<Vec<RecordName>> = clusters.collect();
    let mut claims: Vec<(Reverse<u32>, EntityId, usize)> = Vec::new();
    for (at, records) in clusters.iter().enumerate() {
        let mut counts: HashMap<EntityId, u32> = HashMap::new();
        for (source, key) in records {
            if let Some(old) = before.get(&(*source, key.as_str())) {
                *counts.entry(*old).or_default() += 1;
            }
        }
        claims.extend(counts.into_iter().map(|(old, n)| (Reverse(n), old, at)));
    }
    claims.sort_unstable();
    let mut ids: Vec<Option<EntityId>> = vec![None; clusters.len()];
    let mut taken: HashSet<EntityId> = HashSet::new();
    for (_, old, at) in claims {
        if let Some(slot) = ids.get_mut(at)
            && slot.is_none()
            && taken.insert(old)
        {
            *slot = Some(old);
        }
    }
    let mut n_new = 0;
    let mut out = Vec::with_capacity(clusters.len());
    for (id, records) in ids.into_iter().zip(clusters) {
        let id = match id {
            Some(old) => old,
            None => {
                n_new += 1;
                EntityId::random()?
            }
        };
        for (source, key) in records {
            membership.add(kind, source, key, id);
        }
        out.push(id);
    }
    Ok((out, n_new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "police.resident";

    fn run(clusters: &[&[&str]], previous: Option<&Identities>) -> (Vec<EntityId>, Identities) {
        let mut membership = IdentitiesBuilder::default();
        let named = clusters.iter().map(|keys| keys.iter().map(|key| (SOURCE, (*key).to_owned())).collect());
        let (ids, _) = assign(EntityKind::Person, named, previous, &mut membership).unwrap();
        (ids, membership.finish())
    }

    #[test]
    fn a_run_with_added_and_removed_records_keeps_the_ids() {
        let (first, before) = run(&[&["a", "b"], &["c"]], None);
        let (second, _) = run(&[&["c", "new"], &["b"], &["other"]], Some(&before));
        assert_eq!((second[0], second[1]), (first[1], first[0]));
        assert!(!first.contains(&second[2]));
    }

    #[test]
    fn a_merge_leaves_the_id_of_the_larger_part() {
        let (first, before) = run(&[&["a"], &["b", "c"]], None);
        let (second, _) = run(&[&["a", "b", "c"]], Some(&before));
        assert_eq!(second, vec![first[1]]);
    }

    #[test]
    fn a_merge_of_equals_leaves_the_smallest_id() {
        let (first, before) = run(&[&["a"], &["b"]], None);
        let (second, _) = run(&[&["b", "a"]], Some(&before));
        assert_eq!(second, vec![*first.iter().min().unwrap()]);
    }

    #[test]
    fn a_split_leaves_the_id_with_the_largest_part() {
        let (first, before) = run(&[&["a", "b", "c"]], None);
        let (second, after) = run(&[&["a"], &["b", "c"]], Some(&before));
        assert_eq!(second[1], first[0]);
        assert_ne!(second[0], first[0]);
        assert_eq!(after.entity(EntityKind::Person, SOURCE, "a"), Some(second[0]));
    }

    #[test]
    fn kinds_do_not_take_ids_from_one_another() {
        let (first, before) = run(&[&["a"]], None);
        let mut membership = IdentitiesBuilder::default();
        let one = std::iter::once(vec![(SOURCE, "a".to_owned())]);
        let (houses, n_new) = assign(EntityKind::House, one, Some(&before), &mut membership).unwrap();
        assert_eq!(n_new, 1);
        assert_ne!(houses[0], first[0]);
    }
}
