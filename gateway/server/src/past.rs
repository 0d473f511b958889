//! Earlier versions, for those whose role may look back.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use lake::LakeError;
use query::{KeptVersion, Past, PastError, PublishedData};

use crate::gateway::open_data;
use crate::site::Site;

/// Earlier versions kept open. Each holds some kilobytes for every table.
const OPEN_MAX: usize = 4;

/// The history of the site's lake.
pub(crate) struct LakePast {
    site: Arc<Site>,
    /// The newest at the end.
    open: Mutex<VecDeque<Arc<PublishedData>>>,
}

impl LakePast {
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self { site, open: Mutex::default() }
    }
}

impl fmt::Debug for LakePast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LakePast")
    }
}

#[async_trait]
impl Past for LakePast {
    async fn versions(&self) -> Result<Vec<KeptVersion>, PastError> {
        let all = self.site.lake.published_versions().await.map_err(|error| {
            tracing::error!(error = %error, "the history cannot be read");
            PastError::Failed
        })?;
        let replaced = all.iter().skip(1).map(|next| Some(next.published_at)).chain([None]);
        let kept = all.iter().zip(replaced).map(|(published, replaced_at)| KeptVersion {
            version: published.version,
            published_at: published.published_at,
            replaced_at,
        });
        Ok(kept.collect())
    }

    async fn open(&self, version: u64) -> Result<Arc<PublishedData>, PastError> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = open().iter().find(|data| data.version == version) {
            return Ok(Arc::clone(found));
        }
        let published = self.site.lake.published_at_version(version).await;
        let published = published.map_err(|error| match error {
            LakeError::NoSuchVersion { .. } => PastError::NoSuchVersion,
            error => {
                tracing::error!(error = %error, "an earlier version cannot be read");
                PastError::Failed
            }
        })?;
        let data = open_data(&self.site.lake, &self.site.registry, &published).await.map_err(|failure| {
            tracing::error!(error = %failure, "an earlier version cannot be opened");
            PastError::Failed
        })?;
        let data = Arc::new(PublishedData { is_past: true, ..data });
        let mut open = open();
        open.push_back(Arc::clone(&data));
        if open.len() > OPEN_MAX {
            open.pop_front();
        }
        Ok(data)
    }
}
