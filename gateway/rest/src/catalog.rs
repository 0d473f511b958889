//! What may I see, and why is this masked?

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use policies::AggregateRule;
use query::{VisibleColumn, VisibleRelation};
use serde::{Deserialize, Serialize};

use crate::client::{ReadData, With};
use crate::params::Params;
use crate::problem::Problem;
use crate::state::RestState;

/// One relation of the caller's catalog.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RelationEntry {
    /// Name in SQL.
    name: String,
    /// Chinese title.
    title_zh: String,
    /// English title.
    title_en: String,
    /// Whether only some rows are shown.
    rows_filtered: bool,
    /// How the relation may be counted; null if its rows may be read.
    aggregate: Option<AggregateEntry>,
    /// Visible columns.
    columns: Vec<ColumnEntry>,
}

/// What may be counted and summed of a relation whose rows may not be read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AggregateEntry {
    /// Column whose distinct values are the persons.
    persons: String,
    /// Fewest persons of a group.
    k: u32,
    /// Columns to group by and to compare with constants.
    keys: Vec<String>,
    /// Columns to sum and average.
    measures: Vec<String>,
    /// Most that one person may make up of a sum, in percent.
    dominance_percent: u32,
}

/// One column of the caller's catalog.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ColumnEntry {
    /// Name in SQL.
    name: String,
    /// Type as released.
    data_type: String,
    /// Chinese title.
    title_zh: String,
    /// English title.
    title_en: String,
    /// The mask, with that of children's rows (`clear_under_14_surname_only`); null if shown in clear in every row, `denied` if the
    /// column was taken away.
    mask: Option<String>,
    /// The rule that decided.
    rule: String,
    /// The rule in words, Chinese.
    reason_zh: String,
    /// The rule in words, English.
    reason_en: String,
}

impl From<VisibleRelation> for RelationEntry {
    fn from(relation: VisibleRelation) -> Self {
        Self {
            name: relation.name.to_string(),
            title_zh: relation.zh,
            title_en: relation.en,
            rows_filtered: relation.rows_filtered,
            aggregate: relation.aggregate.as_deref().map(AggregateEntry::from),
            columns: relation.columns.into_iter().map(ColumnEntry::from).collect(),
        }
    }
}

impl From<&AggregateRule> for AggregateEntry {
    fn from(rule: &AggregateRule) -> Self {
        Self {
            persons: rule.persons.clone(),
            k: rule.k,
            keys: rule.keys.iter().cloned().collect(),
            measures: rule.measures.iter().cloned().collect(),
            dominance_percent: rule.dominance_percent,
        }
    }
}

impl From<VisibleColumn> for ColumnEntry {
    fn from(column: VisibleColumn) -> Self {
        Self {
            name: column.name,
            data_type: column.data_type.to_string(),
            title_zh: column.zh,
            title_en: column.en,
            mask: column.mask,
            rule: column.rule,
            reason_zh: column.reason_zh,
            reason_en: column.reason_en,
        }
    }
}

/// Every relation and column the caller may see.
#[utoipa::path(
    get, path = "/api/v1/catalog", tag = "catalog",
    responses((status = 200, body = Vec<RelationEntry>), (status = 401, body = Problem)),
    security(("bearer" = []))
)]
pub(crate) async fn list(State(state): State<RestState>, With { client, .. }: With<ReadData>) -> Response {
    match state.gateway().visible_relations(&client.principal) {
        Ok(relations) => Json(relations.into_iter().map(RelationEntry::from).collect::<Vec<_>>()).into_response(),
        Err(error) => Problem::of_query(&error, client.language).at(&client.request_id).into_response(),
    }
}

/// Which column is asked about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhyOptions {
    /// Relation, such as `unified.person`.
    table: String,
    /// Column; all columns if left out.
    column: Option<String>,
}

/// Why a column looks as it does for this caller, or why it was taken away. A column that no rule shows answers like one that
/// does not exist.
#[utoipa::path(
    get, path = "/api/v1/why", tag = "catalog", params(WhyOptions),
    responses((status = 200, body = Vec<ColumnEntry>), (status = 401, body = Problem), (status = 404, body = Problem)),
    security(("bearer" = []))
)]
pub(crate) async fn why(
    State(state): State<RestState>,
    With { client, .. }: With<ReadData>,
    Params(options): Params<WhyOptions>,
) -> Response {
    let relations = match state.gateway().visible_relations(&client.principal) {
        Ok(relations) => relations,
        Err(error) => return Problem::of_query(&error, client.language).at(&client.request_id).into_response(),
    };
    let columns: Vec<ColumnEntry> = relations
        .into_iter()
        .filter(|relation| relation.name.to_string() == options.table)
        .flat_map(|relation| relation.columns.into_iter().chain(relation.denied))
        .filter(|column| options.column.as_ref().is_none_or(|asked| asked == &column.name))
        .map(ColumnEntry::from)
        .collect();
    if columns.is_empty() {
        Problem::no_record(client.language).at(&client.request_id).into_response()
    } else {
        Json(columns).into_response()
    }
}
