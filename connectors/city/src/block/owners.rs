//! Who owns which flat, and which families are registered in another flat than the one they live in.

use super::{Block, Use};
use crate::calendar::{REFERENCE_DATE, REFERENCE_YEAR, shift};
use crate::identity::{Allotment, id_number, phone_number};
use crate::names::{given, surname};
use crate::people::{HouseholdKind, Marital, Person, Presence, Role, Sex, Tenure, describe};
use crate::plan::Plan;
use crate::rng::Rng;

/// How many of 10,000 registered households that own their flat are registered in another one (人户分离).
const SEPARATED_PER_10K: u32 = 1_700;
/// How many of 10,000 let or vacant flats belong to somebody from elsewhere.
const ABSENT_OWNER_PER_10K: u32 = 3_000;
/// How many of 10,000 owned flats are in the name of the spouse.
const SPOUSE_OWNS_PER_10K: u32 = 2_300;
/// Where the telephone numbers of people from elsewhere begin: block by block, a thousand each.
const OUTSIDE_PHONES: u64 = 40_000_000;
const OUTSIDERS_PER_BLOCK: u64 = 5_000;
/// Index, in the space of persons' randomness, where people from elsewhere begin.
const OUTSIDE_INDEXES: u64 = 1 << 40;

/// Settles ownership and registration, and adds the people from elsewhere that this takes.
pub(super) fn assign(plan: &Plan, block: &mut Block, allotment: &mut Allotment, rng: &mut Rng) {
    let owners = owner_candidates(block);
    let mut elsewhere = Vec::new();
    let spare: Vec<usize> = (0..block.flats.len())
        .filter(|&f| block.flats.get(f).is_some_and(|x| matches!(x.usage, Use::Let | Use::Vacant)))
        .collect();
    let first_outsider = block.people.len();
    for flat in &mut block.flats {
        let living = flat.household.filter(|_| flat.usage == Use::Owned).and_then(|h| block.households.get(h));
        flat.owner = if let Some(household) = living {
            let spouse = household
                .members
                .iter()
                .copied()
                .find(|&m| block.people.get(m).is_some_and(|p| p.role == Role::Spouse && p.is_here()));
            if rng.chance(SPOUSE_OWNS_PER_10K) { spouse } else { None }.or_else(|| household.members.first().copied())
        } else if owners.is_empty() || rng.chance(ABSENT_OWNER_PER_10K) {
            let person = outsider(plan, block.number, elsewhere.len() as u64, allotment, rng);
            elsewhere.push(person);
            Some(first_outsider + elsewhere.len() - 1)
        } else {
            owners.get(rng.index(owners.len())).copied()
        };
    }
    block.people.append(&mut elsewhere);
    of_age_when_bought(block);
    separate(block, &spare, rng);
    divorce(plan, block, allotment, rng);
}

/// Nobody bought a flat, or moved into their own, before they were grown up.
fn of_age_when_bought(block: &mut Block) {
    for flat in &mut block.flats {
        let Some(owner) = flat.owner.and_then(|o| block.people.get(o)) else { continue };
        flat.bought = flat.bought.max(shift(owner.birth, 22 * 365)).min(REFERENCE_DATE);
        if let (Use::Owned, Some(household)) = (flat.usage, flat.household.and_then(|h| block.households.get_mut(h))) {
            household.since = flat.bought;
        }
    }
}

fn owner_candidates(block: &Block) -> Vec<usize> {
    block
        .households
        .iter()
        .filter(|h| h.tenure == Tenure::Own)
        .filter_map(|h| h.members.first().copied())
        .filter(|&m| block.people.get(m).is_some_and(|p| p.age() >= 28 && p.is_here()))
        .collect()
}

/// Registers some owners in a flat they do not live in, and tenants who are the city's own always so.
fn separate(block: &mut Block, spare: &[usize], rng: &mut Rng) {
    let all = block.flats.len();
    for household in &mut block.households {
        if household.kind != HouseholdKind::Registered {
            continue;
        }
        let apart = match household.tenure {
            Tenure::Own => rng.chance(SEPARATED_PER_10K),
            Tenure::Rent => true,
            Tenure::Dormitory | Tenure::PaperOnly => false,
        };
        if apart {
            let other = if spare.is_empty() || rng.chance(2_500) {
                rng.index(all)
            } else {
                spare.get(rng.index(spare.len())).copied().unwrap_or_default()
            };
            if Some(other) != household.flat {
                household.registered_flat = Some(other);
            } else if household.tenure == Tenure::Rent {
                household.registered_flat = Some((other + 1) % all.max(1));
            }
        }
    }
}

/// Gives divorced people a former spouse from elsewhere, so that the register of marriages has both.
fn divorce(plan: &Plan, block: &mut Block, allotment: &mut Allotment, rng: &mut Rng) {
    let first = block.people.len();
    let outsiders_so_far = (first - block.inhabitants) as u64;
    let mut added: Vec<Person> = Vec::new();
    let divorced: Vec<usize> = (0..block.inhabitants)
        .filter(|&p| block.people.get(p).is_some_and(|x| x.marital == Marital::Divorced && x.age() < 60))
        .collect();
    for place in divorced {
        if !rng.chance(6_000) {
            continue;
        }
        let Some((sex, year)) = block.people.get(place).map(|p| (p.sex, REFERENCE_YEAR - p.age())) else { continue };
        let nth = outsiders_so_far + added.len() as u64;
        let gap = i32::try_from(rng.between(-3, 2)).unwrap_or_default();
        added.push(stranger(plan, block.number, nth, (sex.other(), year + gap), (allotment, rng)));
        if let Some(person) = block.people.get_mut(place) {
            person.spouse = Some(first + added.len() - 1);
        }
    }
    block.people.append(&mut added);
}

fn outsider(plan: &Plan, block: u64, nth: u64, allotment: &mut Allotment, rng: &mut Rng) -> Person {
    let sex = if rng.chance(6_000) { Sex::Male } else { Sex::Female };
    let year = REFERENCE_YEAR - i32::try_from(rng.between(30, 72)).unwrap_or(50);
    stranger(plan, block, nth, (sex, year), (allotment, rng))
}

/// Somebody of that sex and year of birth who does not live in the city.
fn stranger(
    plan: &Plan,
    block: u64,
    nth: u64,
    (sex, year): (Sex, i32),
    (allotment, rng): (&mut Allotment, &mut Rng),
) -> Person {
    let birth = allotment.allot(year, sex);
    let place = block * OUTSIDERS_PER_BLOCK + nth;
    Person {
        uid: format!("x{place:07}"),
        index: OUTSIDE_INDEXES + place,
        sex,
        birth: birth.date,
        id_no: id_number(birth, sex),
        name: format!("{}{}", surname(rng), given(rng, sex, year)),
        former_name: None,
        ethnicity: "汉族",
        phone: Some(phone_number(plan.seed, OUTSIDE_PHONES + place)),
        old_phone: None,
        marital: Marital::Married,
        attributes: describe(rng, sex, REFERENCE_YEAR - year),
        presence: Presence::Away,
        household: None,
        role: Role::Stranger,
        parent: None,
        spouse: None,
        twin: false,
    }
}
