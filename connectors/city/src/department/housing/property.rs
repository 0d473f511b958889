//! 房屋产权: one row per flat on the register. An XLSX with a sheet per street; identity numbers are text.

use chrono::Datelike;

use super::super::{Desk, Office};
use crate::block::{Block, Flat};
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Fault, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::plan::Plan;
use crate::sink::{Anatomy, WorkbookSink};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "housing.property",
    fields: &[
        "cert_no",
        "realty_unit_no",
        "address",
        "compound",
        "building",
        "unit",
        "room",
        "house_use",
        "floor_area",
        "inner_area",
        "floor",
        "floors",
        "built_year",
        "owner_name",
        "owner_id_no",
        "share",
        "registered_on",
    ],
    usual: &[],
};
const ANATOMY: Anatomy = Anatomy { title: None, caption: None, instruction: None, footer: None, sheet: "房屋产权" };
const LANE: u64 = 11;
/// How many of 10,000 flats are not on the register yet.
const UNREGISTERED_PER_10K: u32 = 180;

/// Writes `housing.property`.
#[derive(Debug)]
pub(in super::super) struct PropertyDesk {
    export: Export,
    number: u64,
}

impl PropertyDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = WorkbookSink::new(office.sheet(&LAYOUT, "20260630")?, ANATOMY);
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]), number: 0 })
    }
}

impl Desk for PropertyDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Housing, DateForm::Dashes, LANE, block.number);
        if let Some(community) = block.communities.first() {
            self.export.section(&community.street.name)?;
        }
        for (place, flat) in block.flats.iter().enumerate() {
            if clerk.rng.chance(UNREGISTERED_PER_10K) {
                continue;
            }
            if let Some(record) = self.title(&mut clerk, plan, block, (place, flat)) {
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl PropertyDesk {
    fn title(
        &mut self,
        clerk: &mut Clerk,
        plan: &Plan,
        block: &Block,
        (place, flat): (usize, &Flat),
    ) -> Option<Record> {
        let owner = block.people.get(flat.owner?)?;
        let building = block.buildings.get(flat.building)?;
        let compound = block.compounds.get(building.compound)?;
        clerk.begin(&[Fault::Date]);
        self.number += 1;
        let key = format!("云({})示范区不动产权第{:08}号", flat.bought.year(), self.number);
        let known = know(plan.seed, Department::Housing, block, owner);
        let joint = owner.spouse.is_some() && clerk.rng.chance(6_200);
        let floor = if clerk.rng.chance(2_500) {
            format!("{}/{}", flat.floor, building.floors).into()
        } else {
            flat.floor.into()
        };
        let cells = vec![
            key.clone().into(),
            realty_unit_no(block, building.grid, flat, place).into(),
            clerk.address(block, Some(place), &AddressHabit::HOUSING),
            compound.name.as_str().into(),
            format!("{}幢", building.number).into(),
            format!("{}单元", flat.unit).into(),
            flat.room.to_string().into(),
            clerk.rng.weighted_text(&[("住宅", 985), ("商住混用", 15)]).into(),
            area(clerk, flat.area),
            area(clerk, flat.inner_area),
            floor,
            building.floors.into(),
            u32::try_from(compound.built_year).map_or(Value::Empty, Value::from),
            clerk.name(&known),
            clerk.known_id(&known),
            if joint { "共同共有" } else { "单独所有" }.into(),
            clerk.date(flat.bought),
        ];
        let people = vec![("", owner.uid.clone())];
        Some(Record { key, cells, people, house: Some(flat.uid.clone()), rejected: clerk.rejected() })
    }
}

/// 28 characters: cadastral district, parcel, building and flat.
fn realty_unit_no(block: &Block, grid: usize, flat: &Flat, place: usize) -> Option<String> {
    let community = block.communities.get(block.grids.get(grid)?.community)?;
    let (_, within) = community.code.split_at_checked(6)?;
    Some(format!("290102{within}GB{:05}F{place:05}", flat.building % 100_000))
        .map(|n| n.chars().take(28).collect::<String>())
        .map(|n| format!("{n:0<28}"))
}

/// Square metres as a number, or with the unit.
fn area(clerk: &mut Clerk, hundredths: i64) -> Value {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    match clerk.rng.below(100) {
        0..=2 => format!("{text}㎡").into(),
        3 => format!("{text}平米").into(),
        4 => format!("{text}平方米").into(),
        _ => text.parse().map_or(Value::Empty, Value::Number),
    }
}
