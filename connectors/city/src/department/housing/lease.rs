//! 租赁备案: filed leases, those in force and earlier ones. An XLSX with an instruction row under the headings.

use chrono::NaiveDate;

use super::super::{Desk, Office};
use crate::block::{Block, Use};
use crate::calendar::{REFERENCE_DATE, shift};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::{Person, Tenure};
use crate::plan::Plan;
use crate::sink::{Anatomy, WorkbookSink};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "housing.lease",
    fields: &[
        "contract_no",
        "address",
        "lessor_name",
        "lessor_id_no",
        "lessee_name",
        "lessee_id_no",
        "lessee_phone",
        "rental_use",
        "start_on",
        "end_on",
        "rent",
        "filed_on",
    ],
    usual: &[],
};
const ANATOMY: Anatomy = Anatomy {
    title: Some("云州市示范区房屋租赁登记备案台账"),
    caption: Some("填表单位：云州市示范区住房和城乡建设局　　单位：元/月"),
    instruction: Some("第二行为填写说明，请勿删除"),
    footer: Some("以下空白"),
    sheet: "租赁备案",
};
const LANE: u64 = 12;
/// How many of 10,000 lettings are filed.
const FILED_PER_10K: u32 = 8_600;
/// How many of 10,000 let flats have an earlier lease on file as well, of somebody who has moved on within the city.
const EARLIER_PER_10K: u32 = 1_600;

/// Writes `housing.lease`.
#[derive(Debug)]
pub(in super::super) struct LeaseDesk {
    export: Export,
    number: u64,
}

impl LeaseDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = WorkbookSink::new(office.sheet(&LAYOUT, "20260630")?, ANATOMY);
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for LeaseDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Housing, DateForm::Dashes, LANE, block.number);
        let tenants: Vec<&Person> = block
            .households
            .iter()
            .filter(|h| h.tenure == Tenure::Rent)
            .filter_map(|h| block.people.get(*h.members.first()?))
            .collect();
        for (place, flat) in block.flats.iter().enumerate().filter(|(_, f)| f.usage == Use::Let) {
            let Some(lessor) = flat.owner.and_then(|o| block.people.get(o)) else { continue };
            let household = flat.household.and_then(|h| block.households.get(h));
            let lessee = household.and_then(|h| block.people.get(*h.members.first()?));
            if let (Some(lessee), Some(household), true) = (lessee, household, clerk.rng.chance(FILED_PER_10K)) {
                // Leases run a year and are filed again: the last of them counts.
                let years = (REFERENCE_DATE - household.since).num_days().max(0) / 365;
                let start = shift(household.since, years * 365);
                let record = self.lease(&mut clerk, plan, block, place, (lessor, lessee), start);
                self.export.write(&record, truth)?;
            }
            if clerk.rng.chance(EARLIER_PER_10K)
                && let Some(earlier) = tenants.get(clerk.rng.index(tenants.len()))
                && earlier.uid != lessor.uid
            {
                let start = shift(REFERENCE_DATE, -clerk.rng.between(900, 2_400));
                let record = self.lease(&mut clerk, plan, block, place, (lessor, earlier), start);
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl LeaseDesk {
    fn lease(
        &mut self,
        clerk: &mut Clerk,
        plan: &Plan,
        block: &Block,
        place: usize,
        (lessor, lessee): (&Person, &Person),
        start: NaiveDate,
    ) -> Record {
        clerk.begin(&[Fault::Date, Fault::Numbering]);
        self.number += 1;
        let key = format!("示房租备{}第{:07}号", start.format("%Y"), self.number);
        let owner = know(plan.seed, Department::Housing, block, lessor);
        let tenant = know(plan.seed, Department::Housing, block, lessee);
        let area = block.flats.get(place).map_or(6_000, |f| f.area);
        let filed = shift(start, clerk.rng.between(0, 25)).min(REFERENCE_DATE);
        let rent = u32::try_from(area * clerk.rng.between(22, 46) / 5_000).unwrap_or(30) * 50;
        let cells = vec![
            key.clone().into(),
            clerk.address(block, Some(place), &AddressHabit::HOUSING),
            clerk.plain_name(&owner.name).into(),
            clerk.known_id(&owner),
            clerk.plain_name(&tenant.name).into(),
            clerk.known_id(&tenant),
            clerk.phone(&tenant),
            clerk.rng.weighted_text(&[("住房", 95), ("宿舍", 5)]).into(),
            clerk.date(start),
            clerk.date(shift(start, 364)),
            match clerk.rng.below(100) {
                0..=2 => format!("￥{rent}").into(),
                3..=5 => format!("{rent}元/月").into(),
                _ => Value::from(rent),
            },
            clerk.date(filed),
        ];
        let house = block.flats.get(place).map(|f| f.uid.clone());
        let people = vec![("#lessor", lessor.uid.clone()), ("#lessee", lessee.uid.clone())];
        Record { key, cells, people, house, rejected: clerk.rejected() }
    }
}
