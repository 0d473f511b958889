//! The keys in force, and when they are read again.
//!
//! Readers take the current set without waiting. One task at a time reads the source; a source that cannot be read
//! leaves the last good set in force.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::jwks_client::{JwksClient, KEY_SET_BYTES_MAX};
use crate::key_set::KeySet;
use crate::{AuthError, Clock, ConfigError, KeySource};

/// How often a key file's time and size are looked at.
const FILE_CHECK_MS: u64 = 1_000;
/// Shortest time between two fetches once keys are there, whatever unknown `kid`s arrive.
const REFETCH_MS: u64 = 30_000;
/// Shortest time between two fetches while there are no keys at all.
const FIRST_FETCH_MS: u64 = 2_000;
/// Age at which fetched keys are fetched again, so that a withdrawn key goes.
const FETCHED_FRESH_MS: u64 = 10 * 60_000;
/// Age at which fetched keys are no longer used. A day: longer than a key service is down, shorter than a leaked key should live.
const FETCHED_USABLE_MS: u64 = 24 * 3_600_000;

/// A key set, and which reading of the source it is. Two sets never share a generation.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) keys: KeySet,
    pub(crate) generation: u64,
    loaded_ms: u64,
    bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct KeyStore {
    source: Source,
    clock: Arc<dyn Clock>,
    current: RwLock<Option<Arc<Loaded>>>,
    /// When the source was last looked at, whatever came of it.
    last_look_ms: AtomicU64,
    /// Held while the source is read. The value is the generation to give next, and the file's stamp at the last reading.
    reading: Mutex<Reading>,
}

#[derive(Debug)]
enum Source {
    Fixed,
    File(PathBuf),
    Url(JwksClient),
}

#[derive(Debug)]
struct Reading {
    next_generation: u64,
    stamp: Option<Stamp>,
}

/// What shows that a file has changed.
type Stamp = (Option<SystemTime>, u64);

impl KeyStore {
    /// Opens the source. A file must be readable now; an address is first read when the first token comes, so that the
    /// gateway can start before the identity service.
    pub(crate) fn open(source: KeySource, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let now_ms = clock.now_ms();
        let (source, first, stamp) = match source {
            KeySource::Inline(json) => (Source::Fixed, Some(json.into_bytes()), None),
            KeySource::Url(address) => (Source::Url(JwksClient::new(address)?), None, None),
            KeySource::File(path) => {
                let (bytes, stamp) = read_file(&path).map_err(|source| ConfigError::KeyFile { source })?;
                (Source::File(path), Some(bytes), Some(stamp))
            }
        };
        let current = match first {
            Some(bytes) => {
                Some(Arc::new(Loaded { keys: KeySet::parse(&bytes)?, generation: 1, loaded_ms: now_ms, bytes }))
            }
            None => None,
        };
        Ok(Self {
            source,
            clock,
            // Never looked at yet: an address may be read at once.
            last_look_ms: AtomicU64::new(if current.is_some() { now_ms } else { 0 }),
            current: RwLock::new(current),
            reading: Mutex::new(Reading { next_generation: 2, stamp }),
        })
    }

    /// The keys in force.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] if there have never been any, or fetched ones are older than a day.
    pub(crate) fn current(&self) -> Result<Arc<Loaded>, AuthError> {
        let loaded = self.peek().ok_or(AuthError::KeysUnavailable)?;
        let age_ms = self.clock.now_ms().saturating_sub(loaded.loaded_ms);
        if matches!(self.source, Source::Url(_)) && age_ms > FETCHED_USABLE_MS {
            return Err(AuthError::KeysUnavailable);
        }
        Ok(loaded)
    }

    /// Looks at the source if it is time to. Cheap when it is not.
    pub(crate) async fn freshen(&self) {
        let have = self.peek();
        let (interval_ms, due) = match (&self.source, &have) {
            (Source::Fixed, _) => return,
            (Source::File(_), _) => (FILE_CHECK_MS, true),
            (Source::Url(_), None) => (FIRST_FETCH_MS, true),
            (Source::Url(_), Some(loaded)) => {
                (REFETCH_MS, self.clock.now_ms().saturating_sub(loaded.loaded_ms) > FETCHED_FRESH_MS)
            }
        };
        // Without keys everybody waits for the fetch that is under way; with keys nobody does.
        if due && (have.is_none() || self.is_time(interval_ms)) {
            self.look(have.map(|loaded| loaded.generation), interval_ms).await;
        }
    }

    /// Looks for a key that is not in the set of `generation`: a file always, an address at most once in 30 s.
    pub(crate) async fn look_for_new_keys(&self, generation: u64) {
        let interval_ms = match self.source {
            Source::Fixed => return,
            Source::File(_) => 0,
            Source::Url(_) => REFETCH_MS,
        };
        self.look(Some(generation), interval_ms).await;
    }

    fn peek(&self) -> Option<Arc<Loaded>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_time(&self, interval_ms: u64) -> bool {
        let (now_ms, last_ms) = (self.clock.now_ms(), self.last_look_ms.load(Ordering::Acquire));
        // A clock that has gone back counts as "time to look": otherwise it would stop all refreshing.
        now_ms < last_ms || now_ms - last_ms >= interval_ms
    }

    /// Reads the source, unless somebody else has done so while this task waited for its turn.
    async fn look(&self, seen_generation: Option<u64>, interval_ms: u64) {
        let mut reading = self.reading.lock().await;
        let newer_is_there = self.peek().map(|loaded| loaded.generation) != seen_generation;
        if newer_is_there || !self.is_time(interval_ms) {
            return;
        }
        self.last_look_ms.store(self.clock.now_ms(), Ordering::Release);
        match &self.source {
            Source::Fixed => {}
            Source::File(path) => self.look_at_file(path, &mut reading),
            Source::Url(client) => match client.fetch().await {
                Ok(bytes) => self.take(bytes, &mut reading),
                Err(error) => {
                    warn!(error = %error, "verification keys could not be fetched, the last good ones stay in force")
                }
            },
        }
    }

    /// Blocking on purpose: one `stat` a second, and a read of a small local file when it has changed.
    fn look_at_file(&self, path: &PathBuf, reading: &mut Reading) {
        let seen = match std::fs::metadata(path) {
            Ok(metadata) => (metadata.modified().ok(), metadata.len()),
            Err(error) => {
                warn!(kind = ?error.kind(), "key file is gone, the last good keys stay in force");
                return;
            }
        };
        if reading.stamp == Some(seen) {
            return;
        }
        match read_file(path) {
            Ok((bytes, stamp)) => {
                reading.stamp = Some(stamp);
                self.take(bytes, reading);
            }
            Err(error) => warn!(kind = ?error.kind(), "key file could not be read, the last good keys stay in force"),
        }
    }

    fn take(&self, bytes: Vec<u8>, reading: &mut Reading) {
        let keys = match KeySet::parse(&bytes) {
            Ok(keys) => keys,
            Err(error) => {
                warn!(error = %error, "new verification keys are not usable, the last good ones stay in force");
                return;
            }
        };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // The same bytes keep their generation, so that a routine fetch does not empty the cache of verified tokens.
        let generation = match &*current {
            Some(loaded) if loaded.bytes == bytes => loaded.generation,
            Some(_) | None => {
                let generation = reading.next_generation;
                reading.next_generation += 1;
                info!(generation, "verification keys taken into use");
                generation
            }
        };
        *current = Some(Arc::new(Loaded { keys, generation, loaded_ms: self.clock.now_ms(), bytes }));
    }
}

fn read_file(path: &PathBuf) -> std::io::Result<(Vec<u8>, Stamp)> {
    let metadata = std::fs::metadata(path)?;
    if metadata.len() > KEY_SET_BYTES_MAX as u64 {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "key set is larger than the limit"));
    }
    Ok((std::fs::read(path)?, (metadata.modified().ok(), metadata.len())))
}
