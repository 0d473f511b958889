//! The attack lines of `tests/attacks/attacks.jsonl`, and more of the same kind, over every door there is.

mod corpus;
mod generated;
mod more;
mod tests_of_tests;
