//! The whole of linking, step by step.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use schemas::{DatasetId, Registry, RelationName};

use crate::LinkError;
use crate::dictionary::NONE;
use crate::house_addresses::HouseAddresses;
use crate::identities::{EntityId, EntityKind, Identities, IdentitiesBuilder};
use crate::landed::Landed;
use crate::people::{People, Tables};
use crate::places::Places;
use crate::report::LinkReport;
use crate::roles::{HOUSE_ROLES, ROLES};
use crate::rules::{PersonLinks, link_persons};
use crate::sensitive::{Lists, is_list};
use crate::stable_id::{RecordName, assign};
use crate::table::{FinishedTable, TableWriter};
use crate::unified::facts::{PersonFacts, occupants, settle};
use crate::unified::grid::Grids;
use crate::unified::house::Houses;
use crate::unified::household::Households;
use crate::unified::{Person, PersonAt, World, building, event, grid, house, household, person, residence, tag};

/// What linking works on.
#[derive(Debug)]
pub struct LinkInput<'a> {
    /// The declarations by which tables are read and written.
    pub registry: &'a Registry,
    /// The landed tables, each as its dataset's landed relation; rows in any order and any number of batches.
    pub tables: &'a BTreeMap<DatasetId, Vec<RecordBatch>>,
    /// The membership of the last run; entities keep their ids from it.
    pub previous: Option<&'a Identities>,
    /// The day by which ages and leases are judged.
    pub today: NaiveDate,
    /// The moment by which deadlines are judged, in microseconds since 1970-01-01T00:00:00Z.
    pub now_us: i64,
}

/// What linking makes.
#[derive(Debug)]
pub struct Linked {
    /// Every relation of [`Registry::linked`], exactly as declared and sorted by its key column. One that nothing is known for
    /// has one batch without rows.
    pub tables: BTreeMap<RelationName, Vec<RecordBatch>>,
    /// Which record belongs to which entity: to be kept, and given to the next run.
    pub identities: Identities,
    /// The run in numbers.
    pub report: LinkReport,
}

/// Turns landed tables into the unified base.
///
/// Houses first, by their parsed addresses; then persons, with the house as one of their fields; then what follows from
/// both; and last the sensitive lists, which find persons and change none. The result depends on the set of rows only, not on
/// their order or batches, except for the ids of new entities, which are random. `progress` is told what begins; the words carry no value of any record.
///
/// # Errors
/// [`LinkError`] if a landed column is not of its declared type, if a linked relation is not declared, or if there are
/// no random bytes. Rows never make it fail, whatever they hold.
pub fn link(input: &LinkInput<'_>, progress: &mut dyn FnMut(&str)) -> Result<Linked, LinkError> {
    let mut report = LinkReport::default();
    progress("reading landed tables");
    let tables = read_tables(input, &mut report)?;
    let lists = Lists::read(input, &mut report)?;
    progress("reading persons and addresses");
    let mut places = Places::default();
    let mut people = People::read(&tables, &mut places, input.now_us);
    let addresses = HouseAddresses::note(&tables, &mut places);
    let mut grids = Grids::read(&tables, &mut places);
    progress("linking houses");
    places.resolve();
    grids.settle(&places);
    progress("linking persons");
    let links = link_persons(&mut people, &places);
    progress("keeping ids");
    let mut membership = IdentitiesBuilder::default();
    let mut ids = Ids { input, membership: &mut membership, report: &mut report };
    let house_ids = ids.of_houses(&tables, &places, &addresses)?;
    let building_ids = ids.of_buildings(&places, &house_ids, &grids)?;
    let (persons, person_of) = ids.of_persons(&tables, &people, links)?;
    let event_ids = ids.of_events(&tables)?;
    let world = World {
        registry: input.registry,
        tables: &tables,
        people: &people,
        places: &places,
        addresses: &addresses,
        grids,
        persons,
        person_of,
        house_ids,
        building_ids,
        today: input.today,
        now_us: input.now_us,
    };
    progress("settling who lives where");
    let facts = settle(&world);
    let households = Households::read(&world, &facts);
    let household_ids = Ids { input, membership: &mut membership, report: &mut report }.of_households(&households)?;
    progress("writing tables");
    let mut finished = write_tables(&world, &facts, (&households, &household_ids), &event_ids)?;
    finished.push(lists.write(&world, &facts, &mut report)?);
    let tables = collect(input.registry, finished, &mut report)?;
    Ok(Linked { tables, identities: membership.finish(), report })
}

fn write_tables(
    world: &World<'_>,
    facts: &[PersonFacts],
    (households, household_ids): (&Households, &[EntityId]),
    event_ids: &[EntityId],
) -> Result<Vec<FinishedTable>, LinkError> {
    let houses = Houses::read(world, facts);
    let occupants = occupants(world, facts);
    let [events, steps] = event::write(world, event_ids)?;
    let [households_table, members] = household::write(world, facts, households, household_ids)?;
    Ok(vec![
        person::write(world, facts, households, household_ids)?,
        households_table,
        members,
        house::write(world, &houses, &occupants)?,
        building::write(world)?,
        residence::write(world, facts, &houses, households, &occupants)?,
        grid::write(world, facts)?,
        events,
        steps,
        tag::write(world, facts, &occupants)?,
    ])
}

fn read_tables(input: &LinkInput<'_>, report: &mut LinkReport) -> Result<Tables, LinkError> {
    let mut tables = Tables::new();
    for (id, batches) in input.tables {
        let name = id.to_string();
        if is_list(&name) {
            continue;
        }
        let is_used = name == "grid.grid"
            || ROLES.iter().any(|role| role.dataset == name)
            || HOUSE_ROLES.iter().any(|role| role.dataset == name);
        match input.registry.dataset(id).filter(|_| is_used) {
            None => report.unused_datasets.push(name),
            Some(dataset) => {
                let landed = Landed::read(dataset, batches)?;
                report.rows_superseded += landed.superseded as u64;
                report.rows_without_key += landed.unkeyed as u64;
                tables.insert(name, landed);
            }
        }
    }
    Ok(tables)
}

/// Gives entities their ids.
struct Ids<'i, 'b> {
    input: &'i LinkInput<'i>,
    membership: &'b mut IdentitiesBuilder,
    report: &'b mut LinkReport,
}

impl Ids<'_, '_> {
    fn assign(
        &mut self,
        kind: EntityKind,
        clusters: impl Iterator<Item = Vec<RecordName>>,
    ) -> Result<Vec<EntityId>, LinkError> {
        let (ids, n_new) = assign(kind, clusters, self.input.previous, self.membership)?;
        self.report.entities_new.insert(kind.as_str().to_owned(), n_new);
        Ok(ids)
    }

    fn of_houses(
        &mut self,
        tables: &Tables,
        places: &Places,
        addresses: &HouseAddresses,
    ) -> Result<Vec<Option<EntityId>>, LinkError> {
        let mut records: Vec<Vec<RecordName>> = vec![Vec::new(); places.n_houses()];
        let mut is_founded = vec![false; places.n_houses()];
        for (at, role) in HOUSE_ROLES.iter().enumerate() {
            let Some(table) = tables.get(role.dataset) else { continue };
            let key = table.text("record_key");
            for (i, place) in addresses.places(at, places).enumerate().filter(|(_, place)| place.house != NONE) {
                let house = place.house as usize - 1;
                if let (Some(list), Some(founded), Some(key)) =
                    (records.get_mut(house), is_founded.get_mut(house), key.get(i))
                {
                    list.push((role.dataset, format!("{key}{}", role.suffix)));
                    *founded |= role.founds;
                }
            }
        }
        let founded: Vec<Vec<RecordName>> =
            records.into_iter().zip(&is_founded).filter(|(_, founded)| **founded).map(|(list, _)| list).collect();
        self.report.house_records = founded.iter().map(|list| list.len() as u64).sum();
        let ids = self.assign(EntityKind::House, founded.into_iter())?;
        let mut ids = ids.into_iter();
        Ok(is_founded.iter().map(|founded| if *founded { ids.next() } else { None }).collect())
    }

    /// Buildings that a house stands in or a grid covers.
    fn of_buildings(
        &mut self,
        places: &Places,
        house_ids: &[Option<EntityId>],
        grids: &Grids,
    ) -> Result<Vec<Option<EntityId>>, LinkError> {
        let mut is_wanted = vec![false; places.n_buildings()];
        let of_houses = house_ids.iter().zip(1_u32..).filter(|(id, _)| id.is_some());
        let of_houses = of_houses.map(|(_, house)| places.place_of_house(house).building);
        for building in of_houses.chain(grids.covered_buildings()) {
            if let Some(slot) = (building as usize).checked_sub(1).and_then(|at| is_wanted.get_mut(at)) {
                *slot = true;
            }
        }
        let wanted = || is_wanted.iter().zip(1_u32..).filter(|(wanted, _)| **wanted);
        let named = wanted().map(|(_, building)| vec![("gateway.building", places.building_key(building).to_owned())]);
        let ids = self.assign(EntityKind::Building, named.collect::<Vec<_>>().into_iter())?;
        let mut ids = ids.into_iter();
        Ok(is_wanted.iter().map(|wanted| if *wanted { ids.next() } else { None }).collect())
    }

    /// Persons in the order of their records, and for each record its person.
    fn of_persons(
        &mut self,
        tables: &Tables,
        people: &People,
        mut links: PersonLinks,
    ) -> Result<(Vec<Person>, Vec<PersonAt>), LinkError> {
        let clusters = links.clusters.members();
        let keys: Vec<_> = ROLES.iter().map(|role| Some(tables.get(role.dataset)?.text("record_key"))).collect();
        let name = |at: &u32| {
            let record = people.record(*at)?;
            let key = keys.get(usize::from(record.role))?.as_ref()?.get(record.record as usize)?;
            let role = record.role();
            Some((role.dataset, format!("{key}{}", role.suffix)))
        };
        let ids =
            self.assign(EntityKind::Person, clusters.iter().map(|members| members.iter().filter_map(name).collect()))?;
        let mut persons = Vec::with_capacity(clusters.len());
        for (id, members) in ids.into_iter().zip(clusters) {
            if !people.is_person(&members) {
                self.report.mentions_unattached += 1;
                continue;
            }
            let root = members.first().copied().map_or(0, |first| links.clusters.root(first));
            let state = links.clusters.state(root);
            persons.push(Person { id, members, score: f64::from(state.score) / 1000.0, id_no: state.id });
        }
        let mut person_of = vec![PersonAt::MAX; people.records.len()];
        for (person, at) in persons.iter().zip(0_u32..) {
            for record in &person.members {
                if let Some(slot) = person_of.get_mut(*record as usize) {
                    *slot = at;
                }
            }
        }
        self.report.person_records = people.records.len() as u64;
        self.report.organisations = people.organisations as u64;
        self.report.unnamed = people.unnamed as u64;
        self.report.by_rule = links.by_rule;
        self.report.conflicts = links.conflicts;
        Ok((persons, person_of))
    }

    fn of_events(&mut self, tables: &Tables) -> Result<Vec<EntityId>, LinkError> {
        let key = |dataset: &str, i: usize| {
            tables.get(dataset).and_then(|t| t.text("record_key").get(i)).unwrap_or("").to_owned()
        };
        let records = event::records(tables);
        self.assign(EntityKind::Event, records.into_iter().map(|(dataset, i)| vec![(dataset, key(dataset, i))]))
    }

    fn of_households(&mut self, households: &Households) -> Result<Vec<EntityId>, LinkError> {
        let named = households.list.iter().map(|h| vec![("police.resident", h.household_no.clone())]);
        self.assign(EntityKind::Household, named)
    }
}

/// Puts the finished tables beside empty ones for relations that linking does not fill, and their figures on the report.
fn collect(
    registry: &Registry,
    finished: Vec<FinishedTable>,
    report: &mut LinkReport,
) -> Result<BTreeMap<RelationName, Vec<RecordBatch>>, LinkError> {
    let mut tables = BTreeMap::new();
    for table in finished {
        let n_rows = table.n_rows();
        match table.name.to_string().as_str() {
            "unified.person" => report.persons = n_rows,
            "unified.house" => report.houses = n_rows,
            "unified.building" => report.buildings = n_rows,
            "unified.household" => report.households = n_rows,
            "unified.event" => report.events = n_rows,
            _ => {}
        }
        report.codes_refused.extend(table.refused);
        tables.insert(table.name, table.batches);
    }
    for relation in registry.linked() {
        if !tables.contains_key(&relation.name) {
            let empty = TableWriter::new(registry, &relation.name.to_string())?.finish()?;
            tables.insert(empty.name, empty.batches);
        }
    }
    Ok(tables)
}
