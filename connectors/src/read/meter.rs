//! How far the reading of the file has come, and whether it was the source that failed.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared between the reader and whoever reports.
#[derive(Debug)]
pub(crate) struct Meter {
    total: u64,
    reached: AtomicU64,
    failure: Mutex<Option<io::Error>>,
}

impl Meter {
    pub(crate) fn new(total: u64) -> Self {
        Self { total, reached: AtomicU64::new(0), failure: Mutex::new(None) }
    }

    /// Bytes of the file, and how far its reading has come.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.reached.load(Ordering::Relaxed).min(self.total), self.total)
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The error of the source itself, if there was one: decoders tend to hide it in their own.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        kind.into()
    }
}

/// A reader that keeps its meter up to date.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    inner: R,
    position: u64,
    meter: Arc<Meter>,
}

impl<R> Metered<R> {
    pub(crate) fn new(inner: R, meter: Arc<Meter>) -> Self {
        Self { inner, position: 0, meter }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(out) {
            Ok(n) => {
                self.position += n as u64;
                self.meter.reached.fetch_max(self.position, Ordering::Relaxed);
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => Err(self.meter.note(e)),
        }
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // Broken files make decoders seek to nonsense: that is no failure of the source.
        self.position = self.inner.seek(to)?;
        Ok(self.position)
    }
}
