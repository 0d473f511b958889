//! The one function every adapter calls.

mod access;
mod describing;
mod execution;
mod past;
#[cfg(feature = "probes")]
mod probes;
mod records;
mod reveals;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;
use policies::{PolicySet, Principal, RevealRule};
use tokio::sync::watch;

use crate::aggregate_gate::{Asker, OverlapGuard, release_groups};
use crate::catalog::{PrincipalCatalog, Viewer};
use crate::epoch::{AccessEpoch, EpochWatch};
use crate::functions::AllowedFunctions;
use crate::masked_predicates::{MaskedUse, masked_use};
use crate::metadata::VisibleRelation;
use crate::parameters::{self, Binding};
use crate::past::{AsOf, Past};
use crate::person_search::{SearchLimiter, Searcher};
use crate::plan_gate::{PlanReads, check_plan};
use crate::recorder::{AccessOutcome, AccessRecord, Recorder};
use crate::released::{ReleasedStream, Running};
use crate::reveal::{RevealDesk, RevealTarget};
use crate::session::{SessionFactory, forgo_dynamic_filters};
use crate::slots::Slots;
use crate::statement::{ParsedQuery, parse_query};
use crate::total::is_total;
use crate::yielding::yield_below_windows;
use crate::{CpuRuntime, Limits, PublishedData, QueryError, TokenKey};

pub use describing::Described;
#[cfg(feature = "probes")]
pub use probes::FileReads;
pub use records::RecordTarget;

/// What a gateway is built from.
#[derive(Debug)]
pub struct GatewayConfig {
    /// Limits of every query.
    pub limits: Limits,
    /// Threads that plan and execute, and partitions of one query.
    pub cpu_threads: usize,
    /// Secret behind keyed tokens.
    pub token_key: TokenKey,
    /// Fixes "today" for age bands and expiries, in days since 1970-01-01; `None` takes the clock's day in UTC+8.
    pub today: Option<i32>,
    /// An existing folder on a local disk for what does not fit into a query's memory, sealed and without names; `None` lets
    /// such queries fail.
    pub spill_folder: Option<PathBuf>,
}

/// One request of one principal.
#[derive(Debug, Clone)]
pub struct QueryRequest {
    /// Who asks, in which role, for what.
    pub principal: Principal,
    /// The statement.
    pub sql: String,
    /// Values of its placeholders `$1`, `$2`, …, in this order.
    pub parameters: Vec<ScalarValue>,
    /// Names the request in logs, answers and the audit log.
    pub request_id: String,
    /// `rest`, `pgwire`, `flightsql`, `console`, `cli`.
    pub protocol: &'static str,
    /// `query`, `record`, `list`.
    pub kind: &'static str,
    /// Network address of the client, if any.
    pub client: Option<String>,
    /// Id of the personal token the request came with, if any; no secret.
    pub token_id: Option<String>,
    /// Which version is to answer; `None`: the one that is published.
    pub as_of: Option<AsOf>,
}

/// Decides, plans, executes and releases.
#[derive(Debug)]
pub struct Gateway {
    data: ArcSwapOption<PublishedData>,
    access: watch::Sender<Arc<AccessEpoch>>,
    sessions: Arc<SessionFactory>,
    cpu: CpuRuntime,
    slots: Slots,
    overlaps: OverlapGuard,
    search_limiter: Arc<SearchLimiter>,
    reveals: RevealDesk,
    recorder: Arc<dyn Recorder>,
    past: OnceLock<Arc<dyn Past>>,
    config: GatewayConfig,
}

/// What a request asks for.
#[derive(Debug)]
enum Asked {
    /// What its statement says.
    Statement,
    /// One field that is revealed, under the rule it was asked for.
    Revealed(RevealTarget, RevealRule),
    /// One record.
    Record(RecordTarget),
}

/// A query that passed both gates and is ready to run.
struct Planned {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    schema: SchemaRef,
    reads: PlanReads,
    masked: MaskedUse,
    /// Types of its placeholders, by number.
    parameters: Vec<DataType>,
}

impl Gateway {
    /// Starts the threads. Nothing is answered until [`Self::publish`].
    ///
    /// # Errors
    /// [`QueryError::Internal`] if threads or the engine's runtime cannot be started.
    pub fn start(config: GatewayConfig, policies: PolicySet, recorder: Arc<dyn Recorder>) -> Result<Self, QueryError> {
        let sessions = SessionFactory::new(&config, AllowedFunctions::load());
        Self::start_with_sessions(config, policies, recorder, sessions)
    }

    fn start_with_sessions(
        config: GatewayConfig,
        policies: PolicySet,
        recorder: Arc<dyn Recorder>,
        sessions: datafusion::error::Result<SessionFactory>,
    ) -> Result<Self, QueryError> {
        let sessions = sessions.map_err(|_| QueryError::internal("session runtime"))?;
        let cpu = CpuRuntime::start(config.cpu_threads).map_err(|_| QueryError::internal("cpu runtime"))?;
        Ok(Self {
            data: ArcSwapOption::empty(),
            access: watch::Sender::new(Arc::new(AccessEpoch {
                policies: Arc::new(policies),
                withdrawn: Arc::default(),
                tokens: Arc::default(),
            })),
            sessions: Arc::new(sessions),
            cpu,
            slots: Slots::new(&config.limits),
            overlaps: OverlapGuard::default(),
            search_limiter: Arc::default(),
            reveals: RevealDesk::default(),
            recorder,
            past: OnceLock::new(),
            config,
        })
    }

    /// Makes a published version the one that new queries read. Running ones finish on theirs.
    pub fn publish(&self, data: PublishedData) {
        self.data.store(Some(Arc::new(data)));
    }

    /// The version new queries read; none before the first publication.
    #[must_use]
    pub fn data_version(&self) -> Option<u64> {
        self.data.load().as_ref().map(|data| data.version)
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The relations and columns the principal may see, with their masks.
    ///
    /// # Errors
    /// [`QueryError::NoData`] before the first publication, [`QueryError::AccessWithdrawn`].
    pub fn visible_relations(&self, principal: &Principal) -> Result<Vec<VisibleRelation>, QueryError> {
        let access = Arc::clone(&self.access.borrow());
        access.admit(principal, None)?;
        let data = self.data.load_full().ok_or(QueryError::NoData)?;
        let catalog = PrincipalCatalog::new(
            &data,
            Viewer { policies: &access.policies, principal, token_key: &self.config.token_key, today: self.today() },
        )?;
        Ok(catalog.visible().to_vec())
    }

    /// Answers one query.
    ///
    /// The stream's first row exists only after the audit record is durable. Limits on rows, bytes and time may end the
    /// stream with an error; dropping the stream stops the query.
    ///
    /// # Errors
    /// Every [`QueryError`]; refusals are recorded too.
    pub async fn query(&self, request: QueryRequest) -> Result<ReleasedStream, QueryError> {
        self.answer(request, Asked::Statement).await
    }

    /// The one way on which rows leave.
    async fn answer(&self, request: QueryRequest, asked: Asked) -> Result<ReleasedStream, QueryError> {
        let started = Instant::now();
        let slot = self.slots.wait(&request.principal.subject, &self.config.limits).await?;
        let current = self.data.load_full().ok_or(QueryError::NoData)?;
        let mut receiver = self.access.subscribe();
        let access = Arc::clone(&receiver.borrow_and_update());
        let policies = &access.policies;
        let searcher = Searcher::new(Arc::clone(&self.search_limiter), &request.principal.subject);
        let found = match access.admit(&request.principal, request.token_id.as_deref()) {
            Ok(()) => self.data_asked(&request, policies, &current).await,
            Err(error) => Err(error),
        };
        let (data, planned) = match found {
            Ok(data) => (Arc::clone(&data), self.plan_asked(&request, asked, &data, policies, &searcher).await),
            Err(error) => (current, Err(error)),
        };
        let kind = if searcher.has_searched() { "search" } else { request.kind };
        let mut record = record_of(request, kind, policies.version(), data.version);
        let planned = match planned {
            Ok(planned) => planned,
            Err(error) => {
                record.denied = Some(error.code());
                return Err(self.record_refusal(record, error, started).await);
            }
        };
        record.columns.clone_from(&planned.reads.columns);
        record.masked.clone_from(&planned.reads.masked);
        let asker = (record.principal.clone(), record.token_id.clone());
        let record = self.recorder.open(record).await.map_err(|_| QueryError::AuditUnavailable)?;
        let (rows, task) = self.execute(planned.plan, planned.context, started, slot);
        let running = Running {
            schema: planned.schema,
            masked: planned.reads.masked,
            masked_use: planned.masked,
            policy_version: policies.version().to_owned(),
            data_version: data.version,
            rows,
            task,
            epoch: EpochWatch::new(receiver, Arc::clone(&access), asker, data, self.today()),
            record,
            started,
        };
        Ok(running.release(&self.config.limits))
    }

    async fn record_refusal(&self, record: AccessRecord, error: QueryError, started: Instant) -> QueryError {
        let code = error.code();
        let outcome = AccessOutcome { rows: 0, bytes: 0, error_code: Some(code), duration: started.elapsed() };
        let recorded = match self.recorder.open(record).await {
            Ok(open) => open.close(outcome).await,
            Err(failure) => Err(failure),
        };
        if recorded.is_ok() { error } else { QueryError::AuditUnavailable }
    }

    fn today(&self) -> i32 {
        self.config.today.unwrap_or_else(today_in_china)
    }

    async fn plan_asked(
        &self,
        request: &QueryRequest,
        asked: Asked,
        data: &Arc<PublishedData>,
        policies: &Arc<PolicySet>,
        searcher: &Searcher,
    ) -> Result<Planned, QueryError> {
        let revealed = match asked {
            Asked::Statement => None,
            Asked::Revealed(target, rule) => Some((target, rule)),
            Asked::Record(target) => match self.plan_record(&target, &request.principal, data, policies).await {
                Some(planned) => return Ok(planned),
                None => None,
            },
        };
        let binding = Binding::Values(request.parameters.clone());
        self.plan((request, binding), Arc::clone(data), Arc::clone(policies), searcher.clone(), revealed).await
    }

    async fn plan(
        &self,
        (request, binding): (&QueryRequest, Binding),
        data: Arc<PublishedData>,
        policies: Arc<PolicySet>,
        searcher: Searcher,
        revealed: Option<(RevealTarget, RevealRule)>,
    ) -> Result<Planned, QueryError> {
        let limits = self.config.limits.clone();
        let allowed = limits.max_planning_time;
        let (token_key, today) = (self.config.token_key.clone(), self.today());
        let (principal, sql) = (request.principal.clone(), request.sql.clone());
        let sessions = Arc::clone(&self.sessions);
        let asker = self.overlaps.asker(&principal.subject, data.version, limits.max_released_groups);
        let planning = self.cpu.spawn(async move {
            let sql = revealed.as_ref().map_or(sql, |(target, _)| target.sql());
            let ParsedQuery { statement, searches } = parse_query(&sql, &binding, &limits)?;
            let viewer = Viewer { policies: &policies, principal: &principal, token_key: &token_key, today };
            let mut catalog = PrincipalCatalog::new(&data, viewer)?;
            catalog.add_searches(&searches, &searcher, &data, viewer)?;
            if let Some((target, asked_under)) = &revealed {
                catalog.add_reveal((target, asked_under), &data, viewer)?;
            }
            plan_query((statement, binding), Arc::new(catalog), &sessions, &limits, &asker).await
        });
        match tokio::time::timeout(allowed, planning).await {
            Ok(Ok(planned)) => planned,
            Ok(Err(_)) => {
                // An assertion of the engine about its own plan. Planning reads no row: the statement alone is to blame.
                tracing::error!(kind = "planning panicked", "query failed inside the engine");
                Err(QueryError::no_valid_plan())
            }
            Err(_) => Err(QueryError::LimitReached {
                limit: "max_planning_time",
                allowed: format!("{} ms", allowed.as_millis()),
            }),
        }
    }
}

/// A request as it is recorded, before anything of its answer is known.
fn record_of(request: QueryRequest, kind: &'static str, policy_version: &str, data_version: u64) -> AccessRecord {
    AccessRecord {
        sql: parameters::recorded(request.sql, &request.parameters),
        request_id: request.request_id,
        protocol: request.protocol,
        kind,
        client: request.client,
        principal: request.principal,
        token_id: request.token_id,
        columns: Vec::new(),
        masked: Vec::new(),
        policy_version: policy_version.to_owned(),
        data_version,
        denied: None,
    }
}

async fn plan_query(
    (statement, binding): (Statement, Binding),
    catalog: Arc<PrincipalCatalog>,
    sessions: &SessionFactory,
    limits: &Limits,
    asker: &Asker,
) -> Result<Planned, QueryError> {
    let mut state = sessions.session(catalog, limits).map_err(|_| QueryError::internal("session"))?;
    let as_planning = |error: datafusion::error::DataFusionError| QueryError::from_planning(&error);
    let logical = state.statement_to_plan(statement).await.map_err(as_planning)?;
    let (logical, parameters) = binding.bind(logical)?;
    check_plan(&logical, sessions.functions(), limits)?;
    let logical = release_groups(logical, &state, sessions.functions(), limits, asker)?;
    let optimized = state.optimize(&logical).map_err(as_planning)?;
    let reads = check_plan(&optimized, sessions.functions(), limits)?;
    let masked = masked_use(&optimized);
    if !is_total(&optimized).map_err(as_planning)? {
        forgo_dynamic_filters(state.config_mut());
    }
    let plan = state.query_planner().create_physical_plan(&optimized, &state).await.map_err(as_planning)?;
    let plan = yield_below_windows(plan).map_err(as_planning)?;
    let schema = plan.schema();
    Ok(Planned { plan, context: state.task_ctx(), schema, reads, masked, parameters })
}

/// Days since 1970-01-01 where the gateway serves: UTC+8.
#[must_use]
pub fn today_in_china() -> i32 {
    let seconds = chrono::Utc::now().timestamp() + 8 * 3_600;
    i32::try_from(seconds.div_euclid(86_400)).unwrap_or(i32::MAX)
}
