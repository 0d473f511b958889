//! 网格事件: cases of the last year. An XLSX in which 98 of 100 times are text (`2026/1/6 12:09:38`), the others true
//! date cells of the same column, and descriptions begin with a line break and tabs: both measured in a real export.

use chrono::NaiveDateTime;

use super::super::{Desk, Office};
use crate::block::{Block, Flat};
use crate::calendar::{REFERENCE_DATE, after, date, day_between, moment};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::people::Person;
use crate::plan::Plan;
use crate::sink::{Anatomy, WorkbookSink};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "grid.event",
    fields: &[
        "event_no",
        "source",
        "big_class",
        "small_class",
        "title",
        "description",
        "street",
        "grid_id",
        "place",
        "lon",
        "lat",
        "reporter_name",
        "reporter_phone",
        "reported_at",
        "accepted_at",
        "dispatched_at",
        "handle_deadline",
        "handled_at",
        "fed_back_at",
        "verified_at",
        "closed_at",
        "forced_closed_at",
        "stage",
        "handler_org",
        "urgency",
        "delay_kind",
        "satisfaction",
    ],
    usual: &[],
};
const ANATOMY: Anatomy = Anatomy { title: None, caption: None, instruction: None, footer: None, sheet: "案件" };
const LANE: u64 = 15;
/// Events per 10,000 flats in a year.
const EVENTS_PER_10K: u32 = 5_200;
/// Of 10,000 time cells, how many are true date cells (130 of 7,637 measured).
const DATE_CELL_PER_10K: u32 = 170;

/// (class, kind, what is said, who handles it), weight.
const KINDS: &[(&[&str; 4], u32)] = &[
    (&["市容环境", "暴露垃圾", "楼下垃圾桶满溢，有异味", "综合行政执法队"], 16),
    (&["市容环境", "积存垃圾渣土", "装修垃圾堆放多日", "综合行政执法队"], 10),
    (&["市容环境", "私搭乱建", "一楼住户搭建雨棚", "综合行政执法队"], 5),
    (&["市容环境", "道路破损", "小区道路坑洼不平", "市政养护中心"], 5),
    (&["宣传广告", "非法小广告", "楼道内张贴开锁小广告", "综合行政执法队"], 9),
    (&["施工管理", "施工扰民", "夜间施工噪音扰民", "住建局"], 6),
    (&["突发事件", "下水道堵塞或破损", "下水道堵塞污水外溢", "市政养护中心"], 7),
    (&["突发事件", "自来水管破裂", "自来水管爆裂", "水务公司"], 3),
    (&["突发事件", "架空线缆损坏", "线缆垂落影响通行", "通信公司"], 3),
    (&["街面秩序", "机动车乱停放", "消防通道被车辆占用", "交警大队"], 14),
    (&["街面秩序", "非机动车乱停放", "电动自行车停放在楼道", "物业服务中心"], 10),
    (&["街面秩序", "乱堆物堆料", "楼道堆放杂物", "物业服务中心"], 8),
    (&["街面秩序", "无照经营游商", "流动摊贩占道经营", "综合行政执法队"], 4),
];

/// Writes `grid.event`.
#[derive(Debug)]
pub(in super::super) struct EventDesk {
    export: Export,
    number: u64,
}

impl EventDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = WorkbookSink::new(office.sheet(&LAYOUT, "202507-202606")?, ANATOMY);
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for EventDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Grid, DateForm::Dashes, LANE, block.number);
        for place in 0..block.flats.len() {
            if clerk.rng.chance(EVENTS_PER_10K)
                && let Some(record) = self.event(&mut clerk, plan, block, place)
            {
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

/// When what happened to a case.
#[derive(Debug)]
struct Course {
    reported: NaiveDateTime,
    accepted: Option<NaiveDateTime>,
    dispatched: Option<NaiveDateTime>,
    deadline: Option<NaiveDateTime>,
    handled: Option<NaiveDateTime>,
    fed_back: Option<NaiveDateTime>,
    verified: Option<NaiveDateTime>,
    closed: Option<NaiveDateTime>,
    forced: Option<NaiveDateTime>,
    stage: &'static str,
}

impl Course {
    fn draw(clerk: &mut Clerk) -> Self {
        let day = day_between(&mut clerk.rng, date(2025, 7, 1), REFERENCE_DATE);
        let reported = moment(&mut clerk.rng, day);
        let mut course = Self {
            reported,
            accepted: None,
            dispatched: None,
            deadline: None,
            handled: None,
            fed_back: None,
            verified: None,
            closed: None,
            forced: None,
            stage: "收集",
        };
        let void = clerk.rng.chance(230);
        let end = NaiveDateTime::from(REFERENCE_DATE).max(reported);
        // Each step takes its time and only happens if it came before the export.
        let accepted = after(reported, clerk.rng.between(120, 3_000));
        let dispatched = after(accepted, clerk.rng.weighted(&[(1_500, 88), (9_000, 12)]).copied().unwrap_or(1_500));
        let handled = after(dispatched, clerk.rng.between(3_600, 430_000));
        let fed_back = after(handled, clerk.rng.between(600, 20_000));
        let verified = after(fed_back, clerk.rng.between(1_800, 90_000));
        let closed = after(verified, clerk.rng.between(300, 60_000));
        let steps: [(NaiveDateTime, &'static str, &mut Option<NaiveDateTime>); 6] = [
            (accepted, "受理", &mut course.accepted),
            (dispatched, "交办", &mut course.dispatched),
            (handled, "处理", &mut course.handled),
            (fed_back, "反馈", &mut course.fed_back),
            (verified, "核查", &mut course.verified),
            (closed, "结案", &mut course.closed),
        ];
        for (at, stage, slot) in steps {
            if at > end || (void && stage == "处理") {
                break;
            }
            *slot = Some(at);
            course.stage = stage;
        }
        course.deadline = course.dispatched.map(|at| after(at, 3 * 86_400));
        if void {
            course.stage = "作废";
        } else if course.closed.is_some() && clerk.rng.chance(260) {
            course.forced = course.closed.take();
            course.verified = None;
            course.stage = "强制结案";
        }
        course
    }
}

impl EventDesk {
    fn event(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, place: usize) -> Option<Record> {
        let flat = block.flats.get(place)?;
        let building = block.buildings.get(flat.building)?;
        let grid = block.grids.get(building.grid)?;
        let community = block.communities.get(grid.community)?;
        let compound = block.compounds.get(building.compound)?;
        clerk.begin_without_id(&[Fault::Numbering]);
        self.number += 1;
        let course = Course::draw(clerk);
        let key = format!("WG{}{:08}", course.reported.format("%Y%m%d"), self.number);
        let [big, small, said, handler] = *clerk.rng.weighted(KINDS).copied().unwrap_or(&["其他", "其他", "", ""]);
        let source = clerk.rng.weighted_text(&[
            ("网格员巡查", 52),
            ("居民上报", 20),
            ("12345热线", 14),
            ("110转办", 4),
            ("上级交办", 4),
            ("物联感知", 3),
            ("部门推送", 3),
        ]);
        let by_resident = matches!(source, "居民上报" | "12345热线");
        let named = by_resident && clerk.rng.chance(8_600);
        let reporter = resident_of(clerk, block, flat).filter(|_| named);
        let known = reporter.map(|r| know(plan.seed, Department::Grid, block, r));
        let at_flat = by_resident && clerk.rng.chance(5_500);
        let (name, phone) = match (&known, source) {
            (Some(known), _) => (clerk.plain_name(&known.name).into(), clerk.phone(known)),
            (None, "网格员巡查") => (grid.leader_name.as_str().into(), grid.leader_phone.as_str().into()),
            (None, _) if by_resident => ("热心市民".into(), Value::Empty),
            (None, _) => (Value::Empty, Value::Empty),
        };
        let cells = vec![
            key.clone().into(),
            source.into(),
            big.into(),
            small.into(),
            format!("{}{}幢{small}", compound.name, building.number).into(),
            format!("\n\t\t\t{said}").into(),
            community.street.name.as_str().into(),
            grid.id.as_str().into(),
            place_text(clerk, block, place, at_flat),
            Value::Number(building.lon),
            Value::Number(building.lat),
            name,
            phone,
            time(clerk, Some(course.reported)),
            time(clerk, course.accepted),
            time(clerk, course.dispatched),
            time(clerk, course.deadline),
            time(clerk, course.handled),
            time(clerk, course.fed_back),
            time(clerk, course.verified),
            time(clerk, course.closed),
            time(clerk, course.forced),
            course.stage.into(),
            handler.into(),
            clerk.rng.weighted_text(&[("一般", 93), ("紧急", 7)]).into(),
            clerk.rng.weighted_text(&[("", 94), ("一般延期", 6)]).into(),
            if course.closed.is_some() && by_resident {
                clerk
                    .rng
                    .weighted_text(&[("非常满意", 30), ("满意", 44), ("基本满意", 12), ("不满意", 6), ("未评价", 8)])
                    .into()
            } else {
                Value::Empty
            },
        ];
        let house = at_flat.then(|| flat.uid.clone());
        // A name alone, without number or flat, tells nobody who it is.
        let told = at_flat || known.is_some_and(|k| k.phone.or(k.second_phone).is_some());
        let people = reporter.filter(|_| told).map(|r| vec![("", r.uid.clone())]).unwrap_or_default();
        Some(Record { key, cells, people, house, rejected: clerk.rejected() })
    }
}

/// Somebody with a telephone who lives in the flat.
fn resident_of<'a>(clerk: &mut Clerk, block: &'a Block, flat: &Flat) -> Option<&'a Person> {
    let household = block.households.get(flat.household?)?;
    let adults: Vec<&Person> = household
        .members
        .iter()
        .filter_map(|&m| block.people.get(m))
        .filter(|p| p.is_here() && p.age() >= 16 && p.phone.is_some())
        .collect();
    adults.get(clerk.rng.index(adults.len())).copied()
}

fn place_text(clerk: &mut Clerk, block: &Block, place: usize, at_flat: bool) -> Value {
    if at_flat {
        return clerk.address(block, Some(place), &AddressHabit::GRID);
    }
    let Some(address) = block.address(place) else { return Value::Empty };
    if clerk.rng.chance(1_200) {
        return format!("示范区{}{}{}号", address.street, address.compound.road, address.compound.plate).into();
    }
    address.building_text().into()
}

/// A time as text without leading zeros, or now and then as a true date cell.
fn time(clerk: &mut Clerk, at: Option<NaiveDateTime>) -> Value {
    let Some(at) = at else { return Value::Empty };
    if clerk.rng.chance(DATE_CELL_PER_10K) {
        return Value::Moment(at);
    }
    at.format("%Y/%-m/%-d %-H:%M:%S").to_string().into()
}
