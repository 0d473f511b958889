//! The table `unified.person`: one row per person, each field by the word that counts for it.

use arrow::array::Date32Array;
use schemas::Authority;

use crate::LinkError;
use crate::birth::{Birth, BirthLevel};
use crate::dictionary::NONE;
use crate::landed::{Column, authority_of};
use crate::name::NameLevel;
use crate::people::IdState;
use crate::places::{Place, Places};
use crate::roles::ROLES;
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::choice::{Claim, disagreement, rank};
use crate::unified::facts::{CurrentAddresses, Described, PersonFacts, authority_for, birth_claims};
use crate::unified::household::Households;
use crate::unified::wedding::Weddings;
use crate::unified::{Person, World};

/// How two departments' words for one column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Same {
    /// Equal texts.
    Text,
    /// Equal first character: 20 已婚 and 21 初婚 do not contradict one another.
    Family,
    /// The same place, however written.
    Place,
}

/// A text column of the person table and the column of the datasets that it comes from.
struct TextField {
    column: &'static str,
    from: &'static str,
    same: Same,
}

const fn field(column: &'static str) -> TextField {
    TextField { column, from: column, same: Same::Text }
}

/// Text columns that are taken over as they are, in the order of the relation.
const TEXT_FIELDS: [TextField; 14] = [
    field("former_name"),
    field("ethnicity"),
    field("native_place"),
    TextField { column: "marital_status", from: "marital_status", same: Same::Family },
    field("education"),
    field("occupation"),
    field("employer"),
    TextField { column: "reg_division", from: "registered_division", same: Same::Text },
    TextField { column: "reg_address", from: "registered_address", same: Same::Place },
    TextField { column: "cur_address", from: "current_address", same: Same::Place },
    field("hukou_type"),
    field("inflow_reason"),
    field("permit_type"),
    field("permit_no"),
];

/// Everything needed to write one person after another.
struct Writer<'w, 'a> {
    world: &'w World<'a>,
    fields: Vec<(&'static TextField, Described<'a>, Vec<Authority>)>,
    written_name: Described<'a>,
    current: CurrentAddresses<'a>,
    names: Vec<Authority>,
    births: Vec<Authority>,
    phones: Vec<Authority>,
    weddings: Weddings,
    inflow_date: Vec<Option<Column<'a, Date32Array>>>,
    permit_expiry: Vec<Option<Column<'a, Date32Array>>>,
    death_date: Described<'a>,
    batches: Described<'a>,
}

static FIELDS: [TextField; 14] = TEXT_FIELDS;

/// Writes `unified.person` in the order of person ids. Rows are made in the order of records, where neighbours are near
/// in memory, and sorted afterwards.
pub(crate) fn write(
    world: &World<'_>,
    facts: &[PersonFacts],
    households: &Households,
    household_ids: &[crate::EntityId],
) -> Result<FinishedTable, LinkError> {
    let writer = Writer::new(world);
    let mut out = TableWriter::new(world.registry, "unified.person")?;
    for ((person, fact), at) in world.persons.iter().zip(facts).zip(0_u32..) {
        let household = households.of(at).and_then(|h| household_ids.get(h as usize)).copied();
        writer.write(&mut out, person, fact, household);
    }
    out.finish_sorted("person_id")
}

impl<'w, 'a> Writer<'w, 'a> {
    fn new(world: &'w World<'a>) -> Self {
        let dates = |name: &str| {
            ROLES
                .iter()
                .map(|role| {
                    let table = world.tables.get(role.dataset).filter(|t| role.describes && t.has(name))?;
                    Some(table.date(name))
                })
                .collect()
        };
        Self {
            world,
            fields: FIELDS
                .iter()
                .map(|field| (field, Described::column(world, field.from), authority_for(world, field.column)))
                .collect(),
            written_name: Described::of(world, |role| role.name),
            current: CurrentAddresses::of(world),
            names: authority_for(world, "name"),
            births: authority_for(world, "birth_date"),
            phones: authority_for(world, "phone"),
            weddings: Weddings::of(world),
            inflow_date: dates("inflow_date"),
            permit_expiry: dates("permit_expiry"),
            death_date: Described::column(world, "death_date"),
            batches: Described::of(world, |_| "batch_id"),
        }
    }

    fn write(
        &self,
        out: &mut TableWriter<'_>,
        person: &Person,
        fact: &PersonFacts,
        household: Option<crate::EntityId>,
    ) {
        let world = self.world;
        let mut against: Vec<String> = Vec::new();
        let (name, name_key) = self.name(person, &mut against);
        let birth = fact.birth.first_day();
        let id_no = self.id_no(person);
        let grid = fact.grid.and_then(|at| world.grids.get(at));
        let phones = self.phones(person);
        self.birth_disagreement(person, &mut against);
        self.sex_disagreement(person, fact, &mut against);
        out.set("person_id", Value::Id(Some(person.id)));
        out.set("id_type", Value::Text((person.id_no != NONE).then_some("111")));
        out.set("id_no", Value::Text(id_no));
        out.set("name", Value::Text(name));
        out.set("name_key", Value::Text(name_key));
        out.set("sex", Value::Text(sex_code(fact.sex)));
        out.set("birth_date", Value::Date(birth.map(|(day, _)| crate::people::days_of(day))));
        out.set("birth_precision", Value::Text(birth.map(|(_, precision)| precision)));
        for (field, column, order) in &self.fields {
            let value = self.text(field, column, order, person, &mut against);
            let value = if field.column == "cur_address" { value.or(fact.current_address.as_deref()) } else { value };
            out.set(field.column, Value::Text(value));
        }
        out.set("phone", Value::Text(phones.first().map(String::as_str)));
        out.set("phones", Value::List(&phones));
        out.set("cur_division", Value::Text(grid.and_then(|grid| grid.community_code.as_deref())));
        out.set("hukou_consistent", Value::Text(hukou_consistency(fact)));
        out.set("presence", Value::Text(presence(fact, world.grids.is_here(fact.current))));
        out.set("pop_kind", Value::Text(pop_kind(fact)));
        out.set("inflow_date", Value::Date(self.date(&self.inflow_date, person)));
        out.set("permit_expiry", Value::Date(self.date(&self.permit_expiry, person)));
        out.set("is_deceased", Value::Flag(fact.is_deceased));
        out.set("death_date", Value::Date(self.death_date(person, fact)));
        out.set("household_id", Value::Id(household));
        out.set("house_id", Value::Id(world.house_id(fact.current.house)));
        out.set("grid_id", Value::Text(grid.map(|grid| grid.grid_id.as_str())));
        out.set("street_code", Value::Text(grid.and_then(|grid| grid.street_code.as_deref())));
        out.set("community_code", Value::Text(grid.and_then(|grid| grid.community_code.as_deref())));
        out.set("merge_score", Value::Number(Some(person.score)));
        out.set("sources", Value::List(&self.sources(person)));
        out.set("disagreements", Value::List(&against));
        let newest = world.records_of(person).max_by_key(|(at, r)| (r.as_of, std::cmp::Reverse(*at)));
        let batch = newest.and_then(|(at, _)| self.batch_of(at));
        out.set("source_batch", Value::Text(batch));
        out.set("updated_at", Value::Moment(newest.map(|(_, r)| r.as_of)));
        out.end_row();
    }

    /// The name that stands, as written, and its key. A name under another person's number is still this person's.
    fn name(&self, person: &Person, against: &mut Vec<String>) -> (Option<&'a str>, Option<&'w str>) {
        let world = self.world;
        let mut claims = Vec::new();
        for (at, record) in world.records_of(person).filter(|(_, r)| r.name != NONE) {
            let source = record.role().dataset;
            claims.push(Claim {
                value: (record.name, at),
                source,
                authority: authority_of(source),
                as_of: record.as_of,
            });
        }
        rank(&mut claims, &self.names);
        let same = |a: (u32, _), b: (u32, _)| world.people.names.level(a.0, b.0) == NameLevel::Same;
        against.extend(disagreement("name", &claims, same));
        let Some((code, at)) = claims.first().map(|c| c.value) else { return (None, None) };
        (self.written_name.value(world, at), Some(world.people.names.text(code)))
    }

    /// The citizen ID number, or failing that another document's.
    fn id_no(&self, person: &Person) -> Option<&'w str> {
        let people = self.world.people;
        if person.id_no != NONE {
            return Some(people.ids.text(person.id_no));
        }
        let document = self.world.records_of(person).find(|(_, r)| r.id_state == IdState::Document)?.1.id;
        Some(people.ids.text(document))
    }

    fn text(
        &self,
        field: &TextField,
        column: &Described<'a>,
        order: &[Authority],
        person: &Person,
        against: &mut Vec<String>,
    ) -> Option<&'a str> {
        let mut claims = match field.column {
            "cur_address" => self.current.claims(self.world, person),
            _ => column.claims(self.world, person),
        };
        if field.column == "marital_status" {
            claims.extend(self.weddings.claims(self.world, person));
            // 90, "not stated", is no word against anybody's.
            claims.retain(|claim| claim.value != "90");
        }
        rank(&mut claims, order);
        let places = self.world.places;
        against.extend(disagreement(field.column, &claims, |a, b| match field.same {
            Same::Text => a == b,
            Same::Family => a.chars().next() == b.chars().next(),
            Same::Place => a == b || same_place(places, a, b),
        }));
        claims.first().map(|claim| claim.value)
    }

    fn birth_disagreement(&self, person: &Person, against: &mut Vec<String>) {
        let claims: Vec<Claim<Birth>> = birth_claims(self.world, person, &self.births);
        against.extend(disagreement("birth_date", &claims, |a, b| a.level(b) >= BirthLevel::Compatible));
    }

    fn sex_disagreement(&self, person: &Person, fact: &PersonFacts, against: &mut Vec<String>) {
        let stands =
            [Claim { value: fact.sex, source: "police.resident", authority: Authority::Police, as_of: i64::MAX }];
        let others = self.world.records_of(person).filter(|(_, r)| r.sex != 0).map(|(_, r)| Claim {
            value: r.sex,
            source: r.role().dataset,
            authority: authority_of(r.role().dataset),
            as_of: r.as_of,
        });
        let claims: Vec<Claim<u8>> =
            if fact.sex == 0 { Vec::new() } else { stands.into_iter().chain(others).collect() };
        against.extend(disagreement("sex", &claims, |a, b| a == b));
    }

    /// The newest date that a describing record gives.
    fn date(&self, by_role: &[Option<Column<'a, Date32Array>>], person: &Person) -> Option<i32> {
        let dated = self.world.records_of(person).filter_map(|(at, record)| {
            let column = by_role.get(usize::from(record.role))?.as_ref()?;
            Some((record.as_of, std::cmp::Reverse(at), column.get(record.record as usize)?))
        });
        dated.max_by_key(|(as_of, at, _)| (*as_of, *at)).map(|(.., date)| date)
    }

    /// The day of death, where it is known to the day and the death is settled.
    fn death_date(&self, person: &Person, fact: &PersonFacts) -> Option<i32> {
        if fact.is_deceased != Some(true) {
            return None;
        }
        let mut claims = self.death_date.claims(self.world, person);
        rank(&mut claims, &[Authority::Police, Authority::Health, Authority::Civil]);
        claims.iter().find_map(|claim| Birth::parse(claim.value).date()).map(crate::people::days_of)
    }

    /// The person's own telephones, the one that counts most first.
    fn phones(&self, person: &Person) -> Vec<String> {
        let world = self.world;
        let mut claims = Vec::new();
        for (_, record) in world.records_of(person).filter(|(_, r)| !r.role().phone.is_empty()) {
            let source = record.role().dataset;
            for phone in world.people.phones_of(record) {
                claims.push(Claim { value: *phone, source, authority: authority_of(source), as_of: record.as_of });
            }
        }
        rank(&mut claims, &self.phones);
        let mut seen = Vec::new();
        for claim in claims {
            if !seen.contains(&claim.value) {
                seen.push(claim.value);
            }
        }
        seen.into_iter().map(|phone| world.people.phones.text(phone).to_owned()).collect()
    }

    fn sources(&self, person: &Person) -> Vec<String> {
        let mut sources: Vec<String> =
            self.world.records_of(person).map(|(_, record)| record.role().dataset.to_owned()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn batch_of(&self, record: u32) -> Option<&'a str> {
        self.batches.value(self.world, record)
    }
}

fn same_place(places: &Places, a: &str, b: &str) -> bool {
    let (a, b): (Place, Place) = (places.place_of(a), places.place_of(b));
    if a.house != NONE || b.house != NONE { a.house == b.house } else { a.exact != NONE && a.exact == b.exact }
}

fn sex_code(sex: u8) -> Option<&'static str> {
    match sex {
        1 => Some("1"),
        2 => Some("2"),
        _ => None,
    }
}

/// 人户一致: whether the person lives where they are registered. Unknown unless both addresses are.
fn hukou_consistency(fact: &PersonFacts) -> Option<&'static str> {
    lives_where_registered(fact).map(|same| if same { "01" } else { "02" })
}

fn lives_where_registered(fact: &PersonFacts) -> Option<bool> {
    let (current, registered) = (fact.current, fact.registered);
    if current.house != NONE && registered.house != NONE {
        return Some(current.house == registered.house);
    }
    (current.exact != NONE && registered.exact != NONE).then_some(current.exact == registered.exact)
}

/// 人在户在, 人在户不在, 户在人不在, seen from the place where the person lives. `is_here`: the current address lies in the
/// area of this base.
fn presence(fact: &PersonFacts, is_here: bool) -> Option<&'static str> {
    let lives_somewhere = fact.current.county != NONE || fact.current.exact != NONE;
    match (fact.is_resident, lives_somewhere) {
        (_, false) => None,
        (true, true) if !is_here => Some("3"),
        (true, true) => lives_where_registered(fact).map(|same| if same { "1" } else { "2" }),
        (false, true) if fact.is_floating && is_here => Some("2"),
        (false, true) => None,
    }
}

/// 户籍 for who is registered here, 流动 for who came from elsewhere.
fn pop_kind(fact: &PersonFacts) -> Option<&'static str> {
    match (fact.is_resident, fact.is_floating) {
        (true, _) => Some("户籍"),
        (false, true) => Some("流动"),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(house: u32, registered: u32) -> PersonFacts {
        let place = |house| Place { house, county: 1, exact: house, ..Place::default() };
        PersonFacts {
            current: place(house),
            registered: place(registered),
            is_resident: true,
            ..PersonFacts::default()
        }
    }

    #[test]
    fn presence_follows_from_the_two_addresses() {
        assert_eq!((presence(&fact(1, 1), true), hukou_consistency(&fact(1, 1))), (Some("1"), Some("01")));
        assert_eq!((presence(&fact(1, 2), true), hukou_consistency(&fact(1, 2))), (Some("2"), Some("02")));
        assert_eq!(presence(&fact(1, 2), false), Some("3"));
        let floating = PersonFacts { is_resident: false, is_floating: true, ..fact(1, 0) };
        assert_eq!((presence(&floating, true), pop_kind(&floating)), (Some("2"), Some("流动")));
        assert_eq!(hukou_consistency(&floating), None);
        assert_eq!(presence(&PersonFacts::default(), true), None);
    }
}
