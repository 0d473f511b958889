//! Whether one row rule admits only what another admits, for every principal and every row. Exact.
//!
//! A counterexample to `inner` within `outer` is an attribute assignment A (name to a finite set of texts, none empty) and
//! a row ρ (column to a text or null) that `inner` admits and `outer` does not. [`includes`] tries finitely many:
//!
//! For each conjunct C of the disjunctive normal form of `inner`:
//! - a column that C does not name is null;
//! - a column with a literal `equals` in C takes each of those literals that fits all literals of C for the column;
//! - any other column takes `base` + F + F: `base` is empty, or each literal prefix of C that fits them all; F is one
//!   character of the column's own that stands in no literal of either rule ("fresh");
//! - an attribute holds witnesses only: for `column in attribute` the value of the column; for `column starts with attribute`
//!   the value without its last character if it ends in F + F, otherwise each prefix of the value that is not empty.
//!
//! *Why that is enough.* Let (A, ρ) be any counterexample, C a conjunct that holds for it. Both rules are monotone: setting
//! columns outside C to null and cutting A down to one witness for each comparison of C with an attribute keeps C true and
//! cannot make `outer` true. Now take every column j of C without a literal `equals`. The literal prefixes that C needs of it
//! are all prefixes of ρ(j), so the longest of them, `base`, fits them all. Replace ρ(j) by `base`FF and j's witnesses as
//! above; C still holds. Every comparison of `outer` that is true afterwards was true before:
//! - *literal `equals` on j*: never true, F is in no literal. *Literal prefix p on j*: p has no F, so it is a prefix of
//!   `base`, hence of the old ρ(j);
//! - *`j in a`*: only a text with two F of j equals the value, and only j's own `in` witness has them. Then `j in a` is in C;
//! - *`j starts with a`*: the witness in question is j's own, and then C has `j in a` or `j starts with a`, either of
//!   which made it true before; or another column's: with that column's F it is no prefix of j's value, so it comes from a
//!   literal column, was there before and, having no F, is a prefix of `base`, hence of the old ρ(j);
//! - *a comparison on a literal column*: its value and the literal columns' witnesses are what they were, and a witness with
//!   an F neither equals nor starts a literal;
//! - *a comparison on a null column*: never true.
//!
//! `outer` is monotone, so it stays false, and what was reached is one of the candidates. A literal column keeps its value,
//! and all values and all prefixes of it are tried. Texts without a character (literal or attribute) match nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::change::RowExample;
use super::normal_form::{Atom, Comparison, Conjunct, Source, conjuncts};
use crate::row::{RowRule, Values};

/// Most candidates looked at for one inclusion; beyond it the answer is that there is none. Keeps the answer under a second.
const CANDIDATES_MAX: usize = 50_000;

/// Characters for made-up values, in this order.
const FRESH_FIRST: &str = "甲乙丙丁戊己庚辛壬癸";

/// Whether everything the inner rule admits is admitted by the outer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inclusion {
    Holds,
    /// The inner rule admits this, the outer one does not.
    Fails(RowExample),
    /// Too many cases to look at.
    Undecided,
}

pub(super) fn includes(inner: &RowRule, outer: &RowRule) -> Inclusion {
    if inner == outer {
        return Inclusion::Holds;
    }
    let (Some(conjuncts), Some(fresh)) = (conjuncts(inner), fresh_characters(inner, outer)) else {
        return Inclusion::Undecided;
    };
    let mut search = Search { inner, outer, left: CANDIDATES_MAX };
    for conjunct in &conjuncts {
        let Some(columns) = choices(conjunct, &fresh) else { return Inclusion::Undecided };
        match search.look(&columns, &mut Vec::new()) {
            Inclusion::Holds => {}
            other => return other,
        }
    }
    Inclusion::Holds
}

/// One value for one column, with the witnesses it gives to attributes.
#[derive(Debug, Clone)]
struct Choice<'r> {
    column: &'r str,
    value: String,
    witnesses: Vec<(&'r str, String)>,
}

struct Search<'r> {
    inner: &'r RowRule,
    outer: &'r RowRule,
    left: usize,
}

impl Search<'_> {
    /// Every combination of one choice per column, until one is a counterexample.
    fn look<'c>(&mut self, columns: &'c [Vec<Choice<'c>>], chosen: &mut Vec<&'c Choice<'c>>) -> Inclusion {
        let Some((column, rest)) = columns.split_first() else { return self.check(chosen) };
        for choice in column {
            chosen.push(choice);
            let found = self.look(rest, chosen);
            chosen.pop();
            if found != Inclusion::Holds {
                return found;
            }
        }
        Inclusion::Holds
    }

    fn check(&mut self, chosen: &[&Choice<'_>]) -> Inclusion {
        let Some(left) = self.left.checked_sub(1) else { return Inclusion::Undecided };
        self.left = left;
        if admits(self.outer, chosen) {
            return Inclusion::Holds;
        }
        let example = example_of(chosen);
        // The reference meaning has the last word about what is shown to people.
        if example.is_admitted_by(self.inner) && !example.is_admitted_by(self.outer) {
            Inclusion::Fails(example)
        } else {
            Inclusion::Undecided
        }
    }
}

fn example_of(chosen: &[&Choice<'_>]) -> RowExample {
    let mut attributes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (attribute, witness) in chosen.iter().flat_map(|choice| &choice.witnesses) {
        attributes.entry((*attribute).to_owned()).or_default().insert(witness.clone());
    }
    RowExample {
        attributes: attributes.into_iter().map(|(name, values)| (name, values.into_iter().collect())).collect(),
        row: chosen.iter().map(|choice| (choice.column.to_owned(), choice.value.clone())).collect(),
    }
}

/// What `rule.bind(..).admits(..)` says of the chosen values, without building the predicate.
fn admits(rule: &RowRule, chosen: &[&Choice<'_>]) -> bool {
    match rule {
        RowRule::All => true,
        RowRule::In { column, values } => matches(&Atom::new(column, Comparison::Equals, values), chosen),
        RowRule::Prefix { column, values } => matches(&Atom::new(column, Comparison::StartsWith, values), chosen),
        RowRule::And(parts) => parts.iter().all(|part| admits(part, chosen)),
        RowRule::Or(parts) => parts.iter().any(|part| admits(part, chosen)),
    }
}

fn matches(atom: &Atom<'_>, chosen: &[&Choice<'_>]) -> bool {
    let Some(value) = chosen.iter().find(|choice| choice.column == atom.column).map(|choice| choice.value.as_str())
    else {
        return false;
    };
    match atom.source {
        Source::Literals(literals) => literals.iter().any(|literal| compares(atom.comparison, value, literal)),
        Source::Attribute(name) => {
            let mut witnesses = chosen.iter().flat_map(|choice| &choice.witnesses);
            witnesses.any(|(attribute, witness)| *attribute == name && compares(atom.comparison, value, witness))
        }
    }
}

fn compares(comparison: Comparison, value: &str, with: &str) -> bool {
    !with.is_empty()
        && match comparison {
            Comparison::Equals => value == with,
            Comparison::StartsWith => value.starts_with(with),
        }
}

/// The choices for each column of the conjunct; `None` if a single column has too many.
fn choices<'r>(conjunct: &Conjunct<'r>, fresh: &BTreeMap<&str, char>) -> Option<Vec<Vec<Choice<'r>>>> {
    let columns: BTreeSet<&'r str> = conjunct.iter().map(|atom| atom.column).collect();
    let choices = columns.into_iter().map(|column| {
        let atoms: Vec<Atom<'r>> = conjunct.iter().filter(|atom| atom.column == column).copied().collect();
        let mut found = Vec::new();
        for value in values_of(&atoms, *fresh.get(column)?) {
            found.extend(witnessed(column, &value, &atoms, found.len())?);
        }
        Some(found)
    });
    choices.collect()
}

/// A candidate for the value of one column.
enum Candidate {
    Literal(String),
    /// The part that literals ask for, then the fresh character twice.
    Fresh(String, char),
}

/// Every candidate that fits all the literals for the column.
fn values_of(atoms: &[Atom<'_>], fresh: char) -> Vec<Candidate> {
    let literals = |comparison: Comparison| {
        let sets = atoms.iter().filter_map(move |atom| match atom.source {
            Source::Literals(literals) if atom.comparison == comparison => Some(literals),
            Source::Literals(_) | Source::Attribute(_) => None,
        });
        sets.collect::<Vec<_>>()
    };
    let (equals, prefixes) = (literals(Comparison::Equals), literals(Comparison::StartsWith));
    let fits = |value: &str| {
        equals.iter().all(|set| set.iter().any(|literal| compares(Comparison::Equals, value, literal)))
            && prefixes.iter().all(|set| set.iter().any(|literal| compares(Comparison::StartsWith, value, literal)))
    };
    if let Some(first) = equals.first() {
        let distinct: BTreeSet<&String> = first.iter().filter(|value| fits(value)).collect();
        return distinct.into_iter().map(|value| Candidate::Literal(value.clone())).collect();
    }
    if prefixes.is_empty() {
        return vec![Candidate::Fresh(String::new(), fresh)];
    }
    let distinct: BTreeSet<&String> = prefixes.iter().copied().flatten().filter(|base| fits(base)).collect();
    distinct.into_iter().map(|base| Candidate::Fresh(base.clone(), fresh)).collect()
}

/// The value with every choice of witnesses for the attributes it is compared with; `None` if there are too many.
fn witnessed<'r>(
    column: &'r str,
    candidate: &Candidate,
    atoms: &[Atom<'r>],
    n_before: usize,
) -> Option<Vec<Choice<'r>>> {
    let (value, prefixes): (String, Vec<String>) = match candidate {
        Candidate::Fresh(base, fresh) => (format!("{base}{fresh}{fresh}"), vec![format!("{base}{fresh}")]),
        Candidate::Literal(value) => {
            let ends = value.char_indices().map(|(start, c)| start + c.len_utf8());
            (value.clone(), ends.filter_map(|end| value.get(..end)).map(str::to_owned).collect())
        }
    };
    let mut found = vec![Choice { column, value: value.clone(), witnesses: Vec::new() }];
    for atom in atoms {
        let Source::Attribute(attribute) = atom.source else { continue };
        let whole = [value.clone()];
        let witnesses: &[String] = match atom.comparison {
            Comparison::Equals => &whole,
            Comparison::StartsWith => &prefixes,
        };
        if found.len().saturating_mul(witnesses.len()).saturating_add(n_before) > CANDIDATES_MAX {
            return None;
        }
        found = found
            .iter()
            .flat_map(|choice| {
                witnesses.iter().map(move |witness| {
                    let mut choice = choice.clone();
                    choice.witnesses.push((attribute, witness.clone()));
                    choice
                })
            })
            .collect();
    }
    Some(found)
}

/// A character of its own for each column of the inner rule, that stands in no literal; `None` if there are not enough.
fn fresh_characters<'r>(inner: &'r RowRule, outer: &RowRule) -> Option<BTreeMap<&'r str, char>> {
    let (mut columns, mut used) = (BTreeSet::new(), BTreeSet::new());
    collect(inner, &mut columns, &mut used);
    collect(outer, &mut BTreeSet::new(), &mut used);
    let mut unused = FRESH_FIRST.chars().chain('\u{4e00}'..='\u{9fff}').filter(move |c| !used.contains(c));
    let mut taken = BTreeSet::new();
    columns
        .into_iter()
        .map(|column| {
            let fresh = unused.find(|c| taken.insert(*c))?;
            Some((column, fresh))
        })
        .collect()
}

fn collect<'r>(rule: &'r RowRule, columns: &mut BTreeSet<&'r str>, used: &mut BTreeSet<char>) {
    match rule {
        RowRule::All => {}
        RowRule::In { column, values } | RowRule::Prefix { column, values } => {
            columns.insert(column);
            if let Values::Literal(literals) = values {
                used.extend(literals.iter().flat_map(|literal| literal.chars()));
            }
        }
        RowRule::And(parts) | RowRule::Or(parts) => parts.iter().for_each(|part| collect(part, columns, used)),
    }
}

#[cfg(test)]
mod tests;
