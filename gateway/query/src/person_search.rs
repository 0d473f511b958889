//! Finding one person by full values that are not shown: `catalog.find_person('ID')`, `catalog.find_person('NAME', 'DATE')`.
//!
//! The statement's call becomes a table of its own: the person table under the caller's grant, narrowed by one more
//! predicate of the policy's kind. Nothing of the user's is evaluated beside raw values; what is shown is what the grant
//! shows; every try counts, a miss like a hit.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor, Value, VisitMut,
    VisitorMut,
};
use policies::{Grant, RowPredicate, SearchKey, SearchRule};
use schemas::CitizenId;

use crate::QueryError;
use crate::parameters::{self, Binding};

/// The relation in which persons are found.
pub(crate) const RELATION: &str = "unified.person";
/// The function in SQL; also the schema of the tables its calls become.
const SCHEMA: &str = "catalog";
const FUNCTION: &str = "find_person";
/// The time in which tries are counted.
const WINDOW: Duration = Duration::from_secs(3_600);

/// One call. `Debug` hides the values.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PersonSearch {
    IdNo(String),
    NameAndBirthDate(String, String),
}

impl fmt::Debug for PersonSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonSearch({:?})", self.key())
    }
}

impl PersonSearch {
    /// Full, well-formed values only: a part would be a way to guess the rest.
    fn of_arguments(arguments: &[String]) -> Result<Self, QueryError> {
        match arguments {
            [id] => {
                let id = CitizenId::parse(id.trim()).map_err(|_| QueryError::SearchValue { expected: "id_no" })?;
                Ok(Self::IdNo(id.as_str().to_owned()))
            }
            [name, date] => {
                let unsound = QueryError::SearchValue { expected: "name+birth_date" };
                let (name, date) = (name.trim(), date.trim());
                let is_date = date.len() == 10 && date.parse::<chrono::NaiveDate>().is_ok();
                if name.chars().count() < 2 || !is_date {
                    return Err(unsound);
                }
                Ok(Self::NameAndBirthDate(name.to_owned(), date.to_owned()))
            }
            _ => Err(QueryError::SearchValue { expected: "id_no" }),
        }
    }

    pub(crate) fn key(&self) -> SearchKey {
        match self {
            Self::IdNo(_) => SearchKey::IdNo,
            Self::NameAndBirthDate(..) => SearchKey::NameAndBirthDate,
        }
    }

    /// The grant, narrowed to whom is looked for.
    pub(crate) fn narrow(&self, grant: &Grant) -> Grant {
        let is =
            |column: &str, value: &str| RowPredicate::In { column: column.to_owned(), values: vec![value.to_owned()] };
        let values = match self {
            Self::IdNo(id) => vec![id],
            Self::NameAndBirthDate(name, date) => vec![name, date],
        };
        let parts = self.key().columns().iter().zip(values).map(|(column, value)| is(column, value));
        let mut narrowed = grant.clone();
        narrowed.rows = RowPredicate::And(std::iter::once(grant.rows.clone()).chain(parts).collect());
        narrowed
    }

    /// Name of the table that stands for the call with this number.
    pub(crate) fn table(idx: usize) -> (&'static str, String) {
        (SCHEMA, format!("{FUNCTION} {idx}"))
    }
}

/// Takes the calls out of a statement: each becomes the name of a table.
///
/// Where a statement is only described and the values come later, the call stands for the person table, whose columns it has.
pub(crate) fn take_searches(statement: &mut impl VisitMut, binding: &Binding) -> Result<Vec<PersonSearch>, QueryError> {
    let mut taker = Taker { searches: Vec::new(), binding };
    match statement.visit(&mut taker) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(taker.searches),
    }
}

struct Taker<'a> {
    searches: Vec<PersonSearch>,
    binding: &'a Binding,
}

impl VisitorMut for Taker<'_> {
    type Break = QueryError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<QueryError> {
        let TableFactor::Table { name, alias, args, .. } = factor else { return ControlFlow::Continue(()) };
        if !is_the_function(name) {
            return ControlFlow::Continue(());
        }
        let Some(given) = args.take() else { return ControlFlow::Continue(()) };
        let table = match self.binding {
            Binding::Types(_) if given.args.iter().any(is_placeholder) => {
                RELATION.split('.').map(str::to_owned).collect()
            }
            binding => {
                let values = if let Binding::Values(values) = binding { values.as_slice() } else { &[] };
                let arguments = literals(&given.args, values);
                let search = match arguments.and_then(|arguments| PersonSearch::of_arguments(&arguments)) {
                    Ok(search) => search,
                    Err(error) => return ControlFlow::Break(error),
                };
                let (schema, table) = PersonSearch::table(self.searches.len());
                self.searches.push(search);
                vec![schema.to_owned(), table]
            }
        };
        let quoted = |part| ObjectNamePart::Identifier(Ident::with_quote('"', part));
        *name = ObjectName(table.into_iter().map(quoted).collect());
        alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: Ident::new(FUNCTION),
            columns: Vec::new(),
            at: None,
        });
        ControlFlow::Continue(())
    }
}

fn is_the_function(name: &ObjectName) -> bool {
    let parts: Option<Vec<String>> = name
        .0
        .iter()
        .map(|part| {
            let ident = part.as_ident()?;
            Some(if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() })
        })
        .collect();
    parts.is_some_and(|parts| parts == [SCHEMA, FUNCTION])
}

fn is_placeholder(argument: &FunctionArg) -> bool {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => matches!(value.value, Value::Placeholder(_)),
        _ => false,
    }
}

/// Arguments are texts as written or bound: a value computed from data would make the look-up a join.
fn literals(arguments: &[FunctionArg], values: &[ScalarValue]) -> Result<Vec<String>, QueryError> {
    let text = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Placeholder(placeholder) => parameters::text_of(values, placeholder),
            _ => None,
        },
        _ => None,
    };
    let no_text = QueryError::SearchValue { expected: "id_no" };
    arguments.iter().map(|argument| text(argument).ok_or_else(|| no_text.clone())).collect()
}

/// Counts the tries of each subject.
#[derive(Debug, Default)]
pub(crate) struct SearchLimiter {
    tries: Mutex<HashMap<String, VecDeque<Instant>>>,
}

impl SearchLimiter {
    /// Counts a try. One over the limit is refused and not counted.
    fn count(&self, subject: &str, rule: &SearchRule, now: Instant) -> Result<(), QueryError> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, of_subject| of_subject.back().is_some_and(|last| now.duration_since(*last) < WINDOW));
        let of_subject = tries.entry(subject.to_owned()).or_default();
        while of_subject.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
            of_subject.pop_front();
        }
        if of_subject.len() >= usize::try_from(rule.per_hour).unwrap_or(usize::MAX) {
            return Err(QueryError::TooManySearches { per_hour: rule.per_hour });
        }
        of_subject.push_back(now);
        Ok(())
    }
}

/// What a query needs to find persons for its subject.
#[derive(Debug, Clone)]
pub(crate) struct Searcher {
    /// Where tries are counted; nowhere if the statement is only described.
    limiter: Option<Arc<SearchLimiter>>,
    subject: String,
    has_searched: Arc<AtomicBool>,
}

impl Searcher {
    pub(crate) fn new(limiter: Arc<SearchLimiter>, subject: &str) -> Self {
        Self { limiter: Some(limiter), subject: subject.to_owned(), has_searched: Arc::default() }
    }

    /// Of a statement that is only described: nobody is looked for, and nothing counts.
    pub(crate) fn describing(subject: &str) -> Self {
        Self { limiter: None, subject: subject.to_owned(), has_searched: Arc::default() }
    }

    /// Whether the statement looks for somebody, whether it is answered or not.
    pub(crate) fn has_searched(&self) -> bool {
        self.has_searched.load(Ordering::Relaxed)
    }

    /// Notes that the statement looks for somebody.
    pub(crate) fn note(&self, searches: &[PersonSearch]) {
        self.has_searched.fetch_or(!searches.is_empty(), Ordering::Relaxed);
    }

    /// Allows one try under the grant, and counts it.
    pub(crate) fn allow(&self, search: &PersonSearch, grant: &Grant) -> Result<(), QueryError> {
        let not_allowed = || QueryError::SearchNotAllowed { by: search.key().word() };
        let rule = grant.search.as_ref().filter(|rule| rule.by.contains(&search.key())).ok_or_else(not_allowed)?;
        self.limiter.as_ref().map_or(Ok(()), |limiter| limiter.count(&self.subject, rule, Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tries_are_counted_for_an_hour() {
        let limiter = SearchLimiter::default();
        let rule = SearchRule { by: BTreeSet::from([SearchKey::IdNo]), per_hour: 2 };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(limiter.count("a", &rule, at(0)).is_ok() && limiter.count("a", &rule, at(10)).is_ok());
        let refused = limiter.count("a", &rule, at(3_599));
        assert_eq!(refused, Err(QueryError::TooManySearches { per_hour: 2 }));
        assert!(limiter.count("b", &rule, at(3_599)).is_ok(), "another subject's tries are its own");
        assert!(limiter.count("a", &rule, at(3_600)).is_ok(), "the first one is an hour old");
        assert!(limiter.count("a", &rule, at(3_605)).is_err());
        assert!(limiter.count("c", &rule, at(20_000)).is_ok());
        assert_eq!(limiter.tries.lock().unwrap().len(), 1, "who has not tried for an hour is forgotten");
    }

    #[test]
    fn only_full_values_look_for_somebody() {
        let of = |arguments: &[&str]| {
            PersonSearch::of_arguments(&arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).is_ok()
        };
        assert!(of(&["11010519491231002X"]) && of(&[" 11010519491231002x "]) && of(&["张三", "1949-12-31"]));
        for unsound in [
            vec![],
            vec!["110105194912310029"],
            vec!["110105"],
            vec!["%"],
            vec!["张", "1949-12-31"],
            vec!["张三", "1949"],
            vec!["张三", "1949-1-1"],
            vec!["张三", "1949-02-30"],
            vec!["张三", "1949-12-31", "1"],
        ] {
            assert!(!of(&unsound), "{unsound:?}");
        }
    }
}
