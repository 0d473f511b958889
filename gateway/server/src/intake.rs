//! The way in, end to end: exports are read and landed, records linked, a new version published, or nothing at all.
//!
//! A pull is idempotent (a batch is named by the content of its files; the same files change nothing) and atomic (readers
//! see the old version or the new one). Over its reject limit it publishes nothing and says so.

mod landing;
mod tables;
mod unify;

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use connectors::{Receipt, SkipKind};
use lake::Publication;
use linkage::LinkReport;
use schemas::DatasetId;

use self::landing::{Mode, Origin};
use self::tables::Taken;
use self::unify::Writing;
use crate::Failure;
use crate::cli::PullArguments;
use crate::config::SourceConfig;
use crate::progress::Stage;
use crate::purge;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// What became of one dataset in a pull.
#[derive(Debug)]
pub(crate) enum DatasetOutcome {
    /// Read and landed.
    Landed(Box<Receipt>),
    /// The same files as in the published version.
    Unchanged,
    /// The source has no file for it.
    NoFile,
}

/// What a pull did.
#[derive(Debug)]
pub(crate) struct PullReport {
    pub(crate) outcomes: Vec<(DatasetId, DatasetOutcome)>,
    /// Files no dataset of their source claims.
    pub(crate) unclaimed: Vec<String>,
    pub(crate) link: Option<LinkReport>,
    /// The version in force afterwards.
    pub(crate) version: Option<u64>,
    pub(crate) timings: Timings,
}

/// Elapsed time of the stages.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Timings {
    pub(crate) land: Duration,
    pub(crate) link: Duration,
    pub(crate) publish: Duration,
}

/// `datong pull`.
pub(crate) async fn run(config: &Path, arguments: &PullArguments, screen: &Screen) -> Result<(), Failure> {
    let site = Site::open(config).await?;
    let sources = chosen_sources(&site, &arguments.sources)?;
    let report = pull(&site, &sources, screen).await?;
    print(&report, screen);
    if report.link.is_some() {
        purge::after_publication(&site, screen).await;
    }
    Ok(())
}

fn chosen_sources(site: &Site, names: &[String]) -> Result<Vec<SourceConfig>, Failure> {
    let all = &site.config.sources;
    if names.is_empty() {
        return Ok(all.clone());
    }
    names
        .iter()
        .map(|name| {
            all.iter().find(|source| &source.name == name).cloned().ok_or_else(|| {
                let known = all.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
                Failure::usage(
                    format!("没有名为 {name} 的来源;已配置:{known}"),
                    format!("no source is called `{name}`; configured: {known}"),
                )
            })
        })
        .collect()
}

/// Pulls the sources and publishes, if anything changed.
pub(crate) async fn pull(site: &Site, sources: &[SourceConfig], screen: &Screen) -> Result<PullReport, Failure> {
    take_in(site, Origin::Sources(sources), screen).await
}

/// Lands the kept files of these receipts again, under the rules and corrections of now, and publishes if that changed
/// anything.
pub(crate) async fn pull_again(site: &Site, receipts: &[Receipt], screen: &Screen) -> Result<PullReport, Failure> {
    take_in(site, Origin::Kept(receipts), screen).await
}

/// What [`pull_again`] would do to each dataset. Nothing is written.
pub(crate) async fn rehearse_again(
    site: &Site,
    receipts: &[Receipt],
    screen: &Screen,
) -> Result<Vec<(DatasetId, DatasetOutcome)>, Failure> {
    let publication = begin(site).await?;
    let origin = Origin::Kept(receipts);
    Ok(landing::land(site, &publication, origin, Mode::Rehearse, Utc::now(), screen).await?.outcomes)
}

async fn begin(site: &Site) -> Result<Publication, Failure> {
    let begun = site.lake.begin().await;
    begun.map_err(|error| Failure::caused_by("无法开始发布", "a publication cannot be begun", &error))
}

async fn take_in(site: &Site, origin: Origin<'_>, screen: &Screen) -> Result<PullReport, Failure> {
    let started: DateTime<Utc> = Utc::now();
    let publication = begin(site).await?;
    let clock = Instant::now();
    let intake = landing::land(site, &publication, origin, Mode::Land, started, screen).await?;
    let mut timings = Timings { land: clock.elapsed(), ..Timings::default() };
    let version = publication.base().map(|published| published.version);
    let mut report =
        PullReport { outcomes: intake.outcomes, unclaimed: intake.unclaimed, link: None, version, timings };
    if intake.written.is_empty() {
        conclude(site, &intake.taken).await?;
        return Ok(report);
    }
    let clock = Instant::now();
    let stage = Stage::begin(screen, screen.pick("关联", "linking"), 0);
    let linked = unify::link_all(site, &publication, unify::Changed::Written(&intake.written), started, stage).await?;
    timings.link = clock.elapsed();
    let clock = Instant::now();
    let link_report = unify::write(site, &publication, linked, Writing::Changes).await?;
    let published = publication.commit().await.map_err(|error| {
        Failure::caused_by("发布失败,仍使用上一版本", "not published; the last version stays", &error)
    })?;
    timings.publish = clock.elapsed();
    conclude(site, &intake.taken).await?;
    report.version = Some(published.version);
    report.link = Some(link_report);
    report.timings = timings;
    Ok(report)
}

/// What was taken from databases is published: how far it went is kept, and their flags are set.
async fn conclude(site: &Site, taken: &[Taken]) -> Result<(), Failure> {
    let mut concluded = Ok(());
    for taken in taken {
        // One that fails does not keep the others from being told.
        let published = taken.published(site).await;
        taken.tidy(site).await;
        concluded = concluded.and(published);
    }
    concluded
}

/// Publishes everything but one dataset: its table and batch go, and what is linked is linked without it.
pub(crate) async fn publish_without(site: &Site, dataset: &DatasetId, screen: &Screen) -> Result<u64, Failure> {
    let failed = |error: lake::LakeError| {
        Failure::caused_by("发布失败,仍使用上一版本", "not published; the last version stays", &error)
    };
    let publication = site.lake.begin().await.map_err(failed)?;
    publication.drop_table(dataset);
    let stage = Stage::begin(screen, screen.pick("重新关联", "linking again"), 0);
    let linked = unify::link_all(site, &publication, unify::Changed::Without(dataset), Utc::now(), stage).await?;
    // What was written before goes with the keys it lies under.
    unify::write(site, &publication, linked, Writing::Whole).await?;
    Ok(publication.commit().await.map_err(failed)?.version)
}

/// Prints what became of each dataset.
pub(crate) fn print_outcomes(outcomes: &[(DatasetId, DatasetOutcome)], screen: &Screen) {
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .map(|(dataset, outcome)| {
            let mut row = vec![dataset.to_string()];
            match outcome {
                DatasetOutcome::Landed(receipt) => {
                    row.extend([receipt.read, receipt.accepted, receipt.rejected].map(thousands));
                    row.push(remarks_of(receipt, screen));
                }
                DatasetOutcome::Unchanged => {
                    row.extend(["", "", ""].map(str::to_owned));
                    row.push(screen.pick("未变化", "unchanged").to_owned());
                }
                DatasetOutcome::NoFile => {
                    row.extend(["", "", ""].map(str::to_owned));
                    row.push(screen.pick("没有文件", "no file").to_owned());
                }
            }
            row
        })
        .collect();
    screen.table(&["数据集 dataset", "读入 read", "接受 accepted", "拒绝 rejected", "备注 remarks"], &rows);
}

/// Prints what a pull did.
pub(crate) fn print(report: &PullReport, screen: &Screen) {
    print_outcomes(&report.outcomes, screen);
    for file in &report.unclaimed {
        screen.remark(
            &format!("文件未被任何数据集认领:{file}"),
            &format!("no dataset of its source claims this file: {file}"),
        );
    }
    if let Some(link) = &report.link {
        screen.line(&format!(
            "人口 persons {} · 房屋 houses {} · 户 households {} · 事件 events {}",
            thousands(link.persons),
            thousands(link.houses),
            thousands(link.households),
            thousands(link.events)
        ));
        if link.listed > 0 {
            screen.line(&format!(
                "敏感名单 listed {} · 未匹配到人 of nobody known {}",
                thousands(link.listed),
                thousands(link.listed_unmatched)
            ));
        }
    }
    match (&report.link, report.version) {
        (Some(_), Some(version)) => {
            screen.say(&format!("已发布版本 {version}"), &format!("published version {version}"))
        }
        (None, Some(version)) => {
            screen.say(&format!("没有变化,仍为版本 {version}"), &format!("nothing changed; version {version} stays"));
        }
        (_, None) => screen.say("没有可发布的数据", "nothing to publish"),
    }
}

fn remarks_of(receipt: &Receipt, screen: &Screen) -> String {
    let drift = || receipt.files.iter().flat_map(|file| &file.drift);
    let n_missing: usize = drift().map(|d| d.missing.len()).sum();
    let n_unknown: usize = drift().map(|d| d.unknown.len()).sum();
    let n_repeated = receipt.skipped.get(&SkipKind::Duplicate).copied().unwrap_or(0);
    let mut remarks = Vec::new();
    if n_missing + n_unknown > 0 {
        let zh = format!("表头变化:缺 {n_missing},新 {n_unknown}");
        let en = format!("headings: {n_missing} missing, {n_unknown} unknown");
        remarks.push(screen.pick(&zh, &en).to_owned());
    }
    if receipt.corrected > 0 {
        let (zh, en) =
            (format!("其中更正后接受 {}", receipt.corrected), format!("{} of them corrected", receipt.corrected));
        remarks.push(screen.pick(&zh, &en).to_owned());
    }
    if n_repeated > 0 {
        let (zh, en) = (format!("另有重复行 {n_repeated}"), format!("{n_repeated} repeated rows besides"));
        remarks.push(screen.pick(&zh, &en).to_owned());
    }
    remarks.join("; ")
}
