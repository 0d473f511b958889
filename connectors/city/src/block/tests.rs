//! Whether the city looks like a city.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::people::{HouseholdKind, Presence, Role, Sex, Tenure};

fn blocks(people: u64) -> impl Iterator<Item = Block> {
    let plan = Plan::new(people, 11).unwrap();
    (0..plan.blocks).map(move |number| Block::make(&plan, number))
}

fn share(part: usize, whole: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
}

#[track_caller]
fn within(what: &str, value: f64, low: f64, high: f64) {
    assert!((low..=high).contains(&value), "{what}: {value:.4} is not within {low} and {high}");
}

#[test]
fn ages_are_those_of_a_city_of_the_2020s() {
    let mut by_group: BTreeMap<i32, usize> = BTreeMap::new();
    let (mut men, mut all) = (0, 0);
    for block in blocks(40_000) {
        for person in block.inhabitants().iter().filter(|p| p.death().is_none()) {
            *by_group.entry(person.age() / 5 * 5).or_default() += 1;
            men += usize::from(person.sex == Sex::Male);
            all += 1;
        }
    }
    let between = |low: i32, high: i32| share(by_group.range(low..high).map(|(_, n)| n).sum(), all);
    within("under 15", between(0, 15), 0.165, 0.195);
    within("65 and over", between(65, 200), 0.135, 0.16);
    within("80 and over", between(80, 200), 0.02, 0.035);
    within("men", share(men, all), 0.49, 0.53);
    for (group, count) in by_group.range(0..65) {
        within(&format!("group {group}"), share(*count, all), 0.03, 0.105);
    }
}

#[test]
fn households_are_small_and_plausible() {
    let (mut sizes, mut separated, mut registered, mut floating, mut people) = (Vec::new(), 0, 0, 0, 0);
    let (mut old_alone, mut weddings, mut early) = (0, 0, 0);
    for block in blocks(30_000) {
        people += block.inhabitants;
        for household in &block.households {
            let members: Vec<&Person> = household.members.iter().filter_map(|&m| block.people.get(m)).collect();
            let here: Vec<&&Person> = members.iter().filter(|p| p.is_here()).collect();
            if household.kind == HouseholdKind::Floating {
                floating += members.len();
            } else {
                registered += 1;
                separated += usize::from(household.registered_flat != household.flat);
            }
            if household.flat.is_some() && household.tenure != Tenure::Dormitory {
                sizes.push(here.len());
                old_alone += usize::from(here.len() == 1 && here.iter().all(|p| p.age() >= 65));
            }
            let head = members.first().unwrap();
            for member in &members {
                match member.role {
                    Role::Spouse => {
                        assert_ne!(member.sex, head.sex);
                        assert!((member.age() - head.age()).abs() <= 12);
                    }
                    Role::Child => {
                        assert!(head.age() - member.age() >= 17, "{} {}", head.age(), member.age());
                        let parents: Vec<&str> = members
                            .iter()
                            .filter(|p| matches!(p.role, Role::Head | Role::Spouse))
                            .map(|p| p.name.as_str())
                            .collect();
                        let first = member.name.chars().next().unwrap();
                        let shared = parents.iter().any(|p| p.starts_with(first));
                        assert!(shared || parents.len() == 1 || member.name.contains('·'));
                    }
                    Role::Head | Role::Parent | Role::Grandchild | Role::Stranger => {}
                }
            }
            if let Some(wed) = household.wed {
                weddings += 1;
                early += usize::from(members.iter().any(|c| c.role == Role::Child && c.birth < wed));
            }
        }
    }
    let mean = share(sizes.iter().sum(), sizes.len());
    within("household size", mean, 2.4, 2.8);
    within("living alone", share(sizes.iter().filter(|&&n| n == 1).count(), sizes.len()), 0.21, 0.29);
    within("old people alone", share(old_alone, sizes.len()), 0.05, 0.12);
    within("weddings after a birth", share(early, weddings), 0.0, 0.06);
    within("floating", share(floating, people), 0.17, 0.24);
    within("registered elsewhere", share(separated, registered), 0.15, 0.35);
}

#[test]
fn flats_are_let_empty_and_lived_in() {
    let (mut let_flats, mut vacant, mut flats, mut empty_registered) = (0, 0, 0, 0);
    for block in blocks(20_000) {
        flats += block.flats.len();
        let_flats += block.flats.iter().filter(|f| f.usage == Use::Let).count();
        vacant += block.flats.iter().filter(|f| f.household.is_none()).count();
        empty_registered += block.households.iter().filter(|h| h.tenure == Tenure::PaperOnly).count();
        for flat in &block.flats {
            let owner = block.people.get(flat.owner.unwrap()).unwrap();
            assert!(owner.age() >= 18 && flat.bought > owner.birth);
        }
    }
    within("let", share(let_flats, flats), 0.22, 0.28);
    within("vacant", share(vacant, flats), 0.05, 0.13);
    within("registered only", share(empty_registered, flats), 0.02, 0.06);
    within("flats per person", share(flats, 20_000), 0.36, 0.43);
}

#[test]
fn grids_keep_their_limits_and_share_no_building() {
    let mut ids = BTreeSet::new();
    for block in blocks(25_000) {
        let mut next = 0;
        for grid in &block.grids {
            assert!(ids.insert(grid.id.clone()));
            assert_eq!(grid.id.len(), 15);
            let flats: u32 = block.buildings[grid.buildings.clone()].iter().map(Building::flat_count).sum();
            assert!((1..=300).contains(&flats), "{flats} flats");
            assert!((1..=500_000).contains(&grid.area_m2), "{} square metres", grid.area_m2);
            assert_eq!(grid.buildings.start, next);
            next = grid.buildings.end;
        }
        assert_eq!(next, block.buildings.len());
        for (place, grid) in block.grids.iter().enumerate() {
            let of_grid = block.households.iter().filter(|h| {
                let flat = h.flat.or(h.registered_flat).and_then(|f| block.flats.get(f));
                flat.and_then(|f| block.buildings.get(f.building)).is_some_and(|b| b.grid == place)
            });
            assert!(of_grid.count() <= 300);
            assert!((1..=3).contains(&grid.staff_full) || grid.staff_full == 0);
        }
        let flats: Vec<_> = block.buildings.iter().map(|b| b.flats.clone()).collect();
        assert!(flats.windows(2).all(|w| w[0].end == w[1].start));
    }
    assert!(ids.len() >= 30);
}

#[test]
fn there_are_twins_namesakes_movers_and_dead() {
    let (mut twins, mut dead, mut away) = (0, 0, 0);
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for block in blocks(30_000) {
        for person in block.inhabitants() {
            twins += usize::from(person.twin);
            dead += usize::from(person.death().is_some());
            away += usize::from(person.presence == Presence::Away);
            *names.entry(person.name.clone()).or_default() += 1;
        }
    }
    within("twins", share(twins, 30_000), 0.001, 0.012);
    within("dead", share(dead, 30_000), 0.003, 0.03);
    within("away", share(away, 30_000), 0.005, 0.04);
    assert!(names.values().filter(|&&n| n > 1).count() > 2_000);
}

#[test]
fn one_identity_number_per_person_and_one_person_per_index() {
    let plan = Plan::new(200_000, 4).unwrap();
    // Only what is needed to see that numbers differ is kept: 8 bytes per person.
    let mut seen: Vec<u64> = Vec::with_capacity(210_000);
    let mut expected = 0;
    for number in 0..plan.blocks {
        let block = Block::make(&plan, number);
        assert_eq!(plan.first_person(number), expected);
        expected += block.inhabitants as u64;
        for (offset, person) in block.inhabitants().iter().enumerate() {
            assert_eq!(person.index, plan.first_person(number) + offset as u64);
        }
        seen.extend(block.people.iter().map(|p| p.id_no.get(6..17).unwrap().parse::<u64>().unwrap()));
    }
    assert_eq!(expected, plan.people);
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

#[test]
fn a_person_can_be_made_again_from_the_index() {
    let plan = Plan::new(50_000, 9).unwrap();
    let of = |index: u64| {
        let number = plan.block_of(index);
        let block = Block::make(&plan, number);
        let place = usize::try_from(index - plan.first_person(number)).unwrap();
        block.inhabitants()[place].clone()
    };
    for index in [0, 12_345, 49_999] {
        assert_eq!(of(index).index, index);
        assert_eq!((of(index).id_no, of(index).name), (of(index).id_no, of(index).name));
    }
}
