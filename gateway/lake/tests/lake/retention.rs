//! What is kept of the past.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use futures::TryStreamExt;
use lake::{Lake, LakeError, LocalStore, MasterKey, Published, Retention};
use object_store::ObjectStore;

use super::synthetic::{name, relation, rows};

struct Fixture {
    folder: tempfile::TempDir,
    lake: Lake,
}

impl Fixture {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(&folder.path().join("data"), MasterKey::from_bytes([1; 32])).unwrap();
        Self { folder, lake }
    }

    async fn publish(&self, n_rows: i64, tag: &str) -> Published {
        let publication = self.lake.begin().await.unwrap();
        let person = relation("unified.person");
        let mut writer = publication.writer(&person).unwrap();
        writer.write(rows(&person, 0, n_rows, tag)).await.unwrap();
        writer.finish().await.unwrap();
        publication.commit().await.unwrap()
    }

    async fn n_rows(&self, published: &Published) -> usize {
        let snapshot = self.lake.snapshot(published);
        let read = snapshot.read(&name("unified.person")).await.unwrap();
        let n_rows = read.iter().map(|batch| batch.num_rows()).sum();
        let index = snapshot.records(&name("unified.person")).await.unwrap().unwrap();
        assert!(index.get(&super::synthetic::id(n_rows as i64 - 1)).await.unwrap().is_some());
        n_rows
    }

    /// Files of rows and indexes as they lie in the folder: one of each for a version of the table.
    async fn files(&self) -> Vec<String> {
        let below = LocalStore::new(&self.folder.path().join("data")).unwrap();
        let all: Vec<_> = below.list(None).try_collect().await.unwrap();
        let paths = all.into_iter().map(|object| object.location.to_string());
        paths.filter(|path| path.ends_with(".parquet") || path.starts_with("index/")).collect()
    }

    /// Makes every data file as old as this.
    fn age(&self, hours: u64) {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3_600);
        for folder in ["data/tables/unified/person", "data/index/unified/person"] {
            for entry in std::fs::read_dir(self.folder.path().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    std::fs::File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
                }
            }
        }
    }
}

fn keep(versions: usize) -> Retention {
    Retention { replaced_after: Utc::now() + TimeDelta::hours(1), versions }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_kept_version_reads_is_gone_and_the_rest_is_not_touched() {
    let site = Fixture::open();
    let mut all = Vec::new();
    for n in 1..=4 {
        all.push(site.publish(n * 10, "a").await);
    }
    // A killed pull leaves files that nobody published.
    let person = relation("unified.person");
    let killed = site.lake.begin().await.unwrap();
    let mut writer = killed.writer(&person).unwrap();
    writer.write(rows(&person, 0, 500, "lost")).await.unwrap();
    writer.finish().await.unwrap();
    drop(killed);
    site.age(48);
    assert_eq!(site.files().await.len(), 15);

    let rehearsed = site.lake.purge(keep(2), true).await.unwrap();
    assert_eq!(rehearsed.versions.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!((rehearsed.oldest_kept, rehearsed.files[&name("unified.person")]), (Some(3), 9));
    assert!(rehearsed.bytes > 0);
    assert_eq!(site.files().await.len(), 15, "a rehearsal removes nothing");
    assert_eq!(site.lake.published_at_version(1).await.unwrap(), all[0]);

    let purged = site.lake.purge(keep(2), false).await.unwrap();
    assert_eq!(purged, rehearsed);
    assert_eq!(site.files().await.len(), 6);
    for gone in &all[..2] {
        let found = site.lake.published_at_version(gone.version).await;
        assert!(matches!(found, Err(LakeError::NoSuchVersion { .. })), "{found:?}");
    }
    // Another process, which holds nothing open, reads what is kept.
    let fresh = Lake::open(&site.folder.path().join("data"), MasterKey::from_bytes([1; 32])).unwrap();
    let fresh = Fixture { folder: tempfile::tempdir().unwrap(), lake: fresh };
    for kept in &all[2..] {
        let published = fresh.lake.published_at_version(kept.version).await.unwrap();
        assert_eq!(fresh.n_rows(&published).await, usize::try_from(kept.version).unwrap() * 10);
    }
    let again = site.lake.purge(keep(2), false).await.unwrap();
    assert!(again.versions.is_empty() && again.files.is_empty() && again.bytes == 0);
    assert_ne!(again.names_sha256, purged.names_sha256);
    // And the next publication builds on it.
    let next = site.publish(70, "b").await;
    assert_eq!((next.version, site.n_rows(&next).await), (5, 70));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_pull_under_way_are_kept() {
    let site = Fixture::open();
    site.publish(10, "a").await;
    site.publish(20, "a").await;
    site.age(48);
    let person = relation("unified.person");
    let publication = site.lake.begin().await.unwrap();
    let mut writer = publication.writer(&person).unwrap();
    writer.write(rows(&person, 0, 30, "b")).await.unwrap();
    writer.finish().await.unwrap();
    let purged = site.lake.purge(keep(1), false).await.unwrap();
    assert_eq!(purged.files[&name("unified.person")], 3);
    let published = publication.commit().await.unwrap();
    assert_eq!(site.n_rows(&published).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_purge_is_finished_by_the_next() {
    let site = Fixture::open();
    for n in 1..=3 {
        site.publish(n * 10, "a").await;
    }
    site.age(48);
    // As if the process had ended between the history and the files.
    for version in [1, 2] {
        std::fs::remove_file(site.folder.path().join(format!("data/history/{version:010}.json"))).unwrap();
    }
    let purged = site.lake.purge(keep(1), false).await.unwrap();
    assert!(purged.versions.is_empty());
    assert_eq!(purged.files[&name("unified.person")], 6);
    assert_eq!(site.files().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_lake_has_nothing_to_lose() {
    let lake = Lake::over(Arc::new(object_store::memory::InMemory::new()), MasterKey::from_bytes([1; 32])).unwrap();
    assert_eq!(lake.purge(keep(1), false).await.unwrap(), lake::Purge::default());
}
