//! Gate 2: every node, expression and leaf of a plan is of an allowed kind. Run on the plan as built and once more after
//! optimisation, so that neither the planner nor a rule can bring in something new.

use datafusion::catalog::TableProvider;
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};
use std::any::Any;
use std::sync::Arc;

use crate::aggregate_gate::as_released_groups;
use crate::functions::AllowedFunctions;
use crate::metadata::is_metadata_table;
use crate::policy_table::as_policy_table;
use crate::{Limits, MaskedColumn, QueryError};

/// What a plan reads, for the audit record and the client's notice.
#[derive(Debug, Default, Clone)]
pub(crate) struct PlanReads {
    /// Qualified columns, each once, sorted.
    pub(crate) columns: Vec<String>,
    /// Masks in force on them.
    pub(crate) masked: Vec<MaskedColumn>,
}

/// Checks a whole plan, subqueries included, and says what it reads.
pub(crate) fn check_plan(
    plan: &LogicalPlan,
    functions: &AllowedFunctions,
    limits: &Limits,
) -> Result<PlanReads, QueryError> {
    let mut gate =
        Gate { limits, functions, reads: PlanReads::default(), n_nodes: 0, n_joins: 0, n_items: 0, n_recursive: 0 };
    let walked = plan.apply_with_subqueries(|node| {
        gate.check_node(node).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(TreeNodeRecursion::Continue)
    });
    match walked {
        Ok(_) => {
            gate.reads.columns.sort_unstable();
            gate.reads.columns.dedup();
            gate.reads.masked.sort_unstable();
            gate.reads.masked.dedup();
            Ok(gate.reads)
        }
        Err(error) => Err(QueryError::from_planning(&error)),
    }
}

struct Gate<'a> {
    limits: &'a Limits,
    functions: &'a AllowedFunctions,
    reads: PlanReads,
    n_nodes: usize,
    n_joins: usize,
    n_items: usize,
    n_recursive: usize,
}

impl Gate<'_> {
    fn check_node(&mut self, node: &LogicalPlan) -> Result<(), QueryError> {
        self.n_nodes += 1;
        at_most(self.n_nodes, self.limits.max_plan_nodes, "max_plan_nodes")?;
        match node {
            LogicalPlan::TableScan(scan) => self.check_leaf(scan)?,
            LogicalPlan::Join(_) => {
                self.n_joins += 1;
                at_most(self.n_joins, self.limits.max_joins, "max_joins")?;
            }
            LogicalPlan::RecursiveQuery(_) => {
                self.n_recursive += 1;
                at_most(self.n_recursive, self.limits.max_recursive_queries, "max_recursive_queries")?;
            }
            LogicalPlan::Values(values) => self.count_items(values.values.len())?,
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Unnest(_) => {}
            other => {
                return Err(QueryError::ConstructNotAllowed { construct: node_kind(other).to_owned() });
            }
        }
        for expr in node.expressions() {
            self.check_expr(&expr)?;
        }
        Ok(())
    }

    fn check_leaf(&mut self, scan: &TableScan) -> Result<(), QueryError> {
        let not_ours = || QueryError::ConstructNotAllowed { construct: "a table outside the catalog".to_owned() };
        let provider: Arc<dyn TableProvider> = source_as_provider(&scan.source).map_err(|_| not_ours())?;
        if let Some(table) = as_policy_table(&provider) {
            let projection = scan.projection.as_deref();
            self.reads.columns.extend(table.column_names(projection));
            self.reads.masked.extend(table.masked_columns(projection));
            return Ok(());
        }
        if let Some(groups) = as_released_groups(&provider) {
            self.reads.columns.extend(groups.reads().columns.iter().cloned());
            self.reads.masked.extend(groups.reads().masked.iter().cloned());
            return Ok(());
        }
        let any: &dyn Any = provider.as_ref();
        if is_metadata_table(&provider) || any.is::<CteWorkTable>() { Ok(()) } else { Err(not_ours()) }
    }

    fn check_expr(&mut self, expr: &Expr) -> Result<(), QueryError> {
        let walked = expr.apply(|node| {
            self.check_expr_node(node).map_err(|error| DataFusionError::External(Box::new(error)))?;
            Ok(TreeNodeRecursion::Continue)
        });
        walked.map(|_| ()).map_err(|error| QueryError::from_planning(&error))
    }

    fn check_expr_node(&mut self, node: &Expr) -> Result<(), QueryError> {
        let function = match node {
            Expr::ScalarFunction(call) => Some(call.func.name()),
            Expr::AggregateFunction(call) => Some(call.func.name()),
            Expr::WindowFunction(call) => Some(call.fun.name()),
            Expr::InList(list) => {
                self.count_items(list.list.len())?;
                None
            }
            Expr::Placeholder(_) => {
                return Err(QueryError::ConstructNotAllowed { construct: "an unbound parameter".to_owned() });
            }
            Expr::ScalarVariable(..) => {
                return Err(QueryError::ConstructNotAllowed { construct: "a session variable".to_owned() });
            }
            _ => None,
        };
        match function {
            Some(name) if !self.functions.allows(name) => Err(QueryError::FunctionNotAllowed { name: name.to_owned() }),
            _ => Ok(()),
        }
    }

    fn count_items(&mut self, n: usize) -> Result<(), QueryError> {
        self.n_items += n;
        at_most(self.n_items, self.limits.max_in_list_items, "max_in_list_items")
    }
}

fn at_most(n: usize, allowed: usize, limit: &'static str) -> Result<(), QueryError> {
    if n > allowed { Err(QueryError::LimitReached { limit, allowed: allowed.to_string() }) } else { Ok(()) }
}

fn node_kind(node: &LogicalPlan) -> &'static str {
    match node {
        LogicalPlan::Statement(_) => "a session statement",
        LogicalPlan::Dml(_) => "changing data",
        LogicalPlan::Ddl(_) => "changing tables",
        LogicalPlan::Copy(_) => "COPY",
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => "EXPLAIN",
        LogicalPlan::DescribeTable(_) => "DESCRIBE",
        LogicalPlan::Extension(_) => "an engine extension",
        _ => "this construct",
    }
}
