//! What is kept beside the tables, sealed like them: the files as they came, rejected rows whole, receipts.

use std::io::Read;
use std::sync::Arc;

use connectors::{Receipt, RejectedRow};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use schemas::DatasetId;

use super::{ClaimedFile, Landing};
use crate::Failure;
use crate::quarantine::latest_receipt;

/// Bytes of a raw file held in memory while it is sealed.
const RAW_PART_BYTES: u64 = 8 << 20;
/// Bytes of rejected rows in one sealed object.
const REJECT_OBJECT_BYTES: usize = 4 << 20;

impl Landing<'_> {
    /// The file as it came: the raw value of every cell can be looked up again.
    pub(super) async fn keep_raw(&self, claimed: &ClaimedFile<'_>, object: &str) -> Result<(), Failure> {
        let mut reader = self.open(claimed).await?;
        let failed =
            |error: object_store::Error| Failure::caused_by("原始文件无法保存", "a raw file cannot be kept", &error);
        let mut upload = self.site.lake.store().put_multipart(&ObjectPath::from(object)).await.map_err(failed)?;
        loop {
            let reading = tokio::task::spawn_blocking(move || {
                let mut part = Vec::new();
                let read = reader.by_ref().take(RAW_PART_BYTES).read_to_end(&mut part);
                (reader, read.map(|_| part))
            });
            let Ok((back, part)) = reading.await else { return Err(self.interrupted(claimed)) };
            reader = back;
            let part = part.map_err(|error| self.unreadable(claimed, &error.to_string(), &error.to_string()))?;
            if part.is_empty() {
                break;
            }
            upload.put_part(part.into()).await.map_err(failed)?;
        }
        upload.complete().await.map(|_| ()).map_err(failed)
    }

    /// The receipt of this batch, and a copy under the name of the newest.
    pub(super) async fn keep_receipt(&self, receipt: &Receipt) -> Result<(), Failure> {
        let text = serde_json::to_vec(receipt)
            .map_err(|error| Failure::caused_by("回执无法保存", "the receipt cannot be kept", &error))?;
        let store = self.site.lake.store();
        for name in [receipt.batch_id.as_str(), "latest"] {
            put(&store, &format!("receipts/{}/{name}.json", receipt.dataset), text.clone()).await?;
        }
        Ok(())
    }
}

impl Landing<'_> {
    /// Makes the receipt of the published batch the newest again, where a pull that published nothing came after it.
    pub(super) async fn make_newest(&self, batch: &str) -> Result<(), Failure> {
        let id = &self.dataset.id;
        let newest = latest_receipt(self.site, id).await?;
        if newest.is_some_and(|newest| newest.batch_id == batch) {
            return Ok(());
        }
        let object = ObjectPath::from(format!("receipts/{id}/{batch}.json"));
        let store = self.site.lake.store();
        let failed =
            |error: object_store::Error| Failure::caused_by("回执无法读取", "the receipt cannot be read", &error);
        let text = store.get(&object).await.map_err(failed)?.bytes().await.map_err(failed)?;
        put(&store, &format!("receipts/{id}/latest.json"), text.to_vec()).await
    }
}

/// Collects rejected rows into objects of bounded size.
pub(super) struct RejectKeeper {
    store: Arc<dyn ObjectStore>,
    folder: String,
    text: Vec<u8>,
    n_objects: usize,
}

impl RejectKeeper {
    pub(super) fn new(store: Arc<dyn ObjectStore>, dataset: &DatasetId, batch: &str) -> Self {
        Self { store, folder: format!("rejects/{dataset}/{batch}"), text: Vec::new(), n_objects: 0 }
    }

    pub(super) async fn keep(&mut self, row: &RejectedRow) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.text, row)
            .map_err(|error| Failure::caused_by("隔离行无法保存", "a rejected row cannot be kept", &error))?;
        self.text.push(b'\n');
        if self.text.len() >= REJECT_OBJECT_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Writes what is collected.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        if self.text.is_empty() {
            return Ok(());
        }
        let object = format!("{}/{:05}.ndjson", self.folder, self.n_objects);
        self.n_objects += 1;
        put(&self.store, &object, std::mem::take(&mut self.text)).await
    }
}

async fn put(store: &Arc<dyn ObjectStore>, object: &str, bytes: Vec<u8>) -> Result<(), Failure> {
    let written = store.put(&ObjectPath::from(object), bytes.into()).await;
    written.map(|_| ()).map_err(|error| Failure::caused_by("写入失败", "an object cannot be written", &error))
}
