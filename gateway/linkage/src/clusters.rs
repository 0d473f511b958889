//! Records joined into clusters, and what a cluster may not become.
//!
//! INVARIANT (one verified number per person): no union joins two clusters that hold different citizen ID numbers. Every
//! union goes through [`Clusters::join`], which refuses it.

use crate::birth::{Birth, BirthLevel};
use crate::dictionary::{Code, NONE};

/// What is known of the person a cluster stands for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    /// The citizen ID number, if a record holds one that is its person's own.
    pub(crate) id: Code,
    /// The birth date, the whole one if there is any.
    pub(crate) birth: Birth,
    /// 1 male, 2 female, 0 unknown.
    pub(crate) sex: u8,
    /// The weakest join the cluster rests on, in per mille; 1000 for a record alone.
    pub(crate) score: u16,
}

/// What came of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// The two are one cluster now.
    Joined,
    /// They were already.
    Already,
    /// They hold two different citizen ID numbers.
    TwoIds,
    /// Their birth dates or sexes exclude one another.
    TwoPersons,
}

/// What a join may overlook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tolerance {
    /// Birth dates may be near, sexes must agree.
    Usual,
    /// The same number on both sides: what the sex column says is then a slip.
    SameNumber,
}

/// Union-find over records, with the state of each cluster at its root.
#[derive(Debug)]
pub(crate) struct Clusters {
    parent: Vec<u32>,
    state: Vec<State>,
}

impl Clusters {
    /// Each record alone.
    pub(crate) fn new(states: Vec<State>) -> Self {
        let parent = (0_u32..).take(states.len()).collect();
        Self { parent, state: states }
    }

    /// The root of a record's cluster: its smallest record, so that roots do not depend on the order of joins.
    pub(crate) fn root(&mut self, record: u32) -> u32 {
        let mut at = record;
        loop {
            let up = self.parent_of(at);
            if up == at {
                return at;
            }
            let above = self.parent_of(up);
            if let Some(slot) = self.parent.get_mut(at as usize) {
                *slot = above;
            }
            at = above;
        }
    }

    fn parent_of(&self, record: u32) -> u32 {
        self.parent.get(record as usize).copied().unwrap_or(record)
    }

    /// The state of the cluster with that root.
    pub(crate) fn state(&self, root: u32) -> State {
        self.state.get(root as usize).copied().unwrap_or_default()
    }

    /// Whether two clusters could be one person, without joining them.
    pub(crate) fn judge(&self, a: State, b: State, tolerance: Tolerance) -> Join {
        if a.id != NONE && b.id != NONE && a.id != b.id {
            return Join::TwoIds;
        }
        let sexes_agree = a.sex == 0 || b.sex == 0 || a.sex == b.sex || tolerance == Tolerance::SameNumber;
        if !sexes_agree || a.birth.level(b.birth) == BirthLevel::Different {
            return Join::TwoPersons;
        }
        Join::Joined
    }

    /// Joins the clusters of two records unless they cannot be one person. `score`: how sure the reason is, per mille.
    pub(crate) fn join(&mut self, a: u32, b: u32, tolerance: Tolerance, score: u16) -> Join {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return Join::Already;
        }
        let (x, y) = (self.state(a), self.state(b));
        let verdict = self.judge(x, y, tolerance);
        if verdict != Join::Joined {
            return verdict;
        }
        let (keep, give) = (a.min(b), a.max(b));
        if let Some(slot) = self.parent.get_mut(give as usize) {
            *slot = keep;
        }
        if let Some(slot) = self.state.get_mut(keep as usize) {
            *slot = merged(x, y, score);
        }
        Join::Joined
    }

    /// Every cluster with its records in order; clusters in the order of their smallest record.
    pub(crate) fn members(&mut self) -> Vec<Vec<u32>> {
        let n = u32::try_from(self.parent.len()).unwrap_or(u32::MAX);
        let mut place = vec![u32::MAX; self.parent.len()];
        let mut members: Vec<Vec<u32>> = Vec::new();
        for record in 0..n {
            let root = self.root(record);
            let Some(slot) = place.get_mut(root as usize) else { continue };
            if *slot == u32::MAX {
                *slot = u32::try_from(members.len()).unwrap_or(u32::MAX);
                members.push(Vec::new());
            }
            if let Some(list) = members.get_mut(*slot as usize) {
                list.push(record);
            }
        }
        members
    }
}

/// The side with the number speaks for birth date and sex; otherwise the whole date before the partial one, and of two
/// whole ones the smaller, so that the order of joins does not matter.
fn merged(a: State, b: State, score: u16) -> State {
    let (first, second) = match (a.id != NONE, b.id != NONE) {
        (true, false) => (a, b),
        (false, true) => (b, a),
        _ if (!a.birth.is_exact(), a.birth.0, a.sex) <= (!b.birth.is_exact(), b.birth.0, b.sex) => (a, b),
        _ => (b, a),
    };
    let birth = match (first.birth.is_none(), first.birth.is_exact() || !second.birth.is_exact()) {
        (true, _) => second.birth,
        (false, true) => first.birth,
        (false, false) => second.birth,
    };
    State {
        id: if first.id == NONE { second.id } else { first.id },
        birth,
        sex: if first.sex == 0 { second.sex } else { first.sex },
        score: a.score.min(b.score).min(score),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(id: Code, birth: u32, sex: u8) -> State {
        State { id, birth: Birth(birth), sex, score: 1000 }
    }

    #[test]
    fn two_numbers_never_meet_in_one_cluster_not_even_through_a_third() {
        let mut clusters = Clusters::new(vec![state(1, 0, 0), state(0, 0, 0), state(2, 0, 0)]);
        assert_eq!(clusters.join(0, 1, Tolerance::Usual, 900), Join::Joined);
        assert_eq!(clusters.join(2, 1, Tolerance::Usual, 900), Join::TwoIds);
        assert_eq!(clusters.join(2, 1, Tolerance::SameNumber, 900), Join::TwoIds);
        assert_eq!(clusters.members(), vec![vec![0, 1], vec![2]]);
        assert_eq!(clusters.state(0).score, 900);
    }

    #[test]
    fn a_cluster_remembers_the_whole_birth_date() {
        let mut clusters =
            Clusters::new(vec![state(0, 19_500_000, 0), state(0, 19_500_312, 1), state(0, 19_501_101, 1)]);
        assert_eq!(clusters.join(0, 1, Tolerance::Usual, 950), Join::Joined);
        assert_eq!(clusters.state(0).birth, Birth(19_500_312));
        assert_eq!(clusters.join(0, 2, Tolerance::Usual, 950), Join::TwoPersons);
    }

    #[test]
    fn sexes_exclude_unless_the_number_is_the_same() {
        let mut clusters = Clusters::new(vec![state(1, 0, 1), state(1, 0, 2)]);
        assert_eq!(clusters.join(0, 1, Tolerance::Usual, 950), Join::TwoPersons);
        assert_eq!(clusters.join(0, 1, Tolerance::SameNumber, 1000), Join::Joined);
        assert_eq!(clusters.join(1, 0, Tolerance::Usual, 950), Join::Already);
    }
}
