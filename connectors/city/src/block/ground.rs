//! The ground of a block, laid out grid by grid while people arrive.

use super::{Flat, Use};
use crate::calendar::{REFERENCE_DATE, date, day_between};
use crate::identity::phone_number;
use crate::names::{given, surname};
use crate::people::Sex;
use crate::place::{Building, Community, Compound, Grid, Street, community_name, lay_out_grid};
use crate::plan::Plan;
use crate::rng::{Rng, Stream};

/// Grids of a community.
const GRIDS_PER_COMMUNITY: usize = 4;
/// Communities a block can have at most; keeps their numbers apart between blocks.
const COMMUNITIES_PER_BLOCK: u64 = 12;
/// Compounds a block can have at most; keeps their names apart between blocks.
const COMPOUNDS_PER_BLOCK: u64 = 90;
/// Where the telephone numbers of grid leaders begin.
const STAFF_PHONES: u64 = 80_000_000;

/// Places of a block, growing.
#[derive(Debug)]
pub(super) struct Ground {
    plan: Plan,
    number: u64,
    rng: Rng,
    works: Option<crate::place::Works>,
    compound_number: u64,
    pub(super) communities: Vec<Community>,
    pub(super) compounds: Vec<Compound>,
    pub(super) grids: Vec<Grid>,
    pub(super) buildings: Vec<Building>,
    pub(super) flats: Vec<Flat>,
}

impl Ground {
    pub(super) fn new(plan: &Plan, number: u64) -> Self {
        Self {
            plan: *plan,
            number,
            rng: Rng::keyed(plan.seed, Stream::Layout, 0, number),
            works: None,
            compound_number: number * COMPOUNDS_PER_BLOCK,
            communities: Vec::new(),
            compounds: Vec::new(),
            grids: Vec::new(),
            buildings: Vec::new(),
            flats: Vec::new(),
        }
    }

    /// Adds one grid with its empty flats; returns their range.
    pub(super) fn add_grid(&mut self) -> std::ops::Range<usize> {
        let place = self.grids.len();
        if place.is_multiple_of(GRIDS_PER_COMMUNITY) {
            self.add_community();
            self.works = None;
        }
        let first_building = self.buildings.len();
        let targets = (place, &mut self.compounds, &mut self.buildings);
        let area_m2 = lay_out_grid(&mut self.rng, self.plan.seed, &mut self.compound_number, &mut self.works, targets);
        let community = self.communities.len() - 1;
        let grid = self.grid(community, area_m2, first_building..self.buildings.len());
        self.grids.push(grid);
        let first_flat = self.flats.len();
        self.add_flats(first_building);
        first_flat..self.flats.len()
    }

    /// Takes back the buildings that begin after so many flats: nobody was left to move in.
    pub(super) fn drop_unbuilt(&mut self, flats: usize) {
        self.buildings.retain(|b| b.flats.start < flats);
        self.flats.truncate(self.buildings.last().map_or(0, |b| b.flats.end));
        if let Some(grid) = self.grids.last_mut() {
            grid.buildings.end = self.buildings.len();
        }
    }

    fn add_community(&mut self) {
        let local = self.communities.len() as u64;
        let street = Street::new(self.plan.seed, self.plan.street(self.number));
        let in_street = self.plan.place_in_street(self.number) * COMMUNITIES_PER_BLOCK + local + 1;
        let name = community_name(self.plan.seed, self.number * COMMUNITIES_PER_BLOCK + local);
        self.communities.push(Community { code: format!("{}{in_street:03}", street.code), name, street });
    }

    fn grid(&mut self, community: usize, area_m2: u32, buildings: std::ops::Range<usize>) -> Grid {
        let place = self.grids.len();
        let nth = place % GRIDS_PER_COMMUNITY + 1;
        let (code, name) = self
            .communities
            .get(community)
            .map(|c| (c.code.clone(), c.name.trim_end_matches("社区").to_owned()))
            .unwrap_or_default();
        let rng = &mut self.rng;
        let sex = if rng.chance(4_500) { Sex::Male } else { Sex::Female };
        let year = i32::try_from(rng.between(1975, 1998)).unwrap_or(1985);
        let leader_name = format!("{}{}", surname(rng), given(rng, sex, year));
        let phone = STAFF_PHONES + self.number * 100 + place as u64;
        Grid {
            id: format!("{code}{nth:03}"),
            name: format!("{name}第{nth}网格"),
            community,
            area_m2,
            staff_full: u32::from(rng.chance(9_600)) + u32::from(rng.chance(1_200)),
            staff_part: 1 + u32::from(rng.chance(9_300)) + u32::from(rng.chance(3_000)),
            leader_name,
            leader_phone: phone_number(self.plan.seed, phone),
            buildings,
        }
    }

    fn add_flats(&mut self, first_building: usize) {
        let rng = &mut self.rng;
        for (place, building) in self.buildings.iter().enumerate().skip(first_building) {
            let built = self.compounds.get(building.compound).map_or(2000, |c| c.built_year);
            let opened = date(built, 9, 1).min(REFERENCE_DATE);
            // The flats of one position above each other have the same plan.
            let plans: Vec<i64> = (0..building.units * building.per_floor)
                .map(|_| {
                    rng.between(if built < 2000 { 4_200 } else { 6_500 }, if built < 2000 { 9_000 } else { 14_500 })
                })
                .collect();
            for unit in 0..building.units {
                for floor in 1..=building.floors {
                    for (nth, area) in (1..=building.per_floor)
                        .zip(plans.iter().skip(usize::try_from(unit * building.per_floor).unwrap_or_default()))
                    {
                        let inner = area * rng.between(74, 86) / 100;
                        self.flats.push(Flat {
                            uid: format!("h{:04}{:05}", self.number, self.flats.len()),
                            building: place,
                            unit: unit + 1,
                            floor,
                            room: floor * 100 + nth,
                            area: *area,
                            inner_area: inner,
                            usage: Use::Vacant,
                            household: None,
                            owner: None,
                            bought: day_between(rng, opened, REFERENCE_DATE),
                        });
                    }
                }
            }
        }
    }
}
