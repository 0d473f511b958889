//! 网格: the list of grids with the buildings each covers.

use super::super::{Desk, Office};
use crate::block::Block;
use crate::dirt::{Clerk, DateForm, Department};
use crate::error::CityError;
use crate::export::{Export, Layout, Record};
use crate::place::{Building, Grid};
use crate::plan::Plan;
use crate::sink::{Anatomy, WorkbookSink};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "grid.grid",
    fields: &[
        "grid_id",
        "grid_name",
        "street_code",
        "street",
        "community_code",
        "community",
        "level",
        "area_m2",
        "household_count",
        "leader_name",
        "leader_phone",
        "staff_full",
        "staff_part",
        "coverage",
    ],
    usual: &[],
};
const ANATOMY: Anatomy = Anatomy {
    title: Some("云州市示范区社区网格基础信息表"),
    caption: None,
    instruction: None,
    footer: None,
    sheet: "网格",
};
const LANE: u64 = 14;
/// The limit a grid is drawn to.
const MOST_HOUSEHOLDS: u32 = 300;

/// Writes `grid.grid`.
#[derive(Debug)]
pub(in super::super) struct GridDesk {
    export: Export,
}

impl GridDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = WorkbookSink::new(office.sheet(&LAYOUT, "2026")?, ANATOMY);
        Ok(Self { export: Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]) })
    }
}

impl Desk for GridDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Grid, DateForm::Dashes, LANE, block.number);
        for grid in &block.grids {
            if let Some(record) = row(&mut clerk, block, grid) {
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

fn row(clerk: &mut Clerk, block: &Block, grid: &Grid) -> Option<Record> {
    clerk.begin_clean();
    let community = block.communities.get(grid.community)?;
    let buildings = block.buildings.get(grid.buildings.clone())?;
    let living = buildings.iter().map(|b| households_in(block, b)).sum::<u32>();
    // What the grid reports was counted some time ago.
    let drift = clerk.rng.between(-9, 6);
    let declared = u32::try_from((i64::from(living) + drift).max(1)).unwrap_or(living).min(MOST_HOUSEHOLDS);
    let coverage: Vec<String> =
        buildings.iter().filter_map(|b| block.address(b.flats.start)).map(|address| address.building_text()).collect();
    let key = grid.id.clone();
    let cells = vec![
        key.clone().into(),
        grid.name.as_str().into(),
        community.street.code.as_str().into(),
        community.street.name.as_str().into(),
        community.code.as_str().into(),
        community.name.as_str().into(),
        "网格".into(),
        grid.area_m2.into(),
        declared.into(),
        grid.leader_name.as_str().into(),
        grid.leader_phone.as_str().into(),
        grid.staff_full.into(),
        grid.staff_part.into(),
        coverage.join(";").into(),
    ];
    Some(Record { key, cells, people: Vec::new(), house: None, rejected: clerk.rejected() })
}

fn households_in(block: &Block, building: &Building) -> u32 {
    let flats = block.flats.get(building.flats.clone()).unwrap_or_default();
    u32::try_from(flats.iter().filter(|f| f.household.is_some()).count()).unwrap_or_default()
}
