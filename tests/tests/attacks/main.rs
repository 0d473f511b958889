//! The attack lines of `tests/attacks/attacks.jsonl`, and more of the same kind, over every door there is.

mod aggregates;
mod bytes;
mod corpus;
mod endpoints;
mod found;
mod gates;
mod generated;
mod hidden_names;
mod lifecycle;
mod limits;
mod linted;
mod places;
mod probe;
mod purposes;
mod push_down;
mod records;
mod sentinels;
mod spellings;
mod tests_of_tests;
