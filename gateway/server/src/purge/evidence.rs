//! What is kept beside the tables, by batch: the files as they came and the rows that were rejected. It is as personal as the
//! tables and goes with the last version that was made of its batch.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use lake::LakeError;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use schemas::DatasetId;

use crate::Failure;
use crate::quarantine::latest_receipt;
use crate::site::Site;

/// Objects of batches that no kept version was made of, unless they are younger than `before`: those may belong to a pull that is
/// under way. The newest batch of a dataset stays whether it was published or not: somebody has to look at what was wrong
/// with it.
pub(super) struct Evidence {
    objects: Vec<ObjectPath>,
    /// How many, by dataset.
    pub(super) by_dataset: BTreeMap<String, u64>,
    pub(super) bytes: u64,
}

impl Evidence {
    /// Looks for them. To be asked once the versions that are no longer kept have gone, or with those that `are_going`.
    pub(super) async fn unkept(site: &Site, are_going: &BTreeSet<u64>, before: DateTime<Utc>) -> Result<Self, Failure> {
        let kept = kept_batches(site, are_going).await?;
        let mut found = Self { objects: Vec::new(), by_dataset: BTreeMap::new(), bytes: 0 };
        for folder in ["raw", "rejects"] {
            let prefix = ObjectPath::from(folder);
            let listed: Result<Vec<ObjectMeta>, _> = site.lake.store().list(Some(&prefix)).try_collect().await;
            for object in listed.map_err(|error| unusable(&error))? {
                let parts: Vec<_> = object.location.parts().collect();
                let [_, dataset, batch, ..] = parts.as_slice() else { continue };
                let named = (dataset.as_ref().to_owned(), batch.as_ref().to_owned());
                if object.last_modified < before && !kept.contains(&named) {
                    *found.by_dataset.entry(named.0).or_default() += 1;
                    found.bytes += object.size;
                    found.objects.push(object.location);
                }
            }
        }
        Ok(found)
    }

    /// Removes them.
    pub(super) async fn remove(&self, site: &Site) -> Result<(), Failure> {
        let store = site.lake.store();
        for object in &self.objects {
            match store.delete(object).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(unusable(&error)),
            }
        }
        Ok(())
    }
}

/// Dataset and batch.
async fn kept_batches(site: &Site, are_going: &BTreeSet<u64>) -> Result<BTreeSet<(String, String)>, Failure> {
    let unreadable = |error: LakeError| Failure::caused_by("无法读取历史", "the history cannot be read", &error);
    let mut kept = BTreeSet::new();
    for published in site.lake.published_versions().await.map_err(unreadable)? {
        if !are_going.contains(&published.version) {
            kept.extend(published.batches.iter().map(|(dataset, batch)| (dataset.to_string(), batch.clone())));
        }
    }
    let datasets: Vec<DatasetId> = site.registry.datasets().map(|dataset| dataset.id.clone()).collect();
    for id in datasets {
        kept.extend(latest_receipt(site, &id).await?.map(|receipt| (id.to_string(), receipt.batch_id)));
    }
    Ok(kept)
}

fn unusable(error: &object_store::Error) -> Failure {
    Failure::caused_by("无法清除原始文件", "raw files and rejected rows cannot be purged", error)
}
