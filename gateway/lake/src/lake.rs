//! The lake: one store, its tables, and what of them is published.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;

use crate::delta::Tables;
use crate::{EncryptedStore, LakeError, LocalStore, MasterKey, Publication, Published, Snapshot, published};

/// All tables of an installation, encrypted. Cheap to clone; clones are the same lake.
#[derive(Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    tables: Arc<Tables>,
}

impl Lake {
    /// The lake in a local folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`LakeError::KeyInsideData`] if `key` was loaded from a file inside `data_dir`; [`LakeError::DataFolder`].
    pub fn open(data_dir: &Path, key: MasterKey) -> Result<Self, LakeError> {
        make_private(data_dir).map_err(|source| LakeError::DataFolder { source })?;
        let folder = data_dir.canonicalize().map_err(|source| LakeError::DataFolder { source })?;
        if key.origin.as_ref().is_some_and(|file| file.starts_with(&folder)) {
            return Err(LakeError::KeyInsideData);
        }
        let files = LocalStore::new(&folder)
            .map_err(|source| LakeError::Store { object: "the data folder".to_owned(), source })?;
        Self::over(Arc::new(files), key)
    }

    /// The lake on any object store that has conditional writes (create and update). `object_store`'s plain
    /// `LocalFileSystem` has no conditional update: for folders there is [`Lake::open`].
    ///
    /// # Errors
    /// [`LakeError::NoRandom`].
    pub fn over(store: Arc<dyn ObjectStore>, key: MasterKey) -> Result<Self, LakeError> {
        let store: Arc<dyn ObjectStore> = Arc::new(EncryptedStore::new(store, &key));
        let tables = Arc::new(Tables::new(Arc::clone(&store), key.derive("lake/index/v1"))?);
        Ok(Self { store, tables })
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

    /// Starts a publication on top of what is published now.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn begin(&self) -> Result<Publication, LakeError> {
        let base = published::current(self.store.as_ref()).await?;
        Ok(Publication::new(Arc::clone(&self.store), Arc::clone(&self.tables), base))
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
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
