//! `POST /api/v1/persons/search`: one person by full values, which need not be visible.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::client::{ReadData, With};
use crate::encode::common_headers;
use crate::page::literal;
use crate::params::whole_body;
use crate::problem::Problem;
use crate::records::{collect, refuse};
use crate::state::RestState;

/// More than one person may have a name and a birth date; more than so many have none in common.
const PERSONS_MAX: usize = 20;

/// Whom to look for: `id_no`, or `name` and `birth_date`. Full values only.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonSearch {
    /// A full ID number of 18 characters.
    #[schema(example = "11010519491231002X")]
    id_no: Option<String>,
    /// A full name.
    name: Option<String>,
    /// A birth date, YYYY-MM-DD.
    #[schema(example = "1949-12-31")]
    birth_date: Option<String>,
}

/// Finds one person. Every try is recorded and counts, a miss like a hit; an empty list is a miss.
#[utoipa::path(
    post, path = "/api/v1/persons/search", tag = "records", request_body = PersonSearch,
    responses(
        (status = 200, description = "the persons found, as the caller may see them; none is an empty list"),
        (status = 400, description = "no full values", body = Problem),
        (status = 401, description = "no valid token", body = Problem),
        (status = 403, description = "the policy does not let the caller find anybody by this", body = Problem),
        (status = 429, description = "more tries than the policy allows in an hour", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn persons(
    State(state): State<RestState>,
    With { client, .. }: With<ReadData>,
    request: Request,
) -> Response {
    let problem = |problem: Problem| problem.at(&client.request_id).into_response();
    let body = match whole_body(request, &state, client.language).await {
        Ok(body) => body,
        Err(refusal) => return problem(refusal),
    };
    let arguments = match serde_json::from_slice::<PersonSearch>(&body) {
        Ok(PersonSearch { id_no: Some(id), name: None, birth_date: None }) => vec![id],
        Ok(PersonSearch { id_no: None, name: Some(name), birth_date: Some(date) }) => vec![name, date],
        _ => {
            return problem(Problem::bad_request(
                "请求体应为 {\"id_no\": \"…\"} 或 {\"name\": \"…\", \"birth_date\": \"…\"}",
                "the body has to be {\"id_no\": \"…\"} or {\"name\": \"…\", \"birth_date\": \"…\"}",
                client.language,
            ));
        }
    };
    let arguments = arguments.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT * FROM catalog.find_person({arguments}) LIMIT {PERSONS_MAX}");
    let rows = match state.gateway().query(client.request("search", sql)).await {
        Ok(rows) => rows,
        Err(error) => return refuse(&state, &client, &error),
    };
    let headers = common_headers(&client, &rows);
    match collect(rows).await {
        Ok(items) => {
            state.metrics().query_answered();
            (headers, Json(json!({ "items": items }))).into_response()
        }
        Err(error) => refuse(&state, &client, &error),
    }
}
