//! Remembers the ciphers of objects read lately, so that a range read needs no second request for the header.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::ObjectMeta;
use object_store::path::Path;

use crate::seal::ObjectCipher;

/// Objects per generation. An entry takes about 1 KiB, and two generations are kept: 8 MiB at most.
const GENERATION_ENTRIES: usize = 4096;

/// An object whose header has been read.
#[derive(Debug)]
pub(super) struct Opened {
    /// As the store below reported it, with the sealed size.
    pub(super) meta: ObjectMeta,
    pub(super) plain_len: u64,
    pub(super) cipher: ObjectCipher,
}

impl Opened {
    /// Whether `now` still is the object whose header this is.
    pub(super) fn is(&self, now: &ObjectMeta) -> bool {
        let then = &self.meta;
        (then.size, &then.e_tag, &then.version, then.last_modified)
            == (now.size, &now.e_tag, &now.version, now.last_modified)
    }
}

/// Least recently used entries go first, in whole generations.
#[derive(Debug, Default)]
pub(super) struct HeaderCache {
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Path, Arc<Opened>>,
    old: HashMap<Path, Arc<Opened>>,
}

impl HeaderCache {
    pub(super) fn find(&self, location: &Path) -> Option<Arc<Opened>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.young.get(location) {
            return Some(Arc::clone(found));
        }
        let (path, found) = generations.old.remove_entry(location)?;
        generations.keep(path, Arc::clone(&found));
        Some(found)
    }

    pub(super) fn keep(&self, location: &Path, opened: Arc<Opened>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.keep(location.clone(), opened);
    }

    pub(super) fn clear(&self) {
        *self.generations.lock().unwrap_or_else(PoisonError::into_inner) = Generations::default();
    }

    pub(super) fn forget(&self, location: &Path) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.remove(location);
        generations.old.remove(location);
    }
}

impl Generations {
    fn keep(&mut self, location: Path, opened: Arc<Opened>) {
        if self.young.len() >= GENERATION_ENTRIES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(location, opened);
    }
}
