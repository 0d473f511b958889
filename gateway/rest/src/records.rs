//! Unified records one by one and page by page. A page is a statement of the caller's, run like any other; so is a record,
//! as far as anybody can tell.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use query::{QueryRequest, RecordTarget, ReleasedStream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::client::{Client, ReadData, With};
use crate::cursor::Cursor;
use crate::encode::{common_headers, row_object};
use crate::page::{Page, PageAsked};
use crate::params::Params;
use crate::problem::Problem;
use crate::state::RestState;

/// A kind of record: its relation, its key, and the columns a list may be narrowed by.
pub(crate) struct RecordKind {
    pub(crate) path: &'static str,
    pub(crate) relation: &'static str,
    pub(crate) key: &'static str,
    pub(crate) filters: &'static [&'static str],
}

const PERSONS: RecordKind = RecordKind {
    path: "persons",
    relation: "unified.person",
    key: "person_id",
    filters: &["grid_id", "street_code", "house_id", "household_id"],
};
const HOUSES: RecordKind = RecordKind {
    path: "houses",
    relation: "unified.house",
    key: "house_id",
    filters: &["grid_id", "street_code", "building_id"],
};
const EVENTS: RecordKind = RecordKind {
    path: "events",
    relation: "unified.event",
    key: "event_id",
    filters: &["grid_id", "street_code", "house_id", "stage", "source_dataset"],
};
const GRIDS: RecordKind =
    RecordKind { path: "grids", relation: "unified.grid", key: "grid_id", filters: &["street_code", "community_code"] };

/// Every kind of record.
pub(crate) const KINDS: [&RecordKind; 4] = [&PERSONS, &HOUSES, &EVENTS, &GRIDS];

/// Which version of a record.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RecordOptions {
    /// An earlier version, by its number or by a time (RFC 3339); the current one if left out.
    as_of: Option<String>,
}

/// Which page of a list, narrowed by what.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListOptions {
    /// Rows of a page, at most `max_page_rows`; 100 if left out.
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// An earlier version, by its number or by a time (RFC 3339); the current one if left out.
    as_of: Option<String>,
    /// Only this grid.
    grid_id: Option<String>,
    /// Only this street (9 digits).
    street_code: Option<String>,
    /// Only this house.
    house_id: Option<String>,
    /// Only this household (persons).
    household_id: Option<String>,
    /// Only this building (houses).
    building_id: Option<String>,
    /// Only this community (grids).
    community_code: Option<String>,
    /// Only this stage (events).
    stage: Option<String>,
    /// Only this source dataset (events).
    source_dataset: Option<String>,
}

impl ListOptions {
    /// The filters given, as `(column, value)`.
    fn filters(&self) -> Vec<(&'static str, &str)> {
        [
            ("grid_id", &self.grid_id),
            ("street_code", &self.street_code),
            ("house_id", &self.house_id),
            ("household_id", &self.household_id),
            ("building_id", &self.building_id),
            ("community_code", &self.community_code),
            ("stage", &self.stage),
            ("source_dataset", &self.source_dataset),
        ]
        .into_iter()
        .filter_map(|(column, value)| Some((column, value.as_deref()?)))
        .collect()
    }
}

macro_rules! record_endpoints {
    ($one:ident, $list:ident, $kind:ident, $path_one:literal, $path_list:literal, $tag:literal) => {
        /// One record by its id.
        #[utoipa::path(
                            get, path = $path_one, tag = $tag,
                            params(("id" = String, Path, description = "the record's id"), RecordOptions),
                            responses(
                                (status = 200, description = "the record as the caller may see it"),
                                (status = 401, description = "no valid token", body = Problem),
                                (status = 404, description = "no such record, or not visible", body = Problem),
                            ),
                            security(("bearer" = []))
                        )]
        pub(crate) async fn $one(
            State(state): State<RestState>,
            With { client, .. }: With<ReadData>,
            Path(id): Path<String>,
            Params(options): Params<RecordOptions>,
        ) -> Response {
            one_record(&state, &client, &$kind, &id, &options).await
        }

        /// A page of records, sorted by id.
        #[utoipa::path(
                            get, path = $path_list, tag = $tag, params(ListOptions),
                            responses(
                                (status = 200, description = "a page; `next` is the cursor of the page after it"),
                                (status = 400, description = "a filter this list does not have", body = Problem),
                                (status = 401, description = "no valid token", body = Problem),
                                (status = 410, description = "the cursor has expired", body = Problem),
                            ),
                            security(("bearer" = []))
                        )]
        pub(crate) async fn $list(
            State(state): State<RestState>,
            With { client, .. }: With<ReadData>,
            Params(options): Params<ListOptions>,
        ) -> Response {
            page(&state, &client, &$kind, &options).await
        }
    };
}

record_endpoints!(person, list_persons, PERSONS, "/api/v1/persons/{id}", "/api/v1/persons", "records");
record_endpoints!(house, list_houses, HOUSES, "/api/v1/houses/{id}", "/api/v1/houses", "records");
record_endpoints!(event, list_events, EVENTS, "/api/v1/events/{id}", "/api/v1/events", "records");
record_endpoints!(grid, list_grids, GRIDS, "/api/v1/grids/{id}", "/api/v1/grids", "records");

async fn one_record(
    state: &RestState,
    client: &Client,
    kind: &RecordKind,
    id: &str,
    options: &RecordOptions,
) -> Response {
    let as_of = match client.as_of(options.as_of.as_deref()) {
        Ok(as_of) => as_of,
        Err(refusal) => return refusal.at(&client.request_id).into_response(),
    };
    let request = QueryRequest { as_of, ..client.request("record", String::new()) };
    let rows = match RecordTarget::new(kind.relation, kind.key, id) {
        Ok(target) => state.gateway().record(request, target).await,
        Err(error) => Err(error),
    };
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => return refuse(state, client, &error),
    };
    let headers = common_headers(client, &rows);
    match collect(rows).await {
        Ok(found) => match found.as_slice() {
            [only] => (headers, Json(Value::Object(only.clone()))).into_response(),
            _ => Problem::no_record(client.language).at(&client.request_id).into_response(),
        },
        Err(error) => refuse(state, client, &error),
    }
}

async fn page(state: &RestState, client: &Client, kind: &RecordKind, options: &ListOptions) -> Response {
    let refusal = |problem: Box<Problem>| problem.at(&client.request_id).into_response();
    let as_of = match client.as_of(options.as_of.as_deref()) {
        Ok(as_of) => as_of,
        Err(problem) => return refusal(problem),
    };
    let filters = options.filters();
    let mut named = filters.clone();
    named.extend(options.as_of.as_deref().map(|as_of| ("as_of", as_of)));
    let asked = PageAsked {
        kind,
        list: format!("{} {named:?}", kind.path),
        filters: &filters,
        as_of,
        limit: options.limit,
        cursor: options.cursor.as_deref(),
    };
    let Page { sql, limit, place } = match asked.checked(state, client) {
        Ok(page) => page,
        Err(problem) => return refusal(problem),
    };
    // One row more tells whether there is a next page.
    let sql = format!("{sql} LIMIT {}", limit + 1);
    let rows = match state.gateway().query(QueryRequest { as_of, ..client.request("list", sql) }).await {
        Ok(rows) => rows,
        Err(error) => return refuse(state, client, &error),
    };
    let mut headers = common_headers(client, &rows);
    let mut items = match collect(rows).await {
        Ok(items) => items,
        Err(error) => return refuse(state, client, &error),
    };
    let next = if items.len() > limit { next_cursor(state, kind, place, &mut items, limit) } else { None };
    if let Some(next) = &next {
        let link = format!("</api/v1/{}?{}>; rel=\"next\"", kind.path, next_query(&named, limit, next));
        if let Ok(link) = HeaderValue::from_str(&link) {
            headers.insert(header::LINK, link);
        }
    }
    (headers, Json(json!({ "items": items, "next": next }))).into_response()
}

/// The query part of the next page's address: the same filters, percent-encoded.
pub(crate) fn next_query(filters: &[(&str, &str)], limit: usize, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (column, value) in filters {
        query.append_pair(column, value);
    }
    query.append_pair("limit", &limit.to_string()).append_pair("cursor", cursor);
    query.finish()
}

/// Keeps `limit` rows and says where the next page starts.
fn next_cursor(
    state: &RestState,
    kind: &RecordKind,
    mut place: Cursor,
    items: &mut Vec<Map<String, Value>>,
    limit: usize,
) -> Option<String> {
    items.truncate(limit);
    let last = items.last()?.get(kind.key)?.as_str()?;
    last.clone_into(&mut place.after);
    state.cursor_key().seal(&place)
}

/// All rows as JSON objects.
pub(crate) async fn collect(mut rows: ReleasedStream) -> Result<Vec<Map<String, Value>>, query::QueryError> {
    let mut objects = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        objects.extend((0..batch.num_rows()).map(|row| row_object(&batch, row)));
    }
    Ok(objects)
}

/// The problem of a query that was not answered, counted.
pub(crate) fn refuse(state: &RestState, client: &Client, error: &query::QueryError) -> Response {
    state.metrics().query_refused(error.code());
    Problem::of_query(error, client.language).at(&client.request_id).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filters() {
        assert_eq!(next_query(&[("stage", "a&b 户")], 7, "c-1"), "stage=a%26b+%E6%88%B7&limit=7&cursor=c-1");
    }
}
