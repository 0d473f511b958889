//! `datong compact`: tables that were changed little by little are written anew, each as one, and published in one step.
//!
//! A purge does so with tables whose superseded rows have lain in their files for as long as they may.

use std::path::Path;

use chrono::Utc;
use lake::{LakeError, Publication, TableLayout};
use linkage::Identities;
use schemas::{Relation, RelationName};

use crate::Failure;
use crate::cli::CompactArguments;
use crate::progress::Stage;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// Which tables are written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// Those that were changed since they were written whole.
    Changed,
    /// Those whose superseded rows may stay no longer.
    Expired,
    /// Every one: afterwards nothing of the version published lies under an older key.
    All,
}

impl Choice {
    fn takes(self, layout: &TableLayout) -> bool {
        match self {
            Self::Changed => layout.is_fragmented(),
            Self::Expired => layout.is_expired(Utc::now()),
            Self::All => true,
        }
    }
}

/// `datong compact`.
pub(crate) async fn run(config: &Path, arguments: &CompactArguments, screen: &Screen) -> Result<(), Failure> {
    let site = Site::open(config).await?;
    let publication = begin(&site).await?;
    let choice = if arguments.all { Choice::All } else { Choice::Changed };
    let chosen = chosen(&site, &publication, choice).await?;
    print(&chosen, screen);
    if arguments.dry_run || chosen.is_empty() {
        return Ok(());
    }
    let version = rewrite(publication, &chosen, screen).await?;
    screen.say(&format!("已发布版本 {version}"), &format!("published version {version}"));
    Ok(())
}

/// Writes those tables anew whose superseded rows may stay no longer. Nothing is published if there is none.
pub(crate) async fn expired(site: &Site, screen: &Screen) -> Result<(), Failure> {
    let publication = begin(site).await?;
    let chosen = chosen(site, &publication, Choice::Expired).await?;
    if !chosen.is_empty() {
        rewrite(publication, &chosen, screen).await?;
    }
    Ok(())
}

/// A table to be written anew.
struct Chosen {
    relation: Relation,
    layout: TableLayout,
}

async fn begin(site: &Site) -> Result<Publication, Failure> {
    site.lake.begin().await.map_err(|error| failed(&error))
}

async fn chosen(site: &Site, publication: &Publication, choice: Choice) -> Result<Vec<Chosen>, Failure> {
    let mut chosen = Vec::new();
    let published: Vec<RelationName> =
        publication.base().map(|base| base.tables.keys().cloned().collect()).unwrap_or_default();
    let membership = Identities::relation();
    for name in published {
        let relation = if name == membership.name { Some(membership.clone()) } else { site.registry.relation(&name) };
        // A table that is not declared any more, or with other columns by now, stays as it is until it is pulled again.
        let Some(relation) = relation else { continue };
        let layout = publication.layout(&relation).await.map_err(|error| failed(&error))?;
        chosen.extend(layout.filter(|layout| choice.takes(layout)).map(|layout| Chosen { relation, layout }));
    }
    Ok(chosen)
}

async fn rewrite(publication: Publication, chosen: &[Chosen], screen: &Screen) -> Result<u64, Failure> {
    let stage = Stage::begin(screen, screen.pick("整理", "compacting"), 0);
    for table in chosen {
        stage.say(&table.relation.name.to_string());
        publication.rewrite(&table.relation).await.map_err(|error| failed(&error))?;
    }
    Ok(publication.commit().await.map_err(|error| failed(&error))?.version)
}

fn print(chosen: &[Chosen], screen: &Screen) {
    if chosen.is_empty() {
        screen.say("没有需要整理的表", "no table needs compacting");
        return;
    }
    let rows: Vec<Vec<String>> = chosen
        .iter()
        .map(|Chosen { relation, layout }| {
            let runs = layout.n_runs as u64;
            let numbers = [layout.n_rows, layout.n_superseded, runs, layout.bytes].map(thousands);
            [vec![relation.name.to_string()], numbers.to_vec()].concat()
        })
        .collect();
    let headings = ["表 table", "行 rows", "已失效 superseded", "批 runs", "字节 bytes"];
    screen.table(&headings, &rows);
}

fn failed(error: &LakeError) -> Failure {
    match error {
        LakeError::Conflict => Failure::failed(
            "整理期间有新版本发布,未作改动:请重试",
            "a version was published meanwhile; nothing was changed: try again",
        ),
        error => Failure::caused_by("整理失败,仍使用上一版本", "not compacted; the last version stays", error),
    }
}
