//! The leaf of a plan that asks the source.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use database::{Database, DatabaseError, Select};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::StreamExt;

use crate::table::{Described, as_query_error};

/// One statement for the source, in one partition.
#[derive(Debug)]
pub(crate) struct LiveExec {
    relation: String,
    database: Arc<Database>,
    select: Select,
    described: Arc<Described>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl LiveExec {
    pub(crate) fn new(
        relation: String,
        database: Arc<Database>,
        select: Select,
        described: Arc<Described>,
        schema: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { relation, database, select, described, schema, properties: Arc::new(properties) }
    }
}

impl DisplayAs for LiveExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LiveScan: {}", self.relation)
    }
}

impl ExecutionPlan for LiveExec {
    fn name(&self) -> &'static str {
        "LiveExec"
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
            Err(DataFusionError::Internal("LiveExec takes no children".to_owned()))
        }
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (relation, schema) = (self.relation.clone(), Arc::clone(&self.schema));
        let described = Arc::clone(&self.described);
        let batches = self.database.stream(self.select.clone()).then(move |batch| {
            let (relation, schema, described) = (relation.clone(), Arc::clone(&schema), Arc::clone(&described));
            async move {
                match batch {
                    Ok(batch) => under_our_names(&batch, &schema),
                    Err(error) => {
                        if matches!(error, DatabaseError::NotAsDeclared { .. }) {
                            *described.lock().await = None;
                        }
                        Err(as_query_error(&relation, &error))
                    }
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }
}

/// The columns under the names that were asked for; none of them where only rows were counted.
fn under_our_names(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().iter().take(schema.fields().len()).cloned().collect();
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
