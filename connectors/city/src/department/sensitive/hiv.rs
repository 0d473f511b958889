//! 艾滋病危险人员: one adult in a thousand. A plain GB18030 CSV.

use super::super::{Desk, Office};
use super::{begin, listed, since, year};
use crate::block::Block;
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::Person;
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "sensitive.hiv",
    fields: &["list_no", "name", "id_no", "phone", "current_address", "registered_on", "until_on"],
    usual: &[],
};
const LANE: u64 = 16;
const PER_10K: usize = 10;

/// Writes `sensitive.hiv`.
#[derive(Debug)]
pub(in super::super) struct HivDesk {
    export: Export,
    number: u64,
}

impl HivDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = DelimitedSink::create(&office.sheet(&LAYOUT, "20260630")?, TextForm::Gb18030, Packing::Plain)?;
        Ok(Self { export: Export::of_list(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for HivDesk {
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

impl HivDesk {
    fn entry(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, person: &Person) -> Record {
        self.number += 1;
        begin(clerk, self.number);
        let known = know(plan.seed, Department::Health, block, person);
        let key = format!("AZ290102{:06}", self.number);
        let since = since(clerk, person, year(2008));
        let cells = vec![
            key.clone().into(),
            clerk.name(&known),
            clerk.known_id(&known),
            clerk.phone(&known),
            clerk.address(block, known.flat, &AddressHabit::HEALTH),
            clerk.date(since),
            Value::Empty,
        ];
        Record { key, cells, people: vec![("", person.uid.clone())], house: None, rejected: clerk.rejected() }
    }
}
