//! The table `unified.building`: buildings that houses stand in or that a grid covers.

use std::collections::BTreeMap;

use crate::LinkError;
use crate::dictionary::{Code, NONE};
use crate::identities::EntityId;
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::World;
use crate::unified::house::text_or_null;

/// What the houses of a building say of it, counted, so that the most frequent word stands.
#[derive(Debug, Default)]
struct Counted {
    n_flats: i64,
    units: Vec<Code>,
    floors: BTreeMap<i64, u32>,
    built_year: BTreeMap<i64, u32>,
    use_kind: BTreeMap<String, u32>,
}

/// Writes `unified.building` in the order of building ids.
pub(crate) fn write(world: &World<'_>) -> Result<FinishedTable, LinkError> {
    let counted = count(world);
    let mut out = TableWriter::new(world.registry, "unified.building")?;
    let mut order: Vec<(EntityId, Code)> =
        world.building_ids.iter().zip(1_u32..).filter_map(|(id, building)| Some(((*id)?, building))).collect();
    order.sort_unstable();
    for (id, building) in order {
        let (Some(spot), Some(counted)) = (world.places.building(building), counted.get(building as usize)) else {
            continue;
        };
        let grid = world.grids.of_place(world.places.place_of_building(building)).and_then(|at| world.grids.get(at));
        let community = grid.and_then(|grid| grid.community_code.as_deref());
        let units = i64::try_from(counted.units.len()).ok().filter(|n| *n > 0);
        out.set("building_id", Value::Id(Some(id)));
        out.set("std_address", Value::Text(Some(&spot.address.to_string())));
        out.set("division_code", Value::Text(community));
        out.set("street_code", Value::Text(grid.and_then(|grid| grid.street_code.as_deref())));
        out.set("community_code", Value::Text(community));
        out.set("compound", text_or_null(&spot.address.compound));
        out.set("road", text_or_null(&spot.address.road));
        out.set("plate_no", text_or_null(&spot.address.plate_no));
        out.set("building_no", text_or_null(&spot.address.building_no));
        out.set("floors", Value::Count(most_frequent(&counted.floors).copied()));
        out.set("units", Value::Count(units));
        out.set("flats", Value::Count(Some(counted.n_flats)));
        out.set("built_year", Value::Count(most_frequent(&counted.built_year).copied()));
        out.set("use_kind", Value::Text(most_frequent(&counted.use_kind).map(String::as_str)));
        out.set("grid_id", Value::Text(grid.map(|grid| grid.grid_id.as_str())));
        out.end_row();
    }
    out.finish()
}

fn count(world: &World<'_>) -> Vec<Counted> {
    let mut out: Vec<Counted> = Vec::new();
    out.resize_with(world.places.n_buildings() + 1, Counted::default);
    for house in (1_u32..).take(world.places.n_houses()).filter(|house| world.house_id(*house).is_some()) {
        let place = world.places.place_of_house(house);
        if let Some(counted) = out.get_mut(place.building as usize) {
            counted.n_flats += 1;
            let unit = world.places.unit_of_house(house);
            if unit != NONE && !counted.units.contains(&unit) {
                counted.units.push(unit);
            }
        }
    }
    let Some(table) = world.tables.get("housing.property") else { return out };
    let house_use = table.text("house_use");
    let (floors, built_year) = (table.integer("floors"), table.integer("built_year"));
    for i in 0..table.len() {
        let building = world.named_place("housing.property", "address", i).building;
        let Some(counted) = out.get_mut(building as usize).filter(|_| building != NONE) else { continue };
        if let Some(n) = floors.get(i) {
            *counted.floors.entry(n).or_default() += 1;
        }
        if let Some(year) = built_year.get(i) {
            *counted.built_year.entry(year).or_default() += 1;
        }
        if let Some(code) = house_use.get(i) {
            *counted.use_kind.entry(code.to_owned()).or_default() += 1;
        }
    }
    out
}

/// The value counted most often; of several, the smallest.
fn most_frequent<T: Ord>(counts: &BTreeMap<T, u32>) -> Option<&T> {
    counts.iter().rev().max_by_key(|(_, n)| **n).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_word_stands_and_ties_go_to_the_smallest() {
        assert_eq!(most_frequent(&BTreeMap::from([(6, 1), (18, 3), (20, 2)])), Some(&18));
        assert_eq!(most_frequent(&BTreeMap::from([(6, 2), (18, 2)])), Some(&6));
        assert_eq!(most_frequent::<i64>(&BTreeMap::new()), None);
    }
}
