//! The master key and what is derived from it.

use std::fmt;
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Length of every key here, in bytes.
pub(crate) const KEY_BYTES: usize = 32;

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
    /// The operating system gave no random bytes.
    #[error("no random bytes for a new key")]
    NoRandom {
        /// What the operating system said.
        #[source]
        source: getrandom::Error,
    },
}

/// The one secret of an installation: 32 bytes, kept outside the data folder, wiped from memory when dropped.
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
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(secret.as_mut_slice()).map_err(|source| KeyError::NoRandom { source })?;
        Ok(Self { secret, origin: None })
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

    /// The key for one purpose. Equal purposes give equal keys; from one derived key neither the master key nor any
    /// other can be found. HKDF-SHA256 (RFC 5869), the purpose as `info`.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> DerivedKey {
        DerivedKey(expand(MASTER_SALT, &self.secret, &[purpose.as_bytes()]))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(32 bytes, hidden)")
    }
}

/// A key for one purpose, wiped from memory when dropped.
#[derive(Clone)]
pub struct DerivedKey(Zeroizing<[u8; KEY_BYTES]>);

impl DerivedKey {
    /// The 32 secret bytes, to hand to a cipher or a MAC.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// A key below this one, for one `purpose` and one public `salt` (of an object, a log file, a day).
    #[must_use]
    pub fn derive(&self, purpose: &str, salt: &[u8]) -> Self {
        Self(expand(salt, &self.0, &[purpose.as_bytes()]))
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey(32 bytes, hidden)")
    }
}

fn expand(salt: &[u8], secret: &[u8; KEY_BYTES], info: &[&[u8]]) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    #[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 255 * 32 bytes, and 32 are asked for")]
    Hkdf::<Sha256>::new(Some(salt), secret).expand_multi_info(info, key.as_mut_slice()).expect("32 bytes of key");
    key
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
    fn derivation_is_hkdf_sha256() {
        // RFC 5869, test case 1 with the first 32 of its 42 bytes would need another key length; therefore the
        // definition is written out here with HMAC alone: T(1) = HMAC(HMAC(salt, key), info || 0x01).
        use hmac::{Hmac, KeyInit, Mac};
        let mac = |key: &[u8], data: &[&[u8]]| -> Vec<u8> {
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
            data.iter().for_each(|d| mac.update(d));
            mac.finalize().into_bytes().to_vec()
        };
        let pseudo_random = mac(MASTER_SALT, &[&[7; 32]]);
        let expected = mac(&pseudo_random, &[b"token", &[1]]);
        assert_eq!(MasterKey::from_bytes([7; 32]).derive("token").as_bytes().as_slice(), expected);
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
