//! One file from its first byte to its report.

mod cells;
mod content;
mod meter;

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemas::{Dataset, Registry};

pub use self::cells::{FormCell, FormRow, read_form};
use self::content::{Depth, Source, read_content};
pub(crate) use self::meter::{Meter, Metered};
use crate::landing::Lander;
use crate::{Damage, FileReport, ReadError, ReadLimits, RowSink, TextEncoding};

/// What the reading of a file must be told.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The batch the rows belong to: [`crate::batch_id`] of all files of the pull.
    pub batch_id: String,
    /// The moment written to `ingested_at`, one for the whole pull.
    pub ingested_at: DateTime<Utc>,
    /// Region the file's addresses belong to, where they leave it out: `浙江省杭州市`.
    pub region: Option<String>,
    /// The encoding of text files, if the source declared it. Otherwise it is recognised.
    pub encoding: Option<TextEncoding>,
    /// Bounds.
    pub limits: ReadLimits,
}

impl ReadOptions {
    /// Options of a pull that declares nothing about its files.
    #[must_use]
    pub fn new(batch_id: impl Into<String>, ingested_at: DateTime<Utc>) -> Self {
        Self { batch_id: batch_id.into(), ingested_at, region: None, encoding: None, limits: ReadLimits::default() }
    }
}

/// Reads a file of `dataset` whatever its format, row by row, into `sink`. Blocking; for `spawn_blocking`.
///
/// Memory is bounded by the limits, not by the file; a hash of 8 bytes per record is kept to find exact duplicates.
/// Accepted rows arrive in batches of the dataset's landed relation, rejected rows one by one, in the file's order among
/// their like. `read = accepted + rejected` holds on the report.
///
/// # Errors
/// [`ReadError`]. Rows handed over until then must not be published.
pub fn read_file<R: Read + Seek + Send + 'static>(
    mut reader: R,
    file_name: &str,
    registry: &Registry,
    dataset: &Dataset,
    options: &ReadOptions,
    sink: &mut dyn RowSink,
) -> Result<FileReport, ReadError> {
    if dataset.secret {
        return Err(ReadError::Secret { dataset: dataset.id.to_string() });
    }
    let total = reader.seek(std::io::SeekFrom::End(0)).and_then(|total| reader.rewind().map(|()| total));
    let total = total.map_err(|source| ReadError::Source { file: file_name.to_owned(), source })?;
    let meter = Arc::new(Meter::new(total));
    let metered = Metered::new(reader, Arc::clone(&meter));
    let mut lander = Lander::new(file_name, registry, dataset, options, sink, Arc::clone(&meter))?;
    // A decoder that panics over a broken file must not take the pull down with it.
    let read = catch_unwind(AssertUnwindSafe(|| {
        read_content(&mut lander, None, Source::Seekable(Box::new(metered)), Depth::Outer)?;
        lander.finish()
    }));
    let damaged = || ReadError::Damaged { file: file_name.to_owned(), part: "file", problem: Damage::Inconsistent };
    let read = read.unwrap_or_else(|_| Err(damaged()));
    match (read, meter.take_failure()) {
        (Err(_), Some(source)) => Err(ReadError::Source { file: file_name.to_owned(), source }),
        (Err(e), None) => Err(e),
        (Ok(()), _) => Ok(lander.into_report()),
    }
}
