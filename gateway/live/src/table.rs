//! One table of a source, under a declared relation's names and types.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use database::{Condition, Database, DatabaseError, RemoteTable, Select, TableName, Transfer};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use query::{QueryError, SourceFault};
use schemas::Relation;
use tokio::sync::Mutex;

use crate::exec::LiveExec;
use crate::pushdown::{Columns, condition, is_never};

/// A column of the relation, and what the source calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveColumn {
    /// Its name in SQL.
    pub name: String,
    /// Its name in the source.
    pub remote: String,
}

/// A table that is read where it is, each time anew. The source is first asked when somebody scans it, so that a source that is
/// down hinders nothing else.
#[derive(Debug)]
pub struct LiveTable {
    relation: String,
    database: Arc<Database>,
    table: TableName,
    columns: Vec<LiveColumn>,
    schema: SchemaRef,
    /// As the source describes it, until it answers otherwise.
    described: Arc<Described>,
}

/// What the source said of its table.
pub(crate) type Described = Mutex<Option<Arc<RemoteTable>>>;

impl LiveTable {
    /// A table under `relation`; `columns` has an entry for each of the relation's columns.
    #[must_use]
    pub fn new(relation: &Relation, database: Arc<Database>, table: TableName, columns: Vec<LiveColumn>) -> Self {
        Self {
            relation: relation.name.to_string(),
            database,
            table,
            columns,
            schema: relation.arrow_schema(),
            described: Arc::default(),
        }
    }

    /// Asks the source whether it has the table as declared.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn check(&self) -> std::result::Result<(), DatabaseError> {
        *self.described.lock().await = None;
        let described = self.describe().await?;
        let all: Vec<usize> = (0..self.columns.len()).collect();
        self.select(&described, &all, None, Some(0)).map(|_| ())
    }

    async fn describe(&self) -> std::result::Result<Arc<RemoteTable>, DatabaseError> {
        let mut described = self.described.lock().await;
        if let Some(known) = &*described {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(self.database.describe(&self.table).await?);
        *described = Some(Arc::clone(&found));
        Ok(found)
    }

    fn select(
        &self,
        described: &RemoteTable,
        projection: &[usize],
        condition: Option<&Condition>,
        limit: Option<usize>,
    ) -> std::result::Result<Select, DatabaseError> {
        let config = self.database.config();
        let not_as_declared = |what| DatabaseError::NotAsDeclared { database: config.name.clone(), what };
        let mut selected = Vec::with_capacity(projection.len());
        for idx in projection {
            let (column, field) = match (self.columns.get(*idx), self.schema.fields().get(*idx)) {
                (Some(column), Some(field)) => (column, field),
                _ => return Err(not_as_declared("a column out of range".to_owned())),
            };
            let remote = described.column(&column.remote).ok_or_else(|| {
                not_as_declared(format!("{} has no column {} that the user may see", self.table, column.remote))
            })?;
            let transfer = Transfer::to_type(field.data_type(), remote.remote_type).ok_or_else(|| {
                not_as_declared(format!("column {} is declared as a type that is not read live", column.name))
            })?;
            selected.push((remote, transfer));
        }
        Select::rows(config.address.server, (&config.name, described), &selected, condition, limit)
    }

    /// The source's columns by our names.
    fn remote_columns(&self, described: &RemoteTable) -> Columns {
        let known = self.columns.iter().filter_map(|column| {
            let remote = described.column(&column.remote)?;
            Some((column.name.clone(), (remote.name.clone(), remote.remote_type)))
        });
        known.collect()
    }
}

#[async_trait]
impl TableProvider for LiveTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Everything is asked again above: what a source takes for equal is its own.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize>;
        let projection = match projection {
            Some(projection) => projection,
            None => {
                all = (0..self.columns.len()).collect();
                &all
            }
        };
        let schema = Arc::new(self.schema.project(projection)?);
        if filters.iter().any(is_never) {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let failed = |error: &DatabaseError| as_query_error(&self.relation, error);
        let described = self.describe().await.map_err(|error| failed(&error))?;
        let columns = self.remote_columns(&described);
        let conditions: Vec<Condition> = filters.iter().filter_map(|filter| condition(filter, &columns)).collect();
        let condition = (!conditions.is_empty()).then_some(Condition::All(conditions));
        let select = self.select(&described, projection, condition.as_ref(), limit.filter(|_| filters.is_empty()));
        let select = match select {
            Ok(select) => select,
            Err(error) => {
                // It may have been mended there since.
                *self.described.lock().await = None;
                return Err(failed(&error));
            }
        };
        let relation = self.relation.clone();
        Ok(Arc::new(LiveExec::new(relation, Arc::clone(&self.database), select, Arc::clone(&self.described), schema)))
    }
}

/// What a fault of the source is to who asked.
pub(crate) fn as_query_error(relation: &str, error: &DatabaseError) -> DataFusionError {
    let fault = match error {
        DatabaseError::Unreachable { .. } | DatabaseError::LeftAlone { .. } | DatabaseError::Tls { .. } => {
            SourceFault::Unreachable
        }
        DatabaseError::TimedOut { seconds, .. } => SourceFault::TimedOut { seconds: *seconds },
        DatabaseError::NotAsDeclared { .. } => SourceFault::NotAsDeclared,
        DatabaseError::Refused { .. } | DatabaseError::Failed { .. } => SourceFault::Failed,
    };
    tell(relation, error);
    DataFusionError::External(Box::new(QueryError::SourceUnavailable { relation: relation.to_owned(), fault }))
}

/// Operators read which column or code it was; who asked does not.
fn tell(relation: &str, error: &DatabaseError) {
    tracing::warn!(relation, %error, "a live relation could not be read");
}
