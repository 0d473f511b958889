//! One object of a store, as a blocking reader.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::runtime::Handle;

use crate::ConnectorError;

/// First range asked for at a new place; doubled while reading goes on from there.
const WINDOW_BYTES_MIN: u64 = 128 * 1024;
/// Largest range asked for, and so the memory one reader holds.
const WINDOW_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads an object by ranges, holding at most one of them in memory. For blocking threads only (`spawn_blocking`): it
/// waits for the runtime it was opened in.
///
/// Errors of the store arrive as `io::Error` around a [`ConnectorError`]. An object that changes while it is read is
/// an error, and so is a range that comes back short.
pub struct ObjectReader {
    store: Arc<dyn ObjectStore>,
    location: Path,
    name: String,
    size: u64,
    etag: Option<String>,
    runtime: Handle,
    position: u64,
    window: Bytes,
    window_start: u64,
    next_window: u64,
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader")
            .field("size", &self.size)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl ObjectReader {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        location: Path,
        name: String,
        size: u64,
        etag: Option<String>,
        runtime: Handle,
    ) -> Self {
        Self {
            store,
            location,
            name,
            size,
            etag,
            runtime,
            position: 0,
            window: Bytes::new(),
            window_start: 0,
            next_window: WINDOW_BYTES_MIN,
        }
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The part of the window from the current position on.
    fn ahead(&self) -> Option<&[u8]> {
        let from = usize::try_from(self.position.checked_sub(self.window_start)?).ok()?;
        self.window.get(from..).filter(|rest| !rest.is_empty())
    }

    fn fetch(&mut self) -> Result<(), ConnectorError> {
        let goes_on = self.position == self.window_start + self.window.len() as u64;
        self.next_window = if goes_on { (self.next_window * 2).min(WINDOW_BYTES_MAX) } else { WINDOW_BYTES_MIN };
        let end = self.size.min(self.position.saturating_add(self.next_window));
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.position..end)),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        let fetched = self.runtime.block_on(async {
            match self.store.get_opts(&self.location, options).await {
                Ok(found) => found.bytes().await,
                Err(e) => Err(e),
            }
        });
        let bytes = fetched.map_err(|e| ConnectorError::from_store("read", &self.name, e))?;
        if bytes.len() as u64 != end - self.position {
            let offset = self.position + bytes.len() as u64;
            return Err(ConnectorError::BrokeOff { file: self.name.clone(), offset });
        }
        self.window = bytes;
        self.window_start = self.position;
        Ok(())
    }
}

impl Read for ObjectReader {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.position >= self.size || out.is_empty() {
            return Ok(0);
        }
        if self.ahead().is_none() {
            self.fetch().map_err(std::io::Error::other)?;
        }
        let ahead = self.ahead().unwrap_or_default();
        let n = ahead.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), ahead.get(..n)) {
            to.copy_from_slice(from);
        }
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let place = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.size.checked_add_signed(n),
            SeekFrom::Current(n) => self.position.checked_add_signed(n),
        };
        self.position = place.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
