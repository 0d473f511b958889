//! The keys a change speaks for: whatever older rows of these keys say does not count any more.
//!
//! They are kept as sorted hashes under the table's key, all in memory while the index is open: 16 bytes each.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schemas::Relation;

use super::identifiers::{Hash, Hasher};
use super::object;
use crate::LakeError;
use crate::key::DerivedKey;

/// Extension of the object.
pub(super) const COVERED: &str = "covered";

/// The keys of one change.
#[derive(Debug, Default)]
pub(super) struct Covered(Vec<Hash>);

impl Covered {
    pub(super) async fn read(store: &dyn ObjectStore, path: &Path, n_keys: u64) -> Result<Self, LakeError> {
        let bytes = store.get(path).await.map_err(LakeError::store(path))?;
        let bytes = bytes.bytes().await.map_err(LakeError::store(path))?;
        let (hashes, rest) = bytes.as_chunks();
        let is_whole = rest.is_empty() && hashes.len() as u64 == n_keys && hashes.is_sorted();
        if is_whole { Ok(Self(hashes.to_vec())) } else { Err(LakeError::BrokenIndex { object: path.to_string() }) }
    }

    pub(super) fn contains(&self, key: &Hash) -> bool {
        self.0.binary_search(key).is_ok()
    }
}

/// Writes the keys of a change beside its records, and says how many they are.
pub(crate) async fn write_covered(
    store: &dyn ObjectStore,
    index_key: &DerivedKey,
    relation: &Relation,
    name: &str,
    keys: &[String],
) -> Result<u64, LakeError> {
    let hasher = Hasher::new(index_key, &relation.name);
    let mut hashes: Vec<Hash> = keys.iter().map(|key| hasher.hash(&relation.key, key)).collect();
    hashes.sort_unstable();
    let path = object(&relation.name, name, COVERED);
    store.put(&path, hashes.concat().into()).await.map_err(LakeError::store(&path))?;
    Ok(hashes.len() as u64)
}
