//! What the store keeps of rejected rows.

use connectors::{Receipt, RejectedRow};
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use schemas::{Dataset, DatasetId};

use crate::Failure;
use crate::site::Site;

/// The declared dataset of that name.
pub(super) fn dataset_called<'s>(site: &'s Site, name: &str) -> Result<&'s Dataset, Failure> {
    DatasetId::try_from(name)
        .ok()
        .and_then(|id| site.registry.dataset(&id))
        .ok_or_else(|| Failure::usage(format!("没有声明数据集 {name}"), format!("dataset `{name}` is not declared")))
}

/// The receipt of the newest batch, published or not.
pub(crate) async fn latest_receipt(site: &Site, id: &DatasetId) -> Result<Option<Receipt>, Failure> {
    let object = ObjectPath::from(format!("receipts/{id}/latest.json"));
    let found = match site.lake.store().get(&object).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    let bytes = found.bytes().await.map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(&error))
}

/// The rejected rows of a batch.
pub(super) async fn rejected_rows(site: &Site, receipt: &Receipt) -> Result<Vec<RejectedRow>, Failure> {
    let folder = ObjectPath::from(format!("rejects/{}/{}", receipt.dataset, receipt.batch_id));
    let store = site.lake.store();
    let objects: Vec<_> = store.list(Some(&folder)).try_collect().await.map_err(|error| unreadable(&error))?;
    let mut rows = Vec::new();
    for object in objects {
        let found = store.get(&object.location).await.map_err(|error| unreadable(&error))?;
        let bytes = found.bytes().await.map_err(|error| unreadable(&error))?;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            rows.push(serde_json::from_slice(line).map_err(|error| unreadable(&error))?);
        }
    }
    Ok(rows)
}

/// A rejected row that cannot be read is told by its place, never by its text.
pub(super) fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::caused_by("隔离区无法读取", "the quarantine cannot be read", error)
}
