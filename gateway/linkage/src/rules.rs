//! The rules by which records are one person, applied in the order of their strength.
//!
//! 1. `same_id`: the same valid citizen ID number, with compatible names. A number alone is not enough: health and welfare
//!    desks enter a parent's number for a child.
//! 2. `same_source_key`: the same number of the department's own, with compatible names.
//! 3. name and birth date, and a telephone or an address in common; then the same with names that only sound alike.
//! 4. name and telephone, or name and house, where birth dates and sexes do not exclude it. A record without birth date
//!    joins only if there is exactly one person it can be.
//! 5. `name_birth`: name and birth date alone, if by the frequencies of both a coincidence is unlikely and if it can be
//!    only one person.
//!
//! Every rule sorts `(key, record)` and walks the runs of equal keys: no pair is ever materialised.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::birth::BirthLevel;
use crate::clusters::{Clusters, Join, State, Tolerance};
use crate::dictionary::{Code, NONE};
use crate::name::NameLevel;
use crate::people::{IdState, LinkRecord, People};
use crate::places::Places;
use crate::report::Conflicts;

/// A telephone that more names than this share is a switchboard or a filler, and says nothing of a person.
const NAMES_PER_PHONE_MAX: usize = 8;
/// Persons that one run of equal keys can be divided into. Beyond that the key says nothing, and the rest of the run is
/// left alone and reported; it also bounds the work, which is clusters times persons.
const RUN_PERSONS_MAX: usize = 64;
/// Chance of another person with the same name and birth date above which the two alone do not join.
const COINCIDENCE_MAX: f64 = 0.01;

/// What linking persons came to.
#[derive(Debug)]
pub(crate) struct PersonLinks {
    pub(crate) clusters: Clusters,
    pub(crate) by_rule: BTreeMap<String, u64>,
    pub(crate) conflicts: Conflicts,
}

/// Joins the records of each person. Marks, in `people`, numbers that turn out to be another person's.
pub(crate) fn link_persons(people: &mut People, places: &Places) -> PersonLinks {
    let mut conflicts = Conflicts::default();
    let same_number = sort_out_numbers(people, &mut conflicts);
    let states = people.records.iter().map(|record| first_state(people, record)).collect();
    let mut linker = Linker { people, places, clusters: Clusters::new(states), by_rule: BTreeMap::new(), conflicts };
    linker.join_pairs("same_id", &same_number, Tolerance::SameNumber, 1000);
    let filed = linker.filed_alike();
    linker.join_pairs("same_source_key", &filed, Tolerance::Usual, 995);
    let phones = UsablePhones::of(linker.people);
    for rule in &RULES {
        linker.apply(rule, &phones);
    }
    linker.join_rare_names();
    PersonLinks { clusters: linker.clusters, by_rule: linker.by_rule, conflicts: linker.conflicts }
}

/// What a record alone says of its person. The date within a number of one's own is more reliable than a typed one.
fn first_state(people: &People, record: &LinkRecord) -> State {
    let (birth, sex) = people.id_facts(record.id);
    if record.id_state.is_own() {
        State { id: record.id, birth, sex, score: 1000 }
    } else {
        State { id: NONE, birth: record.birth, sex: record.sex, score: 1000 }
    }
}

/// Records under one number whose names go together.
#[derive(Default)]
struct Namesakes {
    records: Vec<u32>,
    names: Vec<Code>,
    n_verified: usize,
}

/// Divides the records of each number by name, finds whose number it is, and gives the pairs to join.
fn sort_out_numbers(people: &mut People, conflicts: &mut Conflicts) -> Vec<(u32, u32)> {
    let mut keyed: Vec<(Code, IdState, u32)> = people
        .records
        .iter()
        .zip(0_u32..)
        .filter(|(r, _)| r.id_state.is_own() || r.id_state == IdState::Document)
        .map(|(r, at)| (r.id, r.id_state, at))
        .collect();
    keyed.sort_unstable();
    conflicts.contradicted_numbers =
        people.records.iter().filter(|r| r.id_state == IdState::Contradicted).count() as u64;
    let mut pairs = Vec::new();
    let mut foreign = Vec::new();
    for run in keyed.chunk_by(|a, b| a.0 == b.0) {
        let groups = by_name(people, run);
        let owner =
            groups.iter().enumerate().max_by_key(|(at, g)| (g.n_verified, g.records.len(), std::cmp::Reverse(*at)));
        let Some((owner, owning)) = owner else { continue };
        for (at, group) in groups.iter().enumerate() {
            if at != owner {
                conflicts.shared_numbers += group.records.len() as u64;
                if owning.n_verified > 0 && group.n_verified == 0 {
                    foreign.extend_from_slice(&group.records);
                }
            }
            if let [first, rest @ ..] = group.records.as_slice() {
                pairs.extend(rest.iter().map(|other| (*first, *other)));
            }
        }
    }
    for at in foreign {
        if let Some(record) = people.records.get_mut(at as usize) {
            record.id_state = IdState::Foreign;
        }
    }
    pairs
}

fn by_name(people: &People, run: &[(Code, IdState, u32)]) -> Vec<Namesakes> {
    let mut groups: Vec<Namesakes> = Vec::new();
    let mut nameless = Vec::new();
    for (_, state, at) in run {
        let Some(record) = people.record(*at) else { continue };
        if record.name == NONE && record.former_name == NONE {
            nameless.push(*at);
            continue;
        }
        let own: Vec<Code> = [record.name, record.former_name].into_iter().filter(|n| *n != NONE).collect();
        let fits = |group: &Namesakes| {
            let named =
                group.names.iter().any(|a| own.iter().any(|b| people.names.level(*a, *b) > NameLevel::Different));
            let born = *state != IdState::Document
                || group.records.iter().all(|other| {
                    people.record(*other).is_none_or(|o| o.birth.level(record.birth) != BirthLevel::Different)
                });
            named && born
        };
        let group = match groups.iter().position(fits) {
            Some(found) => groups.get_mut(found),
            None => {
                groups.push(Namesakes::default());
                groups.last_mut()
            }
        };
        if let Some(group) = group {
            group.records.push(*at);
            group.n_verified += usize::from(*state == IdState::Verified);
            for name in own {
                if !group.names.contains(&name) {
                    group.names.push(name);
                }
            }
        }
    }
    match groups.as_mut_slice() {
        [] => groups.push(Namesakes { records: nameless, ..Namesakes::default() }),
        [only] => only.records.extend(nameless),
        // Several people use the number and these records do not say which they are: each stays alone.
        _ => groups.extend(nameless.into_iter().map(|at| Namesakes { records: vec![at], ..Namesakes::default() })),
    }
    groups
}

/// Telephones that say something of a person.
struct UsablePhones(Vec<bool>);

impl UsablePhones {
    fn of(people: &People) -> Self {
        let mut pairs: Vec<(Code, Code)> =
            people.records.iter().flat_map(|r| people.phones_of(r).iter().map(|phone| (*phone, r.name))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut usable = vec![true; people.phones.len() + 1];
        for run in pairs.chunk_by(|a, b| a.0 == b.0) {
            if run.len() > NAMES_PER_PHONE_MAX
                && let Some((phone, _)) = run.first()
                && let Some(slot) = usable.get_mut(*phone as usize)
            {
                *slot = false;
            }
        }
        Self(usable)
    }

    fn contains(&self, phone: Code) -> bool {
        self.0.get(phone as usize).copied().unwrap_or(false)
    }
}

/// What of the name has to be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamePart {
    Whole,
    Reading,
}

/// What has to be in common beside the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    Phone,
    /// A flat, a building, or equal elements of an address.
    Place,
    House,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BirthDay {
    Needed,
    Open,
}

struct Rule {
    name: &'static str,
    part: NamePart,
    birth: BirthDay,
    tie: Tie,
    /// How sure the rule is, in per mille: the order of rules as a figure, shown as `merge_score`.
    score: u16,
}

const RULES: [Rule; 6] = [
    Rule { name: "name_birth_phone", part: NamePart::Whole, birth: BirthDay::Needed, tie: Tie::Phone, score: 990 },
    Rule { name: "name_birth_place", part: NamePart::Whole, birth: BirthDay::Needed, tie: Tie::Place, score: 990 },
    Rule { name: "reading_birth_phone", part: NamePart::Reading, birth: BirthDay::Needed, tie: Tie::Phone, score: 970 },
    Rule { name: "reading_birth_house", part: NamePart::Reading, birth: BirthDay::Needed, tie: Tie::House, score: 970 },
    Rule { name: "name_phone", part: NamePart::Whole, birth: BirthDay::Open, tie: Tie::Phone, score: 960 },
    Rule { name: "name_house", part: NamePart::Whole, birth: BirthDay::Open, tie: Tie::House, score: 950 },
];

type Keyed = (u128, u32);

struct Linker<'a> {
    people: &'a People,
    places: &'a Places,
    clusters: Clusters,
    by_rule: BTreeMap<String, u64>,
    conflicts: Conflicts,
}

impl Linker<'_> {
    fn join_pairs(&mut self, rule: &str, pairs: &[(u32, u32)], tolerance: Tolerance, score: u16) {
        let mut n_joined = 0;
        for (a, b) in pairs {
            match self.clusters.join(*a, *b, tolerance, score) {
                Join::Joined => n_joined += 1,
                Join::Already => {}
                Join::TwoIds => self.conflicts.two_numbers += 1,
                Join::TwoPersons => self.conflicts.two_persons += 1,
            }
        }
        self.by_rule.insert(rule.to_owned(), n_joined);
    }

    /// Records that their department files under one number, with compatible names.
    fn filed_alike(&self) -> Vec<(u32, u32)> {
        let mut keyed: Vec<(Code, u32)> = self
            .people
            .records
            .iter()
            .zip(0_u32..)
            .filter(|(r, _)| r.source_key != NONE)
            .map(|(r, at)| (r.source_key, at))
            .collect();
        keyed.sort_unstable();
        let mut pairs = Vec::new();
        for run in keyed.chunk_by(|a, b| a.0 == b.0) {
            // The record that opens the file (the archive itself) has the smallest index: its role comes first.
            let Some(((_, first), rest)) = run.split_first() else { continue };
            let Some(head) = self.people.record(*first) else { continue };
            for (_, at) in rest {
                let level = self.people.record(*at).map(|r| self.people.names.level(head.name, r.name));
                if level.is_some_and(|level| level > NameLevel::Different) {
                    pairs.push((*first, *at));
                }
            }
        }
        pairs
    }

    fn apply(&mut self, rule: &Rule, phones: &UsablePhones) {
        let mut keyed: Vec<Keyed> = Vec::new();
        for (record, at) in self.people.records.iter().zip(0_u32..) {
            let birth = first_state(self.people, record).birth;
            if rule.birth == BirthDay::Needed && !birth.is_exact() {
                continue;
            }
            let day = if rule.birth == BirthDay::Needed { birth.0 } else { 0 };
            let names = match rule.part {
                NamePart::Whole => [record.name, record.former_name],
                NamePart::Reading => self.people.names.readings(record.name),
            };
            for name in names.into_iter().filter(|name| *name != NONE) {
                self.ties(record, rule.tie, phones, |tie| keyed.push((pack(name, day, tie), at)));
            }
        }
        let n_joined = self.join_runs(keyed, rule.score, |_, _| true);
        self.by_rule.insert(rule.name.to_owned(), n_joined);
    }

    /// Gives every tie of a record as a number, apart for each kind of tie.
    fn ties(&self, record: &LinkRecord, tie: Tie, phones: &UsablePhones, mut give: impl FnMut(Code)) {
        const BUILDING: Code = 1 << 30;
        const EXACT: Code = 1 << 31;
        if tie == Tie::Phone {
            self.people
                .phones_of(record)
                .iter()
                .filter(|phone| phones.contains(**phone))
                .for_each(|phone| give(*phone));
            return;
        }
        for address in record.addresses.into_iter().filter(|address| *address != NONE) {
            let place = self.places.place(address);
            if place.house != NONE {
                give(place.house);
            }
            if tie == Tie::Place && place.building != NONE {
                give(place.building | BUILDING);
            }
            if tie == Tie::Place && place.exact != NONE {
                give(place.exact | EXACT);
            }
        }
    }

    /// Joins within each run of equal keys. `wanted` may leave a run alone.
    fn join_runs(&mut self, mut keyed: Vec<Keyed>, score: u16, wanted: impl Fn(&Self, &[Keyed]) -> bool) -> u64 {
        keyed.sort_unstable();
        let mut n_joined = 0;
        for run in keyed.chunk_by(|a, b| a.0 == b.0) {
            if run.len() > 1 && wanted(self, run) {
                n_joined += self.join_run(run, score);
            }
        }
        n_joined
    }

    /// Joins the clusters of one run: the best known first, and each further one only to the one it can be. Where it
    /// can be several, nobody knows which, and it stays apart.
    fn join_run(&mut self, run: &[Keyed], score: u16) -> u64 {
        let mut roots: Vec<(u8, u32)> = run
            .iter()
            .map(|(_, at)| {
                let root = self.clusters.root(*at);
                let state = self.clusters.state(root);
                let unknown = match (state.id != NONE, state.birth.is_exact(), state.birth.is_none()) {
                    (true, ..) => 0,
                    (_, true, _) => 1,
                    (_, _, false) => 2,
                    _ => 3,
                };
                (unknown, root)
            })
            .collect();
        roots.sort_unstable();
        roots.dedup();
        let mut n_joined = 0;
        let mut persons: Vec<u32> = Vec::new();
        for (_, root) in roots {
            let own = self.clusters.state(root);
            let mut fitting = Vec::new();
            for person in &persons {
                let at = self.clusters.root(*person);
                match self.clusters.judge(self.clusters.state(at), own, Tolerance::Usual) {
                    Join::TwoIds => self.conflicts.two_numbers += 1,
                    Join::TwoPersons => {}
                    Join::Joined | Join::Already => fitting.push(*person),
                }
            }
            match fitting.as_slice() {
                [] if persons.len() == RUN_PERSONS_MAX => {
                    self.conflicts.oversized_runs += 1;
                    return n_joined;
                }
                [] => persons.push(root),
                [only] => {
                    n_joined += u64::from(self.clusters.join(*only, root, Tolerance::Usual, score) == Join::Joined)
                }
                _ => self.conflicts.ambiguous += 1,
            }
        }
        n_joined
    }

    /// The last rule: name and birth date alone, where both are rare enough among the persons found so far.
    fn join_rare_names(&mut self) {
        let mut names: HashMap<Code, u32> = HashMap::new();
        let mut days: HashMap<u32, u32> = HashMap::new();
        let mut n_persons = 0_u32;
        let mut keyed: Vec<Keyed> = Vec::new();
        for (record, at) in self.people.records.iter().zip(0_u32..) {
            let own = first_state(self.people, record).birth;
            let is_root = self.clusters.root(at) == at;
            if is_root {
                n_persons += 1;
                *names.entry(record.name).or_default() += 1;
                *days.entry(self.clusters.state(at).birth.0).or_default() += 1;
            }
            if record.name != NONE && own.is_exact() {
                keyed.push((pack(record.name, own.0, 0), at));
            }
        }
        let n_joined = self.join_runs(keyed, 940, |linker, run| {
            let Some(record) = run.first().and_then(|(_, at)| linker.people.record(*at)) else { return false };
            let day = first_state(linker.people, record).birth.0;
            let others = |n: Option<&u32>| f64::from(n.copied().unwrap_or(1).saturating_sub(1));
            others(names.get(&record.name)) * others(days.get(&day)) < COINCIDENCE_MAX * f64::from(n_persons)
        });
        self.by_rule.insert("name_birth".to_owned(), n_joined);
    }
}

fn pack(a: Code, b: u32, c: Code) -> u128 {
    (u128::from(a) << 64) | (u128::from(b) << 32) | u128::from(c)
}
