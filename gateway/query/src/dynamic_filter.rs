//! Filters that joins, top-ks and aggregates make while they run, sent below the barrier where they may go: what was learnt from
//! released rows is asked of clear columns, so that files, pages and rows which could not match are not read.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::filter_pushdown::{ChildFilterDescription, FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

/// The filter over the inner plan's columns. `None` if it is no dynamic filter or asks for anything but bare columns that
/// `clear_column` finds in the inner plan: what it compares them with comes from released rows, and nothing in it can fail.
pub(crate) fn below(
    filter: &Arc<dyn PhysicalExpr>,
    clear_column: impl Fn(usize) -> Option<Column>,
) -> Option<Arc<dyn PhysicalExpr>> {
    let any: &dyn Any = filter.as_ref();
    if !any.is::<DynamicFilterPhysicalExpr>() {
        return None;
    }
    let columns = filter.children().into_iter().map(|child| {
        let any: &dyn Any = child.as_ref();
        let column = clear_column(any.downcast_ref::<Column>()?.index())?;
        Some(Arc::new(column) as Arc<dyn PhysicalExpr>)
    });
    let columns = columns.collect::<Option<Vec<_>>>()?;
    Arc::clone(filter).with_new_children(columns).ok()
}

/// The plan with the filters as near to its files as the engine takes them.
pub(crate) fn push(
    plan: Arc<dyn ExecutionPlan>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let source: Arc<dyn ExecutionPlan> = Arc::new(FilterSource { input: plan, filters });
    let pushed = FilterPushdown::new_post_optimization().optimize(source, config)?;
    let input = pushed.children().first().map(|input| Arc::clone(input));
    input.ok_or_else(|| DataFusionError::Internal("the filter source lost its input".to_owned()))
}

/// Shows each filter to `f`, until it says stop.
pub(crate) fn visit<'f>(
    filters: impl IntoIterator<Item = &'f Arc<dyn PhysicalExpr>>,
    f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
) -> Result<TreeNodeRecursion> {
    for filter in filters {
        if f(filter)? == TreeNodeRecursion::Stop {
            return Ok(TreeNodeRecursion::Stop);
        }
    }
    Ok(TreeNodeRecursion::Continue)
}

/// Stands for the operators above the barrier while the engine pushes their filters down. Never part of a plan that runs.
#[derive(Debug)]
struct FilterSource {
    input: Arc<dyn ExecutionPlan>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
}

impl DisplayAs for FilterSource {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilterSource")
    }
}

impl ExecutionPlan for FilterSource {
    fn name(&self) -> &'static str {
        "FilterSource"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        visit(&self.filters, f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let one: [Arc<dyn ExecutionPlan>; 1] =
            children.try_into().map_err(|_| DataFusionError::Internal("the filter source has one input".to_owned()))?;
        let [input] = one;
        Ok(Arc::new(Self { input, filters: self.filters.clone() }))
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let child = ChildFilterDescription::from_child(&parent_filters, &self.input)?;
        Ok(FilterDescription::new().with_child(child.with_self_filters(self.filters.clone())))
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Err(DataFusionError::Internal("the filter source does not run".to_owned()))
    }
}
