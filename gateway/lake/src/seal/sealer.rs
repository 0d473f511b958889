//! Sealing a stream of bytes, chunk by chunk.

use super::{Chunking, Header, ObjectCipher, Place, SealFault};
use crate::key_ring::DataKey;

/// Takes plain bytes in pieces of any size and gives sealed bytes; holds at most one chunk of plain text besides what
/// has not been taken yet.
#[derive(Debug)]
pub(crate) struct Sealer {
    cipher: ObjectCipher,
    /// Plain bytes of a chunk that may still turn out to be the last one.
    pending: Vec<u8>,
    next: u32,
    sealed: Vec<u8>,
}

impl Sealer {
    /// Starts a new object that will lie at `path`.
    pub(crate) fn new(key: &DataKey, path: &str) -> Result<Self, SealFault> {
        let header = Header::fresh(key, Chunking::of_path(path))?;
        let cipher = ObjectCipher::new(header, key, path)?;
        Ok(Self { cipher, pending: Vec::new(), next: 0, sealed: header.to_bytes() })
    }

    /// Seals `parts`, one after the other, as a whole object at `path`.
    pub(crate) fn seal_all<'a>(
        key: &DataKey,
        path: &str,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<u8>, SealFault> {
        let mut sealer = Self::new(key, path)?;
        for part in parts {
            sealer.push(part)?;
        }
        sealer.finish()
    }

    /// Adds plain bytes.
    pub(crate) fn push(&mut self, mut plain: &[u8]) -> Result<(), SealFault> {
        let chunk = self.cipher.chunking().chunk() as usize;
        while !plain.is_empty() {
            // Only now is it certain that a full pending chunk is not the last.
            if self.pending.len() == chunk {
                self.seal_pending(Place::Inner)?;
            }
            let room = chunk - self.pending.len();
            let (now, later) = plain.split_at(room.min(plain.len()));
            self.pending.extend_from_slice(now);
            plain = later;
        }
        Ok(())
    }

    /// Exactly `len` sealed bytes from the front, if there are that many.
    pub(crate) fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        if self.sealed.len() < len {
            return None;
        }
        let rest = self.sealed.split_off(len);
        Some(std::mem::replace(&mut self.sealed, rest))
    }

    /// Seals the last chunk as the last one and gives all sealed bytes not taken yet.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, SealFault> {
        self.seal_pending(Place::Last)?;
        Ok(self.sealed)
    }

    fn seal_pending(&mut self, place: Place) -> Result<(), SealFault> {
        self.cipher.seal(self.next, place, &self.pending, &mut self.sealed)?;
        self.pending.clear();
        // The counter of the last chunk is never followed by another.
        match (place, self.next.checked_add(1)) {
            (_, Some(next)) => self.next = next,
            (Place::Inner, None) => return Err(SealFault::TooLarge),
            (Place::Last, None) => {}
        }
        Ok(())
    }
}
