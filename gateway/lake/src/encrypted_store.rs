//! An object store that keeps only sealed objects.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    RenameTargetMode, Result,
};

use crate::key_class::KeyClass;
use crate::key_ring::{DataKey, KeyId, KeyRing, is_ring};
use crate::seal::{self, Chunking, SealFault, Sealer};
use crate::{KeyError, LakeKeys};

mod header_cache;
mod read;
mod upload;

use header_cache::HeaderCache;
use upload::SealedUpload;

const STORE: &str = "EncryptedStore";

/// Objects up to this many plain bytes are copied in memory; larger ones in parts. Tests take little of it.
const COPY_BYTES_MAX: u64 = if cfg!(test) { 1 << 19 } else { 32 << 20 };

/// Seals what is written to the store below it and opens what is read. Plain contents, plain sizes and plain ranges on
/// the one side; whole sealed chunks on the other.
///
/// Listings are sorted by path: the Delta kernel needs that and local folders do not give it. An object the store below
/// holds that cannot be a sealed one (by its length) is listed with size 0, and refused when opened.
/// Attributes and tags are refused: they would lie in clear beside the object.
/// A copy is opened and sealed anew, since the path is part of the seal.
pub struct EncryptedStore {
    below: Arc<dyn ObjectStore>,
    keys: Arc<KeyRing>,
    headers: HeaderCache,
}

impl EncryptedStore {
    /// A sealed store on top of `below`, under the keys of a ring, which lies in the same store and cannot be seen through this one.
    #[must_use]
    pub fn new(below: Arc<dyn ObjectStore>, keys: Arc<KeyRing>) -> Self {
        Self { below, keys, headers: HeaderCache::default() }
    }

    /// A sealed store with a key ring of its own in `below`.
    #[must_use]
    pub fn over(below: Arc<dyn ObjectStore>, keys: impl Into<LakeKeys>) -> Self {
        let ring = KeyRing::new(Arc::clone(&below), keys);
        Self::new(below, Arc::new(ring))
    }

    /// Forgets the keys of objects opened before, as after keys were destroyed.
    pub(crate) fn forget_opened(&self) {
        self.headers.clear();
    }

    /// The key that the object was sealed under, if it is a sealed object and can be read.
    pub(crate) async fn key_of_object(&self, location: &Path) -> Option<KeyId> {
        let start = self.below.get_range(location, 0..seal::HEADER).await.ok()?;
        Some(*seal::Header::parse(&start, location.as_ref()).ok()?.key_id())
    }

    /// The key to seal a new object at `location` under.
    async fn key_of(&self, location: &Path) -> Result<Arc<DataKey>> {
        refuse_ring(location)?;
        self.keys.to_seal(&KeyClass::of_path(location)).await.map_err(|error| no_key(location, error))
    }

    async fn upload(&self, location: &Path) -> Result<SealedUpload> {
        let key = self.key_of(location).await?;
        let sealer = Sealer::new(&key, location.as_ref()).map_err(|fault| broken(location, fault))?;
        let upload = self.below.put_multipart_opts(location, PutMultipartOptions::default()).await?;
        Ok(SealedUpload::new(upload, sealer, location.clone()))
    }

    /// Copies an object too large for memory. `to` is sealed for its final path from the start, so that putting it in
    /// place needs no second pass.
    async fn copy_in_parts(&self, source: GetResult, to: &Path, mode: CopyMode) -> Result<()> {
        let aside = match mode {
            CopyMode::Overwrite => None,
            CopyMode::Create => Some(Path::from(format!("{to}.sealing-{:016x}", random_number(to)?))),
        };
        let key = self.key_of(to).await?;
        let sealer = Sealer::new(&key, to.as_ref()).map_err(|fault| broken(to, fault))?;
        let written_to = aside.as_ref().unwrap_or(to);
        let upload = self.below.put_multipart_opts(written_to, PutMultipartOptions::default()).await?;
        let mut upload = SealedUpload::new(upload, sealer, to.clone());
        let mut parts = source.into_stream();
        while let Some(part) = parts.try_next().await? {
            upload.put_part(part.into()).await?;
        }
        upload.complete().await?;
        let Some(aside) = aside else { return Ok(()) };
        let placed = self.below.rename_if_not_exists(&aside, to).await;
        if placed.is_err() {
            // The error that counts is why it could not be put in place.
            let _unused = self.below.delete(&aside).await;
        }
        placed
    }

    fn plain(&self, mut meta: ObjectMeta) -> Result<ObjectMeta> {
        let chunking = Chunking::of_path(meta.location.as_ref());
        meta.size = chunking.plain_len(meta.size).ok_or_else(|| broken(&meta.location, SealFault::Length))?;
        Ok(meta)
    }

    async fn head_only(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let range = options.range.clone();
        let found = self.below.get_opts(location, GetOptions { range: None, head: true, ..options }).await?;
        let meta = self.plain(found.meta)?;
        let range = match range {
            Some(range) => range.as_range(meta.size).map_err(|source| out_of_range(location, source.into()))?,
            None => 0..meta.size,
        };
        let payload = GetResultPayload::Stream(stream::empty().boxed());
        Ok(GetResult { payload, meta, range, attributes: found.attributes })
    }
}

impl fmt::Debug for EncryptedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(STORE).field("below", &self.below).finish_non_exhaustive()
    }
}

impl fmt::Display for EncryptedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STORE}({})", self.below)
    }
}

#[async_trait]
impl ObjectStore for EncryptedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        refuse_clear_text(!opts.attributes.is_empty() || !opts.tags.encoded().is_empty())?;
        let key = self.key_of(location).await?;
        let sealed = Sealer::seal_all(&key, location.as_ref(), payload.iter().map(AsRef::as_ref))
            .map_err(|fault| broken(location, fault))?;
        self.headers.forget(location);
        self.below.put_opts(location, sealed.into(), opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        refuse_clear_text(!opts.attributes.is_empty() || !opts.tags.encoded().is_empty())?;
        self.headers.forget(location);
        Ok(Box::new(self.upload(location).await?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        refuse_ring(location)?;
        if options.head {
            return self.head_only(location, options).await;
        }
        self.read(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        refuse_ring(location)?;
        self.read_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        // Headers of deleted objects are not forgotten here: a stale header can only fail to open what comes later, and
        // then it is read anew.
        self.below.delete_stream(
            locations
                .map(|location| {
                    let location = location?;
                    refuse_ring(&location).map(|()| location)
                })
                .boxed(),
        )
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.below.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.below.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.below.list_with_delimiter(prefix).await?;
        listed.objects.retain(|object| !is_ring(&object.location));
        listed.objects.iter_mut().for_each(show_plain_size);
        listed.objects.sort_by(|a, b| a.location.cmp(&b.location));
        listed.common_prefixes.sort();
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let source = self.get(from).await?;
        if source.meta.size > COPY_BYTES_MAX {
            self.headers.forget(to);
            return self.copy_in_parts(source, to, options.mode).await;
        }
        let mode = match options.mode {
            CopyMode::Overwrite => PutMode::Overwrite,
            CopyMode::Create => PutMode::Create,
        };
        self.put_opts(to, source.bytes().await?.into(), mode.into()).await.map(|_| ())
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        // A rename to itself must not end in the deletion below.
        if from == to {
            self.head(from).await?;
            return match options.target_mode {
                RenameTargetMode::Overwrite => Ok(()),
                RenameTargetMode::Create => {
                    Err(Error::AlreadyExists { path: to.to_string(), source: "renamed to itself".into() })
                }
            };
        }
        let mode = match options.target_mode {
            RenameTargetMode::Overwrite => CopyMode::Overwrite,
            RenameTargetMode::Create => CopyMode::Create,
        };
        self.copy_opts(from, to, CopyOptions { mode, extensions: options.extensions }).await?;
        self.delete(from).await
    }
}

fn sorted(listing: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
    stream::once(async move {
        let mut all: Vec<ObjectMeta> = listing.try_collect().await?;
        all.retain(|object| !is_ring(&object.location));
        all.iter_mut().for_each(show_plain_size);
        all.sort_by(|a, b| a.location.cmp(&b.location));
        Ok::<_, Error>(stream::iter(all.into_iter().map(Ok)))
    })
    .try_flatten()
    .boxed()
}

fn show_plain_size(meta: &mut ObjectMeta) {
    meta.size = Chunking::of_path(meta.location.as_ref()).plain_len(meta.size).unwrap_or(0);
}

/// The key ring is changed by [`KeyRing`] alone.
fn refuse_ring(location: &Path) -> Result<()> {
    if is_ring(location) {
        let source = "the key ring is no object of the sealed store".into();
        return Err(Error::PermissionDenied { path: location.to_string(), source });
    }
    Ok(())
}

fn refuse_clear_text(present: bool) -> Result<()> {
    if present {
        return Err(Error::NotSupported { source: "attributes and tags would lie in clear beside the object".into() });
    }
    Ok(())
}

fn random_number(location: &Path) -> Result<u64> {
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|_| broken(location, SealFault::NoRandom))?;
    Ok(u64::from_le_bytes(number))
}

/// An object that fails its seal. The path is part of the message; it never holds a personal value.
#[derive(Debug, thiserror::Error)]
#[error("object `{path}` cannot be opened")]
struct BrokenSeal {
    path: String,
    source: SealFault,
}

fn broken(location: &Path, source: SealFault) -> Error {
    Error::Generic { store: STORE, source: Box::new(BrokenSeal { path: location.to_string(), source }) }
}

/// An object whose key cannot be had. Why is part of the text, since engines above keep no sources.
#[derive(Debug, thiserror::Error)]
#[error("there is no key for object `{path}`: {reason}")]
struct NoKey {
    path: String,
    reason: KeyError,
}

fn no_key(location: &Path, reason: KeyError) -> Error {
    Error::Generic { store: STORE, source: Box::new(NoKey { path: location.to_string(), reason }) }
}

/// A range that the object does not have. Readers ask for what an index or a log says is there: it may have been cut.
#[derive(Debug, thiserror::Error)]
#[error("object `{path}` does not hold the range asked for")]
struct OutOfRange {
    path: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn out_of_range(location: &Path, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Generic { store: STORE, source: Box::new(OutOfRange { path: location.to_string(), source }) }
}

#[cfg(test)]
mod tests;
