//! 维修投诉: repair tickets and complaints of the last year. A plain UTF-8 CSV.

use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, after, date, day_between, if_come, moment};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "housing.repair",
    fields: &[
        "ticket_no",
        "reported_at",
        "address",
        "kind",
        "title",
        "description",
        "reporter_name",
        "reporter_phone",
        "stage",
        "handler_org",
        "closed_at",
        "satisfaction",
    ],
    usual: &[],
};
const LANE: u64 = 13;
/// Tickets per 10,000 flats lived in, in a year.
const TICKETS_PER_10K: u32 = 2_600;

const KINDS: &[(&[&str; 3], u32)] = &[
    (&["渗漏水", "外墙渗水", "雨后外墙渗水，墙面起皮"], 22),
    (&["电梯故障", "电梯停运", "电梯本周第二次停运，老人上下楼困难"], 16),
    (&["下水堵塞", "下水管道堵塞", "厨房下水倒灌"], 17),
    (&["公共照明", "楼道灯不亮", "楼道灯损坏多日未修"], 13),
    (&["门禁损坏", "单元门禁坏了", "单元门无法关闭，存在安全隐患"], 11),
    (&["物业服务", "对物业服务不满", "垃圾清运不及时"], 14),
    (&["停车管理", "车位被占", "固定车位长期被占用"], 7),
];

/// Writes `housing.repair`.
#[derive(Debug)]
pub(in super::super) struct RepairDesk {
    export: Export,
    number: u64,
}

impl RepairDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sheet = office.sheet(&LAYOUT, "202507-202606")?;
        let sink = DelimitedSink::create(&sheet, TextForm::Utf8, Packing::Plain)?;
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for RepairDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Housing, DateForm::Dashes, LANE, block.number);
        for (place, flat) in block.flats.iter().enumerate() {
            let lived_in = flat.household.is_some();
            if lived_in && clerk.rng.chance(TICKETS_PER_10K) {
                let record = self.ticket(&mut clerk, plan, block, place);
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl RepairDesk {
    fn ticket(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, place: usize) -> Record {
        clerk.begin_without_id(&[Fault::Numbering]);
        self.number += 1;
        let key = format!("WX{:09}", self.number);
        let day = day_between(&mut clerk.rng, date(2025, 7, 1), REFERENCE_DATE);
        let reported = moment(&mut clerk.rng, day);
        let closed = if_come(after(reported, clerk.rng.between(3_600, 1_400_000)));
        let [kind, title, said] = *clerk.rng.weighted(KINDS).copied().unwrap_or(&["其他", "其他", ""]);
        let flat = block.flats.get(place);
        let household = flat.and_then(|f| block.households.get(f.household?));
        let adults: Vec<_> = household
            .iter()
            .flat_map(|h| &h.members)
            .filter_map(|&m| block.people.get(m))
            .filter(|p| p.is_here() && p.age() >= 18)
            .collect();
        let named = !clerk.rng.chance(1_300);
        let reporter = adults.get(clerk.rng.index(adults.len())).copied().filter(|_| named);
        let known = reporter.map(|r| know(plan.seed, Department::Housing, block, r));
        let compound = flat
            .and_then(|f| block.compounds.get(block.buildings.get(f.building)?.compound))
            .map_or("", |c| c.name.as_str());
        let cells = vec![
            key.clone().into(),
            clerk.moment(reported),
            clerk.address(block, Some(place), &AddressHabit::HOUSING),
            kind.into(),
            title.into(),
            format!("{said}。").into(),
            known.as_ref().map_or_else(|| "匿名".to_owned(), |k| clerk.plain_name(&k.name)).into(),
            known.as_ref().map_or(Value::Empty, |k| clerk.phone(k)),
            if closed.is_some() { "结案" } else { "处理" }.into(),
            format!("{compound}物业服务中心").into(),
            closed.map_or(Value::Empty, |at| clerk.moment(at)),
            satisfaction(clerk, closed.is_some()),
        ];
        let people = reporter.map(|r| vec![("", r.uid.clone())]).unwrap_or_default();
        Record { key, cells, people, house: flat.map(|f| f.uid.clone()), rejected: clerk.rejected() }
    }
}

fn satisfaction(clerk: &mut Clerk, closed: bool) -> Value {
    if !closed || clerk.rng.chance(2_500) {
        return Value::Empty;
    }
    clerk.rng.weighted_text(&[("5", 46), ("4", 30), ("3", 12), ("2", 5), ("1", 5), ("未评价", 2)]).into()
}
