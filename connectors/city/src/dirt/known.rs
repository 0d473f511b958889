//! What one department knows of a person. It differs from the truth, and always in the same way: the mistake was made
//! once, at the desk, and is copied ever since.

use chrono::{Datelike, NaiveDate};

use super::rates::{CIVIL, GRID, HEALTH, HOUSING, POLICE, Rates};
use crate::block::Block;
use crate::names::{mistaken, traditional};
use crate::people::Person;
use crate::rng::{Rng, Stream};

/// A department that exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Department {
    /// 公安
    Police,
    /// 民政
    Civil,
    /// 卫健
    Health,
    /// 住建
    Housing,
    /// 网格
    Grid,
}

impl Department {
    /// How dirty its exports are.
    pub(crate) fn rates(self) -> &'static Rates {
        match self {
            Self::Police => &POLICE,
            Self::Civil => &CIVIL,
            Self::Health => &HEALTH,
            Self::Housing => &HOUSING,
            Self::Grid => &GRID,
        }
    }

    fn stream(self) -> Stream {
        match self {
            Self::Police => Stream::Police,
            Self::Civil => Stream::Civil,
            Self::Health => Stream::Health,
            Self::Housing => Stream::Housing,
            Self::Grid => Stream::Grid,
        }
    }
}

/// A person as one department has them on file.
#[derive(Clone)]
pub(crate) struct Known<'a> {
    pub(crate) person: &'a Person,
    pub(crate) name: String,
    pub(crate) birth: NaiveDate,
    /// Identity number on file: the own one, a parent's, or none.
    pub(crate) id_no: Option<&'a str>,
    pub(crate) phone: Option<&'a str>,
    /// A second number beside the first.
    pub(crate) second_phone: Option<&'a str>,
    /// The flat the department thinks the person lives in.
    pub(crate) flat: Option<usize>,
}

impl std::fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({:?})", self.person)
    }
}

/// What the department has on file of that person.
pub(crate) fn know<'a>(seed: u64, department: Department, block: &'a Block, person: &'a Person) -> Known<'a> {
    let rates = department.rates();
    let mut rng = Rng::keyed(seed, department.stream(), 0, person.index);
    let name = name_on_file(rates, &mut rng, person);
    let birth = if rng.chance(rates.birth_swapped) { swapped(person.birth) } else { person.birth };
    let id_no = if rng.chance(rates.id_missing) {
        None
    } else if person.age() < 10 && rng.chance(rates.id_of_parent) {
        person.parent.and_then(|p| block.people.get(p)).map(|p| p.id_no.as_str())
    } else {
        Some(person.id_no.as_str())
    };
    let (phone, second_phone) = phones_on_file(rates, &mut rng, person);
    let lives = block.household_of(person).and_then(|h| h.flat.or(h.registered_flat));
    let flat = if rng.chance(rates.address_missing) {
        None
    } else if lives.is_some() && rng.chance(rates.address_old) {
        Some(rng.index(block.flats.len()))
    } else {
        lives
    };
    Known { person, name, birth, id_no, phone, second_phone, flat }
}

fn name_on_file(rates: &Rates, rng: &mut Rng, person: &Person) -> String {
    let mistakes = rng.chance(rates.name_mistaken);
    let by_surname = rng.chance(3_000);
    let old_way = rng.chance(rates.name_traditional);
    if mistakes && let Some(name) = mistaken(&person.name, by_surname) {
        return name;
    }
    if old_way && let Some(name) = traditional(&person.name) {
        return name;
    }
    person.name.clone()
}

fn phones_on_file<'a>(rates: &Rates, rng: &mut Rng, person: &'a Person) -> (Option<&'a str>, Option<&'a str>) {
    let old = person.old_phone.as_deref();
    let now = person.phone.as_deref();
    if rng.chance(rates.phone_missing) {
        (None, None)
    } else if rng.chance(rates.phone_two) {
        (now, old)
    } else if old.is_some() && rng.chance(rates.phone_old * 2) {
        (old, None)
    } else {
        (now, None)
    }
}

/// Day and month exchanged, if that is another date.
fn swapped(day: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(day.year(), day.day(), day.month()).unwrap_or(day)
}
