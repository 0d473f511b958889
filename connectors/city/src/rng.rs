//! Randomness by name instead of by order: a generator is keyed by (seed, stream, index), so any part of the city can be
//! made alone and comes out the same on every machine. Integer arithmetic only.

/// What a generator is for. The numbers are part of the city's identity: changing one changes the city of every seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Buildings and compounds of a block.
    Layout = 1,
    /// Families and who lives where in a block.
    Families = 2,
    /// Telephone numbers.
    Phone = 4,
    /// Place names.
    PlaceName = 5,
    /// What the police know of a person.
    Police = 10,
    /// What civil affairs know of a person.
    Civil = 11,
    /// What health knows of a person.
    Health = 12,
    /// What housing knows of a person.
    Housing = 13,
    /// What the grid platform knows of a person.
    Grid = 14,
    /// Who is on a sensitive list.
    Lists = 15,
    /// Writing of a department's records in a block.
    Records = 20,
    /// Rows exported twice.
    Duplicates = 40,
}

/// xoshiro256++ (Blackman and Vigna, public domain), seeded by splitmix64.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of that name. `lane` tells streams of the same kind apart (a dataset, for example).
    pub(crate) fn keyed(seed: u64, stream: Stream, lane: u64, index: u64) -> Self {
        let mut key = mix(seed ^ 0x6461_746f_6e67_0001);
        for part in [stream as u64, lane, index] {
            key = mix(key.wrapping_add(part.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x5851_f42d_4c95_7f2d));
        }
        let mut state = [0; 4];
        for word in &mut state {
            key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
            *word = mix(key);
        }
        Self { state }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let t = b << 17;
        let c2 = c ^ a;
        let d2 = d ^ b;
        self.state = [a ^ d2, b ^ c2, c2 ^ t, d2.rotate_left(45)];
        result
    }

    /// A number from 0 to `n - 1`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low).saturating_add(1)).unwrap_or(1);
        low.saturating_add(i64::try_from(self.below(span)).unwrap_or_default())
    }

    /// An index from 0 to `n - 1`; 0 if `n` is 0.
    pub(crate) fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap_or_default()
    }

    /// True in `per_10k` of 10,000 cases.
    pub(crate) fn chance(&mut self, per_10k: u32) -> bool {
        self.below(10_000) < u64::from(per_10k)
    }

    /// One of the texts; empty if there is none.
    pub(crate) fn text(&mut self, texts: &[&'static str]) -> &'static str {
        texts.get(self.index(texts.len())).copied().unwrap_or_default()
    }

    /// One of the items by its weight. `None` only if all weights are 0.
    pub(crate) fn weighted<'a, T>(&mut self, items: &'a [(T, u32)]) -> Option<&'a T> {
        let total: u64 = items.iter().map(|(_, w)| u64::from(*w)).sum();
        let mut left = self.below(total);
        for (item, weight) in items {
            if left < u64::from(*weight) {
                return Some(item);
            }
            left -= u64::from(*weight);
        }
        None
    }

    /// One of the texts by its weight.
    pub(crate) fn weighted_text(&mut self, items: &[(&'static str, u32)]) -> &'static str {
        self.weighted(items).copied().unwrap_or_default()
    }
}

/// Finaliser of splitmix64: a bijection of 64 bits.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A keyed bijection of `0..domain` (four-round Feistel network, walked until the result falls inside the domain).
/// `value` must be below `domain`; then results of distinct values are distinct.
pub(crate) fn permute(key: u64, domain: u64, value: u64) -> u64 {
    let bits = u64::BITS - domain.saturating_sub(1).leading_zeros();
    let half = bits.div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut x = value;
    loop {
        let (mut left, mut right) = (x >> half, x & mask);
        for round in 1..=4_u64 {
            let f = mix(key ^ round.wrapping_mul(0xa076_1d64_78bd_642f) ^ right) & mask;
            (left, right) = (right, left ^ f);
        }
        x = (left << half) | right;
        if x < domain {
            return x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_is_its_key() {
        let draw = |seed, stream, index| Rng::keyed(seed, stream, 0, index).bits();
        assert_eq!(draw(7, Stream::Layout, 3), draw(7, Stream::Layout, 3));
        assert_ne!(draw(7, Stream::Layout, 3), draw(7, Stream::Layout, 4));
        assert_ne!(draw(7, Stream::Layout, 3), draw(7, Stream::Families, 3));
        assert_ne!(draw(7, Stream::Layout, 3), draw(8, Stream::Layout, 3));
    }

    #[test]
    fn a_permutation_hits_every_value_once() {
        for domain in [1_u64, 2, 97, 1000, 4096] {
            let mut seen: Vec<u64> = (0..domain).map(|v| permute(42, domain, v)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..domain).collect::<Vec<_>>());
        }
    }

    #[test]
    fn chances_are_kept() {
        let mut rng = Rng::keyed(1, Stream::Records, 0, 0);
        let hits = (0..100_000).filter(|_| rng.chance(250)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        let heavy = (0..10_000).filter(|_| rng.weighted_text(&[("a", 9), ("b", 1)]) == "a").count();
        assert!((8_800..9_200).contains(&heavy), "{heavy}");
    }
}
