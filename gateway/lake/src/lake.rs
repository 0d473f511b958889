//! The lake: one store, its tables, and what of them is published.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path as FsPath;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::delta::Tables;
use crate::{EncryptedStore, KeyRing, LakeError, LakeKeys, LocalStore, Publication, Published, Snapshot, published};

/// What lies under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyUsage {
    /// Objects sealed under it.
    pub n_objects: u64,
    /// Plain bytes of them.
    pub bytes: u64,
}

/// All tables of an installation, encrypted. Cheap to clone; clones are the same lake.
#[derive(Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    sealed: Arc<EncryptedStore>,
    keys: Arc<KeyRing>,
    tables: Arc<Tables>,
}

impl Lake {
    /// The lake in a local folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`LakeError::KeyInsideData`] if the key-encryption key lies in a file inside `data_dir`; [`LakeError::DataFolder`].
    pub fn open(data_dir: &FsPath, keys: impl Into<LakeKeys>) -> Result<Self, LakeError> {
        let keys = keys.into();
        make_private(data_dir).map_err(|source| LakeError::DataFolder { source })?;
        let folder = data_dir.canonicalize().map_err(|source| LakeError::DataFolder { source })?;
        if keys.encryption.origin().is_some_and(|file| file.starts_with(&folder)) {
            return Err(LakeError::KeyInsideData);
        }
        let files = LocalStore::new(&folder)
            .map_err(|source| LakeError::Store { object: "the data folder".to_owned(), source })?;
        Self::over(Arc::new(files), keys)
    }

    /// The lake on any object store that has conditional writes (create and update). `object_store`'s plain
    /// `LocalFileSystem` has no conditional update: for folders there is [`Lake::open`].
    ///
    /// # Errors
    /// [`LakeError::NoRandom`].
    pub fn over(store: Arc<dyn ObjectStore>, keys: impl Into<LakeKeys>) -> Result<Self, LakeError> {
        let keys = Arc::new(KeyRing::new(Arc::clone(&store), keys));
        let sealed = Arc::new(EncryptedStore::new(store, Arc::clone(&keys)));
        let store: Arc<dyn ObjectStore> = Arc::clone(&sealed) as _;
        let tables = Arc::new(Tables::new(Arc::clone(&store), Arc::clone(&keys))?);
        Ok(Self { store, sealed, keys, tables })
    }

    /// The keys of this lake.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Makes every table of the current publication independent of what was written before it: from then on it opens without
    /// older objects, and without the keys they were sealed under, if its files were written anew.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Table`].
    pub async fn checkpoint(&self) -> Result<(), LakeError> {
        let Some(current) = self.published().await? else { return Ok(()) };
        for (relation, version) in &current.tables {
            self.tables.checkpoint(relation, *version).await?;
        }
        Ok(())
    }

    /// What lies under each key, by the key's id. Reads 64 bytes of every object.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn key_usage(&self) -> Result<BTreeMap<String, KeyUsage>, LakeError> {
        let all = Path::default();
        let objects: Vec<_> = self.store.list(None).try_collect().await.map_err(LakeError::store(&all))?;
        let mut usage: BTreeMap<String, KeyUsage> = BTreeMap::new();
        for object in objects {
            // What is no sealed object, such as a file of the audit log, or has gone meanwhile, is under none of these keys.
            let Some(id) = self.sealed.key_of_object(&object.location).await else { continue };
            let under = usage.entry(hex::encode(id)).or_default();
            under.n_objects += 1;
            under.bytes += object.size;
        }
        Ok(usage)
    }

    /// Reads the key ring anew and forgets every key that is not in it any more.
    ///
    /// # Errors
    /// [`LakeError::Key`].
    pub async fn refresh_keys(&self) -> Result<(), LakeError> {
        self.keys.refresh().await?;
        self.sealed.forget_opened();
        Ok(())
    }

    /// The encrypted store, for objects that are no tables: receipts, rejected rows, state.
    ///
    /// `tables/`, `index/`, `history/` and `published.json` belong to the lake.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// What is published now; nothing before the first publication. One read of one small object and one look whether there is
    /// a newer one, never a listing.
    ///
    /// # Errors
    /// [`LakeError::RolledBack`] if an old pointer was put back; [`LakeError::Store`], among others if the object was sealed under another key or changed.
    pub async fn published(&self) -> Result<Option<Published>, LakeError> {
        Ok(published::current(self.store.as_ref()).await?.map(|pinned| pinned.published))
    }

    /// What was published as `version`.
    ///
    /// # Errors
    /// [`LakeError::NoSuchVersion`], [`LakeError::Store`].
    pub async fn published_at_version(&self, version: u64) -> Result<Published, LakeError> {
        published::at_version(self.store.as_ref(), version).await
    }

    /// Everything that was published and is still kept, the oldest first, the current one last.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn published_versions(&self) -> Result<Vec<Published>, LakeError> {
        let Some(current) = self.published().await? else { return Ok(Vec::new()) };
        published::history_up_to(self.store.as_ref(), &current).await
    }

    /// Starts a publication on top of what is published now.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Key`].
    pub async fn begin(&self) -> Result<Publication, LakeError> {
        Publication::begin(Arc::clone(&self.store), Arc::clone(&self.tables), Arc::clone(&self.keys)).await
    }

    /// Reads the tables at the versions that `published` pins.
    #[must_use]
    pub fn snapshot(&self, published: &Published) -> Snapshot {
        Snapshot::new(Arc::clone(&self.tables), published.clone())
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lake").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// Makes the folder for its owner only. An existing folder keeps its permissions: they may be set on purpose.
fn make_private(folder: &FsPath) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
