//! Which writings of an address mean the same house, and the same building.
//!
//! Normalising the address is nearly all of house linkage: an exact comparison of texts finds two pairs in a hundred.
//! What the elements alone do not settle is settled from the whole set of addresses:
//! - **the estate behind a road number**: an address with both teaches that the two are one place;
//! - **the unit left out**: `3幢501室` is the flat of the one unit that has a 501 in that building, if there is only one;
//! - **the county left out**: taken from the only county that has an estate of that name.

use hashbrown::HashMap;
use schemas::StandardAddress;

use crate::dictionary::{Code, Dictionary, NONE};

/// What one address means.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// The flat, if the address reaches down to one.
    pub(crate) house: Code,
    /// The building.
    pub(crate) building: Code,
    /// The estate or the road with its number.
    pub(crate) site: Code,
    /// The county, 区县.
    pub(crate) county: Code,
    /// Any place as exact as the text is: equal for writings with equal elements.
    pub(crate) exact: Code,
}

/// A house or building, with the fullest elements any of its writings has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spot {
    pub(crate) address: StandardAddress,
    /// The building a house stands in; of a building itself.
    pub(crate) building: Code,
    /// Where it is, to the same depth.
    pub(crate) place: Place,
}

/// The elements of one distinct address, as codes of `elements`.
#[derive(Debug, Clone, Copy, Default)]
struct Elements {
    /// City and county; only the county where `is_whole` is false.
    county: Code,
    county_name: Code,
    is_whole: bool,
    compound: Code,
    road_plate: Code,
    building: Code,
    unit: Code,
    room: Code,
    reaches_house: bool,
    reaches_building: bool,
}

/// All addresses of a run.
#[derive(Debug, Default)]
pub(crate) struct Places {
    texts: Dictionary,
    elements: Dictionary,
    parsed: Vec<Elements>,
    exact: Vec<Code>,
    places: Vec<Place>,
    houses: Vec<Spot>,
    buildings: Vec<Spot>,
    building_keys: Vec<String>,
    sites: HashMap<(Code, Code), Code>,
}

impl Places {
    /// Notes an address. The order in which addresses are noted decides the codes of houses.
    pub(crate) fn note(&mut self, text: &str) -> Code {
        let code = self.texts.code(text);
        if self.texts.len() > self.parsed.len() {
            let address = StandardAddress::parse(text);
            let parsed = self.take_apart(&address);
            self.parsed.push(parsed);
            self.exact.push(self.elements.code(&exact_key(&address)));
        }
        code
    }

    fn take_apart(&mut self, address: &StandardAddress) -> Elements {
        let road_plate = if address.road.is_empty() && address.plate_no.is_empty() {
            NONE
        } else {
            let locality = match (address.road.is_empty(), address.compound.is_empty()) {
                (false, _) => address.road.clone(),
                (true, false) => compound_key(&address.compound),
                (true, true) => address.community.clone(),
            };
            self.elements.code(&format!("{locality} {}", address.plate_no))
        };
        Elements {
            county: self.elements.code(&format!("{}{}", address.city, address.county)),
            county_name: self.elements.code(&address.county),
            is_whole: !address.city.is_empty() && !address.county.is_empty(),
            compound: self.elements.code(&compound_key(&address.compound)),
            road_plate,
            building: self.elements.code(&address.building_no),
            unit: self.elements.code(&address.unit_no),
            room: self.elements.code(&room_key(address)),
            reaches_house: address.house_key().is_some(),
            reaches_building: address.building_key().is_some(),
        }
    }

    /// Decides, once all addresses are noted, which of them are one house. Addresses noted later are not resolved.
    pub(crate) fn resolve(&mut self) {
        self.complete_counties();
        let estates = self.estates_by_road();
        let counties = self.counties_by_site(&estates);
        let located: Vec<(Code, Code)> = self
            .parsed
            .iter()
            .map(|e| {
                let site = site_of(e, &estates);
                let county =
                    if e.county == NONE { counties.get(&site).copied().flatten().unwrap_or(NONE) } else { e.county };
                (county, site)
            })
            .collect();
        let units = self.units_by_flat(&located);
        let mut houses: HashMap<[Code; 5], Code> = HashMap::new();
        let mut buildings: HashMap<[Code; 3], Code> = HashMap::new();
        let mut places = Vec::with_capacity(self.parsed.len());
        for (at, (e, (county, site))) in self.parsed.iter().zip(&located).enumerate() {
            let n_sites = next_code(self.sites.len());
            let mut place = Place {
                county: *county,
                site: if *site == NONE { NONE } else { *self.sites.entry((*county, *site)).or_insert(n_sites) },
                exact: self.exact.get(at).copied().unwrap_or(NONE),
                ..Place::default()
            };
            if e.reaches_building {
                let next = next_code(buildings.len());
                place.building = *buildings.entry([*county, *site, e.building]).or_insert(next);
            }
            if e.reaches_house {
                let flat = [*county, *site, e.building, e.room];
                let unit = if e.unit == NONE { units.get(&flat).copied().flatten().unwrap_or(NONE) } else { e.unit };
                let next = next_code(houses.len());
                let [a, b, c, d] = flat;
                place.house = *houses.entry([a, b, c, d, unit]).or_insert(next);
            }
            places.push(place);
        }
        self.places = places;
        self.describe(houses.len(), buildings.len());
    }

    /// Gives a county that stands without its city the only city that has one of that name.
    fn complete_counties(&mut self) {
        let mut whole: HashMap<Code, Option<Code>> = HashMap::new();
        for e in self.parsed.iter().filter(|e| e.is_whole) {
            whole
                .entry(e.county_name)
                .and_modify(|known| *known = known.filter(|c| *c == e.county))
                .or_insert(Some(e.county));
        }
        for e in self.parsed.iter_mut().filter(|e| !e.is_whole) {
            if let Some(Some(county)) = whole.get(&e.county_name) {
                e.county = *county;
            }
        }
    }

    /// Estates that addresses name together with a road and number. `None` where they name several.
    fn estates_by_road(&self) -> HashMap<(Code, Code), Option<Code>> {
        let mut estates: HashMap<(Code, Code), Option<Code>> = HashMap::new();
        for e in self.parsed.iter().filter(|e| e.compound != NONE && e.road_plate != NONE) {
            estates
                .entry((e.county, e.road_plate))
                .and_modify(|known| *known = known.filter(|c| *c == e.compound))
                .or_insert(Some(e.compound));
        }
        estates
    }

    /// The one county that has a site; `None` where several have.
    fn counties_by_site(&self, estates: &HashMap<(Code, Code), Option<Code>>) -> HashMap<Code, Option<Code>> {
        let mut counties: HashMap<Code, Option<Code>> = HashMap::new();
        for e in self.parsed.iter().filter(|e| e.county != NONE) {
            counties
                .entry(site_of(e, estates))
                .and_modify(|known| *known = known.filter(|c| *c == e.county))
                .or_insert(Some(e.county));
        }
        counties
    }

    /// The one unit in which a building has a room of that number; `None` where several units have.
    fn units_by_flat(&self, located: &[(Code, Code)]) -> HashMap<[Code; 4], Option<Code>> {
        let mut units: HashMap<[Code; 4], Option<Code>> = HashMap::new();
        for (e, (county, site)) in self.parsed.iter().zip(located).filter(|(e, _)| e.reaches_house && e.unit != NONE) {
            units
                .entry([*county, *site, e.building, e.room])
                .and_modify(|known| *known = known.filter(|u| *u == e.unit))
                .or_insert(Some(e.unit));
        }
        units
    }

    /// Collects the fullest elements of each house and building. Addresses are parsed a second time here rather than
    /// kept in elements: that halves the memory.
    fn describe(&mut self, n_houses: usize, n_buildings: usize) {
        let mut houses = vec![Spot::default(); n_houses];
        let mut buildings = vec![Spot::default(); n_buildings];
        // The order of the texts, not of their first appearance, so that the fullest elements are always the same ones.
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by_cached_key(|at| self.texts.text(next_code(*at)).to_owned());
        for at in order {
            let Some(place) = self.places.get(at).copied() else { continue };
            if place.building == NONE && place.house == NONE {
                continue;
            }
            let address = StandardAddress::parse(self.texts.text(next_code(at)));
            if let Some(spot) = slot(&mut buildings, place.building) {
                spot.building = place.building;
                spot.place = Place { house: NONE, exact: NONE, ..place };
                let mut only_building = address.clone();
                only_building.unit_no.clear();
                only_building.floor_no.clear();
                only_building.room_no.clear();
                only_building.rest.clear();
                fill(&mut spot.address, only_building);
            }
            if let Some(spot) = slot(&mut houses, place.house) {
                spot.building = place.building;
                spot.place = Place { exact: NONE, ..place };
                fill(&mut spot.address, address);
            }
        }
        self.building_keys = buildings.iter().map(|spot| exact_key(&spot.address)).collect();
        self.houses = houses;
        self.buildings = buildings;
    }

    /// What an address means that was noted before [`Places::resolve`].
    pub(crate) fn place(&self, address: Code) -> Place {
        (address as usize).checked_sub(1).and_then(|at| self.places.get(at)).copied().unwrap_or_default()
    }

    /// The same by text.
    pub(crate) fn place_of(&self, text: &str) -> Place {
        self.texts.find(text).map(|code| self.place(code)).unwrap_or_default()
    }

    /// The house of that code.
    pub(crate) fn house(&self, house: Code) -> Option<&Spot> {
        (house as usize).checked_sub(1).and_then(|at| self.houses.get(at))
    }

    /// Where a house is.
    pub(crate) fn place_of_house(&self, house: Code) -> Place {
        self.house(house).map(|spot| spot.place).unwrap_or_default()
    }

    /// The unit a house belongs to, as a code that tells units of one building apart.
    pub(crate) fn unit_of_house(&self, house: Code) -> Code {
        self.house(house).and_then(|spot| self.elements.find(&spot.address.unit_no)).unwrap_or(NONE)
    }

    /// Where a building is.
    pub(crate) fn place_of_building(&self, building: Code) -> Place {
        self.building(building).map(|spot| spot.place).unwrap_or_default()
    }

    /// How many distinct houses there are; also the highest code.
    pub(crate) fn n_houses(&self) -> usize {
        self.houses.len()
    }

    /// The building of that code.
    pub(crate) fn building(&self, building: Code) -> Option<&Spot> {
        (building as usize).checked_sub(1).and_then(|at| self.buildings.get(at))
    }

    /// How many distinct buildings there are; also the highest code.
    pub(crate) fn n_buildings(&self) -> usize {
        self.buildings.len()
    }

    /// A text that is the same for the same building in every run that knows it by the same elements.
    pub(crate) fn building_key(&self, building: Code) -> &str {
        (building as usize).checked_sub(1).and_then(|at| self.building_keys.get(at)).map_or("", String::as_str)
    }
}

/// The estate, or the one that is known behind the road number, or else the road number itself. A flat whose building
/// is a road number (`105弄12号601室`) has no building of its own, so there the road number counts.
fn site_of(e: &Elements, estates: &HashMap<(Code, Code), Option<Code>>) -> Code {
    if e.building == NONE && e.road_plate != NONE {
        return e.road_plate;
    }
    if e.compound != NONE {
        return e.compound;
    }
    estates.get(&(e.county, e.road_plate)).copied().flatten().unwrap_or(e.road_plate)
}

fn next_code(len: usize) -> Code {
    u32::try_from(len).unwrap_or(Code::MAX - 1).saturating_add(1)
}

fn slot(spots: &mut [Spot], code: Code) -> Option<&mut Spot> {
    (code as usize).checked_sub(1).and_then(|at| spots.get_mut(at))
}

/// The name of an estate as [`StandardAddress::building_key`] compares it: the second part of such a key.
fn compound_key(compound: &str) -> String {
    if compound.is_empty() {
        return String::new();
    }
    let alone =
        StandardAddress { compound: compound.to_owned(), building_no: "1".to_owned(), ..StandardAddress::default() };
    let key = alone.building_key().unwrap_or_default();
    key.split('|').nth(1).unwrap_or(compound).to_owned()
}

/// The room as [`StandardAddress::house_key`] compares it: with the floor where the number alone does not hold it.
fn room_key(address: &StandardAddress) -> String {
    if address.room_no.chars().count() < 3 && !address.floor_no.is_empty() && !address.room_no.is_empty() {
        format!("{}-{}", address.floor_no, address.room_no)
    } else {
        address.room_no.clone()
    }
}

/// Gives an address the elements it lacks.
fn fill(into: &mut StandardAddress, from: StandardAddress) {
    for (have, other) in [
        (&mut into.province, from.province),
        (&mut into.city, from.city),
        (&mut into.county, from.county),
        (&mut into.street, from.street),
        (&mut into.community, from.community),
        (&mut into.road, from.road),
        (&mut into.plate_no, from.plate_no),
        (&mut into.compound, from.compound),
        (&mut into.building_no, from.building_no),
        (&mut into.unit_no, from.unit_no),
        (&mut into.floor_no, from.floor_no),
        (&mut into.room_no, from.room_no),
    ] {
        if have.is_empty() {
            *have = other;
        }
    }
}

/// County and everything below the community, or nothing if there is nothing below it: two people are not neighbours
/// because both live in one street.
fn exact_key(address: &StandardAddress) -> String {
    let (compound, room) = (compound_key(&address.compound), room_key(address));
    let below =
        [&address.road, &address.plate_no, &compound, &address.rest, &address.building_no, &address.unit_no, &room];
    if address.plate_no.is_empty() && address.compound.is_empty() {
        return String::new();
    }
    let mut key = format!(
        "{}|{}|{}",
        address.city,
        address.county,
        if address.road.is_empty() { &address.community } else { "" }
    );
    for element in below {
        key.push('|');
        key.push_str(element);
    }
    key
}
