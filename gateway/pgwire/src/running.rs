//! Which statement runs on which connection, so that another connection can cancel it, and how long it may run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use pgwire::error::PgWireError;
use pgwire::messages::startup::SecretKey;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::errors::error;

/// A connection's number and secret.
type Key = (i32, Vec<u8>);

/// The connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    running: Mutex<HashMap<Key, Arc<Running>>>,
}

/// The statement that runs on one connection, if one does.
#[derive(Debug, Default)]
pub(crate) struct Running {
    current: Mutex<CancellationToken>,
}

/// Removes a connection when it ends.
#[derive(Debug)]
pub(crate) struct Registered {
    connections: Arc<Connections>,
    key: Key,
}

impl Connections {
    pub(crate) fn register(self: &Arc<Self>, pid: i32, secret: &SecretKey) -> (Arc<Running>, Registered) {
        let key = (pid, secret.to_bytes().to_vec());
        let running = Arc::new(Running::default());
        self.lock().insert(key.clone(), Arc::clone(&running));
        (running, Registered { connections: Arc::clone(self), key })
    }

    /// Cancels what runs on a connection. A wrong secret does nothing, and nobody is told.
    pub(crate) fn cancel(&self, pid: i32, secret: &SecretKey) {
        let running = self.lock().get(&(pid, secret.to_bytes().to_vec())).map(Arc::clone);
        if let Some(running) = running {
            running.lock().cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    /// The connection's number.
    pub(crate) fn pid(&self) -> i32 {
        self.key.0
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.key);
    }
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, CancellationToken> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a statement. Requests to cancel an earlier one do not concern it.
    pub(crate) fn begin(&self, timeout: Option<Duration>) -> Stop {
        let fresh = CancellationToken::new();
        *self.lock() = fresh.clone();
        Stop { cancelled: fresh, deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)) }
    }
}

/// When a statement has to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    cancelled: CancellationToken,
    deadline: Option<Instant>,
}

impl Stop {
    /// Resolves when the statement has to stop, with what its client is told.
    pub(crate) async fn reached(&self) -> PgWireError {
        let deadline = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => error(
                "57014", "查询已按请求取消".to_owned(), "canceling statement due to user request".to_owned(),
            ),
            () = deadline => error(
                "57014", "查询超过 statement_timeout".to_owned(), "canceling statement due to statement timeout".to_owned(),
            ),
        }
    }

    /// What the future gives, unless it has to stop before.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = Result<T, PgWireError>>) -> Result<T, PgWireError> {
        tokio::select! {
            biased;
            stopped = self.reached() => Err(stopped),
            done = work => done,
        }
    }

    /// The stream, until it has to stop. Then its source is let go of.
    pub(crate) fn stream<T, S>(self, source: S) -> BoxStream<'static, Result<T, PgWireError>>
    where
        T: Send + 'static,
        S: Stream<Item = Result<T, PgWireError>> + Send + 'static,
    {
        let steps = futures::stream::unfold(Some((Box::pin(source), self)), |state| async move {
            let (mut source, stop) = state?;
            let next = tokio::select! {
                biased;
                stopped = stop.reached() => return Some((Err(stopped), None)),
                next = source.next() => next,
            };
            next.map(|step| (step, Some((source, stop))))
        });
        steps.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(error: &PgWireError) -> String {
        match error {
            PgWireError::UserError(info) => info.code.clone(),
            other => other.to_string(),
        }
    }

    #[tokio::test]
    async fn only_the_right_secret_cancels_and_only_what_runs() {
        let connections = Arc::new(Connections::default());
        let (running, registered) = connections.register(7, &SecretKey::I32(1));
        let earlier = running.begin(None);
        let stop = running.begin(None);
        connections.cancel(7, &SecretKey::I32(2));
        connections.cancel(8, &SecretKey::I32(1));
        assert_eq!(stop.or(async { Ok(5) }).await.unwrap(), 5);
        connections.cancel(7, &SecretKey::I32(1));
        assert_eq!(state(&stop.reached().await), "57014");
        assert!(!earlier.cancelled.is_cancelled(), "an earlier statement is none of this");
        drop(registered);
        assert!(connections.lock().is_empty());
    }

    #[tokio::test]
    async fn a_stream_ends_at_its_deadline_and_lets_go_of_its_source() {
        let (held, source) = (Arc::new(()), futures::stream::pending::<Result<u8, PgWireError>>());
        let kept = Arc::clone(&held);
        let source = source.map(move |step| {
            let _held = &kept;
            step
        });
        let stop = Running::default().begin(Some(Duration::from_millis(20)));
        let mut stream = stop.stream(source);
        assert_eq!(state(&stream.next().await.unwrap().unwrap_err()), "57014");
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(stream.next().await.is_none());
    }
}
