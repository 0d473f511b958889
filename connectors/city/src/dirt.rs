//! Dirt: what happens to true facts on their way into an export. Everything here has one certain outcome under the
//! shared rules for cells; where two readings would be possible, the city does not write it.

mod address;
mod clerk;
mod fault;
mod known;
mod rates;
mod writing;

pub(crate) use address::AddressHabit;
pub(crate) use clerk::{Clerk, DateForm};
pub(crate) use fault::Fault;
pub(crate) use known::{Department, Known, know};
pub(crate) use rates::DUPLICATES_PER_10K;
pub(crate) use writing::full_width;
