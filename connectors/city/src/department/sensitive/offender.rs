//! 刑满释放和社区矫正人员: three adults in a thousand. A plain UTF-8 CSV.

use super::super::{Desk, Office};
use super::{begin, listed, since, year};
use crate::block::Block;
use crate::calendar::shift;
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record};
use crate::people::Person;
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "sensitive.offender",
    fields: &["list_no", "kind", "name", "id_no", "phone", "current_address", "registered_on", "until_on"],
    usual: &[],
};
const LANE: u64 = 18;
const PER_10K: usize = 30;
/// Days that somebody is helped after a release, or is under correction at most.
const FIVE_YEARS: i64 = 1_826;

const KINDS: &[(&str, u32)] = &[("刑满释放人员", 50), ("刑满释放", 14), ("社区矫正人员", 24), ("社区矫正对象", 12)];

/// Writes `sensitive.offender`.
#[derive(Debug)]
pub(in super::super) struct OffenderDesk {
    export: Export,
    number: u64,
}

impl OffenderDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = DelimitedSink::create(&office.sheet(&LAYOUT, "20260630")?, TextForm::Utf8, Packing::Plain)?;
        Ok(Self { export: Export::of_list(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for OffenderDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Police, DateForm::Slashes, LANE, block.number);
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

impl OffenderDesk {
    fn entry(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, person: &Person) -> Record {
        self.number += 1;
        begin(clerk, self.number);
        let known = know(plan.seed, Department::Police, block, person);
        let key = format!("XS290102{:06}", self.number);
        let since = since(clerk, person, year(2025));
        let until = (!clerk.rng.chance(2_500)).then(|| shift(since, FIVE_YEARS));
        let cells = vec![
            key.clone().into(),
            clerk.rng.weighted_text(KINDS).into(),
            clerk.name(&known),
            clerk.known_id(&known),
            clerk.phone(&known),
            clerk.address(block, known.flat, &AddressHabit::POLICE),
            clerk.date(since),
            clerk.date_if(until),
        ];
        Record { key, cells, people: vec![("", person.uid.clone())], house: None, rejected: clerk.rejected() }
    }
}
