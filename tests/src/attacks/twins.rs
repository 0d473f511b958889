//! Pairs of worlds for roles other than the grid worker: they differ in everything the role may not see, and in nothing it
//! may. README §6 describes the grid worker's pair.
//!
//! The role's own columns are written down here a second time, beside the policy, so that a policy that shows more makes
//! the two worlds tell apart.

use chrono::{Datelike, NaiveDate};
use policies::Principal;

use super::roles::principal;
use super::rows::{Person, Rows, Side, Visit};

/// Somebody who asks, and two worlds that must look the same to them.
#[derive(Debug)]
pub struct Asker {
    /// Who asks.
    pub principal: Principal,
    /// The first world.
    pub one: Rows,
    /// Its twin.
    pub other: Rows,
    /// Rows of a stored batch, if both worlds must agree on it: where every row is visible, rows are delivered as stored.
    pub batch_rows: Option<usize>,
}

/// One asker a role.
#[must_use]
pub fn askers() -> Vec<Asker> {
    let asker = |role: &str, purpose: Option<&str>, other: Rows, batch_rows: Option<usize>| Asker {
        principal: principal(role, purpose),
        one: Rows::of(Side::A),
        other,
        batch_rows,
    };
    vec![
        asker("grid_worker", None, Rows::of(Side::B), None),
        asker("housing_clerk", Some("housing_registration"), housing_clerk(), Some(32)),
        asker("police_officer", None, police_officer(), Some(32)),
        asker("privacy_officer", None, privacy_officer(), Some(32)),
        asker("auditor", None, Rows::of(Side::B), None),
        asker("health_analyst", Some("epidemiology"), health_analyst(), None),
    ]
}

/// Persons of the first world as the role sees them, everything else of the second.
fn with_persons(change: impl Fn(usize, &Person, &Person) -> Person) -> Rows {
    let (one, other) = (Rows::of(Side::A), Rows::of(Side::B));
    let persons =
        one.persons.iter().zip(other.persons.iter().cycle()).enumerate().map(|(i, (a, b))| change(i, a, b)).collect();
    Rows { persons, ..other }
}

/// Sees keys, first characters of names and tokens of persons, houses and leases whole. Another number is another token,
/// so numbers stay.
fn housing_clerk() -> Rows {
    let one = Rows::of(Side::A);
    let rows = with_persons(|i, a, b| Person {
        person_id: a.person_id.clone(),
        name: format!("{}织女星{i}", first(&a.name)),
        id_number: a.id_number.clone(),
        ..b.clone()
    });
    Rows { houses: one.houses, contracts: one.contracts, ..rows }
}

/// Sees keys, names and grids, the ends of numbers and phones.
fn police_officer() -> Rows {
    with_persons(|i, a, b| Person {
        person_id: a.person_id.clone(),
        name: a.name.clone(),
        grid_id: a.grid_id.clone(),
        id_number: with_middle(&a.id_number, 6, 4, &format!("{:08}", 20_010_101 + i)),
        phone: a.phone.as_deref().map(|phone| match phone.len() {
            11 if phone.bytes().all(|b| b.is_ascii_digit()) => with_middle(phone, 3, 4, &format!("{:04}", 7_001 + i)),
            _ => format!("0571-{i}"),
        }),
        ..b.clone()
    })
}

/// Sees how many there are, and who has no phone.
fn privacy_officer() -> Rows {
    with_persons(|_, a, b| Person {
        phone: a.phone.as_ref().map(|_| b.phone.clone().unwrap_or_else(|| "18800000000".to_owned())),
        ..b.clone()
    })
}

/// Sees groups of persons: who falls into which group together, and no more. Persons are other ones in the twin, rows stand
/// in another order, and a sum that one person makes up nearly alone is another one, which is withheld in both.
fn health_analyst() -> Rows {
    let one = Rows::of(Side::A);
    let renamed = |id: &str| format!("Q{}", id.trim_start_matches('P'));
    let mut rows = with_persons(|i, a, b| Person {
        person_id: renamed(&a.person_id),
        sex: a.sex.clone(),
        birth_date: a
            .birth_date
            .map(|date| NaiveDate::from_yo_opt(date.year(), 1 + (date.ordinal() + 99) % 365).unwrap()),
        grid_id: a.grid_id.clone(),
        id_number: format!("{}{:04}", &b.id_number[..14], 5_000 + i),
        ..b.clone()
    });
    rows.persons.reverse();
    let visits = one.visits.into_iter().map(|visit| Visit {
        person_id: renamed(&visit.person_id),
        id_number: format!("{}9999", &visit.id_number[..14]),
        cost: if visit.cost > 100_000.0 { visit.cost * 3.0 } else { visit.cost },
        ..visit
    });
    rows.visits = visits.rev().collect();
    rows
}

fn first(name: &str) -> char {
    name.chars().next().unwrap()
}

/// The text with another middle between its first and last characters.
fn with_middle(text: &str, n_first: usize, n_last: usize, middle: &str) -> String {
    assert_eq!(text.len(), n_first + middle.len() + n_last);
    format!("{}{middle}{}", &text[..n_first], &text[text.len() - n_last..])
}
