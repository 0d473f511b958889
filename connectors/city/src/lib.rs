//! A synthetic Chinese city, exported the way departments really export.
//!
//! [`generate`] writes what five departments of an invented city would hand over, about people who do not exist: eighteen
//! datasets in the encodings, sheet layouts, date forms and states of neglect that such exports really have, and beside
//! them the truth, so that whatever reads them can be judged. Names, places, employers and provinces are invented;
//! identity numbers begin with a division that no edition of GB/T 2260 ever had ([`DEMO_DIVISION`]); telephone numbers
//! lie in a segment that no operator has.
//!
//! - A `plan` cuts the people into blocks. A `block` is a pure function of the plan and its number, so any person can be
//!   made again from the index, and nothing larger than a block is ever in memory.
//! - `people` and `place` hold what is true; `dirt` says what becomes of it on the way into an export, with all rates in
//!   one table; `department` decides who has what on file; `sink` writes the file formats; `truth` the answers.
//! - Nothing depends on the clock, the machine or the order of a hash map: the same people and seed give the same bytes.
//!
//! This crate is not a connector: nothing here reads an export.

mod block;
mod calendar;
mod city;
mod department;
mod dirt;
mod error;
mod export;
mod identity;
mod names;
mod people;
mod place;
mod plan;
mod rng;
mod sink;
mod truth;

pub use calendar::REFERENCE_DATE;
pub use city::{CityConfig, CitySummary, Stage, generate};
pub use error::CityError;
pub use export::DatasetSummary;
pub use identity::{DEMO_DIVISION, DEMO_REGION, MOST_PEOPLE};
