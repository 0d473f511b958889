//! Sealing an object that comes in parts.

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::try_join_all;
use object_store::path::Path;
use object_store::{Error, MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::{STORE, broken};
use crate::seal::Sealer;

/// Bytes per part below: 8 MiB. Object stores want equal parts of at least 5 MiB, and at most 10 000 of them; this allows
/// objects of 80 GB. Tests take few, so that small objects have several parts.
pub(super) const PART_BYTES: usize = if cfg!(test) { 1 << 18 } else { 8 << 20 };

/// Seals parts in the order in which they are put, and passes them on in parts of its own size. Between the two it holds
/// less than one part.
#[derive(Debug)]
pub(super) struct SealedUpload {
    below: Box<dyn MultipartUpload>,
    /// None once completed or aborted.
    sealer: Option<Sealer>,
    location: Path,
}

impl SealedUpload {
    pub(super) fn new(below: Box<dyn MultipartUpload>, sealer: Sealer, location: Path) -> Self {
        Self { below, sealer: Some(sealer), location }
    }
}

#[async_trait]
impl MultipartUpload for SealedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some(sealer) = self.sealer.as_mut() else { return Box::pin(async { Err(ended()) }) };
        let mut parts = Vec::new();
        for piece in &data {
            if let Err(fault) = sealer.push(piece) {
                let error = broken(&self.location, fault);
                return Box::pin(async { Err(error) });
            }
            while let Some(part) = sealer.take(PART_BYTES) {
                parts.push(self.below.put_part(part.into()));
            }
        }
        try_join_all(parts).map(|done| done.map(|_| ())).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let sealer = self.sealer.take().ok_or_else(ended)?;
        let mut last = sealer.finish().map_err(|fault| broken(&self.location, fault))?;
        // The last chunk may not fit into the part begun: no part may be larger than those before.
        let overhang = last.split_off(PART_BYTES.min(last.len()));
        self.below.put_part(last.into()).await?;
        if !overhang.is_empty() {
            self.below.put_part(overhang.into()).await?;
        }
        self.below.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.sealer = None;
        self.below.abort().await
    }
}

fn ended() -> Error {
    Error::Generic { store: STORE, source: "the upload has ended already".into() }
}
