//! The engine session of one query: allow-listed functions, the principal's catalog, a memory pool of its own, and
//! nothing of the engine's defaults (no file formats, no table factories, no settings view).

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use datafusion::catalog::{CatalogProviderList, MemoryCatalogProviderList};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;

use crate::catalog::PrincipalCatalog;
use crate::functions::AllowedFunctions;
use crate::spill::SealedSpill;
use crate::{GatewayConfig, Limits};

/// The one catalog a session has.
pub(crate) const CATALOG: &str = "datong";

/// Consumers named in a memory error of the engine (which stays in the gateway).
const TRACKED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN;

/// Builds sessions.
#[derive(Debug)]
pub(crate) struct SessionFactory {
    functions: AllowedFunctions,
    runtime: Arc<RuntimeEnv>,
    config: SessionConfig,
    /// Where queries may spill; none if they may not.
    spill_folder: Option<PathBuf>,
    /// Plans what is no statement, such as the scan of one record: it names no table.
    bare: OnceLock<SessionState>,
}

impl SessionFactory {
    /// Prepares what all sessions share: object stores, file metadata cache, configuration.
    pub(crate) fn new(config: &GatewayConfig, functions: AllowedFunctions) -> Result<Self> {
        // The engine's own spill files would hold rows in clear; each query gets sealed ones.
        let no_disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(no_disk).build_arc()?;
        let session = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, "public")
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(false)
            .with_target_partitions(config.cpu_threads.max(1));
        Ok(Self {
            functions,
            runtime,
            config: session,
            spill_folder: config.spill_folder.clone(),
            bare: OnceLock::new(),
        })
    }

    /// The same with an engine that skips nothing in files.
    #[cfg(feature = "probes")]
    pub(crate) fn without_pruning(mut self) -> Self {
        let parquet = &mut self.config.options_mut().execution.parquet;
        parquet.pruning = false;
        parquet.enable_page_index = false;
        parquet.bloom_filter_on_read = false;
        forgo_dynamic_filters(&mut self.config);
        self
    }

    /// The functions of every session.
    pub(crate) fn functions(&self) -> &AllowedFunctions {
        &self.functions
    }

    /// A session without any table, the same for all.
    pub(crate) fn bare(&self) -> &SessionState {
        self.bare.get_or_init(|| {
            let planners = SessionStateDefaults::default_expr_planners();
            let builder = SessionStateBuilder::new().with_config(self.config.clone());
            builder.with_runtime_env(Arc::clone(&self.runtime)).with_expr_planners(planners).build()
        })
    }

    /// A session for one query of one principal.
    pub(crate) fn session(&self, catalog: Arc<PrincipalCatalog>, limits: &Limits) -> Result<SessionState> {
        let pool = TrackConsumersPool::new(FairSpillPool::new(limits.max_query_memory_bytes), TRACKED_CONSUMERS);
        let mut runtime = RuntimeEnvBuilder::from_runtime_env(&self.runtime).with_memory_pool(Arc::new(pool));
        if let Some(folder) = &self.spill_folder {
            let spill = SealedSpill::new(folder, limits.max_query_spill_bytes);
            let disk = DiskManagerBuilder::default().with_temp_file_factory(Arc::new(spill));
            runtime = runtime.with_disk_manager_builder(disk);
        }
        let runtime = runtime.build_arc()?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), catalog);
        let mut state = SessionStateBuilder::new()
            .with_config(self.config.clone())
            .with_runtime_env(runtime)
            .with_catalog_list(Arc::new(catalogs))
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(self.functions.scalar.clone())
            .with_aggregate_functions(self.functions.aggregate.clone())
            .with_window_functions(self.functions.window.clone())
            .build();
        // Fixes the moment that now() and current_date mean.
        state.mark_start_execution();
        Ok(state)
    }
}

/// Joins, top-ks and aggregates make no filters while they run.
pub(crate) fn forgo_dynamic_filters(config: &mut SessionConfig) {
    let optimizer = &mut config.options_mut().optimizer;
    optimizer.enable_join_dynamic_filter_pushdown = false;
    optimizer.enable_topk_dynamic_filter_pushdown = false;
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
}
