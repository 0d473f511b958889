//! 严重精神障碍患者: one adult in two hundred. An XLSX list with a title row.

use super::super::Office;
use super::{List, ListDesk, since, year};
use crate::block::Block;
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Known};
use crate::error::CityError;
use crate::export::{Layout, Value};
use crate::people::Person;
use crate::sink::{Anatomy, WorkbookSink};

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
const LIST: List = List {
    dataset: LAYOUT.dataset,
    department: Department::Health,
    dates: DateForm::Dashes,
    lane: 17,
    per_10k: 50,
    prefix: "JS",
    cells,
};

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

/// Opens the list.
pub(in super::super) fn open(office: &Office<'_>) -> Result<ListDesk, CityError> {
    let sink = WorkbookSink::new(office.sheet(&LAYOUT, "20260630")?, ANATOMY);
    Ok(ListDesk::new(office.seed, &LIST, Box::new(sink)))
}

fn cells(clerk: &mut Clerk, block: &Block, known: &Known<'_>, person: &Person) -> Vec<Value> {
    let guardian = person.spouse.or(person.parent).and_then(|place| block.people.get(place));
    let since = since(clerk, person, year(2010));
    vec![
        clerk.name(known),
        clerk.known_id(known),
        clerk.phone(known),
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
    ]
}
