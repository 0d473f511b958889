//! What is kept of the past, and how the rest goes.
//!
//! A publication that is no longer kept loses its entry in the history first, so that nobody opens it any more, and then every
//! file that no kept publication reads. Files nobody has published (of a pull that was killed, or lost a race) go with them
//! once they are old enough that no pull can still be writing them. Whatever is interrupted is finished by the next run.
//! Entries of the Delta logs stay: they name files and keys of records, which are random, and no other value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use schemas::RelationName;
use sha2::{Digest, Sha256};

use crate::delta::Tables;
use crate::{Lake, LakeError, Published, published, records};

/// Younger files may belong to a publication that is still being written.
const WRITING_MAX: TimeDelta = TimeDelta::hours(24);
/// Objects deleted at once.
const DELETED_AT_ONCE: usize = 64;

/// Which publications are kept besides the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Those replaced more recently than this: whoever reads one, or wants yesterday's, still can.
    pub replaced_after: DateTime<Utc>,
    /// At least so many of the newest, the current one included; zero counts as one.
    pub versions: usize,
}

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Purge {
    /// Publications that cannot be opened any more, with the time at which they were published.
    pub versions: BTreeMap<u64, DateTime<Utc>>,
    /// The oldest publication that can be.
    pub oldest_kept: Option<u64>,
    /// Files removed, by table.
    pub files: BTreeMap<RelationName, u64>,
    /// Plain bytes of them.
    pub bytes: u64,
    /// SHA-256 over the names of the removed files, sorted, each with a line feed; hexadecimal.
    pub names_sha256: String,
}

impl Lake {
    /// Removes what `retention` does not keep; with `is_rehearsal`, only says what that would be. Readers of what is kept are
    /// not disturbed, and a publication may be written meanwhile.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Table`], [`LakeError::Malformed`]. What was removed before stays removed; run it again.
    pub async fn purge(&self, retention: Retention, is_rehearsal: bool) -> Result<Purge, LakeError> {
        let Some(current) = self.published().await? else { return Ok(Purge::default()) };
        let history = published::history_up_to(self.store().as_ref(), &current).await?;
        let (kept, expired) = divide(history, retention);
        let read = self.files_of(&kept).await?;
        let unread = self.unread_files(&read, Utc::now() - WRITING_MAX).await?;
        let purge = describe(&kept, &expired, &unread);
        if !is_rehearsal {
            published::forget(self.store().as_ref(), expired.iter().map(|old| old.version)).await?;
            self.delete(unread.into_iter().map(|(_, file)| file.location).collect()).await?;
            tracing::info!(versions = purge.versions.len(), bytes = purge.bytes, "purged");
        }
        Ok(purge)
    }

    /// Every file that one of these publications reads.
    async fn files_of(&self, kept: &[Published]) -> Result<BTreeSet<Path>, LakeError> {
        let pinned: BTreeSet<(&RelationName, u64)> =
            kept.iter().flat_map(|published| published.tables.iter().map(|(name, version)| (name, *version))).collect();
        let mut files = BTreeSet::new();
        for (relation, version) in pinned {
            let table = self.tables().at_version(relation, version).await?;
            files.extend(table.files.iter().map(|file| file.path.clone()));
        }
        let indexes = kept.iter().flat_map(|published| &published.indexes);
        files.extend(indexes.flat_map(|(relation, index)| index.objects(relation)));
        Ok(files)
    }

    /// Files of tables and indexes that are not among `read` and older than `before`.
    async fn unread_files(
        &self,
        read: &BTreeSet<Path>,
        before: DateTime<Utc>,
    ) -> Result<Vec<(RelationName, ObjectMeta)>, LakeError> {
        let mut listed: Vec<ObjectMeta> = Vec::new();
        for folder in [Tables::all_folders(), records::all_folders()] {
            let in_folder = self.store().list(Some(&folder));
            listed.extend(in_folder.try_collect::<Vec<_>>().await.map_err(LakeError::store(&folder))?);
        }
        let relation_of = |file: &Path| Tables::relation_of(file).or_else(|| records::relation_of(file));
        let of_tables = listed.into_iter().filter_map(|file| Some((relation_of(&file.location)?, file)));
        Ok(of_tables.filter(|(_, file)| !read.contains(&file.location) && file.last_modified < before).collect())
    }

    async fn delete(&self, files: Vec<Path>) -> Result<(), LakeError> {
        let store = self.store();
        let mut deletions = stream::iter(files)
            .map(|file| {
                let store = Arc::clone(&store);
                async move {
                    match object_store::ObjectStoreExt::delete(store.as_ref(), &file).await {
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                        Err(error) => Err(LakeError::store(&file)(error)),
                    }
                }
            })
            .buffer_unordered(DELETED_AT_ONCE);
        while let Some(deleted) = deletions.next().await {
            deleted?;
        }
        Ok(())
    }
}

/// The publications that are kept, and the others; both oldest first. The last of `history` is the current one.
fn divide(history: Vec<Published>, retention: Retention) -> (Vec<Published>, Vec<Published>) {
    let n_all = history.len();
    let replaced_at: Vec<Option<DateTime<Utc>>> =
        history.iter().skip(1).map(|next| Some(next.published_at)).chain([None]).collect();
    let mut divided = (Vec::new(), Vec::new());
    for (idx, (published, replaced_at)) in history.into_iter().zip(replaced_at).enumerate() {
        let is_young = replaced_at.is_none_or(|at| at > retention.replaced_after);
        let is_newest = n_all - idx <= retention.versions.max(1);
        if is_young || is_newest { divided.0.push(published) } else { divided.1.push(published) }
    }
    divided
}

fn describe(kept: &[Published], expired: &[Published], unread: &[(RelationName, ObjectMeta)]) -> Purge {
    let mut purge = Purge {
        versions: expired.iter().map(|old| (old.version, old.published_at)).collect(),
        oldest_kept: kept.first().map(|published| published.version),
        ..Purge::default()
    };
    let mut names: Vec<&str> = unread.iter().map(|(_, file)| file.location.as_ref()).collect();
    names.sort_unstable();
    let mut digest = Sha256::new();
    for name in names {
        digest.update(name.as_bytes());
        digest.update(b"\n");
    }
    purge.names_sha256 = hex::encode(digest.finalize());
    for (relation, file) in unread {
        *purge.files.entry(relation.clone()).or_default() += 1;
        purge.bytes += file.size;
    }
    purge
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published_at(version: u64, hour: i64) -> Published {
        Published {
            version,
            published_at: DateTime::UNIX_EPOCH + TimeDelta::hours(hour),
            tables: BTreeMap::new(),
            indexes: BTreeMap::new(),
            batches: BTreeMap::new(),
            notes: BTreeMap::new(),
        }
    }

    #[test]
    fn what_counts_is_when_a_publication_was_replaced() {
        // Published at hours 0, 10, 20, 30: replaced at 10, 20, 30 and not yet.
        let history = || (1..=4).map(|n| published_at(n, (n as i64 - 1) * 10)).collect::<Vec<_>>();
        let kept = |hour: i64, versions: usize| {
            let replaced_after = DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
            let (kept, expired) = divide(history(), Retention { replaced_after, versions });
            assert_eq!(kept.len() + expired.len(), 4);
            kept.iter().map(|published| published.version).collect::<Vec<_>>()
        };
        assert_eq!(kept(5, 0), [1, 2, 3, 4]);
        assert_eq!(kept(10, 0), [2, 3, 4], "the first was replaced by then");
        assert_eq!(kept(25, 0), [3, 4], "the third was in force at 25");
        assert_eq!(kept(1_000, 0), [4], "the current one is always kept");
        assert_eq!(kept(1_000, 3), [2, 3, 4]);
    }
}
