//! The table `unified.residence`: who lives where and by what right, and who is only registered there.

use crate::LinkError;
use crate::dictionary::{Code, NONE};
use crate::identities::EntityId;
use crate::people::DAY_US;
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::facts::{PersonFacts, list_of};
use crate::unified::house::{HouseFacts, Houses, Lease};
use crate::unified::household::Households;
use crate::unified::{PersonAt, RolePersons, World, department};

/// Codes of `residence_relation`.
mod relation {
    pub(super) const OWN: &str = "10";
    pub(super) const RENT: &str = "20";
    pub(super) const LODGE: &str = "30";
    pub(super) const BORROW: &str = "40";
    pub(super) const DORMITORY: &str = "50";
    pub(super) const REGISTERED_ONLY: &str = "60";
    pub(super) const OTHER: &str = "90";
    pub(super) const UNKNOWN: &str = "99";
}

/// One tie between a person and a house.
#[derive(Debug)]
struct Residence {
    id: EntityId,
    person: PersonAt,
    house: Code,
    relation: &'static str,
    start_on: Option<i32>,
    end_on: Option<i32>,
    lives: bool,
    source: &'static str,
}

/// The columns of a person's own registration that date a residence.
struct Registration {
    start_on: Option<i32>,
    end_on: Option<i32>,
    dwelling_type: Option<String>,
    source: &'static str,
}

/// Writes `unified.residence` in the order of residence ids.
pub(crate) fn write(
    world: &World<'_>,
    facts: &[PersonFacts],
    houses: &Houses,
    households: &Households,
    occupants: &[Vec<u32>],
) -> Result<FinishedTable, LinkError> {
    let mut ties = collect(world, facts, houses, households);
    ties.sort_by_key(|tie| tie.id);
    ties.dedup_by_key(|tie| tie.id);
    let mut out = TableWriter::new(world.registry, "unified.residence")?;
    for tie in &ties {
        let (Some(person), Some(fact), Some(house)) =
            (world.person(tie.person), facts.get(tie.person as usize), houses.get(tie.house))
        else {
            continue;
        };
        let is_owner = (!house.owners.is_empty()).then(|| house.owners.contains(&tie.person));
        let grid = world.grids.of_place(world.places.place_of_house(tie.house));
        let seen = fact.seen.filter(|_| tie.lives);
        out.set("residence_id", Value::Id(Some(tie.id)));
        out.set("person_id", Value::Id(Some(person.id)));
        out.set("house_id", Value::Id(world.house_id(tie.house)));
        out.set("relation", Value::Text(Some(tie.relation)));
        out.set("is_registered_here", Value::Flag(fact.is_resident.then_some(fact.registered.house == tie.house)));
        out.set("is_owner", Value::Flag(is_owner));
        out.set("relation_to_owner", Value::Text(relation_to_owner(tie.person, house, households).as_deref()));
        out.set("start_on", Value::Date(tie.start_on));
        out.set("end_on", Value::Date(tie.end_on));
        out.set("verified_on", Value::Date(seen.and_then(|(at, _)| i32::try_from(at.div_euclid(DAY_US)).ok())));
        out.set("verified_by", Value::Text(seen.map(|(_, source)| department(source))));
        out.set("lives_alone", Value::Flag(tie.lives.then(|| lives_alone(world, facts, occupants, tie))));
        out.set("source", Value::Text(Some(tie.source)));
        out.set("grid_id", Value::Text(world.grids.id_of(grid)));
        out.end_row();
    }
    out.finish()
}

fn collect(world: &World<'_>, facts: &[PersonFacts], houses: &Houses, households: &Households) -> Vec<Residence> {
    let registrations = registrations(world, facts);
    let mut ties = Vec::new();
    let mut add = |person: PersonAt, house: Code, relation, dates: (Option<i32>, Option<i32>), lives, source| {
        if let (Some(who), Some(place)) = (world.person(person), world.house_id(house)) {
            let further = format!("{relation} {:?}", dates.0);
            let id = EntityId::derived("residence", &[who.id, place], &further);
            ties.push(Residence { id, person, house, relation, start_on: dates.0, end_on: dates.1, lives, source });
        }
    };
    for ((fact, registration), at) in facts.iter().zip(&registrations).zip(0_u32..) {
        let (home, registered) = (fact.current.house, fact.registered.house);
        if home != NONE
            && fact.is_living()
            && let Some(house) = houses.get(home)
        {
            let own_lease = house.leases.iter().find(|lease| lease.is_in_force && lease.lessee == Some(at));
            let relation = relation_at_home(at, house, own_lease, registration.as_ref(), households);
            let is_rented = relation == relation::RENT;
            let dates = match (own_lease, registration) {
                (Some(lease), _) if is_rented => (lease.start_on, lease.end_on),
                // The police register dates a registration, not a stay elsewhere.
                (_, Some(r)) if r.source != "police.resident" || home == registered => (r.start_on, r.end_on),
                _ => (None, None),
            };
            add(at, home, relation, dates, true, fact.seen.map_or("", |(_, source)| source));
        }
        if registered != NONE && registered != home {
            let relation = if fact.current_address.is_some() { relation::REGISTERED_ONLY } else { relation::UNKNOWN };
            let dates = registration.as_ref().map_or((None, None), |r| (r.start_on, r.end_on));
            add(at, registered, relation, dates, false, "police.resident");
        }
    }
    for (house, lease) in (1_u32..)
        .take(world.places.n_houses())
        .flat_map(|h| houses.get(h).into_iter().flat_map(move |f| f.leases.iter().map(move |l| (h, l))))
    {
        if let Some(lessee) = lease.lessee {
            let is_home =
                facts.get(lessee as usize).is_some_and(|fact| fact.current.house == house && fact.is_living());
            if !(lease.is_in_force && is_home) {
                add(lessee, house, relation::RENT, (lease.start_on, lease.end_on), false, "housing.lease");
            }
        }
    }
    ties
}

/// By what right a person lives at home: as owner, as tenant, as the police registered it, or with the family that owns
/// or rents it.
fn relation_at_home(
    person: PersonAt,
    house: &HouseFacts,
    own_lease: Option<&Lease>,
    registration: Option<&Registration>,
    households: &Households,
) -> &'static str {
    if house.owners.contains(&person) {
        return relation::OWN;
    }
    if own_lease.is_some() {
        return relation::RENT;
    }
    if let Some(dwelling) = registration.and_then(|r| r.dwelling_type.as_deref()) {
        return match dwelling {
            "01" => relation::OWN,
            "02" => relation::RENT,
            "03" => relation::LODGE,
            "04" => relation::BORROW,
            "05" | "06" | "07" => relation::DORMITORY,
            _ => relation::OTHER,
        };
    }
    let own_household = households.of(person);
    let is_family = |other: &PersonAt| own_household.is_some() && households.of(*other) == own_household;
    if house.owners.iter().any(is_family) {
        relation::OWN
    } else if house.leases.iter().any(|lease| lease.is_in_force && lease.lessee.as_ref().is_some_and(is_family)) {
        relation::RENT
    } else if house.owners.is_empty() {
        relation::UNKNOWN
    } else {
        relation::LODGE
    }
}

/// The relation to the owner in codes of `family_relation`, as far as the household register tells: it names relations
/// to the head only.
fn relation_to_owner(person: PersonAt, house: &HouseFacts, households: &Households) -> Option<String> {
    if house.owners.contains(&person) {
        return Some("01".to_owned());
    }
    let household = households.of(person).and_then(|at| households.get(at))?;
    let relation = |wanted: PersonAt| household.members.iter().find(|m| m.person == wanted)?.relation.clone();
    let head = household.head?;
    if house.owners.contains(&head) {
        return relation(person);
    }
    // The head lives with an owner who is the head's spouse: then so is the head to the owner.
    let owner = house.owners.iter().find(|owner| household.members.iter().any(|m| m.person == **owner))?;
    let is_spouse = relation(*owner).is_some_and(|code| matches!(code.as_str(), "1" | "10" | "11" | "12"));
    (person == head && is_spouse).then(|| "10".to_owned())
}

/// The only living adult in the house.
fn lives_alone(world: &World<'_>, facts: &[PersonFacts], occupants: &[Vec<u32>], tie: &Residence) -> bool {
    let mut adults = list_of(occupants, tie.house)
        .iter()
        .filter(|at| facts.get(**at as usize).is_some_and(|fact| fact.is_adult(world.today)));
    adults.next() == Some(&tie.person) && adults.next().is_none()
}

/// Each person's own registration: the newest of those whose address is the person's current one, or the police
/// register's.
fn registrations(world: &World<'_>, facts: &[PersonFacts]) -> Vec<Option<Registration>> {
    let mut out: Vec<Option<Registration>> = Vec::new();
    out.resize_with(facts.len(), || None);
    if let Some(table) = world.tables.get("police.resident") {
        let persons = RolePersons::of(world, "police.resident", "");
        let (joined_on, left_on) = (table.date("joined_on"), table.date("left_on"));
        for i in 0..table.len() {
            if let Some(slot) = persons.get(i).and_then(|at| out.get_mut(at as usize)) {
                *slot = Some(Registration {
                    start_on: joined_on.get(i),
                    end_on: left_on.get(i),
                    dwelling_type: None,
                    source: "police.resident",
                });
            }
        }
    }
    if let Some(table) = world.tables.get("police.floating") {
        let persons = RolePersons::of(world, "police.floating", "");
        let dwelling_type = table.text("dwelling_type");
        let (inflow, registered) = (table.date("inflow_date"), table.date("registered_on"));
        for i in 0..table.len() {
            let Some(at) = persons.get(i) else { continue };
            let lives_here = facts.get(at as usize).is_some_and(|fact| {
                fact.current.house != NONE
                    && world.named_place("police.floating", "current_address", i).house == fact.current.house
            });
            let Some(slot) = out.get_mut(at as usize).filter(|_| lives_here) else { continue };
            let start_on = inflow.get(i).or_else(|| registered.get(i));
            if slot.as_ref().is_none_or(|known| known.source == "police.resident" || known.start_on <= start_on) {
                *slot = Some(Registration {
                    start_on,
                    end_on: None,
                    dwelling_type: dwelling_type.get(i).map(str::to_owned),
                    source: "police.floating",
                });
            }
        }
    }
    out
}
