//! Which filters of the user's may run on rows the user may not see.
//!
//! Leakproof means: total, no error, no side effect, and a result that depends on nothing but columns shown in clear.
//! Only then does it not matter that it runs before the row filter. The list is closed:
//! `= <> < <= > >=`, `IN`, `BETWEEN`, `IS [NOT] NULL`, `LIKE 'prefix%'` on a bare clear column against literals of the
//! column's own type, a bare clear column of truth values, a constant truth value, and AND, OR, NOT of these.
//!
//! The engine simplifies filters once more after it has handed them over (`c IN (true, true)` becomes `c`), so that the list
//! has to hold whatever a filter on it can be simplified to.

use std::collections::HashMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, Operator};

/// Columns shown unmasked, with their raw type.
pub(crate) type ClearColumns = HashMap<String, DataType>;

/// Whether the filter may run below the barrier.
pub(crate) fn is_leakproof(expr: &Expr, clear: &ClearColumns) -> bool {
    match expr {
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::And | Operator::Or => is_leakproof(&binary.left, clear) && is_leakproof(&binary.right, clear),
            Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                compares_column_to_literal(&binary.left, &binary.right, clear)
                    || compares_column_to_literal(&binary.right, &binary.left, clear)
            }
            _ => false,
        },
        Expr::Not(inner) => is_leakproof(inner, clear),
        Expr::Column(_) => clear_type(expr, clear) == Some(&DataType::Boolean),
        Expr::Literal(value, _) => value.data_type() == DataType::Boolean,
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => clear_type(inner, clear).is_some(),
        Expr::InList(list) => match clear_type(&list.expr, clear) {
            Some(column_type) => list.list.iter().all(|item| is_literal_of(item, column_type)),
            None => false,
        },
        Expr::Between(between) => match clear_type(&between.expr, clear) {
            Some(column_type) => is_literal_of(&between.low, column_type) && is_literal_of(&between.high, column_type),
            None => false,
        },
        Expr::Like(like) => match clear_type(&like.expr, clear) {
            Some(column_type) => {
                !like.case_insensitive
                    && like.escape_char.is_none()
                    && is_literal_of(&like.pattern, column_type)
                    && is_prefix_pattern(&like.pattern)
            }
            None => false,
        },
        _ => false,
    }
}

fn compares_column_to_literal(column: &Expr, literal: &Expr, clear: &ClearColumns) -> bool {
    clear_type(column, clear).is_some_and(|column_type| is_literal_of(literal, column_type))
}

fn clear_type<'a>(expr: &Expr, clear: &'a ClearColumns) -> Option<&'a DataType> {
    match expr {
        Expr::Column(column) => clear.get(&column.name),
        _ => None,
    }
}

fn is_literal_of(expr: &Expr, column_type: &DataType) -> bool {
    match expr {
        Expr::Literal(value, _) => value.data_type() == *column_type,
        _ => false,
    }
}

fn is_prefix_pattern(pattern: &Expr) -> bool {
    let Expr::Literal(value, _) = pattern else { return false };
    let Some(text) = value.try_as_str().flatten() else { return false };
    match text.strip_suffix('%') {
        Some(prefix) => !prefix.contains(['%', '_', '\\']),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};
    use datafusion::scalar::ScalarValue;

    use super::*;

    fn clear() -> ClearColumns {
        HashMap::from([
            ("grid_id".to_owned(), DataType::Utf8),
            ("n".to_owned(), DataType::Int64),
            ("yes".to_owned(), DataType::Boolean),
        ])
    }

    #[test]
    fn comparisons_of_a_clear_column_pass() {
        let grid = || col("grid_id");
        for expr in [
            grid().eq(lit("G1")),
            lit("G1").eq(grid()),
            grid().gt(lit("a")).and(grid().lt_eq(lit("b"))),
            grid().is_null().or(grid().is_not_null()),
            grid().in_list(vec![lit("a"), lit("b")], false),
            grid().like(lit("33%")),
            col("n").between(lit(1_i64), lit(2_i64)),
            col("yes"),
            !col("yes"),
            !(grid().eq(lit("G1")).or(lit(false))),
            Expr::Literal(ScalarValue::Boolean(None), None),
        ] {
            assert!(is_leakproof(&expr, &clear()), "{expr}");
        }
    }

    #[test]
    fn everything_else_stays_above_the_barrier() {
        for expr in [
            col("phone").eq(lit("1")),
            col("phone").is_null(),
            col("phone"),
            col("n"),
            !col("phone").is_null(),
            lit(1_i64),
            Expr::Literal(ScalarValue::Null, None),
            lit(1_i64).eq(lit(1_i64)),
            (lit(100_i64) / col("n")).gt(lit(0_i64)),
            datafusion::prelude::cast(col("grid_id"), DataType::Int64).gt(lit(0_i64)),
            col("n").eq(lit(1_i32)),
            col("n").eq(Expr::Literal(ScalarValue::Utf8(Some("1".to_owned())), None)),
            col("grid_id").like(lit("%33")),
            col("grid_id").like(lit("3_%")),
            col("grid_id").ilike(lit("33%")),
            col("grid_id").eq(col("grid_id")),
            col("grid_id").eq(lit("a")).and(col("phone").eq(lit("b"))),
            col("n").in_list(vec![lit(1_i64), col("n")], false),
        ] {
            assert!(!is_leakproof(&expr, &clear()), "{expr}");
        }
    }
}
