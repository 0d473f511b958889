//! Keeps an operator of the engine from using the stack up.
//!
//! `BoundedWindowAggExec` calls itself once for every input batch that completes no row of its output. A window ordered by
//! a constant completes none before the last batch, a nested join makes batches of a few rows, and a stack that overflows
//! ends the whole process. An input that now and then says "not yet" unwinds the stack: `CooperativeExec` does so when the
//! task's budget of some hundred batches is spent.

use std::any::Any;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::windows::BoundedWindowAggExec;

/// Puts a yielding input under every bounded window. Rows, their order and the plan's other properties stay.
pub(crate) fn yield_below_windows(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let yielding = plan.transform_up(|node| {
        let any: &dyn Any = node.as_ref();
        if !any.is::<BoundedWindowAggExec>() {
            return Ok(Transformed::no(node));
        }
        let inputs = node
            .children()
            .into_iter()
            .map(|input| -> Arc<dyn ExecutionPlan> { Arc::new(CooperativeExec::new(Arc::clone(input))) });
        let inputs = inputs.collect();
        Ok(Transformed::yes(replace_children_if_necessary(node, inputs)?))
    });
    Ok(yielding?.data)
}
