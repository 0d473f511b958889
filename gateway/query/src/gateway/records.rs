//! One record by its key, without planning a statement: the same table under the same grant, asked with the same filter, and
//! released, recorded and limited like every other answer.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::ident;
use policies::{PolicySet, Principal};
use schemas::RelationName;

use super::{Asked, Gateway, Planned, QueryRequest};
use crate::catalog::Viewer;
use crate::masked_predicates::MaskedUse;
use crate::plan_gate::PlanReads;
use crate::released::ReleasedStream;
use crate::row_filter::text_literal;
use crate::{PolicyTable, PublishedData, QueryError};

/// Longer ids, and those of other characters than ids have, are asked for as a statement.
const ID_BYTES_MAX: usize = 128;

/// One record of a relation.
#[derive(Clone)]
pub struct RecordTarget {
    relation: RelationName,
    key: String,
    id: String,
}

impl std::fmt::Debug for RecordTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordTarget({})", self.relation)
    }
}

impl RecordTarget {
    /// The record of `relation` whose column `key` is shown as `id`.
    ///
    /// # Errors
    /// [`QueryError::RelationNotFound`] if the relation cannot be a name.
    pub fn new(relation: &str, key: &str, id: &str) -> Result<Self, QueryError> {
        let name = RelationName::try_from(relation);
        let relation = name.map_err(|_| QueryError::RelationNotFound { name: relation.chars().take(100).collect() })?;
        Ok(Self { relation, key: key.to_owned(), id: id.to_owned() })
    }

    /// The statement that asks for the same: what is recorded, and what is run where there is no shorter way.
    fn sql(&self) -> String {
        format!("SELECT * FROM {} WHERE {} = '{}' LIMIT 2", self.relation, self.key, self.id.replace('\'', "''"))
    }

    fn is_plain(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=ID_BYTES_MAX).contains(&self.id.len()) && self.id.bytes().all(is_plain)
    }
}

impl Gateway {
    /// One record as [`Self::query`] answers the statement that asks for it: the same rows, refusals, notices and entries on the
    /// audit log. The statement of the request does not matter; it is made from the target.
    ///
    /// # Errors
    /// Every [`QueryError`]; refusals are recorded too.
    pub async fn record(&self, mut request: QueryRequest, target: RecordTarget) -> Result<ReleasedStream, QueryError> {
        request.sql = target.sql();
        self.answer(request, Asked::Record(target)).await
    }

    /// The plan of a record, if it can be had without a statement. Whatever is refused, hidden or counted only is none of its
    /// matter: the statement has the answer.
    pub(super) async fn plan_record(
        &self,
        target: &RecordTarget,
        principal: &Principal,
        data: &PublishedData,
        policies: &PolicySet,
    ) -> Option<Planned> {
        let table = data.tables.get(&target.relation).filter(|_| target.is_plain())?;
        let viewer = Viewer { policies, principal, token_key: &self.config.token_key, today: self.today() };
        let grant = viewer.grant(&table.relation).ok()??;
        let shown = viewer.table(&target.relation, table, &grant).ok()?;
        let plan = self.scan_record(&shown, target).await?;
        let mut reads = PlanReads { columns: shown.column_names(None), masked: shown.masked_columns(None) };
        reads.columns.sort_unstable();
        reads.masked.sort_unstable();
        let (schema, context) = (plan.schema(), self.sessions.bare().task_ctx());
        Some(Planned { plan, context, schema, reads, masked: MaskedUse::default(), parameters: Vec::new() })
    }

    async fn scan_record(&self, shown: &PolicyTable, target: &RecordTarget) -> Option<Arc<dyn ExecutionPlan>> {
        let filters = [shown.leakproof_equality(&target.key, &target.id)?];
        shown.scan(self.sessions.bare(), None, &filters, None).await.ok()
    }
}

impl PolicyTable {
    /// The filter `column = text` as a statement has it, if it may run below the barrier, where the rows are found by it; none
    /// over a table of which nothing but counts may leave.
    fn leakproof_equality(&self, column: &str, text: &str) -> Option<Expr> {
        let schema = self.schema();
        let filter = ident(column).eq(text_literal(text, schema.field_with_name(column).ok()?.data_type())?);
        let support = self.supports_filters_pushdown(&[&filter]).ok()?;
        let is_leakproof = support == [TableProviderFilterPushDown::Exact];
        (self.aggregate().is_none() && is_leakproof).then_some(filter)
    }
}
