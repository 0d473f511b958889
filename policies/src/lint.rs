//! Columns that give a masked value away together: the usual mask of an ID number hides exactly the birth date.
//!
//! It also names what a purpose lists and no rule of it needs (`lint/purposes.rs`).
//!
//! The linter reads a policy set, runs no query and sees no value. What it is *not*: a proof. It knows the kinds of columns
//! in `lint/kinds.rs` and the combinations in `lint/rules.rs`, follows a person over one key and a place over any number of
//! keys, and does not know which rows two rules share.

mod candidates;
mod kinds;
mod purposes;
mod rules;
mod view;

use std::collections::BTreeSet;
use std::fmt;

use schemas::Relation;

use self::kinds::Kind;
use self::rules::{LintRule, Pair, RULES, Reach, Weight};
use self::view::{Link, Rows, Sight, View};
use crate::PolicySet;

/// Below so many originals a combination is an error: ten can be tried by hand, so the mask protects nobody.
const CANDIDATES_ERROR_BELOW: u64 = 10;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LintSeverity {
    /// The mask is weaker than it says; somebody has to accept that.
    Warning,
    /// The masked value can be told, or nearly: fewer than ten candidates. Not to be published.
    Error,
}

impl fmt::Display for LintSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Columns that one role sees for one purpose and that give a masked value away together, or that the purpose lists in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintFinding {
    /// The role.
    pub role: String,
    /// The purpose; `None` where none is declared. Findings that a purpose shares with none are told without it.
    pub purpose: Option<String>,
    /// The rule of the linter: `W-001`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: LintSeverity,
    /// The columns, `relation.column`; the one given away first, if one is.
    pub columns: Vec<String>,
    /// Whether only the rows of children have it, whose masks a lift makes stronger.
    pub of_children: bool,
    /// How many originals are left at the least, where that can be counted.
    pub candidates: Option<u64>,
    /// What is given away and what to do, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

impl fmt::Display for LintFinding {
    /// One line: `warning W-002 grid_worker unified.person.id_no + unified.person.birth_date: 32 candidates`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.severity, self.rule, self.role)?;
        if let Some(purpose) = &self.purpose {
            write!(f, "@{purpose}")?;
        }
        write!(f, " {}", self.columns.join(" + "))?;
        match self.candidates {
            Some(1) => f.write_str(": 1 candidate")?,
            Some(n) => write!(f, ": {n} candidates")?,
            None => {}
        }
        if self.of_children { f.write_str(" (children)") } else { Ok(()) }
    }
}

impl PolicySet {
    /// Every combination of columns that shows more than its masks say, for each role without a purpose and with each of
    /// its own, and every purpose that lists more than its rules use. `relations`: those the set was checked against. Findings by role, purpose, rule and columns; empty is good.
    #[must_use]
    pub fn lint(&self, relations: &[Relation]) -> Vec<LintFinding> {
        let mut found = purposes::unused_fields(self, relations);
        for role in self.roles() {
            let base = self.findings_of(&role.name, None, relations);
            for purpose in self.purposes_of(&role.name) {
                let own = self.findings_of(&role.name, Some(&purpose.id), relations);
                found.extend(own.into_iter().filter(|f| !base.iter().any(|b| is_same_but_purpose(f, b))));
            }
            found.extend(base);
        }
        found.sort_by(|a, b| (&a.role, &a.purpose, a.rule, &a.columns).cmp(&(&b.role, &b.purpose, b.rule, &b.columns)));
        found
    }

    /// Findings of ordinary rows, and those that only the rows of children have.
    fn findings_of(&self, role: &str, purpose: Option<&str>, relations: &[Relation]) -> Vec<LintFinding> {
        let of_rows = |rows| findings(&View::of(self, role, purpose, relations, rows), role, purpose);
        let mut found = of_rows(Rows::Ordinary);
        let of_children = of_rows(Rows::Lifted);
        let more = of_children.into_iter().filter(|f| !found.iter().any(|other| is_same_but_purpose(f, other)));
        let more: Vec<LintFinding> = more.map(LintFinding::of_children).collect();
        found.extend(more);
        found
    }
}

impl LintFinding {
    /// The same finding, told of the rows of children.
    fn of_children(self) -> Self {
        Self {
            of_children: true,
            zh: format!("在提高遮盖的行（儿童）中，{}", self.zh),
            en: format!("in the lifted rows, of children: {}", self.en),
            ..self
        }
    }
}

fn is_same_but_purpose(a: &LintFinding, b: &LintFinding) -> bool {
    (a.rule, &a.columns, a.candidates, a.severity, a.of_children)
        == (b.rule, &b.columns, b.candidates, b.severity, b.of_children)
}

fn findings(view: &View<'_>, role: &str, purpose: Option<&str>) -> Vec<LintFinding> {
    let mut found = Vec::new();
    for rule in &RULES {
        let of_rule: Vec<Weighed<'_, '_>> = weighed(view, rule);
        for one in &of_rule {
            // A birth date next door tells nothing that the one beside has not told.
            let is_told = of_rule.iter().any(|other| other.tells_before(one));
            if !is_told {
                found.push(one.finding(rule, role, purpose));
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|f: &LintFinding| {
        let mut columns = f.columns.clone();
        columns.sort();
        seen.insert((f.rule, columns))
    });
    found
}

/// A pair with what it leaves.
struct Weighed<'v, 's> {
    masked: &'v Sight<'s>,
    beside: &'v Sight<'s>,
    sex: Option<&'v Sight<'s>>,
    link: Link,
    weight: Weight,
}

fn weighed<'v, 's>(view: &'v View<'s>, rule: &LintRule) -> Vec<Weighed<'v, 's>> {
    let mut out = Vec::new();
    for masked in view.sights.iter().filter(|s| rule.masked.contains(&s.kind)) {
        for beside in view.sights.iter().filter(|s| rule.beside.contains(&s.kind)) {
            if std::ptr::eq(masked, beside) {
                continue;
            }
            let link = match rule.reach {
                Reach::SamePlace => view.place_link(masked, beside),
                Reach::SamePerson | Reach::Anyone => view.person_link(masked, beside),
            };
            if rule.reach != Reach::Anyone && link != Link::Same {
                continue;
            }
            let sex = view.sex_of(masked).filter(|_| !masked.digits().has(16));
            let pair = Pair { masked, beside, link, sex_known: sex.is_some() };
            let weight = (rule.weigh)(&pair);
            out.extend(weight.map(|weight| Weighed { masked, beside, sex, link, weight }));
        }
    }
    out
}

impl Weighed<'_, '_> {
    /// Whether this pair stands in one relation, gives the same value away, and leaves no more of it than a pair that does
    /// not.
    fn tells_before(&self, other: &Self) -> bool {
        let leaves_no_more = match (self.weight, other.weight) {
            (Weight::Candidates(mine), Weight::Candidates(theirs)) => mine <= theirs,
            (Weight::Finer, Weight::Finer) => true,
            _ => false,
        };
        std::ptr::eq(self.masked, other.masked)
            && self.masked.relation == self.beside.relation
            && other.masked.relation != other.beside.relation
            && leaves_no_more
    }

    fn finding(&self, rule: &LintRule, role: &str, purpose: Option<&str>) -> LintFinding {
        let counts_numbers = self.masked.kind == Kind::CitizenId && matches!(self.weight, Weight::Candidates(_));
        let sex = self.sex.filter(|_| rule.reach == Reach::SamePerson && counts_numbers);
        let mut columns: Vec<String> = self.masked.names().chain(self.beside.names()).collect();
        columns.extend(sex.into_iter().flat_map(Sight::names));
        let candidates = match self.weight {
            Weight::Candidates(n) => Some(n),
            Weight::Finer => None,
        };
        let is_error = self.link != Link::None && candidates.is_some_and(|n| n < CANDIDATES_ERROR_BELOW);
        let (zh, en) = effect(candidates);
        LintFinding {
            role: role.to_owned(),
            purpose: purpose.map(str::to_owned),
            rule: rule.id,
            severity: if is_error { LintSeverity::Error } else { LintSeverity::Warning },
            zh: format!("{}合在一起{zh}。{}。", columns.join("、"), rule.zh),
            en: format!("{} together {en}: {}.", columns.join(", "), rule.en),
            columns,
            of_children: false,
            candidates,
        }
    }
}

fn effect(candidates: Option<u64>) -> (String, String) {
    match candidates {
        Some(1) => ("即可得到原值".to_owned(), "give the original".to_owned()),
        Some(n) => (format!("最少只剩{n}种可能"), format!("may leave as few as {n} originals")),
        None => ("比各自的遮盖更精确".to_owned(), "are more exact than their masks".to_owned()),
    }
}
