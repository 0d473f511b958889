//! Gate 3: relations that may be aggregated, but not read row by row.
//!
//! Every aggregate over such relations is cut out of the user's plan and replaced by a leaf, [`ReleasedGroups`], that
//! answers with groups of enough persons and nothing else. What the user wrote above the aggregate (HAVING, ORDER BY,
//! expressions, further joins) sees released groups only. What the user wrote below it has to be of the closed shape that
//! `shape` reads: leakproof predicates on allowed keys, inner joins on the persons, and nothing that could fail on a row.
//! An aggregate-only relation that is reached in any other way refuses the whole query, at plan time, whatever the data.
//
// INVARIANT (rows of aggregate-only relations never leave): see ARCHITECTURE.md.

mod fold;
mod overlap;
mod predicate;
mod refusal;
mod released_groups;
mod shape;

use std::any::Any;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Distinct, LogicalPlan, LogicalPlanBuilder, col};

pub(crate) use overlap::Asker;
pub(crate) use overlap::OverlapGuard;
pub use refusal::AggregateRefusal;
pub(crate) use released_groups::ReleasedGroups;

use self::shape::{GroupQuery, as_aggregate_only};
use crate::functions::AllowedFunctions;
use crate::plan_gate::check_plan;
use crate::{Limits, QueryError};

/// Cuts every aggregate over aggregate-only relations out of the plan. A plan without such relations comes back as it is.
pub(crate) fn release_groups(
    plan: LogicalPlan,
    state: &SessionState,
    functions: &AllowedFunctions,
    limits: &Limits,
    asker: &Asker,
) -> Result<LogicalPlan, QueryError> {
    if !mentions_aggregate_only(&plan)? {
        return Ok(plan);
    }
    let gate = Gate { state, functions, limits, asker };
    let rewritten = plan.transform_down_with_subqueries(|node| {
        gate.rewrite(node).map_err(|error| DataFusionError::External(Box::new(error)))
    });
    rewritten.map(|rewritten| rewritten.data).map_err(|error| QueryError::from_planning(&error))
}

/// The leaf behind a provider, if it is one of this gate's.
pub(crate) fn as_released_groups(provider: &Arc<dyn TableProvider>) -> Option<&ReleasedGroups> {
    let any: &dyn Any = provider.as_ref();
    any.downcast_ref::<ReleasedGroups>()
}

/// Whether a plan reads such a relation anywhere, subqueries included.
fn mentions_aggregate_only(plan: &LogicalPlan) -> Result<bool, QueryError> {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
        {
            found |= as_aggregate_only(&provider).is_some();
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map(|_| found).map_err(|error| QueryError::from_planning(&error))
}

struct Gate<'a> {
    state: &'a SessionState,
    functions: &'a AllowedFunctions,
    limits: &'a Limits,
    asker: &'a Asker,
}

impl Gate<'_> {
    fn rewrite(&self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>, QueryError> {
        let query = match &node {
            LogicalPlan::Aggregate(aggregate) if reads_rows(&aggregate.input)? => GroupQuery::of_aggregate(aggregate)?,
            LogicalPlan::Distinct(Distinct::All(input)) if reads_rows(input)? => GroupQuery::of_distinct(input)?,
            LogicalPlan::TableScan(scan) => {
                return match source_as_provider(&scan.source) {
                    Ok(provider) if as_aggregate_only(&provider).is_some() => {
                        Err(QueryError::AggregateOnly { refusal: AggregateRefusal::Rows })
                    }
                    _ => Ok(Transformed::no(node)),
                };
            }
            _ => return Ok(Transformed::no(node)),
        };
        let leaf = self.leaf(query, &node)?;
        // Nothing below the leaf is the user's any more.
        Ok(Transformed::new(leaf, true, TreeNodeRecursion::Jump))
    }

    /// A scan of released groups that names and types its columns like the node it stands for.
    fn leaf(&self, query: GroupQuery, node: &LogicalPlan) -> Result<LogicalPlan, QueryError> {
        let as_planning = |error: DataFusionError| QueryError::from_planning(&error);
        let inner = query.persons_plan().map_err(as_planning)?;
        let optimized = self.state.optimize(&inner).map_err(as_planning)?;
        let reads = check_plan(&optimized, self.functions, self.limits)?;
        let groups = ReleasedGroups::new(inner, query, node.schema(), self.asker.clone(), reads);
        let names: Vec<String> = groups.schema().fields().iter().map(|field| field.name().clone()).collect();
        let as_written = names
            .iter()
            .zip(node.schema().iter())
            .map(|(name, (qualifier, field))| col(name).alias_qualified(qualifier.cloned(), field.name()));
        LogicalPlanBuilder::scan("released_groups", provider_as_source(Arc::new(groups)), None)
            .and_then(|scan| scan.project(as_written))
            .and_then(LogicalPlanBuilder::build)
            .map_err(as_planning)
    }
}

/// Whether rows of an aggregate-only relation come out of the plan: it reads one below no aggregate.
fn reads_rows(plan: &LogicalPlan) -> Result<bool, QueryError> {
    let mut found = false;
    let walked = plan.apply(|node| {
        Ok(match node {
            LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => TreeNodeRecursion::Jump,
            LogicalPlan::TableScan(scan) => {
                found |= source_as_provider(&scan.source).is_ok_and(|provider| as_aggregate_only(&provider).is_some());
                TreeNodeRecursion::Continue
            }
            _ => TreeNodeRecursion::Continue,
        })
    });
    walked.map(|_| found).map_err(|error| QueryError::from_planning(&error))
}
