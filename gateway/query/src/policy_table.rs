//! `PolicyTable`: the only kind of table a principal's session holds. Its schema is what the principal may see; its scan
//! ends in the barrier.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use policies::{AggregateRule, Grant, Lift, Mask, MaskContext};
use schemas::RelationName;

use crate::leakproof::FilterColumns;
use crate::policy_scan::{LiftedColumn, OutputColumn, PolicyScanExec, released_type};
use crate::row_filter::row_filter;
use crate::{MaskedColumn, QueryError};

/// One relation as one principal may see it.
#[derive(Debug)]
pub struct PolicyTable {
    relation: RelationName,
    raw: Arc<dyn TableProvider>,
    columns: Vec<VisibleColumn>,
    row_filter: Option<Expr>,
    filter_columns: FilterColumns,
    aggregate: Option<Arc<AggregateRule>>,
    context: Arc<MaskContext>,
    schema: SchemaRef,
}

#[derive(Debug)]
struct VisibleColumn {
    name: String,
    raw_idx: usize,
    mask: Mask,
    lift: Option<Lift>,
    /// Position of the birth date that decides the lift, if the raw table has it.
    birth_idx: Option<usize>,
    /// Name of mask and lift; none if shown as it is in every row.
    mask_name: Option<String>,
    rule: String,
}

impl VisibleColumn {
    /// The column as the barrier handles it, over rows of the raw columns `needed`, sorted.
    fn output(&self, needed: &[usize]) -> Result<OutputColumn> {
        let position = |raw_idx: usize| {
            let found = needed.binary_search(&raw_idx);
            found.map_err(|_| DataFusionError::Internal("a column of the barrier is not scanned".to_owned()))
        };
        let lift = match &self.lift {
            None => None,
            Some(lift) => {
                Some(LiftedColumn { lift: lift.clone(), birth_idx: self.birth_idx.map(position).transpose()? })
            }
        };
        Ok(OutputColumn { inner_idx: position(self.raw_idx)?, mask: self.mask.clone(), lift })
    }
}

impl PolicyTable {
    /// Compiles a grant over a raw table. Columns that the grant names and the table lacks are left out.
    ///
    /// # Errors
    /// None at present; the signature leaves room for masks that depend on the stored type.
    pub fn try_new(
        relation: RelationName,
        raw: Arc<dyn TableProvider>,
        grant: &Grant,
        context: Arc<MaskContext>,
    ) -> Result<Self, QueryError> {
        let raw_schema = raw.schema();
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        let mut filter_columns = FilterColumns::new(Arc::clone(&context));
        for granted in &grant.columns {
            let Ok(raw_idx) = raw_schema.index_of(&granted.name) else { continue };
            let raw_type = raw_schema.field(raw_idx).data_type();
            if granted.lift.is_none() {
                filter_columns.add(&granted.name, &granted.mask, raw_type);
            }
            fields.push(Field::new(&granted.name, released_type(&granted.mask, raw_type), true));
            columns.push(VisibleColumn {
                name: granted.name.clone(),
                raw_idx,
                mask: granted.mask.clone(),
                lift: granted.lift.clone(),
                birth_idx: granted.lift.as_ref().and_then(|lift| raw_schema.index_of(&lift.birth_date).ok()),
                mask_name: granted.mask_name(),
                rule: granted.rule.clone(),
            });
        }
        let row_filter = row_filter(&grant.rows, &raw_schema);
        let (aggregate, schema) = (grant.aggregate.clone(), Arc::new(Schema::new(fields)));
        Ok(Self { relation, raw, columns, row_filter, filter_columns, aggregate, context, schema })
    }

    /// The relation.
    #[must_use]
    pub fn relation(&self) -> &RelationName {
        &self.relation
    }

    /// How the relation may be aggregated, if its rows may not be read.
    pub(crate) fn aggregate(&self) -> Option<&AggregateRule> {
        self.aggregate.as_deref()
    }

    /// The masks in force on the projected columns (`None`: all).
    pub(crate) fn masked_columns(&self, projection: Option<&[usize]>) -> Vec<MaskedColumn> {
        self.projected(projection)
            .into_iter()
            .filter_map(|column| {
                Some(MaskedColumn {
                    relation: self.relation.clone(),
                    column: column.name.clone(),
                    mask: column.mask_name.clone()?,
                    rule: column.rule.clone(),
                })
            })
            .collect()
    }

    /// Names of the projected columns, qualified.
    pub(crate) fn column_names(&self, projection: Option<&[usize]>) -> Vec<String> {
        self.projected(projection).into_iter().map(|column| format!("{}.{}", self.relation, column.name)).collect()
    }

    fn projected(&self, projection: Option<&[usize]>) -> Vec<&VisibleColumn> {
        match projection {
            Some(indices) => indices.iter().filter_map(|idx| self.columns.get(*idx)).collect(),
            None => self.columns.iter().collect(),
        }
    }

    /// The policy's own plan: raw rows, filtered by the row filter and by the user's leakproof filters.
    async fn inner_plan(
        &self,
        state: &dyn Session,
        predicates: Vec<Expr>,
        needed: &[usize],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let limit = limit.filter(|_| predicates.is_empty());
        let references: Vec<&Expr> = predicates.iter().collect();
        let support = self.raw.supports_filters_pushdown(&references)?;
        let pushed: Vec<Expr> = predicates
            .iter()
            .zip(&support)
            // What calls a function of ours skips nothing in files, and would be asked there and here.
            .filter(|(predicate, support)| {
                **support != TableProviderFilterPushDown::Unsupported && !calls_a_function(predicate)
            })
            .map(|(predicate, _)| predicate.clone())
            .collect();
        let plan = self.raw.scan(state, Some(&needed.to_vec()), &pushed, limit).await?;
        let remaining = predicates
            .into_iter()
            .zip(&support)
            .filter(|(predicate, support)| {
                **support != TableProviderFilterPushDown::Exact || calls_a_function(predicate)
            })
            .map(|(predicate, _)| predicate)
            .reduce(Expr::and);
        match remaining {
            Some(predicate) => {
                let schema = DFSchema::try_from(plan.schema().as_ref().clone())?;
                let predicate = state.create_physical_expr(predicate, &schema)?;
                Ok(Arc::new(FilterExec::try_new(predicate, plan)?))
            }
            None => Ok(plan),
        }
    }
}

#[async_trait]
impl TableProvider for PolicyTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| {
                if self.filter_columns.below(filter).is_some() {
                    TableProviderFilterPushDown::Exact
                } else {
                    TableProviderFilterPushDown::Unsupported
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut predicates: Vec<Expr> = self.row_filter.iter().cloned().collect();
        for filter in filters {
            let below = self.filter_columns.below(filter);
            let leaky = || DataFusionError::Internal("a filter that may leak reached the barrier".to_owned());
            predicates.extend(split_conjunction_owned(below.ok_or_else(leaky)?));
        }
        let raw_schema = self.raw.schema();
        let outputs = self.projected(projection.map(Vec::as_slice));
        // Birth dates are read for the lifts even where they are hidden; what lies above the barrier never sees them.
        let mut needed: BTreeSet<usize> =
            outputs.iter().flat_map(|column| column.birth_idx.into_iter().chain([column.raw_idx])).collect();
        for predicate in &predicates {
            for column in predicate.column_refs() {
                needed.insert(raw_schema.index_of(&column.name)?);
            }
        }
        if needed.is_empty() {
            // COUNT(*): some formats cannot scan zero columns.
            needed.extend(self.columns.first().map(|column| column.raw_idx));
        }
        let needed: Vec<usize> = needed.into_iter().collect();
        let plan = self.inner_plan(state, predicates, &needed, limit).await?;
        let columns = outputs.iter().map(|column| column.output(&needed)).collect::<Result<Vec<_>>>()?;
        let schema = match projection {
            Some(indices) => Arc::new(self.schema.project(indices)?),
            None => Arc::clone(&self.schema),
        };
        // How many rows there are tells nothing where every row is shown, and lets the engine build joins on the smaller side.
        let shows_all = self.row_filter.is_none() && filters.is_empty();
        let n_rows = if shows_all { n_rows_of(plan.as_ref()) } else { Precision::Absent };
        let context = Arc::clone(&self.context);
        let barrier = PolicyScanExec::new(self.relation.to_string(), plan, columns, context, schema);
        Ok(Arc::new(barrier.with_n_rows(n_rows)))
    }
}

/// An estimate, so that no count is answered from it.
fn n_rows_of(plan: &dyn ExecutionPlan) -> Precision<usize> {
    let statistics = StatisticsContext::new().compute(plan, &StatisticsArgs::new());
    statistics.map_or(Precision::Absent, |statistics| statistics.num_rows.to_inexact())
}

fn calls_a_function(predicate: &Expr) -> bool {
    predicate.exists(|part| Ok(matches!(part, Expr::ScalarFunction(_)))).unwrap_or(true)
}

/// The table behind a plan's leaf, if it is one of ours.
pub(crate) fn as_policy_table(provider: &Arc<dyn TableProvider>) -> Option<&PolicyTable> {
    let any: &dyn Any = provider.as_ref();
    any.downcast_ref::<PolicyTable>()
}
