//! From clusters to the unified tables: what the departments say of each person, house and event, brought to one row.
//!
//! Nothing here decides who is who; [`World`] holds what linking has decided.

pub(crate) mod building;
pub(crate) mod choice;
pub(crate) mod clock;
pub(crate) mod event;
pub(crate) mod facts;
pub(crate) mod grid;
pub(crate) mod house;
pub(crate) mod household;
pub(crate) mod person;
pub(crate) mod residence;
pub(crate) mod tag;
pub(crate) mod wedding;

use chrono::NaiveDate;
use schemas::Registry;

use crate::dictionary::{Code, NONE};
use crate::house_addresses::HouseAddresses;
use crate::identities::EntityId;
use crate::people::{LinkRecord, People, Tables, days_of};
use crate::places::{Place, Places};
use crate::unified::grid::Grids;

/// Index of a person in [`World::persons`].
pub(crate) type PersonAt = u32;

/// One linked person.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: EntityId,
    /// Records, by index, in order.
    pub(crate) members: Vec<u32>,
    /// The weakest join, 0 to 1.
    pub(crate) score: f64,
    /// The citizen ID number.
    pub(crate) id_no: Code,
}

/// What linking has decided, and the tables it was decided from.
pub(crate) struct World<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) tables: &'a Tables,
    pub(crate) people: &'a People,
    pub(crate) places: &'a Places,
    pub(crate) addresses: &'a HouseAddresses,
    pub(crate) grids: Grids,
    /// Persons of `unified.person`, in the order of their first records: neighbours in memory as in the landed tables.
    pub(crate) persons: Vec<Person>,
    /// For each record, its person in `persons`; `PersonAt::MAX` for a mention that is attached to none.
    pub(crate) person_of: Vec<PersonAt>,
    /// By house code minus one; `None` for a place that no register makes a house.
    pub(crate) house_ids: Vec<Option<EntityId>>,
    /// By building code minus one.
    pub(crate) building_ids: Vec<Option<EntityId>>,
    pub(crate) today: NaiveDate,
    pub(crate) now_us: i64,
}

impl World<'_> {
    /// Today in days since 1970-01-01.
    pub(crate) fn today_days(&self) -> i32 {
        days_of(self.today)
    }

    /// The person a record belongs to.
    pub(crate) fn person_of_record(&self, record: u32) -> Option<PersonAt> {
        self.person_of.get(record as usize).copied().filter(|at| *at != PersonAt::MAX)
    }

    /// The person of that index.
    pub(crate) fn person(&self, at: PersonAt) -> Option<&Person> {
        self.persons.get(at as usize)
    }

    /// The records of a person.
    pub(crate) fn records_of<'s>(&'s self, person: &'s Person) -> impl Iterator<Item = (u32, &'s LinkRecord)> {
        person.members.iter().filter_map(|at| Some((*at, self.people.record(*at)?)))
    }

    /// The place that a record of a dataset names in a column of [`crate::roles::HOUSE_ROLES`].
    pub(crate) fn named_place(&self, dataset: &str, column: &str, record: usize) -> Place {
        self.addresses.place(dataset, column, record, self.places)
    }

    /// The id of a house, if a register makes it one.
    pub(crate) fn house_id(&self, house: Code) -> Option<EntityId> {
        (house as usize).checked_sub(1).and_then(|at| self.house_ids.get(at)).copied().flatten()
    }

    /// The id of a building.
    pub(crate) fn building_id(&self, building: Code) -> Option<EntityId> {
        (building as usize).checked_sub(1).and_then(|at| self.building_ids.get(at)).copied().flatten()
    }
}

/// For each record of a role's table, the person who fills the role.
pub(crate) struct RolePersons(Vec<PersonAt>);

impl RolePersons {
    /// Of the role with that dataset and suffix.
    pub(crate) fn of(world: &World<'_>, dataset: &str, suffix: &str) -> Self {
        let n_rows = world.tables.get(dataset).map_or(0, crate::landed::Landed::len);
        let mut persons = vec![PersonAt::MAX; n_rows];
        if let Some(role) = crate::roles::role_index(dataset, suffix) {
            for (record, at) in world.people.records.iter().zip(0_u32..).filter(|(r, _)| usize::from(r.role) == role) {
                if let (Some(slot), Some(person)) =
                    (persons.get_mut(record.record as usize), world.person_of_record(at))
                {
                    *slot = person;
                }
            }
        }
        Self(persons)
    }

    /// The person who fills the role in that record.
    pub(crate) fn get(&self, record: usize) -> Option<PersonAt> {
        self.0.get(record).copied().filter(|at| *at != PersonAt::MAX)
    }
}

/// The department part of a dataset: `police`.
pub(crate) fn department(source: &str) -> &str {
    source.split_once('.').map_or(source, |(department, _)| department)
}

/// Whether a code stands for something.
pub(crate) fn known(code: Code) -> Option<Code> {
    (code != NONE).then_some(code)
}
