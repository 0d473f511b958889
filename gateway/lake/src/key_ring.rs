//! The keys of an installation: one per table and epoch, wrapped, beside the data they seal.
//!
//! ```text
//! key-encryption key (a file, a credential, a key service; never in the data folder)
//!   ├ wraps the site's secret      -> keys of the audit log, of tokens, of cursors: the same for ever
//!   └ wraps the wrapping key
//!       └ wraps the data keys      -> HKDF with an object's salt -> the key of one object
//! ```
//! A class of objects gets its first key when its first object is written. The newest key of a class seals, all of them open, so
//! that a new key disturbs no reader. A key that is destroyed leaves its name behind, so that what it sealed can be told from what
//! was tampered with.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};

use crate::key::{DerivedKey, KeyError};
use crate::key_class::KeyClass;
use crate::key_encryption::KeyEncryption;
use crate::suite::{AES_256_GCM, Suite, suite_of};

mod change;
mod document;

use document::Document;
pub(crate) use document::KeyId;

/// What the keys of a lake are kept by, and the suite of those to come.
#[derive(Debug, Clone)]
pub struct LakeKeys {
    pub(crate) encryption: Arc<dyn KeyEncryption>,
    pub(crate) suite: Suite,
}

impl LakeKeys {
    /// Keys wrapped by `encryption`; new ones are for `suite`.
    #[must_use]
    pub fn new(encryption: Arc<dyn KeyEncryption>, suite: Suite) -> Self {
        Self { encryption, suite }
    }
}

impl<K: KeyEncryption + 'static> From<K> for LakeKeys {
    fn from(key: K) -> Self {
        Self::new(Arc::new(key), AES_256_GCM)
    }
}

/// The keys of one lake. Read when the first of them is needed, and again when one is asked for that it does not know.
pub struct KeyRing {
    store: Arc<dyn ObjectStore>,
    keys: LakeKeys,
    open: RwLock<Option<Arc<OpenRing>>>,
    /// One change at a time; others of this process wait for it instead of losing a race.
    changing: tokio::sync::Mutex<()>,
}

/// The ring as read last.
struct OpenRing {
    document: Document,
    as_read: UpdateVersion,
    site: DerivedKey,
    wrapping: DerivedKey,
    by_id: HashMap<KeyId, Arc<DataKey>>,
    newest: HashMap<KeyClass, Arc<DataKey>>,
}

/// A key that objects are sealed under, with its public name.
pub(crate) struct DataKey {
    pub(crate) id: KeyId,
    pub(crate) key: DerivedKey,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({}, hidden)", hex::encode(self.id))
    }
}

/// The secret of a site from which the keys of everything but tables are derived. Stays the same when keys are rotated or
/// wrapped anew: tokens that were given out keep their meaning.
#[derive(Debug, Clone)]
pub struct SiteKey(DerivedKey);

impl SiteKey {
    /// The key for one purpose, in the suite in which the site was begun.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> DerivedKey {
        self.0.derive(purpose, b"datong site key v1")
    }
}

/// What is known of a data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// Its public name, 16 hexadecimal digits.
    pub id: String,
    /// What it seals.
    pub class: KeyClass,
    /// Counts the keys of the class, from 1.
    pub epoch: u32,
    /// Name of its suite.
    pub suite: &'static str,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it was destroyed, if it was; then nothing it sealed can be read.
    pub destroyed_at: Option<DateTime<Utc>>,
    /// Whether it is the one that seals.
    pub seals: bool,
}

fn code_key(site: &DerivedKey) -> DerivedKey {
    site.derive("key ring code", b"")
}

fn ring_path() -> Path {
    Path::from("keyring.json")
}

/// Whether `path` is the key ring's own, which nobody reads or writes through the sealed store.
pub(crate) fn is_ring(path: &Path) -> bool {
    *path == ring_path()
}

impl KeyRing {
    /// The ring in `store`. Nothing is read yet.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, keys: impl Into<LakeKeys>) -> Self {
        Self { store, keys: keys.into(), open: RwLock::default(), changing: tokio::sync::Mutex::default() }
    }

    /// The secret of the site.
    ///
    /// # Errors
    /// [`KeyError`] if the ring cannot be opened, or made.
    pub async fn site_key(&self) -> Result<SiteKey, KeyError> {
        Ok(SiteKey(self.opened().await?.site.clone()))
    }

    /// The key to seal an object of the class under; made if there is none.
    pub(crate) async fn to_seal(&self, class: &KeyClass) -> Result<Arc<DataKey>, KeyError> {
        if let Some(key) = self.opened().await?.newest.get(class) {
            return Ok(Arc::clone(key));
        }
        let suite = self.keys.suite;
        let ring = self
            .change(|document, wrapping| match document.newest(class) {
                Some(_) => Ok(false),
                None => document.add_key(class, suite, wrapping, Utc::now()).map(|()| true),
            })
            .await?;
        ring.newest.get(class).cloned().ok_or(KeyError::RingChanged)
    }

    /// The key of that name.
    pub(crate) async fn to_open(&self, id: &KeyId) -> Result<Arc<DataKey>, KeyError> {
        if let Some(key) = self.opened().await?.by_id.get(id) {
            return Ok(Arc::clone(key));
        }
        // Perhaps somebody else made it.
        self.refresh().await?;
        let ring = self.opened().await?;
        if let Some(key) = ring.by_id.get(id) {
            return Ok(Arc::clone(key));
        }
        let name = hex::encode(id);
        let gone = ring.document.destroyed.iter().find(|key| key.id == name);
        Err(gone.map_or(KeyError::NoSuchKey, |key| KeyError::Destroyed { at: key.destroyed_at.to_rfc3339() }))
    }

    /// Every key there is or was, by class and epoch.
    ///
    /// # Errors
    /// [`KeyError`] if the ring cannot be opened.
    pub async fn status(&self) -> Result<Vec<KeyStatus>, KeyError> {
        self.refresh().await?;
        let ring = self.opened().await?;
        let suite_name = |id| Ok::<_, KeyError>(suite_of(id).ok_or(KeyError::RingChanged)?.name());
        let mut all = Vec::new();
        for key in &ring.document.keys {
            let newest = ring.document.newest(&key.class).is_some_and(|newest| newest.id == key.id);
            all.push(KeyStatus {
                id: key.id.clone(),
                class: key.class.clone(),
                epoch: key.epoch,
                suite: suite_name(key.suite)?,
                made_at: key.made_at,
                destroyed_at: None,
                seals: newest,
            });
        }
        for key in &ring.document.destroyed {
            all.push(KeyStatus {
                id: key.id.clone(),
                class: key.class.clone(),
                epoch: key.epoch,
                suite: suite_name(key.suite)?,
                made_at: key.made_at,
                destroyed_at: Some(key.destroyed_at),
                seals: false,
            });
        }
        all.sort_by(|a, b| (&a.class, a.epoch).cmp(&(&b.class, b.epoch)));
        Ok(all)
    }

    /// Public name of the key-encryption key that the ring is wrapped by.
    ///
    /// # Errors
    /// [`KeyError`] if the ring cannot be opened.
    pub async fn wrapped_by(&self) -> Result<String, KeyError> {
        Ok(self.opened().await?.document.wrapped_by.clone())
    }

    /// Reads the ring anew. What it held before stays in use if that fails.
    ///
    /// # Errors
    /// [`KeyError`] if the ring cannot be opened.
    pub async fn refresh(&self) -> Result<(), KeyError> {
        match self.read().await? {
            Some(ring) => {
                self.keep(ring);
                Ok(())
            }
            None => self.opened().await.map(|_| ()),
        }
    }

    /// The keys destroyed so far, with their classes; the ring is read anew for it.
    pub(crate) async fn destroyed(&self) -> Result<BTreeSet<(KeyClass, String)>, KeyError> {
        self.refresh().await?;
        let ring = self.opened().await?;
        Ok(ring.document.destroyed.iter().map(|key| (key.class.clone(), key.id.clone())).collect())
    }

    async fn opened(&self) -> Result<Arc<OpenRing>, KeyError> {
        if let Some(ring) = self.kept() {
            return Ok(ring);
        }
        match self.read().await? {
            Some(ring) => Ok(self.keep(ring)),
            None => self.make().await,
        }
    }

    fn kept(&self) -> Option<Arc<OpenRing>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, ring: OpenRing) -> Arc<OpenRing> {
        let ring = Arc::new(ring);
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ring));
        ring
    }

    async fn read(&self) -> Result<Option<OpenRing>, KeyError> {
        let found = match self.store.get(&ring_path()).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(|source| KeyError::Ring { source })?,
        };
        let as_read = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let bytes = found.bytes().await.map_err(|source| KeyError::Ring { source })?;
        let ring = OpenRing::open(Document::decode(&bytes)?, as_read, self.keys.encryption.as_ref()).await?;
        ring.document.check(&ring.code_key())?;
        Ok(Some(ring))
    }

    /// Makes the ring of a new installation.
    async fn make(&self) -> Result<Arc<OpenRing>, KeyError> {
        let _alone = self.changing.lock().await;
        if let Some(ring) = self.kept() {
            return Ok(ring);
        }
        let left = self.store.list(None).try_next().await.map_err(|source| KeyError::Ring { source })?;
        if left.is_some_and(|object| !is_ring(&object.location)) {
            return Err(KeyError::RingMissing);
        }
        let bytes = self.new_ring().await?;
        match self.store.put_opts(&ring_path(), bytes.into(), PutMode::Create.into()).await {
            Ok(_) | Err(Error::AlreadyExists { .. }) => {}
            Err(source) => return Err(KeyError::Ring { source }),
        }
        self.read().await?.map(|ring| self.keep(ring)).ok_or(KeyError::RingMissing)
    }
}

impl OpenRing {
    async fn open(document: Document, as_read: UpdateVersion, key: &dyn KeyEncryption) -> Result<Self, KeyError> {
        let suite = document.suite()?;
        let secret = async |wrapped: &document::Wrapped, name: &str| {
            let context = Document::context_of_secret(&document.installation, name);
            let secret = key.unwrap(&wrapped.bytes()?, &context).await?;
            let secret = secret.ok_or_else(|| KeyError::OtherKey { wrapped_by: document.wrapped_by.clone() })?;
            Ok::<_, KeyError>(DerivedKey::new(secret, suite))
        };
        let site = secret(&document.site, "site").await?;
        let wrapping = secret(&document.wrapping, "wrapping").await?;
        let mut ring = Self { as_read, site, wrapping, by_id: HashMap::new(), newest: HashMap::new(), document };
        for entry in &ring.document.keys {
            let suite = suite_of(entry.suite).ok_or(KeyError::RingChanged)?;
            let key = DerivedKey::new(entry.unwrap(&ring.wrapping, &ring.document.installation)?, suite);
            let key = Arc::new(DataKey { id: entry.key_id()?, key });
            ring.by_id.insert(key.id, Arc::clone(&key));
            if ring.document.newest(&entry.class).is_some_and(|newest| newest.id == entry.id) {
                ring.newest.insert(entry.class.clone(), key);
            }
        }
        Ok(ring)
    }

    fn code_key(&self) -> DerivedKey {
        code_key(&self.site)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.keys).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
