//! Which block a key is in: the first key of each block, cut to the bytes that tell it from the last key before.
//!
//! For ten million keys of 32 random digits that is about 15 MB in memory, where whole keys would be 50 MB.

use super::row::{put_length, take_length};

/// Positions of all blocks by their first keys, in order.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// The cut keys, one behind the other; that of the first block is empty.
    keys: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<u32>,
    /// The page each block begins at, and behind the last one the page it ends before.
    pages: Vec<u32>,
}

impl Directory {
    /// Notes the next block, which begins with `first`; the block before ends with `last_before`. None if there is no more room.
    pub(super) fn push(&mut self, last_before: &[u8], first: &[u8], n_pages: u32) -> Option<()> {
        let n_common = last_before.iter().zip(first).take_while(|(one, other)| one == other).count();
        let n_kept = if self.ends.is_empty() { 0 } else { (n_common + 1).min(first.len()) };
        self.add(first.get(..n_kept)?, n_pages)
    }

    fn add(&mut self, key: &[u8], n_pages: u32) -> Option<()> {
        if self.pages.is_empty() {
            self.pages.push(0);
        }
        self.keys.extend_from_slice(key);
        self.ends.push(u32::try_from(self.keys.len()).ok()?);
        self.pages.push(self.pages.last()?.checked_add(n_pages)?);
        Some(())
    }

    /// Blocks.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Pages of all blocks.
    pub(super) fn n_pages(&self) -> u32 {
        self.pages.last().copied().unwrap_or(0)
    }

    /// The only block that can hold the key; none if there is no block.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle)? <= key { low = middle + 1 } else { high = middle }
        }
        low.checked_sub(1)
    }

    fn key(&self, block: usize) -> Option<&[u8]> {
        let start = block.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.keys.get(start as usize..*self.ends.get(block)? as usize)
    }

    /// First page of a block and the one behind its last.
    pub(super) fn pages(&self, block: usize) -> Option<(u32, u32)> {
        Some((*self.pages.get(block)?, *self.pages.get(block + 1)?))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.keys.len() + 2 * self.len());
        for block in 0..self.len() {
            let (key, pages) = (self.key(block).unwrap_or_default(), self.pages(block).unwrap_or_default());
            put_length(key.len(), &mut bytes);
            bytes.extend_from_slice(key);
            put_length((pages.1 - pages.0) as usize, &mut bytes);
        }
        bytes
    }

    /// None if the bytes are no directory.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut directory = Self::default();
        while !bytes.is_empty() {
            let n_key = take_length(&mut bytes)?;
            let (key, rest) = bytes.split_at_checked(n_key)?;
            bytes = rest;
            let n_pages = u32::try_from(take_length(&mut bytes)?).ok()?;
            directory.add(key, n_pages)?;
        }
        directory.keys.shrink_to_fit();
        Some(directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_the_last_block_that_does_not_begin_behind_it() {
        let mut directory = Directory::default();
        directory.push(b"", b"abc", 1).unwrap();
        directory.push(b"abczz", b"abd", 2).unwrap();
        directory.push(b"abd", b"abd0", 1).unwrap();
        directory.push(b"b", b"xyz", 3).unwrap();
        let read = Directory::parse(&directory.to_bytes()).unwrap();
        for directory in [&directory, &read] {
            let found = |key: &str| directory.find(key.as_bytes()).unwrap();
            let keys = ["", "abc", "abczz", "abd", "abd0", "abdz", "b", "wzz", "x", "xyz", "zz"];
            assert_eq!(keys.map(found), [0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3]);
            assert_eq!(directory.pages(3), Some((4, 7)));
            assert_eq!((directory.len(), directory.n_pages()), (4, 7));
        }
        assert_eq!(read.keys, b"abdabd0x");
        assert_eq!(Directory::default().find(b"a"), None);
        let bytes = directory.to_bytes();
        assert!((1..bytes.len()).any(|cut| Directory::parse(&bytes[..cut]).is_none()));
    }
}
