//! Households of the police register: who belongs to which, and the tables `unified.household` and
//! `unified.household_member`.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use schemas::fold_name;

use crate::LinkError;
use crate::dictionary::{Code, NONE};
use crate::identities::EntityId;
use crate::name::{NameLevel, compare_names};
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::facts::PersonFacts;
use crate::unified::{Person, PersonAt, RolePersons, World, known};

const RESIDENT: &str = "police.resident";

/// A person's place in a household, by their newest record there.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) person: PersonAt,
    /// Position in `police.resident`.
    record: usize,
    as_of: i64,
    pub(crate) relation: Option<String>,
    left_on: Option<i32>,
}

/// One household.
#[derive(Debug)]
pub(crate) struct Household {
    pub(crate) household_no: String,
    /// In the order of persons.
    pub(crate) members: Vec<Membership>,
    pub(crate) head: Option<PersonAt>,
    house: Code,
}

/// All households, in the order of their numbers, and each person's own.
#[derive(Debug, Default)]
pub(crate) struct Households {
    pub(crate) list: Vec<Household>,
    of_person: Vec<u32>,
}

impl Households {
    /// Reads the households from the police register.
    pub(crate) fn read(world: &World<'_>, facts: &[PersonFacts]) -> Self {
        let mut numbered: BTreeMap<String, Vec<Membership>> = BTreeMap::new();
        let Some(table) = world.tables.get(RESIDENT) else { return Self::default() };
        let persons = RolePersons::of(world, RESIDENT, "");
        let (number, relation) = (table.text("household_no"), table.text("relation_to_head"));
        let (updated, left_on) = (table.timestamp("updated_at"), table.date("left_on"));
        for record in 0..table.len() {
            if let (Some(number), Some(person)) = (number.get(record), persons.get(record)) {
                numbered.entry(number.to_owned()).or_default().push(Membership {
                    person,
                    record,
                    as_of: updated.get(record).unwrap_or(i64::MIN),
                    relation: relation.get(record).map(str::to_owned),
                    left_on: left_on.get(record),
                });
            }
        }
        let mut out = Self { list: Vec::with_capacity(numbered.len()), of_person: vec![u32::MAX; world.persons.len()] };
        let mut newest = vec![(true, i64::MAX); world.persons.len()];
        for (household_no, mut members) in numbered {
            // Of several records of one person in one household the newest counts.
            members.sort_by_key(|m| (m.person, std::cmp::Reverse(m.as_of), m.record));
            members.dedup_by_key(|m| m.person);
            let at = u32::try_from(out.list.len()).unwrap_or(u32::MAX);
            for member in &members {
                // A person belongs where they have not left, and then where the newer record is.
                let rank = (member.has_left(world), member.as_of.saturating_neg());
                if let (Some(best), Some(slot)) =
                    (newest.get_mut(member.person as usize), out.of_person.get_mut(member.person as usize))
                    && (*slot == u32::MAX || rank < *best)
                {
                    *best = rank;
                    *slot = at;
                }
            }
            let head = find_head(world, &members);
            let house = registered_house(facts, &members, head);
            out.list.push(Household { household_no, members, head, house });
        }
        out
    }

    /// The household a person belongs to now, by index.
    pub(crate) fn of(&self, person: PersonAt) -> Option<u32> {
        self.of_person.get(person as usize).copied().filter(|at| *at != u32::MAX)
    }

    /// The household of that index.
    pub(crate) fn get(&self, at: u32) -> Option<&Household> {
        self.list.get(at as usize)
    }
}

impl Membership {
    fn has_left(&self, world: &World<'_>) -> bool {
        self.left_on.is_some_and(|day| day <= world.today_days())
    }
}

/// Whether a code of `family_relation` says "the head": 户主, or 本人 where the register writes the head so.
fn is_head(relation: &str) -> bool {
    matches!(relation, "0" | "01" | "02")
}

/// The head: who is entered as such; of several, the one that bears the head's number or name; failing that, who bears
/// them anyway.
fn find_head(world: &World<'_>, members: &[Membership]) -> Option<PersonAt> {
    let entered: Vec<&Membership> = members.iter().filter(|m| m.relation.as_deref().is_some_and(is_head)).collect();
    if let [only] = entered.as_slice() {
        return Some(only.person);
    }
    let table = world.tables.get(RESIDENT)?;
    let (head_id, head_name) = (table.text("head_id_no"), table.text("head_name"));
    let ids: HashSet<Code> =
        members.iter().filter_map(|m| world.people.ids.find(head_id.get(m.record)?)).filter(|id| *id != NONE).collect();
    let names: HashSet<String> = members.iter().filter_map(|m| head_name.get(m.record).map(fold_name)).collect();
    let bears_id = |person: &Person| ids.contains(&person.id_no);
    let bears_name = |person: &Person| {
        world.records_of(person).any(|(_, r)| {
            names.iter().any(|name| compare_names(name, world.people.names.text(r.name)) == NameLevel::Same)
        })
    };
    let first_entered = entered.first().map(|m| m.person);
    let candidates = if entered.is_empty() { members.iter().collect() } else { entered };
    let find = |test: &dyn Fn(&Person) -> bool| {
        candidates.iter().map(|m| m.person).find(|at| world.person(*at).is_some_and(test))
    };
    find(&bears_id).or_else(|| find(&bears_name)).or(first_entered)
}

/// The house the household is registered in: the head's, or the one most members name.
fn registered_house(facts: &[PersonFacts], members: &[Membership], head: Option<PersonAt>) -> Code {
    let of = |person: PersonAt| facts.get(person as usize).map_or(NONE, |fact| fact.registered.house);
    if let Some(house) = head.map(of).and_then(known) {
        return house;
    }
    let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
    for house in members.iter().filter_map(|m| known(of(m.person))) {
        *counts.entry(house).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(house, n)| (*n, std::cmp::Reverse(*house))).map_or(NONE, |(house, _)| house)
}

/// Writes the two tables, each in the order of household ids. `ids`: in the order of `households`.
pub(crate) fn write(
    world: &World<'_>,
    facts: &[PersonFacts],
    households: &Households,
    ids: &[EntityId],
) -> Result<[FinishedTable; 2], LinkError> {
    let mut out = TableWriter::new(world.registry, "unified.household")?;
    let mut of_members = TableWriter::new(world.registry, "unified.household_member")?;
    let mut order: Vec<(EntityId, &Household)> = ids.iter().copied().zip(&households.list).collect();
    order.sort_by_key(|(id, _)| *id);
    let table = world.tables.get(RESIDENT);
    let grid_of = |person: PersonAt| facts.get(person as usize).and_then(|fact| fact.grid);
    for (id, household) in order {
        let reg_place = world.places.house(household.house).map(|_| world.places.place_of_house(household.house));
        let grid = reg_place.and_then(|place| world.grids.of_place(place)).or_else(|| household.head.and_then(grid_of));
        let n_members = household
            .members
            .iter()
            .filter(|m| !m.has_left(world) && facts.get(m.person as usize).is_none_or(PersonFacts::is_living))
            .count();
        let is_collective = table.is_some_and(|table| {
            let kind = table.text("hukou_type");
            household.members.iter().any(|m| kind.get(m.record).is_some_and(|kind| kind.contains("集体")))
        });
        out.set("household_id", Value::Id(Some(id)));
        out.set("household_no", Value::Text(Some(&household.household_no)));
        out.set("household_kind", Value::Text(Some(if is_collective { "集体户" } else { "家庭户" })));
        out.set("head_person_id", Value::Id(household.head.and_then(|at| world.person(at)).map(|p| p.id)));
        out.set("reg_house_id", Value::Id(world.house_id(household.house)));
        out.set("member_count", Value::Count(i64::try_from(n_members).ok()));
        out.set("grid_id", Value::Text(world.grids.id_of(grid)));
        out.end_row();
        let Some(table) = table else { continue };
        let (joined_on, move_reason) = (table.date("joined_on"), table.text("move_reason"));
        for member in &household.members {
            of_members.set("household_id", Value::Id(Some(id)));
            of_members.set("person_id", Value::Id(world.person(member.person).map(|p| p.id)));
            of_members.set("relation_to_head", Value::Text(member.relation.as_deref()));
            of_members.set("joined_on", Value::Date(joined_on.get(member.record)));
            of_members.set("left_on", Value::Date(member.left_on));
            of_members.set("move_reason", Value::Text(move_reason.get(member.record)));
            of_members.set("grid_id", Value::Text(world.grids.id_of(grid_of(member.person))));
            of_members.end_row();
        }
    }
    Ok([out.finish()?, of_members.finish()?])
}
