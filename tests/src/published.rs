//! What a folder has published, for gateways of a test's own.

use lake::Lake;
use policies::Principal;
use query::{GatewayConfig, Limits, PublishedData, PublishedTable, QueryRequest, TokenKey};
use schemas::{Registry, RelationName};

use crate::datong::DIVISION;

/// The relations of these names, as published last.
///
/// # Panics
/// If there are none.
pub async fn published(lake: &Lake, names: &[&str]) -> PublishedData {
    let published = lake.published().await.expect("a pointer").expect("a published version");
    let snapshot = lake.snapshot(&published);
    let registry = Registry::shipped().expect("declarations").admit_division(DIVISION);
    let mut data = PublishedData { version: published.version, ..PublishedData::default() };
    for name in names {
        let name = RelationName::try_from(*name).expect("a name");
        let provider = snapshot.provider(&name).await.expect("a table");
        let relation = registry.relation(&name).expect("a declaration");
        data.tables.insert(name, PublishedTable { relation, provider });
    }
    data
}

/// A gateway of as many threads as there are cores, with no limit on what an answer holds.
#[must_use]
pub fn boundless() -> GatewayConfig {
    GatewayConfig {
        limits: Limits { max_rows: u64::MAX, max_result_bytes: u64::MAX, ..Limits::default() },
        cpu_threads: std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get),
        token_key: TokenKey::new([7; 32]),
        today: None,
        spill_folder: None,
    }
}

/// A statement, asked inside the process.
#[must_use]
pub fn request(principal: &Principal, sql: &str) -> QueryRequest {
    QueryRequest {
        principal: principal.clone(),
        sql: sql.to_owned(),
        request_id: "test-1".to_owned(),
        protocol: "cli",
        kind: "query",
        client: None,
        token_id: None,
        parameters: Vec::new(),
        as_of: None,
    }
}

/// Somebody of this role, with one value of one attribute.
#[must_use]
pub fn somebody(role: &str, attribute: Option<(&str, &str)>) -> Principal {
    let attributes = attribute.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    Principal { subject: "u1".to_owned(), role: role.to_owned(), attributes: attributes.collect(), purpose: None }
}
