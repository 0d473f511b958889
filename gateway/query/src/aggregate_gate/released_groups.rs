//! `ReleasedGroups`: the leaf that stands for an aggregate over aggregate-only relations, and the barrier below it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, execute_stream,
};
use futures::StreamExt;

use super::fold::{Fold, Group};
use super::overlap::Asker;
use super::shape::{GroupQuery, Output};
use crate::plan_gate::PlanReads;

/// Groups of enough persons, as a table. Its columns are those of the aggregate, by position.
#[derive(Debug)]
pub(crate) struct ReleasedGroups {
    /// Rows of persons in groups; nothing of it is released.
    inner: LogicalPlan,
    query: Arc<GroupQuery>,
    schema: SchemaRef,
    asker: Asker,
    reads: PlanReads,
}

impl ReleasedGroups {
    /// `like`: names and types of the aggregate that this stands for.
    pub(super) fn new(inner: LogicalPlan, query: GroupQuery, like: &DFSchema, asker: Asker, reads: PlanReads) -> Self {
        let fields = like
            .fields()
            .iter()
            .enumerate()
            .map(|(idx, field)| Field::new(format!("column{idx}"), field.data_type().clone(), field.is_nullable()));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { inner, query: Arc::new(query), schema, asker, reads }
    }

    /// What the aggregate reads.
    pub(crate) fn reads(&self) -> &PlanReads {
        &self.reads
    }
}

#[async_trait]
impl TableProvider for ReleasedGroups {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !filters.is_empty() {
            return Err(DataFusionError::Internal("a filter reached the released groups".to_owned()));
        }
        let inner = state.create_physical_plan(&self.inner).await?;
        let columns: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let query = Arc::clone(&self.query);
        let asker = self.asker.clone();
        Ok(Arc::new(ReleasedGroupsExec { inner, query, columns, schema, asker, properties: Arc::new(properties) }))
    }
}

/// Runs the persons' plan to its end, then releases groups. A leaf to the engine: what is above sees released groups only.
#[derive(Debug)]
struct ReleasedGroupsExec {
    inner: Arc<dyn ExecutionPlan>,
    query: Arc<GroupQuery>,
    /// Columns of the aggregate that are asked for.
    columns: Vec<usize>,
    schema: SchemaRef,
    asker: Asker,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for ReleasedGroupsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReleasedGroups")
    }
}

impl ExecutionPlan for ReleasedGroupsExec {
    fn name(&self) -> &'static str {
        "ReleasedGroupsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            Ok(self)
        } else {
            Err(DataFusionError::Internal("ReleasedGroupsExec takes no children".to_owned()))
        }
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let inner = datafusion::physical_plan::execution_plan::reset_plan_states(Arc::clone(&self.inner))?;
        Ok(Arc::new(Self {
            inner,
            query: Arc::clone(&self.query),
            columns: self.columns.clone(),
            schema: Arc::clone(&self.schema),
            asker: self.asker.clone(),
            properties: Arc::clone(&self.properties),
        }))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (query, columns, schema) = (Arc::clone(&self.query), self.columns.clone(), Arc::clone(&self.schema));
        let (inner, asker) = (Arc::clone(&self.inner), self.asker.clone());
        let released = async move {
            let key_fields = inner.schema();
            let memory = MemoryConsumer::new("ReleasedGroups").register(context.memory_pool());
            let keys = key_fields.fields().iter().take(query.n_keys());
            let mut fold = Fold::new(&query, keys.map(|field| SortField::new(field.data_type().clone())).collect())?;
            let mut rows = execute_stream(inner, context)?;
            while let Some(batch) = rows.next().await {
                fold.add(&batch?, &asker)?;
                memory.try_resize(fold.bytes())?;
            }
            let (groups, converter) =
                fold.release(&asker).map_err(|error| DataFusionError::External(Box::new(error)))?;
            to_batch(&query, &groups, converter.as_ref(), &columns, &schema)
        };
        let rows = futures::stream::once(released);
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows)))
    }
}

/// The groups as rows, with the columns asked for.
fn to_batch(
    query: &GroupQuery,
    groups: &[Group],
    converter: Option<&RowConverter>,
    columns: &[usize],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let keys = match converter {
        Some(converter) => converter.convert_rows(groups.iter().filter_map(|group| Some(group.key.as_ref()?.row())))?,
        None => Vec::new(),
    };
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for (idx, field) in columns.iter().zip(schema.fields()) {
        let output = query.outputs.get(*idx).ok_or_else(unknown_column)?;
        let array = output_column(*output, groups, &keys)?;
        arrays.push(if array.data_type() == field.data_type() { array } else { cast(&array, field.data_type())? });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

fn output_column(output: Output, groups: &[Group], keys: &[ArrayRef]) -> Result<ArrayRef> {
    let integers =
        |of: &dyn Fn(&Group) -> Option<i64>| -> ArrayRef { Arc::new(groups.iter().map(of).collect::<Int64Array>()) };
    let numbers =
        |of: &dyn Fn(&Group) -> Option<f64>| -> ArrayRef { Arc::new(groups.iter().map(of).collect::<Float64Array>()) };
    Ok(match output {
        Output::Key(idx) => Arc::clone(keys.get(idx).ok_or_else(unknown_column)?),
        Output::Rows => integers(&|group| Some(group.n_rows)),
        Output::Persons => integers(&|group| i64::try_from(group.persons.len()).ok()),
        Output::NotNull(idx) => integers(&|group| group.counted.get(idx).copied()),
        Output::Sum(idx) => numbers(&|group| group.measures.get(idx)?.sum()),
        Output::Average(idx) => numbers(&|group| group.measures.get(idx)?.average()),
    })
}

fn unknown_column() -> DataFusionError {
    DataFusionError::Internal("a column of released groups that is not there".to_owned())
}
