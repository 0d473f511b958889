//! The way out: one statement of one principal, from text to released rows.
//!
//! Every adapter calls [`Gateway::query`], or [`Gateway::record`] for one record, and nothing else. What happens there, in order:
//! 1. gate 1: the text is exactly one query;
//! 2. a session that holds only [`PolicyTable`]s of what this principal may see;
//! 3. gate 2: every plan node, function and leaf is on an allow-list, before and after optimisation;
//! 4. every scan ends in a `PolicyScanExec`, the barrier nothing of the user's crosses;
//! 5. the audit record is durable; only then the first row leaves, in a [`ReleasedStream`].
//!
//! This crate is *not* a server: it knows no HTTP, gRPC or PostgreSQL type, and it stores nothing.

mod aggregate_gate;
mod catalog;
mod data;
mod dynamic_filter;
mod epoch;
mod error;
mod functions;
mod gateway;
mod leakproof;
mod limits;
mod masked_predicates;
mod metadata;
mod parameters;
mod past;
mod person_search;
mod plan_gate;
mod policy_scan;
mod policy_table;
mod recorder;
mod released;
mod reveal;
mod row_filter;
mod runtime;
mod session;
mod shows_prefix;
mod slots;
mod spill;
mod statement;
mod token_key;
mod total;
mod yielding;

pub use aggregate_gate::AggregateRefusal;
pub use data::{PublishedData, PublishedTable};
pub use error::{ErrorKind, QueryError, SourceFault};
pub use functions::allowed_function_names;
#[cfg(feature = "probes")]
pub use gateway::FileReads;
pub use gateway::{Described, Gateway, GatewayConfig, QueryRequest, RecordTarget, today_in_china};
pub use limits::Limits;
pub use metadata::{VisibleColumn, VisibleRelation};
pub use past::{AsOf, KeptVersion, Past, PastError};
pub use policy_table::PolicyTable;
pub use recorder::{AccessOutcome, AccessRecord, OpenRecord, Recorder, RecorderError};
pub use released::{MaskedColumn, ReleasedStream};
pub use reveal::{Reveal, RevealState, RevealTarget};
pub use runtime::CpuRuntime;
pub use token_key::TokenKey;

#[cfg(test)]
mod tests;
