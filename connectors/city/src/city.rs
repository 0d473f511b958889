//! Writing the whole city.

use std::path::PathBuf;

use schemas::Registry;

use crate::block::Block;
use crate::department::{Office, close, open_desks};
use crate::error::CityError;
use crate::export::DatasetSummary;
use crate::people::HouseholdKind;
use crate::plan::Plan;
use crate::truth::Truth;

/// Which city, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CityConfig {
    /// People in the city's registers: those who live here, those registered here who live elsewhere, and those who died
    /// lately. From 1 to [`crate::MOST_PEOPLE`].
    pub people: u64,
    /// The same people and seed give the same bytes.
    pub seed: u64,
    /// The folder that gets `exports` and `truth`. Files of the same names are replaced.
    pub out: PathBuf,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// People are made and written; counted in people.
    People,
    /// Files are closed; counted in datasets.
    Files,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CitySummary {
    /// As asked for.
    pub people: u64,
    /// As asked for.
    pub seed: u64,
    /// Households registered in the city.
    pub registered_households: u64,
    /// Households from elsewhere.
    pub floating_households: u64,
    /// Flats.
    pub flats: u64,
    /// Grids.
    pub grids: u64,
    /// Streets.
    pub streets: u64,
    /// Per dataset, department by department.
    pub datasets: Vec<DatasetSummary>,
}

impl CitySummary {
    /// Rows of all files.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.datasets.iter().map(|d| d.rows).sum()
    }

    /// Rows of all files that must be rejected.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.datasets.iter().map(|d| d.rejected).sum()
    }
}

/// Writes the city of `config.people` people. Memory is bounded by one block of about 10,000 people, whatever the size
/// of the city. `progress` is told the stage, how far it is and how far it goes; its counts never fall within a stage.
///
/// # Errors
/// [`CityError`]; files written so far stay.
pub fn generate(config: &CityConfig, progress: &mut dyn FnMut(Stage, u64, u64)) -> Result<CitySummary, CityError> {
    let plan = Plan::new(config.people, config.seed)?;
    let registry = Registry::shipped().map_err(|source| CityError::Declarations { source })?;
    let exports = config.out.join("exports");
    std::fs::create_dir_all(&exports).map_err(CityError::write(&exports))?;
    let office = Office { registry: &registry, exports: &exports, seed: config.seed };
    let mut desks = open_desks(&office)?;
    let mut truth = Truth::create(&config.out)?;
    let mut summary = CitySummary {
        people: config.people,
        seed: config.seed,
        registered_households: 0,
        floating_households: 0,
        flats: 0,
        grids: 0,
        streets: plan.street(plan.blocks - 1),
        datasets: Vec::new(),
    };
    for number in 0..plan.blocks {
        progress(Stage::People, plan.first_person(number), plan.people);
        let block = Block::make(&plan, number);
        for desk in &mut desks {
            desk.write_block(&plan, &block, &mut truth)?;
        }
        count(&mut summary, &block);
    }
    progress(Stage::People, plan.people, plan.people);
    let files = desks.len() as u64;
    for (done, desk) in (0..).zip(desks) {
        progress(Stage::Files, done, files);
        summary.datasets.push(close(desk, &config.out)?);
    }
    truth.finish()?;
    progress(Stage::Files, files, files);
    Ok(summary)
}

fn count(summary: &mut CitySummary, block: &Block) {
    let registered = block.households.iter().filter(|h| h.kind == HouseholdKind::Registered).count() as u64;
    summary.registered_households += registered;
    summary.floating_households += block.households.len() as u64 - registered;
    summary.flats += block.flats.len() as u64;
    summary.grids += block.grids.len() as u64;
}
