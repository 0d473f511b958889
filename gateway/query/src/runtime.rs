//! A runtime of its own for planning and executing, so that a join that never yields cannot stall the network.

use std::future::Future;
use std::io;

use tokio_util::task::AbortOnDropHandle;

/// Threads that plan and execute. Dropping it does not wait for running queries.
#[derive(Debug)]
pub struct CpuRuntime {
    handle: tokio::runtime::Handle,
    runtime: Option<tokio::runtime::Runtime>,
}

impl CpuRuntime {
    /// Starts `n_threads` threads named `datong-cpu`.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub fn start(n_threads: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(n_threads.max(1))
            .thread_name("datong-cpu")
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Runs a future on these threads. Dropping the returned task aborts it at its next yield.
    pub fn spawn<F>(&self, future: F) -> AbortOnDropHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        AbortOnDropHandle::new(self.handle.spawn(future))
    }
}

impl Drop for CpuRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
