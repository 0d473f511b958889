//! `datong city`.

use std::path::Path;

use city::{CityConfig, CitySummary};

use crate::Failure;
use crate::cli::CityArguments;
use crate::progress::Stage;
use crate::screen::{Screen, thousands};

/// `datong city`.
pub(crate) async fn run(arguments: &CityArguments, screen: &Screen) -> Result<(), Failure> {
    let summary = write(arguments.people, arguments.seed, &arguments.out, screen).await?;
    let rows: Vec<Vec<String>> =
        summary.datasets.iter().map(|d| vec![d.dataset.clone(), thousands(d.rows), thousands(d.rejected)]).collect();
    screen.table(&["数据集 dataset", "行数 rows", "应拒绝 to be rejected"], &rows);
    screen.say(&format!("已写入 {}", arguments.out.display()), &format!("written to {}", arguments.out.display()));
    Ok(())
}

/// Writes a city into a folder.
pub(crate) async fn write(people: u64, seed: u64, out: &Path, screen: &Screen) -> Result<CitySummary, Failure> {
    let stage = Stage::begin(screen, screen.pick("生成城市", "writing the city"), people);
    let config = CityConfig { people, seed, out: out.to_owned() };
    let written =
        tokio::task::spawn_blocking(move || city::generate(&config, &mut |_, done, total| stage.set(done, total)))
            .await;
    match written {
        Ok(Ok(summary)) => Ok(summary),
        Ok(Err(error)) => Err(Failure::caused_by("生成城市失败", "the city cannot be written", &error)),
        Err(_) => Err(Failure::failed("生成城市中断", "writing the city was interrupted")),
    }
}
