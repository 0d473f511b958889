//! `POST /api/v1/sql`.

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use query::QueryRequest;
use serde::Deserialize;

use crate::client::{RunSql, With};
use crate::encode::{ByteOrderMark, respond};
use crate::format::Format;
use crate::params::{Params, whole_body};
use crate::problem::{Language, Problem};
use crate::state::RestState;

/// The body of a SQL request, as JSON. As an alternative the statement itself, as `text/plain` or `application/sql`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlRequest {
    /// One query.
    #[schema(example = "SELECT name, id_no FROM unified.person LIMIT 3")]
    sql: String,
}

/// How the answer is written.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SqlOptions {
    /// `json`, `ndjson`, `csv`, `arrow` or `parquet`; wins over `Accept`.
    format: Option<String>,
    /// `1`: a CSV starts with a byte order mark, for Excel.
    bom: Option<u8>,
    /// An earlier version, by its number or by a time (RFC 3339); the current one if left out.
    as_of: Option<String>,
}

/// Runs one query and streams its rows.
#[utoipa::path(
    post, path = "/api/v1/sql", tag = "sql", params(SqlOptions), request_body = SqlRequest,
    responses(
        (status = 200, description = "the rows, in the negotiated format"),
        (status = 400, description = "the statement is wrong", body = Problem),
        (status = 401, description = "no valid token", body = Problem),
        (status = 403, description = "not allowed", body = Problem),
        (status = 404, description = "a name that does not exist for this caller", body = Problem),
        (status = 406, description = "no acceptable format", body = Problem),
        (status = 413, description = "body too large", body = Problem),
        (status = 422, description = "a limit was reached", body = Problem),
        (status = 503, description = "try again later", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn run(
    State(state): State<RestState>,
    With { client, .. }: With<RunSql>,
    Params(options): Params<SqlOptions>,
    request: Request,
) -> Response {
    let problem = |problem: Problem| problem.at(&client.request_id).into_response();
    let Some(format) = Format::negotiate(request.headers(), options.format.as_deref()) else {
        return problem(Problem::not_acceptable(client.language));
    };
    let byte_order_mark = if options.bom == Some(1) { ByteOrderMark::With } else { ByteOrderMark::Without };
    let sql = match statement(request, &state, client.language).await {
        Ok(sql) => sql,
        Err(refusal) => return problem(refusal),
    };
    let as_of = match client.as_of(options.as_of.as_deref()) {
        Ok(as_of) => as_of,
        Err(refusal) => return problem(*refusal),
    };
    match state.gateway().query(QueryRequest { as_of, ..client.request("query", sql) }).await {
        Ok(rows) => {
            state.metrics().query_answered();
            respond(rows, format, byte_order_mark, &client).await
        }
        Err(error) => {
            state.metrics().query_refused(error.code());
            problem(Problem::of_query(&error, client.language))
        }
    }
}

async fn statement(request: Request, state: &RestState, language: Language) -> Result<String, Problem> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or("application/json")
        .trim()
        .to_ascii_lowercase();
    let body = whole_body(request, state, language).await?;
    match content_type.as_str() {
        "application/json" => serde_json::from_slice::<SqlRequest>(&body).map(|request| request.sql).map_err(|_| {
            Problem::bad_request("请求体应为 {\"sql\": \"…\"}", "the body has to be {\"sql\": \"…\"}", language)
        }),
        "text/plain" | "application/sql" => String::from_utf8(body.to_vec())
            .map_err(|_| Problem::bad_request("语句不是 UTF-8 文本", "the statement is not UTF-8 text", language)),
        _ => Err(Problem::bad_request(
            "Content-Type 应为 application/json、text/plain 或 application/sql",
            "Content-Type has to be application/json, text/plain or application/sql",
            language,
        )),
    }
}
