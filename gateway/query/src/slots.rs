//! Places for queries: so many in all, so many for one subject, so that one subject's load is that subject's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Limits, QueryError};

/// All places of a gateway.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    of_subject: Arc<Mutex<HashMap<String, Waiting>>>,
}

/// The places of one subject and how many queries hold or await one.
#[derive(Debug)]
struct Waiting {
    places: Arc<Semaphore>,
    n_queries: usize,
}

/// Held by a query from planning to its last row.
#[derive(Debug)]
pub(crate) struct Slot {
    _of_all: OwnedSemaphorePermit,
    _of_subject: OwnedSemaphorePermit,
    _entry: Entry,
}

/// Counts a query for its subject; the last one to go takes the subject's places with it.
#[derive(Debug)]
struct Entry {
    of_subject: Arc<Mutex<HashMap<String, Waiting>>>,
    subject: String,
}

impl Slots {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { all: Arc::new(Semaphore::new(limits.max_concurrent_queries.max(1))), of_subject: Arc::default() }
    }

    /// Waits for a place. A subject's own places come first, so that a subject that has used them up waits for itself and
    /// holds no place that others could have.
    ///
    /// # Errors
    /// [`QueryError::Busy`] after `max_queue_time`.
    pub(crate) async fn wait(&self, subject: &str, limits: &Limits) -> Result<Slot, QueryError> {
        let deadline = tokio::time::Instant::now() + limits.max_queue_time;
        let (entry, places) = self.enter(subject, limits.max_concurrent_queries_of_subject.max(1));
        let of_subject = tokio::time::timeout_at(deadline, places.acquire_owned()).await;
        let Ok(Ok(of_subject)) = of_subject else {
            let allowed = limits.max_concurrent_queries_of_subject;
            return Err(QueryError::Busy { limit: "max_concurrent_queries_of_subject", allowed });
        };
        let of_all = tokio::time::timeout_at(deadline, Arc::clone(&self.all).acquire_owned()).await;
        let Ok(Ok(of_all)) = of_all else {
            return Err(QueryError::Busy { limit: "max_concurrent_queries", allowed: limits.max_concurrent_queries });
        };
        Ok(Slot { _of_all: of_all, _of_subject: of_subject, _entry: entry })
    }

    fn enter(&self, subject: &str, n_places: usize) -> (Entry, Arc<Semaphore>) {
        let mut subjects = lock(&self.of_subject);
        let waiting = subjects
            .entry(subject.to_owned())
            .or_insert_with(|| Waiting { places: Arc::new(Semaphore::new(n_places)), n_queries: 0 });
        waiting.n_queries += 1;
        let entry = Entry { of_subject: Arc::clone(&self.of_subject), subject: subject.to_owned() };
        (entry, Arc::clone(&waiting.places))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut subjects = lock(&self.of_subject);
        if let Some(waiting) = subjects.get_mut(&self.subject) {
            waiting.n_queries -= 1;
            if waiting.n_queries == 0 {
                subjects.remove(&self.subject);
            }
        }
    }
}

/// A panic elsewhere cannot leave the counts half-changed: every change is one statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits() -> Limits {
        Limits {
            max_concurrent_queries: 3,
            max_concurrent_queries_of_subject: 2,
            max_queue_time: Duration::from_millis(30),
            ..Limits::default()
        }
    }

    fn limit_of(refused: Result<Slot, QueryError>) -> &'static str {
        match refused {
            Err(QueryError::Busy { limit, .. }) => limit,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn one_subject_cannot_take_the_places_of_others() {
        let (slots, limits) = (Slots::new(&limits()), limits());
        let held = [slots.wait("a", &limits).await.unwrap(), slots.wait("a", &limits).await.unwrap()];
        assert_eq!(limit_of(slots.wait("a", &limits).await), "max_concurrent_queries_of_subject");
        let other = slots.wait("b", &limits).await.unwrap();
        assert_eq!(limit_of(slots.wait("c", &limits).await), "max_concurrent_queries");
        drop(other);
        drop(held);
        assert!(lock(&slots.of_subject).is_empty(), "no subject is remembered");
        let _again = slots.wait("a", &limits).await.unwrap();
    }
}
