//! 警情: calls to the police of the last year, as the command system's interface delivers them: JSON lines, gzipped.

use chrono::NaiveDateTime;

use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, after, date, day_between, if_come, moment};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::Person;
use crate::plan::Plan;
use crate::sink::JsonLinesSink;
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "police.incident",
    fields: &[
        "incident_no",
        "reported_at",
        "occurred_at",
        "kind",
        "place",
        "grid_id",
        "reporter_name",
        "reporter_phone",
        "party_name",
        "party_id_no",
        "description",
        "handler_org",
        "outcome",
        "closed_at",
    ],
    usual: &[],
};
const LANE: u64 = 3;
/// How many of 10,000 people were party to a call within a year.
const PARTY_PER_10K: u32 = 640;
/// How many of 10,000 flats made a call without a known party.
const NO_PARTY_PER_10K: u32 = 620;

/// (kind, weight), with what is said and how it ends.
const KINDS: &[(&[&str; 3], u32)] = &[
    (&["邻里纠纷", "报警人称与邻居因漏水问题发生口角", "现场调解"], 20),
    (&["噪音扰民", "报警人称楼上深夜噪音影响休息", "现场劝导"], 18),
    (&["家庭纠纷", "报警人称与家人发生争吵", "现场调解"], 14),
    (&["电信诈骗", "报警人称接到冒充客服电话后转账", "受理立案"], 13),
    (&["盗窃", "报警人称停放在楼下的电动自行车被盗", "受理立案"], 11),
    (&["交通事故", "两车在小区门口发生刮擦", "移交交警"], 12),
    (&["求助", "报警人称家中老人走失请求帮助寻找", "已找到"], 7),
    (&["打架斗殴", "报警人称有人在楼下打架", "行政处罚"], 5),
];

/// Writes `police.incident`.
#[derive(Debug)]
pub(in super::super) struct IncidentDesk {
    export: Export,
    number: u64,
}

impl IncidentDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sheet = office.sheet(&LAYOUT, "202507-202606")?;
        let sink = JsonLinesSink::gzip(&sheet)?;
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for IncidentDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Police, DateForm::Dashes, LANE, block.number);
        for person in block.inhabitants().iter().filter(|p| p.is_here() && p.age() >= 14) {
            if clerk.rng.chance(PARTY_PER_10K) {
                let flat = block.household_of(person).and_then(|h| h.flat);
                let record = self.incident(&mut clerk, plan, block, flat, Some(person));
                self.export.write(&record, truth)?;
            }
        }
        for flat in 0..block.flats.len() {
            if clerk.rng.chance(NO_PARTY_PER_10K) {
                let record = self.incident(&mut clerk, plan, block, Some(flat), None);
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl IncidentDesk {
    fn incident(
        &mut self,
        clerk: &mut Clerk,
        plan: &Plan,
        block: &Block,
        flat: Option<usize>,
        party: Option<&Person>,
    ) -> Record {
        clerk.begin(&[Fault::Numbering]);
        self.number += 1;
        let day = day_between(&mut clerk.rng, date(2025, 7, 1), REFERENCE_DATE);
        let reported = moment(&mut clerk.rng, day);
        let key = format!("J{}{:07}", reported.format("%Y%m%d"), self.number);
        let occurred = after(reported, -clerk.rng.between(120, 7_200));
        let closed = if_come(after(reported, clerk.rng.between(1_200, 500_000)));
        let [kind, said, outcome] = *clerk.rng.weighted(KINDS).copied().unwrap_or(&["其他", "", ""]);
        let known = party.map(|p| know(plan.seed, Department::Police, block, p));
        let reporter = self.reporter(clerk, block, party);
        let at_flat = clerk.rng.chance(7_000);
        let grid = flat.and_then(|f| block.grid_of(f)).map(|g| g.id.as_str());
        let cells = vec![
            key.clone().into(),
            utc(reported),
            utc(occurred),
            kind.into(),
            if at_flat { clerk.address(block, flat, &AddressHabit::POLICE) } else { at_building(block, flat) },
            grid.into(),
            reporter.map_or_else(|| "群众".to_owned(), |r| clerk.plain_name(&r.name)).into(),
            match reporter.and_then(|r| r.phone.as_deref()) {
                Some(phone) => clerk.one_phone(phone),
                None => Value::Empty,
            },
            known.as_ref().map(|k| clerk.plain_name(&k.name)).into(),
            known.as_ref().map_or(Value::Empty, |k| clerk.known_id(k)),
            format!("\n\t\t\t{said}。").into(),
            block.communities.first().map(|c| format!("{}派出所", c.street.name.trim_end_matches("街道"))).into(),
            closed.map(|_| outcome).into(),
            closed.map_or(Value::Empty, |at| clerk.moment(at)),
        ];
        let house = flat.filter(|_| at_flat).and_then(|f| block.flats.get(f)).map(|f| f.uid.clone());
        // A name alone, without number or flat, tells nobody who it is.
        let told = at_flat || known.is_some_and(|k| k.id_no.is_some());
        let people = party.filter(|_| told).map(|p| vec![("", p.uid.clone())]).unwrap_or_default();
        Record { key, cells, people, house, rejected: clerk.rejected() }
    }

    /// The party itself, somebody of the block, or nobody by name.
    fn reporter<'a>(&self, clerk: &mut Clerk, block: &'a Block, party: Option<&'a Person>) -> Option<&'a Person> {
        match clerk.rng.below(100) {
            0..=44 => party.filter(|p| p.phone.is_some()),
            45..=84 => {
                block.inhabitants().get(clerk.rng.index(block.inhabitants)).filter(|p| p.is_here() && p.age() >= 16)
            }
            _ => None,
        }
    }
}

fn at_building(block: &Block, flat: Option<usize>) -> Value {
    flat.and_then(|f| block.address(f)).map(|a| a.building_text()).into()
}

/// The moment with an explicit zone: this interface speaks UTC.
fn utc(local: NaiveDateTime) -> Value {
    after(local, -8 * 3600).format("%Y-%m-%dT%H:%M:%SZ").to_string().into()
}
