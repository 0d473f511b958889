//! The one clock that token times, cache times and refresh limits are measured with.

use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

/// Says what time it is. A trait, so that a test can let an hour pass without waiting for it.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        // A machine clock before 1970 reads as 0: every token is then "not yet valid", which is the closed side.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
