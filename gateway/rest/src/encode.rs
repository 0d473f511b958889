//! Released rows to bytes, one format a module. Text formats share one way to write a cell ([`cell`]).

mod cell;
mod columnar;
mod text;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use query::{MaskedColumn, QueryError, ReleasedStream};

use crate::client::Client;
use crate::format::Format;
use crate::problem::Problem;

pub(crate) use cell::row_object;

/// Whether a CSV starts with a byte order mark, which Excel needs to read UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrderMark {
    With,
    Without,
}

/// The answer as a response. The first batch is computed before the status line is sent, so that a query that fails at
/// once answers with a problem; a later failure ends the body early (NDJSON says why in its last line).
pub(crate) async fn respond(
    mut rows: ReleasedStream,
    format: Format,
    byte_order_mark: ByteOrderMark,
    client: &Client,
) -> Response {
    let first = match rows.next().await {
        Some(Err(error)) => return Problem::of_query(&error, client.language).at(&client.request_id).into_response(),
        Some(Ok(batch)) => Some(batch),
        None => None,
    };
    let headers = answer_headers(&rows, format, client);
    let (schema, notice) = (rows.schema(), Notice::of(&rows, client));
    let batches = futures::stream::iter(first.map(Ok)).chain(rows);
    let body = match format {
        Format::Json => body_of(text::json(schema, batches, notice, client.language)),
        Format::Ndjson => body_of(text::ndjson(schema, batches, client.language)),
        Format::Csv => body_of(text::csv(schema, batches, byte_order_mark)),
        Format::ArrowStream => body_of(columnar::arrow_stream(schema, batches)),
        Format::Parquet => match columnar::parquet(schema, batches).await {
            Ok(file) => Body::from(file),
            Err(error) => {
                return Problem::of_query(&error, client.language).at(&client.request_id).into_response();
            }
        },
    };
    (StatusCode::OK, headers, body).into_response()
}

/// What an answer says about itself.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Notice {
    request_id: String,
    data_version: u64,
    policy_version: String,
    masked: Vec<MaskNotice>,
    /// Masked columns that conditions of the statement compare: with what is shown.
    compared_masked: Vec<String>,
}

#[derive(Debug, serde::Serialize)]
struct MaskNotice {
    relation: String,
    column: String,
    mask: String,
    rule: String,
}

impl Notice {
    fn of(rows: &ReleasedStream, client: &Client) -> Self {
        let masked = rows.masked().iter().map(|masked| MaskNotice {
            relation: masked.relation.to_string(),
            column: masked.column.clone(),
            mask: masked.mask.clone(),
            rule: masked.rule.clone(),
        });
        Self {
            request_id: client.request_id.clone(),
            data_version: rows.data_version(),
            policy_version: rows.policy_version().to_owned(),
            masked: masked.collect(),
            compared_masked: rows.compared_masked().to_vec(),
        }
    }
}

fn body_of<S>(chunks: S) -> Body
where
    S: Stream<Item = Result<Bytes, QueryError>> + Send + 'static,
{
    Body::from_stream(chunks)
}

fn answer_headers(rows: &ReleasedStream, format: Format, client: &Client) -> HeaderMap {
    let mut headers = common_headers(client, rows);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers
}

/// Headers of every answer with personal rows.
pub(crate) fn common_headers(client: &Client, rows: &ReleasedStream) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    let texts = [
        ("x-request-id", client.request_id.clone()),
        ("datong-data-version", rows.data_version().to_string()),
        ("datong-policy-version", rows.policy_version().to_owned()),
        ("datong-masked", masked_list(rows.masked())),
        ("datong-compared-masked", rows.compared_masked().join(", ")),
    ];
    for (name, text) in texts {
        if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// A structured field: `unified.person.name;m=surname_only, …`.
fn masked_list(masked: &[MaskedColumn]) -> String {
    masked.iter().map(|m| format!("{}.{};m={}", m.relation, m.column, m.mask)).collect::<Vec<_>>().join(", ")
}
