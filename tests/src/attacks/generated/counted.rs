//! Relations that may be counted but not read: groups by allowed keys, of persons enough, with anything above them.
//!
//! Below the aggregate stands only what gate 3 reads: comparisons of keys with constants, and joins on the persons. The
//! aggregate's columns then offer themselves to expressions and conditions like those of any table.

use super::production::Production;
use super::queries::Query;
use super::vocabulary::{Column, Counted, Kind};
use super::writer::{Scope, Writer, under};

/// What may be asked of a date that is a key, with what it gives.
const PARTS: [(&str, &str, Kind); 5] = [
    ("date_part", "year", Kind::Integer),
    ("date_part", "month", Kind::Integer),
    ("date_part", "dow", Kind::Integer),
    ("date_trunc", "month", Kind::Moment),
    ("date_trunc", "quarter", Kind::Moment),
];

/// A relation, or two joined on the persons, before it is grouped.
struct Rows {
    from: String,
    persons: String,
    keys: Vec<Key>,
    measures: Scope,
}

/// A column that may be grouped by.
struct Key {
    column: Column,
    /// Literals that are worth comparing with.
    values: Vec<String>,
}

impl Writer<'_> {
    /// A query that gives columns `c0`, `c1`, … of these kinds: expressions over keys, counts and sums of one aggregate.
    pub(super) fn counted_query(&mut self, kinds: &[Kind]) -> Query {
        let rows = self.rows_to_count();
        let keys = self.keys_of(&rows);
        let mut scope = keys.clone();
        scope.extend(aggregates(&rows));
        let items = self.items(kinds, |writer, kind| writer.expression(kind, &scope, 1));
        let filter = self.key_filter(&rows);
        let grouping = self.grouping(&keys);
        let having = self.group_having(&scope);
        Query { sql: format!("SELECT {items} FROM {}{filter}{grouping}{having}", rows.from), size: 1 }
    }

    /// Groups as a table in FROM, and its columns. Keys keep their names, by which they are joined and probed.
    pub(super) fn counted_table(&mut self) -> (String, Vec<Column>) {
        self.uses(Production::CountedTable);
        let rows = self.rows_to_count();
        let mut keys = self.keys_of(&rows);
        let filter = self.key_filter(&rows);
        if self.dice.once_in(4) && keys.iter().all(|key| !key.name.contains('(')) && !keys.is_empty() {
            self.uses(Production::CountedDistinct);
            let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
            let sql = format!("(SELECT DISTINCT {} FROM {}{filter})", names.join(", "), rows.from);
            return (sql, keys.iter().map(named).collect());
        }
        let grouping = self.grouping(&keys);
        keys.extend(aggregates(&rows));
        let having = self.group_having(&keys);
        let items: Vec<String> = keys.iter().map(|c| format!("{} AS {}", c.name, named(c).name)).collect();
        let sql = format!("(SELECT {} FROM {}{filter}{grouping}{having})", items.join(", "), rows.from);
        (sql, keys.iter().map(named).collect())
    }

    fn rows_to_count(&mut self) -> Rows {
        let counted = self.words.counted();
        let (relation, rule) = *self.dice.one_of(&counted);
        let alias = self.alias();
        let mut rows = rows_of(&relation.name, rule, &alias);
        let others: Vec<_> = counted.iter().filter(|(other, _)| other.name != relation.name).collect();
        if !others.is_empty() && self.dice.once_in(3) {
            self.uses(Production::CountedJoin);
            let (other, other_rule) = **self.dice.one_of(&others);
            let alias = self.alias();
            let partner = rows_of(&other.name, other_rule, &alias);
            rows.from = format!("{} JOIN {} ON {} = {}", rows.from, partner.from, rows.persons, partner.persons);
            rows.keys.extend(partner.keys);
            rows.measures.extend(partner.measures);
        }
        rows
    }

    /// None for the total, or one or two keys; of dates their parts as well.
    fn keys_of(&mut self, rows: &Rows) -> Scope {
        let mut keys: Scope = Vec::new();
        for _ in 0..[0, 1, 1, 1, 2][self.dice.below(5)] {
            let mut key = self.dice.one_of(&rows.keys).column.clone();
            if key.kind == Kind::Date && !self.dice.once_in(4) {
                self.uses(Production::KeyPart);
                let (function, unit, kind) = *self.dice.one_of(&PARTS);
                key = Column { name: format!("{function}('{unit}', {})", key.name), kind, is_key: false };
            }
            if !keys.iter().any(|known| named(known).name == named(&key).name) {
                keys.push(key);
            }
        }
        keys
    }

    fn grouping(&mut self, keys: &Scope) -> String {
        if keys.is_empty() {
            self.uses(Production::CountedTotal);
            return String::new();
        }
        self.uses(Production::CountedGroups);
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        format!(" GROUP BY {}", names.join(", "))
    }

    /// A condition on whole groups.
    fn group_having(&mut self, scope: &Scope) -> String {
        if !self.dice.once_in(3) {
            return String::new();
        }
        self.uses(Production::GroupHaving);
        format!(" HAVING {}", self.predicate(scope, 1))
    }

    /// A condition on rows: of keys and constants only, but for some that are refused.
    fn key_filter(&mut self, rows: &Rows) -> String {
        if !self.dice.once_in(3) {
            return String::new();
        }
        if self.dice.once_in(20) {
            let keys: Scope = rows.keys.iter().map(|key| key.column.clone()).collect();
            return format!(" WHERE {}", self.predicate(&keys, 1));
        }
        self.uses(Production::KeyFilter);
        format!(" WHERE {}", self.key_condition(rows, 2))
    }

    fn key_condition(&mut self, rows: &Rows, depth: usize) -> String {
        let connective = if depth > 0 { self.dice.below(8) } else { 7 };
        match connective {
            0 => format!("({} AND {})", self.key_condition(rows, depth - 1), self.key_condition(rows, depth - 1)),
            1 => format!("({} OR {})", self.key_condition(rows, depth - 1), self.key_condition(rows, depth - 1)),
            2 => format!("NOT ({})", self.key_condition(rows, depth - 1)),
            _ => {
                let key = self.dice.one_of(&rows.keys);
                let name = &key.column.name;
                let (one, other) = (self.key_literal(key), self.key_literal(key));
                match self.dice.below(8) {
                    0 => format!("{name} IN ({one}, {other})"),
                    1 => format!("{name} NOT IN ({one}, {other})"),
                    2 => format!("{name} BETWEEN {one} AND {other}"),
                    3 => format!("{name} IS NOT NULL"),
                    4 if key.column.kind == Kind::Text => format!("{name} NOT LIKE 'G02%'"),
                    _ => format!("{name} {} {one}", self.dice.one_of(&["=", "<>", "<", ">=", ">", "<="])),
                }
            }
        }
    }

    fn key_literal(&mut self, key: &Key) -> String {
        if key.values.is_empty() || self.dice.once_in(12) {
            return self.literal(key.column.kind);
        }
        self.dice.one_of(&key.values).clone()
    }
}

fn rows_of(relation: &str, rule: &Counted, alias: &str) -> Rows {
    let keys = under(alias, &rule.keys).into_iter().zip(&rule.keys);
    Rows {
        from: format!("{relation} {alias}"),
        persons: format!("{alias}.{}", rule.persons),
        keys: keys
            .map(|(column, bare)| Key { column, values: rule.values.get(&bare.name).cloned().unwrap_or_default() })
            .collect(),
        measures: under(alias, &rule.measures),
    }
}

/// Everything that may be counted and summed, as columns.
fn aggregates(rows: &Rows) -> Scope {
    let of = |name: String, kind: Kind| Column { name, kind, is_key: false };
    let mut scope =
        vec![of("count(*)".to_owned(), Kind::Integer), of(format!("count(DISTINCT {})", rows.persons), Kind::Integer)];
    scope.extend(rows.keys.first().map(|key| of(format!("count({})", key.column.name), Kind::Integer)));
    for measure in &rows.measures {
        let sum = if measure.kind == Kind::Integer { Kind::Integer } else { Kind::Float };
        scope.push(of(format!("sum({})", measure.name), sum));
        scope.push(of(format!("avg({})", measure.name), Kind::Float));
    }
    scope
}

/// The column under a name that is one word: `t1.sex` is `sex`, `avg(t1.cost)` is `avg_cost`.
fn named(column: &Column) -> Column {
    let words: Vec<&str> = column.name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let is_alias =
        |word: &&str| word.strip_prefix('t').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let name: Vec<&str> = words.into_iter().filter(|word| !word.is_empty() && !is_alias(word)).collect();
    Column { name: name.join("_"), ..column.clone() }
}
