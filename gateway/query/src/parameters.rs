//! Values for the placeholders `$1`, `$2`, … of a statement.
//!
//! They take their places in the logical plan before any gate looks at it: a bound statement is the same as one with literals.

use std::collections::HashMap;
use std::fmt::Write;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use crate::QueryError;

/// Most placeholders of one statement, as in PostgreSQL's protocol.
const PARAMETERS_MAX: usize = 65_535;

/// What takes the place of the placeholders.
#[derive(Clone)]
pub(crate) enum Binding {
    /// Their values.
    Values(Vec<ScalarValue>),
    /// Nothing yet: the statement is only described. The types that the client gives, if it gives any.
    Types(Vec<Option<DataType>>),
}

impl Binding {
    /// The plan without placeholders, and their types by number.
    ///
    /// A statement that is described is planned with nulls of the types its placeholders have.
    pub(crate) fn bind(&self, plan: LogicalPlan) -> Result<(LogicalPlan, Vec<DataType>), QueryError> {
        let inferred = types_in(&plan).map_err(|error| QueryError::from_planning(&error))?;
        let n_used = n_placeholders(&inferred)?;
        let values = match self {
            Self::Values(values) if values.len() < n_used => return Err(unbound()),
            Self::Values(values) => values.clone(),
            Self::Types(given) => (0..n_used.max(given.len()))
                .map(|idx| typed_null(given.get(idx).cloned().flatten(), inferred.get(&format!("${}", idx + 1))))
                .collect::<Result<Vec<_>, _>>()?,
        };
        let types = values.iter().map(ScalarValue::data_type).collect();
        if n_used == 0 {
            return Ok((plan, types));
        }
        let bound = plan.with_param_values(ParamValues::from(values));
        bound.map(|plan| (plan, types)).map_err(|error| QueryError::from_planning(&error))
    }
}

/// Types of placeholders, as far as the statement tells.
fn types_in(plan: &LogicalPlan) -> datafusion::error::Result<HashMap<String, Option<DataType>>> {
    let mut types = plan.get_parameter_types()?;
    // The engine does not say so itself: what limits rows is a number.
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for expr in limit.skip.iter().chain(&limit.fetch) {
                if let Expr::Placeholder(placeholder) = expr.as_ref() {
                    types.entry(placeholder.id.clone()).or_default().get_or_insert(DataType::Int64);
                }
            }
        }
        let schemas: Vec<_> = node.inputs().into_iter().map(|input| input.schema().as_ref()).collect();
        for expr in node.expressions() {
            expr.apply(|part| {
                if let Some((placeholder, of)) = sought_in_list(part)
                    && let Some(of) = schemas.iter().find_map(|schema| of.get_type(*schema).ok())
                {
                    let list = DataType::new_list(plain_text(of), true);
                    types.insert(placeholder.to_owned(), Some(list));
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(types)
}

/// `x = ANY($1)`: the placeholder, which is a list, and what is sought in it.
fn sought_in_list(expr: &Expr) -> Option<(&str, &Expr)> {
    let Expr::ScalarFunction(call) = expr else { return None };
    match (call.name(), call.args.as_slice()) {
        ("array_has", [Expr::Placeholder(list), sought]) => Some((list.id.as_str(), sought)),
        _ => None,
    }
}

fn plain_text(data_type: DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(..) => DataType::Utf8,
        other => other,
    }
}

/// The statement and its values, as they are recorded: each on one line, whatever is in it.
pub(crate) fn recorded(mut sql: String, parameters: &[ScalarValue]) -> String {
    for (idx, value) in parameters.iter().enumerate() {
        let _written = write!(sql, "\n-- ${} = {:?}", idx + 1, value.to_string());
    }
    sql
}

/// A text parameter by its placeholder, `$1`.
pub(crate) fn text_of(values: &[ScalarValue], placeholder: &str) -> Option<String> {
    let idx = number_of(placeholder)?.checked_sub(1)?;
    values.get(idx)?.try_as_str().flatten().map(str::to_owned)
}

/// The highest number among the placeholders.
fn n_placeholders(types: &HashMap<String, Option<DataType>>) -> Result<usize, QueryError> {
    let mut highest = 0;
    for placeholder in types.keys() {
        let number = number_of(placeholder).filter(|number| (1..=PARAMETERS_MAX).contains(number));
        highest = highest.max(number.ok_or_else(unbound)?);
    }
    Ok(highest)
}

fn number_of(placeholder: &str) -> Option<usize> {
    placeholder.strip_prefix('$')?.parse().ok()
}

fn typed_null(given: Option<DataType>, inferred: Option<&Option<DataType>>) -> Result<ScalarValue, QueryError> {
    // A placeholder whose type nothing tells is a text, as in PostgreSQL.
    let data_type = given.or_else(|| inferred.cloned().flatten()).unwrap_or(DataType::Utf8);
    ScalarValue::try_new_null(&data_type).map_err(|error| QueryError::from_planning(&error))
}

fn unbound() -> QueryError {
    QueryError::ConstructNotAllowed { construct: "an unbound parameter".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_names_each_value() {
        let values = [ScalarValue::from("张三\n-- $2 = 8"), ScalarValue::from(7_i64)];
        let text = recorded("SELECT $1, $2".to_owned(), &values);
        assert_eq!(text, "SELECT $1, $2\n-- $1 = \"张三\\n-- $2 = 8\"\n-- $2 = \"7\"");
    }

    #[test]
    fn a_text_is_found_by_its_number_and_nothing_else() {
        let values = [ScalarValue::from("a"), ScalarValue::from(7_i64)];
        let found = ["$1", "$2", "$3", "$0", "$x", "1"].map(|placeholder| text_of(&values, placeholder));
        assert_eq!(found, [Some("a".to_owned()), None, None, None, None, None]);
    }
}
