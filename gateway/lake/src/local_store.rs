//! The local file system as an object store that keeps what it acknowledges.
//!
//! `object_store`'s own [`LocalFileSystem`] writes to the side and renames, so that readers never see half an object; but
//! it neither waits for the disk nor knows conditional updates. Both matter here: a Delta log entry that a power failure
//! leaves empty would block its table, and two publishers must not overwrite each other.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UpdateVersion, UploadPart,
};
use tokio::task::spawn_blocking;

const STORE: &str = "LocalStore";

/// Objects as files below one folder. Needs a tokio runtime.
#[derive(Debug, Clone)]
pub struct LocalStore {
    files: Arc<LocalFileSystem>,
    root: PathBuf,
}

impl LocalStore {
    /// The store in the folder `root`, which must exist.
    ///
    /// # Errors
    /// [`Error`] if there is no such folder.
    pub fn new(root: &FsPath) -> Result<Self> {
        let files = LocalFileSystem::new_with_prefix(root)?;
        let root = root.canonicalize().map_err(failed)?;
        Ok(Self { files: Arc::new(files), root })
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE)
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let place = Place { file: self.files.path_to_filesystem(location)?, root: self.root.clone() };
        let location = location.to_string();
        spawn_blocking(move || place.put(&location, &payload, opts.mode)).await?
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let place = Place { file: self.files.path_to_filesystem(location)?, root: self.root.clone() };
        let upload = self.files.put_multipart_opts(location, opts).await?;
        Ok(Box::new(DurableUpload { upload, place }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}

/// One object's file.
#[derive(Debug, Clone)]
struct Place {
    file: PathBuf,
    root: PathBuf,
}

impl Place {
    fn put(&self, location: &str, payload: &PutPayload, mode: PutMode) -> Result<PutResult> {
        let staged = Staged::write(self, payload).map_err(failed)?;
        let e_tag = staged.e_tag.clone();
        match mode {
            PutMode::Overwrite => staged.rename_to(&self.file).map_err(failed)?,
            PutMode::Create => staged.link_to(&self.file).map_err(|source| match source.kind() {
                ErrorKind::AlreadyExists => {
                    Error::AlreadyExists { path: location.to_owned(), source: Box::new(source) }
                }
                _ => failed(source),
            })?,
            PutMode::Update(expected) => {
                // Held until the new content is in place: no other update of this object runs in between, in this
                // process or in another.
                let _lock = self.lock().map_err(failed)?;
                self.check_unchanged(location, &expected)?;
                staged.rename_to(&self.file).map_err(failed)?;
            }
        }
        sync_parent(&self.file).map_err(failed)?;
        Ok(PutResult { e_tag: Some(e_tag), version: None })
    }

    /// An exclusive lock beside the object. The name ends in `#` and digits, which listings leave out.
    fn lock(&self) -> std::io::Result<File> {
        let file = private(OpenOptions::new().create(true).truncate(false).write(true)).open(beside(&self.file, 0))?;
        file.lock()?;
        Ok(file)
    }

    fn check_unchanged(&self, location: &str, expected: &UpdateVersion) -> Result<()> {
        let found = match std::fs::metadata(&self.file) {
            Ok(meta) => Some(e_tag_of(&meta)),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(failed(e)),
        };
        if found.is_some() && found == expected.e_tag {
            return Ok(());
        }
        Err(Error::Precondition { path: location.to_owned(), source: "the object was changed meanwhile".into() })
    }

    /// Makes the folders the file needs, each durable in the one above.
    fn make_folders(&self) -> std::io::Result<()> {
        let Some(folder) = self.file.parent() else { return Ok(()) };
        if folder.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(folder)?;
        self.sync_folders()
    }

    fn sync_folders(&self) -> std::io::Result<()> {
        for folder in self.file.ancestors().skip(1).take_while(|f| f.starts_with(&self.root)) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// A complete, durable file beside its final name; removed again unless it is put in place.
#[derive(Debug)]
struct Staged {
    path: PathBuf,
    e_tag: String,
}

impl Staged {
    fn write(place: &Place, payload: &PutPayload) -> std::io::Result<Self> {
        place.make_folders()?;
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(std::io::Error::other)?;
        let path = beside(&place.file, u64::from_le_bytes(number));
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        let mut staged = Self { path, e_tag: String::new() };
        for part in payload {
            file.write_all(part)?;
        }
        file.sync_all()?;
        staged.e_tag = e_tag_of(&file.metadata()?);
        Ok(staged)
    }

    fn rename_to(self, file: &FsPath) -> std::io::Result<()> {
        std::fs::rename(&self.path, file)
    }

    fn link_to(self, file: &FsPath) -> std::io::Result<()> {
        std::fs::hard_link(&self.path, file)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove; a leftover after a crash is invisible and harmless.
        let _gone = std::fs::remove_file(&self.path);
    }
}

#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    place: Place,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        let place = self.place.clone();
        spawn_blocking(move || File::open(&place.file)?.sync_all().and_then(|()| place.sync_folders()))
            .await?
            .map_err(failed)?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

/// Makes the entry of `path` in its folder durable.
///
/// # Errors
/// What the operating system said.
pub fn sync_parent(path: &FsPath) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(FsPath::new("."));
    File::open(folder)?.sync_all()
}

fn beside(file: &FsPath, number: u64) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!("#{number}"));
    name.into()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The tag that [`LocalFileSystem`] reports for this file. A test holds the two equal.
fn e_tag_of(meta: &std::fs::Metadata) -> String {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(meta);
    #[cfg(not(unix))]
    let inode = 0_u64;
    let modified = meta.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{inode:x}-{:x}-{:x}", modified.unwrap_or_default().as_micros(), meta.len())
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic { store: STORE, source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use object_store::ObjectStoreExt;

    use super::*;

    fn store() -> (tempfile::TempDir, LocalStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::new(dir.path()).unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn the_tag_of_a_put_is_the_tag_of_the_object() {
        let (_dir, store) = store();
        let path = Path::from("a/b/c");
        for mode in [PutMode::Create, PutMode::Overwrite] {
            let put = store.put_opts(&path, "x".into(), mode.into()).await.unwrap();
            assert_eq!(store.head(&path).await.unwrap().e_tag, put.e_tag);
        }
    }

    #[tokio::test]
    async fn an_update_needs_the_tag_it_was_based_on() {
        let (_dir, store) = store();
        let path = Path::from("pointer");
        let first = store.put(&path, "1".into()).await.unwrap();
        let second = store.put_opts(&path, "2".into(), PutMode::Update(first.clone().into()).into()).await.unwrap();
        let late = store.put_opts(&path, "3".into(), PutMode::Update(first.into()).into()).await;
        assert!(matches!(late, Err(Error::Precondition { .. })));
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "2");
        let nowhere = store.put_opts(&Path::from("none"), "3".into(), PutMode::Update(second.into()).into()).await;
        assert!(matches!(nowhere, Err(Error::Precondition { .. })));
        let untagged = UpdateVersion { e_tag: None, version: None };
        assert!(store.put_opts(&Path::from("none"), "3".into(), PutMode::Update(untagged).into()).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_updates_at_once_one_wins() {
        let (_dir, store) = store();
        let path = Path::from("pointer");
        let first = store.put(&path, "0".into()).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for i in 0..8_u8 {
            let (store, path, base) = (store.clone(), path.clone(), first.clone());
            tasks.spawn(async move {
                store.put_opts(&path, vec![i].into(), PutMode::Update(base.into()).into()).await.is_ok()
            });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|won| *won).count(), 1);
    }

    #[tokio::test]
    async fn locks_and_leftovers_are_not_listed() {
        let (dir, store) = store();
        let path = Path::from("pointer");
        let first = store.put(&path, "1".into()).await.unwrap();
        store.put_opts(&path, "2".into(), PutMode::Update(first.into()).into()).await.unwrap();
        std::fs::write(dir.path().join("pointer#123"), "left by a crash").unwrap();
        let listed: Vec<_> = store.list(None).map_ok(|m| m.location).try_collect().await.unwrap();
        assert_eq!(listed, [path]);
    }

    #[tokio::test]
    async fn a_refused_put_leaves_no_file_behind() {
        let (dir, store) = store();
        let path = Path::from("once");
        store.put_opts(&path, "1".into(), PutMode::Create.into()).await.unwrap();
        let again = store.put_opts(&path, "2".into(), PutMode::Create.into()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn parts_arrive_whole_or_not_at_all() {
        let (_dir, store) = store();
        let path = Path::from("deep/er/parts");
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part("ab".into()).await.unwrap();
        assert!(store.head(&path).await.is_err());
        upload.put_part("cd".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "abcd");
        let mut given_up = store.put_multipart(&Path::from("other")).await.unwrap();
        given_up.put_part("ab".into()).await.unwrap();
        given_up.abort().await.unwrap();
        assert!(store.head(&Path::from("other")).await.is_err());
    }
}
