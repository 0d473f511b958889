//! Houses: who owns, rents and occupies them, and the table `unified.house`.

use std::cmp::Reverse;

use crate::LinkError;
use crate::dictionary::{Code, NONE};
use crate::identities::EntityId;
use crate::roles::HOUSE_ROLES;
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::facts::{PersonFacts, list_of};
use crate::unified::{PersonAt, RolePersons, World};

/// Floor area per tenant below which a let flat counts as crowded (群租): 5 m², in hundredths.
const CROWDED_HUNDREDTHS: i128 = 500;

/// A lease of a house.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) lessee: Option<PersonAt>,
    pub(crate) start_on: Option<i32>,
    pub(crate) end_on: Option<i32>,
    pub(crate) is_in_force: bool,
    record: usize,
}

/// What the registers say of one house.
#[derive(Debug, Clone, Default)]
pub(crate) struct HouseFacts {
    /// Position in `housing.property` of the newest certificate.
    property: Option<usize>,
    /// Who holds a certificate of the newest date; the first is the owner named in the table.
    pub(crate) owners: Vec<PersonAt>,
    /// In force first, then newest first.
    pub(crate) leases: Vec<Lease>,
    /// Persons whose registration as floating population says that they rent here.
    n_registered_tenants: usize,
    /// Bit per [`HOUSE_ROLES`] entry that names the house.
    sources: u32,
}

/// Facts of every house by house code; index 0 is none.
pub(crate) struct Houses(Vec<HouseFacts>);

impl Houses {
    /// Reads property, leases and rental registrations.
    pub(crate) fn read(world: &World<'_>, facts: &[PersonFacts]) -> Self {
        let mut houses = Self(vec![HouseFacts::default(); world.places.n_houses() + 1]);
        houses.read_property(world);
        houses.read_leases(world);
        houses.read_tenants(world, facts);
        houses.read_sources(world);
        houses
    }

    /// The facts of a house.
    pub(crate) fn get(&self, house: Code) -> Option<&HouseFacts> {
        (house != NONE).then(|| self.0.get(house as usize)).flatten()
    }

    fn get_mut(&mut self, house: Code) -> Option<&mut HouseFacts> {
        if house == NONE { None } else { self.0.get_mut(house as usize) }
    }

    fn read_property(&mut self, world: &World<'_>) {
        let Some(table) = world.tables.get("housing.property") else { return };
        let registered_on = table.date("registered_on");
        let owners = RolePersons::of(world, "housing.property", "");
        // Newest first; certificates of one day are those of co-owners.
        let mut order: Vec<usize> = (0..table.len()).collect();
        order.sort_by_key(|i| (Reverse(registered_on.get(*i)), *i));
        for i in order {
            let house = world.named_place("housing.property", "address", i).house;
            let Some(facts) = self.get_mut(house) else { continue };
            let newest = *facts.property.get_or_insert(i);
            if let Some(owner) = owners.get(i)
                && registered_on.get(newest) == registered_on.get(i)
                && !facts.owners.contains(&owner)
            {
                facts.owners.push(owner);
            }
        }
    }

    fn read_leases(&mut self, world: &World<'_>) {
        let Some(table) = world.tables.get("housing.lease") else { return };
        let (start_on, end_on) = (table.date("start_on"), table.date("end_on"));
        let lessees = RolePersons::of(world, "housing.lease", "#lessee");
        let today = world.today_days();
        for i in 0..table.len() {
            let house = world.named_place("housing.lease", "address", i).house;
            let (start_on, end_on) = (start_on.get(i), end_on.get(i));
            let is_in_force = start_on.is_none_or(|day| day <= today) && end_on.is_none_or(|day| day >= today);
            if let Some(facts) = self.get_mut(house) {
                facts.leases.push(Lease { lessee: lessees.get(i), start_on, end_on, is_in_force, record: i });
            }
        }
        for facts in &mut self.0 {
            facts.leases.sort_by_key(|lease| (!lease.is_in_force, Reverse(lease.start_on), lease.record));
        }
    }

    fn read_tenants(&mut self, world: &World<'_>, facts: &[PersonFacts]) {
        let Some(table) = world.tables.get("police.floating") else { return };
        let dwelling = table.text("dwelling_type");
        let persons = RolePersons::of(world, "police.floating", "");
        for i in 0..table.len() {
            let house = world.named_place("police.floating", "current_address", i).house;
            let lives_here = persons
                .get(i)
                .and_then(|at| facts.get(at as usize))
                .is_some_and(|fact| fact.current.house == house && fact.is_living());
            if lives_here
                && dwelling.get(i) == Some("02")
                && let Some(facts) = self.get_mut(house)
            {
                facts.n_registered_tenants += 1;
            }
        }
    }

    fn read_sources(&mut self, world: &World<'_>) {
        for (at, bit) in (0..HOUSE_ROLES.len()).zip(0_u32..) {
            for place in world.addresses.places(at, world.places) {
                if let Some(facts) = self.get_mut(place.house) {
                    facts.sources |= 1 << bit;
                }
            }
        }
    }
}

impl HouseFacts {
    /// A lease in force, or somebody registered as renting here.
    pub(crate) fn is_rented(&self) -> bool {
        self.n_registered_tenants > 0 || self.leases.iter().any(|lease| lease.is_in_force)
    }

    fn source_names(&self) -> Vec<String> {
        let named = HOUSE_ROLES.iter().zip(0_u32..).filter(|(_, bit)| self.sources & (1 << bit) != 0);
        let mut names: Vec<String> = named.map(|(role, _)| role.dataset.to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Writes `unified.house` in the order of house ids.
pub(crate) fn write(world: &World<'_>, houses: &Houses, occupants: &[Vec<u32>]) -> Result<FinishedTable, LinkError> {
    let mut out = TableWriter::new(world.registry, "unified.house")?;
    let mut order: Vec<(EntityId, Code)> =
        world.house_ids.iter().zip(1_u32..).filter_map(|(id, house)| Some(((*id)?, house))).collect();
    order.sort_unstable();
    for (id, house) in order {
        write_house(world, &mut out, houses, id, house, list_of(occupants, house).len());
    }
    out.finish()
}

fn write_house(
    world: &World<'_>,
    out: &mut TableWriter<'_>,
    houses: &Houses,
    id: EntityId,
    house: Code,
    n_occupants: usize,
) {
    let (Some(spot), Some(facts)) = (world.places.house(house), houses.get(house)) else { return };
    let grid = world.grids.of_place(world.places.place_of_house(house)).and_then(|at| world.grids.get(at));
    let property = facts.property.zip(world.tables.get("housing.property"));
    let lease = facts.leases.first().filter(|lease| lease.is_in_force).zip(world.tables.get("housing.lease"));
    let floor_area = property.and_then(|(i, table)| table.hundredths("floor_area").get(i));
    let is_rented = facts.is_rented();
    out.set("house_id", Value::Id(Some(id)));
    out.set("building_id", Value::Id(world.building_id(spot.building)));
    out.set("std_address", Value::Text(Some(&spot.address.to_string())));
    out.set("compound", text_or_null(&spot.address.compound));
    out.set("building_no", text_or_null(&spot.address.building_no));
    out.set("unit_no", text_or_null(&spot.address.unit_no));
    out.set("floor_no", Value::Count(property.and_then(|(i, table)| table.integer("floor").get(i))));
    out.set("room_no", text_or_null(&spot.address.room_no));
    out.set("floor_area", Value::Hundredths(floor_area));
    out.set("inner_area", Value::Hundredths(property.and_then(|(i, table)| table.hundredths("inner_area").get(i))));
    out.set("realty_unit_no", Value::Text(property.and_then(|(i, table)| table.text("realty_unit_no").get(i))));
    out.set("house_use", Value::Text(property.and_then(|(i, table)| table.text("house_use").get(i))));
    out.set("rental_use", Value::Text(lease.and_then(|(lease, table)| table.text("rental_use").get(lease.record))));
    out.set("is_rented", Value::Flag(Some(is_rented)));
    out.set("is_vacant", Value::Flag(is_vacant(is_rented, n_occupants, facts.property.is_some())));
    out.set("is_group_rent", Value::Flag(is_crowded(is_rented, n_occupants, floor_area)));
    out.set("owner_person_id", Value::Id(facts.owners.first().and_then(|at| world.person(*at)).map(|p| p.id)));
    out.set("owner_name", Value::Text(property.and_then(|(i, table)| table.text("owner_name").get(i))));
    out.set("grid_id", Value::Text(grid.map(|grid| grid.grid_id.as_str())));
    out.set("street_code", Value::Text(grid.and_then(|grid| grid.street_code.as_deref())));
    out.set("community_code", Value::Text(grid.and_then(|grid| grid.community_code.as_deref())));
    out.set("sources", Value::List(&facts.source_names()));
    out.end_row();
}

/// An element of an address, null where the address does not have it.
pub(crate) fn text_or_null(text: &str) -> Value<'_> {
    Value::Text((!text.is_empty()).then_some(text))
}

/// Empty if nobody lives there and nobody rents it. Known only where the property register has the house: an address
/// that others mention may be one nobody ever lived at.
fn is_vacant(is_rented: bool, n_occupants: usize, is_in_property_register: bool) -> Option<bool> {
    match (is_rented || n_occupants > 0, is_in_property_register) {
        (true, _) => Some(false),
        (false, true) => Some(true),
        (false, false) => None,
    }
}

/// Let to so many that each has less than the least floor area; unknown without the area.
fn is_crowded(is_rented: bool, n_occupants: usize, floor_area: Option<i128>) -> Option<bool> {
    if !is_rented || n_occupants < 2 {
        return Some(false);
    }
    let each = floor_area?.checked_div(i128::try_from(n_occupants).ok()?)?;
    Some(each < CROWDED_HUNDREDTHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vacancy_needs_the_property_register_and_crowding_the_area() {
        assert_eq!(is_vacant(false, 0, true), Some(true));
        assert_eq!(is_vacant(true, 0, true), Some(false));
        assert_eq!(is_vacant(false, 1, false), Some(false));
        assert_eq!(is_vacant(false, 0, false), None);
        assert_eq!(is_crowded(true, 10, Some(4900)), Some(true));
        assert_eq!(is_crowded(true, 10, Some(5000)), Some(false));
        assert_eq!(is_crowded(true, 10, None), None);
        assert_eq!(is_crowded(false, 10, Some(1)), Some(false));
    }
}
