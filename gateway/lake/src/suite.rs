//! What seals: a cipher with its hash, chosen per site.
//!
//! Two suites are built in: AES-256-GCM with SHA-256, and the national algorithms SM4-GCM (GB/T 32907, RFC 8998) with SM3
//! (GB/T 32905), which GB/T 39786 asks of systems that are assessed for it. Every sealed thing names its suite, so that a
//! site can go from one to the other and still read what it has.
//!
//! AES-256-GCM is computed by aws-lc: what the crate `aes-gcm` gives bit for bit (there is a test), at five times its speed, since
//! that has no vectorized GHASH. Measured (`examples/sealing_speed.rs`), that is most of what sealing costs a scan.

use std::fmt;
use std::marker::PhantomData;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, BlockSizeUser, KeySizeUser};
use aes_gcm::{AesGcm, Nonce, Tag};
use aws_lc_rs::aead;
use hkdf::{GenericHkdf, HmacImpl};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sm3::Sm3;
use sm4::Sm4;
use zeroize::Zeroizing;

/// Length of every secret, in bytes. A cipher with shorter keys takes the first of them.
pub(crate) const KEY_BYTES: usize = 32;
pub(crate) const NONCE_BYTES: usize = 12;
pub(crate) const TAG_BYTES: usize = 16;

/// A cipher with its hash. Everything the lake keeps is sealed through one of these, and nothing else in it names an algorithm.
pub trait CipherSuite: Send + Sync + fmt::Debug {
    /// Its number in the header of what it sealed.
    fn id(&self) -> u8;
    /// Its name in configurations and reports.
    fn name(&self) -> &'static str;
    /// HKDF (RFC 5869) with the suite's hash: a key from `secret`, a public `salt` and a purpose, which may come in parts.
    fn derive(&self, salt: &[u8], secret: &[u8; KEY_BYTES], info: &[&[u8]]) -> Zeroizing<[u8; KEY_BYTES]>;
    /// HMAC (RFC 2104) with the suite's hash, over `parts` one behind the other.
    fn mac(&self, key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32];
    /// The suite's cipher under one key.
    fn cipher(&self, key: &[u8; KEY_BYTES]) -> Box<dyn Cipher>;
}

/// Authenticated encryption under one key.
pub trait Cipher: Send + Sync {
    /// Encrypts `text` in place and gives its tag; nothing if it is too long for the cipher. A nonce serves once.
    fn seal(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], text: &mut [u8]) -> Option<[u8; TAG_BYTES]>;
    /// Decrypts `text` in place; false if anything of it, its tag, nonce or associated data was changed.
    #[must_use]
    fn open(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], text: &mut [u8], tag: &[u8; TAG_BYTES]) -> bool;
}

/// One of the suites there are.
pub type Suite = &'static dyn CipherSuite;

/// AES-256-GCM, HMAC-SHA-256.
pub const AES_256_GCM: Suite = &International;
/// SM4-GCM, HMAC-SM3.
pub const SM4_GCM: Suite = &National::NEW;

/// Every suite.
pub const SUITES: [Suite; 2] = [AES_256_GCM, SM4_GCM];

/// The suite of that number.
pub(crate) fn suite_of(id: u8) -> Option<Suite> {
    SUITES.into_iter().find(|suite| suite.id() == id)
}

/// The suite of that name.
#[must_use]
pub fn suite_named(name: &str) -> Option<Suite> {
    SUITES.into_iter().find(|suite| suite.name() == name)
}

/// What [`International`] is by definition, and computes but for the cipher.
type Definition = Parts<Aes256, Hmac<Sha256>, 1>;
type National = Parts<Sm4, Hmac<Sm3>, 2>;

/// A suite of a block cipher in Galois/counter mode and the HMAC of a hash.
struct Parts<Block, HashMac, const ID: u8>(PhantomData<fn() -> (Block, HashMac)>);

impl<Block, HashMac, const ID: u8> Parts<Block, HashMac, ID> {
    const NEW: Self = Self(PhantomData);
}

impl<Block, HashMac, const ID: u8> fmt::Debug for Parts<Block, HashMac, ID> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CipherSuite({ID})")
    }
}

impl<Block, HashMac, const ID: u8> CipherSuite for Parts<Block, HashMac, ID>
where
    Block: BlockSizeUser<BlockSize = aes_gcm::aead::consts::U16>
        + BlockCipherEncrypt
        + KeyInit
        + KeySizeUser
        + Send
        + Sync
        + 'static,
    HashMac: HmacImpl + Mac + KeyInit,
{
    fn id(&self) -> u8 {
        ID
    }

    fn name(&self) -> &'static str {
        if ID == 1 { "aes-256-gcm" } else { "sm4-gcm" }
    }

    #[expect(clippy::expect_used, reason = "HKDF gives up to 255 times 32 bytes, and 32 are asked for")]
    fn derive(&self, salt: &[u8], secret: &[u8; KEY_BYTES], info: &[&[u8]]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let expanded = GenericHkdf::<HashMac>::new(Some(salt), secret).expand_multi_info(info, key.as_mut_slice());
        expanded.expect("32 bytes of key");
        key
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    fn mac(&self, key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <HashMac as KeyInit>::new_from_slice(key).expect("a key of 32 bytes");
        parts.iter().for_each(|part| Mac::update(&mut mac, part));
        let mut code = [0; 32];
        code.iter_mut().zip(Mac::finalize(mac).into_bytes()).for_each(|(to, from)| *to = from);
        code
    }

    #[expect(clippy::expect_used, reason = "no block cipher here has keys of more than 32 bytes")]
    fn cipher(&self, key: &[u8; KEY_BYTES]) -> Box<dyn Cipher> {
        let key = key.get(..Block::key_size()).and_then(|key| Block::new_from_slice(key).ok());
        Box::new(Galois(AesGcm::<Block, aes_gcm::aead::consts::U12>::from(key.expect("a key of the cipher's length"))))
    }
}

#[derive(Debug)]
struct International;

impl CipherSuite for International {
    fn id(&self) -> u8 {
        Definition::NEW.id()
    }

    fn name(&self) -> &'static str {
        Definition::NEW.name()
    }

    fn derive(&self, salt: &[u8], secret: &[u8; KEY_BYTES], info: &[&[u8]]) -> Zeroizing<[u8; KEY_BYTES]> {
        Definition::NEW.derive(salt, secret, info)
    }

    fn mac(&self, key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32] {
        Definition::NEW.mac(key, parts)
    }

    #[expect(clippy::expect_used, reason = "the key has the length of the algorithm's")]
    fn cipher(&self, key: &[u8; KEY_BYTES]) -> Box<dyn Cipher> {
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).expect("a key of 32 bytes");
        Box::new(Vectorized(aead::LessSafeKey::new(key)))
    }
}

/// The library wipes its key when it is dropped.
struct Vectorized(aead::LessSafeKey);

impl Cipher for Vectorized {
    fn seal(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], text: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, aead::Aad::from(associated), text).ok()?;
        tag.as_ref().try_into().ok()
    }

    fn open(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], text: &mut [u8], tag: &[u8; TAG_BYTES]) -> bool {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        self.0.open_in_place_separate_tag(nonce, aead::Aad::from(associated), tag, text).is_ok()
    }
}

struct Galois<Mode>(Mode);

impl<Block> Cipher for Galois<AesGcm<Block, aes_gcm::aead::consts::U12>>
where
    Block: BlockSizeUser<BlockSize = aes_gcm::aead::consts::U16> + BlockCipherEncrypt + Send + Sync,
{
    fn seal(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], text: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
        let tag = self.0.encrypt_inout_detached(&Nonce::from(*nonce), associated, text.into()).ok()?;
        Some(tag.into())
    }

    fn open(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], text: &mut [u8], tag: &[u8; TAG_BYTES]) -> bool {
        self.0.decrypt_inout_detached(&Nonce::from(*nonce), associated, text.into(), &Tag::from(*tag)).is_ok()
    }
}

#[cfg(test)]
mod tests;
