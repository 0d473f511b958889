//! For supervisors: alive, ready, metrics. None of it needs a token, none of it tells about data.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::state::{Health, RestState};

/// The process runs.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "alive")))]
pub(crate) async fn live() -> &'static str {
    "ok"
}

/// Queries would be answered: data published, policies in force, audit log writable.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "ready"), (status = 503, description = "not ready, with the reasons"))
)]
pub(crate) async fn ready(State(state): State<RestState>) -> Response {
    let Health { not_ready: mut reasons, warnings } = state.health();
    if state.gateway().data_version().is_none() {
        reasons.push("no data is published yet".to_owned());
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": reasons.is_empty(),
        "reasons": reasons,
        "warnings": warnings,
        "data_version": state.gateway().data_version(),
        "policy_version": state.gateway().policy_version(),
    });
    (status, Json(body)).into_response()
}

/// Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Prometheus text")))]
pub(crate) async fn metrics(State(state): State<RestState>) -> Response {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], state.metrics().encode(&state)).into_response()
}
