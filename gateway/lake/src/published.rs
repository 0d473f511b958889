//! The one object that says what is published.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use schemas::{DatasetId, RelationName};

use crate::{LakeError, PublishedIndex};

/// One consistent state of all tables. Readers open exactly these versions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Counts publications, from 1.
    pub version: u64,
    /// When it was committed.
    pub published_at: DateTime<Utc>,
    /// The Delta version of each table.
    pub tables: BTreeMap<RelationName, u64>,
    /// The key index of each table that has one. Older publications have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: BTreeMap<RelationName, PublishedIndex>,
    /// The last batch taken in from each dataset.
    pub batches: BTreeMap<DatasetId, String>,
    /// Whatever the publisher wants to keep beside it, such as a policy or code-list version. No personal values.
    pub notes: BTreeMap<String, String>,
}

impl Published {
    /// The key index that finds the rows of a table as it is published.
    pub(crate) fn index(&self, relation: &RelationName) -> Option<&PublishedIndex> {
        let version = self.tables.get(relation);
        self.indexes.get(relation).filter(|index| version == Some(&index.table_version))
    }
}

/// A [`Published`] as read, with what is needed to replace it and nothing newer.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub(crate) published: Published,
    pub(crate) as_read: UpdateVersion,
}

fn pointer() -> Path {
    Path::from("published.json")
}

fn history(version: u64) -> Path {
    Path::from(format!("history/{version:010}.json"))
}

/// What is published now; nothing before the first publication. One read, and one look for an entry of the history that only
/// a newer pointer leaves: a pointer that was put back to an older one, or taken away, is found.
pub(crate) async fn current(store: &dyn ObjectStore) -> Result<Option<Pinned>, LakeError> {
    let mut before = None;
    loop {
        let Some(pinned) = read(store, &pointer()).await? else {
            let folder = Path::from("history");
            let left = store.list(Some(&folder)).try_next().await.map_err(LakeError::store(&folder))?;
            return if left.is_some() { Err(LakeError::RolledBack { found: None }) } else { Ok(None) };
        };
        let version = pinned.published.version;
        match store.head(&history(version.saturating_add(1))).await {
            Err(Error::NotFound { .. }) => return Ok(Some(pinned)),
            Err(source) => return Err(LakeError::store(&history(version.saturating_add(1)))(source)),
            // Published between the two looks, or the pointer is not the newest one.
            Ok(_) if before == Some(version) => return Err(LakeError::RolledBack { found: Some(version) }),
            Ok(_) => before = Some(version),
        }
    }
}

/// What was published as `version`.
pub(crate) async fn at_version(store: &dyn ObjectStore, version: u64) -> Result<Published, LakeError> {
    if let Some(pinned) = current(store).await?
        && pinned.published.version == version
    {
        return Ok(pinned.published);
    }
    let found = read(store, &history(version)).await?.ok_or(LakeError::NoSuchVersion { version })?;
    Ok(found.published)
}

/// Every publication that can still be opened, oldest first, `current` last.
pub(crate) async fn history_up_to(store: &dyn ObjectStore, current: &Published) -> Result<Vec<Published>, LakeError> {
    let folder = Path::from("history");
    let listed: Vec<_> = store.list(Some(&folder)).try_collect().await.map_err(LakeError::store(&folder))?;
    let mut all = Vec::with_capacity(listed.len());
    for object in listed {
        // An entry that has gone meanwhile is another purge's.
        let Some(found) = read(store, &object.location).await? else { continue };
        if found.published.version < current.version {
            all.push(found.published);
        }
    }
    all.sort_by_key(|published| published.version);
    all.push(current.clone());
    Ok(all)
}

/// Takes these versions out of the history.
pub(crate) async fn forget(store: &dyn ObjectStore, versions: impl Iterator<Item = u64>) -> Result<(), LakeError> {
    for version in versions {
        let path = history(version);
        match store.delete(&path).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(source) => return Err(LakeError::store(&path)(source)),
        }
    }
    Ok(())
}

/// Makes `next` what is published, if `base` still is.
///
/// The history gets only what has been published: `base` before it is replaced, `next` after it is in place. A losing
/// publisher or a crash can therefore leave a gap for the current version, which [`at_version`] does not need, but never
/// a version that nobody could have seen.
pub(crate) async fn replace(store: &dyn ObjectStore, base: Option<&Pinned>, next: &Published) -> Result<(), LakeError> {
    if let Some(base) = base {
        keep(store, &base.published).await?;
    }
    let mode = match base {
        None => PutMode::Create,
        Some(base) => PutMode::Update(base.as_read.clone()),
    };
    match store.put_opts(&pointer(), encode(&pointer(), next)?.into(), mode.into()).await {
        Ok(_) => {}
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => return Err(LakeError::Conflict),
        Err(source) => return Err(LakeError::store(&pointer())(source)),
    }
    if let Err(error) = keep(store, next).await {
        // It is published; the next publication writes this entry again.
        tracing::warn!(version = next.version, error = %error, "history entry not written");
    }
    Ok(())
}

async fn keep(store: &dyn ObjectStore, published: &Published) -> Result<(), LakeError> {
    let path = history(published.version);
    match store.put_opts(&path, encode(&path, published)?.into(), PutMode::Create.into()).await {
        Ok(_) | Err(Error::AlreadyExists { .. }) => Ok(()),
        Err(source) => Err(LakeError::store(&path)(source)),
    }
}

async fn read(store: &dyn ObjectStore, path: &Path) -> Result<Option<Pinned>, LakeError> {
    let found = match store.get(path).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        found => found.map_err(LakeError::store(path))?,
    };
    let as_read = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
    let bytes = found.bytes().await.map_err(LakeError::store(path))?;
    let published =
        serde_json::from_slice(&bytes).map_err(|source| LakeError::Malformed { object: path.to_string(), source })?;
    Ok(Some(Pinned { published, as_read }))
}

fn encode(path: &Path, published: &Published) -> Result<Vec<u8>, LakeError> {
    serde_json::to_vec(published).map_err(|source| LakeError::Malformed { object: path.to_string(), source })
}
