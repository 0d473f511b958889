//! 预防接种: doses of children under seven and of the old. JSON lines from the vaccination platform.

use chrono::NaiveDate;

use super::super::{Desk, Office};
use super::centre;
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between, shift};
use crate::dirt::{Clerk, DateForm, Department, Fault, Known, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::Person;
use crate::plan::Plan;
use crate::sink::JsonLinesSink;
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "health.vaccination",
    fields: &[
        "record_no",
        "name",
        "id_no",
        "birth_date",
        "sex",
        "guardian_name",
        "guardian_phone",
        "vaccine",
        "dose_no",
        "vaccinated_on",
        "lot",
        "site",
    ],
    usual: &[],
};
const LANE: u64 = 10;

/// (vaccine, dose, age in days), in the order of the national schedule.
const SCHEDULE: &[(&str, u32, i64)] = &[
    ("乙肝疫苗", 1, 0),
    ("卡介苗", 1, 1),
    ("乙肝疫苗", 2, 30),
    ("脊灰疫苗", 1, 61),
    ("百白破疫苗", 1, 91),
    ("脊灰疫苗", 2, 92),
    ("百白破疫苗", 2, 122),
    ("脊灰疫苗", 3, 123),
    ("百白破疫苗", 3, 152),
    ("乙肝疫苗", 3, 183),
    ("A群流脑疫苗", 1, 184),
    ("麻腮风疫苗", 1, 244),
    ("乙脑减毒活疫苗", 1, 246),
    ("A群流脑疫苗", 2, 275),
    ("百白破疫苗", 4, 548),
    ("麻腮风疫苗", 2, 549),
    ("甲肝减毒活疫苗", 1, 551),
    ("乙脑减毒活疫苗", 2, 731),
    ("A群C群流脑疫苗", 1, 1_096),
    ("脊灰疫苗", 4, 1_461),
    ("白破疫苗", 1, 2_192),
    ("A群C群流脑疫苗", 2, 2_193),
];
/// How many of 10,000 due doses are in this platform; older ones are in the paper booklet.
const RECORDED_PER_10K: u32 = 2_000;
/// How many of 10,000 people of 60 and over had a dose of influenza vaccine.
const FLU_PER_10K: u32 = 2_600;

/// Writes `health.vaccination`.
#[derive(Debug)]
pub(in super::super) struct VaccinationDesk {
    export: Export,
    number: u64,
}

impl VaccinationDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = JsonLinesSink::plain(&office.sheet(&LAYOUT, "20260630")?)?;
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for VaccinationDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Health, DateForm::Dashes, LANE, block.number);
        for person in block.inhabitants().iter().filter(|p| p.is_here()) {
            let lives_here = block.household_of(person).is_some_and(|h| h.flat.is_some());
            if !lives_here || (7..60).contains(&person.age()) {
                continue;
            }
            let known = know(plan.seed, Department::Health, block, person);
            if person.age() >= 60 {
                if clerk.rng.chance(FLU_PER_10K) {
                    let day = day_between(&mut clerk.rng, date(2025, 9, 15), date(2026, 2, 10));
                    let record = self.dose(&mut clerk, block, &known, ("流感疫苗", 1), day);
                    self.export.write(&record, truth)?;
                }
                continue;
            }
            for &(vaccine, dose, age_days) in SCHEDULE {
                let day = shift(person.birth, age_days + clerk.rng.between(0, 12));
                if day <= REFERENCE_DATE && clerk.rng.chance(RECORDED_PER_10K) {
                    let record = self.dose(&mut clerk, block, &known, (vaccine, dose), day);
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

impl VaccinationDesk {
    fn dose(
        &mut self,
        clerk: &mut Clerk,
        block: &Block,
        known: &Known<'_>,
        (vaccine, dose): (&'static str, u32),
        day: NaiveDate,
    ) -> Record {
        clerk.begin(&[Fault::Date]);
        self.number += 1;
        let key = format!("JZ290102{:010}", self.number);
        let person = known.person;
        let guardian: Option<&Person> = person.parent.filter(|_| person.age() < 18).and_then(|p| block.people.get(p));
        // The newborn have no number yet when the first doses are given.
        let unborn_number = person.age() < 1 && clerk.rng.chance(3_000);
        let cells = vec![
            key.clone().into(),
            clerk.name(known),
            if unborn_number { Value::Empty } else { clerk.known_id(known) },
            clerk.birth(known),
            clerk.sex(person),
            guardian.map(|g| clerk.plain_name(&g.name)).into(),
            match guardian.and_then(|g| g.phone.as_deref()) {
                Some(phone) => clerk.one_phone(phone),
                None => Value::Empty,
            },
            vaccine.into(),
            dose.into(),
            clerk.date(day),
            format!("{}{:05}", day.format("%Y%m"), clerk.rng.below(100_000)).into(),
            centre(block).into(),
        ];
        let people = vec![("", person.uid.clone())];
        Record { key, cells, people, house: None, rejected: clerk.rejected() }
    }
}
