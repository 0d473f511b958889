//! 严重精神障碍患者: one adult in two hundred. An XLSX list with a title row.

use super::super::{Desk, Office};
use super::{begin, listed, since, year};
use crate::block::Block;
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::Person;
use crate::plan::Plan;
use crate::sink::{Anatomy, WorkbookSink};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "sensitive.mental_disorder",
    fields: &[
        "list_no",
        "name",
        "id_no",
        "phone",
        "current_address",
        "guardian_name",
        "guardian_phone",
        "diagnosis",
        "danger_level",
        "registered_on",
        "until_on",
    ],
    usual: &[],
};
const ANATOMY: Anatomy = Anatomy {
    title: Some("云州市示范区严重精神障碍患者管理名册"),
    caption: None,
    instruction: None,
    footer: None,
    sheet: "在册患者",
};
const LANE: u64 = 17;
const PER_10K: usize = 50;

const DIAGNOSES: &[(&str, u32)] = &[
    ("精神分裂症", 62),
    ("双相情感障碍", 12),
    ("精神发育迟滞伴发精神障碍", 11),
    ("癫痫所致精神障碍", 6),
    ("分裂情感性障碍", 3),
    ("偏执性精神病", 3),
    ("重度抑郁发作", 3),
];
const LEVELS: &[(&str, u32)] = &[("0级", 78), ("1级", 10), ("2级", 6), ("3级", 4), ("4级", 1), ("5级", 1)];

/// Writes `sensitive.mental_disorder`.
#[derive(Debug)]
pub(in super::super) struct MentalDisorderDesk {
    export: Export,
    number: u64,
}

impl MentalDisorderDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = WorkbookSink::new(office.sheet(&LAYOUT, "20260630")?, ANATOMY);
        Ok(Self { export: Export::of_list(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for MentalDisorderDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Health, DateForm::Dashes, LANE, block.number);
        for person in listed(plan, block, LANE, PER_10K) {
            let record = self.entry(&mut clerk, plan, block, person);
            self.export.write(&record, truth)?;
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl MentalDisorderDesk {
    fn entry(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, person: &Person) -> Record {
        self.number += 1;
        begin(clerk, self.number);
        let known = know(plan.seed, Department::Health, block, person);
        let key = format!("JS290102{:06}", self.number);
        let guardian = person.spouse.or(person.parent).and_then(|place| block.people.get(place));
        let since = since(clerk, person, year(2010));
        let cells = vec![
            key.clone().into(),
            clerk.name(&known),
            clerk.known_id(&known),
            clerk.phone(&known),
            clerk.address(block, known.flat, &AddressHabit::HEALTH),
            guardian.map(|guardian| clerk.plain_name(&guardian.name)).into(),
            match guardian.and_then(|guardian| guardian.phone.as_deref()) {
                Some(phone) => clerk.one_phone(phone),
                None => Value::Empty,
            },
            clerk.rng.weighted_text(DIAGNOSES).into(),
            clerk.rng.weighted_text(LEVELS).into(),
            clerk.date(since),
            Value::Empty,
        ];
        Record { key, cells, people: vec![("", person.uid.clone())], house: None, rejected: clerk.rejected() }
    }
}
