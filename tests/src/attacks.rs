//! Attack lines as tests: the fixture, the oracle, the doors, and the checks.
//!
//! `tests/attacks/README.md` says what the lines mean. How the parts here fit together:
//! - [`corpus`] reads the lines; [`rows`] makes the rows of two worlds that differ only in what `grid_worker` may not see;
//!   [`tables`] turns rows into Arrow; [`roles`] names the policies and principals.
//! - [`world`] loads one world into a real [`query::Gateway`] and a real REST server. Each way in is a [`door::Door`].
//! - [`oracle`] is written independently of the crate `policies`: it filters and masks the rows in plain Rust, stores the
//!   result in a plain engine, and answers there. Nothing hidden is left in it.
//! - [`checks`] compare answers. They return a finding instead of panicking, so that [`leaky`], a gateway without its
//!   barrier, can be used to show that they do go red.

pub mod answer;
pub mod checks;
pub mod corpus;
pub mod door;
pub mod generated;
pub mod leaky;
pub mod ledger;
pub mod oracle;
pub mod probe;
pub mod rest_door;
pub mod roles;
pub mod rows;
pub mod secrets;
pub mod soak;
pub mod tables;
pub mod twins;
pub mod world;
