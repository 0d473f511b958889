//! Statements nobody wrote: a grammar over what one principal may see, driven by a seed.
//!
//! [`vocabulary`] asks the gateway for relations, columns and types, so that a new relation is written about without a
//! change here; [`calls`] finds out how each function of the product's allow-list can be called. The rest is grammar:
//! `queries` over `sources` of `expressions` and `predicates`; of relations that may only be counted, `counted` groups. Many statements fail on some row on purpose, because an
//! error is an answer too.

pub mod calls;
mod counted;
pub mod dice;
mod expressions;
mod predicates;
pub mod production;
mod queries;
mod sources;
pub mod vocabulary;
mod writer;

use std::collections::BTreeSet;

use calls::Calls;
use dice::Dice;
use production::Production;
use vocabulary::Vocabulary;
use writer::Writer;

/// One statement and the rules that made it.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// Rules used, each once.
    pub productions: BTreeSet<Production>,
}

/// A stream of statements; the same seed gives the same ones.
#[derive(Debug)]
pub struct Statements<'a> {
    seed: u64,
    n: u64,
    words: &'a Vocabulary,
    calls: &'a Calls,
    probe: Option<&'a str>,
}

impl<'a> Statements<'a> {
    /// Starts at a seed.
    #[must_use]
    pub fn from_seed(seed: u64, words: &'a Vocabulary, calls: &'a Calls) -> Self {
        Self { seed, n: 0, words, calls, probe: None }
    }

    /// Puts a boolean function of one text around columns, in many of the conditions.
    #[must_use]
    pub fn with_probe(self, probe: &'a str) -> Self {
        Self { probe: Some(probe), ..self }
    }
}

impl Iterator for Statements<'_> {
    type Item = Statement;

    fn next(&mut self) -> Option<Statement> {
        // Each statement has dice of its own, so that one can be written again without those before it.
        let dice = Dice::from_seed(self.seed.wrapping_mul(1_000_003).wrapping_add(self.n));
        self.n += 1;
        let mut writer = Writer::new(dice, self.words, self.calls, self.probe);
        let sql = writer.statement();
        Some(Statement { sql, productions: writer.used })
    }
}
