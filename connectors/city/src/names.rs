//! Names of people who do not exist.

mod given;
mod surnames;
mod variants;

pub(crate) use variants::{mistaken, traditional};

use crate::people::Sex;
use crate::rng::Rng;
use given::{FEMALE, Fashion, INTERPUNCT_FEMALE, INTERPUNCT_MALE, MALE, RARE, WIDE_FEMALE, WIDE_MALE};

/// How many of 10,000 names hold a character outside GB2312.
const RARE_PER_10K: u32 = 8;
/// How many of 10,000 names of two characters follow no fashion.
const WIDE_PER_10K: u32 = 3_400;

/// A surname by its weight.
pub(crate) fn surname(rng: &mut Rng) -> &'static str {
    rng.weighted_text(surnames::SURNAMES)
}

/// A given name of that sex and year of birth.
pub(crate) fn given(rng: &mut Rng, sex: Sex, year: i32) -> String {
    let (fashions, wide) = match sex {
        Sex::Male => (MALE, WIDE_MALE),
        Sex::Female => (FEMALE, WIDE_FEMALE),
    };
    let Some(fashion) = fashions.iter().rev().find(|f| f.from <= year) else { return String::new() };
    if rng.chance(RARE_PER_10K) {
        return format!("{}{}", rng.text(fashion.first), rng.text(RARE));
    }
    if rng.chance(fashion.single_per_10k) {
        return rng.text(fashion.single).to_owned();
    }
    two_characters(rng, fashion, wide)
}

fn two_characters(rng: &mut Rng, fashion: &Fashion, wide: &'static [&'static str]) -> String {
    let first = if rng.chance(WIDE_PER_10K) { rng.text(wide) } else { rng.text(fashion.first) };
    let second = if rng.chance(WIDE_PER_10K) { rng.text(wide) } else { rng.text(fashion.second) };
    format!("{first}{second}")
}

/// A name written with an interpunct: own name and father's name.
pub(crate) fn with_interpunct(rng: &mut Rng, sex: Sex) -> String {
    let own = match sex {
        Sex::Male => rng.text(INTERPUNCT_MALE),
        Sex::Female => rng.text(INTERPUNCT_FEMALE),
    };
    format!("{own}·{}", rng.text(INTERPUNCT_MALE))
}
