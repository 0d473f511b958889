//! The description of this door, generated from the handlers.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::{catalog, health, history, problem, records, reveals, search, sql};

#[derive(OpenApi)]
#[openapi(
    info(title = "Datong 打通", description = "One governed view over departments' data. 跨部门数据统一视图。"),
    paths(
        sql::run,
        search::persons,
        records::person, records::list_persons, records::house, records::list_houses,
        records::event, records::list_events, records::grid, records::list_grids,
        history::versions, history::changes,
        reveals::ask, reveals::list, reveals::look, reveals::end, reveals::approve, reveals::decline,
        catalog::list, catalog::why,
        health::live, health::ready, health::metrics
    ),
    components(schemas(problem::Problem, sql::SqlRequest, search::PersonSearch, reveals::RevealRequest, reveals::RevealEntry, catalog::RelationEntry, catalog::ColumnEntry)),
    modifiers(&BearerToken)
)]
struct Description;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let what =
            "a token of the identity service (JWT), or a personal access token (dtp_…) 身份服务的令牌或个人访问令牌";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what)).build();
        if let Some(components) = openapi.components.as_mut() {
            components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        }
    }
}

/// The OpenAPI 3.1 document as JSON text.
#[must_use]
pub fn openapi_json() -> String {
    Description::openapi().to_json().unwrap_or_default()
}

/// `GET /api/openapi.json`.
pub(crate) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_is_described() {
        let text = super::openapi_json();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        for path in [
            "/api/v1/sql",
            "/api/v1/persons/{id}",
            "/api/v1/persons",
            "/api/v1/persons/search",
            "/api/v1/houses/{id}",
            "/api/v1/events",
            "/api/v1/grids/{id}",
            "/api/v1/reveals",
            "/api/v1/reveals/{id}",
            "/api/v1/reveals/{id}/approve",
            "/api/v1/reveals/{id}/refuse",
            "/api/v1/catalog",
            "/api/v1/why",
            "/livez",
            "/readyz",
            "/metrics",
        ] {
            assert!(paths.iter().any(|p| *p == path), "{path}");
        }
    }
}
