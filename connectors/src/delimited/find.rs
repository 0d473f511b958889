//! Finds the next of a few bytes, eight at a time: most of a table's bytes are ordinary.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The position of the first of `wanted` in `bytes`, or its length.
pub(super) fn find_any<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let patterns = wanted.map(|byte| u64::from(byte) * LOW);
    for (idx, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A byte of `word ^ pattern` is zero where the byte is wanted; the lowest marked one is always right.
        let mut marks = 0;
        for pattern in patterns {
            let differing = word ^ pattern;
            marks |= differing.wrapping_sub(LOW) & !differing & HIGH;
        }
        if marks != 0 {
            return idx * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let before = bytes.len() - rest.len();
    before + rest.iter().position(|byte| wanted.contains(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(bytes in prop::collection::vec(prop::sample::select(vec![0, 1, b'\n', b',', b'-', 0x80, 0x8a, 0xff]), 0..40)) {
            let plain = bytes.iter().position(|b| matches!(b, b'\n' | b',')).unwrap_or(bytes.len());
            prop_assert_eq!(find_any(&bytes, [b'\n', b',']), plain);
        }
    }
}
