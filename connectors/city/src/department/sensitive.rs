//! 敏感名单: the lists of groups that are looked after or watched, each a small file of its own.
//!
//! Who is on a list is drawn for each person alone, so that no other export knows of it.

mod hiv;
mod mental_disorder;
mod offender;

pub(super) use hiv::HivDesk;
pub(super) use mental_disorder::MentalDisorderDesk;
pub(super) use offender::OffenderDesk;

use chrono::NaiveDate;

use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between, shift};
use crate::dirt::Clerk;
use crate::people::Person;
use crate::plan::Plan;
use crate::rng::{Rng, Stream};

/// A list has at least so many people of each block, so that a small city has somebody on each.
const FEWEST: usize = 3;
/// Days of the first eighteen years, and some.
const CHILDHOOD_DAYS: i64 = 6_600;
/// Of so many rows one is unusable; never the first ones, as one unusable row of a few would be a large share.
const SPOILT_EVERY: u64 = 100;
/// Which of them.
const SPOILT_AT: u64 = 45;

/// The adults of the block who are on the list of that lane, in the order of the block.
fn listed<'b>(plan: &Plan, block: &'b Block, lane: u64, per_10k: usize) -> Vec<&'b Person> {
    let adults = block.inhabitants().iter().filter(|person| person.is_here() && person.age() >= 18);
    let mut drawn: Vec<(u64, &Person)> =
        adults.map(|person| (Rng::keyed(plan.seed, Stream::Lists, lane, person.index).bits(), person)).collect();
    drawn.sort_unstable_by_key(|(lot, person)| (*lot, person.index));
    drawn.truncate((block.inhabitants().len() * per_10k / 10_000).max(FEWEST));
    drawn.sort_unstable_by_key(|(_, person)| person.index);
    drawn.into_iter().map(|(_, person)| person).collect()
}

/// Begins the row of that number, counted from one.
fn begin(clerk: &mut Clerk, number: u64) {
    if number % SPOILT_EVERY == SPOILT_AT { clerk.begin_spoilt() } else { clerk.begin_clean() }
}

/// When an adult came onto a list, not before `first`.
fn since(clerk: &mut Clerk, person: &Person, first: NaiveDate) -> NaiveDate {
    let grown = shift(person.birth, CHILDHOOD_DAYS);
    day_between(&mut clerk.rng, first.max(grown).min(REFERENCE_DATE), REFERENCE_DATE)
}

/// The first day of a year.
fn year(year: i32) -> NaiveDate {
    date(year, 1, 1)
}
