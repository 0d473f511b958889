//! Leaves a server alone that does not answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row after which a server is left alone.
const FAILURES_MAX: u32 = 3;
/// For how long.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts failures in a row. After [`FAILURES_MAX`] nobody is let through for [`PAUSE`]; then one is, and what becomes of it
/// decides.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    n_failures: u32,
    closed_until: Option<Instant>,
}

impl Breaker {
    /// Whether somebody may try now. Who is let through after a pause is alone for another.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match state.closed_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    /// The server answered.
    pub(crate) fn succeeded(&self) {
        *self.lock() = State::default();
    }

    /// It did not.
    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.lock();
        state.n_failures += 1;
        if state.n_failures >= FAILURES_MAX {
            state.closed_until = Some(now + PAUSE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_close_it_and_one_is_let_through_after_a_pause() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        breaker.failed(start);
        breaker.failed(start);
        breaker.succeeded();
        breaker.failed(start);
        breaker.failed(start);
        assert!(breaker.admits(start), "two in a row");
        breaker.failed(start);
        assert!(!breaker.admits(start + PAUSE / 2));
        assert!(breaker.admits(start + PAUSE), "one may try");
        assert!(!breaker.admits(start + PAUSE), "and nobody beside it");
        breaker.failed(start + PAUSE);
        assert!(!breaker.admits(start + PAUSE + PAUSE / 2));
        assert!(breaker.admits(start + 2 * PAUSE));
        breaker.succeeded();
        assert!(breaker.admits(start + 2 * PAUSE) && breaker.admits(start + 2 * PAUSE));
    }
}
