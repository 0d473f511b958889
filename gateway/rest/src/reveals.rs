//! `/api/v1/reveals`: one masked field of one record in clear, for a reason and for a short time.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use query::{QueryError, Reveal, RevealState, RevealTarget};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{AskReveal, Client, DecideReveal, With};
use crate::encode::common_headers;
use crate::params::whole_body;
use crate::problem::Problem;
use crate::records::{collect, refuse};
use crate::state::RestState;

/// What these steps are in the access log.
const KIND: &str = "reveal";

/// The field to be shown, and why.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevealRequest {
    /// The relation.
    #[schema(example = "unified.person")]
    relation: String,
    /// The key of the record.
    record: String,
    /// The column.
    #[schema(example = "phone")]
    column: String,
    /// Why, in 4 to 500 characters. Recorded, and shown to whoever has to agree.
    reason: String,
}

/// How a reveal stands.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RevealEntry {
    id: String,
    relation: String,
    record: String,
    column: String,
    /// Who asks.
    subject: String,
    /// In which role.
    role: String,
    reason: String,
    /// `waiting`, `open`, `refused`, `ended`.
    #[schema(example = "open")]
    state: &'static str,
    /// Whole seconds that the state lasts.
    seconds_left: u64,
    /// Roles of which another person has to agree.
    approved_by: Vec<String>,
}

impl From<Reveal> for RevealEntry {
    fn from(reveal: Reveal) -> Self {
        let Reveal { id, target, subject, role, reason, state, seconds_left, rule } = reveal;
        Self {
            id,
            relation: target.relation.to_string(),
            record: target.record,
            column: target.column,
            subject,
            role,
            reason,
            state: state.word(),
            seconds_left,
            approved_by: rule.approved_by.into_iter().collect(),
        }
    }
}

/// Asks for a field. Open at once, or waiting for another person where the policy says so. Look at it under its id.
#[utoipa::path(
    post, path = "/api/v1/reveals", tag = "reveals", request_body = RevealRequest,
    responses(
        (status = 201, description = "open: look at it under its id", body = RevealEntry),
        (status = 202, description = "waiting for another person", body = RevealEntry),
        (status = 400, description = "no reason, or a malformed body", body = Problem),
        (status = 403, description = "the policy does not let the caller reveal this", body = Problem),
        (status = 429, description = "more than the policy allows in an hour", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn ask(
    State(state): State<RestState>,
    With { client, .. }: With<AskReveal>,
    request: Request,
) -> Response {
    let body = match whole_body(request, &state, client.language).await {
        Ok(body) => body,
        Err(refusal) => return refusal.at(&client.request_id).into_response(),
    };
    let Ok(RevealRequest { relation, record, column, reason }) = serde_json::from_slice(&body) else {
        let problem = Problem::bad_request(
            "请求体应为 {\"relation\": \"…\", \"record\": \"…\", \"column\": \"…\", \"reason\": \"…\"}",
            "the body has to be {\"relation\": \"…\", \"record\": \"…\", \"column\": \"…\", \"reason\": \"…\"}",
            client.language,
        );
        return problem.at(&client.request_id).into_response();
    };
    let target = match RevealTarget::new(&relation, record, column) {
        Ok(target) => target,
        Err(error) => return refuse(&state, &client, &error),
    };
    let asked = state.gateway().ask_reveal(client.request(KIND, String::new()), target, &reason).await;
    let status = match &asked {
        Ok(reveal) if reveal.state == RevealState::Waiting => StatusCode::ACCEPTED,
        _ => StatusCode::CREATED,
    };
    told(&state, &client, status, asked)
}

/// The caller's own reveals and those the caller may decide, the newest first. Shows no value.
#[utoipa::path(
    get, path = "/api/v1/reveals", tag = "reveals",
    responses((status = 200, description = "reveals", body = Vec<RevealEntry>)),
    security(("bearer" = []))
)]
pub(crate) async fn list(State(state): State<RestState>, With { client, .. }: With<AskReveal>) -> Response {
    match state.gateway().reveals(&client.request(KIND, String::new())) {
        Ok(reveals) => {
            let items: Vec<RevealEntry> = reveals.into_iter().map(RevealEntry::from).collect();
            unstored((StatusCode::OK, Json(json!({ "items": items }))).into_response())
        }
        Err(error) => refuse(&state, &client, &error),
    }
}

/// Looks at a reveal of one's own: `value` is there while it is open and there is such a record among the caller's rows. Every
/// look is recorded.
#[utoipa::path(
    get, path = "/api/v1/reveals/{id}", tag = "reveals", params(("id" = String, Path, description = "the reveal")),
    responses(
        (status = 200, description = "how it stands; with `value` while it is open", body = RevealEntry),
        (status = 404, description = "no such reveal of the caller's, or no such record among the caller's rows", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn look(
    State(state): State<RestState>,
    With { client, .. }: With<AskReveal>,
    Path(id): Path<String>,
) -> Response {
    let (reveal, rows) = match state.gateway().look(client.request(KIND, String::new()), &id).await {
        Ok(found) => found,
        Err(error) => return refuse(&state, &client, &error),
    };
    let Some(rows) = rows else { return told(&state, &client, StatusCode::OK, Ok(reveal)) };
    let headers = common_headers(&client, &rows);
    let column = reveal.target.column.clone();
    match collect(rows).await.map(|mut found| found.pop()) {
        Ok(Some(mut row)) => {
            let value = row.remove(&column).unwrap_or(Value::Null);
            let mut body = serde_json::to_value(RevealEntry::from(reveal)).unwrap_or_default();
            if let Some(body) = body.as_object_mut() {
                body.insert("value".to_owned(), value);
            }
            (headers, Json(body)).into_response()
        }
        Ok(None) => Problem::no_record(client.language).at(&client.request_id).into_response(),
        Err(error) => refuse(&state, &client, &error),
    }
}

/// Agrees to another person's reveal; its time begins.
#[utoipa::path(
    post, path = "/api/v1/reveals/{id}/approve", tag = "reveals",
    params(("id" = String, Path, description = "the reveal")),
    responses(
        (status = 200, description = "it is open", body = RevealEntry),
        (status = 403, description = "the caller asked for it", body = Problem),
        (status = 404, description = "no reveal that waits for the caller", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn approve(
    State(state): State<RestState>,
    With { client, .. }: With<DecideReveal>,
    Path(id): Path<String>,
) -> Response {
    let decided = state.gateway().decide_reveal(client.request(KIND, String::new()), &id, true).await;
    told(&state, &client, StatusCode::OK, decided)
}

/// Does not agree to another person's reveal.
#[utoipa::path(
    post, path = "/api/v1/reveals/{id}/refuse", tag = "reveals",
    params(("id" = String, Path, description = "the reveal")),
    responses(
        (status = 200, description = "it is refused", body = RevealEntry),
        (status = 403, description = "the caller asked for it", body = Problem),
        (status = 404, description = "no reveal that waits for the caller", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn decline(
    State(state): State<RestState>,
    With { client, .. }: With<DecideReveal>,
    Path(id): Path<String>,
) -> Response {
    let decided = state.gateway().decide_reveal(client.request(KIND, String::new()), &id, false).await;
    told(&state, &client, StatusCode::OK, decided)
}

/// Ends a reveal of one's own before its time.
#[utoipa::path(
    delete, path = "/api/v1/reveals/{id}", tag = "reveals", params(("id" = String, Path, description = "the reveal")),
    responses(
        (status = 200, description = "it has ended", body = RevealEntry),
        (status = 404, description = "no such reveal of the caller's", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn end(
    State(state): State<RestState>,
    With { client, .. }: With<AskReveal>,
    Path(id): Path<String>,
) -> Response {
    let ended = state.gateway().end_reveal(client.request(KIND, String::new()), &id).await;
    told(&state, &client, StatusCode::OK, ended)
}

fn told(state: &RestState, client: &Client, status: StatusCode, reveal: Result<Reveal, QueryError>) -> Response {
    match reveal {
        Ok(reveal) => {
            let mut answer = unstored((status, Json(RevealEntry::from(reveal))).into_response());
            if let Ok(id) = HeaderValue::from_str(&client.request_id) {
                answer.headers_mut().insert("x-request-id", id);
            }
            answer
        }
        Err(error) => refuse(state, client, &error),
    }
}

fn unstored(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    answer
}
