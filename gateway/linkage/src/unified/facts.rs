//! What is settled of each person before any table is written: where they live, whether they live, how old they are.

use arrow::array::StringArray;
use schemas::Authority;

use crate::birth::Birth;
use crate::dictionary::{Code, NONE};
use crate::landed::{Column, authority_of};
use crate::people::LinkRecord;
use crate::places::Place;
use crate::roles::ROLES;
use crate::unified::choice::{Claim, rank};
use crate::unified::{Person, World};

/// What other tables need to know of a person.
#[derive(Debug, Clone, Default)]
pub(crate) struct PersonFacts {
    pub(crate) birth: Birth,
    /// 1 male, 2 female, 0 unknown.
    pub(crate) sex: u8,
    /// The current address as written.
    pub(crate) current_address: Option<String>,
    pub(crate) current: Place,
    /// When and by which dataset the current address was given.
    pub(crate) seen: Option<(i64, &'static str)>,
    pub(crate) registered: Place,
    pub(crate) grid: Option<u32>,
    /// `None` while one source alone says so.
    pub(crate) is_deceased: Option<bool>,
    pub(crate) is_resident: bool,
    pub(crate) is_floating: bool,
}

impl PersonFacts {
    /// Not known to be dead.
    pub(crate) fn is_living(&self) -> bool {
        self.is_deceased != Some(true)
    }

    /// Whole years of age on a day; `None` without a birth year.
    pub(crate) fn age_on(&self, today: chrono::NaiveDate) -> Option<i32> {
        let (born, _) = self.birth.first_day()?;
        today.years_since(born).and_then(|years| i32::try_from(years).ok())
    }

    /// 18 or more. Who has no birth date counts as grown up: children are always entered with one.
    pub(crate) fn is_adult(&self, today: chrono::NaiveDate) -> bool {
        self.age_on(today).is_none_or(|age| age >= 18)
    }
}

/// One column of every role's table that describes its person.
pub(crate) struct Described<'a> {
    by_role: Vec<Option<Column<'a, StringArray>>>,
}

impl<'a> Described<'a> {
    /// The column of that name in each table whose columns describe the person.
    pub(crate) fn column(world: &World<'a>, name: &str) -> Self {
        Self::of(world, |role| if role.describes { name } else { "" })
    }

    /// The column that `pick` names in each role; empty for none.
    pub(crate) fn of<'n>(world: &World<'a>, pick: impl Fn(&'static crate::roles::Role) -> &'n str) -> Self {
        let by_role = ROLES
            .iter()
            .map(|role| {
                let column = pick(role);
                let table = world.tables.get(role.dataset)?;
                (!column.is_empty() && table.has(column)).then(|| table.text(column))
            })
            .collect();
        Self { by_role }
    }

    /// What one record says in this column.
    pub(crate) fn value(&self, world: &World<'_>, at: u32) -> Option<&'a str> {
        let record = world.people.record(at)?;
        self.by_role.get(usize::from(record.role))?.as_ref()?.get(record.record as usize)
    }

    /// What the records of a person say in this column.
    pub(crate) fn claims(&self, world: &World<'_>, person: &Person) -> Vec<Claim<&'a str>> {
        let mut out = Vec::new();
        for (_, record) in world.records_of(person) {
            let column = self.by_role.get(usize::from(record.role)).and_then(Option::as_ref);
            if let Some(value) = column.and_then(|column| column.get(record.record as usize)) {
                let source = record.role().dataset;
                out.push(Claim { value, source, authority: authority_of(source), as_of: record.as_of });
            }
        }
        out
    }
}

/// Where people live, as the records say it.
pub(crate) struct CurrentAddresses<'a> {
    written: Described<'a>,
    registered: Described<'a>,
    consistent: Described<'a>,
}

impl<'a> CurrentAddresses<'a> {
    pub(crate) fn of(world: &World<'a>) -> Self {
        Self {
            written: Described::column(world, "current_address"),
            registered: registered_addresses(world),
            consistent: Described::of(world, |role| if role.dataset == RESIDENT { "hukou_consistent" } else { "" }),
        }
    }

    /// What the records of a person say. Where the police register leaves the address out and says that the person lives
    /// where they are registered (人户一致), that is where.
    pub(crate) fn claims(&self, world: &World<'_>, person: &Person) -> Vec<Claim<&'a str>> {
        let mut claims = self.written.claims(world, person);
        for (at, record) in world.records_of(person) {
            if self.consistent.value(world, at) == Some("01") && self.written.value(world, at).is_none() {
                let claim =
                    |value| Claim { value, source: RESIDENT, authority: Authority::Police, as_of: record.as_of };
                claims.extend(self.registered.value(world, at).map(claim));
            }
        }
        claims
    }
}

const RESIDENT: &str = "police.resident";

/// Where people are registered.
fn registered_addresses<'a>(world: &World<'a>) -> Described<'a> {
    Described::of(world, |role| if role.dataset == RESIDENT { "registered_address" } else { "" })
}

/// Whose word counts for a column of `unified.person`.
pub(crate) fn authority_for(world: &World<'_>, column: &str) -> Vec<Authority> {
    schemas::RelationName::new("unified", "person")
        .ok()
        .and_then(|name| world.registry.relation(&name))
        .and_then(|relation| relation.column(column).map(|c| c.authority.clone()))
        .unwrap_or_default()
}

/// Settles the facts of every person, in the order of persons.
pub(crate) fn settle(world: &World<'_>) -> Vec<PersonFacts> {
    let current = CurrentAddresses::of(world);
    let registered = registered_addresses(world);
    let current_order = authority_for(world, "cur_address");
    let birth_order = authority_for(world, "birth_date");
    let sex_order = authority_for(world, "sex");
    let deaths = Deaths::of(world);
    let leases = tenancy_addresses(world);
    let mut out = Vec::with_capacity(world.persons.len());
    for person in &world.persons {
        let mut facts = PersonFacts {
            birth: settle_birth(world, person, &birth_order),
            sex: settle_sex(world, person, &sex_order),
            is_deceased: deaths.of_person(world, person),
            is_resident: world.records_of(person).any(|(_, r)| r.role().dataset == RESIDENT),
            is_floating: world.records_of(person).any(|(_, r)| r.role().dataset == "police.floating"),
            ..PersonFacts::default()
        };
        let mut claims = current.claims(world, person);
        rank(&mut claims, &current_order);
        if claims.is_empty() {
            claims.extend(world.records_of(person).filter_map(|(at, _)| leases.get(at as usize).copied().flatten()));
        }
        if let Some(stands) = claims.first() {
            facts.current = world.places.place_of(stands.value);
            facts.current_address = Some(stands.value.to_owned());
            facts.seen = Some((stands.as_of, stands.source));
        }
        let mut claims = registered.claims(world, person);
        rank(&mut claims, &[Authority::Police]);
        facts.registered = claims.first().map(|c| world.places.place_of(c.value)).unwrap_or_default();
        facts.grid = world.grids.of_place(facts.current);
        out.push(facts);
    }
    out
}

/// For each record that is a lessee in force: the address leased. Who has no address of their own lives there.
fn tenancy_addresses<'a>(world: &World<'a>) -> Vec<Option<Claim<&'a str>>> {
    let mut out = vec![None; world.people.records.len()];
    let Some(table) = world.tables.get("housing.lease") else { return out };
    let (address, start, end) = (table.text("address"), table.date("start_on"), table.date("end_on"));
    let today = world.today_days();
    for (slot, record) in out.iter_mut().zip(&world.people.records) {
        let role = record.role();
        let i = record.record as usize;
        let in_force = start.get(i).is_none_or(|day| day <= today) && end.get(i).is_none_or(|day| day >= today);
        if role.dataset == "housing.lease" && role.suffix == "#lessee" && in_force {
            *slot = address.get(i).map(|value| Claim {
                value,
                source: role.dataset,
                authority: Authority::Housing,
                as_of: record.as_of,
            });
        }
    }
    out
}

/// Birth dates that the records claim, in the order in which they count. The date within the person's own number
/// counts as the police's word, after what the police register says itself.
pub(crate) fn birth_claims(world: &World<'_>, person: &Person, order: &[Authority]) -> Vec<Claim<Birth>> {
    let mut claims: Vec<Claim<Birth>> = Vec::new();
    for (_, record) in world.records_of(person).filter(|(_, r)| !r.birth.is_none()) {
        let source = record.role().dataset;
        claims.push(Claim { value: record.birth, source, authority: authority_of(source), as_of: record.as_of });
    }
    if person.id_no != NONE {
        let (value, _) = world.people.id_facts(person.id_no);
        claims.push(Claim { value, source: RESIDENT, authority: Authority::Police, as_of: i64::MIN });
    }
    rank(&mut claims, order);
    claims
}

/// The date that counts most; if it is partial, the first whole date that fills it.
fn settle_birth(world: &World<'_>, person: &Person, order: &[Authority]) -> Birth {
    use crate::birth::BirthLevel;
    let claims = birth_claims(world, person, order);
    let Some(stands) = claims.first().map(|c| c.value) else { return Birth::NONE };
    if stands.is_exact() {
        return stands;
    }
    let fills = |c: &&Claim<Birth>| c.value.is_exact() && c.value.level(stands) == BirthLevel::Compatible;
    claims.iter().find(fills).map_or(stands, |c| c.value)
}

fn settle_sex(world: &World<'_>, person: &Person, order: &[Authority]) -> u8 {
    let mut claims: Vec<Claim<u8>> = Vec::new();
    for (_, record) in world.records_of(person).filter(|(_, r)| r.sex != 0) {
        let source = record.role().dataset;
        claims.push(Claim { value: record.sex, source, authority: authority_of(source), as_of: record.as_of });
    }
    if person.id_no != NONE {
        let (_, value) = world.people.id_facts(person.id_no);
        claims.push(Claim { value, source: RESIDENT, authority: Authority::Police, as_of: i64::MIN });
    }
    rank(&mut claims, order);
    claims.first().map_or(0, |c| c.value)
}

/// Who says that somebody is dead: the police register by its column, others by a mark on the name.
struct Deaths {
    /// By record index.
    says: Vec<Option<bool>>,
}

impl Deaths {
    fn of(world: &World<'_>) -> Self {
        let by_role: Vec<_> = ROLES
            .iter()
            .map(|role| {
                let table = world.tables.get(role.dataset).filter(|_| role.describes)?;
                let mark = format!("{}:deceased_mark", role.name);
                Some((table.list("quality"), table.boolean("is_deceased"), mark))
            })
            .collect();
        let says = |record: &LinkRecord| {
            let (quality, deceased, mark) = by_role.get(usize::from(record.role))?.as_ref()?;
            let i = record.record as usize;
            deceased.get(i).or_else(|| quality.contains(i, |flag| flag == mark).then_some(true))
        };
        Self { says: world.people.records.iter().map(says).collect() }
    }

    /// The police register's word, or two departments'. One other department alone leaves it open.
    fn of_person(&self, world: &World<'_>, person: &Person) -> Option<bool> {
        let mut departments: Vec<&str> = Vec::new();
        let mut police: Option<(i64, bool)> = None;
        for (at, record) in world.records_of(person) {
            let Some(says) = self.says.get(at as usize).copied().flatten() else { continue };
            let source = record.role().dataset;
            if source == RESIDENT {
                police = police.max(Some((record.as_of, says)));
            }
            let department = crate::unified::department(source);
            if says && !departments.contains(&department) {
                departments.push(department);
            }
        }
        match (police, departments.len()) {
            (Some((_, true)), _) | (_, 2..) => Some(true),
            (_, 1) => None,
            (Some((_, false)), _) => Some(false),
            (None, _) => Some(false),
        }
    }
}

/// Persons who live in each house now, by house code; index 0 is nobody's.
pub(crate) fn occupants(world: &World<'_>, facts: &[PersonFacts]) -> Vec<Vec<u32>> {
    let mut out: Vec<Vec<u32>> = vec![Vec::new(); world.places.n_houses() + 1];
    for (fact, at) in facts.iter().zip(0_u32..).filter(|(fact, _)| fact.is_living()) {
        if fact.current.house != NONE
            && let Some(list) = out.get_mut(fact.current.house as usize)
        {
            list.push(at);
        }
    }
    out
}

/// A code of a house as an index into [`occupants`].
pub(crate) fn list_of(lists: &[Vec<u32>], house: Code) -> &[u32] {
    lists.get(house as usize).map_or(&[], Vec::as_slice)
}
