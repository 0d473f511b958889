//! Expressions of a wanted kind over the columns in scope. Several fail on some values: that is their point.

use super::calls::fill;
use super::production::Production;
use super::vocabulary::Kind;
use super::writer::{Scope, Writer};

impl Writer<'_> {
    /// An expression of the kind.
    pub(super) fn expression(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        if kind == Kind::Other {
            return self.scalar_call(kind, scope, depth.saturating_sub(1));
        }
        if depth == 0 {
            return self.leaf(kind, scope);
        }
        match self.dice.below(13) {
            0 | 1 => self.case(kind, scope, depth - 1),
            2 | 3 => self.cast(kind, scope, depth - 1),
            4..=6 => self.scalar_call(kind, scope, depth - 1),
            7 => self.scalar_subquery(kind, scope, depth - 1),
            8 | 9 => self.operator(kind, scope, depth - 1),
            _ => self.leaf(kind, scope),
        }
    }

    /// A column of the kind, or a literal.
    pub(super) fn leaf(&mut self, kind: Kind, scope: &Scope) -> String {
        if !self.dice.once_in(8)
            && let Some(column) = self.column(kind, scope)
        {
            return column;
        }
        self.literal(kind)
    }

    /// A column of the kind, if there is one.
    pub(super) fn column(&mut self, kind: Kind, scope: &Scope) -> Option<String> {
        let fitting: Vec<&str> = scope.iter().filter(|c| c.kind == kind).map(|c| c.name.as_str()).collect();
        if fitting.is_empty() {
            return None;
        }
        self.uses(Production::Column);
        Some((*self.dice.one_of(&fitting)).to_owned())
    }

    pub(super) fn literal(&mut self, kind: Kind) -> String {
        self.uses(Production::Literal);
        match kind {
            Kind::Text | Kind::Other => self.dice.one_of(&self.words.literals).clone(),
            Kind::Integer => {
                self.dice.one_of(&["0", "1", "2", "3", "7", "-1", "40", "0", "1", "2", "3", "NULL"]).to_string()
            }
            Kind::Float => self.dice.one_of(&["0.5", "0.0", "45.0", "116.4", "1e300"]).to_string(),
            Kind::Date => {
                self.dice.one_of(&["DATE '1990-01-01'", "DATE '1985-02-02'", "DATE '2025-11-04'"]).to_string()
            }
            Kind::Moment => "TIMESTAMP '2025-11-04T09:30:00'".to_owned(),
            Kind::Boolean => self.dice.one_of(&["true", "false", "true", "true", "NULL"]).to_string(),
            Kind::List => {
                let words = self.words;
                format!("make_array({}, {})", self.dice.one_of(&words.literals), self.dice.one_of(&words.literals))
            }
        }
    }

    fn case(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        self.uses(Production::Case);
        let condition = self.predicate(scope, depth);
        format!(
            "CASE WHEN {condition} THEN {} ELSE {} END",
            self.expression(kind, scope, depth),
            self.leaf(kind, scope)
        )
    }

    fn cast(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        let (from, to) = match kind {
            Kind::Text | Kind::Other => (self.plain_kind(), "varchar"),
            Kind::Integer => (Kind::Text, "bigint"),
            Kind::Float => (*self.dice.one_of(&[Kind::Integer, Kind::Text]), "double"),
            Kind::Date => (*self.dice.one_of(&[Kind::Text, Kind::Moment]), "date"),
            Kind::Moment => (*self.dice.one_of(&[Kind::Date, Kind::Text]), "timestamp"),
            Kind::Boolean => (*self.dice.one_of(&[Kind::Integer, Kind::Text]), "boolean"),
            Kind::List => {
                self.uses(Production::Cast);
                return format!(
                    "make_array({}, cast({} AS varchar))",
                    self.leaf(Kind::Text, scope),
                    self.leaf(Kind::Integer, scope)
                );
            }
        };
        let inner = self.expression(from, scope, depth);
        if from == Kind::Text && kind != Kind::Text {
            if self.dice.once_in(3) {
                self.uses(Production::TryCast);
                return format!("try_cast({inner} AS {to})");
            }
            self.uses(Production::FailingCast);
        } else {
            self.uses(Production::Cast);
        }
        format!("cast({inner} AS {to})")
    }

    fn operator(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        let left = self.expression(kind, scope, depth);
        match kind {
            Kind::Integer | Kind::Float => {
                let operator = *self.dice.one_of(&["+", "-", "*", "/", "%", "/"]);
                let division = matches!(operator, "/" | "%");
                self.uses(if division { Production::Division } else { Production::Arithmetic });
                format!("({left} {operator} {})", self.expression(kind, scope, depth))
            }
            Kind::Date => {
                self.uses(Production::Arithmetic);
                format!("cast({left} + interval '{} day' AS date)", self.dice.below(400))
            }
            Kind::Text => {
                self.uses(Production::Concatenation);
                format!("({left} || {})", self.expression(kind, scope, depth))
            }
            Kind::Boolean => self.predicate(scope, depth),
            Kind::Moment | Kind::List | Kind::Other => left,
        }
    }

    /// A function of the allow-list that gives the kind.
    fn scalar_call(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        self.uses(Production::ScalarCall);
        let calls = self.calls;
        let fitting: Vec<_> = calls.scalar.iter().filter(|call| call.kind == kind).collect();
        let call = *self.dice.one_of(&fitting);
        format!("{}{}", call.name, fill(call.form, |hole| self.expression(hole, scope, depth)))
    }

    /// One value out of a relation of its own, or one that depends on the row outside.
    fn scalar_subquery(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        if !matches!(kind, Kind::Text | Kind::Integer | Kind::Float | Kind::Date | Kind::Moment) {
            return self.leaf(kind, scope);
        }
        let inner = self.inner(scope);
        let aggregate = match kind {
            Kind::Integer if self.dice.once_in(2) => "count(*)".to_owned(),
            _ => {
                format!("{}({})", self.dice.one_of(&["max", "min"]), self.expression(kind, &inner.scope, depth.min(1)))
            }
        };
        let correlated = inner.link.filter(|_| self.dice.once_in(2));
        self.uses(match correlated {
            Some(_) => Production::CorrelatedScalarSubquery,
            None => Production::ScalarSubquery,
        });
        let condition = match correlated {
            Some(link) => link,
            None => self.predicate(&inner.scope, depth.min(1)),
        };
        format!("(SELECT {aggregate} FROM {} WHERE {condition})", inner.from)
    }
}
