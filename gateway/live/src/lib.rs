//! Tables of departments' front-end databases, queried in place, below the barrier.
//!
//! A [`LiveTable`] is what `query` calls a raw table: a policy's row filter and masks lie above it, as above a stored one. What
//! the source is asked is decided here: columns, a number of rows, and conditions of the kinds in `pushdown` that can fail on
//! no row and mean there what they mean here, or let more rows through. Everything is asked again above the source.

mod exec;
mod pushdown;
mod table;

pub use table::{LiveColumn, LiveTable};
