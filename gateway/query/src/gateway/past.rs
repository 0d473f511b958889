//! Earlier versions at the gateway.

use std::sync::Arc;

use chrono::Utc;
use policies::{PolicySet, Principal};

use super::{Gateway, QueryRequest};
use crate::past::{self, KeptVersion, Past};
use crate::{PublishedData, QueryError};

impl Gateway {
    /// Opens earlier versions to those who may ask for them. The first one given stays.
    pub fn keep_past(&self, past: Arc<dyn Past>) {
        let _is_first = self.past.set(past);
    }

    /// The versions that the principal may read, the oldest first, the current one last.
    ///
    /// # Errors
    /// [`QueryError::AccessWithdrawn`]; [`QueryError::Internal`] if they cannot be told.
    pub async fn versions(&self, principal: &Principal) -> Result<Vec<KeptVersion>, QueryError> {
        let access = Arc::clone(&self.access.borrow());
        access.admit(principal, None)?;
        let Some(past) = self.past.get() else { return Ok(Vec::new()) };
        Ok(past::open_to(&access.policies, principal, past.versions().await?, Utc::now()))
    }

    /// The version that is to answer.
    pub(super) async fn data_asked(
        &self,
        request: &QueryRequest,
        policies: &PolicySet,
        current: &Arc<PublishedData>,
    ) -> Result<Arc<PublishedData>, QueryError> {
        let Some(as_of) = request.as_of else { return Ok(Arc::clone(current)) };
        let past = self.past.get().ok_or(QueryError::NoSuchVersion)?;
        let meant = past::find(policies, &request.principal, past.versions().await?, as_of, Utc::now())?;
        if meant.version == current.version {
            return Ok(Arc::clone(current));
        }
        let data = past.open(meant.version).await?;
        // Unmarked, it would be open to counts as the current version is.
        if data.is_past { Ok(data) } else { Err(QueryError::internal("an earlier version not marked as one")) }
    }
}
