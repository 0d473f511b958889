//! 高龄津贴: payments of the last two months to people of 80 and over. An XLS out of an old payment system.

use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{age_on, date};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::identity::bank_account;
use crate::people::{HouseholdKind, Person};
use crate::plan::Plan;
use crate::rng::{Rng, Stream};
use crate::sink::XlsSink;
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "civil.elder_allowance",
    fields: &[
        "record_no",
        "name",
        "id_no",
        "birth_date",
        "age",
        "sex",
        "amount",
        "pay_month",
        "allowance_kind",
        "current_address",
        "phone",
        "bank_account",
    ],
    usual: &[],
};
const TITLE: &str = "云州市示范区高龄津贴发放明细表";
const LANE: u64 = 7;
/// How many of 10,000 entitled people receive it.
const RECEIVES_PER_10K: u32 = 9_600;
/// How many of 10,000 dead are still paid.
const STILL_PAID_PER_10K: u32 = 900;

/// Writes `civil.elder_allowance`.
#[derive(Debug)]
pub(in super::super) struct ElderDesk {
    export: Export,
    number: u64,
}

impl ElderDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = XlsSink::new(office.sheet(&LAYOUT, "202605-202606")?, TITLE);
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for ElderDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Civil, DateForm::Dashes, LANE, block.number);
        for person in block.inhabitants().iter().filter(|p| p.age() >= 80) {
            let registered = block.household_of(person).is_some_and(|h| h.kind == HouseholdKind::Registered);
            let odds = if person.death().is_some() { STILL_PAID_PER_10K } else { RECEIVES_PER_10K };
            if !registered || !clerk.rng.chance(odds) {
                continue;
            }
            for month in [5, 6] {
                if age_on(person.birth, date(2026, month, 28)) >= 80 {
                    let record = self.payment(&mut clerk, plan, block, person, month);
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

impl ElderDesk {
    fn payment(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, person: &Person, month: u32) -> Record {
        clerk.begin(&[Fault::Numbering]);
        self.number += 1;
        let key = format!("GL2026{month:02}-{:07}", self.number);
        let known = know(plan.seed, Department::Civil, block, person);
        let years = age_on(person.birth, date(2026, month, 28));
        let (amount, kind) = match years {
            ..=89 => (100_u32, "80-89周岁高龄津贴"),
            90..=99 => (300, "90-99周岁高龄津贴"),
            _ => (800, "百岁老人津贴"),
        };
        let written = if clerk.rng.chance(300) { format!("{amount}.00元").into() } else { amount.into() };
        // The account is the person's, whatever the month.
        let account = bank_account(&mut Rng::keyed(plan.seed, Stream::Civil, 1, person.index));
        let cells = vec![
            key.clone().into(),
            clerk.name(&known),
            clerk.known_id(&known),
            clerk.birth(&known),
            u32::try_from(years).map_or(Value::Empty, Value::from),
            clerk.sex(person),
            written,
            if clerk.rng.chance(7_000) { format!("2026-{month:02}") } else { format!("2026年{month}月") }.into(),
            kind.into(),
            clerk.address(block, known.flat, &AddressHabit::CIVIL),
            clerk.phone(&known),
            account.into(),
        ];
        let house = known.flat.and_then(|f| block.flats.get(f)).map(|f| f.uid.clone());
        Record { key, cells, people: vec![("", person.uid.clone())], house, rejected: clerk.rejected() }
    }
}
