//! `/api/v1/versions` and `/api/v1/changes`: what was published before, and what has changed since.
//!
//! Changes are found by comparing what the caller may see of two versions, row by row: a change of what is hidden from the
//! caller is none.

use std::cmp::Ordering;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use query::{AsOf, QueryError, QueryRequest, ReleasedStream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::client::{Client, ReadData, With};
use crate::encode::{common_headers, row_object};
use crate::page::{Page, PageAsked};
use crate::params::Params;
use crate::problem::Problem;
use crate::records::{KINDS, RecordKind, refuse};
use crate::state::RestState;

/// One version the caller may read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct VersionEntry {
    version: u64,
    /// RFC 3339.
    published_at: String,
    /// When the next one was published; null for the current one.
    replaced_at: Option<String>,
}

/// The versions that the caller may read.
#[utoipa::path(
    get, path = "/api/v1/versions", tag = "history",
    responses(
        (status = 200, description = "the oldest first, the current one last", body = [VersionEntry]),
        (status = 401, description = "no valid token", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn versions(State(state): State<RestState>, With { client, .. }: With<ReadData>) -> Response {
    match state.gateway().versions(&client.principal).await {
        Ok(versions) => {
            let entries: Vec<VersionEntry> = versions
                .into_iter()
                .map(|kept| VersionEntry {
                    version: kept.version,
                    published_at: kept.published_at.to_rfc3339(),
                    replaced_at: kept.replaced_at.map(|at| at.to_rfc3339()),
                })
                .collect();
            Json(json!({ "versions": entries })).into_response()
        }
        Err(error) => refuse(&state, &client, &error),
    }
}

/// Of what, and between which versions.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ChangeOptions {
    /// `persons`, `houses`, `events` or `grids`; persons if left out.
    of: Option<String>,
    /// The earlier version, by its number or by a time (RFC 3339).
    since: Option<String>,
    /// The later version; the current one if left out.
    until: Option<String>,
    /// Only this grid.
    grid_id: Option<String>,
    /// Only this street (9 digits).
    street_code: Option<String>,
    /// Changes of a page, at most `max_page_rows`; 100 if left out.
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// What is different between two versions, as the caller sees them, sorted by id.
#[utoipa::path(
    get, path = "/api/v1/changes", tag = "history", params(ChangeOptions),
    responses(
        (status = 200, description = "a page of changes; `next` is the cursor of the page after it"),
        (status = 400, description = "a parameter that cannot be used", body = Problem),
        (status = 401, description = "no valid token", body = Problem),
        (status = 403, description = "the caller's role may not look back so far", body = Problem),
        (status = 404, description = "no such version", body = Problem),
        (status = 410, description = "the cursor has expired", body = Problem),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn changes(
    State(state): State<RestState>,
    With { client, .. }: With<ReadData>,
    Params(options): Params<ChangeOptions>,
) -> Response {
    match asked(&state, &client, &options) {
        Ok(asked) => match page(&state, &client, asked).await {
            Ok(response) => response,
            Err(error) => refuse(&state, &client, &error),
        },
        Err(problem) => problem.at(&client.request_id).into_response(),
    }
}

struct Asked {
    kind: &'static RecordKind,
    since: AsOf,
    until: Option<AsOf>,
    page: Page,
}

fn asked(state: &RestState, client: &Client, options: &ChangeOptions) -> Result<Asked, Box<Problem>> {
    let wrong = |zh: &str, en: &str| Box::new(Problem::bad_request(zh, en, client.language));
    let of = options.of.as_deref().unwrap_or("persons");
    let kind = KINDS.into_iter().find(|kind| kind.path == of).ok_or_else(|| {
        let known = KINDS.map(|kind| kind.path).join(", ");
        wrong(&format!("of 应为其一:{known}"), &format!("`of` has to be one of {known}"))
    })?;
    let since = client
        .as_of(options.since.as_deref())?
        .ok_or_else(|| wrong("缺少 since:起始版本号或时间", "`since` is missing: a version or a time"))?;
    let until = client.as_of(options.until.as_deref())?;
    let filters = [("grid_id", &options.grid_id), ("street_code", &options.street_code)];
    let filters: Vec<(&str, &str)> =
        filters.into_iter().filter_map(|(column, value)| Some((column, value.as_deref()?))).collect();
    let versions = [options.since.as_deref(), options.until.as_deref()];
    let page = PageAsked {
        kind,
        list: format!("changes of {of} {versions:?} {filters:?}"),
        filters: &filters,
        as_of: until,
        limit: options.limit,
        cursor: options.cursor.as_deref(),
    };
    Ok(Asked { kind, since, until, page: page.checked(state, client)? })
}

async fn page(state: &RestState, client: &Client, asked: Asked) -> Result<Response, QueryError> {
    let Asked { kind, since, until, page: Page { sql, limit, mut place } } = asked;
    let request = |as_of| QueryRequest { as_of, ..client.request("changes", sql.clone()) };
    let old = state.gateway().query(request(Some(since))).await?;
    let new = state.gateway().query(request(until)).await?;
    let headers = common_headers(client, &new);
    let versions = (old.data_version(), new.data_version());
    let (mut old, mut new) = (Rows::new(old, kind.key), Rows::new(new, kind.key));
    let mut items = Vec::new();
    let mut more = false;
    while let Some(change) = next_change(&mut old, &mut new).await? {
        if items.len() == limit {
            more = true;
            break;
        }
        change.id.clone_into(&mut place.after);
        items.push(change);
    }
    let next = if more { state.cursor_key().seal(&place) } else { None };
    let body = json!({ "since": versions.0, "until": versions.1, "items": items, "next": next });
    Ok((headers, Json(body)).into_response())
}

/// A record that is not the same in both versions.
#[derive(Debug, Serialize)]
struct ChangedRecord {
    change: &'static str,
    id: String,
    /// Columns that differ; of a record that is there in both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    /// As it is in the later version; null if it is not there any more.
    record: Option<Map<String, Value>>,
}

/// The next difference of two sorted streams of rows.
async fn next_change(old: &mut Rows, new: &mut Rows) -> Result<Option<ChangedRecord>, QueryError> {
    loop {
        let order = match (old.key().await?, new.key().await?) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => was.cmp(is),
        };
        let was = if order.is_le() { old.take() } else { None };
        let is = if order.is_ge() { new.take() } else { None };
        match (was, is) {
            (Some((id, _)), None) => {
                return Ok(Some(ChangedRecord { change: "removed", id, columns: Vec::new(), record: None }));
            }
            (None, Some((id, row))) => {
                return Ok(Some(ChangedRecord { change: "added", id, columns: Vec::new(), record: Some(row) }));
            }
            (Some((_, before)), Some((id, row))) if before != row => {
                let differs = |name: &&String| before.get(*name) != row.get(*name);
                let gone = before.keys().filter(|name| !row.contains_key(*name));
                let columns = row.keys().filter(differs).chain(gone).cloned().collect();
                return Ok(Some(ChangedRecord { change: "changed", id, columns, record: Some(row) }));
            }
            _ => {}
        }
    }
}

/// Rows of a stream one by one, with their keys.
struct Rows {
    stream: ReleasedStream,
    key: &'static str,
    /// Rows of the batch at hand, the next one last.
    ready: Vec<(String, Map<String, Value>)>,
}

impl Rows {
    fn new(stream: ReleasedStream, key: &'static str) -> Self {
        Self { stream, key, ready: Vec::new() }
    }

    /// The key of the next row.
    async fn key(&mut self) -> Result<Option<&str>, QueryError> {
        while self.ready.is_empty() {
            let Some(batch) = self.stream.next().await else { return Ok(None) };
            let batch = batch?;
            let rows = (0..batch.num_rows()).rev().map(|row| row_object(&batch, row));
            self.ready.extend(rows.map(|row| {
                let key = row.get(self.key).and_then(Value::as_str).unwrap_or_default().to_owned();
                (key, row)
            }));
        }
        Ok(self.ready.last().map(|(key, _)| key.as_str()))
    }

    fn take(&mut self) -> Option<(String, Map<String, Value>)> {
        self.ready.pop()
    }
}
