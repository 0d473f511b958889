//! Which tickets are being read, so that their holder can cancel them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// Answers under way, by ticket.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    running: Mutex<HashMap<Bytes, (CancellationToken, usize)>>,
}

/// One answer under way; no longer once it is dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    answers: Arc<Answers>,
    ticket: Bytes,
    pub(crate) cancelled: CancellationToken,
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, (CancellationToken, usize)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an answer. The same ticket may be read several times at once; a cancellation ends all of them.
    pub(crate) fn begin(self: &Arc<Self>, ticket: Bytes) -> Answer {
        let mut running = self.lock();
        let (token, readers) = running.entry(ticket.clone()).or_default();
        *readers += 1;
        let cancelled = token.clone();
        drop(running);
        Answer { answers: Arc::clone(self), ticket, cancelled }
    }

    /// Cancels the answers to a ticket; whether there was one.
    pub(crate) fn cancel(&self, ticket: &Bytes) -> bool {
        let found = self.lock().remove(ticket);
        found.is_some_and(|(token, _)| {
            token.cancel();
            true
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let mut running = self.answers.lock();
        if let Some((_, readers)) = running.get_mut(&self.ticket).filter(|_| !self.cancelled.is_cancelled()) {
            *readers -= 1;
            if *readers == 0 {
                running.remove(&self.ticket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_known_while_it_is_read() {
        let answers = Arc::new(Answers::default());
        let ticket = Bytes::from_static(b"t");
        let (first, second) = (answers.begin(ticket.clone()), answers.begin(ticket.clone()));
        drop(first);
        assert!(answers.cancel(&ticket) && second.cancelled.is_cancelled());
        let third = answers.begin(ticket.clone());
        drop(second);
        assert!(!third.cancelled.is_cancelled() && answers.lock().len() == 1);
        drop(third);
        assert!(answers.lock().is_empty() && !answers.cancel(&ticket));
    }
}
