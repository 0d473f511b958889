//! Reading: plain ranges to whole chunks and back.
//!
//! A range read of an object whose header is known costs one request, otherwise two; from the start of an object always
//! one. What a cached header says is checked against what the store reports with the content: an object replaced
//! meanwhile is read anew, never mixed.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, Result};

use super::header_cache::Opened;
use super::{EncryptedStore, STORE, broken, no_key, out_of_range};
use crate::seal::{Chunking, HEADER, Header, ObjectCipher, SealFault};

/// Plain bytes read and opened at once: 4 MiB. Bounds the memory of a stream over an object of any size. Tests take few, so
/// that small objects have several windows.
pub(super) const WINDOW_BYTES: u64 = if cfg!(test) { 4 << 16 } else { 4 << 20 };

fn window_chunks(chunking: Chunking) -> u64 {
    WINDOW_BYTES / chunking.chunk()
}

impl EncryptedStore {
    pub(super) async fn read(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.version.is_none()
            && let Some(opened) = self.headers.find(location)
        {
            match self.read_opened(opened, location, &options, None).await {
                Err(ReadError::Stale) => self.headers.forget(location),
                Err(ReadError::Failed(error)) => return Err(error),
                Ok(result) => return Ok(result),
            }
        }
        let at_the_start = chunks_at_the_start(&options, Chunking::of_path(location.as_ref()));
        let (opened, start) = self.open(location, &options, at_the_start).await?;
        self.read_opened(opened, location, &options, Some(start)).await.map_err(|error| match error {
            ReadError::Failed(error) => error,
            ReadError::Stale => replaced(location),
        })
    }

    /// Reads the header and in the same request up to `n_chunks` chunks behind it, still sealed.
    async fn open(&self, location: &Path, options: &GetOptions, n_chunks: u64) -> Result<(Arc<Opened>, Bytes)> {
        let chunking = Chunking::of_path(location.as_ref());
        let end = chunking.sealed_range(&(0..n_chunks), u64::MAX).end;
        let request = GetOptions { range: Some(GetRange::Bounded(0..end)), ..options.clone() };
        let (meta, bytes) = self.fetch(location, request).await?;
        let header = Header::parse(&bytes, location.as_ref()).map_err(|fault| broken(location, fault))?;
        let key = self.keys.to_open(header.key_id()).await.map_err(|error| no_key(location, error))?;
        let cipher = ObjectCipher::new(header, &key, location.as_ref()).map_err(|fault| broken(location, fault))?;
        let plain_len = chunking.plain_len(meta.size).ok_or_else(|| broken(location, SealFault::Length))?;
        let opened = Arc::new(Opened { meta, plain_len, cipher });
        if options.version.is_none() {
            self.headers.keep(location, Arc::clone(&opened));
        }
        Ok((opened, bytes.slice(HEADER as usize..)))
    }

    async fn fetch(&self, location: &Path, request: GetOptions) -> Result<(ObjectMeta, Bytes)> {
        let result = self.below.get_opts(location, request).await?;
        let meta = result.meta.clone();
        Ok((meta, result.bytes().await?))
    }

    /// Serves `options` from an object whose header is known. `start` are sealed chunks from the first one on, if they
    /// are at hand.
    async fn read_opened(
        &self,
        opened: Arc<Opened>,
        location: &Path,
        options: &GetOptions,
        start: Option<Bytes>,
    ) -> std::result::Result<GetResult, ReadError> {
        let range = match (&options.range, &start) {
            (None, _) => 0..opened.plain_len,
            (Some(range), start) => match (range.as_range(opened.plain_len), start) {
                (Ok(range), _) => range,
                // Perhaps the object has grown since its header was read.
                (Err(_), None) => return Err(ReadError::Stale),
                (Err(source), Some(_)) => return Err(ReadError::Failed(out_of_range(location, source.into()))),
            },
        };
        let chunking = opened.cipher.chunking();
        let chunks = chunking.chunks_of(&range);
        let window = chunks.start..chunks.end.min(chunks.start + window_chunks(chunking));
        let wanted = chunking.sealed_range(&window, opened.meta.size);
        let at_hand = start.filter(|bytes| window.start == 0 && bytes.len() as u64 + HEADER >= wanted.end);
        let sealed = match at_hand {
            Some(bytes) => bytes.slice(..(wanted.end - HEADER) as usize),
            None => {
                let request = GetOptions { range: Some(GetRange::Bounded(wanted)), ..options.clone() };
                let (meta, bytes) = self.fetch(location, request).await?;
                if !opened.is(&meta) {
                    return Err(ReadError::Stale);
                }
                bytes
            }
        };
        let first = open_window(&opened, location, &window, sealed, &range)?;
        let meta = ObjectMeta { size: opened.plain_len, ..opened.meta.clone() };
        let rest = Windows {
            below: Arc::clone(&self.below),
            location: location.clone(),
            version: options.version.clone(),
            opened,
            range: range.clone(),
            chunks: window.end..chunks.end,
        };
        let payload = GetResultPayload::Stream(stream::once(async { Ok(first) }).chain(rest.stream()).boxed());
        Ok(GetResult { payload, meta, range, attributes: object_store::Attributes::default() })
    }

    pub(super) async fn read_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(opened) = self.headers.find(location) {
            // Without the store's word on what it read, a failure may mean that the object was replaced.
            if let Ok(parts) = self.read_ranges_opened(&opened, location, ranges).await {
                return Ok(parts);
            }
            self.headers.forget(location);
        }
        let (opened, _) = self.open(location, &GetOptions::default(), 0).await?;
        self.read_ranges_opened(&opened, location, ranges).await
    }

    async fn read_ranges_opened(&self, opened: &Opened, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let ranges = ranges
            .iter()
            .map(|r| GetRange::Bounded(r.clone()).as_range(opened.plain_len))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|source| out_of_range(location, source.into()))?;
        let chunking = opened.cipher.chunking();
        let windows = merged(ranges.iter().map(|range| chunking.chunks_of(range)).collect());
        let requests: Vec<_> = windows.iter().map(|w| chunking.sealed_range(w, opened.meta.size)).collect();
        let sealed = self.below.get_ranges(location, &requests).await?;
        let mut plain = Vec::with_capacity(windows.len());
        for (window, sealed) in windows.iter().zip(sealed) {
            let whole = window.start * chunking.chunk()..(window.end * chunking.chunk()).min(opened.plain_len);
            plain.push((whole.clone(), open_window(opened, location, window, sealed, &whole)?));
        }
        ranges.iter().map(|range| cut(&plain, range).ok_or_else(|| broken(location, SealFault::Length))).collect()
    }
}

/// How many chunks to read along with the header: those a request from the start of the object wants first.
fn chunks_at_the_start(options: &GetOptions, chunking: Chunking) -> u64 {
    match &options.range {
        None => window_chunks(chunking),
        Some(GetRange::Bounded(r)) if r.start < chunking.chunk() && r.start < r.end => {
            chunking.chunks_of(r).end.min(window_chunks(chunking))
        }
        Some(_) => 0,
    }
}

enum ReadError {
    /// The object is not the one whose header is cached.
    Stale,
    Failed(Error),
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Opens whole sealed chunks and gives the part of `range` they hold.
fn open_window(
    opened: &Opened,
    location: &Path,
    window: &Range<u64>,
    sealed: Bytes,
    range: &Range<u64>,
) -> Result<Bytes> {
    let chunking = opened.cipher.chunking();
    let expected = chunking.sealed_range(window, opened.meta.size);
    if sealed.len() as u64 != expected.end - expected.start {
        return Err(broken(location, SealFault::Length));
    }
    let mut bytes = Vec::from(sealed);
    opened
        .cipher
        .open_chunks(window.start, chunking.n_chunks(opened.plain_len), &mut bytes)
        .map_err(|fault| broken(location, fault))?;
    let base = window.start * chunking.chunk();
    let plain = base..base + bytes.len() as u64;
    let wanted = range.start.max(plain.start)..range.end.min(plain.end);
    cut(&[(plain, Bytes::from(bytes))], &wanted).ok_or_else(|| broken(location, SealFault::Length))
}

/// The bytes of `range`, from the one part that holds all of it. Parts are sorted and do not overlap.
fn cut(parts: &[(Range<u64>, Bytes)], range: &Range<u64>) -> Option<Bytes> {
    let (whole, bytes) = parts.get(parts.partition_point(|(whole, _)| whole.start <= range.start).checked_sub(1)?)?;
    let end = range.end.checked_sub(whole.start)? as usize;
    (end <= bytes.len()).then(|| bytes.slice((range.start - whole.start) as usize..end))
}

/// Sorted, and joined where they touch or overlap: no chunk is fetched or opened twice.
fn merged(mut windows: Vec<Range<u64>>) -> Vec<Range<u64>> {
    windows.sort_by_key(|w| w.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(windows.len());
    for window in windows {
        match joined.last_mut() {
            Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
            _ => joined.push(window),
        }
    }
    joined
}

/// What is left of an object after the first window.
struct Windows {
    below: Arc<dyn object_store::ObjectStore>,
    location: Path,
    version: Option<String>,
    opened: Arc<Opened>,
    range: Range<u64>,
    chunks: Range<u64>,
}

impl Windows {
    fn stream(self) -> impl futures::Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold(self, |mut this| async move {
            if this.chunks.is_empty() {
                return Ok(None);
            }
            let chunking = this.opened.cipher.chunking();
            let window = this.chunks.start..this.chunks.end.min(this.chunks.start + window_chunks(chunking));
            let range = Some(GetRange::Bounded(chunking.sealed_range(&window, this.opened.meta.size)));
            let request = GetOptions { range, version: this.version.clone(), ..GetOptions::default() };
            let result = this.below.get_opts(&this.location, request).await?;
            if !this.opened.is(&result.meta) {
                return Err(replaced(&this.location));
            }
            let sealed = result.bytes().await?;
            let plain = open_window(&this.opened, &this.location, &window, sealed, &this.range)?;
            this.chunks.start = window.end;
            Ok(Some((plain, this)))
        })
    }
}

fn replaced(location: &Path) -> Error {
    Error::Generic { store: STORE, source: format!("object `{location}` was replaced while it was read").into() }
}
