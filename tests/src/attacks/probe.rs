//! PostgreSQL's `f_leak`: a function that is always true and remembers every value it was ever called with.
//!
//! Where the engine evaluates the user's predicates on rows or values the user may not see, the answer can still be right:
//! the probe tells nevertheless. It is registered through `Gateway::start_with_probes`, which only these tests can call.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, BooleanArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, Select, SetExpr, Statement as SqlStatement, TableFactor, VisitMut, VisitorMut,
};

use super::generated::vocabulary::{Kind, Vocabulary};

/// The function's name in SQL.
pub const NAME: &str = "f_leak";

/// The column a value came from, as the engine names the argument, and the value.
pub type Seen = BTreeSet<(String, String)>;

/// Takes the values out that a function was called with.
#[derive(Debug, Clone)]
pub struct Probe {
    seen: Arc<Mutex<Seen>>,
    signature: Signature,
}

impl Probe {
    /// A probe that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        // Immutable, which lets the engine move it wherever it moves anything.
        Self { seen: Arc::default(), signature: Signature::string(1, Volatility::Immutable) }
    }

    /// The function to register.
    #[must_use]
    pub fn function(&self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(self.clone()))
    }

    /// Takes out what was seen so far.
    #[must_use]
    pub fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

/// Two probes are the same if they remember in the same place.
impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.seen, &other.seen)
    }
}

impl Eq for Probe {}

impl Hash for Probe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl ScalarUDFImpl for Probe {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let column = args.arg_fields[0].name().clone();
        let values = cast(&args.args[0].to_array(args.number_rows)?, &DataType::Utf8)?;
        let texts: &StringArray = values.as_string();
        let mut seen = self.seen.lock().unwrap();
        seen.extend(texts.iter().flatten().map(|text| (column.clone(), text.to_owned())));
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(vec![true; args.number_rows]))))
    }
}

/// The statement with the probe around every visible column of every relation it names, first in each WHERE; none if it
/// names none, or is no query.
#[must_use]
pub fn probed(sql: &str, words: &Vocabulary) -> Option<String> {
    let mut statements = DFParser::parse_sql(sql).ok()?;
    let Some(Statement::Statement(statement)) = statements.pop_front() else { return None };
    let SqlStatement::Query(mut query) = *statement else { return None };
    let mut everywhere = Everywhere { words, n_probed: 0 };
    let _ = query.visit(&mut everywhere);
    (everywhere.n_probed > 0).then(|| query.to_string())
}

struct Everywhere<'a> {
    words: &'a Vocabulary,
    n_probed: usize,
}

impl VisitorMut for Everywhere<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.visit_body(&mut query.body);
        ControlFlow::Continue(())
    }
}

impl Everywhere<'_> {
    fn visit_body(&mut self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => self.visit_select(select),
            SetExpr::SetOperation { left, right, .. } => {
                self.visit_body(left);
                self.visit_body(right);
            }
            _ => {}
        }
    }

    fn visit_select(&mut self, select: &mut Select) {
        let tables = select
            .from
            .iter()
            .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
        let calls: Vec<String> = tables.flat_map(|table| self.calls_of(table)).collect();
        let Some(condition) = parsed(&calls.join(" AND ")) else { return };
        self.n_probed += 1;
        select.selection = Some(match select.selection.take() {
            None => condition,
            Some(own) => Expr::BinaryOp {
                left: Box::new(condition),
                op: BinaryOperator::And,
                right: Box::new(Expr::Nested(Box::new(own))),
            },
        });
    }

    fn calls_of(&self, table: &TableFactor) -> Vec<String> {
        let TableFactor::Table { name, alias, .. } = table else { return Vec::new() };
        let name = name.to_string();
        let Some(relation) = self.words.relations.iter().find(|relation| relation.name == name) else {
            return Vec::new();
        };
        let alias = alias.as_ref().map_or(name, |alias| alias.name.to_string());
        let call = |column: &super::generated::vocabulary::Column| match column.kind {
            Kind::Text => format!("{NAME}({alias}.{})", column.name),
            _ => format!("{NAME}(cast({alias}.{} AS varchar))", column.name),
        };
        relation.columns.iter().map(call).collect()
    }
}

fn parsed(condition: &str) -> Option<Expr> {
    let mut statements = DFParser::parse_sql(&format!("SELECT 1 WHERE {condition}")).ok()?;
    let Some(Statement::Statement(statement)) = statements.pop_front() else { return None };
    let SqlStatement::Query(query) = *statement else { return None };
    match *query.body {
        SetExpr::Select(select) => select.selection,
        _ => None,
    }
}
