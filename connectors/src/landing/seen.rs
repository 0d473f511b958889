//! Which rows were there already.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest as _, Sha256};

/// Hash of what a row says in the declared fields, 16 bytes.
pub(crate) type RowHash = [u8; 16];

/// Hashes the raw texts of the declared fields, in declared order. Columns without meaning for us (序号) do not make two
/// rows different.
pub(crate) fn row_hash<'t>(texts: impl Iterator<Item = &'t str>) -> RowHash {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    let full: [u8; 32] = hasher.finalize().into();
    let (half, _) = full.split_at(16);
    half.try_into().unwrap_or_default()
}

/// The rows of a file so far, 8 bytes each: among ten million rows, two different ones are taken for the same with a
/// probability of 3 in a million.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashSet<u64, BuildHasherDefault<Itself>>);

impl Seen {
    /// Remembers a row; false if it was there already.
    pub(crate) fn is_new(&mut self, hash: &RowHash) -> bool {
        self.0.insert(u64::from_le_bytes(hash.first_chunk().copied().unwrap_or_default()))
    }
}

/// The key is a hash already.
#[derive(Debug, Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_new_once_and_cells_do_not_run_into_each_other() {
        let hash = |cells: &[&str]| row_hash(cells.iter().copied());
        let mut seen = Seen::default();
        assert!(seen.is_new(&hash(&["a", "bc"])));
        assert!(!seen.is_new(&hash(&["a", "bc"])));
        assert!(seen.is_new(&hash(&["ab", "c"])));
        assert!(seen.is_new(&hash(&["a", "bc", ""])));
    }
}
