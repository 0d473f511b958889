//! Tables of front-end databases on their way in: what is new there is put before what was taken earlier, as one file, which is
//! then read like any other.
//!
//! A row that is taken again without a change leaves the file as it was, so that a pull that finds nothing new publishes nothing.
//! How far a table was taken is kept only once that is published; a crash before makes the same rows be taken again.

mod merge;
mod progress;

use std::sync::Arc;

use connectors::SourceFile;
use database::{DatabaseError, Extract, Progress, RemoteColumn, RemoteTable};

use self::progress::Known;
pub(super) use self::progress::Taken;
use crate::Failure;
use crate::config::{PullMode, SourceConfig, TableConfig};
use crate::databases;
use crate::site::Site;

/// A table as it is taken.
#[derive(Debug)]
struct Offer<'o> {
    site: &'o Site,
    source: &'o SourceConfig,
    config: &'o TableConfig,
    table: RemoteTable,
    key: Vec<RemoteColumn>,
    /// Columns that are taken, in the order of the table, with their headings.
    columns: Vec<(RemoteColumn, String)>,
}

/// Takes what a table offers. Gives the file, and what is to be kept and told once it is published.
pub(super) async fn take(
    site: &Site,
    source: &SourceConfig,
    database: &str,
    config: &TableConfig,
) -> Result<(SourceFile, Taken), Failure> {
    let database = site.databases.named(database)?;
    let of_database = |error: &DatabaseError| told(source, &databases::failed(error));
    let table = database.describe(&config.table).await.map_err(|error| of_database(&error))?;
    let offer = Offer::new(site, source, config, table)?;
    let before = Known::load(site, source, config).await?;
    let extract = Extract {
        columns: offer.columns.iter().map(|(column, _)| column.clone()).collect(),
        key: offer.key.clone(),
        progress: offer.progress(before.as_ref()),
    };
    let server = database.config().address.server;
    let select = extract.select(server, (&database.config().name, &offer.table));
    let select = select.map_err(|error| of_database(&error))?;
    let base = before.as_ref().map(|known| known.base.as_str()).filter(|_| config.mode != PullMode::Snapshot);
    let merged = merge::merge(&offer, database.stream(select), base).await?;
    let file = merge::existing(site, &offer.object()).await?;
    let file = file.ok_or_else(|| Failure::failed("写入失败", "an object cannot be written"))?;
    Ok((file, Taken::new(&offer, Arc::clone(database), merged, before)))
}

/// A failure under the name of its source.
fn told(source: &SourceConfig, failure: &Failure) -> Failure {
    Failure::failed(
        format!("来源 {} 不可用:{}", source.name, failure.zh()),
        format!("source `{}` cannot be used: {failure}", source.name),
    )
}

impl<'o> Offer<'o> {
    fn new(
        site: &'o Site,
        source: &'o SourceConfig,
        config: &'o TableConfig,
        table: RemoteTable,
    ) -> Result<Self, Failure> {
        let missing = |column: &str| {
            told(
                source,
                &Failure::failed(
                    format!("表 {} 没有列 {column}", config.table),
                    format!("table {} has no column {column}", config.table),
                ),
            )
        };
        let named = |name: &str| table.column(name).cloned().ok_or_else(|| missing(name));
        let key = config.key.iter().map(|name| named(name)).collect::<Result<Vec<_>, _>>()?;
        let progress = match &config.mode {
            PullMode::Snapshot => None,
            PullMode::HighWater { column, .. } | PullMode::Flag { column } => Some(named(column)?.name),
        };
        let dataset = site.registry.dataset(&config.dataset);
        let mut columns = Vec::new();
        for (field, remote) in &config.columns {
            let heading = dataset.and_then(|dataset| dataset.fields.iter().find(|known| known.name == *field));
            let heading = heading.map_or_else(|| field.to_string(), |field| field.zh.clone());
            columns.push((named(remote)?, heading));
        }
        let is_mapped =
            |column: &RemoteColumn| config.columns.iter().any(|(_, remote)| remote.eq_ignore_ascii_case(&column.name));
        // The column that progress goes by comes along: it tells how far it went.
        let others = table.columns.iter().filter(|column| !is_mapped(column));
        let readable = others.filter(|column| column.remote_type != database::RemoteType::Other);
        let is_flag = |column: &RemoteColumn| {
            matches!(config.mode, PullMode::Flag { .. }) && progress.as_deref() == Some(column.name.as_str())
        };
        columns.extend(readable.filter(|c| !is_flag(c)).map(|column| (column.clone(), column.name.clone())));
        Ok(Self { site, source, config, key, columns, table })
    }

    fn progress(&self, before: Option<&Known>) -> Progress {
        match &self.config.mode {
            PullMode::Snapshot => Progress::Everything,
            PullMode::HighWater { column, overlap } => Progress::Since {
                column: self.table.column(column).map_or_else(|| column.clone(), |found| found.name.clone()),
                mark: before.and_then(|taken| taken.mark.clone()),
                overlap: *overlap,
            },
            PullMode::Flag { column } => Progress::Flagged {
                column: self.table.column(column).map_or_else(|| column.clone(), |found| found.name.clone()),
            },
        }
    }

    /// Where the file is until it is kept with its batch.
    fn object(&self) -> String {
        format!("raw/{}/extract-{}", self.config.dataset, self.source.name)
    }

    /// Where what is new is, if something was taken earlier.
    fn object_of_new(&self) -> String {
        format!("{}-new", self.object())
    }

    /// Positions of the key among the columns that are taken.
    fn key_positions(&self) -> Vec<usize> {
        let position = |key: &RemoteColumn| self.columns.iter().position(|(column, _)| column.name == key.name);
        self.key.iter().filter_map(position).collect()
    }

    /// Position of the column that progress is measured by, if it is.
    fn mark_position(&self) -> Option<usize> {
        match &self.config.mode {
            PullMode::HighWater { column, .. } => {
                self.columns.iter().position(|(taken, _)| taken.name.eq_ignore_ascii_case(column))
            }
            _ => None,
        }
    }

    fn headings(&self) -> Vec<String> {
        self.columns.iter().map(|(_, heading)| heading.clone()).collect()
    }

    fn failed(&self, zh: &str, en: &str, error: &dyn std::error::Error) -> Failure {
        told(self.source, &Failure::caused_by(zh, en, error))
    }
}
