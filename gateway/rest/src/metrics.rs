//! Counters and durations of this door. Labels name routes, status classes and error codes, never a user or a value.

use std::fmt;
use std::sync::Mutex;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::state::RestState;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// What `/metrics` shows.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    queries: Family<OutcomeLabels, Counter>,
    duration: Histogram,
    data_version: Gauge,
    warnings: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every metric.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("datong");
        let requests = Family::<RequestLabels, Counter>::default();
        let queries = Family::<OutcomeLabels, Counter>::default();
        let duration = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let data_version = Gauge::default();
        let warnings = Gauge::default();
        registry.register("http_requests", "REST requests by route and status", requests.clone());
        registry.register("queries", "queries by outcome: answered, or the code of the refusal", queries.clone());
        registry.register("http_request_duration_seconds", "time to the status line", duration.clone());
        registry.register("data_version", "published version in service", data_version.clone());
        registry.register("warnings", "things that /readyz asks somebody to look at", warnings.clone());
        Self { registry: Mutex::new(registry), requests, queries, duration, data_version, warnings }
    }

    pub(crate) fn query_answered(&self) {
        self.queries.get_or_create(&OutcomeLabels { outcome: "answered" }).inc();
    }

    pub(crate) fn query_refused(&self, code: &'static str) {
        self.queries.get_or_create(&OutcomeLabels { outcome: code }).inc();
    }

    pub(crate) fn encode(&self, state: &RestState) -> String {
        let version = state.gateway().data_version().unwrap_or(0);
        self.data_version.set(i64::try_from(version).unwrap_or(i64::MAX));
        self.warnings.set(i64::try_from(state.health().warnings.len()).unwrap_or(i64::MAX));
        let mut text = String::new();
        if let Ok(registry) = self.registry.lock() {
            // Writing into a String cannot fail.
            let _ = encode(&mut text, &registry);
        }
        text
    }
}

/// Counts and times every request.
pub(crate) async fn observe(State(state): State<RestState>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let started = Instant::now();
    let response = next.run(request).await;
    let metrics = state.metrics();
    metrics.duration.observe(started.elapsed().as_secs_f64());
    metrics.requests.get_or_create(&RequestLabels { route, status: response.status().as_u16() }).inc();
    response
}
