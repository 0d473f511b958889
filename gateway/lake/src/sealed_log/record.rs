//! One record of a sealed log.

use std::fmt;

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::LogError;
use crate::DerivedKey;
use crate::suite::{Cipher, NONCE_BYTES, TAG_BYTES};

pub(super) const HEADER_BYTES: usize = 64;
pub(super) const HEAD_BYTES: usize = 4 + NONCE_BYTES + TAG_BYTES;

const MAGIC: &[u8; 8] = b"DTLOG\0\0\x01";
const SALT_BYTES: usize = 32;

/// Seals and opens the records of one log file.
#[derive(Clone)]
pub(super) struct LogCipher {
    cipher: Arc<dyn Cipher>,
    head_key: DerivedKey,
    /// Header and file name.
    associated: Vec<u8>,
}

/// What stands before a record's ciphertext.
pub(super) struct Head {
    body_len: u32,
    nonce: [u8; NONCE_BYTES],
}

impl LogCipher {
    /// For a new log; gives its header as well.
    pub(super) fn create(key: &DerivedKey, name: &[u8]) -> Result<(Self, [u8; HEADER_BYTES]), LogError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| LogError::NoRandom)?;
        let mut header = [0; HEADER_BYTES];
        let bytes = MAGIC.iter().copied().chain(key_id(key)).chain(salt);
        header.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Ok((Self::with_salt(key, &salt, &header, name), header))
    }

    /// For the log that begins with `header`.
    pub(super) fn open(key: &DerivedKey, name: &[u8], header: &[u8; HEADER_BYTES]) -> Result<Self, LogError> {
        let (magic, rest) = header.split_first_chunk().ok_or(LogError::NotSealed)?;
        let (id, rest) = rest.split_first_chunk().ok_or(LogError::NotSealed)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(LogError::NotSealed)?;
        if magic != MAGIC || *id != key_id(key) || rest.iter().any(|b| *b != 0) {
            return Err(LogError::NotSealed);
        }
        Ok(Self::with_salt(key, salt, header, name))
    }

    fn with_salt(key: &DerivedKey, salt: &[u8; SALT_BYTES], header: &[u8; HEADER_BYTES], name: &[u8]) -> Self {
        let record_key = key.derive("log record", salt);
        Self {
            cipher: key.suite().cipher(record_key.as_bytes()).into(),
            head_key: key.derive("log head", salt),
            associated: [header.as_slice(), name].concat(),
        }
    }

    /// Appends the sealed record to `out`.
    pub(super) fn seal(&self, number: u64, record: &[u8], out: &mut Vec<u8>) -> Result<(), LogError> {
        let too_long = || LogError::TooLong { bytes: record.len() };
        let body_len = u32::try_from(record.len() + TAG_BYTES).map_err(|_| too_long())?;
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| LogError::NoRandom)?;
        let head = Head { body_len, nonce };
        out.extend_from_slice(&body_len.to_be_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&self.head_tag(&head, number));
        let start = out.len();
        out.extend_from_slice(record);
        let (_, body) = out.split_at_mut(start);
        let tag = self.cipher.seal(&nonce, &self.associated_with(&head, number), body).ok_or_else(too_long)?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// The record, if its bytes are those that were sealed under this number.
    pub(super) fn open_body(&self, head: &Head, number: u64, mut body: Vec<u8>) -> Option<Vec<u8>> {
        let plain_len = body.len().checked_sub(TAG_BYTES)?;
        let (text, tag) = body.split_at_mut(plain_len);
        let tag: &[u8; TAG_BYTES] = (&*tag).try_into().ok()?;
        if !self.cipher.open(&head.nonce, &self.associated_with(head, number), text, tag) {
            return None;
        }
        body.truncate(plain_len);
        Some(body)
    }

    fn associated_with(&self, head: &Head, number: u64) -> Vec<u8> {
        [self.associated.as_slice(), &number.to_be_bytes(), &head.body_len.to_be_bytes()].concat()
    }

    fn head_tag(&self, head: &Head, number: u64) -> [u8; TAG_BYTES] {
        let associated = self.associated_with(head, number);
        let code = self.head_key.suite().mac(self.head_key.as_bytes(), &[&associated, &head.nonce]);
        *code.first_chunk().unwrap_or(&[0; TAG_BYTES])
    }
}

impl fmt::Debug for LogCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogCipher(hidden)")
    }
}

impl Head {
    /// Reads a head that is certain to be the one written for record `number`.
    pub(super) fn open(bytes: &[u8; HEAD_BYTES], number: u64, cipher: &LogCipher) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk()?;
        let (nonce, tag) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let head = Self { body_len: u32::from_be_bytes(*len), nonce: *nonce };
        bool::from(cipher.head_tag(&head, number).ct_eq(tag)).then_some(head)
    }

    pub(super) fn body_len(&self) -> usize {
        self.body_len as usize
    }
}

fn key_id(key: &DerivedKey) -> [u8; 8] {
    let mut id = [0; 8];
    let name = key.derive("log key id", b"");
    id.iter_mut().zip(name.as_bytes()).for_each(|(to, from)| *to = *from);
    id
}
