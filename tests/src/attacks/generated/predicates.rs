//! Conditions, with subqueries that may depend on the row outside.

use super::production::Production;
use super::vocabulary::Kind;
use super::writer::{Scope, Writer, under};

/// A table inside a subquery.
pub(super) struct Inner {
    pub(super) from: String,
    pub(super) scope: Scope,
    /// A key of the outer row and one of its own that mean the same.
    pub(super) keys: Option<(String, String)>,
    /// Equality of one of its keys with one of the outer row's, if any fit.
    pub(super) link: Option<String>,
}

impl Writer<'_> {
    /// A condition.
    pub(super) fn predicate(&mut self, scope: &Scope, depth: usize) -> String {
        if let Some(probe) = self.probe
            && self.dice.once_in(3)
        {
            return self.probed(probe, scope);
        }
        if depth == 0 {
            return self.comparison(scope, 0);
        }
        match self.dice.below(15) {
            0 | 1 => {
                self.uses(Production::And);
                format!("(({}) AND ({}))", self.predicate(scope, depth - 1), self.predicate(scope, depth - 1))
            }
            2 => {
                self.uses(Production::Or);
                format!("(({}) OR ({}))", self.predicate(scope, depth - 1), self.predicate(scope, depth - 1))
            }
            3 => {
                self.uses(Production::Not);
                format!("NOT ({})", self.predicate(scope, depth - 1))
            }
            4 => {
                self.uses(Production::Like);
                let operator = *self.dice.one_of(&["LIKE", "NOT LIKE", "ILIKE", "~"]);
                format!("{} {operator} {}", self.expression(Kind::Text, scope, depth - 1), self.pattern())
            }
            5 => self.in_list(scope, depth - 1),
            6 => {
                self.uses(Production::Between);
                let kind = self.plain_kind();
                let (low, high) = (self.literal(kind), self.literal(kind));
                format!("{} BETWEEN {low} AND {high}", self.expression(kind, scope, depth - 1))
            }
            7 => {
                self.uses(Production::IsNull);
                let kind = self.plain_kind();
                let operator = *self.dice.one_of(&["IS NULL", "IS NOT NULL"]);
                format!("{} {operator}", self.expression(kind, scope, depth - 1))
            }
            8 => self.exists(scope, depth - 1),
            9 => self.in_subquery(scope, depth - 1),
            10 => self.expression(Kind::Boolean, scope, depth - 1),
            _ => self.comparison(scope, depth - 1),
        }
    }

    /// The probe over a bare column: what it then sees can be told by the column's name.
    fn probed(&mut self, probe: &str, scope: &Scope) -> String {
        let kind = self.plain_kind();
        match (self.column(kind, scope), kind) {
            (Some(column), Kind::Text) => format!("{probe}({column})"),
            (Some(column), _) => format!("{probe}(cast({column} AS varchar))"),
            (None, _) => self.comparison(scope, 0),
        }
    }

    fn comparison(&mut self, scope: &Scope, depth: usize) -> String {
        let kind = self.plain_kind();
        let operator = *self.dice.one_of(&["=", "<>", "<", ">=", ">", "IS DISTINCT FROM"]);
        let left = self.expression(kind, scope, depth);
        let right = if self.dice.once_in(4) {
            self.uses(Production::ColumnsCompared);
            self.expression(kind, scope, depth)
        } else {
            self.uses(Production::Comparison);
            self.literal(kind)
        };
        format!("{left} {operator} {right}")
    }

    fn pattern(&mut self) -> String {
        if self.dice.once_in(2) {
            return self.literal(Kind::Text);
        }
        (*self.dice.one_of(&["'%1%'", "'%0%'", "'%云%'", "'1'", "'P000_'", "'%*%'", "'.'"])).to_owned()
    }

    fn in_list(&mut self, scope: &Scope, depth: usize) -> String {
        self.uses(Production::InList);
        let kind = self.plain_kind();
        let operator = *self.dice.one_of(&["IN", "NOT IN"]);
        let items: Vec<String> = (0..2 + self.dice.below(4)).map(|_| self.literal(kind)).collect();
        format!("{} {operator} ({})", self.expression(kind, scope, depth), items.join(", "))
    }

    fn exists(&mut self, scope: &Scope, depth: usize) -> String {
        let inner = self.inner(scope);
        let own = self.predicate(&inner.scope, depth.min(1));
        let condition = inner.link.map_or_else(|| own.clone(), |link| format!("{link} AND {own}"));
        let negated = self.dice.once_in(2);
        self.uses(if negated { Production::NotExists } else { Production::Exists });
        format!("{}EXISTS (SELECT 1 FROM {} WHERE {condition})", if negated { "NOT " } else { "" }, inner.from)
    }

    fn in_subquery(&mut self, scope: &Scope, depth: usize) -> String {
        let inner = self.inner(scope);
        let negated = self.dice.once_in(3);
        self.uses(if negated { Production::NotInSubquery } else { Production::InSubquery });
        let (asked, given) = match &inner.keys {
            Some(keys) if !self.dice.once_in(3) => keys.clone(),
            _ => (self.expression(Kind::Text, scope, depth), self.leaf(Kind::Text, &inner.scope)),
        };
        let own = self.predicate(&inner.scope, depth.min(1));
        let condition = match inner.link.filter(|_| self.dice.once_in(3)) {
            Some(link) => {
                self.uses(Production::CorrelatedInSubquery);
                format!("{link} AND {own}")
            }
            None => own,
        };
        format!(
            "{asked} {}IN (SELECT {given} FROM {} WHERE {condition})",
            if negated { "NOT " } else { "" },
            inner.from
        )
    }

    /// A relation for a subquery, tied to the outer row if a key fits.
    pub(super) fn inner(&mut self, outer: &Scope) -> Inner {
        let (from, columns) = self.readable();
        let alias = self.alias();
        let scope = under(&alias, &columns);
        let pairs = key_pairs(outer, &scope);
        let keys = (!pairs.is_empty()).then(|| self.dice.one_of(&pairs).clone());
        let link = keys.as_ref().map(|(of_outer, own)| format!("{of_outer} = {own}"));
        Inner { from: format!("{from} {alias}"), scope, keys, link }
    }
}

/// Keys that mean the same: `p.person_id` and `h.owner_person_id`.
pub(super) fn key_pairs(left: &Scope, right: &Scope) -> Vec<(String, String)> {
    let bare = |name: &str| name.rsplit_once('.').map_or(name, |(_, bare)| bare).to_owned();
    let mut pairs = Vec::new();
    for a in left.iter().filter(|column| column.is_key) {
        for b in right.iter().filter(|column| column.is_key) {
            let (of_a, of_b) = (bare(&a.name), bare(&b.name));
            if of_a.ends_with(&of_b) || of_b.ends_with(&of_a) {
                pairs.push((a.name.clone(), b.name.clone()));
            }
        }
    }
    pairs
}
