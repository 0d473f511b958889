//! Landed tables to the unified base.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{LakeError, Publication, Published, Snapshot, WrittenTable};
use linkage::{Identities, LinkInput, LinkReport, Linked};
use schemas::{DatasetId, Relation};

use crate::Failure;
use crate::progress::Stage;
use crate::site::Site;

fn failed(error: &LakeError) -> Failure {
    Failure::caused_by("数据读写失败", "tables cannot be read or written", error)
}

/// What differs from the published version.
pub(super) enum Changed<'c> {
    /// These tables were written.
    Written(&'c [WrittenTable]),
    /// This dataset goes.
    Without(&'c DatasetId),
}

/// Links what will be published: the published tables, but for what changed.
pub(super) async fn link_all(
    site: &Site,
    publication: &Publication,
    changed: Changed<'_>,
    now: DateTime<Utc>,
    stage: Stage,
) -> Result<Linked, Failure> {
    let snapshot = site.lake.snapshot(&to_be_linked(publication, changed, now));
    let mut landed: BTreeMap<DatasetId, Vec<RecordBatch>> = BTreeMap::new();
    for dataset in site.registry.datasets() {
        if snapshot.relations().any(|name| *name == dataset.id) {
            landed.insert(dataset.id.clone(), snapshot.read(&dataset.id).await.map_err(|error| failed(&error))?);
        }
    }
    let previous = previous_identities(&snapshot).await?;
    let registry = site.registry.clone();
    let today = (now + TimeDelta::hours(8)).date_naive();
    let linked = tokio::task::spawn_blocking(move || {
        let input = LinkInput {
            registry: &registry,
            tables: &landed,
            previous: previous.as_ref(),
            today,
            now_us: now.timestamp_micros(),
        };
        linkage::link(&input, &mut |what| stage.say(what))
    })
    .await;
    match linked {
        Ok(Ok(linked)) => Ok(linked),
        Ok(Err(error)) => Err(Failure::caused_by("关联失败", "linking failed", &error)),
        Err(_) => Err(Failure::failed("关联中断", "linking was interrupted")),
    }
}

/// The published state with the changes made: what will be published, seen by this process alone.
fn to_be_linked(publication: &Publication, changed: Changed<'_>, now: DateTime<Utc>) -> Published {
    let mut state = publication.base().cloned().unwrap_or_else(|| Published {
        version: 0,
        published_at: now,
        tables: BTreeMap::new(),
        indexes: BTreeMap::new(),
        batches: BTreeMap::new(),
        notes: BTreeMap::new(),
    });
    match changed {
        Changed::Written(written) => {
            state.tables.extend(written.iter().map(|table| (table.relation.clone(), table.version)));
        }
        Changed::Without(dataset) => {
            state.tables.remove(dataset);
        }
    }
    state
}

async fn previous_identities(snapshot: &Snapshot) -> Result<Option<Identities>, Failure> {
    let relation = Identities::relation();
    if !snapshot.relations().any(|name| *name == relation.name) {
        return Ok(None);
    }
    let batches = snapshot.read(&relation.name).await.map_err(|error| failed(&error))?;
    Identities::from_batches(&batches)
        .map(Some)
        .map_err(|error| Failure::caused_by("关联结果无法读取", "the membership cannot be read", &error))
}

/// Columns that tell where a unified row came from when it was written. Each pull reads a batch of its own, from which most rows
/// come as they were.
const LINEAGE: [&str; 2] = ["source_batch", "evidence"];

/// How unified tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// What differs from the published version.
    Changes,
    /// All of it, under the newest keys.
    Whole,
}

/// Writes the unified tables and the membership.
pub(super) async fn write(
    site: &Site,
    publication: &Publication,
    linked: Linked,
    writing: Writing,
) -> Result<LinkReport, Failure> {
    for (name, batches) in &linked.tables {
        if let Some(relation) = site.registry.relation(name) {
            write_table(publication, &relation, batches, writing).await?;
        }
    }
    let membership = linked
        .identities
        .to_batch()
        .map_err(|error| Failure::caused_by("关联结果无法保存", "the membership cannot be kept", &error))?;
    write_table(publication, &Identities::relation(), &[membership], writing).await?;
    Ok(linked.report)
}

async fn write_table(
    publication: &Publication,
    relation: &Relation,
    batches: &[RecordBatch],
    writing: Writing,
) -> Result<(), Failure> {
    let written = match writing {
        Writing::Changes => Box::pin(publication.update(relation, batches, &LINEAGE)).await.map(|_| ()),
        Writing::Whole => Box::pin(publication.write(relation, batches)).await.map(|_| ()),
    };
    written.map_err(|error| failed(&error))
}
