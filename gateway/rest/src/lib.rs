//! The REST door: decode a request, call [`query::Gateway`], encode what it released.
//!
//! This crate decides nothing about data. It turns a bearer token into a [`policies::Principal`], a request into one
//! statement, the answer into the format the client asked for, and every error into an RFC 9457 problem in Chinese or
//! English. [`router`] is all of it.

mod catalog;
mod client;
mod cursor;
mod encode;
mod format;
mod health;
mod history;
mod metrics;
mod openapi;
mod page;
mod params;
mod problem;
mod records;
mod reveals;
mod search;
mod sql;
mod state;
mod tls;

pub use client::PeerAddress;
pub use metrics::Metrics;
pub use openapi::openapi_json;
pub use problem::{Language, Problem};
pub use state::{Health, Readiness, RestConfig, RestState};
pub use tls::{TlsError, TlsListener, tls_acceptor, tls_config};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

/// All endpoints. Bind it with connect info of [`PeerAddress`], so that the audit log knows the client's address.
pub fn router(state: RestState) -> Router {
    let max_body_bytes = state.config().max_body_bytes;
    Router::new()
        .route("/api/v1/sql", post(sql::run))
        .route("/api/v1/persons", get(records::list_persons))
        .route("/api/v1/persons/search", post(search::persons))
        .route("/api/v1/persons/{id}", get(records::person))
        .route("/api/v1/houses", get(records::list_houses))
        .route("/api/v1/houses/{id}", get(records::house))
        .route("/api/v1/events", get(records::list_events))
        .route("/api/v1/events/{id}", get(records::event))
        .route("/api/v1/grids", get(records::list_grids))
        .route("/api/v1/grids/{id}", get(records::grid))
        .route("/api/v1/reveals", get(reveals::list).post(reveals::ask))
        .route("/api/v1/reveals/{id}", get(reveals::look).delete(reveals::end))
        .route("/api/v1/reveals/{id}/approve", post(reveals::approve))
        .route("/api/v1/reveals/{id}/refuse", post(reveals::decline))
        .route("/api/v1/versions", get(history::versions))
        .route("/api/v1/changes", get(history::changes))
        .route("/api/v1/catalog", get(catalog::list))
        .route("/api/v1/why", get(catalog::why))
        .route("/api/openapi.json", get(openapi::serve))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .layer(axum::middleware::from_fn_with_state(state.clone(), metrics::observe))
        .with_state(state)
}

#[cfg(test)]
mod tests;
