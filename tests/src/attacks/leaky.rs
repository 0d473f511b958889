//! The same filters and masks without the barrier, to show that the checks go red when it is missing.
//!
//! Two ways people build this: a view, and a table provider whose scan returns the policy's own physical plan bare. In both
//! the engine moves the user's predicates beside the row filter, where they run on rows the user may not see. Errors are
//! reported with one fixed text, as the gateway does, so that only their presence can tell.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use policies::Principal;

use super::answer::Answer;
use super::door::Door;
use super::probe::Probe;
use super::rows::{Rows, Side};
use super::tables::{Storage, stored};

/// The grid worker's view of each relation, as SQL over the raw one.
const VIEWS: [(&str, &str); 3] = [
    (
        "unified.person",
        "SELECT person_id, name, concat(substr(id_number, 1, 6), '********', substr(id_number, 15)) AS id_number, sex, \
         birth_date, concat(substr(phone, 1, 3), '****', substr(phone, 8)) AS phone, household_address, \
         residence_address, grid_id, is_deceased, household_id, risk_level FROM stored.unified_person \
         WHERE grid_id = 'G0101'",
    ),
    (
        "unified.house",
        "SELECT house_id, concat(substr(owner_name, 1, 1), '**') AS owner_name, area_m2, grid_id \
         FROM stored.unified_house WHERE grid_id = 'G0101'",
    ),
    ("unified.event", "SELECT event_id, description, grid_id FROM stored.unified_event WHERE grid_id = 'G0101'"),
];

/// How the barrier is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// A view with the row filter and the masks in it.
    View,
    /// A provider whose scan ends in the policy's own plan.
    Provider,
}

/// A world that is read without a barrier.
pub struct LeakyDoor {
    ctx: SessionContext,
    loud: bool,
}

impl std::fmt::Debug for LeakyDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LeakyDoor")
    }
}

impl LeakyDoor {
    /// Loads one world.
    pub async fn load(side: Side, without: Without) -> Self {
        let config = SessionConfig::new().with_default_catalog_and_schema("datong", "public").with_target_partitions(1);
        let ctx = SessionContext::new_with_config(config);
        let catalog = ctx.catalog("datong").unwrap();
        for schema in ["stored", "unified"] {
            catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new())).unwrap();
        }
        let register = |schema: &str, table: String, provider: Arc<dyn TableProvider>| {
            let schema: Arc<dyn SchemaProvider> = catalog.schema(schema).unwrap();
            schema.register_table(table, provider).unwrap();
        };
        for table in stored(&Rows::of(side)) {
            register("stored", table.name.replace('.', "_"), table.provider(Storage::Plain, 64));
        }
        for (name, sql) in VIEWS {
            let frame = ctx.sql(sql).await.unwrap();
            let provider = match without {
                Without::View => frame.into_view(),
                Without::Provider => Arc::new(BareProvider::new(frame)),
            };
            register("unified", name.trim_start_matches("unified.").to_owned(), provider);
        }
        Self { ctx, loud: false }
    }

    /// Brings a probe in.
    #[must_use]
    pub fn with_probe(self, probe: &Probe) -> Self {
        self.ctx.register_udf(probe.function().as_ref().clone());
        self
    }

    /// Reports errors in the engine's own words.
    #[must_use]
    pub fn loud(self) -> Self {
        Self { loud: true, ..self }
    }
}

#[async_trait]
impl Door for LeakyDoor {
    fn name(&self) -> &'static str {
        "without barrier"
    }

    async fn ask(&self, _: &Principal, sql: &str) -> Answer {
        let failed = |error: DataFusionError| match self.loud {
            true => Answer::failed("failed", error.to_string()),
            false => Answer::failed("failed", "an expression failed on a row"),
        };
        let frame = match self.ctx.sql(sql).await {
            Ok(frame) => frame,
            Err(error) => return failed(error),
        };
        let schema = Arc::clone(frame.schema().inner());
        frame.collect().await.map_or_else(failed, |batches| Answer::of_batches(&schema, &batches))
    }
}

/// What a wrapping provider looks like when nobody thinks of physical filter push-down.
#[derive(Debug)]
struct BareProvider {
    frame: DataFrame,
    schema: SchemaRef,
}

impl BareProvider {
    fn new(frame: DataFrame) -> Self {
        let schema = Arc::clone(frame.schema().inner());
        Self { frame, schema }
    }
}

#[async_trait]
impl TableProvider for BareProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.frame.clone().create_physical_plan().await?;
        let Some(projection) = projection else { return Ok(plan) };
        let columns: Vec<(Arc<dyn PhysicalExpr>, String)> = projection
            .iter()
            .map(|idx| {
                let name = self.schema.field(*idx).name();
                (Arc::new(Column::new(name, *idx)) as Arc<dyn PhysicalExpr>, name.clone())
            })
            .collect();
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}
