//! Which conditions of a statement compare masked values. They are answered on what the principal may see, as all of the
//! statement is; the answer says so, since `WHERE phone = '13912345678'` on a masked column finds nobody.
//!
//! Conditions are those of filters and joins, as the optimizer leaves them. One that is asked of the originals with the same
//! result (see `leakproof`) is not among them: it has left the filters.

use std::collections::BTreeSet;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use crate::MaskedColumn;
use crate::policy_table::as_policy_table;

/// Masked columns (`unified.person.phone`) that a column of a plan is made of.
type Origins = BTreeSet<String>;

/// What becomes of masked columns in a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MaskedUse {
    /// Those that conditions compare, sorted.
    pub(crate) compared: Vec<String>,
    /// Those that each column of the answer is made of, sorted.
    pub(crate) shown: Vec<Vec<String>>,
}

impl MaskedUse {
    /// Those of the masks that are on what a column of the answer is made of.
    pub(crate) fn masks_of_column<'m>(
        &self,
        idx: usize,
        masked: &'m [MaskedColumn],
    ) -> impl Iterator<Item = &'m MaskedColumn> {
        let origins = self.shown.get(idx).map(Vec::as_slice).unwrap_or_default();
        masked.iter().filter(move |masked| {
            let relation = masked.relation.to_string();
            origins.iter().any(|origin| origin.rsplit_once('.') == Some((relation.as_str(), masked.column.as_str())))
        })
    }
}

/// Follows masked columns through a plan.
pub(crate) fn masked_use(plan: &LogicalPlan) -> MaskedUse {
    let mut compared = Origins::new();
    let shown = origins(plan, &mut compared).into_iter().map(|of_column| of_column.into_iter().collect()).collect();
    MaskedUse { compared: compared.into_iter().collect(), shown }
}

/// The origins of each output column. Adds those of conditions to `compared`.
fn origins(plan: &LogicalPlan, compared: &mut Origins) -> Vec<Origins> {
    let inputs: Vec<Vec<Origins>> = plan.inputs().into_iter().map(|input| origins(input, compared)).collect();
    let n_columns = plan.schema().fields().len();
    let found = match plan {
        LogicalPlan::TableScan(scan) => of_scan(scan),
        LogicalPlan::Projection(node) => of_exprs(&node.expr, plan, &inputs, compared),
        LogicalPlan::Aggregate(node) => {
            of_exprs(node.group_expr.iter().chain(&node.aggr_expr), plan, &inputs, compared)
        }
        LogicalPlan::Window(node) => {
            let added = of_exprs(&node.window_expr, plan, &inputs, compared);
            inputs.concat().into_iter().chain(added).collect()
        }
        LogicalPlan::Union(_) | LogicalPlan::RecursiveQuery(_) => column_by_column(&inputs),
        _ => {
            let is_condition = matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
            for of_expr in of_exprs(&plan.expressions(), plan, &inputs, compared) {
                if is_condition {
                    compared.extend(of_expr);
                }
            }
            inputs.concat()
        }
    };
    fitted(found, n_columns)
}

/// A semi join has the columns of one side only, and grouping sets are one expression for many columns: where columns cannot be
/// told apart, each may come from all of them.
fn fitted(found: Vec<Origins>, n_columns: usize) -> Vec<Origins> {
    if found.len() == n_columns {
        return found;
    }
    let all: Origins = found.into_iter().flatten().collect();
    vec![all; n_columns]
}

fn of_scan(scan: &TableScan) -> Vec<Origins> {
    let Ok(provider) = source_as_provider(&scan.source) else { return Vec::new() };
    let masked = as_policy_table(&provider).map(|table| table.masked_columns(None)).unwrap_or_default();
    let fields = scan.projected_schema.fields().iter();
    fields
        .map(|field| {
            let of_field = masked.iter().filter(|masked| masked.column == *field.name());
            of_field.map(|masked| format!("{}.{}", masked.relation, masked.column)).collect()
        })
        .collect()
}

fn of_exprs<'e>(
    exprs: impl IntoIterator<Item = &'e Expr>,
    plan: &LogicalPlan,
    inputs: &[Vec<Origins>],
    compared: &mut Origins,
) -> Vec<Origins> {
    let schemas: Vec<&DFSchema> = plan.inputs().into_iter().map(|input| input.schema().as_ref()).collect();
    let mut of_each = Vec::new();
    for expr in exprs {
        let mut of_expr = Origins::new();
        let _ = expr.apply(|node| {
            match node {
                Expr::Column(column) => {
                    for (schema, columns) in schemas.iter().zip(inputs) {
                        let found = schema.maybe_index_of_column(column).and_then(|idx| columns.get(idx));
                        of_expr.extend(found.into_iter().flatten().cloned());
                    }
                }
                Expr::ScalarSubquery(subquery)
                | Expr::InSubquery(InSubquery { subquery, .. })
                | Expr::Exists(Exists { subquery, .. }) => {
                    of_expr.extend(origins(&subquery.subquery, compared).into_iter().flatten());
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        of_each.push(of_expr);
    }
    of_each
}

fn column_by_column(inputs: &[Vec<Origins>]) -> Vec<Origins> {
    let n_columns = inputs.iter().map(Vec::len).max().unwrap_or(0);
    let column = |idx: usize| inputs.iter().filter_map(|columns| columns.get(idx)).flatten().cloned().collect();
    (0..n_columns).map(column).collect()
}
