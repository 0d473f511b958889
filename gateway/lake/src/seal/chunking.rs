//! How an object is cut into chunks, and what of that follows from lengths alone.

use std::ops::Range;

use super::{HEADER, TAG};

/// Bulk is read in sequence, or some pages of a table at a time: few tags, and little that is opened in vain.
const BULK_LOG2: u8 = 14;
/// Of an index some hundred bytes are read at a time, anywhere.
const INDEX_LOG2: u8 = 12;

/// The size of an object's chunks. It follows from the object's path, so that the plain length follows from the path and the
/// sealed length, without a look into the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunking(u8);

impl Chunking {
    pub(super) const BULK: Self = Self(BULK_LOG2);
    const INDEX: Self = Self(INDEX_LOG2);

    pub(crate) fn of_path(path: &str) -> Self {
        if path.starts_with("index/") { Self::INDEX } else { Self::BULK }
    }

    pub(super) fn log2(self) -> u8 {
        self.0
    }

    /// Plain bytes in every chunk but the last.
    pub(crate) fn chunk(self) -> u64 {
        1 << self.0
    }

    /// Bytes of a full chunk as it lies in the store.
    pub(crate) fn sealed_chunk(self) -> u64 {
        self.chunk() + TAG
    }

    /// Plain length of an object of `sealed` bytes; nothing if sealing gives no such length.
    pub(crate) fn plain_len(self, sealed: u64) -> Option<u64> {
        let body = sealed.checked_sub(HEADER)?;
        let (full, rest) = (body / self.sealed_chunk(), body % self.sealed_chunk());
        match rest {
            0 if full > 0 => Some(full * self.chunk()),
            // An empty chunk stands only alone: behind others it would be a second way to write the same content.
            TAG if full > 0 => None,
            _ => Some(full * self.chunk() + rest.checked_sub(TAG)?),
        }
    }

    /// Chunks of an object of `plain` bytes.
    pub(crate) fn n_chunks(self, plain: u64) -> u64 {
        plain.div_ceil(self.chunk()).max(1)
    }

    /// The chunks that hold the plain bytes `range`. An empty range at the start asks for the first chunk, so that an empty
    /// object is checked too.
    pub(crate) fn chunks_of(self, range: &Range<u64>) -> Range<u64> {
        let first = range.start / self.chunk();
        first..(range.end.saturating_sub(1) / self.chunk()).max(first) + 1
    }

    /// Where those chunks lie in an object of `sealed` bytes.
    pub(crate) fn sealed_range(self, chunks: &Range<u64>, sealed: u64) -> Range<u64> {
        let at = |chunk: u64| HEADER + chunk * self.sealed_chunk();
        at(chunks.start).min(sealed)..at(chunks.end).min(sealed)
    }
}
