//! The Flight SQL door: Arrow batches over gRPC for ADBC, JDBC and whatever else speaks it.
//!
//! Nothing is kept between calls: a ticket holds the statement and its parameters, sealed for the principal it was made for, and
//! whoever presents it is asked who they are, and what they may see, again. Every query takes the one way through
//! [`query::Gateway`].

mod answer;
mod caller;
mod errors;
mod handle;
mod metadata;
mod placeholders;
mod running;
mod server;
mod service;

pub use server::{Door, FlightConfig};
