//! Front-end databases of departments (前置库): PostgreSQL, MySQL and MariaDB, read in place or taken in.
//!
//! What this crate guarantees:
//! - Off loopback a connection is encrypted and the server's certificate checked; there is no fall-back.
//! - A session reads only; the one statement that writes sets the pickup flag of rows that still read as they were taken.
//! - Names are quoted, values are parameters: no text of a caller becomes part of a statement.
//! - What a server says in an error is dropped but for its code: it may quote a value.
//! - Nobody waits longer than the configured times; a server that failed three times in a row is left alone for a while.
//!
//! What it is not: it knows no policy and no dataset. `live` puts tables under the barrier, the server takes rows in.

mod address;
mod batch;
mod breaker;
mod condition;
mod database;
mod dialect;
mod error;
mod mysql;
mod pickup;
mod postgres;
mod remote;
mod select;

pub use address::{AddressFault, DatabaseAddress, DatabaseConfig, Password, Server};
pub use batch::Transfer;
pub use condition::{Comparison, Condition, Value};
pub use database::{BatchStream, Database};
pub use error::DatabaseError;
pub use pickup::{Pickup, TakenRow};
pub use remote::{RemoteColumn, RemoteTable, RemoteType, TableName};
pub use select::{Extract, Progress, Select};
