//! Earlier versions as the gateway takes them from who keeps them.

use chrono::Utc;

use super::*;

/// Keeps version 6, which version 7 replaced a moment ago.
#[derive(Debug)]
struct OneBefore {
    is_marked: bool,
}

#[async_trait]
impl Past for OneBefore {
    async fn versions(&self) -> Result<Vec<KeptVersion>, PastError> {
        let now = Utc::now();
        let kept = |version, replaced_at| KeptVersion { version, published_at: now, replaced_at };
        Ok(vec![kept(6, Some(now)), kept(7, None)])
    }

    async fn open(&self, version: u64) -> Result<Arc<PublishedData>, PastError> {
        Ok(Arc::new(PublishedData { version, is_past: self.is_marked, ..data() }))
    }
}

/// The version that answers `as_of` 6 for a role that may look back.
async fn version_before(past: OneBefore) -> Result<u64, QueryError> {
    let policy = POLICY.replace("attributes = [\"grids\"]", "attributes = [\"grids\"]\npast_days = 30");
    let gateway = gateway();
    gateway.replace_policies(PolicySet::parse("test.toml", &policy, &[relation()]).unwrap());
    gateway.keep_past(Arc::new(past));
    let asked = request(worker(&["G1"]), "SELECT person_id FROM unified.person");
    let released = gateway.query(QueryRequest { as_of: Some(AsOf::Version(6)), ..asked }).await?;
    Ok(released.data_version())
}

#[tokio::test]
async fn an_earlier_version_that_is_not_marked_as_one_is_not_read() {
    assert_eq!(version_before(OneBefore { is_marked: true }).await, Ok(6));
    let refused = version_before(OneBefore { is_marked: false }).await;
    assert!(matches!(refused, Err(QueryError::Internal { .. })), "{refused:?}");
}
