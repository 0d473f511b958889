//! Who may see what: the decision and the masks. Pure functions over Arrow arrays.
//!
//! This crate knows no storage, no network, no thread and no query engine. It offers:
//! - [`Principal`]: who asks, in which one role, with which attributes, for which purpose;
//! - [`PolicySet`]: the closed, typed policy language, read from TOML and checked against the relations it speaks of.
//!   A set with any fault is refused whole, with every [`PolicyFault`] at once;
//! - [`PolicySet::decide`]: a [`Principal`] and a relation to a [`Decision`], default closed;
//! - [`PolicySet::diff`]: who sees more than before, exactly; [`PolicySet::matrix`]: who sees what, as a table;
//! - [`Lift`]: another mask of a column for the rows of children;
//! - [`Mask`]: one column to a column of equal length that shows less. Masks are total: no value makes them fail, and a
//!   value of an unexpected shape is redacted, never let through.
//!
//! Invariants kept here, guarded by the tests `default_closed`, `properties` and `matrix`:
//! - *default closed*: no rule, no relation; no grant, no column; no attribute, no row; no sound policy, no set;
//! - *total masks*: equal length, nulls stay null, the type is [`Mask::output_type`], nothing hidden decides the output.

mod aggregate;
mod cases;
mod decide;
mod decision;
mod deny;
mod diff;
mod format;
mod json_schema;
mod lift;
mod lint;
mod mask;
mod matrix;
mod parse;
mod policy_set;
mod principal;
mod purpose;
mod read_restrictions;
mod reveal;
mod row;
mod search;

pub use aggregate::AggregateRule;
pub use cases::{CaseDifference, CaseOutcome, column_of_texts, run_cases, shipped_cases_text};
pub use decision::{ColumnGrant, Decision, DeniedColumn, Grant, Reason, Refusal};
pub use diff::{Change, ChangeLine, ChangedPart, PolicyChange, PolicyDiff, PolicyNote, RowExample, Wording};
pub use format::format_policy;
pub use json_schema::policy_schema;
pub use lift::Lift;
pub use lint::{LintFinding, LintSeverity};
pub use mask::{Disclosure, Keep, Mask, MaskContext, MaskError, Positions, REDACTED};
pub use matrix::{MatrixCell, Visibility};
pub use parse::{FaultKind, PolicyFault};
pub use policy_set::{PolicySet, Role};
pub use principal::Principal;
pub use purpose::Purpose;
pub use read_restrictions::export_read_restrictions;
pub use reveal::RevealRule;
pub use row::RowPredicate;
pub use search::{SearchKey, SearchRule};
