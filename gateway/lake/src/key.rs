//! The master key and what is derived from it.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::suite::{AES_256_GCM, KEY_BYTES, Suite};

/// Separates the keys of this system from those of any other that might be given the same 32 bytes.
const MASTER_SALT: &[u8] = b"datong master key v1";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A key file is never overwritten: what it sealed would be lost.
    #[error("the key file {path} exists already")]
    Exists {
        /// The path as given.
        path: PathBuf,
    },
    /// The key file cannot be created.
    #[error("the key file {path} cannot be written")]
    NotWritten {
        /// The path as given.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The key file cannot be read.
    #[error("the key file {path} cannot be read")]
    NotRead {
        /// The path as given.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Group or others may read or write the key file.
    #[error("the key file {path} has mode {mode:03o}: only its owner may have access (600)")]
    Exposed {
        /// The path as given.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },
    /// Not one line `datong-key-v1:` and 32 bytes in base64.
    #[error("the key file {path} does not hold a key")]
    Malformed {
        /// The path as given.
        path: PathBuf,
    },
    /// The environment has no such credential.
    #[error("the environment variable `{name}` does not hold a key")]
    NoCredential {
        /// Its name.
        name: String,
    },
    /// The program that stands for a key service did not answer as it has to.
    #[error("the key command `{program}` failed: {problem}")]
    Command {
        /// Its name.
        program: String,
        /// What went wrong; nothing of what it wrote.
        problem: String,
    },
    /// Keys of this site were wrapped by another key-encryption key.
    #[error("the key ring `keyring.json` is wrapped by another key-encryption key ({wrapped_by})")]
    OtherKey {
        /// The public name of the key that opens them.
        wrapped_by: String,
    },
    /// The key ring is not what was written, or not understood.
    #[error("the key ring `keyring.json` was changed, or is of a later version")]
    RingChanged,
    /// The data folder holds sealed objects and no key ring.
    #[error("the key ring `keyring.json` has gone: restore it from a backup, nothing can be read without it")]
    RingMissing,
    /// The store that keeps the key ring failed.
    #[error("the key ring `keyring.json` cannot be read or written")]
    Ring {
        /// What the store said.
        source: object_store::Error,
    },
    /// Others change the key ring all the time.
    #[error("the key ring is being changed by others: try again")]
    Busy,
    /// There are no such keys.
    #[error("there is no data key of class `{class}`")]
    NoSuchClass {
        /// The class asked for.
        class: String,
    },
    /// A data key that the ring does not hold.
    #[error("sealed under a key of another installation")]
    NoSuchKey,
    /// A data key that was destroyed on purpose.
    #[error("its key was destroyed at {at}")]
    Destroyed {
        /// When, RFC 3339.
        at: String,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes for a new key")]
    NoRandom {
        /// What the operating system said.
        #[source]
        source: getrandom::Error,
    },
}

/// Random bytes for a new secret.
pub(crate) fn random_secret() -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(secret.as_mut_slice()).map_err(|source| KeyError::NoRandom { source })?;
    Ok(secret)
}

/// The key-encryption key of an installation, as bytes: 32 of them, kept outside the data folder, wiped from memory when
/// dropped. It wraps the keys of the [`crate::KeyRing`] and nothing else.
#[derive(Clone)]
pub struct MasterKey {
    secret: Zeroizing<[u8; KEY_BYTES]>,
    /// The file it came from, with links resolved. [`crate::Lake::open`] refuses one inside its own folder.
    pub(crate) origin: Option<PathBuf>,
}

impl MasterKey {
    /// A new random key that exists in memory only: for what need not be read again, and for tests.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self { secret: random_secret()?, origin: None })
    }

    /// The key that a key service hands over as bytes.
    #[must_use]
    pub fn from_bytes(secret: [u8; KEY_BYTES]) -> Self {
        Self { secret: Zeroizing::new(secret), origin: None }
    }

    /// Makes a new key and writes it to a new file that only its owner may read. Returns when it is on the disk.
    ///
    /// # Errors
    /// [`KeyError::Exists`], [`KeyError::NotWritten`], [`KeyError::NoRandom`].
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let mut key = Self::generate()?;
        crate::key_file::write(path, &key.secret)?;
        key.origin = Some(crate::key_file::resolved(path)?);
        Ok(key)
    }

    /// Reads the key from its file.
    ///
    /// # Errors
    /// [`KeyError::NotRead`], [`KeyError::Exposed`] if others than the owner have access, [`KeyError::Malformed`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let secret = crate::key_file::read(path)?;
        Ok(Self { secret, origin: Some(crate::key_file::resolved(path)?) })
    }

    /// The key in an environment variable: the line that a key file has.
    ///
    /// # Errors
    /// [`KeyError::NoCredential`].
    pub fn from_env(name: &str) -> Result<Self, KeyError> {
        let line = std::env::var(name).map(Zeroizing::new).ok();
        let secret = line.and_then(|line| crate::key_file::parse(&line));
        Ok(Self { secret: secret.ok_or_else(|| KeyError::NoCredential { name: name.to_owned() })?, origin: None })
    }

    /// The key for one purpose in the given suite. Equal purposes give equal keys; from one derived key neither the master
    /// key nor any other can be found. HKDF (RFC 5869), the purpose as `info`.
    #[must_use]
    pub fn derive_in(&self, suite: Suite, purpose: &str) -> DerivedKey {
        DerivedKey { secret: suite.derive(MASTER_SALT, &self.secret, &[purpose.as_bytes()]), suite }
    }

    /// [`MasterKey::derive_in`] AES-256-GCM with SHA-256.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> DerivedKey {
        self.derive_in(AES_256_GCM, purpose)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(32 bytes, hidden)")
    }
}

/// A key for one purpose and one suite, wiped from memory when dropped.
#[derive(Clone)]
pub struct DerivedKey {
    secret: Zeroizing<[u8; KEY_BYTES]>,
    suite: Suite,
}

impl DerivedKey {
    pub(crate) fn new(secret: Zeroizing<[u8; KEY_BYTES]>, suite: Suite) -> Self {
        Self { secret, suite }
    }

    /// The 32 secret bytes, to hand to a cipher or a MAC.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.secret
    }

    /// The suite it is for.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// A key below this one, for one `purpose` and one public `salt` (of an object, a log file, a day).
    #[must_use]
    pub fn derive(&self, purpose: &str, salt: &[u8]) -> Self {
        Self { secret: self.suite.derive(salt, &self.secret, &[purpose.as_bytes()]), suite: self.suite }
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey(32 bytes, hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_decides_the_key() {
        let key = MasterKey::from_bytes([7; 32]);
        let again = MasterKey::from_bytes([7; 32]);
        let other = MasterKey::from_bytes([8; 32]);
        assert_eq!(key.derive("token").as_bytes(), again.derive("token").as_bytes());
        assert_ne!(key.derive("token").as_bytes(), key.derive("audit").as_bytes());
        assert_ne!(key.derive("token").as_bytes(), other.derive("token").as_bytes());
        let token = key.derive("token");
        assert_ne!(token.derive("day", b"1").as_bytes(), token.derive("day", b"2").as_bytes());
        assert_ne!(token.derive("day", b"1").as_bytes(), token.derive("night", b"1").as_bytes());
    }

    #[test]
    fn derivation_is_that_of_the_suite() {
        // HKDF as such is tested with the suites: here only what goes into it.
        let expected = AES_256_GCM.derive(b"datong master key v1", &[7; 32], &[b"token"]);
        assert_eq!(MasterKey::from_bytes([7; 32]).derive("token").as_bytes(), &*expected);
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = MasterKey::from_bytes([0xab; 32]);
        for text in [format!("{key:?}"), format!("{:?}", key.derive("x"))] {
            assert!(text.ends_with("(32 bytes, hidden)"), "{text}");
        }
    }

    #[test]
    fn generated_keys_differ() {
        let (a, b) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        assert_ne!(a.derive("x").as_bytes(), b.derive("x").as_bytes());
    }
}
