//! The departments: which of the city's people, flats and happenings each of them has on file, and how it exports them.

mod civil;
mod grid;
mod health;
mod housing;
mod police;
mod sensitive;
mod terms;

use std::path::Path;

use schemas::Registry;

use crate::block::Block;
use crate::error::CityError;
use crate::export::{DatasetSummary, Export, Layout, Sheet};
use crate::plan::Plan;
use crate::truth::Truth;

/// One dataset of one department, written block by block.
pub(crate) trait Desk {
    /// Writes what the dataset holds about that block.
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError>;

    /// Writes what stands under the last block.
    fn write_end(&mut self) -> Result<(), CityError> {
        Ok(())
    }

    /// Hands over the files to be closed.
    fn into_export(self: Box<Self>) -> Export;
}

/// Where and for whom desks write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Office<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) exports: &'a Path,
    pub(crate) seed: u64,
}

impl Office<'_> {
    fn sheet(&self, layout: &Layout, period: &str) -> Result<Sheet, CityError> {
        Sheet::resolve(self.registry, layout, self.exports, period)
    }
}

/// All desks of the city, department by department.
pub(crate) fn open_desks(office: &Office<'_>) -> Result<Vec<Box<dyn Desk>>, CityError> {
    Ok(vec![
        Box::new(police::ResidentDesk::open(office)?),
        Box::new(police::FloatingDesk::open(office)?),
        Box::new(police::IncidentDesk::open(office)?),
        Box::new(civil::SubsistenceDesk::open(office)?),
        Box::new(civil::DisabilityDesk::open(office)?),
        Box::new(civil::MarriageDesk::open(office)?),
        Box::new(civil::ElderDesk::open(office)?),
        Box::new(health::ArchiveDesk::open(office)?),
        Box::new(health::VisitDesk::open(office)?),
        Box::new(health::VaccinationDesk::open(office)?),
        Box::new(housing::PropertyDesk::open(office)?),
        Box::new(housing::LeaseDesk::open(office)?),
        Box::new(housing::RepairDesk::open(office)?),
        Box::new(grid::GridDesk::open(office)?),
        Box::new(grid::EventDesk::open(office)?),
        Box::new(sensitive::open_hiv(office)?),
        Box::new(sensitive::open_mental_disorder(office)?),
        Box::new(sensitive::open_offender(office)?),
    ])
}

/// Closes a desk's files.
pub(crate) fn close(desk: Box<dyn Desk>, out: &Path) -> Result<DatasetSummary, CityError> {
    let mut desk = desk;
    desk.write_end()?;
    desk.into_export().finish(out)
}
