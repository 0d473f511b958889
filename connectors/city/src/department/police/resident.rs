//! 户籍人口: everybody registered in the city, those who left and those who died among them. A GB18030 CSV out of a
//! database view with pinyin initials for headings.

use chrono::NaiveDate;

use super::super::terms;
use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between, moment};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, Known, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::identity::DEMO_DIVISION;
use crate::people::{Household, HouseholdKind, Person, Presence, Role, Tenure};
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "police.resident",
    fields: &[
        "record_no",
        "id_no",
        "name",
        "former_name",
        "sex",
        "birth_date",
        "ethnicity",
        "native_place",
        "marital_status",
        "education",
        "occupation",
        "employer",
        "household_no",
        "head_name",
        "head_id_no",
        "relation_to_head",
        "hukou_type",
        "registered_division",
        "registered_address",
        "current_address",
        "hukou_consistent",
        "phone",
        "is_deceased",
        "death_date",
        "joined_on",
        "left_on",
        "move_reason",
        "updated_at",
    ],
    usual: &[
        ("record_no", "RYID"),
        ("id_no", "GMSFHM"),
        ("name", "XM"),
        ("former_name", "CYM"),
        ("sex", "XB"),
        ("birth_date", "CSRQ"),
        ("ethnicity", "MZ"),
        ("native_place", "JG"),
        ("marital_status", "HYZK"),
        ("education", "WHCD"),
        ("occupation", "ZY"),
        ("employer", "FWCS"),
        ("household_no", "HH"),
        ("head_name", "HZXM"),
        ("relation_to_head", "YHZGX"),
        ("registered_division", "HJQH"),
        ("registered_address", "HJXZ"),
        ("current_address", "XZXZ"),
        ("phone", "LXDH"),
        ("updated_at", "XGSJ"),
    ],
};
const LANE: u64 = 1;
/// How many of 10,000 dead are still listed as living.
const DEATH_UNKNOWN_PER_10K: u32 = 1_300;

/// Writes `police.resident`.
#[derive(Debug)]
pub(in super::super) struct ResidentDesk {
    export: Export,
}

impl ResidentDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sheet = office.sheet(&LAYOUT, "20260630")?;
        let sink = DelimitedSink::create(&sheet, TextForm::Gb18030, Packing::Plain)?;
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]) })
    }
}

impl Desk for ResidentDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Police, DateForm::Compact, LANE, block.number);
        for household in block.households.iter().filter(|h| h.kind == HouseholdKind::Registered) {
            let mut nth = 0;
            for person in household.members.iter().filter_map(|&m| block.people.get(m)) {
                nth += usize::from(person.role == Role::Child);
                let known = know(plan.seed, Department::Police, block, person);
                let record = resident(&mut clerk, block, household, &known, nth);
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

fn resident(clerk: &mut Clerk, block: &Block, household: &Household, known: &Known<'_>, nth: usize) -> Record {
    clerk.begin(&[Fault::Date]);
    let person = known.person;
    let key = format!("{DEMO_DIVISION}{:09}", person.index + 1);
    let head = household.members.first().and_then(|&m| block.people.get(m));
    let children =
        household.members.iter().filter(|&&m| block.people.get(m).is_some_and(|p| p.role == Role::Child)).count();
    let registered = household.registered_flat;
    let (current, current_flat) = current_address(clerk, block, household, person);
    let apart = current_flat != registered || !person.is_here();
    let died = person.death().filter(|_| !clerk.rng.chance(DEATH_UNKNOWN_PER_10K));
    let joined = joined_on(clerk, person, household.since);
    let updated = day_between(&mut clerk.rng, date(2024, 1, 1), REFERENCE_DATE);
    let updated = moment(&mut clerk.rng, updated);
    let cells = vec![
        key.clone().into(),
        clerk.known_id(known),
        clerk.name(known),
        person.former_name.as_deref().into(),
        clerk.sex(person),
        clerk.birth(known),
        terms::ethnicity(&mut clerk.rng, person).into(),
        if clerk.rng.chance(9_000) { DEMO_DIVISION.into() } else { Value::Empty },
        terms::marital(&mut clerk.rng, person).into(),
        terms::education(&mut clerk.rng, &person.attributes).into(),
        person.attributes.occupation.into(),
        match person.attributes.employer {
            Some(number) => terms::employer(number).into(),
            None => clerk.no_employer(),
        },
        household.number.as_str().into(),
        head.map(|h| h.name.as_str()).into(),
        head.map(|h| h.id_no.as_str()).into(),
        terms::relation(person, nth, children).into(),
        "家庭户".into(),
        registered.and_then(|f| block.community_of(f)).map(|c| c.code.as_str()).into(),
        clerk.address(block, registered, &AddressHabit::POLICE),
        current,
        if apart { "不一致" } else { "一致" }.into(),
        clerk.phone(known),
        if died.is_some() { "是" } else { "否" }.into(),
        clerk.date_if(died),
        clerk.date(joined),
        Value::Empty,
        if died.is_some() {
            "死亡"
        } else if joined == person.birth {
            "出生"
        } else {
            "迁入"
        }
        .into(),
        clerk.moment(updated),
    ];
    let house = current_flat.and_then(|f| block.flats.get(f)).map(|f| f.uid.clone());
    Record { key, cells, people: vec![("", person.uid.clone())], house, rejected: clerk.rejected() }
}

/// The cell of the current address, and the flat that the row as a whole says the person lives in: the one in that cell,
/// the registered one if the cell is empty or points there.
fn current_address(clerk: &mut Clerk, block: &Block, household: &Household, person: &Person) -> (Value, Option<usize>) {
    let registered = household.registered_flat;
    if person.presence == Presence::Away || household.tenure == Tenure::PaperOnly {
        return if clerk.rng.chance(4_000) {
            (terms::address_elsewhere(&mut clerk.rng).into(), None)
        } else {
            (Value::Empty, registered)
        };
    }
    let here = household.flat;
    if here == registered {
        return match clerk.rng.below(100) {
            0..=7 => ("同户籍地址".into(), registered),
            8..=29 => (Value::Empty, registered),
            _ => (clerk.address(block, here, &AddressHabit::POLICE), registered),
        };
    }
    match clerk.rng.below(100) {
        // The police have not heard of the move.
        0..=11 => ("同户籍地址".into(), registered),
        12..=24 => (Value::Empty, registered),
        _ => (clerk.address(block, here, &AddressHabit::POLICE), here),
    }
}

fn joined_on(clerk: &mut Clerk, person: &Person, since: NaiveDate) -> NaiveDate {
    let born_here = matches!(person.role, Role::Child | Role::Grandchild) || clerk.rng.chance(3_500);
    if born_here { person.birth } else { since.max(person.birth) }
}
