//! One block of the city: about 10,000 people with their flats and grids. A pure function of the plan and the block's
//! number, so any person can be made again from the index alone.

mod ground;
mod owners;
mod settle;

use chrono::NaiveDate;

use crate::identity::Allotment;
use crate::people::{Household, Person};
use crate::place::{Building, Community, Compound, FlatAddress, Grid};
use crate::plan::Plan;
use crate::rng::{Rng, Stream};

/// What a flat is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The owner lives in it.
    Owned,
    /// Let.
    Let,
    /// Empty.
    Vacant,
    /// Beds for an employer's workers.
    Dormitory,
}

/// One flat (户室).
#[derive(Debug, Clone)]
pub(crate) struct Flat {
    pub(crate) uid: String,
    pub(crate) building: usize,
    pub(crate) unit: u32,
    pub(crate) floor: u32,
    pub(crate) room: u32,
    /// Hundredths of a square metre.
    pub(crate) area: i64,
    pub(crate) inner_area: i64,
    pub(crate) usage: Use,
    /// Place of the household living in it.
    pub(crate) household: Option<usize>,
    /// Place of the owner among the block's people.
    pub(crate) owner: Option<usize>,
    pub(crate) bought: NaiveDate,
}

/// A block. All places (`usize`) are indexes into its own vectors.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) communities: Vec<Community>,
    pub(crate) compounds: Vec<Compound>,
    pub(crate) grids: Vec<Grid>,
    pub(crate) buildings: Vec<Building>,
    pub(crate) flats: Vec<Flat>,
    pub(crate) households: Vec<Household>,
    /// The block's people, then those from elsewhere who own or married here.
    pub(crate) people: Vec<Person>,
    /// How many of `people` are the city's.
    pub(crate) inhabitants: usize,
}

impl Block {
    /// Makes the block of that number.
    pub(crate) fn make(plan: &Plan, number: u64) -> Self {
        let mut allotment = Allotment::new(plan.seed, number, plan.blocks);
        let mut rng = Rng::keyed(plan.seed, Stream::Families, 0, number);
        let mut block = settle::settle(plan, number, &mut allotment, &mut rng);
        owners::assign(plan, &mut block, &mut allotment, &mut rng);
        block
    }

    /// What an address of that flat may mention.
    pub(crate) fn address(&self, flat: usize) -> Option<FlatAddress<'_>> {
        let flat = self.flats.get(flat)?;
        let building = self.buildings.get(flat.building)?;
        let community = self.communities.get(self.grids.get(building.grid)?.community)?;
        Some(FlatAddress {
            street: &community.street.name,
            community: &community.name,
            compound: self.compounds.get(building.compound)?,
            building: building.number,
            unit: flat.unit,
            room: flat.room,
        })
    }

    /// The grid of a flat.
    pub(crate) fn grid_of(&self, flat: usize) -> Option<&Grid> {
        self.grids.get(self.buildings.get(self.flats.get(flat)?.building)?.grid)
    }

    /// The community of a flat.
    pub(crate) fn community_of(&self, flat: usize) -> Option<&Community> {
        self.communities.get(self.grid_of(flat)?.community)
    }

    /// The household of a person.
    pub(crate) fn household_of(&self, person: &Person) -> Option<&Household> {
        self.households.get(person.household?)
    }

    /// The people who belong to the city, without owners and former spouses from elsewhere.
    pub(crate) fn inhabitants(&self) -> &[Person] {
        self.people.get(..self.inhabitants).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
