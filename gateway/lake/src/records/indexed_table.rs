//! A table whose records SQL finds through the index, where a filter asks for some by key or identifier.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use datafusion::scalar::ScalarValue;
use futures::{StreamExt, TryStreamExt, stream};
use schemas::ColumnName;

use super::RecordIndex;
use super::layer::HashedBy;
use super::row::RowDecoder;

/// More values are not looked up one by one: the table is scanned, with its bloom filters.
const VALUES_MAX: usize = 64;

/// One row in so many is read by its group at most. One by one they take some 20 microseconds each, among all others a tenth.
const GROUP_SHARE: u64 = 200;

/// A table and its index.
#[derive(Debug)]
pub(crate) struct IndexedTable {
    rows: Arc<dyn TableProvider>,
    index: Arc<RecordIndex>,
}

impl IndexedTable {
    pub(crate) fn new(rows: Arc<dyn TableProvider>, index: Arc<RecordIndex>) -> Self {
        Self { rows, index }
    }

    /// Which records the filters leave at most; none if that cannot be told from the index.
    fn asked(&self, filters: &[Expr]) -> Option<Asked> {
        let by = |column: &ColumnName| filters.iter().find_map(|filter| values_of(filter, column.as_str()));
        let by_key = by(self.index.key()).map(Asked::Keys);
        let by_identifier = || {
            self.index
                .identifiers()
                .iter()
                .find_map(|column| Some(Asked::Hashed(HashedBy::Identifier, column.clone(), by(column)?)))
        };
        let by_group = || {
            let column = self.index.group()?;
            let values = by(column)?;
            // Rows of a group lie all over the table: many of them are read faster with all the others.
            let is_small = self.index.n_of_group_at_most(column, &values) <= self.index.n_rows() / GROUP_SHARE;
            is_small.then(|| Asked::Hashed(HashedBy::Group, column.clone(), values))
        };
        let asked = by_key.or_else(by_identifier).filter(|asked| asked.values().len() <= VALUES_MAX);
        asked.or_else(|| by_group().filter(|asked| asked.values().len() <= VALUES_MAX))
    }
}

/// The values that a filter leaves of a column; none if it may leave others.
fn values_of(filter: &Expr, column: &str) -> Option<Vec<String>> {
    let is_it = |expr: &Expr| matches!(expr, Expr::Column(found) if found.name == column);
    let text = |expr: &Expr| match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_it(left) => Some(vec![text(right)?]),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_it(right) => Some(vec![text(left)?]),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            values_of(left, column).or_else(|| values_of(right, column))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let mut values = values_of(left, column)?;
            values.extend(values_of(right, column)?);
            Some(values)
        }
        // What is false or null lets no row through.
        Expr::Literal(ScalarValue::Boolean(None | Some(false)), _) => Some(Vec::new()),
        Expr::InList(InList { expr, list, negated: false }) if is_it(expr) => list.iter().map(text).collect(),
        _ => None,
    }
}

#[async_trait]
impl TableProvider for IndexedTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        self.rows.table_type()
    }

    fn statistics(&self) -> Option<Statistics> {
        self.rows.statistics()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The index applies no filter but the one it finds by.
        let below = self.rows.supports_filters_pushdown(filters)?;
        let at_most_inexact = |support| match support {
            TableProviderFilterPushDown::Unsupported => TableProviderFilterPushDown::Unsupported,
            TableProviderFilterPushDown::Inexact | TableProviderFilterPushDown::Exact => {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(below.into_iter().map(at_most_inexact).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match self.asked(filters) {
            None => self.rows.scan(state, projection, filters, limit).await,
            Some(asked) => {
                let decoder = self.index.decoder(projection.map(Vec::as_slice));
                let decoder = decoder.map_err(|error| DataFusionError::External(Box::new(error)))?;
                Ok(Arc::new(RecordsExec::new(Arc::clone(&self.index), asked, decoder)))
            }
        }
    }
}

/// Which records are asked for. `Debug` hides the values.
#[derive(Clone)]
enum Asked {
    Keys(Vec<String>),
    Hashed(HashedBy, ColumnName, Vec<String>),
}

impl Asked {
    fn values(&self) -> &[String] {
        match self {
            Self::Keys(values) | Self::Hashed(_, _, values) => values,
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({} values)", self.values().len())
    }
}

/// Reads records through the index: one partition, each record once.
#[derive(Debug)]
struct RecordsExec {
    index: Arc<RecordIndex>,
    asked: Asked,
    decoder: RowDecoder,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RecordsExec {
    fn new(index: Arc<RecordIndex>, mut asked: Asked, decoder: RowDecoder) -> Self {
        let (Asked::Keys(values) | Asked::Hashed(_, _, values)) = &mut asked;
        values.sort_unstable();
        values.dedup();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(decoder.schema())),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { index, asked, decoder, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for RecordsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordsExec")
    }
}

impl ExecutionPlan for RecordsExec {
    fn name(&self) -> &'static str {
        "RecordsExec"
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
            Err(DataFusionError::Internal("RecordsExec takes no children".to_owned()))
        }
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (index, decoder) = (Arc::clone(&self.index), self.decoder.clone());
        let column = match &self.asked {
            Asked::Keys(_) => None,
            Asked::Hashed(by, column, _) => Some((*by, column.clone())),
        };
        let found = stream::iter(self.asked.values().to_vec()).then(move |value| {
            let (index, decoder, column) = (Arc::clone(&index), decoder.clone(), column.clone());
            async move {
                match column {
                    None => index.read_key(&value, &decoder).await,
                    Some((by, column)) => index.read_hashed(by, &column, &value, &decoder).await.map(Some),
                }
            }
        });
        let rows = found
            .try_filter_map(|found| async { Ok(found) })
            .map_err(|error| DataFusionError::External(Box::new(error)))
            .inspect_ok(move |rows| metrics.record_output(rows.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(self.decoder.schema()), rows)))
    }
}
