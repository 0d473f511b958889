//! What `object_store` asks of every object store, asked of the sealed one: over a local folder, over memory, and over a server
//! that speaks S3. And a lake on that server: publications, two publishers, keys.

use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use lake::{EncryptedStore, KeyClass, Lake, LakeError, LocalStore, MasterKey};
use object_store::aws::AmazonS3Builder;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion, integration};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;

use crate::synthetic::{publish, relation};

const BUCKET: &str = "county";

fn key() -> MasterKey {
    MasterKey::from_bytes([1; 32])
}

/// A server on a free port of this machine, with one bucket. It ends with the test's runtime.
#[expect(clippy::disallowed_methods, reason = "the server is to go on until the runtime ends")]
async fn s3(folder: &TempDir) -> Arc<dyn ObjectStore> {
    let root = folder.path().join(format!("s3-{}", rand_name()));
    std::fs::create_dir_all(root.join(BUCKET)).unwrap();
    let mut service = S3ServiceBuilder::new(FileSystem::new(&root).unwrap());
    service.set_auth(SimpleAuth::from_single("id", "secret"));
    let service = service.build();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // It looks whether a condition holds and writes then: one request after the other, as if it did both at once.
    let one_by_one = Arc::new(tokio::sync::Mutex::new(()));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, root, one_by_one) = (service.clone(), root.clone(), Arc::clone(&one_by_one));
            let answering = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                // The server keeps objects as files and fails when asked for the name of a folder, which in S3 is no object.
                let asked = root.join(request.uri().path().trim_start_matches('/'));
                let is_no_object = request.uri().query().is_none() && asked != root.join(BUCKET) && asked.is_dir();
                let (service, one_by_one) = (service.clone(), Arc::clone(&one_by_one));
                async move {
                    let _alone = one_by_one.lock().await;
                    if is_no_object {
                        let mut missing = s3s::HttpResponse::new(s3s::Body::empty());
                        *missing.status_mut() = hyper::StatusCode::NOT_FOUND;
                        return Ok(missing);
                    }
                    hyper::service::Service::call(&service, request).await
                }
            });
            tokio::spawn(async move {
                let _ended = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), answering).await;
            });
        }
    });
    let store = AmazonS3Builder::new()
        .with_endpoint(format!("http://{address}"))
        .with_allow_http(true)
        .with_bucket_name(BUCKET)
        .with_access_key_id("id")
        .with_secret_access_key("secret")
        .build();
    Arc::new(store.unwrap())
}

#[expect(clippy::future_not_send, reason = "it is awaited where it is made")]
/// All of the suite but attributes, which the sealed store refuses, and the low-level multipart interface, which it does not have.
/// `fresh` gives an empty store; `knows_dates`: it keeps conditions on the date of an object, which this S3 server does not.
async fn conforms(fresh: impl AsyncFn() -> Arc<dyn ObjectStore>, knows_dates: bool) {
    let store = async || EncryptedStore::over(fresh().await, key());
    integration::put_get_delete_list(&store().await).await;
    if knows_dates {
        integration::get_opts(&store().await).await;
    }
    integration::put_opts(&store().await, true).await;
    integration::stream_get(&store().await).await;
    integration::list_uses_directories_correctly(&store().await).await;
    integration::list_with_delimiter(&store().await).await;
    integration::list_with_offset_exclusivity(&store().await).await;
    integration::rename_and_copy(&store().await).await;
    integration::copy_if_not_exists(&store().await).await;
    integration::copy_rename_nonexistent_object(&store().await).await;
    integration::multipart_race_condition(&store().await, true).await;
    let missing = integration::get_nonexistent_object(&store().await, None).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
}

fn rand_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    format!("{:016x}", std::hash::RandomState::new().build_hasher().finish())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    conforms(
        async || {
            let path = folder.path().join(rand_name());
            std::fs::create_dir(&path).unwrap();
            Arc::new(LocalStore::new(&path).unwrap()) as Arc<dyn ObjectStore>
        },
        true,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_memory() {
    conforms(async || Arc::new(InMemory::new()) as Arc<dyn ObjectStore>, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_s3() {
    let folder = tempfile::tempdir().unwrap();
    conforms(async || s3(&folder).await, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_on_s3_publishes_at_once_and_one_of_two_wins() {
    let folder = tempfile::tempdir().unwrap();
    let below = s3(&folder).await;
    let (here, there) =
        (Lake::over(Arc::clone(&below), key()).unwrap(), Lake::over(Arc::clone(&below), key()).unwrap());
    let person = relation("unified.person");
    publish(&here, &person, 3_000, "a").await;
    let (first, second) = (here.begin().await.unwrap(), there.begin().await.unwrap());
    assert_eq!(first.commit().await.unwrap().version, 2);
    assert!(matches!(second.commit().await, Err(LakeError::Conflict)));
    let published = there.published().await.unwrap().unwrap();
    let rows = there.snapshot(&published).read(&person.name).await.unwrap();
    assert_eq!(rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 3_000);
    // Keys made by one are known to the other, and what a bucket holds is ciphertext.
    assert_eq!(here.keys().rotate(&[KeyClass::site()]).await.unwrap(), 1);
    publish(&there, &person, 10, "b").await;
    assert_eq!(here.published().await.unwrap().unwrap().version, 3);
    let pointer = below.get(&Path::from("published.json")).await.unwrap().bytes().await.unwrap();
    assert!(pointer.starts_with(b"DTSEAL"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_ring_cannot_be_reached_through_the_sealed_store() {
    let store = EncryptedStore::over(Arc::new(InMemory::new()), key());
    let ring = Path::from("keyring.json");
    store.put(&Path::from("a"), "x".into()).await.unwrap();
    for refused in [
        store.get(&ring).await.map(|_| ()),
        store.put(&ring, "x".into()).await.map(|_| ()),
        store.delete(&ring).await,
        store.copy(&Path::from("a"), &ring).await,
        store.rename(&ring, &Path::from("b")).await,
        store.head(&ring).await.map(|_| ()),
        store.put_multipart(&ring).await.map(|_| ()),
        store
            .put_opts(&ring, "x".into(), PutMode::Update(UpdateVersion { e_tag: None, version: None }).into())
            .await
            .map(|_| ()),
    ] {
        assert!(matches!(refused, Err(Error::PermissionDenied { .. })), "{refused:?}");
    }
    let listed = store.list_with_delimiter(None).await.unwrap();
    assert_eq!(listed.objects.iter().map(|o| o.location.to_string()).collect::<Vec<_>>(), ["a"]);
}
