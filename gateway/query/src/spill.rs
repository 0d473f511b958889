//! Where operators put what does not fit into a query's memory: files without a name, sealed under keys that exist in memory
//! only. A crash leaves nothing behind, and what lies on the disk meanwhile is ciphertext.
//!
//! A file is a row of chunks, each AES-256-GCM under a key of the file, its number as the nonce. Which chunks there are is
//! known in memory, so that a chunk which is changed, moved or missing does not open: the engine trusts what it reads back.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use bytes::Bytes;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::spill_file::{SpillFile, SpillWriter, TempFileFactory};
use futures::Stream;
use zeroize::Zeroizing;

use crate::QueryError;

/// Plain bytes of a full chunk.
const CHUNK_BYTES: usize = 128 << 10;
const NONCE_BYTES: usize = 12;

/// Makes the spill files of one query.
#[derive(Debug)]
pub(crate) struct SealedSpill {
    folder: PathBuf,
    budget: Arc<Budget>,
}

/// What a query may have on the disk at once.
#[derive(Debug)]
struct Budget {
    used: AtomicU64,
    allowed: u64,
}

impl SealedSpill {
    /// For one query, in a folder that exists.
    pub(crate) fn new(folder: &Path, allowed_bytes: u64) -> Self {
        Self { folder: folder.to_owned(), budget: Arc::new(Budget { used: AtomicU64::new(0), allowed: allowed_bytes }) }
    }
}

impl TempFileFactory for SealedSpill {
    fn create_temp_file(&self, _description: &str) -> Result<Arc<dyn SpillFile>> {
        let sealed = SealedFile::create(&self.folder, Arc::clone(&self.budget));
        Ok(Arc::new(OpenFile(Arc::new(sealed.map_err(|error| unusable(&error))?))))
    }
}

/// A spill file. It has gone when the last one who holds it lets go.
struct SealedFile {
    file: File,
    cipher: Aes256Gcm,
    /// Where each sealed chunk ends.
    ends: Mutex<Vec<u64>>,
    budget: Arc<Budget>,
}

impl SealedFile {
    fn create(folder: &Path, budget: Arc<Budget>) -> io::Result<Self> {
        let mut key = Zeroizing::new([0_u8; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| io::Error::other("no random bytes"))?;
        let cipher = Aes256Gcm::new_from_slice(key.as_slice()).map_err(|_| io::Error::other("no cipher"))?;
        // Without a name from the start: there is no moment at which a crash would leave it.
        Ok(Self { file: tempfile::tempfile_in(folder)?, cipher, ends: Mutex::default(), budget })
    }

    fn ends(&self) -> MutexGuard<'_, Vec<u64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, plain: &[u8]) -> io::Result<()> {
        let mut ends = self.ends();
        let sealed =
            self.cipher.encrypt(&nonce(ends.len()), plain).map_err(|_| io::Error::other("a chunk cannot be sealed"))?;
        let len = sealed.len() as u64;
        let used = self.budget.used.fetch_add(len, Ordering::Relaxed).saturating_add(len);
        let start = ends.last().copied().unwrap_or(0);
        if used > self.budget.allowed {
            self.budget.used.fetch_sub(len, Ordering::Relaxed);
            let limit = "max_query_spill_bytes";
            let allowed = format!("{} bytes", self.budget.allowed);
            return Err(io::Error::other(QueryError::LimitReached { limit, allowed }));
        }
        if let Err(error) = self.file.write_all_at(&sealed, start) {
            self.budget.used.fetch_sub(len, Ordering::Relaxed);
            return Err(io::Error::other(unusable(&error)));
        }
        ends.push(start.saturating_add(len));
        Ok(())
    }

    /// The chunk of this number; `None` if there are not so many.
    fn chunk(&self, number: usize) -> Option<Result<Bytes>> {
        let (start, end) = {
            let ends = self.ends();
            let start = number.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
            (start, ends.get(number).copied()?)
        };
        let mut sealed = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(0)];
        if let Err(error) = self.file.read_exact_at(&mut sealed, start) {
            return Some(Err(unusable(&error)));
        }
        let opened = self.cipher.decrypt(&nonce(number), sealed.as_slice());
        Some(opened.map(Bytes::from).map_err(|_| unusable(&io::Error::other("a chunk was changed"))))
    }
}

impl Drop for SealedFile {
    fn drop(&mut self) {
        let len = self.ends().last().copied().unwrap_or(0);
        self.budget.used.fetch_sub(len, Ordering::Relaxed);
    }
}

/// Each chunk of a file has its own; each file has its own key.
fn nonce(number: usize) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; NONCE_BYTES];
    let bytes = (number as u64).to_be_bytes();
    nonce.iter_mut().rev().zip(bytes.into_iter().rev()).for_each(|(to, from)| *to = from);
    nonce.into()
}

/// Whatever is wrong with the disk: the client learns that much, the log what it was.
fn unusable(error: &io::Error) -> DataFusionError {
    tracing::error!(kind = %error.kind(), "a spill file cannot be used");
    DataFusionError::External(Box::new(QueryError::SpillUnavailable))
}

struct OpenFile(Arc<SealedFile>);

impl SpillFile for OpenFile {
    fn size(&self) -> Option<u64> {
        Some(self.0.ends().last().copied().unwrap_or(0))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let file = Arc::clone(&self.0);
        let chunks = futures::stream::unfold(0, move |number| {
            let chunk = file.chunk(number);
            async move { chunk.map(|chunk| (chunk, number.saturating_add(1))) }
        });
        Ok(Box::pin(chunks))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer { file: Arc::clone(&self.0), pending: Zeroizing::new(Vec::new()) }))
    }
}

/// Collects whole chunks. What is flushed can be read at once.
struct Writer {
    file: Arc<SealedFile>,
    pending: Zeroizing<Vec<u8>>,
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES.saturating_sub(self.pending.len());
        let taken = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.pending.extend_from_slice(taken);
        if self.pending.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            self.file.append(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(io::Write::flush(self)?)
    }
}

/// What an input or output error of the engine is, if it is one of ours.
pub(crate) fn of_io(error: &io::Error) -> Option<QueryError> {
    let inner = error.get_ref()?;
    if let Some(error) = inner.downcast_ref::<QueryError>() {
        return Some(error.clone());
    }
    match inner.downcast_ref::<DataFusionError>()? {
        DataFusionError::External(source) => source.downcast_ref::<QueryError>().cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures::StreamExt;

    use super::*;

    async fn read(file: &Arc<dyn SpillFile>) -> Result<Vec<u8>> {
        let mut chunks = file.read_stream().unwrap();
        let mut all = Vec::new();
        while let Some(chunk) = chunks.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all)
    }

    fn text(n: usize) -> Vec<u8> {
        "姓名哨兵 13912345678 ".bytes().cycle().take(n).collect()
    }

    #[tokio::test]
    async fn what_is_written_is_read_back_however_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        for n in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7] {
            let file = SealedSpill::new(folder.path(), 1 << 30).create_temp_file("").unwrap();
            let mut writer = file.open_writer().unwrap();
            for part in text(n).chunks(1_000) {
                writer.write_all(part).unwrap();
            }
            writer.finish().unwrap();
            assert_eq!(read(&file).await.unwrap(), text(n), "{n}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "spill files have no name");
    }

    #[tokio::test]
    async fn what_is_flushed_can_be_read_while_more_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = SealedSpill::new(folder.path(), 1 << 30).create_temp_file("").unwrap();
        let mut writer = file.open_writer().unwrap();
        let mut chunks = file.read_stream().unwrap();
        for part in ["one", "two"] {
            writer.write_all(part.as_bytes()).unwrap();
            writer.flush().unwrap();
            assert_eq!(chunks.next().await.unwrap().unwrap(), part.as_bytes());
        }
    }

    #[tokio::test]
    async fn the_disk_holds_ciphertext_and_a_changed_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let sealed =
            Arc::new(SealedFile::create(folder.path(), Arc::new(Budget { used: 0.into(), allowed: 1 << 30 })).unwrap());
        let file: Arc<dyn SpillFile> = Arc::new(OpenFile(Arc::clone(&sealed)));
        let mut writer = file.open_writer().unwrap();
        writer.write_all(&text(2 * CHUNK_BYTES)).unwrap();
        writer.finish().unwrap();
        let mut on_disk = vec![0; usize::try_from(sealed.file.metadata().unwrap().len()).unwrap()];
        sealed.file.read_exact_at(&mut on_disk, 0).unwrap();
        let needle = "哨兵".as_bytes();
        assert!(on_disk.len() > 2 * CHUNK_BYTES && !on_disk.windows(needle.len()).any(|found| found == needle));
        let second = on_disk.len() / 2 + 5;
        sealed.file.write_all_at(&[on_disk[second] ^ 1], second as u64).unwrap();
        let mut chunks = file.read_stream().unwrap();
        assert!(chunks.next().await.unwrap().is_ok());
        let DataFusionError::External(error) = chunks.next().await.unwrap().unwrap_err() else {
            panic!("another error")
        };
        assert_eq!(error.downcast_ref(), Some(&QueryError::SpillUnavailable));
    }

    #[tokio::test]
    async fn a_query_has_so_much_of_the_disk_and_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let spill = SealedSpill::new(folder.path(), 2 * CHUNK_BYTES as u64);
        let write = |n: usize| {
            let file = spill.create_temp_file("").unwrap();
            let written = file.open_writer().unwrap().write_all(&text(n));
            (file, written)
        };
        let (first, written) = write(CHUNK_BYTES);
        assert!(written.is_ok());
        let (_second, refused) = write(CHUNK_BYTES);
        let error = of_io(&refused.unwrap_err());
        assert!(matches!(error, Some(QueryError::LimitReached { limit: "max_query_spill_bytes", .. })), "{error:?}");
        drop(first);
        assert!(write(CHUNK_BYTES).1.is_ok(), "what is dropped is given back");
        let missing = SealedSpill::new(&folder.path().join("none"), 1).create_temp_file("");
        assert!(missing.is_err());
    }
}
