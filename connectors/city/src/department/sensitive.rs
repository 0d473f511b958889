//! 敏感名单: the lists of groups that are looked after or watched, each a small file of its own.
//!
//! Who is on a list is drawn for each person alone, so that no other export knows of it.

mod hiv;
mod mental_disorder;
mod offender;

pub(super) use hiv::open as open_hiv;
pub(super) use mental_disorder::open as open_mental_disorder;
pub(super) use offender::open as open_offender;

use chrono::NaiveDate;

use super::Desk;
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between, shift};
use crate::dirt::{Clerk, DateForm, Department, Known, know};
use crate::error::CityError;
use crate::export::{Export, Record, Value};
use crate::people::Person;
use crate::plan::Plan;
use crate::rng::{Rng, Stream};
use crate::sink::Sink;
use crate::truth::Truth;

/// A list has at least so many people of each block, so that a small city has somebody on each.
const FEWEST: usize = 3;
/// Days of the first eighteen years, and some.
const CHILDHOOD_DAYS: i64 = 6_600;
/// Of so many rows one is unusable; never the first ones, as one unusable row of a few would be a large share.
const SPOILT_EVERY: u64 = 100;
/// Which of them.
const SPOILT_AT: u64 = 45;

/// How one list is kept.
#[derive(Debug)]
struct List {
    dataset: &'static str,
    /// Whose files the people on it are known from.
    department: Department,
    dates: DateForm,
    lane: u64,
    per_10k: usize,
    /// What its numbers begin with.
    prefix: &'static str,
    /// The cells of a row after its number, in the order of the columns.
    cells: fn(&mut Clerk, &Block, &Known<'_>, &Person) -> Vec<Value>,
}

/// Writes one list.
#[derive(Debug)]
pub(super) struct ListDesk {
    list: &'static List,
    export: Export,
    number: u64,
}

impl ListDesk {
    fn new(seed: u64, list: &'static List, sink: Box<dyn Sink>) -> Self {
        Self { list, export: Export::of_list(seed, list.dataset, vec![sink]), number: 0 }
    }

    fn entry(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, person: &Person) -> Record {
        self.number += 1;
        begin(clerk, self.number);
        let known = know(plan.seed, self.list.department, block, person);
        let key = format!("{}290102{:06}", self.list.prefix, self.number);
        let mut cells = vec![Value::from(key.clone())];
        cells.extend((self.list.cells)(clerk, block, &known, person));
        Record { key, cells, people: vec![("", person.uid.clone())], house: None, rejected: clerk.rejected() }
    }
}

impl Desk for ListDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let List { department, dates, lane, per_10k, .. } = *self.list;
        let mut clerk = Clerk::new(plan.seed, department, dates, lane, block.number);
        for person in listed(plan, block, lane, per_10k) {
            let record = self.entry(&mut clerk, plan, block, person);
            self.export.write(&record, truth)?;
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

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
