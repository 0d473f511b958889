//! What stands behind FROM: relations, common and derived tables, and joins of them.

use super::predicates::key_pairs;
use super::production::Production;
use super::vocabulary::{Column, Kind};
use super::writer::{Scope, Writer, under};

/// Tables with the columns they offer.
pub(super) struct Source {
    pub(super) from: String,
    pub(super) scope: Scope,
    /// How many whole relations are multiplied in the worst case. Two are ten thousand rows, which is enough.
    pub(super) size: usize,
}

impl Writer<'_> {
    /// One table, or up to three joined.
    pub(super) fn source(&mut self, depth: usize) -> Source {
        let mut source = self.table(depth, false);
        let n_joins = [0, 0, 0, 1, 1, 2][self.dice.below(6)];
        for _ in 0..n_joins {
            source = self.join(source, depth);
        }
        source
    }

    /// One table. A small one has a few rows.
    fn table(&mut self, depth: usize, small: bool) -> Source {
        let alias = self.alias();
        if small {
            let (of_whole, columns) = self.readable();
            let from = format!("(SELECT * FROM {of_whole} LIMIT {}) {alias}", 3 + self.dice.below(6));
            return Source { from, scope: under(&alias, &columns), size: 0 };
        }
        match self.dice.below(8) {
            0 if depth > 0 => {
                self.uses(Production::DerivedTable);
                let kinds = self.kinds();
                let query = self.query(&kinds, depth - 1);
                Source { from: format!("({}) {alias}", query.sql), scope: offered(&alias, &kinds), size: query.size }
            }
            1 if self.words.n_of_data == 0 || self.dice.once_in(2) => {
                self.uses(Production::Values);
                let (one, other) = (self.literal(Kind::Text), self.literal(Kind::Text));
                let from = format!("(VALUES ({one}, 1), ({other}, 0)) {alias}(c0, c1)");
                Source { from, scope: offered(&alias, &[Kind::Text, Kind::Integer]), size: 0 }
            }
            2..=6 if !self.common.is_empty() => {
                let table = self.dice.one_of(&self.common).clone();
                let first = self.common_read.insert(table.name.clone());
                self.uses(if first { Production::CommonTable } else { Production::CommonTableTwice });
                Source { from: format!("{} {alias}", table.name), scope: under(&alias, &table.columns), size: 1 }
            }
            _ => {
                let (from, columns) = self.readable();
                Source { from: format!("{from} {alias}"), scope: under(&alias, &columns), size: 1 }
            }
        }
    }

    /// A relation whose rows can be read, and its columns: of one that may only be counted, its groups; now and then the
    /// rows nevertheless, which are refused.
    pub(super) fn readable(&mut self) -> (String, Vec<Column>) {
        let relation = self.relation();
        match &relation.counted {
            Some(_) if !self.dice.once_in(40) => self.counted_table(),
            _ => (relation.name.clone(), relation.columns.clone()),
        }
    }

    fn join(&mut self, left: Source, depth: usize) -> Source {
        const KINDS: [(&str, Production); 8] = [
            ("JOIN", Production::InnerJoin),
            ("JOIN", Production::InnerJoin),
            ("LEFT JOIN", Production::LeftJoin),
            ("RIGHT JOIN", Production::RightJoin),
            ("FULL JOIN", Production::FullJoin),
            ("LEFT SEMI JOIN", Production::SemiJoin),
            ("LEFT ANTI JOIN", Production::AntiJoin),
            ("CROSS JOIN", Production::CrossJoin),
        ];
        let (words, production) = *self.dice.one_of(&KINDS);
        self.uses(production);
        let mut right = self.table(depth, left.size > 1);
        if left.size + right.size > 2 {
            right = self.table(depth, true);
        }
        let on = if production == Production::CrossJoin {
            String::new()
        } else {
            format!(" ON {}", self.join_condition(&left.scope, &right.scope))
        };
        let only_left = matches!(production, Production::SemiJoin | Production::AntiJoin);
        let mut scope = left.scope;
        if !only_left {
            scope.extend(right.scope);
        }
        Source { from: format!("{} {words} {}{on}", left.from, right.from), scope, size: left.size + right.size }
    }

    fn join_condition(&mut self, left: &Scope, right: &Scope) -> String {
        let pairs = key_pairs(left, right);
        let equality = if pairs.is_empty() || self.dice.once_in(8) {
            format!("{} = {}", self.leaf(Kind::Text, left), self.leaf(Kind::Text, right))
        } else {
            let (left, right) = self.dice.one_of(&pairs);
            format!("{left} = {right}")
        };
        if !self.dice.once_in(4) {
            return equality;
        }
        let side = if self.dice.once_in(2) { left } else { right };
        format!("{equality} AND {}", self.comparison_of(side))
    }

    fn comparison_of(&mut self, scope: &Scope) -> String {
        let kind = self.plain_kind();
        format!("{} <> {}", self.expression(kind, scope, 1), self.literal(kind))
    }

    /// Kinds of the columns of a table to be written.
    pub(super) fn kinds(&mut self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Text];
        for _ in 0..self.dice.below(3) {
            kinds.push(self.plain_kind());
        }
        kinds
    }
}

/// The columns `c0`, `c1`, … of a derived table.
pub(super) fn offered(alias: &str, kinds: &[Kind]) -> Scope {
    under(alias, &numbered(kinds))
}

/// Columns without a table's name.
pub(super) fn numbered(kinds: &[Kind]) -> Vec<Column> {
    kinds.iter().enumerate().map(|(i, kind)| Column { name: format!("c{i}"), kind: *kind, is_key: false }).collect()
}
