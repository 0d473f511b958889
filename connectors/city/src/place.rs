//! Streets, communities, grids, compounds, buildings and flats of an invented city.

mod layout;
mod names;

pub(crate) use layout::{Works, lay_out_grid};
pub(crate) use names::{community_name, compound_name, road_name, street_name};

use crate::identity::{DEMO_DIVISION, DEMO_REGION};

/// A street office (街道), of which communities are parts.
#[derive(Debug, Clone)]
pub(crate) struct Street {
    /// Nine digits.
    pub(crate) code: String,
    /// 望湖街道
    pub(crate) name: String,
}

impl Street {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Self { code: format!("{DEMO_DIVISION}{number:03}"), name: street_name(seed, number) }
    }
}

/// A residential community (社区), of which grids are parts.
#[derive(Debug, Clone)]
pub(crate) struct Community {
    /// Twelve digits.
    pub(crate) code: String,
    /// 锦溪社区
    pub(crate) name: String,
    pub(crate) street: Street,
}

/// A grid (网格): whole buildings, at most 300 households, at most half a square kilometre.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    /// Community code and three digits.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) community: usize,
    pub(crate) area_m2: u32,
    pub(crate) staff_full: u32,
    pub(crate) staff_part: u32,
    pub(crate) leader_name: String,
    pub(crate) leader_phone: String,
    /// Its buildings, as a range of the block's buildings.
    pub(crate) buildings: std::ops::Range<usize>,
}

/// What buildings of a compound have in common.
#[derive(Debug, Clone)]
pub(crate) struct Compound {
    /// 望湖花园
    pub(crate) name: String,
    /// 锦江路
    pub(crate) road: String,
    pub(crate) plate: u32,
    pub(crate) built_year: i32,
}

/// A building (幢).
#[derive(Debug, Clone)]
pub(crate) struct Building {
    pub(crate) grid: usize,
    pub(crate) compound: usize,
    /// Number within the compound.
    pub(crate) number: u32,
    pub(crate) units: u32,
    pub(crate) floors: u32,
    /// Flats per floor of a unit.
    pub(crate) per_floor: u32,
    /// Its flats, as a range of the block's flats.
    pub(crate) flats: std::ops::Range<usize>,
    /// Degrees, GCJ-free, of an empty place in the sea.
    pub(crate) lon: f64,
    /// Degrees.
    pub(crate) lat: f64,
}

impl Building {
    pub(crate) fn flat_count(&self) -> u32 {
        self.units * self.floors * self.per_floor
    }
}

/// Everything an address of this flat may mention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlatAddress<'a> {
    pub(crate) street: &'a str,
    pub(crate) community: &'a str,
    pub(crate) compound: &'a Compound,
    pub(crate) building: u32,
    pub(crate) unit: u32,
    pub(crate) room: u32,
}

impl FlatAddress<'_> {
    /// The building as grids list it: region, compound, number.
    pub(crate) fn building_text(&self) -> String {
        format!("{DEMO_REGION}{}{}幢", self.compound.name, self.building)
    }
}
