//! The attack lines of `tests/attacks/attacks.jsonl`, and more of the same kind, over every door there is.

mod aggregates;
mod bytes;
mod corpus;
mod generated;
mod hidden_names;
mod probe;
mod purposes;
mod records;
mod sentinels;
mod spellings;
mod tests_of_tests;
