//! What tests and benches ask of a gateway and nobody else: the feature `probes` is asked for by the crate `tests` alone; no
//! configuration, statement or adapter reaches it.

use std::any::Any;
use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use datafusion::physical_plan::{ExecutionPlan, collect};
use policies::PolicySet;

use super::{Gateway, GatewayConfig, QueryRequest, Searcher};
use crate::QueryError;
use crate::functions::AllowedFunctions;
use crate::parameters::Binding;
use crate::policy_scan::PolicyScanExec;
use crate::recorder::Recorder;
use crate::session::SessionFactory;

/// What one statement read from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileReads {
    /// Rows that left the files: after files, row groups and pages were skipped, before any filter.
    pub rows: usize,
    /// Bytes read.
    pub bytes: usize,
}

impl Gateway {
    /// [`Self::start`] with functions that watch what they are called with, so that a test can tell which values the
    /// user's predicates ever meet (PostgreSQL's `f_leak`). They exist for every principal of this gateway.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with_probes(
        config: GatewayConfig,
        policies: PolicySet,
        recorder: Arc<dyn Recorder>,
        probes: Vec<Arc<ScalarUDF>>,
    ) -> Result<Self, QueryError> {
        let functions = AllowedFunctions::load().with_probes(probes);
        let sessions = SessionFactory::new(&config, functions);
        Self::start_with_sessions(config, policies, recorder, sessions)
    }

    /// [`Self::start`] with an engine that reads every row group and page: statistics, page index and bloom filters are off.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_without_pruning(
        config: GatewayConfig,
        policies: PolicySet,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Self, QueryError> {
        let sessions = SessionFactory::new(&config, AllowedFunctions::load());
        Self::start_with_sessions(config, policies, recorder, sessions.map(SessionFactory::without_pruning))
    }

    /// Answers a statement and throws the answer away; nothing is recorded.
    ///
    /// # Errors
    /// Every [`QueryError`].
    pub async fn file_reads(&self, request: &QueryRequest) -> Result<FileReads, QueryError> {
        let data = self.data.load_full().ok_or(QueryError::NoData)?;
        let policies = Arc::clone(&self.access.borrow().policies);
        let searcher = Searcher::new(Arc::clone(&self.search_limiter), &request.principal.subject);
        let planned =
            self.plan((request, Binding::Values(request.parameters.clone())), data, policies, searcher, None).await?;
        let plan = Arc::clone(&planned.plan);
        collect(plan, planned.context).await.map_err(|error| QueryError::from_execution(&error))?;
        let mut reads = FileReads::default();
        add_reads(&planned.plan, &mut reads);
        Ok(reads)
    }
}

fn add_reads(plan: &Arc<dyn ExecutionPlan>, reads: &mut FileReads) {
    let any: &dyn Any = plan.as_ref();
    if let Some(scan) = any.downcast_ref::<PolicyScanExec>() {
        return add_reads(scan.below(), reads);
    }
    let children = plan.children();
    if children.is_empty() {
        let metrics = plan.metrics().unwrap_or_default();
        let sum = |name| metrics.sum_by_name(name).map_or(0, |value| value.as_usize());
        // Rows that a filter inside the reader drops have been read too.
        let dropped = sum("pushdown_rows_pruned");
        reads.rows += dropped + metrics.output_rows().unwrap_or(0);
        reads.bytes += sum("bytes_scanned");
    }
    children.into_iter().for_each(|child| add_reads(child, reads));
}
