//! What the parts of the grammar share: the dice, the words, and the names given so far in one statement.

use std::collections::BTreeSet;

use super::calls::Calls;
use super::dice::Dice;
use super::production::Production;
use super::vocabulary::{Column, Kind, Named, Vocabulary};

/// The columns an expression may use, with their qualified names.
pub(super) type Scope = Vec<Column>;

/// Writes one statement.
pub(super) struct Writer<'a> {
    pub(super) dice: Dice,
    pub(super) words: &'a Vocabulary,
    pub(super) calls: &'a Calls,
    /// A function to put around columns in predicates.
    pub(super) probe: Option<&'a str>,
    /// What was written so far.
    pub(super) used: BTreeSet<Production>,
    /// Common tables of the statement.
    pub(super) common: Vec<Named>,
    /// Those that were read.
    pub(super) common_read: BTreeSet<String>,
    n_aliases: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(dice: Dice, words: &'a Vocabulary, calls: &'a Calls, probe: Option<&'a str>) -> Self {
        Self {
            dice,
            words,
            calls,
            probe,
            used: BTreeSet::new(),
            common: Vec::new(),
            common_read: BTreeSet::new(),
            n_aliases: 0,
        }
    }

    /// Notes that a rule was used.
    pub(super) fn uses(&mut self, production: Production) {
        self.used.insert(production);
    }

    /// A name no other table of the statement has.
    pub(super) fn alias(&mut self) -> String {
        self.n_aliases += 1;
        format!("t{}", self.n_aliases)
    }

    /// A relation: about data, if the principal sees any, and now and then about tables.
    pub(super) fn relation(&mut self) -> &'a Named {
        let (n_all, n_of_data) = (self.words.relations.len(), self.words.n_of_data);
        if n_of_data > 0 && !self.dice.once_in(12) {
            &self.words.relations[self.dice.below(n_of_data)]
        } else {
            &self.words.relations[n_of_data + self.dice.below(n_all - n_of_data)]
        }
    }

    /// A kind to put out.
    pub(super) fn kind(&mut self) -> Kind {
        const KINDS: [Kind; 14] = [
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Integer,
            Kind::Integer,
            Kind::Integer,
            Kind::Float,
            Kind::Date,
            Kind::Moment,
            Kind::Boolean,
            Kind::List,
            Kind::Other,
        ];
        *self.dice.one_of(&KINDS)
    }

    /// A kind whose values can be compared and sorted by every operator.
    pub(super) fn plain_kind(&mut self) -> Kind {
        loop {
            let kind = self.kind();
            if !matches!(kind, Kind::List | Kind::Other) {
                return kind;
            }
        }
    }
}

/// The columns of a table under an alias.
pub(super) fn under(alias: &str, columns: &[Column]) -> Scope {
    columns.iter().map(|column| Column { name: format!("{alias}.{}", column.name), ..column.clone() }).collect()
}
