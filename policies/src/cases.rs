//! Officers' own tests of a policy: a person asks, a row is there, this is what they have to get.
//!
//! ```toml
//! [[case]]
//! zh = "网格员看到本网格人员的部分证件号码"
//! en = "a grid worker sees part of the ID number of a person of the own grid"
//! role = "grid_worker"
//! attributes = { grids = ["290102001001001"] }
//! purpose = "case_investigation"            # may be left out
//! relation = "unified.person"
//! row = { grid_id = "290102001001001", id_no = "290102199003070016" }
//! day = 2026-07-18                          # may be left out: 2026-01-01
//! expect = { id_no = "290102********0016", ethnicity = { hidden = true } }
//! ```
//!
//! Every value of `row` is a text that is read as the type of its column; several texts of a list are joined by `|`; a column
//! not named is null, so that a row without its birth date is masked like a child's. `expect` is `"invisible"`, `"refused"`, `"no_row"`, or the columns that matter: the text shown,
//! `{ hidden = true }` (no such column), `{ empty = true }` (null), `{ token = true }`. A row that may be counted but not read
//! has `counts` in place of `expect`: the columns as they are grouped by.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use schemas::{FieldType, Relation};

use crate::{ColumnGrant, Decision, Grant, Mask, MaskContext, PolicyFault, PolicySet, Principal, parse};

/// The token key of every case. No secret: tokens of cases join nothing.
const TOKEN_KEY: [u8; 32] = [42; 32];

/// One case that has been run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOutcome {
    /// Line of the case in its file, from 1.
    pub line: usize,
    /// Its Chinese title.
    pub zh: String,
    /// Its English title.
    pub en: String,
    /// Where the answer is not the expected one; empty if the case passed. Values shown are the officer's own.
    pub differences: Vec<CaseDifference>,
}

impl CaseOutcome {
    /// Whether the answer was the expected one.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for CaseOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.passed() { "passed" } else { "failed" };
        write!(f, "{word} line {}: {} / {}", self.line, self.zh, self.en)?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}

/// One point in which the answer is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDifference {
    /// The column; `None` for the answer as a whole.
    pub column: Option<String>,
    /// What was expected, in the words of the case file.
    pub wanted: String,
    /// What came.
    pub came: String,
}

impl fmt::Display for CaseDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "{column}: ")?;
        }
        write!(f, "wanted {}, came {}", self.wanted, self.came)
    }
}

/// Runs the cases of a text against a policy set, with the decision and the masks that queries get. `file` is the name given
/// in faults. One outcome for each case, in their order.
///
/// # Errors
/// Every fault of the text at once, in the order of their place; no case is run then.
pub fn run_cases(
    set: &PolicySet,
    relations: &[Relation],
    file: &str,
    text: &str,
) -> Result<Vec<CaseOutcome>, Vec<PolicyFault>> {
    let cases = parse::read_cases(set, relations, file, text)?;
    Ok(cases.iter().map(|case| case.run(set)).collect())
}

/// The cases shipped with the product, for its own policies.
#[must_use]
pub fn shipped_cases_text() -> &'static str {
    include_str!("../data/cases.toml")
}

/// One case, read.
#[derive(Debug)]
pub(crate) struct Case<'r> {
    pub(crate) line: usize,
    pub(crate) zh: String,
    pub(crate) en: String,
    pub(crate) principal: Principal,
    pub(crate) relation: &'r Relation,
    pub(crate) row: BTreeMap<String, RowCell>,
    pub(crate) day: i32,
    pub(crate) expect: Expectation,
}

/// One value of the row: as written, and as a column of one row.
#[derive(Debug)]
pub(crate) struct RowCell {
    pub(crate) text: String,
    pub(crate) values: ArrayRef,
}

/// What is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expectation {
    Invisible,
    Refused,
    NoRow,
    Row { counted_only: bool, columns: Vec<(String, ExpectedCell)> },
}

/// What is expected of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpectedCell {
    Text(String),
    Hidden,
    Empty,
    Token,
}

/// What came in one column.
enum Came {
    Hidden,
    Empty,
    Text { text: String, is_token: bool },
    Fault(String),
}

impl Case<'_> {
    fn run(&self, set: &PolicySet) -> CaseOutcome {
        let differences = match set.decide_on(&self.principal, self.relation, self.day) {
            Decision::Invisible => self.whole(&Expectation::Invisible, "invisible".to_owned()),
            Decision::Refused { reason } => self.whole(&Expectation::Refused, format!("refused: {reason}")),
            Decision::Visible(grant) => self.compare(&grant),
        };
        CaseOutcome { line: self.line, zh: self.zh.clone(), en: self.en.clone(), differences }
    }

    /// An answer without a row.
    fn whole(&self, found: &Expectation, came: String) -> Vec<CaseDifference> {
        if self.expect == *found {
            return Vec::new();
        }
        vec![CaseDifference { column: None, wanted: self.expect.words().to_owned(), came }]
    }

    fn compare(&self, grant: &Grant) -> Vec<CaseDifference> {
        // What the policy compares is text, as written in the case.
        if !grant.rows.admits(&|column| self.row.get(column).map(|cell| cell.text.as_str())) {
            return self.whole(&Expectation::NoRow, "no_row".to_owned());
        }
        let is_counted_only = grant.aggregate.is_some();
        let columns = match &self.expect {
            Expectation::Row { counted_only, columns } if *counted_only == is_counted_only => columns,
            _ => {
                let came = Expectation::Row { counted_only: is_counted_only, columns: Vec::new() };
                return self.whole(&came, came.words().to_owned());
            }
        };
        let context = MaskContext::new(TOKEN_KEY, grant.token_scope.as_str(), self.day);
        let compared = columns.iter().filter_map(|(name, wanted)| {
            let came = grant.column(name).map_or(Came::Hidden, |column| self.show(column, &context));
            (!came.is(wanted)).then(|| CaseDifference {
                column: Some(name.clone()),
                wanted: wanted.words(),
                came: came.words(),
            })
        });
        compared.collect()
    }

    fn show(&self, column: &ColumnGrant, context: &MaskContext) -> Came {
        let Some(cell) = self.row.get(&column.name) else { return Came::Empty };
        let lift = column.lift.as_ref();
        let births = lift.and_then(|lift| self.row.get(&lift.birth_date)).map(|cell| &cell.values);
        let lifted = lift.filter(|lift| lift.holds(births, 1, self.day).true_count() > 0);
        let is_token = matches!(lifted.map_or(&column.mask, |lift| &lift.mask), Mask::Token { .. });
        let masked = match lift {
            Some(lift) => lift.apply(&column.mask, &cell.values, births, context),
            None => column.mask.apply(&cell.values, context),
        };
        match masked {
            Ok(masked) => match text_of_one(&masked) {
                Some(text) => Came::Text { text, is_token },
                None => Came::Empty,
            },
            Err(error) => Came::Fault(error.to_string()),
        }
    }
}

impl Expectation {
    fn words(&self) -> &'static str {
        match self {
            Self::Invisible => "invisible",
            Self::Refused => "refused",
            Self::NoRow => "no_row",
            Self::Row { counted_only: false, .. } => "a row",
            Self::Row { counted_only: true, .. } => "a row that is counted",
        }
    }
}

impl ExpectedCell {
    fn words(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Hidden => "hidden".to_owned(),
            Self::Empty => "empty".to_owned(),
            Self::Token => "a token".to_owned(),
        }
    }
}

impl Came {
    fn is(&self, wanted: &ExpectedCell) -> bool {
        match (self, wanted) {
            (Self::Hidden, ExpectedCell::Hidden) | (Self::Empty, ExpectedCell::Empty) => true,
            (Self::Text { is_token, .. }, ExpectedCell::Token) => *is_token,
            (Self::Text { text, .. }, ExpectedCell::Text(wanted)) => text == wanted,
            _ => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Hidden => "hidden".to_owned(),
            Self::Empty => "empty".to_owned(),
            Self::Text { is_token: true, .. } => "a token".to_owned(),
            Self::Text { text, .. } => format!("{text:?}"),
            Self::Fault(error) => format!("no column: {error}"),
        }
    }
}

/// Texts as a column of the field's type, lists joined by `|`; `None` if one of them is no value of it.
#[must_use]
pub fn column_of_texts<T: AsRef<str>>(field: FieldType, texts: &[T]) -> Option<ArrayRef> {
    let target = field.arrow_type();
    if let DataType::List(element) = &target {
        let element = Arc::new(Field::new(element.name(), DataType::Utf8, true));
        let mut list = ListBuilder::new(StringBuilder::new()).with_field(element);
        for text in texts {
            list.append_value(text.as_ref().split('|').map(Some));
        }
        return Some(Arc::new(list.finish()));
    }
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&texts, &target, &strict).ok().filter(|read| read.null_count() == 0)
}

/// The only value of a column as text, lists joined by `|`; `None` if it is null.
fn text_of_one(column: &ArrayRef) -> Option<String> {
    if let Some(list) = column.as_list_opt::<i32>() {
        let texts = (!list.is_null(0)).then(|| list.value(0))?;
        let texts = texts.as_string_opt::<i32>()?.iter().flatten().collect::<Vec<_>>().join("|");
        return Some(texts);
    }
    if column.logical_nulls().is_some_and(|nulls| nulls.null_count() > 0) {
        return None;
    }
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).ok()?;
    formatter.value(0).try_to_string().ok()
}
