//! How a city of N people is cut into blocks. A block is what is made at once; nothing larger is ever in memory.

use crate::error::CityError;
use crate::identity::MOST_PEOPLE;

/// People of a block in a large city.
const BLOCK_PEOPLE: u64 = 10_000;
/// A small city still has this many blocks, so that it has more than one street.
const FEWEST_BLOCKS: u64 = 3;
/// Below this a small city gets fewer blocks.
const SMALLEST_BLOCK: u64 = 1_000;
/// Up to this many blocks, each is a street of its own.
const BLOCKS_AS_STREETS: u64 = 30;
/// Blocks of a street in a large city.
const BLOCKS_PER_STREET: u64 = 6;

/// The cut. A function of the number of people alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) people: u64,
    pub(crate) blocks: u64,
    pub(crate) blocks_per_street: u64,
}

impl Plan {
    pub(crate) fn new(people: u64, seed: u64) -> Result<Self, CityError> {
        if people == 0 {
            return Err(CityError::NoPeople);
        }
        if people > MOST_PEOPLE {
            return Err(CityError::TooManyPeople { people, most: MOST_PEOPLE });
        }
        let least = FEWEST_BLOCKS.min((people / SMALLEST_BLOCK).max(1));
        let blocks = people.div_ceil(BLOCK_PEOPLE).max(least);
        let blocks_per_street = if blocks <= BLOCKS_AS_STREETS { 1 } else { BLOCKS_PER_STREET };
        Ok(Self { seed, people, blocks, blocks_per_street })
    }

    /// The index of the block's first person. Block `b` holds the people from here to the start of `b + 1`.
    pub(crate) fn first_person(&self, block: u64) -> u64 {
        let product = u128::from(self.people) * u128::from(block) / u128::from(self.blocks);
        u64::try_from(product).unwrap_or(self.people)
    }

    /// The block that holds the person of that index.
    #[cfg(test)]
    pub(crate) fn block_of(&self, person: u64) -> u64 {
        let guess = u128::from(person) * u128::from(self.blocks) / u128::from(self.people);
        let mut block = u64::try_from(guess).unwrap_or_default().min(self.blocks - 1);
        while block + 1 < self.blocks && self.first_person(block + 1) <= person {
            block += 1;
        }
        while block > 0 && self.first_person(block) > person {
            block -= 1;
        }
        block
    }

    /// Street number of a block, from 1.
    pub(crate) fn street(&self, block: u64) -> u64 {
        block / self.blocks_per_street + 1
    }

    /// Place of the block within its street, from 0.
    pub(crate) fn place_in_street(&self, block: u64) -> u64 {
        block % self.blocks_per_street
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_add_up_to_the_people() {
        for people in [1, 7, 999, 1_000, 2_500, 20_000, 123_457, 10_000_000] {
            let plan = Plan::new(people, 1).unwrap();
            assert_eq!(plan.first_person(plan.blocks), people);
            for person in [0, people / 3, people / 2, people - 1] {
                let block = plan.block_of(person);
                assert!((plan.first_person(block)..plan.first_person(block + 1)).contains(&person));
            }
        }
        assert_eq!(Plan::new(20_000, 1).unwrap().blocks, 3);
        assert!(Plan::new(10_000_000, 1).unwrap().street(999) < 999);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(matches!(Plan::new(0, 1), Err(CityError::NoPeople)));
        assert!(matches!(Plan::new(MOST_PEOPLE + 1, 1), Err(CityError::TooManyPeople { .. })));
    }
}
