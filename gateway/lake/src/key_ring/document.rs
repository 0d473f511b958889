//! The key ring as it lies in the store.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key::{DerivedKey, KeyError};
use crate::key_class::KeyClass;
use crate::suite::{KEY_BYTES, Suite, suite_of};

/// Names one data key, in the header of everything it sealed.
pub(crate) type KeyId = [u8; 8];

const FORMAT: u32 = 1;

/// `keyring.json`: wrapped keys and what is known about them. Holds no secret in clear, and cannot be changed unnoticed
/// by somebody who has no key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    format: u32,
    /// Random; part of the context of everything wrapped here.
    pub(super) installation: String,
    /// Public name of the key-encryption key.
    pub(super) wrapped_by: String,
    /// Number of the suite of the two secrets below.
    suite: u8,
    /// What the keys of [`crate::SiteKey`] are derived from. Never changes.
    pub(super) site: Wrapped,
    /// What the data keys are wrapped under. Another one with each key-encryption key.
    pub(super) wrapping: Wrapped,
    pub(super) keys: Vec<Entry>,
    pub(super) destroyed: Vec<DestroyedKey>,
    /// Over all the rest, by a key of the site.
    code: String,
}

/// Bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Wrapped(String);

impl Wrapped {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(STANDARD.encode(bytes))
    }

    pub(super) fn bytes(&self) -> Result<Vec<u8>, KeyError> {
        STANDARD.decode(&self.0).map_err(|_| KeyError::RingChanged)
    }
}

/// A data key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) class: KeyClass,
    /// Counts the keys of a class, from 1. The highest one seals; all of them open.
    pub(super) epoch: u32,
    pub(super) suite: u8,
    pub(super) made_at: DateTime<Utc>,
    pub(super) wrapped: Wrapped,
}

/// A key there was: all of its entry but the key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DestroyedKey {
    pub(super) id: String,
    pub(super) class: KeyClass,
    pub(super) epoch: u32,
    pub(super) suite: u8,
    pub(super) made_at: DateTime<Utc>,
    pub(super) destroyed_at: DateTime<Utc>,
}

impl Document {
    pub(super) fn new(installation: String, wrapped_by: String, suite: Suite, site: &[u8], wrapping: &[u8]) -> Self {
        let (site, wrapping) = (Wrapped::new(site), Wrapped::new(wrapping));
        let (keys, destroyed, code) = (Vec::new(), Vec::new(), String::new());
        Self { format: FORMAT, installation, wrapped_by, suite: suite.id(), site, wrapping, keys, destroyed, code }
    }

    /// What the secret `name` of this ring is wrapped together with.
    pub(super) fn context_of_secret(installation: &str, name: &str) -> Vec<u8> {
        format!("datong key ring\0{installation}\0{name}").into_bytes()
    }

    pub(super) fn suite(&self) -> Result<Suite, KeyError> {
        suite_of(self.suite).ok_or(KeyError::RingChanged)
    }

    /// As it is written: with a code of everything else in it.
    pub(super) fn encode(&mut self, code_key: &DerivedKey) -> Result<Vec<u8>, KeyError> {
        self.code = hex::encode(self.expected_code(code_key)?);
        serde_json::to_vec_pretty(self).map_err(|_| KeyError::RingChanged)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        let document: Self = serde_json::from_slice(bytes).map_err(|_| KeyError::RingChanged)?;
        if document.format == FORMAT { Ok(document) } else { Err(KeyError::RingChanged) }
    }

    /// Whether it is what was written.
    pub(super) fn check(&self, code_key: &DerivedKey) -> Result<(), KeyError> {
        let given = hex::decode(&self.code).map_err(|_| KeyError::RingChanged)?;
        let is_ours = self.expected_code(code_key)?.ct_eq(&given);
        if bool::from(is_ours) { Ok(()) } else { Err(KeyError::RingChanged) }
    }

    fn expected_code(&self, code_key: &DerivedKey) -> Result<[u8; 32], KeyError> {
        let without_code = Self { code: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&without_code).map_err(|_| KeyError::RingChanged)?;
        Ok(code_key.suite().mac(code_key.as_bytes(), &[b"key ring", &text]))
    }

    /// The key of the class that seals.
    pub(super) fn newest(&self, class: &KeyClass) -> Option<&Entry> {
        self.keys.iter().filter(|key| key.class == *class).max_by_key(|key| key.epoch)
    }

    /// Adds a key of the epoch after all there were of its class.
    pub(super) fn add_key(
        &mut self,
        class: &KeyClass,
        suite: Suite,
        wrapping: &DerivedKey,
        now: DateTime<Utc>,
    ) -> Result<(), KeyError> {
        let gone = self.destroyed.iter().filter(|key| key.class == *class).map(|key| key.epoch);
        let epoch = self.newest(class).map(|key| key.epoch).into_iter().chain(gone).max().unwrap_or(0) + 1;
        let mut id = KeyId::default();
        getrandom::fill(&mut id).map_err(|source| KeyError::NoRandom { source })?;
        let id = hex::encode(id);
        let wrapped = Wrapped::new(&[]);
        let mut entry = Entry { id, class: class.clone(), epoch, suite: suite.id(), made_at: now, wrapped };
        let secret = crate::key::random_secret()?;
        entry.wrap(&secret, wrapping, &self.installation)?;
        self.keys.push(entry);
        Ok(())
    }
}

impl Entry {
    pub(super) fn wrap(
        &mut self,
        secret: &[u8; KEY_BYTES],
        wrapping: &DerivedKey,
        installation: &str,
    ) -> Result<(), KeyError> {
        self.wrapped = Wrapped::new(&crate::key_encryption::wrap(wrapping, secret, &self.context(installation))?);
        Ok(())
    }

    pub(super) fn unwrap(
        &self,
        wrapping: &DerivedKey,
        installation: &str,
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
        let secret = crate::key_encryption::unwrap(wrapping, &self.wrapped.bytes()?, &self.context(installation));
        secret.ok_or(KeyError::RingChanged)
    }

    pub(super) fn key_id(&self) -> Result<KeyId, KeyError> {
        let id = hex::decode(&self.id).map_err(|_| KeyError::RingChanged)?;
        id.try_into().map_err(|_| KeyError::RingChanged)
    }

    /// What stays of it when the key goes.
    pub(super) fn destroyed(self, destroyed_at: DateTime<Utc>) -> DestroyedKey {
        let Self { id, class, epoch, suite, made_at, wrapped: _ } = self;
        DestroyedKey { id, class, epoch, suite, made_at, destroyed_at }
    }

    /// A key opens only as what it was made for.
    fn context(&self, installation: &str) -> Vec<u8> {
        let Self { id, class, epoch, suite, .. } = self;
        format!("datong data key\0{installation}\0{id}\0{class}\0{epoch}\0{suite}").into_bytes()
    }
}
