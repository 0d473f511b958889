//! 残疾人: certificates in force. An XLSX list with a title row.

use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between, shift};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::{HouseholdKind, Person};
use crate::plan::Plan;
use crate::sink::{Anatomy, WorkbookSink};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "civil.disability",
    fields: &[
        "cert_no",
        "name",
        "id_no",
        "sex",
        "disability_type",
        "disability_level",
        "guardian_name",
        "guardian_phone",
        "issued_on",
        "expires_on",
        "current_address",
        "phone",
    ],
    usual: &[],
};
const ANATOMY: Anatomy = Anatomy {
    title: Some("云州市示范区持证残疾人基本情况表"),
    caption: None,
    instruction: Some("填写说明：本表由残联统一下发，请勿修改表头"),
    footer: None,
    sheet: "持证残疾人",
};
const LANE: u64 = 5;

/// (name, digit in the certificate number), weight.
const TYPES: &[((&str, u32), u32)] = &[
    (("肢体残疾", 4), 52),
    (("听力残疾", 2), 14),
    (("视力残疾", 1), 11),
    (("精神残疾", 6), 9),
    (("智力残疾", 5), 8),
    (("多重残疾", 7), 4),
    (("言语残疾", 3), 2),
];
const LEVELS: &[((&str, u32), u32)] = &[(("一级", 1), 13), (("二级", 2), 27), (("三级", 3), 27), (("四级", 4), 33)];

/// Writes `civil.disability`.
#[derive(Debug)]
pub(in super::super) struct DisabilityDesk {
    export: Export,
}

impl DisabilityDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = WorkbookSink::new(office.sheet(&LAYOUT, "20260630")?, ANATOMY);
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]) })
    }
}

impl Desk for DisabilityDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Civil, DateForm::Dashes, LANE, block.number);
        for person in block.inhabitants() {
            let registered = block.household_of(person).is_some_and(|h| h.kind == HouseholdKind::Registered);
            let odds = match person.age() {
                ..=1 => 0,
                2..=17 => 90,
                18..=44 => 190,
                45..=64 => 430,
                _ => 1_050,
            };
            if registered && clerk.rng.chance(odds) {
                let record = certificate(&mut clerk, plan, block, person);
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

fn certificate(clerk: &mut Clerk, plan: &Plan, block: &Block, person: &Person) -> Record {
    clerk.begin(&[Fault::Date]);
    let known = know(plan.seed, Department::Civil, block, person);
    let (kind, kind_digit) = clerk.rng.weighted(TYPES).copied().unwrap_or(("肢体残疾", 4));
    let (level, level_digit) = clerk.rng.weighted(LEVELS).copied().unwrap_or(("四级", 4));
    let key = format!("{}{kind_digit}{level_digit}", person.id_no);
    let guarded = person.age() < 18 || matches!(kind_digit, 5 | 6) || (level_digit == 1 && clerk.rng.chance(5_000));
    let guardian = guarded.then(|| guardian(block, person)).flatten();
    let issued = day_between(&mut clerk.rng, date(2016, 7, 1).max(person.birth), shift(REFERENCE_DATE, -30));
    let cells = vec![
        key.clone().into(),
        clerk.name(&known),
        clerk.known_id(&known),
        clerk.sex(person),
        kind.into(),
        level.into(),
        guardian.map(|g| g.name.as_str()).into(),
        match guardian.and_then(|g| g.phone.as_deref()) {
            Some(phone) => clerk.one_phone(phone),
            None => Value::Empty,
        },
        clerk.date(issued),
        clerk.date(shift(issued, 3_652)),
        clerk.address(block, known.flat, &AddressHabit::CIVIL),
        clerk.phone(&known),
    ];
    let house = known.flat.and_then(|f| block.flats.get(f)).map(|f| f.uid.clone());
    Record { key, cells, people: vec![("", person.uid.clone())], house, rejected: clerk.rejected() }
}

/// A parent, the spouse, or another adult of the household.
fn guardian<'a>(block: &'a Block, person: &Person) -> Option<&'a Person> {
    let place = person.parent.or(person.spouse).or_else(|| {
        let household = block.household_of(person)?;
        household
            .members
            .iter()
            .copied()
            .find(|&m| block.people.get(m).is_some_and(|p| p.uid != person.uid && p.age() >= 18 && p.is_here()))
    })?;
    block.people.get(place)
}
