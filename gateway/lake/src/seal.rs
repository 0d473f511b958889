//! How one object is sealed.
//!
//! ```text
//! object = header chunk chunk … chunk
//! header = magic(7) version(1) key id(8) salt(32) nonce prefix(7) suite(1) log2 of the chunk size(1) zero(7)   = 64 bytes
//! chunk  = ciphertext(chunk size, the last one 0 to chunk size) tag(16)
//! ```
//! Key id names a key of the [`crate::KeyRing`], suite the [`crate::CipherSuite`] it is for. The object key is HKDF(data key, salt); the nonce of a chunk is prefix ‖ counter ‖ last-flag
//! (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015); the header and the object's path are
//! associated data of every chunk. An empty object has one empty chunk. So a chunk opens only in its place, in its
//! object, under its path, and the last one only as the last one. The length of the plain text follows from the length of
//! the object, without reading it.

use std::fmt;

use crate::key_ring::{DataKey, KeyId};
use crate::suite::{Cipher, NONCE_BYTES, TAG_BYTES, suite_of};

mod chunking;
mod sealer;

pub(crate) use chunking::Chunking;
pub(crate) use sealer::Sealer;

const TAG: u64 = TAG_BYTES as u64;
/// Bytes before the first chunk.
pub(crate) const HEADER: u64 = 64;

const MAGIC: &[u8; 7] = b"DTSEAL\0";
const VERSION: u8 = 2;
const SALT_BYTES: usize = 32;
const PREFIX_BYTES: usize = 7;

/// Why a sealed object or log cannot be opened. Whoever meets one of these must look: it is not a passing failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// It does not begin as a sealed object does.
    #[error("not a sealed object")]
    NotSealed,
    /// Its length is none that sealing gives.
    #[error("the length is not that of a sealed object")]
    Length,
    /// A part of it was changed, cut, moved, or belongs to another object.
    #[error("the content was changed since it was sealed")]
    Changed,
    /// More than 2^32 chunks (256 TiB).
    #[error("too large to be sealed as one object")]
    TooLarge,
    /// The operating system gave no random bytes.
    #[error("no random bytes to seal with")]
    NoRandom,
}

/// The 64 bytes before the first chunk.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    key_id: KeyId,
    salt: [u8; SALT_BYTES],
    prefix: [u8; PREFIX_BYTES],
    suite: u8,
    chunking: Chunking,
}

impl Header {
    /// A header for a new object: fresh salt and nonce prefix.
    fn fresh(key: &DataKey, chunking: Chunking) -> Result<Self, SealFault> {
        let (salt, prefix) = ([0; SALT_BYTES], [0; PREFIX_BYTES]);
        let mut header = Self { key_id: key.id, salt, prefix, suite: key.key.suite().id(), chunking };
        getrandom::fill(&mut header.salt).map_err(|_| SealFault::NoRandom)?;
        getrandom::fill(&mut header.prefix).map_err(|_| SealFault::NoRandom)?;
        Ok(header)
    }

    /// Reads the header at the start of `object`, which may go on behind it and lies at `path`.
    pub(crate) fn parse(object: &[u8], path: &str) -> Result<Self, SealFault> {
        let (magic, rest) = object.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let ([version], rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let (key_id, rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let (prefix, rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let ([suite, chunk_log2, padding @ ..], _) = rest.split_first_chunk::<9>().ok_or(SealFault::NotSealed)?;
        let chunking = Chunking::of_path(path);
        let is_known = magic == MAGIC && *version == VERSION && suite_of(*suite).is_some();
        if !is_known || *chunk_log2 != chunking.log2() || padding != &[0; 7] {
            return Err(SealFault::NotSealed);
        }
        Ok(Self { key_id: *key_id, salt: *salt, prefix: *prefix, suite: *suite, chunking })
    }

    /// The key it was sealed under.
    pub(crate) fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    fn to_bytes(self) -> Vec<u8> {
        let tail = [self.suite, self.chunking.log2()];
        [&MAGIC[..], &[VERSION], &self.key_id, &self.salt, &self.prefix, &tail, &[0; 7]].concat()
    }
}

/// Seals and opens the chunks of one object.
pub(crate) struct ObjectCipher {
    cipher: Box<dyn Cipher>,
    prefix: [u8; PREFIX_BYTES],
    chunking: Chunking,
    associated: Vec<u8>,
}

impl ObjectCipher {
    /// For the object at `path` that begins with this header, with the key that the header names.
    pub(crate) fn new(header: Header, key: &DataKey, path: &str) -> Result<Self, SealFault> {
        // What the header says of the suite is not trusted: the key decides.
        if header.key_id != key.id || header.suite != key.key.suite().id() {
            return Err(SealFault::Changed);
        }
        let object_key = key.key.derive("object", &header.salt);
        let mut associated = header.to_bytes();
        associated.extend_from_slice(path.as_bytes());
        let cipher = object_key.suite().cipher(object_key.as_bytes());
        Ok(Self { cipher, prefix: header.prefix, chunking: header.chunking, associated })
    }

    /// How the object is cut.
    pub(crate) fn chunking(&self) -> Chunking {
        self.chunking
    }

    fn nonce(&self, index: u32, place: Place) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        let last = match place {
            Place::Inner => 0,
            Place::Last => 1,
        };
        let bytes = self.prefix.iter().copied().chain(index.to_be_bytes()).chain([last]);
        nonce.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        nonce
    }

    /// Appends the sealed chunk to `out`.
    fn seal(&self, index: u32, place: Place, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealFault> {
        let start = out.len();
        out.extend_from_slice(plain);
        let (_, body) = out.split_at_mut(start);
        let tag = self.cipher.seal(&self.nonce(index, place), &self.associated, body).ok_or(SealFault::TooLarge)?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Opens `sealed` in place, which must be whole chunks from number `first` on of an object of `n_chunks` chunks, and
    /// leaves the plain text in it.
    pub(crate) fn open_chunks(&self, first: u64, n_chunks: u64, sealed: &mut Vec<u8>) -> Result<(), SealFault> {
        let mut index = first;
        let mut plain_len = 0;
        let mut rest = sealed.as_mut_slice();
        let mut moves = Vec::new();
        let mut offset = 0;
        while !rest.is_empty() {
            let len = rest.len().min(self.chunking.sealed_chunk() as usize);
            let (chunk, after) = rest.split_at_mut(len);
            let place = if index + 1 == n_chunks { Place::Last } else { Place::Inner };
            let opened = self.open_chunk(index, place, chunk)?;
            moves.push((offset..offset + opened, plain_len));
            plain_len += opened;
            offset += len;
            index += 1;
            rest = after;
        }
        // Close the gaps the tags leave.
        for (from, to) in moves {
            sealed.copy_within(from, to);
        }
        sealed.truncate(plain_len);
        Ok(())
    }

    fn open_chunk(&self, index: u64, place: Place, chunk: &mut [u8]) -> Result<usize, SealFault> {
        let index = u32::try_from(index).map_err(|_| SealFault::TooLarge)?;
        let body_len = chunk.len().checked_sub(TAG as usize).ok_or(SealFault::Length)?;
        if place == Place::Inner && body_len as u64 != self.chunking.chunk() {
            return Err(SealFault::Length);
        }
        let (body, tag) = chunk.split_at_mut(body_len);
        let tag: &[u8; TAG_BYTES] = (&*tag).try_into().map_err(|_| SealFault::Length)?;
        let opened = self.cipher.open(&self.nonce(index, place), &self.associated, body, tag);
        if opened { Ok(body_len) } else { Err(SealFault::Changed) }
    }
}

impl fmt::Debug for ObjectCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectCipher(hidden)")
    }
}

/// Whether a chunk ends its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Inner,
    Last,
}

#[cfg(test)]
mod tests;
