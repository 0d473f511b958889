//! `PolicyScanExec`: the barrier. Below it the policy's own plan runs on raw rows; above it there are only rows the
//! principal may see. It is a leaf to the engine: no filter, sort, limit, statistic or projection of the user's reaches
//! what lies below but what `dynamic_filter` lets through, and no plan text shows it.
//
// INVARIANT (nothing of the user's beside raw data): see ARCHITECTURE.md.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::StreamExt;
use policies::{Lift, Mask, MaskContext};

use crate::QueryError;
use crate::dynamic_filter;

/// One column of the released rows.
#[derive(Debug, Clone)]
pub(crate) struct OutputColumn {
    /// Position in the rows of the inner plan.
    pub(crate) inner_idx: usize,
    /// What happens to it.
    pub(crate) mask: Mask,
    /// What happens to it in the rows of children, if that is something else.
    pub(crate) lift: Option<LiftedColumn>,
}

/// A lift and the column of the inner plan that decides.
#[derive(Debug, Clone)]
pub(crate) struct LiftedColumn {
    /// The lift.
    pub(crate) lift: Lift,
    /// Position of the birth date in the rows of the inner plan; `None` if it has none, so that every row is a child's.
    pub(crate) birth_idx: Option<usize>,
}

impl OutputColumn {
    fn release(&self, batch: &RecordBatch, context: &MaskContext) -> Result<ArrayRef> {
        let raw = raw_column(batch, self.inner_idx)?;
        let masked = match &self.lift {
            None => self.mask.apply(raw, context),
            Some(LiftedColumn { lift, birth_idx }) => {
                let births = birth_idx.map(|idx| raw_column(batch, idx)).transpose()?;
                lift.apply(&self.mask, raw, births, context)
            }
        };
        masked.map_err(|_| DataFusionError::External(Box::new(QueryError::internal("mask does not fit its column"))))
    }
}

fn raw_column(batch: &RecordBatch, idx: usize) -> Result<&ArrayRef> {
    let found = batch.columns().get(idx);
    found.ok_or_else(|| DataFusionError::Internal("PolicyScanExec: column out of range".to_owned()))
}

/// The inner plan with filters of running operators.
#[derive(Debug, Clone)]
struct Filtered {
    plan: Arc<dyn ExecutionPlan>,
    /// The filters over the released columns, so that their operators find that somebody asks for them.
    filters: Vec<Arc<dyn PhysicalExpr>>,
}

/// The barrier over one scan of one relation.
#[derive(Debug)]
pub(crate) struct PolicyScanExec {
    relation: String,
    /// As planned.
    inner: Arc<dyn ExecutionPlan>,
    /// With filters that operators above make while they run. None after a reset: they would outlive their operators.
    filtered: Option<Filtered>,
    columns: Arc<Vec<OutputColumn>>,
    context: Arc<MaskContext>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    /// Rows that leave, where the engine may know.
    n_rows: Precision<usize>,
}

impl PolicyScanExec {
    /// Wraps the policy's plan. `schema` has one field per output column.
    pub(crate) fn new(
        relation: String,
        inner: Arc<dyn ExecutionPlan>,
        columns: Vec<OutputColumn>,
        context: Arc<MaskContext>,
        schema: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(inner.output_partitioning().partition_count()),
            inner.pipeline_behavior(),
            inner.boundedness(),
        );
        Self {
            relation,
            inner,
            filtered: None,
            columns: Arc::new(columns),
            context,
            schema,
            properties: Arc::new(properties),
            n_rows: Precision::Absent,
        }
    }

    /// Lets the engine know how many rows leave. Only where that tells nothing: where the principal sees every row.
    pub(crate) fn with_n_rows(mut self, n_rows: Precision<usize>) -> Self {
        self.n_rows = n_rows;
        self
    }

    /// What runs below the barrier.
    pub(crate) fn below(&self) -> &Arc<dyn ExecutionPlan> {
        self.filtered.as_ref().map_or(&self.inner, |filtered| &filtered.plan)
    }

    /// The column of the inner plan that is shown as it is at this place.
    fn clear_column(&self, idx: usize) -> Option<Column> {
        let column = self.columns.get(idx).filter(|column| column.mask == Mask::Clear && column.lift.is_none())?;
        let raw = self.inner.schema();
        let raw = raw.fields().get(column.inner_idx)?;
        let is_same_type = self.schema.fields().get(idx)?.data_type() == raw.data_type();
        is_same_type.then(|| Column::new(raw.name(), column.inner_idx))
    }

    /// The barrier over a plan that skips what the filters would drop; `None` if none of them may pass.
    fn with_filters_of_operators(
        &self,
        from_above: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let mut filtered =
            self.filtered.clone().unwrap_or(Filtered { plan: Arc::clone(&self.inner), filters: Vec::new() });
        let mut below = Vec::new();
        for filter in from_above {
            if let Some(of_inner) = dynamic_filter::below(&filter, |idx| self.clear_column(idx)) {
                below.push(of_inner);
                filtered.filters.push(filter);
            }
        }
        if below.is_empty() {
            return Ok(None);
        }
        filtered.plan = dynamic_filter::push(filtered.plan, below, config)?;
        Ok(Some(self.with_plans(Arc::clone(&self.inner), Some(filtered))))
    }

    fn with_plans(&self, inner: Arc<dyn ExecutionPlan>, filtered: Option<Filtered>) -> Arc<Self> {
        Arc::new(Self {
            relation: self.relation.clone(),
            inner,
            filtered,
            columns: Arc::clone(&self.columns),
            context: Arc::clone(&self.context),
            schema: Arc::clone(&self.schema),
            properties: Arc::clone(&self.properties),
            n_rows: self.n_rows,
        })
    }
}

impl DisplayAs for PolicyScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PolicyScan: {}", self.relation)
    }
}

impl ExecutionPlan for PolicyScanExec {
    fn name(&self) -> &'static str {
        "PolicyScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let filters = self.filtered.iter().flat_map(|filtered| &filtered.filters);
        dynamic_filter::visit(filters, f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            Ok(self)
        } else {
            Err(DataFusionError::Internal("PolicyScanExec takes no children".to_owned()))
        }
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        // A recursive query runs its term again: the inner plan starts afresh too.
        let inner = datafusion::physical_plan::execution_plan::reset_plan_states(Arc::clone(&self.inner))?;
        Ok(self.with_plans(inner, None))
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        if args.partition().is_none() {
            statistics.num_rows = self.n_rows;
        }
        Ok(Arc::new(statistics))
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        // The operators above apply their filters as if they had not been taken.
        let from_above = child_pushdown_result.parent_filters.iter().map(|asked| Arc::clone(&asked.filter)).collect();
        let result = FilterPushdownPropagation::all_unsupported(child_pushdown_result);
        Ok(match phase {
            FilterPushdownPhase::Pre => result,
            FilterPushdownPhase::Post => match self.with_filters_of_operators(from_above, config)? {
                Some(filtered) => result.with_updated_node(filtered),
                None => result,
            },
        })
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.below().execute(partition, context)?;
        let (columns, mask_context, schema) =
            (Arc::clone(&self.columns), Arc::clone(&self.context), Arc::clone(&self.schema));
        let released = rows.map(move |batch| release(&batch?, &columns, &mask_context, &schema));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), released)))
    }
}

/// The type a column leaves with: a dictionary is unpacked, whatever its mask.
pub(crate) fn released_type(mask: &Mask, raw_type: &DataType) -> DataType {
    match mask.output_type(raw_type) {
        DataType::Dictionary(_, values) => *values,
        other => other,
    }
}

/// A filtered view array still points into buffers that hold the rows left out, a filtered dictionary still holds their
/// words, and Arrow streams send both whole: what is released gets buffers of its own. Other layouts are copied by the
/// filter already. Spare capacity goes too: masks reserve by the length of the originals, and limits count it.
fn without_hidden_bytes(released: ArrayRef, released_type: &DataType) -> Result<ArrayRef> {
    let mut released = match released.data_type() {
        DataType::Dictionary(..) => cast(&released, released_type)?,
        _ => released,
    };
    if let Some(views) = released.as_string_view_opt() {
        released = Arc::new(views.gc());
    } else if let Some(views) = released.as_binary_view_opt() {
        released = Arc::new(views.gc());
    }
    released.shrink_to_fit();
    Ok(released)
}

fn release(
    batch: &RecordBatch,
    columns: &[OutputColumn],
    context: &MaskContext,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let masked: Vec<ArrayRef> = columns
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| without_hidden_bytes(column.release(batch, context)?, field.data_type()))
        .collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), masked, &options)?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Date32Array, DictionaryArray, StringViewArray};
    use datafusion::arrow::datatypes::{Field, Int32Type, Schema};

    use super::*;

    #[test]
    fn released_views_hold_no_bytes_of_rows_left_out() {
        let all = StringViewArray::from(vec![
            "a text that is far too long to be inlined",
            "another hidden text, long enough too",
        ]);
        let kept: ArrayRef = Arc::new(all.slice(0, 1));
        let released = without_hidden_bytes(kept, &DataType::Utf8View).unwrap();
        let views = released.as_string_view();
        let held: Vec<u8> = views.data_buffers().iter().flat_map(|buffer| buffer.as_slice().to_vec()).collect();
        assert!(!String::from_utf8_lossy(&held).contains("hidden"));
        assert_eq!(views.value(0), "a text that is far too long to be inlined");
    }

    #[test]
    fn lifted_views_hold_no_bytes_of_childrens_values() {
        let names = ["a name of an adult that is far too long to be inlined", "a name of a child, long enough too"];
        let raw: ArrayRef = Arc::new(StringViewArray::from(names.to_vec()));
        let births: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), None]));
        let batch = RecordBatch::try_from_iter([("name", raw), ("birth_date", births)]).unwrap();
        let lift = Lift { birth_date: "birth_date".to_owned(), under_years: 14, mask: Mask::Null };
        let lift = Some(LiftedColumn { lift, birth_idx: Some(1) });
        let column = OutputColumn { inner_idx: 0, mask: Mask::Clear, lift };
        let schema = Arc::new(Schema::new(vec![Field::new("name", DataType::Utf8View, true)]));
        let released = release(&batch, &[column], &MaskContext::new([0; 32], "p", 20_000), &schema).unwrap();
        let views = released.column(0).as_string_view();
        assert_eq!((views.value(0), views.is_null(1)), (names[0], true));
        let held: Vec<u8> = views.data_buffers().iter().flat_map(|buffer| buffer.as_slice().to_vec()).collect();
        assert!(!String::from_utf8_lossy(&held).contains("child"));
    }

    #[test]
    fn released_dictionaries_hold_no_words_of_rows_left_out() {
        let all: DictionaryArray<Int32Type> = ["visible", "hidden"].into_iter().collect();
        let raw_type = all.data_type().clone();
        let kept: ArrayRef = Arc::new(all.slice(0, 1));
        let released = without_hidden_bytes(kept, &released_type(&Mask::Clear, &raw_type)).unwrap();
        assert_eq!(released.data_type(), &DataType::Utf8);
        assert_eq!(released.as_string::<i32>().value(0), "visible");
        assert!(!String::from_utf8_lossy(released.as_string::<i32>().value_data()).contains("hidden"));
    }
}
