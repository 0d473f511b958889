//! `pg_catalog` as one principal sees it.
//!
//! Statements about the catalog run in an engine session of their own that holds the names of what the principal may see and no
//! row of any table: nothing in it could leak one. What PostgreSQL itself has in its catalog comes from `datafusion-pg-catalog`,
//! which also rewrites what clients ask into what this engine plans.

mod functions;
mod rewriting;
mod schema;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Statement as SqlStatement, VisitMut};
use datafusion_pg_catalog::pg_catalog::PgCatalogStaticTables;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::setup_pg_catalog;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use futures::StreamExt;
use pgwire::error::PgWireError;
use policies::Principal;
use query::{CpuRuntime, VisibleRelation};
use tokio::sync::{OnceCell, Semaphore};

use self::rewriting::Unplannable;
use self::schema::{PgCatalog, descriptions, user_schemas};
use crate::errors::error;

/// The one database there is.
pub(crate) const DATABASE: &str = "datong";
/// Memory of all catalog statements together.
const MEMORY_BYTES: usize = 256 << 20;
/// Rows of one answer; a cross join of two system tables is no question.
const ROWS_MAX: usize = 200_000;
const TIME_MAX: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 4;

/// Makes catalogs, and asks them.
pub(crate) struct Catalogs {
    shared: OnceCell<Arc<Shared>>,
    cpu: Arc<CpuRuntime>,
    places: Semaphore,
}

/// What the catalogs of all principals share.
pub(crate) struct Shared {
    state: SessionState,
    tables: Arc<PgCatalogStaticTables>,
    parser: PostgresCompatibilityParser,
}

/// The catalog of one principal, at one version of policies and data.
pub(crate) struct Catalog {
    state: SessionState,
    pub(crate) versions: (String, Option<u64>),
}

/// An answer from the catalog.
pub(crate) struct Found {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

impl Catalogs {
    pub(crate) fn new(cpu: Arc<CpuRuntime>) -> Self {
        Self { shared: OnceCell::new(), cpu, places: Semaphore::new(AT_ONCE) }
    }

    /// Reads the tables that PostgreSQL ships, once, so that no connection has to wait for it.
    pub(crate) async fn load(&self) -> std::result::Result<Arc<Shared>, PgWireError> {
        let shared = self.shared.get_or_try_init(|| self.on_cpu(async { Shared::load().map(Arc::new) })).await;
        shared.map(Arc::clone)
    }

    /// Runs work on the threads for it; those of the network have others to serve.
    async fn on_cpu<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> std::result::Result<T, PgWireError> {
        self.cpu.spawn(work).await.map_err(|_| unanswered("panicked"))?.map_err(|error| unplanned(&error))
    }

    /// Builds the catalog of what a principal sees.
    pub(crate) async fn catalog(
        &self,
        principal: Principal,
        visible: Vec<VisibleRelation>,
        versions: (String, Option<u64>),
    ) -> std::result::Result<Catalog, PgWireError> {
        let shared = self.load().await?;
        let state = self.on_cpu(async move { shared.of_principal(&principal, &visible).await }).await?;
        Ok(Catalog { state, versions })
    }

    /// Plans a statement: its columns and the types of its placeholders.
    pub(crate) async fn describe(
        &self,
        catalog: &Catalog,
        sql: &str,
    ) -> std::result::Result<(SchemaRef, Vec<DataType>), PgWireError> {
        let (statement, state) = (self.parse(sql).await?, catalog.state.clone());
        self.on_cpu(async move {
            let plan = state.statement_to_plan(statement).await?;
            let types = types_of(&plan)?;
            let nulls = types.iter().map(ScalarValue::try_new_null).collect::<Result<Vec<_>>>()?;
            let plan = state.optimize(&bound(plan, nulls)?)?;
            Ok((Arc::clone(plan.schema().inner()), types))
        })
        .await
    }

    /// Answers a statement.
    pub(crate) async fn answer(
        &self,
        catalog: &Catalog,
        sql: &str,
        values: Vec<ScalarValue>,
    ) -> std::result::Result<Found, PgWireError> {
        let _place = self.places.acquire().await.map_err(|_| unanswered("closed"))?;
        let (statement, state) = (self.parse(sql).await?, catalog.state.clone());
        let running = self.on_cpu(async move {
            let plan = state.statement_to_plan(statement).await?;
            let plan = state.optimize(&bound(plan, values)?)?;
            let physical = state.query_planner().create_physical_plan(&plan, &state).await?;
            let schema = physical.schema();
            let mut stream = execute_stream(physical, state.task_ctx())?;
            let (mut batches, mut n_rows) = (Vec::new(), 0);
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                n_rows += batch.num_rows();
                if n_rows > ROWS_MAX {
                    return Err(DataFusionError::ResourcesExhausted(format!("more than {ROWS_MAX} rows")));
                }
                batches.push(batch);
            }
            Ok(Found { schema, batches })
        });
        tokio::time::timeout(TIME_MAX, running).await.unwrap_or_else(|_| {
            Err(error("57014", "目录查询超时".to_owned(), "the query of the catalog took too long".to_owned()))
        })
    }

    async fn parse(&self, sql: &str) -> std::result::Result<Statement, PgWireError> {
        let statements = self.load().await?.parser.parse(sql).map_err(|cause| {
            error("42601", format!("语句无法解析:{cause}"), format!("the statement cannot be parsed: {cause}"))
        })?;
        match <[SqlStatement; 1]>::try_from(statements) {
            Ok([mut statement @ SqlStatement::Query(_)]) => {
                let _visited = statement.visit(&mut Unplannable);
                Ok(Statement::Statement(Box::new(statement)))
            }
            _ => Err(unanswered("not a query")),
        }
    }
}

impl Shared {
    fn load() -> Result<Self> {
        let runtime =
            RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(MEMORY_BYTES))).build_arc()?;
        let config = SessionConfig::new()
            .with_default_catalog_and_schema(DATABASE, "public")
            .with_create_default_catalog_and_schema(true)
            .with_information_schema(true)
            .with_target_partitions(1);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
            .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
            .with_window_functions(SessionStateDefaults::default_window_functions())
            .with_table_function_list(SessionStateDefaults::default_table_functions())
            .build();
        let context = SessionContext::new_with_state(state);
        setup_pg_catalog(&context, DATABASE, EmptyContextProvider).map_err(|error| *error)?;
        for function in functions::of_server() {
            context.register_udf(function);
        }
        Ok(Self {
            state: context.state(),
            tables: Arc::new(PgCatalogStaticTables::try_new()?),
            parser: PostgresCompatibilityParser::new(),
        })
    }

    async fn of_principal(&self, principal: &Principal, visible: &[VisibleRelation]) -> Result<SessionState> {
        // The tables of `pg_catalog` list their own schema through a second catalog, so that none refers to itself.
        let listed = Arc::new(MemoryCatalogProvider::new());
        let shown = Arc::new(MemoryCatalogProvider::new());
        for (name, schema) in user_schemas(visible)? {
            listed.register_schema(&name, Arc::clone(&schema))?;
            shown.register_schema(&name, schema)?;
        }
        let nothing: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let system = PgCatalog::new(nothing, Arc::clone(&self.tables), &principal.subject)?;
        listed.register_schema("pg_catalog", Arc::new(system))?;
        let pg_catalog = PgCatalog::new(list_of(listed), Arc::clone(&self.tables), &principal.subject)?;
        let pg_catalog = Arc::new(pg_catalog);
        shown.register_schema("pg_catalog", Arc::clone(&pg_catalog) as Arc<_>)?;
        let builder = SessionStateBuilder::new_from_existing(self.state.clone());
        let state = builder.with_catalog_list(list_of(shown)).build();
        let comments = Arc::new(descriptions(&state, visible).await?);
        pg_catalog.describe(&comments)?;
        let context = SessionContext::new_with_state(state);
        for function in functions::of_principal(principal, &comments) {
            context.register_udf(function);
        }
        Ok(context.state())
    }
}

fn list_of(catalog: Arc<MemoryCatalogProvider>) -> Arc<dyn CatalogProviderList> {
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(DATABASE.to_owned(), catalog);
    Arc::new(list)
}

/// Types of `$1`, `$2`, …; texts where nothing tells.
fn types_of(plan: &LogicalPlan) -> Result<Vec<DataType>> {
    let types = plan.get_parameter_types()?;
    let numbers = types.keys().filter_map(|name| name.strip_prefix('$')?.parse::<u16>().ok());
    let n_types = numbers.max().unwrap_or(0);
    Ok((1..=n_types).map(|n| types.get(&format!("${n}")).cloned().flatten().unwrap_or(DataType::Utf8)).collect())
}

fn bound(plan: LogicalPlan, values: Vec<ScalarValue>) -> Result<LogicalPlan> {
    if values.is_empty() { Ok(plan) } else { plan.with_param_values(ParamValues::from(values)) }
}

/// There is nothing in a catalog that its reader may not know: the engine's words can be told.
fn unplanned(cause: &DataFusionError) -> PgWireError {
    let cause = cause.strip_backtrace();
    error("0A000", format!("目录查询不受支持:{cause}"), format!("this query of the catalog is not supported: {cause}"))
}

fn unanswered(reason: &str) -> PgWireError {
    error("XX000", "目录查询失败".to_owned(), format!("the catalog cannot answer: {reason}"))
}
