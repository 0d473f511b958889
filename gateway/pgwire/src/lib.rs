//! The pg wire door: PostgreSQL's protocol for the clients that departments have.
//!
//! A connection belongs to one principal, whom a token names: sent as the password, or, if it is a personal one and the user is
//! called `dtp_ID`, proven by SCRAM-SHA-256; off loopback only over TLS. Every query takes the one way through [`query::Gateway`]; statements about the session are answered here, and those about
//! `pg_catalog` by an engine session that holds names and no rows. Nothing is ever written: transactions begin and end, and do
//! nothing.

mod catalog;
mod catalog_words;
mod cell;
mod commands;
mod conversation;
mod copy;
mod cursors;
mod door;
mod errors;
mod frames;
mod handlers;
mod names;
mod numeric;
mod parameters;
mod parsing;
mod rows;
mod run;
mod running;
mod session;
mod settings;
mod sign_in;
mod startup;
mod types;
mod well_formed;

pub use door::{Door, PgConfig};
