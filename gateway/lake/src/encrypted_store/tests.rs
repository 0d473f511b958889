//! What every object store must do, asked of the encrypted one over memory and over a folder.
//!
//! Beside `object_store`'s own suite, which runs in `tests/lake/conformance.rs`.

use std::ops::Range;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CopyMode, CopyOptions, Error, GetOptions, GetRange, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    WriteMultipart,
};

use super::{COPY_BYTES_MAX, EncryptedStore, read, upload};
use crate::{KeyRing, LocalStore, MasterKey};

fn key() -> MasterKey {
    MasterKey::from_bytes([1; 32])
}

struct Stores {
    _dir: tempfile::TempDir,
    all: Vec<(&'static str, Arc<dyn ObjectStore>)>,
}

/// The encrypted store over each store it will meet.
fn stores() -> Stores {
    let dir = tempfile::tempdir().unwrap();
    let local: Arc<dyn ObjectStore> = Arc::new(LocalStore::new(dir.path()).unwrap());
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let all = [("memory", memory), ("local", local)]
        .map(|(name, below)| (name, Arc::new(EncryptedStore::over(below, key())) as Arc<dyn ObjectStore>));
    Stores { _dir: dir, all: all.to_vec() }
}

fn text(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 + i / 257) as u8).collect::<Vec<_>>().into()
}

async fn bytes_of(store: &dyn ObjectStore, path: &Path) -> Bytes {
    store.get(path).await.unwrap().bytes().await.unwrap()
}

const CHUNK: usize = 1 << 14;
const WINDOW: usize = read::WINDOW_BYTES as usize;
const PART: usize = upload::PART_BYTES;
const LARGE: usize = COPY_BYTES_MAX as usize + 1;

#[tokio::test]
async fn objects_of_every_length_come_back() {
    for (name, store) in stores().all {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 77] {
            let path = Path::from(format!("o/{len}"));
            store.put(&path, text(len).into()).await.unwrap();
            assert_eq!(store.head(&path).await.unwrap().size, len as u64, "{name}");
            // Once without and once with the header at hand.
            for _ in 0..2 {
                let found = store.get(&path).await.unwrap();
                assert_eq!((found.meta.size, found.range.clone()), (len as u64, 0..len as u64));
                assert_eq!(found.bytes().await.unwrap(), text(len), "{name} {len}");
            }
        }
    }
}

#[tokio::test]
async fn ranges_of_every_kind_give_exactly_their_bytes() {
    let len = 2 * WINDOW + 77;
    let whole = text(len);
    let edges = [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, WINDOW - 1, WINDOW, WINDOW + 1, len - 1, len];
    for (name, store) in stores().all {
        let path = Path::from("ranges");
        store.put(&path, whole.clone().into()).await.unwrap();
        let mut kinds: Vec<(GetRange, Range<usize>)> = Vec::new();
        for a in edges.into_iter().filter(|a| *a < len) {
            kinds.push((GetRange::Offset(a as u64), a..len));
            kinds.extend(edges.iter().filter(|b| **b > a).map(|b| (GetRange::Bounded(a as u64..*b as u64), a..*b)));
            kinds.push((GetRange::Bounded(a as u64..len as u64 + 1000), a..len));
        }
        kinds.extend([1, CHUNK, len, len + 5].map(|n| (GetRange::Suffix(n as u64), len.saturating_sub(n)..len)));
        for (range, expected) in kinds {
            let options = GetOptions { range: Some(range.clone()), ..GetOptions::default() };
            let found = store.get_opts(&path, options).await.unwrap();
            assert_eq!(found.meta.size, len as u64);
            assert_eq!(found.range, expected.start as u64..expected.end as u64, "{name} {range:?}");
            assert_eq!(found.bytes().await.unwrap(), whole.slice(expected), "{name} {range:?}");
        }
    }
}

#[tokio::test]
async fn ranges_outside_the_object_are_refused() {
    for (name, store) in stores().all {
        let path = Path::from("short");
        store.put(&path, text(14).into()).await.unwrap();
        for _ in 0..2 {
            for range in [GetRange::Offset(14), GetRange::Bounded(14..20), GetRange::Bounded(200..300)] {
                let options = GetOptions { range: Some(range.clone()), ..GetOptions::default() };
                assert!(store.get_opts(&path, options).await.is_err(), "{name} {range:?}");
            }
            assert!(store.get_ranges(&path, &[0..1, 14..15]).await.is_err());
            assert!(store.get_range(&path, Range { start: 5, end: 5 }).await.is_err());
            // What begins inside is cut at the end.
            assert_eq!(store.get_range(&path, 10..100).await.unwrap(), text(14).slice(10..14));
        }
    }
}

#[tokio::test]
async fn many_ranges_at_once_come_in_the_order_asked() {
    let len = 10 * CHUNK + 5;
    let whole = text(len);
    for (name, store) in stores().all {
        let path = Path::from("many");
        store.put(&path, whole.clone().into()).await.unwrap();
        let asked = [5 * CHUNK..6 * CHUNK + 1, 0..1, 3..4, 10 * CHUNK..len, CHUNK - 1..CHUNK + 1, 0..len, 5..len - 5];
        let ranges: Vec<_> = asked.iter().map(|r| r.start as u64..r.end as u64).collect();
        for _ in 0..2 {
            let parts = store.get_ranges(&path, &ranges).await.unwrap();
            for (part, range) in parts.iter().zip(&asked) {
                assert_eq!(part, &whole.slice(range.clone()), "{name} {range:?}");
            }
        }
        assert!(store.get_ranges(&path, &[]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn head_answers_with_the_plain_size_and_no_content() {
    for (_, store) in stores().all {
        let path = Path::from("head");
        store.put(&path, text(100).into()).await.unwrap();
        let options = GetOptions { head: true, range: Some(GetRange::Suffix(10)), ..GetOptions::default() };
        let found = store.get_opts(&path, options).await.unwrap();
        assert_eq!((found.meta.size, found.range.clone()), (100, 90..100));
    }
}

#[tokio::test]
async fn a_missing_object_is_not_found() {
    for (name, store) in stores().all {
        let path = Path::from("none");
        let not_found = |e: Error| matches!(e, Error::NotFound { .. });
        assert!(not_found(store.get(&path).await.unwrap_err()), "{name}");
        assert!(not_found(store.head(&path).await.unwrap_err()));
        assert!(not_found(store.get_ranges(&path, from_ref(&(0..1))).await.unwrap_err()));
        assert!(not_found(store.copy(&path, &Path::from("to")).await.unwrap_err()));
        assert!(not_found(store.rename(&path, &Path::from("to")).await.unwrap_err()));
        assert!(not_found(store.rename(&path, &path).await.unwrap_err()));
    }
}

#[tokio::test]
async fn a_replaced_object_is_read_anew() {
    for (name, store) in stores().all {
        let path = Path::from("replaced");
        // Another handle on the same objects, so that this one's cache is not told of the change.
        for (before, after) in [(100, 200), (200, 100), (5 * CHUNK, 10), (10, 10), (10, 5 * CHUNK)] {
            store.put(&path, text(before).into()).await.unwrap();
            assert_eq!(bytes_of(store.as_ref(), &path).await, text(before));
            let changed: Bytes = text(after).iter().map(|b| b ^ 0xff).collect::<Vec<_>>().into();
            let aside = Path::from("aside");
            store.put(&aside, changed.clone().into()).await.unwrap();
            store.rename(&aside, &path).await.unwrap();
            assert_eq!(store.get_ranges(&path, from_ref(&(0..5))).await.unwrap(), [changed.slice(0..5)], "{name}");
            assert_eq!(store.get_range(&path, 5..10).await.unwrap(), changed.slice(5..10));
            assert_eq!(bytes_of(store.as_ref(), &path).await, changed);
        }
    }
}

#[tokio::test]
async fn a_replacement_by_another_process_is_noticed() {
    let below: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (here, there) = (EncryptedStore::over(Arc::clone(&below), key()), EncryptedStore::over(below, key()));
    let path = Path::from("pointer");
    for (i, len) in [10, 10, 3 * CHUNK, 5, 2 * WINDOW, WINDOW + 1].into_iter().enumerate() {
        let content: Bytes = text(len).iter().map(|b| b.wrapping_add(i as u8)).collect::<Vec<_>>().into();
        there.put(&path, content.clone().into()).await.unwrap();
        assert_eq!(here.get_ranges(&path, from_ref(&(0..5))).await.unwrap(), [content.slice(0..5)]);
        there.put(&path, content.clone().into()).await.unwrap();
        let options = GetOptions { range: Some(GetRange::Suffix(5)), ..GetOptions::default() };
        assert_eq!(here.get_opts(&path, options).await.unwrap().bytes().await.unwrap(), content.slice(len - 5..));
        there.put(&path, content.clone().into()).await.unwrap();
        assert_eq!(bytes_of(&here, &path).await, content);
    }
}

#[tokio::test]
async fn a_replacement_while_a_stream_runs_is_an_error_not_a_mixture() {
    let store = EncryptedStore::over(Arc::new(InMemory::new()), key());
    let path = Path::from("long");
    store.put(&path, text(2 * WINDOW).into()).await.unwrap();
    let mut stream = store.get(&path).await.unwrap().into_stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), text(2 * WINDOW).slice(..WINDOW));
    store.put(&path, text(2 * WINDOW).into()).await.unwrap();
    assert!(stream.next().await.unwrap().is_err());
}

#[tokio::test]
async fn conditions_on_reads_are_kept() {
    for (name, store) in stores().all {
        let path = Path::from("conditions");
        store.put(&path, "foo".into()).await.unwrap();
        let meta = store.head(&path).await.unwrap();
        let tag = meta.e_tag.clone().unwrap();
        let hour = chrono::Duration::hours(1);
        let options = GetOptions::default;
        for _ in 0..2 {
            let good = [
                options().with_if_match(Some(tag.clone())),
                options().with_if_none_match(Some("other")),
                options().with_if_modified_since(Some(meta.last_modified - hour)),
                options().with_if_unmodified_since(Some(meta.last_modified)),
            ];
            for option in good {
                assert_eq!(store.get_opts(&path, option).await.unwrap().bytes().await.unwrap(), "foo", "{name}");
            }
            let other = store.get_opts(&path, options().with_if_match(Some("other"))).await.unwrap_err();
            assert!(matches!(other, Error::Precondition { .. }), "{name} {other}");
            let same = store.get_opts(&path, options().with_if_none_match(Some(tag.clone()))).await.unwrap_err();
            assert!(matches!(same, Error::NotModified { .. }), "{name} {same}");
            let late = options().with_if_unmodified_since(Some(meta.last_modified - hour)).with_head(true);
            assert!(matches!(store.get_opts(&path, late).await.unwrap_err(), Error::Precondition { .. }));
        }
    }
}

#[tokio::test]
async fn conditions_on_writes_are_kept() {
    for (name, store) in stores().all {
        let path = Path::from("writes");
        let first = store.put_opts(&path, "a".into(), PutMode::Create.into()).await.unwrap();
        assert_eq!(store.head(&path).await.unwrap().e_tag, first.e_tag);
        let again = store.put_opts(&path, "b".into(), PutMode::Create.into()).await.unwrap_err();
        assert!(matches!(again, Error::AlreadyExists { .. }), "{name} {again}");
        let update = |base| PutOptions::from(PutMode::Update(base));
        let second = store.put_opts(&path, "c".into(), update(first.clone().into())).await.unwrap();
        let late = store.put_opts(&path, "d".into(), update(first.into())).await.unwrap_err();
        assert!(matches!(late, Error::Precondition { .. }), "{name} {late}");
        store.put_opts(&path, "e".into(), update(second.into())).await.unwrap();
        assert_eq!(bytes_of(store.as_ref(), &path).await, "e");
    }
}

#[tokio::test]
async fn attributes_and_tags_are_refused_as_they_would_lie_in_clear() {
    for (_, store) in stores().all {
        let attributes = Attributes::from_iter([(Attribute::ContentType, "text/plain")]);
        let options = PutOptions { attributes: attributes.clone(), ..PutOptions::default() };
        let refused = store.put_opts(&Path::from("a"), "x".into(), options).await.unwrap_err();
        assert!(matches!(refused, Error::NotSupported { .. }));
        assert!(store.put_multipart_opts(&Path::from("a"), attributes.into()).await.is_err());
        assert!(store.head(&Path::from("a")).await.is_err());
    }
}

#[tokio::test]
async fn parts_become_one_object() {
    for (name, store) in stores().all {
        // Small parts, parts larger than those below, parts that end at chunk and part edges, and none at all.
        for (n, part) in
            [(0, 0), (1, 0), (3, 10), (30, 50_000), (3, 2 * PART + 100), (2, PART), (1, PART + CHUNK), (5, CHUNK)]
        {
            let path = Path::from(format!("parts/{n}-{part}"));
            let mut upload = store.put_multipart(&path).await.unwrap();
            let pieces: Vec<Bytes> = (0..n).map(|i| text(part + i)).collect();
            let puts: Vec<_> = pieces.iter().map(|piece| upload.put_part(piece.clone().into())).collect();
            // Awaited in another order than put.
            for put in puts.into_iter().rev() {
                put.await.unwrap();
            }
            assert!(matches!(store.head(&path).await, Err(Error::NotFound { .. })), "{name}: visible too early");
            let done = upload.complete().await.unwrap();
            assert_eq!(store.head(&path).await.unwrap().e_tag, done.e_tag);
            assert!(bytes_of(store.as_ref(), &path).await == pieces.concat(), "{name} {n} x {part}");
            assert!(upload.put_part("late".into()).await.is_err());
        }
    }
}

#[tokio::test]
async fn parts_can_be_written_through_the_buffered_writer_or_given_up() {
    for (_, store) in stores().all {
        let path = Path::from("written");
        let mut writer = WriteMultipart::new(store.put_multipart(&path).await.unwrap());
        let content = text(6_000_000);
        content.chunks(100_001).for_each(|piece| writer.write(piece));
        writer.finish().await.unwrap();
        assert!(bytes_of(store.as_ref(), &path).await == content);
        let mut upload = store.put_multipart(&Path::from("given up")).await.unwrap();
        upload.put_part(text(2 * PART).into()).await.unwrap();
        upload.abort().await.unwrap();
        assert!(matches!(store.head(&Path::from("given up")).await, Err(Error::NotFound { .. })));
    }
}

#[tokio::test]
async fn copies_open_under_their_new_path() {
    for (name, store) in stores().all {
        for len in [0, 100, LARGE - 1, LARGE] {
            let (from, to) = (Path::from("from"), Path::from("deep/er/to"));
            store.put(&from, text(len).into()).await.unwrap();
            store.copy(&from, &to).await.unwrap();
            assert!(bytes_of(store.as_ref(), &to).await == text(len), "{name} {len}");
            let exists = store.copy_if_not_exists(&from, &to).await.unwrap_err();
            assert!(matches!(exists, Error::AlreadyExists { .. }), "{name} {exists}");
            store.delete(&to).await.unwrap();
            store.copy_if_not_exists(&from, &to).await.unwrap();
            assert!(bytes_of(store.as_ref(), &to).await == text(len));
            store.delete(&to).await.unwrap();
            let listed: Vec<_> = store.list(None).map_ok(|m| m.location).try_collect().await.unwrap();
            assert_eq!(listed, [from], "{name}: nothing is left aside");
        }
    }
}

#[tokio::test]
async fn renames_move_the_object() {
    for (name, store) in stores().all {
        let (a, b) = (Path::from("a"), Path::from("b"));
        store.put(&a, "1".into()).await.unwrap();
        store.put(&b, "2".into()).await.unwrap();
        assert!(store.rename_if_not_exists(&a, &b).await.is_err());
        assert_eq!(bytes_of(store.as_ref(), &a).await, "1");
        store.rename(&a, &b).await.unwrap();
        assert!(store.head(&a).await.is_err());
        assert_eq!(bytes_of(store.as_ref(), &b).await, "1");
        store.rename(&b, &b).await.unwrap();
        assert!(store.rename_if_not_exists(&b, &b).await.is_err());
        assert_eq!(bytes_of(store.as_ref(), &b).await, "1", "{name}: a rename to itself keeps it");
        store.rename_if_not_exists(&b, &a).await.unwrap();
        assert_eq!(bytes_of(store.as_ref(), &a).await, "1");
    }
}

#[tokio::test]
async fn listings_are_sorted_and_give_plain_sizes() {
    let paths = ["a/b/2", "a/b/10", "a/c", "ab/x", "a/b/1", "z"];
    let mut expected: Vec<Path> = paths.iter().map(|p| Path::from(*p)).collect();
    expected.sort();
    for (name, store) in stores().all {
        for path in paths {
            store.put(&Path::from(path), text(path.len() * CHUNK).into()).await.unwrap();
        }
        let all: Vec<_> = store.list(None).try_collect().await.unwrap();
        assert_eq!(all.iter().map(|m| m.location.clone()).collect::<Vec<_>>(), expected, "{name}");
        assert!(all.iter().all(|m| m.size as usize == m.location.as_ref().len() * CHUNK));
        let below: Vec<_> = store.list(Some(&Path::from("a"))).map_ok(|m| m.location).try_collect().await.unwrap();
        assert_eq!(below, expected[..4], "{name}: a prefix is a whole path segment");
        let offset = Path::from("a/b/10");
        let after: Vec<_> =
            store.list_with_offset(Some(&Path::from("a")), &offset).map_ok(|m| m.location).try_collect().await.unwrap();
        assert_eq!(after, [Path::from("a/b/2"), Path::from("a/c")]);
        let one = store.list_with_delimiter(Some(&Path::from("a"))).await.unwrap();
        assert_eq!(one.common_prefixes, [Path::from("a/b")]);
        assert_eq!(
            one.objects.iter().map(|m| (m.location.as_ref(), m.size)).collect::<Vec<_>>(),
            [("a/c", 3 * CHUNK as u64)]
        );
        for path in paths {
            store.delete(&Path::from(path)).await.unwrap();
        }
        assert_eq!(store.list(None).count().await, 0);
    }
}

#[tokio::test]
async fn unusual_paths_work() {
    for (name, store) in stores().all {
        let paths = [
            Path::from_iter(["a", "b/c", "foo.file"]),
            Path::from("云州/翠苑.parquet"),
            Path::parse("%48%45%4C%4C%4F/foo").unwrap(),
            Path::parse("foo bar/with spaces").unwrap(),
        ];
        for path in &paths {
            store.put(path, "x".into()).await.unwrap();
            assert_eq!(bytes_of(store.as_ref(), path).await, "x", "{name}");
            let listed: Vec<_> = store.list(None).map_ok(|m| m.location).try_collect().await.unwrap();
            assert_eq!(listed, from_ref(path));
            assert_eq!(bytes_of(store.as_ref(), &listed[0]).await, "x");
            store.delete(path).await.unwrap();
        }
    }
}

#[tokio::test]
async fn copy_options_take_both_modes() {
    for (_, store) in stores().all {
        let (a, b) = (Path::from("a"), Path::from("b"));
        store.put(&a, "1".into()).await.unwrap();
        let create = object_store::CopyOptions { mode: CopyMode::Create, ..Default::default() };
        store.copy_opts(&a, &b, create.clone()).await.unwrap();
        assert!(store.copy_opts(&a, &b, create).await.is_err());
    }
}

/// How many requests reach the store below while `work` runs.
async fn requests<T>(below: &CountingStore, work: impl Future<Output = T>) -> usize {
    let before = below.requests.load(Ordering::SeqCst);
    work.await;
    below.requests.load(Ordering::SeqCst) - before
}

#[tokio::test]
async fn a_range_read_costs_one_request_once_the_header_is_known() {
    let below = Arc::new(CountingStore { below: InMemory::new(), requests: AtomicUsize::new(0) });
    let keys = Arc::new(KeyRing::new(Arc::clone(&below) as Arc<dyn ObjectStore>, key()));
    let store = || EncryptedStore::new(Arc::clone(&below) as Arc<dyn ObjectStore>, Arc::clone(&keys));
    let path = Path::from("object");
    store().put(&path, text(20 * CHUNK).into()).await.unwrap();
    let middle = 9 * CHUNK as u64..10 * CHUNK as u64 + 1;

    let fresh = store();
    assert_eq!(requests(&below, fresh.get_range(&path, middle.clone())).await, 2, "header and range");
    assert_eq!(requests(&below, fresh.get_range(&path, middle.clone())).await, 1);
    assert_eq!(requests(&below, fresh.get_ranges(&path, &[middle.clone(), 0..1])).await, 1, "one batch below");
    assert_eq!(requests(&below, fresh.head(&path)).await, 1);
    assert_eq!(requests(&below, store().get_range(&path, 0..10)).await, 1, "the header comes with the start");
    let small = Path::from("small");
    store().put(&small, text(1000).into()).await.unwrap();
    assert_eq!(requests(&below, async { bytes_of(&store(), &small).await }).await, 1, "so does all of a small object");
    let suffix = GetOptions { range: Some(GetRange::Suffix(8)), ..GetOptions::default() };
    assert_eq!(requests(&below, fresh.get_opts(&path, suffix)).await, 1);
}

/// Memory that counts the requests to read.
#[derive(Debug)]
struct CountingStore {
    below: InMemory,
    requests: AtomicUsize,
}

impl std::fmt::Display for CountingStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CountingStore")
    }
}

#[async_trait::async_trait]
impl ObjectStore for CountingStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.below.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.below.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.below.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.below.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.below.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.below.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.below.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.below.copy_opts(from, to, options).await
    }
}
