//! Identity and telephone numbers of people who do not exist: unique over the whole city without a table of what was
//! given out, and impossible outside it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use crate::calendar::days_come;
use crate::people::Sex;
use crate::rng::{Rng, Stream, mix, permute};

/// County-level division of the city: 云州省云州市示范区. No edition of GB/T 2260 has, or ever had, a code that begins
/// with `29`, so no living person's identity number begins with it. A test holds this against the whole history.
pub const DEMO_DIVISION: &str = "290102";

/// The region every address of the city belongs to, as departments leave it out.
pub const DEMO_REGION: &str = "云州省云州市示范区";

/// The most people a city can have: beyond it the identity numbers of one year of birth would run short.
pub const MOST_PEOPLE: u64 = 12_000_000;

/// First three digits of every telephone number: mobile by its form, from a segment that no operator has.
const PHONE_SEGMENT: u64 = 154;

/// Sequence numbers per day and sex that are given out by rank; the rest, up to [`TWIN_ORDINALS`] more, go to twins.
const ORDINALS: u64 = 480;
const TWIN_ORDINALS: u64 = 17;

/// Gives out identity numbers within one block. The `r`-th person of a year and sex in block `b` of `n` takes place
/// `r * n + b` of that year's permuted (day, sequence) pairs, so blocks never meet and nothing is remembered between them.
#[derive(Debug)]
pub(crate) struct Allotment {
    seed: u64,
    block: u64,
    blocks: u64,
    given: BTreeMap<(i32, Sex), u64>,
    twins: BTreeSet<(NaiveDate, Sex)>,
}

/// A birth date with the sequence number that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birth {
    pub(crate) date: NaiveDate,
    ordinal: u64,
}

impl Allotment {
    pub(crate) fn new(seed: u64, block: u64, blocks: u64) -> Self {
        Self { seed, block, blocks, given: BTreeMap::new(), twins: BTreeSet::new() }
    }

    /// A birth date in that year, or in the nearest year before it that still has a number.
    pub(crate) fn allot(&mut self, year: i32, sex: Sex) -> Birth {
        let mut year = year;
        loop {
            let days = days_come(year);
            let given = self.given.entry((year, sex)).or_insert(0);
            let place = *given * self.blocks + self.block;
            *given += 1;
            if place >= days * ORDINALS {
                year -= 1;
                continue;
            }
            let key = mix(self.seed ^ mix(((year as u64) << 2) | sex.number()));
            let cell = permute(key, days * ORDINALS, place);
            let day = u32::try_from(cell % days).unwrap_or_default();
            if let Some(date) = NaiveDate::from_yo_opt(year, day + 1) {
                return Birth { date, ordinal: cell / days };
            }
        }
    }

    /// A second child on the same day, if this block may give one out there: each block has one extra sequence number
    /// on its own share of the days of a year.
    pub(crate) fn twin(&mut self, birth: Birth, sex: Sex) -> Option<Birth> {
        let share = self.twin_share();
        let day = u64::from(birth.date.ordinal0());
        let mine = day % share == (self.block / TWIN_ORDINALS) % share;
        (mine && self.twins.insert((birth.date, sex)))
            .then(|| Birth { date: birth.date, ordinal: ORDINALS + self.block % TWIN_ORDINALS })
    }

    /// One of so many days of a year belongs to this block's twins.
    pub(crate) fn twin_share(&self) -> u64 {
        self.blocks.div_ceil(TWIN_ORDINALS).max(1)
    }
}

/// The citizen ID number of that birth: 18 characters, right in division, date, sex and check digit.
pub(crate) fn id_number(birth: Birth, sex: Sex) -> String {
    let sequence = birth.ordinal * 2 + if sex == Sex::Male { 1 } else { 2 };
    let seventeen = format!("{DEMO_DIVISION}{}{sequence:03}", birth.date.format("%Y%m%d"));
    with_check_digit(&seventeen)
}

/// The 17 digits with their check character.
pub(crate) fn with_check_digit(seventeen: &str) -> String {
    let check = schemas::CitizenId::check_character(seventeen).unwrap_or('?');
    format!("{seventeen}{check}")
}

/// A telephone number that nobody else in the city has. `place` below 100,000,000.
pub(crate) fn phone_number(seed: u64, place: u64) -> String {
    let number = permute(mix(seed ^ Stream::Phone as u64), 100_000_000, place % 100_000_000);
    format!("{PHONE_SEGMENT}{number:08}")
}

/// A bank account of 19 digits with a right Luhn digit and a number range that no bank has.
pub(crate) fn bank_account(rng: &mut Rng) -> String {
    let body = format!("900290{:012}", rng.below(1_000_000_000_000));
    let sum: u32 = body
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(i, d)| if i % 2 == 0 { if d * 2 > 9 { d * 2 - 9 } else { d * 2 } } else { d })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_never_meet() {
        let mut seen = BTreeSet::new();
        let mut twins = 0;
        for block in 0..40 {
            let mut allotment = Allotment::new(5, block, 40);
            for n in 0..900 {
                let sex = if n % 2 == 0 { Sex::Male } else { Sex::Female };
                let birth = allotment.allot(if n % 3 == 0 { 2026 } else { 1988 }, sex);
                assert!(seen.insert(id_number(birth, sex)));
                if let Some(twin) = allotment.twin(birth, sex) {
                    assert_eq!(twin.date, birth.date);
                    assert!(seen.insert(id_number(twin, sex)));
                    twins += 1;
                }
            }
        }
        assert!(twins > 1_000, "{twins}");
    }

    #[test]
    fn a_full_year_gives_way_to_the_year_before() {
        let mut allotment = Allotment::new(5, 0, 1);
        let births: Vec<Birth> = (0..200_000).map(|_| allotment.allot(1970, Sex::Male)).collect();
        let in_1970 = births.iter().filter(|b| b.date.year() == 1970).count();
        assert_eq!(in_1970, 365 * 480);
        assert!(births.iter().all(|b| b.date.year() >= 1969));
    }

    #[test]
    fn numbers_have_the_parity_of_their_sex() {
        let mut allotment = Allotment::new(9, 3, 10);
        for sex in [Sex::Male, Sex::Female] {
            let id = id_number(allotment.allot(1999, sex), sex);
            let digit = id.chars().nth(16).and_then(|c| c.to_digit(10)).unwrap();
            assert_eq!(digit % 2 == 1, sex == Sex::Male);
            assert!(id.starts_with(DEMO_DIVISION));
            assert_eq!(with_check_digit(id.get(..17).unwrap()), id);
        }
    }

    #[test]
    fn telephone_numbers_differ() {
        let numbers: BTreeSet<String> = (0..5_000).map(|n| phone_number(1, n)).collect();
        assert_eq!(numbers.len(), 5_000);
        assert!(numbers.iter().all(|n| n.len() == 11 && n.starts_with("154")));
    }

    #[test]
    fn accounts_pass_luhn() {
        let account = bank_account(&mut Rng::keyed(1, Stream::Records, 0, 0));
        let sum: u32 = account
            .chars()
            .rev()
            .map(|c| c.to_digit(10).unwrap())
            .enumerate()
            .map(|(i, d)| if i % 2 == 1 { if d * 2 > 9 { d * 2 - 9 } else { d * 2 } } else { d })
            .sum();
        assert_eq!((account.len(), sum % 10), (19, 0));
    }
}
