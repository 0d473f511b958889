//! 居民健康档案: most people living here have one, some have two. A GB18030 CSV in a ZIP archive.

use super::super::terms;
use super::super::{Desk, Office};
use super::{archive_no, centre, doctor};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, Known, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record};
use crate::people::HouseholdKind;
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "health.archive",
    fields: &[
        "archive_no",
        "name",
        "id_no",
        "sex",
        "birth_date",
        "ethnicity",
        "education",
        "marital_status",
        "current_address",
        "phone",
        "org",
        "doctor",
        "established_on",
    ],
    usual: &[],
};
const LANE: u64 = 8;
/// How many of 10,000 with an archive have a second one, opened elsewhere in the city.
const SECOND_PER_10K: u32 = 110;
/// Added to the place of a person for the number of a second archive.
const SECOND_PLACE: usize = 50_000;

/// Writes `health.archive`.
#[derive(Debug)]
pub(in super::super) struct ArchiveDesk {
    export: Export,
}

impl ArchiveDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sheet = office.sheet(&LAYOUT, "20260630")?;
        let sink = DelimitedSink::create(&sheet, TextForm::Gb18030, Packing::Zip)?;
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]) })
    }
}

impl Desk for ArchiveDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Health, DateForm::Dashes, LANE, block.number);
        for (place, person) in block.inhabitants().iter().enumerate() {
            let Some(household) = block.household_of(person).filter(|h| h.flat.is_some()) else { continue };
            let odds = match (household.kind, person.age()) {
                _ if person.death().is_some() => 6_000,
                _ if !person.is_here() => 0,
                (HouseholdKind::Registered, ..=6 | 60..) => 9_300,
                (HouseholdKind::Registered, _) => 7_600,
                (HouseholdKind::Floating, ..=6) => 8_800,
                (HouseholdKind::Floating, _) => 5_200,
            };
            if !clerk.rng.chance(odds) {
                continue;
            }
            let known = know(plan.seed, Department::Health, block, person);
            let doctor = doctor(plan.seed, block, person);
            let second = clerk.rng.chance(SECOND_PER_10K);
            for place in [Some(place), second.then_some(place + SECOND_PLACE)].into_iter().flatten() {
                if let Some(key) = archive_no(block, household.flat, place) {
                    let record = archive(&mut clerk, block, &known, (key, &doctor));
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

fn archive(clerk: &mut Clerk, block: &Block, known: &Known<'_>, (key, doctor): (String, &str)) -> Record {
    clerk.begin(&[Fault::Date, Fault::Numbering]);
    let person = known.person;
    let established = day_between(&mut clerk.rng, date(2012, 1, 1).max(person.birth), REFERENCE_DATE);
    let cells = vec![
        key.clone().into(),
        clerk.name(known),
        clerk.known_id(known),
        clerk.sex(person),
        clerk.birth(known),
        terms::ethnicity(&mut clerk.rng, person).into(),
        terms::education(&mut clerk.rng, &person.attributes).into(),
        terms::marital(&mut clerk.rng, person).into(),
        clerk.address(block, known.flat, &AddressHabit::HEALTH),
        clerk.phone(known),
        centre(block).into(),
        doctor.into(),
        clerk.date(established),
    ];
    let house = known.flat.and_then(|f| block.flats.get(f)).map(|f| f.uid.clone());
    Record { key, cells, people: vec![("", person.uid.clone())], house, rejected: clerk.rejected() }
}
