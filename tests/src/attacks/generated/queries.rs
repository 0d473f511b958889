//! Whole queries: plain, grouped, windowed, set operations, common tables.

use super::calls::fill;
use super::production::Production;
use super::sources::numbered;
use super::vocabulary::{Kind, Named};
use super::writer::{Scope, Writer};

/// A query with an upper bound of its rows, as in `Source::size`.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) size: usize,
}

impl Writer<'_> {
    /// A whole statement.
    pub(super) fn statement(&mut self) -> String {
        let with = if self.dice.once_in(4) { self.common_tables() } else { String::new() };
        if self.dice.once_in(24) {
            self.uses(Production::Wildcard);
            let source = self.source(1);
            return format!("{with}SELECT * FROM {} WHERE {}", source.from, self.predicate(&source.scope, 2));
        }
        let mut kinds = vec![self.kind()];
        for _ in 0..self.dice.below(3) {
            kinds.push(self.kind());
        }
        let query = self.query(&kinds, 2);
        let tail = self.tail(&kinds);
        format!("{with}{}{tail}", query.sql)
    }

    /// A query that gives columns `c0`, `c1`, … of these kinds.
    pub(super) fn query(&mut self, kinds: &[Kind], depth: usize) -> Query {
        if self.words.relations.iter().any(|relation| relation.counted.is_some()) && self.dice.once_in(3) {
            return self.counted_query(kinds);
        }
        let sortable = !kinds.iter().any(|kind| matches!(kind, Kind::List | Kind::Other));
        match self.dice.below(10) {
            0 | 1 if depth > 0 && sortable => self.set_operation(kinds, depth - 1),
            2 | 3 if sortable => self.grouped(kinds, depth),
            4 => self.windowed(kinds, depth),
            _ => self.plain(kinds, depth, sortable),
        }
    }

    fn plain(&mut self, kinds: &[Kind], depth: usize, sortable: bool) -> Query {
        self.uses(Production::Projection);
        let source = self.source(depth);
        let distinct = if !sortable || !self.dice.once_in(5) {
            String::new()
        } else if self.dice.once_in(3) {
            self.uses(Production::DistinctOn);
            format!("DISTINCT ON ({}) ", self.leaf(Kind::Text, &source.scope))
        } else {
            self.uses(Production::Distinct);
            "DISTINCT ".to_owned()
        };
        let items = self.items(kinds, |writer, kind| writer.expression(kind, &source.scope, 2));
        let filter = self.filter(&source.scope);
        Query { sql: format!("SELECT {distinct}{items} FROM {}{filter}", source.from), size: source.size }
    }

    fn grouped(&mut self, kinds: &[Kind], depth: usize) -> Query {
        self.uses(Production::GroupBy);
        let source = self.source(depth);
        let mut keys: Vec<String> = Vec::new();
        let items = self.items(kinds, |writer, kind| {
            if writer.dice.once_in(2) {
                let key = writer.expression(kind, &source.scope, 1);
                keys.push(key.clone());
                key
            } else {
                writer.aggregate(kind, &source.scope)
            }
        });
        if keys.is_empty() {
            keys.push(self.leaf(Kind::Text, &source.scope));
        }
        let (first_key, keys) = (keys[0].clone(), keys.join(", "));
        let mut grouping = String::new();
        let by = if self.dice.once_in(4) {
            self.uses(Production::Rollup);
            grouping = format!(" HAVING grouping({first_key}) >= 0");
            format!("ROLLUP ({keys})")
        } else {
            keys
        };
        let having = if self.dice.once_in(3) {
            self.uses(Production::Having);
            let kind = *self.dice.one_of(&[Kind::Text, Kind::Integer]);
            format!(" HAVING {} > {}", self.aggregate(kind, &source.scope), self.literal(kind))
        } else {
            grouping
        };
        let filter = self.filter(&source.scope);
        Query { sql: format!("SELECT {items} FROM {}{filter} GROUP BY {by}{having}", source.from), size: 1 }
    }

    fn windowed(&mut self, kinds: &[Kind], depth: usize) -> Query {
        let source = self.source(depth);
        let items = self.items(kinds, |writer, kind| {
            if writer.dice.once_in(3) {
                writer.expression(kind, &source.scope, 1)
            } else {
                writer.window(kind, &source.scope)
            }
        });
        let filter = self.filter(&source.scope);
        Query { sql: format!("SELECT {items} FROM {}{filter}", source.from), size: source.size }
    }

    fn set_operation(&mut self, kinds: &[Kind], depth: usize) -> Query {
        const OPERATIONS: [(&str, Production); 6] = [
            ("UNION", Production::Union),
            ("UNION ALL", Production::UnionAll),
            ("INTERSECT", Production::Intersect),
            ("INTERSECT ALL", Production::IntersectAll),
            ("EXCEPT", Production::Except),
            ("EXCEPT ALL", Production::ExceptAll),
        ];
        let (words, production) = *self.dice.one_of(&OPERATIONS);
        self.uses(production);
        let (left, right) = (self.query(kinds, depth), self.query(kinds, depth));
        Query { sql: format!("({}) {words} ({})", left.sql, right.sql), size: left.size.max(right.size) + 1 }
    }

    /// One or two common tables; the first may be used twice.
    fn common_tables(&mut self) -> String {
        let mut texts = Vec::new();
        for i in 0..1 + self.dice.below(2) {
            let kinds = self.kinds();
            let mut query = self.query(&kinds, 1);
            if query.size > 1 {
                query.sql = format!("{} LIMIT 60", query.sql);
            }
            texts.push(format!("w{i} AS ({})", query.sql));
            self.common.push(Named { name: format!("w{i}"), columns: numbered(&kinds), counted: None });
        }
        format!("WITH {} ", texts.join(", "))
    }

    fn aggregate(&mut self, kind: Kind, scope: &Scope) -> String {
        self.uses(Production::AggregateCall);
        let calls = self.calls;
        let fitting: Vec<_> = calls.aggregate.iter().filter(|call| call.kind == kind).collect();
        if fitting.is_empty() {
            return format!("max({})", self.leaf(kind, scope));
        }
        let call = *self.dice.one_of(&fitting);
        format!("{}{}", call.name, fill(call.form, |hole| self.expression(hole, scope, 1)))
    }

    fn window(&mut self, kind: Kind, scope: &Scope) -> String {
        let over = self.over(scope);
        let calls = self.calls;
        let fitting: Vec<_> = calls.window.iter().filter(|call| call.kind == kind).collect();
        if !fitting.is_empty() && self.dice.once_in(2) {
            self.uses(Production::WindowFunction);
            let call = *self.dice.one_of(&fitting);
            return format!("{}{} OVER ({over})", call.name, fill(call.form, |hole| self.expression(hole, scope, 1)));
        }
        if !matches!(kind, Kind::Text | Kind::Integer | Kind::Float | Kind::Date | Kind::Moment) {
            return self.expression(kind, scope, 1);
        }
        self.uses(Production::WindowAggregate);
        let function = match kind {
            Kind::Integer => *self.dice.one_of(&["sum", "min", "max", "count"]),
            _ => *self.dice.one_of(&["min", "max"]),
        };
        let frame = if self.dice.once_in(3) {
            self.uses(Production::WindowFrame);
            " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"
        } else {
            ""
        };
        format!("{function}({}) OVER ({over}{frame})", self.expression(kind, scope, 1))
    }

    fn over(&mut self, scope: &Scope) -> String {
        let partition = if self.dice.once_in(2) {
            format!("PARTITION BY {} ", self.leaf(Kind::Text, scope))
        } else {
            String::new()
        };
        let kind = self.plain_kind();
        format!("{partition}ORDER BY {}", self.expression(kind, scope, 1))
    }

    pub(super) fn items(&mut self, kinds: &[Kind], mut expression: impl FnMut(&mut Self, Kind) -> String) -> String {
        let items: Vec<String> =
            kinds.iter().enumerate().map(|(i, kind)| format!("{} AS c{i}", expression(self, *kind))).collect();
        items.join(", ")
    }

    fn filter(&mut self, scope: &Scope) -> String {
        if self.dice.once_in(2) {
            return String::new();
        }
        let depth = 1 + self.dice.below(2);
        format!(" WHERE {}", self.predicate(scope, depth))
    }

    /// Order and limit of the whole.
    fn tail(&mut self, kinds: &[Kind]) -> String {
        let mut tail = String::new();
        if self.dice.once_in(3) && !matches!(kinds[0], Kind::List | Kind::Other) {
            self.uses(Production::OrderBy);
            let order = *self.dice.one_of(&[" ORDER BY c0", " ORDER BY c0 DESC NULLS LAST", " ORDER BY 1"]);
            tail.push_str(order);
        }
        if self.dice.once_in(4) {
            self.uses(Production::Limit);
            tail.push_str(&format!(" LIMIT {}", 1 + self.dice.below(9)));
            if self.dice.once_in(3) {
                self.uses(Production::Offset);
                tail.push_str(&format!(" OFFSET {}", self.dice.below(5)));
            }
        }
        tail
    }
}
