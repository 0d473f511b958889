//! How far a table was taken, kept once that is published; and the flags that are set then.

use std::sync::Arc;

use database::{Database, Pickup, RemoteColumn, TakenRow};
use object_store::ObjectStoreExt;
use object_store::path::Path as ObjectPath;
use schemas::DatasetId;
use serde::{Deserialize, Serialize};

use super::merge::{self, Merged};
use super::{Offer, told};
use crate::config::{PullMode, SourceConfig, TableConfig};
use crate::quarantine::latest_receipt;
use crate::site::Site;
use crate::{Failure, databases};

/// Rows whose flags are set in one transaction.
const FLAGS_AT_ONCE: usize = 1_000;

/// What is kept of a table between pulls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Table, mode and column: another one begins anew.
    declared: String,
    /// The highest value seen of the column that progress is measured by.
    pub(super) mark: Option<String>,
    /// The file that was published, as it is kept.
    pub(super) base: String,
}

impl Known {
    /// What is known of a table that is still declared so.
    pub(super) async fn load(
        site: &Site,
        source: &SourceConfig,
        config: &TableConfig,
    ) -> Result<Option<Self>, Failure> {
        let found = match site.lake.store().get(&object(&config.dataset, source)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        };
        let bytes = found.bytes().await.map_err(|error| unreadable(&error))?;
        let known: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
        let is_there = merge::existing(site, &known.base).await?.is_some();
        Ok(Some(known).filter(|known| known.declared == declared(config) && is_there))
    }
}

fn object(dataset: &DatasetId, source: &SourceConfig) -> ObjectPath {
    ObjectPath::from(format!("receipts/{dataset}/progress-{}.json", source.name))
}

fn declared(config: &TableConfig) -> String {
    match &config.mode {
        PullMode::Snapshot => format!("{} snapshot", config.table),
        PullMode::HighWater { column, .. } => format!("{} high_water {column}", config.table),
        PullMode::Flag { column } => format!("{} flag {column}", config.table),
    }
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::caused_by("接入进度无法读取", "how far a table was taken cannot be read", error)
}

/// What was taken of one table in a pull that is not published yet.
#[derive(Debug)]
pub(in crate::intake) struct Taken {
    dataset: DatasetId,
    source: SourceConfig,
    declared: String,
    mark: Option<String>,
    /// What lies beside the kept files until the end of the pull.
    leftovers: [String; 2],
    pickup: Option<Flags>,
}

#[derive(Debug)]
struct Flags {
    database: Arc<Database>,
    pickup: Pickup,
    /// Where the rows are that were new.
    object: String,
    headings: Vec<String>,
    keys: Vec<usize>,
}

impl Taken {
    pub(super) fn new(offer: &Offer<'_>, database: Arc<Database>, merged: Merged, before: Option<Known>) -> Self {
        let was_known = before.is_some();
        let pickup = match &offer.config.mode {
            PullMode::Flag { column } if merged.n_offered > 0 => offer.table.column(column).map(|flag| Flags {
                database,
                pickup: Pickup {
                    table: offer.table.clone(),
                    flag: flag.clone(),
                    key: offer.key.clone(),
                    taken: offer.columns.iter().map(|(column, _)| column.clone()).collect::<Vec<RemoteColumn>>(),
                },
                object: if was_known { offer.object_of_new() } else { offer.object() },
                headings: offer.headings(),
                keys: offer.key_positions(),
            }),
            _ => None,
        };
        Self {
            dataset: offer.config.dataset.clone(),
            source: offer.source.clone(),
            declared: declared(offer.config),
            mark: merged.mark.or(before.and_then(|known| known.mark)),
            leftovers: [offer.object(), offer.object_of_new()],
            pickup,
        }
    }

    /// Keeps how far it went, then sets the flags. To be called when what was taken is published.
    pub(in crate::intake) async fn published(&self, site: &Site) -> Result<(), Failure> {
        let receipt = latest_receipt(site, &self.dataset).await?;
        let file = receipt.iter().flat_map(|receipt| &receipt.files).find(|file| file.source == self.source.name);
        if let Some(file) = file {
            let known = Known { declared: self.declared.clone(), mark: self.mark.clone(), base: file.kept_as.clone() };
            let text = serde_json::to_vec(&known).map_err(|error| unkept(&error))?;
            let kept = site.lake.store().put(&object(&self.dataset, &self.source), text.into()).await;
            kept.map_err(|error| unkept(&error))?;
        }
        if let Some(flags) = &self.pickup {
            flags.set(site).await.map_err(|failure| {
                let of_source = told(&self.source, &failure);
                Failure::failed(
                    format!("已发布,但取走标志未能全部置 1,下次接入时会再取:{}", of_source.zh()),
                    format!("published, but not every pickup flag was set; those rows come again: {of_source}"),
                )
            })?;
        }
        Ok(())
    }

    /// Removes what is not needed beside the kept files.
    pub(in crate::intake) async fn tidy(&self, site: &Site) {
        for leftover in &self.leftovers {
            // It is replaced by the next pull otherwise.
            let _removed = site.lake.store().delete(&ObjectPath::from(leftover.as_str())).await;
        }
    }
}

fn unkept(error: &dyn std::error::Error) -> Failure {
    Failure::caused_by(
        "已发布,但接入进度无法保存,下次会重复取数",
        "published, but how far a table was taken cannot be kept; it is taken again",
        error,
    )
}

impl Flags {
    async fn set(&self, site: &Site) -> Result<(), Failure> {
        let Some(new) = merge::existing(site, &self.object).await? else { return Ok(()) };
        let mut chunks = merge::records(site, new).await?;
        let text = |record: &csv::StringRecord, idx: usize| record.get(idx).unwrap_or_default().to_owned();
        while let Some(chunk) = merge::next(&mut chunks).await? {
            let rows: Vec<TakenRow> = chunk
                .under(&self.headings)
                .iter()
                .map(|record| TakenRow {
                    key: self.keys.iter().map(|idx| text(record, *idx)).collect(),
                    taken: record.iter().map(str::to_owned).collect(),
                })
                .collect();
            for rows in rows.chunks(FLAGS_AT_ONCE) {
                let set = self.database.pick_up(self.pickup.clone(), rows.to_vec()).await;
                set.map_err(|error| databases::failed(&error))?;
            }
        }
        Ok(())
    }
}
