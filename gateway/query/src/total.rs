//! Plans in which no expression can fail.
//!
//! A dynamic filter drops rows early that a join or a top-k would drop later, and which it drops depends on how rows lie in files
//! and batches, hidden ones among them. That shows nowhere unless an expression between fails on a row that may or may not
//! have been dropped. So dynamic filters are for statements whose expressions are total.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};

/// Aggregates that are total over every type.
const AGGREGATES: [&str; 3] = ["count", "max", "min"];

/// Whether every expression of the plan has a value for every row.
pub(crate) fn is_total(plan: &LogicalPlan) -> Result<bool> {
    let mut is_total = true;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                is_total &= is_total_part(part);
                Ok(if is_total { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
            })
        })
    })?;
    Ok(is_total)
}

fn is_total_part(part: &Expr) -> bool {
    use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
    match part {
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::Not(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::Case(_) => true,
        Expr::BinaryExpr(binary) => {
            matches!(binary.op, And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
        }
        Expr::AggregateFunction(call) => AGGREGATES.contains(&call.func.name()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::functions_aggregate::expr_fn::{count, sum};
    use datafusion::logical_expr::{LogicalPlanBuilder, LogicalTableSource};
    use datafusion::prelude::{cast, col, lit};
    use std::sync::Arc;

    use super::*;

    fn scan() -> LogicalPlanBuilder {
        let fields = [("n", DataType::Int64), ("t", DataType::Utf8)].map(|(name, kind)| Field::new(name, kind, true));
        let source = Arc::new(LogicalTableSource::new(Arc::new(Schema::new(fields.to_vec()))));
        LogicalPlanBuilder::scan("t", source, None).unwrap()
    }

    #[test]
    fn comparisons_are_total_and_arithmetic_is_not() {
        let filtered = |filter: Expr| is_total(&scan().filter(filter).unwrap().build().unwrap()).unwrap();
        assert!(filtered(col("n").gt(lit(3_i64)).and(col("t").is_not_null())));
        assert!(!filtered((lit(1_i64) / col("n")).gt(lit(3_i64))));
        assert!(!filtered(cast(col("t"), DataType::Int64).gt(lit(3_i64))));
        let grouped = |aggregate: Expr| scan().aggregate([col("t")], [aggregate]).unwrap().build().unwrap();
        assert!(is_total(&grouped(count(col("n")))).unwrap());
        assert!(!is_total(&grouped(sum(col("n")))).unwrap());
        let sorted = scan().sort([(-col("n")).sort(true, true)]).unwrap().build().unwrap();
        assert!(!is_total(&sorted).unwrap());
    }
}
