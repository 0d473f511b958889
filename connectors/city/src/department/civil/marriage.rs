//! 婚姻登记: marriages and divorces of the last ten years, as "Unicode text" out of a spreadsheet (UTF-16LE, tabs).

use chrono::{Datelike, NaiveDate};

use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between, shift};
use crate::dirt::{Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record};
use crate::people::{HouseholdKind, Marital, Person, Sex};
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "civil.marriage",
    fields: &[
        "register_no",
        "kind",
        "registered_on",
        "husband_name",
        "husband_id_no",
        "husband_birth_date",
        "wife_name",
        "wife_id_no",
        "wife_birth_date",
        "org",
    ],
    usual: &[],
};
const LANE: u64 = 6;
/// Register entries before this day are on paper.
const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2016, 7, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};
/// How many of 10,000 couples from elsewhere married here (possible without household registration since May 2025).
const FLOATING_PER_10K: u32 = 6_000;

/// Writes `civil.marriage`.
#[derive(Debug)]
pub(in super::super) struct MarriageDesk {
    export: Export,
    number: u64,
}

impl MarriageDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sheet = office.sheet(&LAYOUT, "201607-202606")?;
        let sink = DelimitedSink::create(&sheet, TextForm::Utf16Tabs, Packing::Plain)?;
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for MarriageDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Civil, DateForm::Dashes, LANE, block.number);
        for household in &block.households {
            let Some(wed) = household.wed.filter(|w| *w >= FIRST_DAY) else { continue };
            let here = household.kind == HouseholdKind::Registered
                || (wed >= date(2025, 5, 10) && clerk.rng.chance(FLOATING_PER_10K));
            let couple = household.members.first().and_then(|&m| {
                let head = block.people.get(m)?;
                Some((head, block.people.get(head.spouse?)?))
            });
            if let (true, Some((one, other))) = (here, couple) {
                let record = self.entry(&mut clerk, plan, block, "结婚登记", wed, (one, other));
                self.export.write(&record, truth)?;
            }
        }
        for person in block.inhabitants().iter().filter(|p| p.marital == Marital::Divorced) {
            let registered = block.household_of(person).is_some_and(|h| h.kind == HouseholdKind::Registered);
            let Some(former) = person.spouse.and_then(|s| block.people.get(s)).filter(|_| registered) else { continue };
            if clerk.rng.chance(4_500) {
                let day = day_between(&mut clerk.rng, FIRST_DAY, shift(REFERENCE_DATE, -3));
                let record = self.entry(&mut clerk, plan, block, "离婚登记", day, (person, former));
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl MarriageDesk {
    fn entry(
        &mut self,
        clerk: &mut Clerk,
        plan: &Plan,
        block: &Block,
        kind: &'static str,
        day: NaiveDate,
        (one, other): (&Person, &Person),
    ) -> Record {
        clerk.begin(&[Fault::Date]);
        self.number += 1;
        let letter = if kind == "结婚登记" { "J" } else { "L" };
        let key = format!("{letter}290102-{}-{:06}", day.year(), self.number);
        let (husband, wife) = if one.sex == Sex::Male { (one, other) } else { (other, one) };
        let his = know(plan.seed, Department::Civil, block, husband);
        let hers = know(plan.seed, Department::Civil, block, wife);
        let cells = vec![
            key.clone().into(),
            kind.into(),
            clerk.date(day),
            clerk.plain_name(&his.name).into(),
            clerk.known_id(&his),
            clerk.birth(&his),
            clerk.plain_name(&hers.name).into(),
            clerk.known_id(&hers),
            clerk.birth(&hers),
            "云州市示范区民政局婚姻登记处".into(),
        ];
        let people = vec![("#husband", husband.uid.clone()), ("#wife", wife.uid.clone())];
        Record { key, cells, people, house: None, rejected: clerk.rejected() }
    }
}
