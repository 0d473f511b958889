//! 流动人口登记: people from elsewhere, one row per registration. A CSV that Excel wrote as UTF-8.

use super::super::terms;
use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between, moment, shift};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, Known, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::{Household, HouseholdKind, Role, Tenure};
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "police.floating",
    fields: &[
        "record_no",
        "id_no",
        "name",
        "sex",
        "birth_date",
        "ethnicity",
        "registered_address",
        "current_address",
        "inflow_reason",
        "inflow_date",
        "permit_type",
        "permit_no",
        "registered_on",
        "permit_expiry",
        "dwelling_type",
        "employer",
        "phone",
        "is_key_focus",
        "landlord_name",
        "updated_at",
    ],
    usual: &[],
};
const LANE: u64 = 2;
/// How many of 10,000 people from elsewhere are not registered.
const UNREGISTERED_PER_10K: u32 = 450;
/// How many of 10,000 were registered a second time, at an address they had before.
const TWICE_PER_10K: u32 = 320;

/// Writes `police.floating`.
#[derive(Debug)]
pub(in super::super) struct FloatingDesk {
    export: Export,
    number: u64,
}

impl FloatingDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sheet = office.sheet(&LAYOUT, "20260630")?;
        let sink = DelimitedSink::create(&sheet, TextForm::Utf8Mark, Packing::Plain)?;
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for FloatingDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Police, DateForm::Dashes, LANE, block.number);
        for household in block.households.iter().filter(|h| h.kind == HouseholdKind::Floating) {
            for person in household.members.iter().filter_map(|&m| block.people.get(m)) {
                if clerk.rng.chance(UNREGISTERED_PER_10K) {
                    continue;
                }
                let known = know(plan.seed, Department::Police, block, person);
                let again = clerk.rng.chance(TWICE_PER_10K);
                for before in [false, true] {
                    if before && !again {
                        continue;
                    }
                    self.number += 1;
                    let record = registration(&mut clerk, block, household, &known, (self.number, before));
                    self.export.write(&record, truth)?;
                }
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

fn registration(
    clerk: &mut Clerk,
    block: &Block,
    household: &Household,
    known: &Known<'_>,
    (number, before): (u64, bool),
) -> Record {
    clerk.begin(&[Fault::Date, Fault::Numbering]);
    let person = known.person;
    let key = format!("LD290102{number:08}");
    let flat = if before { Some(clerk.rng.index(block.flats.len())) } else { known.flat };
    let landlord = flat.and_then(|f| block.flats.get(f)?.owner).and_then(|o| block.people.get(o));
    let inflow =
        day_between(&mut clerk.rng, shift(household.since, -400).max(person.birth), household.since.max(person.birth));
    let registered_on =
        if before { shift(inflow, 20) } else { shift(household.since.max(inflow), clerk.rng.between(1, 40)) };
    let registered_on = registered_on.min(REFERENCE_DATE);
    let permit = clerk.rng.weighted_text(&[("居住证", 78), ("暂住证", 8), ("", 14)]);
    let permit = if person.age() < 16 { "" } else { permit };
    let updated = day_between(&mut clerk.rng, registered_on.max(date(2024, 1, 1)), REFERENCE_DATE);
    let updated = moment(&mut clerk.rng, updated);
    let cells = vec![
        key.clone().into(),
        clerk.known_id(known),
        clerk.name(known),
        clerk.sex(person),
        clerk.birth(known),
        terms::ethnicity(&mut clerk.rng, person).into(),
        terms::address_elsewhere(&mut clerk.rng).into(),
        clerk.address(block, flat, &AddressHabit::POLICE),
        inflow_reason(clerk, known).into(),
        clerk.date(inflow),
        permit.into(),
        if permit.is_empty() { Value::Empty } else { format!("JZ290102{:09}", person.index + 1).into() },
        clerk.date(registered_on),
        if permit.is_empty() { Value::Empty } else { clerk.date(shift(registered_on, 365)) },
        match household.tenure {
            Tenure::Own => "自购房屋",
            Tenure::Dormitory => "单位宿舍",
            Tenure::Rent | Tenure::PaperOnly => clerk.rng.weighted_text(&[("租赁房屋", 94), ("借住", 4), ("寄宿", 2)]),
        }
        .into(),
        match person.attributes.employer {
            Some(employer) => terms::employer(employer).into(),
            None => clerk.no_employer(),
        },
        clerk.phone(known),
        clerk.rng.weighted_text(&[("否", 972), ("是", 18), ("", 10)]).into(),
        landlord.filter(|_| household.tenure == Tenure::Rent).map(|l| l.name.as_str()).into(),
        clerk.moment(updated),
    ];
    let house = flat.and_then(|f| block.flats.get(f)).map(|f| f.uid.clone());
    Record { key, cells, people: vec![("", person.uid.clone())], house, rejected: clerk.rejected() }
}

fn inflow_reason(clerk: &mut Clerk, known: &Known<'_>) -> &'static str {
    match (known.person.role, known.person.age()) {
        (_, ..=17) => clerk.rng.weighted_text(&[("随迁", 82), ("学习培训", 18)]),
        (Role::Parent, _) | (_, 60..) => clerk.rng.weighted_text(&[("随迁", 55), ("投亲靠友", 30), ("治病疗养", 15)]),
        (Role::Spouse, _) => clerk.rng.weighted_text(&[("随迁", 35), ("务工", 50), ("婚嫁", 15)]),
        _ => clerk.rng.weighted_text(&[("务工", 66), ("经商", 18), ("工作调动", 6), ("学习培训", 6), ("其他", 4)]),
    }
}
