//! Buildings of one grid. A compound may run on into the next grid of the same community.

use super::{Building, Compound, compound_name, road_name};
use crate::rng::Rng;

/// A grid is closed before it would have more flats than this. Fewer than 300, so that registered-only households do not
/// push it over the limit of households.
const MOST_FLATS: u32 = 260;
/// A grid is closed when it has this many flats.
const ENOUGH_FLATS: u32 = 205;

/// How compounds are built: (floors from, to, units from, to, flats per floor, built from, to).
const KINDS: &[(Kind, u32)] = &[
    (Kind { floors: (5, 6), units: (2, 4), per_floor: (2, 2), built: (1982, 1999), buildings: (6, 14) }, 42),
    (Kind { floors: (6, 7), units: (2, 4), per_floor: (2, 3), built: (1998, 2008), buildings: (5, 12) }, 23),
    (Kind { floors: (11, 11), units: (1, 3), per_floor: (2, 2), built: (2005, 2022), buildings: (4, 10) }, 18),
    (Kind { floors: (17, 33), units: (1, 2), per_floor: (2, 3), built: (2008, 2024), buildings: (3, 8) }, 17),
];

#[derive(Debug)]
struct Kind {
    floors: (i64, i64),
    units: (i64, i64),
    per_floor: (i64, i64),
    built: (i64, i64),
    buildings: (i64, i64),
}

/// A compound under way: how many buildings are still to come and what they look like.
#[derive(Debug)]
pub(crate) struct Works {
    compound: usize,
    next_number: u32,
    left: u32,
    kind: &'static Kind,
}

/// Adds the buildings of one grid to `buildings` and their compounds to `compounds`. Returns the grid's area.
/// `works` carries an unfinished compound from grid to grid; `number` counts compounds over the whole city.
pub(crate) fn lay_out_grid(
    rng: &mut Rng,
    seed: u64,
    number: &mut u64,
    works: &mut Option<Works>,
    (grid, compounds, buildings): (usize, &mut Vec<Compound>, &mut Vec<Building>),
) -> u32 {
    let mut flats = 0;
    let mut first_flat = buildings.last().map_or(0, |b| b.flats.end);
    let (lon, lat) = centre(rng);
    while flats < ENOUGH_FLATS {
        let mut work = match works.take() {
            Some(work) => work,
            None => begin(rng, seed, number, compounds),
        };
        let building = draw(rng, grid, &work, first_flat, (lon, lat));
        if flats + building.flat_count() > MOST_FLATS {
            *works = Some(work);
            break;
        }
        flats += building.flat_count();
        first_flat = building.flats.end;
        buildings.push(building);
        work.next_number += 1;
        work.left -= 1;
        *works = (work.left > 0).then_some(work);
    }
    u32::try_from(rng.between(38_000, 160_000)).unwrap_or(50_000) + flats * 120
}

fn begin(rng: &mut Rng, seed: u64, number: &mut u64, compounds: &mut Vec<Compound>) -> Works {
    let kind = rng.weighted(KINDS).unwrap_or(&FALLBACK);
    let name = compound_name(seed, *number);
    let road = road_name(seed, *number / 3);
    *number += 1;
    let built_year = i32::try_from(rng.between(kind.built.0, kind.built.1)).unwrap_or(2000);
    compounds.push(Compound { name, road, plate: small(rng, (1, 899)), built_year });
    Works { compound: compounds.len() - 1, next_number: 1, left: small(rng, kind.buildings), kind }
}

static FALLBACK: Kind =
    Kind { floors: (6, 6), units: (3, 3), per_floor: (2, 2), built: (1995, 1995), buildings: (6, 6) };

fn draw(rng: &mut Rng, grid: usize, work: &Works, first_flat: usize, (lon, lat): (f64, f64)) -> Building {
    let kind = work.kind;
    let (units, floors, per_floor) = (small(rng, kind.units), small(rng, kind.floors), small(rng, kind.per_floor));
    let count = usize::try_from(units * floors * per_floor).unwrap_or_default();
    Building {
        grid,
        compound: work.compound,
        number: work.next_number,
        units,
        floors,
        per_floor,
        flats: first_flat..first_flat + count,
        lon: six_places(lon + micro(rng, 2_500)),
        lat: six_places(lat + micro(rng, 2_000)),
    }
}

fn centre(rng: &mut Rng) -> (f64, f64) {
    (124.0 + micro(rng, 150_000), 29.5 + micro(rng, 120_000))
}

/// Degrees as systems keep them: about a tenth of a metre.
fn six_places(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}

/// Up to so many millionths of a degree either way.
fn micro(rng: &mut Rng, most: i64) -> f64 {
    let millionths = i32::try_from(rng.between(-most, most)).unwrap_or_default();
    f64::from(millionths) / 1e6
}

fn small(rng: &mut Rng, (low, high): (i64, i64)) -> u32 {
    u32::try_from(rng.between(low, high)).unwrap_or(1)
}
