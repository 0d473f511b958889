//! Many publications of one table: past the Delta checkpoint, which comes every hundred commits.

use std::sync::Arc;

use super::synthetic::{joined, relation, rows};
use lake::{Lake, MasterKey};
use object_store::memory::InMemory;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_stays_readable_beyond_a_checkpoint() {
    let store = Arc::new(InMemory::new());
    let lake = Lake::over(Arc::clone(&store) as _, MasterKey::from_bytes([1; 32])).unwrap();
    let person = relation("unified.person");
    for version in 1..=104_i64 {
        let publication = lake.begin().await.unwrap();
        let mut writer = publication.writer(&person).unwrap();
        writer.write(rows(&person, 0, version, "v")).await.unwrap();
        writer.finish().await.unwrap();
        assert_eq!(publication.commit().await.unwrap().version, version as u64);
    }
    let fresh = Lake::over(store, MasterKey::from_bytes([1; 32])).unwrap();
    for version in [1, 2, 99, 100, 101, 104] {
        let published = fresh.published_at_version(version).await.unwrap();
        let read = joined(&fresh.snapshot(&published).read(&person.name).await.unwrap());
        assert_eq!(read, rows(&person, 0, version as i64, "v"), "version {version}");
    }
    let log = object_store::path::Path::from("tables/unified/person/_delta_log");
    let listed = fresh.store().list_with_delimiter(Some(&log)).await.unwrap();
    assert!(listed.objects.iter().any(|o| o.location.as_ref().contains("checkpoint")), "the test reaches a checkpoint");
}
