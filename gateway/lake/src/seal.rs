//! How one object is sealed.
//!
//! ```text
//! object = header chunk chunk … chunk
//! header = magic(7) version(1) key id(8) salt(32) nonce prefix(7) suite(1) log2 of the chunk size(1) zero(7)   = 64 bytes
//! chunk  = ciphertext(65536, the last one 0 to 65536) tag(16)
//! ```
//! Suite 1 is AES-256-GCM. The object key is HKDF(store key, salt); the nonce of a chunk is prefix ‖ counter ‖ last-flag
//! (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015); the header and the object's path are
//! associated data of every chunk. An empty object has one empty chunk. So a chunk opens only in its place, in its
//! object, under its path, and the last one only as the last one. The length of the plain text follows from the length of
//! the object, without reading it.

use std::fmt;
use std::ops::Range;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};

use crate::key::{DerivedKey, MasterKey};

mod sealer;

pub(crate) use sealer::Sealer;

/// Plain bytes in every chunk but the last.
pub(crate) const CHUNK: u64 = 1 << CHUNK_LOG2;
const CHUNK_LOG2: u8 = 16;
const TAG: u64 = 16;
/// Bytes of a full chunk as it lies in the store.
pub(crate) const SEALED_CHUNK: u64 = CHUNK + TAG;
/// Bytes before the first chunk.
pub(crate) const HEADER: u64 = 64;

const MAGIC: &[u8; 7] = b"DTSEAL\0";
const VERSION: u8 = 1;
const SUITE_AES_256_GCM: u8 = 1;
const SALT_BYTES: usize = 32;
const PREFIX_BYTES: usize = 7;
const KEY_ID_BYTES: usize = 8;

/// Why a sealed object or log cannot be opened. Whoever meets one of these must look: it is not a passing failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// It does not begin as a sealed object does.
    #[error("not a sealed object")]
    NotSealed,
    /// It was sealed under another master key.
    #[error("sealed under another key")]
    OtherKey,
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

/// The key all objects of one store are sealed under, with its public name.
pub(crate) struct StoreKey {
    key: DerivedKey,
    id: [u8; KEY_ID_BYTES],
}

impl StoreKey {
    pub(crate) fn of(master: &MasterKey) -> Self {
        let key = master.derive("lake/objects/v1");
        let name = key.derive("key id", b"");
        let mut id = [0; KEY_ID_BYTES];
        id.iter_mut().zip(name.as_bytes()).for_each(|(to, from)| *to = *from);
        Self { key, id }
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(hidden)")
    }
}

/// The 64 bytes before the first chunk.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    salt: [u8; SALT_BYTES],
    prefix: [u8; PREFIX_BYTES],
    key_id: [u8; KEY_ID_BYTES],
}

impl Header {
    /// A header for a new object: fresh salt and nonce prefix.
    fn fresh(key: &StoreKey) -> Result<Self, SealFault> {
        let mut header = Self { salt: [0; SALT_BYTES], prefix: [0; PREFIX_BYTES], key_id: key.id };
        getrandom::fill(&mut header.salt).map_err(|_| SealFault::NoRandom)?;
        getrandom::fill(&mut header.prefix).map_err(|_| SealFault::NoRandom)?;
        Ok(header)
    }

    /// Reads the header at the start of `object`, which may go on behind it.
    fn parse(object: &[u8], key: &StoreKey) -> Result<Self, SealFault> {
        let (magic, rest) = object.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let ([version], rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let (key_id, rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let (prefix, rest) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        let (tail, _) = rest.split_first_chunk().ok_or(SealFault::NotSealed)?;
        if magic != MAGIC || *version != VERSION || tail != &HEADER_TAIL {
            return Err(SealFault::NotSealed);
        }
        if *key_id != key.id {
            return Err(SealFault::OtherKey);
        }
        Ok(Self { salt: *salt, prefix: *prefix, key_id: *key_id })
    }

    fn to_bytes(self) -> Vec<u8> {
        [&MAGIC[..], &[VERSION], &self.key_id, &self.salt, &self.prefix, &HEADER_TAIL].concat()
    }
}

/// Suite, chunk size and padding: fixed in this version.
const HEADER_TAIL: [u8; 9] = [SUITE_AES_256_GCM, CHUNK_LOG2, 0, 0, 0, 0, 0, 0, 0];

/// Seals and opens the chunks of one object.
pub(crate) struct ObjectCipher {
    cipher: Aes256Gcm,
    prefix: [u8; PREFIX_BYTES],
    associated: Vec<u8>,
}

impl ObjectCipher {
    /// For reading the object at `path` that begins with these bytes.
    pub(crate) fn open(object: &[u8], key: &StoreKey, path: &str) -> Result<Self, SealFault> {
        Ok(Self::with_header(Header::parse(object, key)?, key, path))
    }

    fn with_header(header: Header, key: &StoreKey, path: &str) -> Self {
        let object_key = key.key.derive("object", &header.salt);
        let mut associated = header.to_bytes();
        associated.extend_from_slice(path.as_bytes());
        Self { cipher: Aes256Gcm::new(object_key.as_bytes().into()), prefix: header.prefix, associated }
    }

    fn nonce(&self, index: u32, place: Place) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = [0; 12];
        let last = match place {
            Place::Inner => 0,
            Place::Last => 1,
        };
        let bytes = self.prefix.iter().copied().chain(index.to_be_bytes()).chain([last]);
        nonce.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        nonce.into()
    }

    /// Appends the sealed chunk to `out`.
    fn seal(&self, index: u32, place: Place, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealFault> {
        let start = out.len();
        out.extend_from_slice(plain);
        let (_, body) = out.split_at_mut(start);
        let tag = self
            .cipher
            .encrypt_inout_detached(&self.nonce(index, place), &self.associated, body.into())
            .map_err(|_| SealFault::TooLarge)?;
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
            let len = rest.len().min(SEALED_CHUNK as usize);
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
        if place == Place::Inner && body_len as u64 != CHUNK {
            return Err(SealFault::Length);
        }
        let (body, tag) = chunk.split_at_mut(body_len);
        let tag = Tag::try_from(&*tag).map_err(|_| SealFault::Length)?;
        self.cipher
            .decrypt_inout_detached(&self.nonce(index, place), &self.associated, body.into(), &tag)
            .map_err(|_| SealFault::Changed)?;
        Ok(body_len)
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

/// Plain length of an object of `sealed` bytes; nothing if sealing gives no such length.
pub(crate) fn plain_len(sealed: u64) -> Option<u64> {
    let body = sealed.checked_sub(HEADER)?;
    let (full, rest) = (body / SEALED_CHUNK, body % SEALED_CHUNK);
    match rest {
        0 if full > 0 => Some(full * CHUNK),
        // An empty chunk stands only alone: behind others it would be a second way to write the same content.
        TAG if full > 0 => None,
        _ => Some(full * CHUNK + rest.checked_sub(TAG)?),
    }
}

/// Chunks of an object of `plain` bytes.
pub(crate) fn n_chunks(plain: u64) -> u64 {
    plain.div_ceil(CHUNK).max(1)
}

/// The chunks that hold the plain bytes `range`. An empty range at the start asks for the first chunk, so that an empty
/// object is checked too.
pub(crate) fn chunks_of(range: &Range<u64>) -> Range<u64> {
    let first = range.start / CHUNK;
    first..(range.end.saturating_sub(1) / CHUNK).max(first) + 1
}

/// Where those chunks lie in an object of `sealed` bytes.
pub(crate) fn sealed_range(chunks: &Range<u64>, sealed: u64) -> Range<u64> {
    let at = |chunk: u64| HEADER + chunk * SEALED_CHUNK;
    at(chunks.start).min(sealed)..at(chunks.end).min(sealed)
}

#[cfg(test)]
mod tests;
