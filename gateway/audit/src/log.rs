//! The log as the gateway uses it: begin, close, and whether it works.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use lake::DerivedKey;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};

use crate::chain::SqlHasher;
use crate::segment::{SealedSegments, Segments};
use crate::verify::ChainReport;
use crate::writer::{Command, Status, Writer, aborted};
use crate::{Anchor, AuditError, AuditEvent, AuditReader, Closing, Outcome};

/// Size at which a new file is begun.
const SEGMENT_BYTES: u64 = 64 << 20;
/// Most requests that wait to be recorded; more wait for their turn outside the queue.
const QUEUE_MAX: usize = 4096;

/// The log, open for writing. Cloning it gives another handle to the same log.
#[derive(Debug, Clone)]
pub struct AuditLog {
    commands: UnboundedSender<Command>,
    turns: Arc<Semaphore>,
    status: Arc<Mutex<Status>>,
    reader: AuditReader,
}

impl AuditLog {
    /// Opens the log in `folder`, making the folder if there is none. Reads the newest file once, cuts a torn end, and
    /// puts an interruption on record. Blocks for about a second if that file is full (64 MiB).
    ///
    /// # Errors
    /// [`AuditError::InUse`], [`AuditError::Folder`], [`AuditError::Unreadable`] (also for a wrong key),
    /// [`AuditError::Damaged`], [`AuditError::NotWritten`].
    pub fn open(folder: &Path, key: DerivedKey) -> Result<Self, AuditError> {
        let segments = SealedSegments::new(folder, key.clone());
        Self::over(folder, key, Box::new(segments), SEGMENT_BYTES)
    }

    pub(crate) fn over(
        folder: &Path,
        key: DerivedKey,
        segments: Box<dyn Segments>,
        segment_bytes: u64,
    ) -> Result<Self, AuditError> {
        let lock = lock_folder(folder)?;
        let writer = Writer::open(segments, segment_bytes, SqlHasher::new(&key))?;
        let status = writer.status();
        let (commands, queue) = unbounded_channel();
        let sender = commands.downgrade();
        thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || writer.run(queue, sender, lock))
            .map_err(AuditError::folder)?;
        Ok(Self { commands, turns: Arc::new(Semaphore::new(QUEUE_MAX)), status, reader: AuditReader::new(folder, key) })
    }

    /// Records that a request begins. When this returns, the record is on the disk and rows may leave.
    ///
    /// # Errors
    /// [`AuditError::NotWritten`] if the disk does not take it, [`AuditError::TooLarge`], [`AuditError::Closed`]. In
    /// every case: answer nothing.
    pub async fn begin(&self, event: AuditEvent) -> Result<AuditEntry, AuditError> {
        let _turn = self.turns.acquire().await.map_err(|_| AuditError::Closed)?;
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Begin { event: Box::new(event), reply }).map_err(|_| AuditError::Closed)?;
        answer.await.map_err(|_| AuditError::Closed)?
    }

    /// Says whether requests can be recorded, for a readiness probe. If the last attempt failed, tries again, so that a
    /// gateway that gets no requests because it is not ready becomes ready by itself.
    ///
    /// # Errors
    /// Why requests cannot be recorded.
    pub async fn healthy(&self) -> Result<(), AuditError> {
        if self.commands.is_closed() {
            return Err(AuditError::Closed);
        }
        if self.status.lock().unwrap_or_else(PoisonError::into_inner).healthy {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Probe { reply }).map_err(|_| AuditError::Closed)?;
        answer.await.map_err(|_| AuditError::Closed)?
    }

    /// The newest record that is on the disk: what to write down elsewhere.
    #[must_use]
    pub fn head(&self) -> Anchor {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).head.clone()
    }

    /// Reads the whole log and checks the chain up to what has been written so far. Blocks: seconds per GiB.
    ///
    /// # Errors
    /// [`AuditError::Folder`] if the folder cannot be listed. What is wrong with the records is in the report.
    pub fn verify(&self) -> Result<ChainReport, AuditError> {
        self.reader.verify(&[self.head()])
    }

    /// The log for reading.
    #[must_use]
    pub fn reader(&self) -> &AuditReader {
        &self.reader
    }

    /// Writes what is queued and frees the files. Requests that are still open stay without an end, and count as
    /// unclosed when the log is opened again.
    pub async fn shutdown(self) {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Shutdown { reply }).is_ok() {
            let _already_gone = answer.await;
        }
    }
}

/// A request on record. Closing it records what left; dropping it records that nobody knows.
#[derive(Debug)]
#[must_use = "dropping an entry records the request as aborted"]
pub struct AuditEntry {
    sequence: u64,
    request_id: String,
    /// Taken when the entry is closed.
    commands: Option<UnboundedSender<Command>>,
}

impl AuditEntry {
    pub(crate) fn new(sequence: u64, request_id: String, commands: UnboundedSender<Command>) -> Self {
        Self { sequence, request_id, commands: Some(commands) }
    }

    /// Number of the record of the request's beginning.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Records how the request ended. When this returns, the record is on the disk.
    ///
    /// # Errors
    /// [`AuditError::NotWritten`]: the end is kept in memory and written when the disk is back. [`AuditError::Closed`]:
    /// the request stays without an end.
    pub async fn close(mut self, outcome: Outcome) -> Result<(), AuditError> {
        let Some(commands) = self.commands.take() else {
            return Err(AuditError::Closed);
        };
        let request_id = std::mem::take(&mut self.request_id);
        let closing = Closing { opened_sequence: self.sequence, request_id, aborted: false, outcome };
        let (reply, answer) = oneshot::channel();
        commands.send(Command::Close { closing, reply: Some(reply) }).map_err(|_| AuditError::Closed)?;
        answer.await.map_err(|_| AuditError::Closed)?
    }
}

impl Drop for AuditEntry {
    fn drop(&mut self) {
        if let Some(commands) = self.commands.take() {
            let closing = aborted(self.sequence, std::mem::take(&mut self.request_id));
            let _log_is_shut = commands.send(Command::Close { closing, reply: None });
        }
    }
}

/// Makes sure that one process writes the log, also between two files.
fn lock_folder(folder: &Path) -> Result<File, AuditError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(AuditError::folder)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("audit.lock"))
        .map_err(AuditError::folder)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(AuditError::InUse),
        Err(TryLockError::Error(error)) => Err(AuditError::folder(error)),
    }
}

#[cfg(test)]
mod tests;
