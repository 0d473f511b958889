//! Changing the ring: new keys, another key-encryption key, keys destroyed.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use chrono::Utc;
use object_store::{Error, PutMode};

use super::document::{Document, Entry, Wrapped};
use super::{KeyRing, KeyStatus, OpenRing, code_key, ring_path};
use crate::key::{DerivedKey, KeyError, random_secret};
use crate::key_class::KeyClass;
use crate::key_encryption::KeyEncryption;
use crate::suite::Suite;

/// Attempts to change the ring against others who change it.
const ATTEMPTS: usize = 20;

/// Both secrets of a ring, wrapped.
struct Secrets {
    site: Vec<u8>,
    wrapping: Vec<u8>,
}

impl KeyRing {
    /// Gives each of these classes a new key, all there are if none is named; with the suite of now. What was sealed before opens
    /// as before: tables move to the new key as they are written anew.
    ///
    /// # Errors
    /// [`KeyError::NoSuchClass`]; [`KeyError`] if the ring cannot be changed.
    pub async fn rotate(&self, classes: &[KeyClass]) -> Result<usize, KeyError> {
        let suite = self.keys.suite;
        let mut n_made = 0;
        self.change(|document, wrapping| {
            let there: BTreeSet<KeyClass> = document.keys.iter().map(|key| key.class.clone()).collect();
            if let Some(unknown) = classes.iter().find(|class| !there.contains(class)) {
                return Err(KeyError::NoSuchClass { class: unknown.to_string() });
            }
            let chosen = there.iter().filter(|class| classes.is_empty() || classes.contains(class));
            n_made = 0;
            for class in chosen {
                document.add_key(class, suite, wrapping, Utc::now())?;
                n_made += 1;
            }
            Ok(n_made > 0)
        })
        .await?;
        Ok(n_made)
    }

    /// Wraps everything by another key-encryption key, and the data keys under another wrapping key. No object is written anew.
    /// Whoever has only the key of before opens this ring no more.
    ///
    /// # Errors
    /// [`KeyError`] if the ring cannot be changed.
    pub async fn rewrap(&self, next: &dyn KeyEncryption) -> Result<usize, KeyError> {
        let fresh = random_secret()?;
        let suite = self.keys.suite;
        for _ in 0..ATTEMPTS {
            self.refresh().await?;
            let ring = self.opened().await?;
            let mut document = ring.document.clone();
            let secrets = wrapped(next, suite, &document.installation, ring.site.as_bytes(), &fresh).await?;
            // The suite of the two secrets stays: the site's keys are derived in it.
            let wrapping = DerivedKey::new(fresh.clone(), document.suite()?);
            document.wrapped_by = next.name().await?;
            (document.site, document.wrapping) = (Wrapped::new(&secrets.site), Wrapped::new(&secrets.wrapping));
            for entry in &mut document.keys {
                let secret = entry.unwrap(&ring.wrapping, &document.installation)?;
                entry.wrap(&secret, &wrapping, &document.installation)?;
            }
            // A key service that does not open what it wrapped must not lock the site out.
            OpenRing::open(document.clone(), ring.as_read.clone(), next).await?;
            let n_keys = document.keys.len();
            if self.put(&ring, document).await? {
                return Ok(n_keys);
            }
        }
        Err(KeyError::Busy)
    }

    /// Destroys the keys that `is_doomed` picks, for ever. What they sealed cannot be read any more, here or in any copy, unless
    /// somebody has an older copy of the ring with its key-encryption key. Gives what was destroyed.
    ///
    /// # Errors
    /// [`KeyError`] if the ring cannot be changed.
    pub async fn destroy(&self, is_doomed: impl Fn(&KeyStatus) -> bool) -> Result<Vec<KeyStatus>, KeyError> {
        let doomed: Vec<KeyStatus> =
            self.status().await?.into_iter().filter(|key| key.destroyed_at.is_none() && is_doomed(key)).collect();
        let at = Utc::now();
        self.change(|document, _| {
            let is_doomed = |key: &Entry| doomed.iter().any(|doomed| doomed.id == key.id);
            let (gone, kept): (Vec<Entry>, Vec<Entry>) = mem::take(&mut document.keys).into_iter().partition(is_doomed);
            document.keys = kept;
            let is_changed = !gone.is_empty();
            document.destroyed.extend(gone.into_iter().map(|key| key.destroyed(at)));
            Ok(is_changed)
        })
        .await?;
        Ok(doomed.into_iter().map(|key| KeyStatus { destroyed_at: Some(at), seals: false, ..key }).collect())
    }

    /// Applies `change` to the newest ring and writes it, if it says that there is something to write.
    pub(super) async fn change(
        &self,
        mut change: impl FnMut(&mut Document, &DerivedKey) -> Result<bool, KeyError>,
    ) -> Result<Arc<OpenRing>, KeyError> {
        self.opened().await?;
        let _alone = self.changing.lock().await;
        for _ in 0..ATTEMPTS {
            self.refresh().await?;
            let ring = self.opened().await?;
            let mut document = ring.document.clone();
            if !change(&mut document, &ring.wrapping)? {
                return Ok(ring);
            }
            if self.put(&ring, document).await? {
                self.refresh().await?;
                return self.opened().await;
            }
        }
        Err(KeyError::Busy)
    }

    /// False if somebody else changed it meanwhile.
    async fn put(&self, ring: &OpenRing, mut document: Document) -> Result<bool, KeyError> {
        let bytes = document.encode(&ring.code_key())?;
        match self.store.put_opts(&ring_path(), bytes.into(), PutMode::Update(ring.as_read.clone()).into()).await {
            Ok(_) => Ok(true),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(KeyError::Ring { source }),
        }
    }

    /// A ring without data keys, as it is written.
    pub(super) async fn new_ring(&self) -> Result<Vec<u8>, KeyError> {
        let (site, wrapping) = (random_secret()?, random_secret()?);
        let (suite, key) = (self.keys.suite, self.keys.encryption.as_ref());
        let mut installation = [0; 16];
        getrandom::fill(&mut installation).map_err(|source| KeyError::NoRandom { source })?;
        let installation = hex::encode(installation);
        let secrets = wrapped(key, suite, &installation, &site, &wrapping).await?;
        let mut document = Document::new(installation, key.name().await?, suite, &secrets.site, &secrets.wrapping);
        document.encode(&code_key(&DerivedKey::new(site, suite)))
    }
}

async fn wrapped(
    key: &dyn KeyEncryption,
    suite: Suite,
    installation: &str,
    site: &[u8; 32],
    wrapping: &[u8; 32],
) -> Result<Secrets, KeyError> {
    let context = |name: &str| Document::context_of_secret(installation, name);
    Ok(Secrets {
        site: key.wrap(suite, site, &context("site")).await?,
        wrapping: key.wrap(suite, wrapping, &context("wrapping")).await?,
    })
}
