//! Grids: which places they cover, and the table `unified.grid`.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use schemas::StandardAddress;

use crate::LinkError;
use crate::dictionary::{Code, NONE};
use crate::landed::Landed;
use crate::people::Tables;
use crate::places::{Place, Places};
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::World;
use crate::unified::facts::PersonFacts;

/// Largest area of a grid, in square metres (the rule is half a square kilometre).
pub(crate) const AREA_M2_MAX: f64 = 500_000.0;
/// Most households of a grid.
pub(crate) const HOUSEHOLDS_MAX: i64 = 300;

/// One grid and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    pub(crate) grid_id: String,
    pub(crate) street_code: Option<String>,
    pub(crate) community_code: Option<String>,
    record: usize,
    covered: Vec<Code>,
}

/// All grids, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Grids {
    grids: Vec<Grid>,
    by_building: HashMap<Code, u32>,
    /// `None` for an estate that several grids share.
    by_site: HashMap<Code, Option<u32>>,
    /// Counties the grids lie in: what is elsewhere is not here.
    counties: Vec<Code>,
}

impl Grids {
    /// Reads the grids and notes the addresses they cover; they are looked up by [`Grids::settle`] once addresses are
    /// resolved.
    pub(crate) fn read(tables: &Tables, places: &mut Places) -> Self {
        let Some(table) = tables.get("grid.grid") else { return Self::default() };
        let (grid_id, coverage) = (table.text("grid_id"), table.text("coverage"));
        let (street_code, community_code) = (table.text("street_code"), table.text("community_code"));
        let mut grids: BTreeMap<String, Grid> = BTreeMap::new();
        for i in 0..table.len() {
            let Some(id) = grid_id.get(i) else { continue };
            let covered = coverage.get(i).map(covered_addresses).unwrap_or_default();
            grids.entry(id.to_owned()).or_insert_with(|| Grid {
                grid_id: id.to_owned(),
                street_code: street_code.get(i).map(str::to_owned),
                community_code: community_code.get(i).map(str::to_owned),
                record: i,
                covered: covered.iter().map(|address| places.note(address)).collect(),
            });
        }
        Self { grids: grids.into_values().collect(), ..Self::default() }
    }

    /// Looks up what each grid covers. A building that two grids claim belongs to the one with the smaller id.
    pub(crate) fn settle(&mut self, places: &Places) {
        for (grid, at) in self.grids.iter().zip(0_u32..) {
            for place in grid.covered.iter().map(|address| places.place(*address)) {
                if place.building != NONE {
                    self.by_building.entry(place.building).or_insert(at);
                }
                if place.site != NONE {
                    self.by_site
                        .entry(place.site)
                        .and_modify(|known| *known = known.filter(|k| *k == at))
                        .or_insert(Some(at));
                }
                if place.county != NONE && !self.counties.contains(&place.county) {
                    self.counties.push(place.county);
                }
            }
        }
    }

    /// The grid a place lies in: by its building, or by its estate where that is all in one grid.
    pub(crate) fn of_place(&self, place: Place) -> Option<u32> {
        let by_building = self.by_building.get(&place.building).filter(|_| place.building != NONE).copied();
        by_building.or_else(|| self.by_site.get(&place.site).filter(|_| place.site != NONE).copied().flatten())
    }

    /// The grid of that index.
    pub(crate) fn get(&self, at: u32) -> Option<&Grid> {
        self.grids.get(at as usize)
    }

    /// The grid of that id, as departments write it.
    pub(crate) fn find(&self, grid_id: &str) -> Option<u32> {
        let at = self.grids.binary_search_by(|grid| grid.grid_id.as_str().cmp(grid_id)).ok()?;
        u32::try_from(at).ok()
    }

    /// The id of an optional grid.
    pub(crate) fn id_of(&self, at: Option<u32>) -> Option<&str> {
        at.and_then(|at| self.get(at)).map(|grid| grid.grid_id.as_str())
    }

    /// Buildings that some grid covers.
    pub(crate) fn covered_buildings(&self) -> impl Iterator<Item = Code> {
        self.by_building.keys().copied()
    }

    /// Whether a place lies in a county that a grid lies in. Without grids every place does.
    pub(crate) fn is_here(&self, place: Place) -> bool {
        self.counties.is_empty() || self.counties.contains(&place.county)
    }
}

/// The addresses of a coverage text. One that gives only the building continues the one before it: `…小区3幢;4幢`.
fn covered_addresses(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut before: Option<StandardAddress> = None;
    for part in text.split([';', '；']).map(str::trim).filter(|part| !part.is_empty()) {
        let mut address = StandardAddress::parse(part);
        let is_tail = address.compound.is_empty() && address.road.is_empty() && address.plate_no.is_empty();
        match (&before, is_tail && !address.building_no.is_empty()) {
            (Some(first), true) => {
                address = StandardAddress { building_no: address.building_no, ..first.clone() };
                out.push(address.to_string());
            }
            _ => out.push(part.to_owned()),
        }
        before = Some(address);
    }
    out
}

/// Writes `unified.grid`: as delivered, with what the base itself counts beside it.
pub(crate) fn write(world: &World<'_>, facts: &[PersonFacts]) -> Result<FinishedTable, LinkError> {
    let mut out = TableWriter::new(world.registry, "unified.grid")?;
    let mut persons = vec![0_i64; world.grids.grids.len()];
    let mut dwellings: Vec<(u32, Code)> = Vec::new();
    for fact in facts.iter().filter(|fact| fact.is_living()) {
        let Some(grid) = fact.grid else { continue };
        if let Some(count) = persons.get_mut(grid as usize) {
            *count += 1;
        }
        if fact.current.house != NONE {
            dwellings.push((grid, fact.current.house));
        }
    }
    dwellings.sort_unstable();
    dwellings.dedup();
    let mut households = vec![0_i64; world.grids.grids.len()];
    for (grid, _) in dwellings {
        if let Some(count) = households.get_mut(grid as usize) {
            *count += 1;
        }
    }
    if let Some(table) = world.tables.get("grid.grid") {
        let counts = persons.into_iter().zip(households);
        for (grid, (n_persons, n_households)) in world.grids.grids.iter().zip(counts) {
            write_grid(&mut out, table, grid, n_persons, n_households);
        }
    }
    out.finish()
}

fn write_grid(out: &mut TableWriter<'_>, table: &Landed, grid: &Grid, n_persons: i64, n_households: i64) {
    let i = grid.record;
    let area = table.float("area_m2").get(i);
    let declared = table.integer("household_count").get(i);
    out.set("grid_id", Value::Text(Some(&grid.grid_id)));
    out.set("grid_name", Value::Text(table.text("grid_name").get(i)));
    out.set("street_code", Value::Text(grid.street_code.as_deref()));
    out.set("street", Value::Text(table.text("street").get(i)));
    out.set("community_code", Value::Text(grid.community_code.as_deref()));
    out.set("community", Value::Text(table.text("community").get(i)));
    out.set("level", Value::Text(table.text("level").get(i)));
    out.set("area_m2", Value::Number(area));
    out.set("household_count", Value::Count(declared));
    out.set("person_count", Value::Count(Some(n_persons)));
    out.set("derived_household_count", Value::Count(Some(n_households)));
    out.set("leader_name", Value::Text(table.text("leader_name").get(i)));
    out.set("leader_phone", Value::Text(table.text("leader_phone").get(i)));
    out.set("staff_full", Value::Count(table.integer("staff_full").get(i)));
    out.set("staff_part", Value::Count(table.integer("staff_part").get(i)));
    out.set("is_compliant", Value::Flag(is_compliant(area, declared, n_households)));
    out.end_row();
}

/// Half a square kilometre and 300 households at most, by what is declared and by what is found. Unknown while either
/// figure is missing, unless the other already breaks the rule.
fn is_compliant(area_m2: Option<f64>, declared: Option<i64>, found: i64) -> Option<bool> {
    let households =
        declared.map(|declared| declared.max(found) <= HOUSEHOLDS_MAX).or((found > HOUSEHOLDS_MAX).then_some(false));
    match (area_m2.map(|area| area <= AREA_M2_MAX), households) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_themselves_comply() {
        assert_eq!(is_compliant(Some(500_000.0), Some(300), 0), Some(true));
        assert_eq!(is_compliant(Some(500_000.1), Some(300), 0), Some(false));
        assert_eq!(is_compliant(Some(1.0), Some(300), 301), Some(false));
        assert_eq!(is_compliant(None, Some(301), 0), Some(false));
        assert_eq!(is_compliant(None, Some(1), 0), None);
        assert_eq!(is_compliant(Some(1.0), None, 0), None);
    }
}
