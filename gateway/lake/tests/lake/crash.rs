//! A store that fails at any moment: what was published stays readable, and the next run ends as if nothing had been.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::synthetic::{joined, relation, rows};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use lake::{Lake, LakeError, MasterKey, Published};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// What happens when the operations allowed are used up.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failure {
    /// The operation is not done, nor is any later one.
    Before,
    /// The first one is done, but its answer is lost; no later one is done.
    After,
}

#[derive(Debug)]
struct Budget {
    left: AtomicUsize,
    failure: Failure,
    lost_answer_used: AtomicBool,
    /// Whether anything failed.
    reached: AtomicBool,
}

impl Budget {
    /// None: go on. Otherwise fail, after doing it or without.
    fn spend(&self) -> Option<Failure> {
        let enough = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if enough {
            return None;
        }
        self.reached.store(true, Ordering::SeqCst);
        let first = !self.lost_answer_used.swap(true, Ordering::SeqCst);
        Some(if first { self.failure } else { Failure::Before })
    }

    async fn run<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        match self.spend() {
            None => operation.await,
            Some(Failure::Before) => Err(power_failure()),
            Some(Failure::After) => operation.await.and(Err(power_failure())),
        }
    }
}

fn power_failure() -> Error {
    Error::Generic { store: "FailingStore", source: "power failure".into() }
}

/// Does so many operations and then no more.
#[derive(Debug)]
struct FailingStore {
    below: Arc<InMemory>,
    budget: Arc<Budget>,
}

impl fmt::Display for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailingStore")
    }
}

#[async_trait]
impl ObjectStore for FailingStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.budget.run(self.below.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.budget.run(self.below.put_multipart_opts(location, opts)).await?;
        Ok(Box::new(FailingUpload { below: upload, budget: Arc::clone(&self.budget) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.budget.run(self.below.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.budget.run(self.below.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.budget.spend() {
            None => self.below.delete_stream(locations),
            Some(_) => stream::once(async { Err(power_failure()) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.budget.spend() {
            None => self.below.list(prefix),
            Some(_) => stream::once(async { Err(power_failure()) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.budget.run(self.below.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.budget.run(self.below.copy_opts(from, to, options)).await
    }
}

#[derive(Debug)]
struct FailingUpload {
    below: Box<dyn MultipartUpload>,
    budget: Arc<Budget>,
}

#[async_trait]
impl MultipartUpload for FailingUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, budget) = (self.below.put_part(data), Arc::clone(&self.budget));
        async move { budget.run(part).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let budget = Arc::clone(&self.budget);
        budget.run(self.below.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.below.abort().await
    }
}

const TABLES: [&str; 2] = ["unified.house", "unified.person"];

fn lake_over(store: Arc<dyn ObjectStore>) -> Lake {
    Lake::over(store, MasterKey::from_bytes([1; 32])).unwrap()
}

/// One run of a publisher, from reading what is there to the commit.
async fn publish(lake: &Lake, n_rows: i64, tag: &str) -> std::result::Result<Published, LakeError> {
    let publication = lake.begin().await?;
    for table in TABLES {
        let relation = relation(table);
        let mut writer = publication.writer(&relation)?;
        writer.write(rows(&relation, 0, n_rows, tag)).await?;
        writer.finish().await?;
    }
    publication.commit().await
}

async fn assert_content(lake: &Lake, published: &Published, n_rows: i64, tag: &str) {
    for table in TABLES {
        let relation = relation(table);
        let read = joined(&lake.snapshot(published).read(&relation.name).await.unwrap());
        assert_eq!(read, rows(&relation, 0, n_rows, tag));
        let index = lake.snapshot(published).records(&relation.name).await.unwrap().unwrap();
        assert!(index.get(&super::synthetic::id(n_rows)).await.unwrap().is_none());
        for i in 0..n_rows {
            let record = index.get(&super::synthetic::id(i)).await.unwrap().unwrap();
            assert!(format!("{record:?}").contains(&format!("{tag}{i}\"")) || i % 7 == 3, "{record:?}");
        }
    }
}

/// Shares its objects with every other handle, unlike a fork.
fn shared(memory: &Arc<InMemory>) -> Arc<dyn ObjectStore> {
    Arc::clone(memory) as Arc<dyn ObjectStore>
}

async fn fails_anywhere(failure: Failure, published_before: bool) {
    let start = Arc::new(InMemory::new());
    let base = match published_before {
        true => Some(publish(&lake_over(shared(&start)), 5, "old").await.unwrap()),
        false => None,
    };
    let mut n_failed = 0;
    for operations in 0.. {
        let memory = Arc::new(start.fork());
        let budget = Arc::new(Budget {
            left: AtomicUsize::new(operations),
            failure,
            lost_answer_used: AtomicBool::new(false),
            reached: AtomicBool::new(false),
        });
        let failing = FailingStore { below: Arc::clone(&memory), budget: Arc::clone(&budget) };
        let outcome = publish(&lake_over(Arc::new(failing)), 8, "new").await;

        // Another process, after the failure.
        let lake = lake_over(shared(&memory));
        let found = lake.published().await.unwrap();
        let is_new = found.as_ref().map(|p| p.version) == Some(base.as_ref().map_or(0, |b| b.version) + 1);
        match (&outcome, failure) {
            (Ok(published), _) => assert_eq!(found.as_ref(), Some(published)),
            (Err(_), Failure::Before) => assert_eq!(found, base, "after {operations} operations"),
            // The answer to the commit itself may be the one that was lost.
            (Err(_), Failure::After) => assert!(found == base || is_new, "after {operations} operations"),
        }
        if let Some(base) = &base {
            assert_content(&lake, base, 5, "old").await;
            assert_eq!(&lake.published_at_version(base.version).await.unwrap(), base);
        }
        if let Some(found) = found.as_ref().filter(|_| is_new) {
            assert_content(&lake, found, 8, "new").await;
        }
        // The publisher runs again.
        let again = publish(&lake, 8, "new").await.unwrap();
        assert_eq!(again.version, found.map_or(0, |p| p.version) + 1, "after {operations} operations");
        assert_content(&lake, &again, 8, "new").await;

        if !budget.reached.load(Ordering::SeqCst) {
            outcome.unwrap();
            break;
        }
        n_failed += 1;
    }
    assert!(n_failed > 15, "a publication of two tables takes more operations than {n_failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_publication_fails_anywhere() {
    fails_anywhere(Failure::Before, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_publication_fails_anywhere() {
    fails_anywhere(Failure::Before, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_answer_of_the_first_publication_is_lost() {
    fails_anywhere(Failure::After, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_answer_of_the_second_publication_is_lost() {
    fails_anywhere(Failure::After, true).await;
}
