//! Which functions of the product's allow-list can be called how, found out by trying.
//!
//! No signature is typed in: each name is tried in a plain engine session with each of a few dozen argument lists, over
//! harmless sample values. A function that joins the allow-list joins the grammar by itself, and a test fails if none of
//! the argument lists fits it.

use datafusion::prelude::{SessionConfig, SessionContext};

use super::vocabulary::Kind;

/// These mean another moment at every call, so that two worlds cannot agree on them.
pub const OF_THE_CLOCK: [&str; 3] = ["current_date", "current_time", "now"];

/// These speak of the keys of a GROUP BY, and the grammar writes them beside one.
pub const OF_GROUPS: [&str; 1] = ["grouping"];

/// What stands behind a function's name. `T`, `I`, `F`, `D`, `M`, `B`, `L` in braces are holes for an expression of the
/// kind: text, integer, float, date, moment, boolean, list.
const SCALAR_FORMS: [&str; 54] = [
    "()",
    "({T})",
    "({T}, {T})",
    "({T}, {I})",
    "({T}, {I}, {I})",
    "({T}, {T}, {T})",
    "({T}, {T}, {I})",
    "({I})",
    "({I}, {I})",
    "({I}, {I}, {I})",
    "({F})",
    "({F}, {F})",
    "({F}, {I})",
    "({D})",
    "({M})",
    "({B})",
    "({L})",
    "({L}, {L})",
    "({L}, {T})",
    "({T}, {L})",
    "({L}, {I})",
    "({L}, {T}, {T})",
    "({L}, {I}, {I})",
    "({L}, {T}, {I})",
    "({L}, {T}, {T}, {I})",
    "('year', {D})",
    "('month', {M})",
    "({M}, '%Y-%m')",
    "({D}, '%Y')",
    "({T}, '%Y-%m-%d')",
    "({T}, 'hex')",
    "({T}, 'sha256')",
    "(encode({T}, 'hex'), 'hex')",
    "(interval '1 day', {M})",
    "({T}, 'Int64')",
    "({T}, 'Date32')",
    "({D}, 'Int32')",
    "('k', {T})",
    "(named_struct('k', {T}), 'k')",
    "(make_array('k'), make_array({T}))",
    "(map(make_array('k'), make_array({T})))",
    "(map(make_array('k'), make_array({T})), 'k')",
    "(make_array({L}, {L}))",
    "({L}, ',')",
    "({T}, '.')",
    "({T}, '[0-9]+')",
    "({T}, '([0-9])', 'x')",
    "(make_array({I}, {I}))",
    "(make_array({I}), {I})",
    "({T}, {I}, {T})",
    "({T}, {T}, {I}, {I})",
    "({T}, {T}, {I}, {T})",
    "({F}, {I}, {I})",
    "({T}, ' ', {T})",
];

const AGGREGATE_FORMS: [&str; 14] = [
    "({T})",
    "({I})",
    "({F})",
    "({D})",
    "({B})",
    "(DISTINCT {T})",
    "({F}, {F})",
    "({T}, ',')",
    "({F}, 0.5)",
    "({T}, 2)",
    "({T} ORDER BY {T})",
    "({I}) FILTER (WHERE {B})",
    "(0.5) WITHIN GROUP (ORDER BY {F})",
    "(*)",
];

const WINDOW_FORMS: [&str; 6] = ["()", "(3)", "({T})", "({I}, 1)", "({T}, 2)", "({D}, 1, NULL)"];

/// One way to call one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function.
    pub name: String,
    /// What follows the name, with holes.
    pub form: &'static str,
    /// What it gives.
    pub kind: Kind,
}

/// Every way found to call the functions of a list.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// One value from one row.
    pub scalar: Vec<Call>,
    /// One value from many rows.
    pub aggregate: Vec<Call>,
    /// One value from a row and its neighbours; `OVER` follows.
    pub window: Vec<Call>,
}

impl Calls {
    /// Tries every function of the list.
    pub async fn find(names: &[&str]) -> Self {
        let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        let state = ctx.state();
        let mut calls = Self::default();
        for name in names.iter().filter(|name| !OF_THE_CLOCK.contains(name)) {
            if state.scalar_functions().contains_key(*name) {
                calls.scalar.extend(fitting(&ctx, name, &SCALAR_FORMS, "").await);
            }
            if state.aggregate_functions().contains_key(*name) {
                calls.aggregate.extend(fitting(&ctx, name, &AGGREGATE_FORMS, "").await);
            }
            if state.window_functions().contains_key(*name) {
                calls.window.extend(fitting(&ctx, name, &WINDOW_FORMS, " OVER ()").await);
            }
        }
        calls
    }

    /// The functions found, each once.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let all = self.scalar.iter().chain(&self.aggregate).chain(&self.window);
        let mut names: Vec<&str> = all.map(|call| call.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

async fn fitting(ctx: &SessionContext, name: &str, forms: &[&'static str], after: &str) -> Vec<Call> {
    let mut found: Vec<Call> = Vec::new();
    for form in forms {
        // The engine panics while it plans these, which the session here does not survive.
        if *form == "()" && ["first_value", "last_value", "nth_value"].contains(&name) {
            continue;
        }
        let sql = format!("SELECT {name}{}{after}", fill(form, |kind| sample(kind).to_owned()));
        let Ok(frame) = ctx.sql(&sql).await else { continue };
        let kind = Kind::of(frame.schema().field(0).data_type());
        // Four ways are enough to meet a function; more would crowd out those with few.
        if found.iter().filter(|call| call.kind == kind).count() < 4 && frame.collect().await.is_ok() {
            found.push(Call { name: name.to_owned(), form, kind });
        }
    }
    found
}

/// Puts an expression into every hole.
pub fn fill(form: &str, mut expression: impl FnMut(Kind) -> String) -> String {
    let mut parts = form.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hole, rest) = part.split_once('}').unwrap();
        filled.push_str(&expression(kind_of_hole(hole)));
        filled.push_str(rest);
    }
    filled
}

fn kind_of_hole(hole: &str) -> Kind {
    match hole {
        "T" => Kind::Text,
        "I" => Kind::Integer,
        "F" => Kind::Float,
        "D" => Kind::Date,
        "M" => Kind::Moment,
        "B" => Kind::Boolean,
        "L" => Kind::List,
        other => panic!("no kind is written {other}"),
    }
}

fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Other => "'2020-01-02'",
        Kind::Integer => "3",
        Kind::Float => "cast(0.5 AS double)",
        Kind::Date => "DATE '2020-02-03'",
        Kind::Moment => "TIMESTAMP '2020-02-03T04:05:06'",
        Kind::Boolean => "true",
        Kind::List => "make_array('a', 'b')",
    }
}
