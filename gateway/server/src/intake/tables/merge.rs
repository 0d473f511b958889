//! Puts what a table offers now together with what was taken earlier, by key, in a sealed object.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use connectors::{Connector, ObjectStoreConnector, SourceFile};
use csv::StringRecord;
use database::BatchStream;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::Offer;
use crate::Failure;
use crate::databases;
use crate::site::Site;

/// Bytes of one part of an object.
const PART_BYTES: usize = 8 << 20;
/// Records read at once.
const RECORDS_AT_ONCE: usize = 4_096;

/// What a merge found.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// Rows the table offered.
    pub(super) n_offered: u64,
    /// The highest value of the column that progress is measured by.
    pub(super) mark: Option<String>,
}

/// A short hash: two of ten million differ but for one chance in 10^24.
type Hash = [u8; 16];

/// Rows that were offered, by key: what they say.
type Offered = HashMap<Hash, Hash>;

/// Writes the file: what was taken earlier and still stands, in its order, then what is new or changed, in the table's.
pub(super) async fn merge(offer: &Offer<'_>, offered: BatchStream, base: Option<&str>) -> Result<Merged, Failure> {
    let base = match base {
        Some(base) => existing(offer.site, base).await?,
        None => None,
    };
    let Some(base) = base else {
        return Ok(write_offered(offer, offered, &offer.object(), false).await?.0);
    };
    let (merged, mut rows) = write_offered(offer, offered, &offer.object_of_new(), true).await?;
    let mut file = SealedFile::create(offer, &offer.object()).await?;
    let (headings, keys) = (offer.headings(), offer.key_positions());
    let mut earlier = records(offer.site, base).await?;
    while let Some(chunk) = next(&mut earlier).await? {
        for record in &chunk.under(&headings) {
            match rows.get_mut(&key_of(record, &keys)) {
                Some(said) if *said != hash(record.iter()) => {}
                Some(said) => {
                    // The same again: it stays where it is.
                    *said = Hash::default();
                    file.write(record).await?;
                }
                None => file.write(record).await?,
            }
        }
    }
    let Some(new) = existing(offer.site, &offer.object_of_new()).await? else { return Ok(merged) };
    let mut new = records(offer.site, new).await?;
    while let Some(chunk) = next(&mut new).await? {
        for record in &chunk.under(&headings) {
            if rows.get(&key_of(record, &keys)) == Some(&hash(record.iter())) {
                file.write(record).await?;
            }
        }
    }
    file.close().await?;
    Ok(merged)
}

/// Writes the rows that are offered, and says what each says, if that is asked for.
async fn write_offered(
    offer: &Offer<'_>,
    mut offered: BatchStream,
    object: &str,
    remember: bool,
) -> Result<(Merged, Offered), Failure> {
    let (mut merged, mut rows) = (Merged::default(), Offered::new());
    let mut file = SealedFile::create(offer, object).await?;
    let keys = offer.key_positions();
    while let Some(batch) =
        offered.try_next().await.map_err(|error| super::told(offer.source, &databases::failed(&error)))?
    {
        for record in records_of(&batch) {
            merged.n_offered += 1;
            if let Some(mark) = offer.mark_position().and_then(|idx| record.get(idx)).filter(|mark| !mark.is_empty())
                && merged.mark.as_deref().is_none_or(|highest| is_after(mark, highest))
            {
                merged.mark = Some(mark.to_owned());
            }
            if remember {
                rows.insert(key_of(&record, &keys), hash(record.iter()));
            }
            file.write(&record).await?;
        }
    }
    file.close().await?;
    Ok((merged, rows))
}

/// Whether a mark comes later: as a number if both are, else as a text, as the servers write times.
fn is_after(mark: &str, than: &str) -> bool {
    match (mark.parse::<i128>(), than.parse::<i128>()) {
        (Ok(mark), Ok(than)) => mark > than,
        _ => mark > than,
    }
}

fn records_of(batch: &RecordBatch) -> impl Iterator<Item = StringRecord> + '_ {
    (0..batch.num_rows()).map(|row| {
        let cells = batch.columns().iter().map(|column| {
            let texts = column.as_string_opt::<i32>();
            texts.filter(|texts| texts.is_valid(row)).map_or("", |texts| texts.value(row))
        });
        cells.collect()
    })
}

fn key_of(record: &StringRecord, keys: &[usize]) -> Hash {
    hash(keys.iter().map(|idx| record.get(*idx).unwrap_or_default()))
}

fn hash<'t>(texts: impl Iterator<Item = &'t str>) -> Hash {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    let full: [u8; 32] = hasher.finalize().into();
    full.first_chunk().copied().unwrap_or_default()
}

/// An object that is there.
pub(super) async fn existing(site: &Site, name: &str) -> Result<Option<SourceFile>, Failure> {
    match site.lake.store().head(&ObjectPath::from(name)).await {
        Ok(found) => Ok(Some(SourceFile {
            name: name.to_owned(),
            size: found.size,
            etag: found.e_tag,
            last_modified: found.last_modified,
        })),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::caused_by("以前取得的数据无法读取", "what was taken earlier cannot be read", error)
}

/// Some records and the headings they are under.
#[derive(Debug)]
pub(super) struct Chunk {
    headings: StringRecord,
    records: Vec<StringRecord>,
}

impl Chunk {
    /// The records in the order of these headings; empty where there is none of that name.
    pub(super) fn under(&self, headings: &[String]) -> Vec<StringRecord> {
        let position = |heading: &String| self.headings.iter().position(|known| known == heading);
        let positions: Vec<Option<usize>> = headings.iter().map(position).collect();
        let in_order = |record: &StringRecord| {
            positions.iter().map(|idx| idx.and_then(|idx| record.get(idx)).unwrap_or_default()).collect()
        };
        self.records.iter().map(in_order).collect()
    }
}

pub(super) type Chunks = mpsc::Receiver<Result<Chunk, csv::Error>>;

/// Reads an object of ours, ahead of who takes the records.
pub(super) async fn records(site: &Site, file: SourceFile) -> Result<Chunks, Failure> {
    let connector = ObjectStoreConnector::over(site.lake.store());
    let reader = connector.open(&file).await.map_err(|error| unreadable(&error))?;
    let (outlet, chunks) = mpsc::channel(2);
    // It ends with the file, or when nobody takes its records any more.
    let _ends_by_itself = tokio::task::spawn_blocking(move || {
        let mut reader = csv::Reader::from_reader(reader);
        let mut read = || -> Result<Option<Chunk>, csv::Error> {
            let headings = reader.headers()?.clone();
            let records = reader.records().take(RECORDS_AT_ONCE).collect::<Result<Vec<_>, _>>()?;
            Ok((!records.is_empty()).then_some(Chunk { headings, records }))
        };
        while let Some(chunk) = read().transpose() {
            let is_last = chunk.is_err();
            if outlet.blocking_send(chunk).is_err() || is_last {
                break;
            }
        }
    });
    Ok(chunks)
}

pub(super) async fn next(chunks: &mut Chunks) -> Result<Option<Chunk>, Failure> {
    // What a record says stays out of the message.
    let said = |_| Failure::failed("以前取得的数据无法读取", "what was taken earlier cannot be read");
    chunks.recv().await.transpose().map_err(said)
}

/// A sealed object that is written row by row.
struct SealedFile<'f> {
    offer: &'f Offer<'f>,
    upload: Box<dyn MultipartUpload>,
    rows: csv::Writer<Vec<u8>>,
}

impl<'f> SealedFile<'f> {
    async fn create(offer: &'f Offer<'f>, name: &str) -> Result<Self, Failure> {
        let store: Arc<dyn ObjectStore> = offer.site.lake.store();
        let upload = store.put_multipart(&ObjectPath::from(name)).await;
        let upload = upload.map_err(|error| offer.failed("写入失败", "an object cannot be written", &error))?;
        let mut file = Self { offer, upload, rows: rows_from(Vec::new()) };
        file.write(&StringRecord::from(offer.headings())).await?;
        Ok(file)
    }

    async fn write(&mut self, record: &StringRecord) -> Result<(), Failure> {
        let written = self.rows.write_record(record);
        written.map_err(|error| self.offer.failed("写入失败", "a row cannot be written", &error))?;
        if self.rows.get_ref().len() >= PART_BYTES { self.send().await } else { Ok(()) }
    }

    async fn send(&mut self) -> Result<(), Failure> {
        let rows = std::mem::replace(&mut self.rows, rows_from(Vec::new()));
        let bytes = rows.into_inner();
        let bytes = bytes.map_err(|error| self.offer.failed("写入失败", "a row cannot be written", &error))?;
        let sent = self.upload.put_part(bytes.into()).await;
        sent.map_err(|error| self.offer.failed("写入失败", "an object cannot be written", &error))
    }

    async fn close(mut self) -> Result<(), Failure> {
        self.send().await?;
        let closed = self.upload.complete().await;
        closed.map(|_| ()).map_err(|error| self.offer.failed("写入失败", "an object cannot be written", &error))
    }
}

fn rows_from(bytes: Vec<u8>) -> csv::Writer<Vec<u8>> {
    csv::Writer::from_writer(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_grow_as_numbers_or_as_times() {
        assert!(is_after("10", "9"));
        assert!(!is_after("9", "10"));
        assert!(is_after("2026-01-02 00:00:00", "2026-01-01 23:59:59.5"));
        assert!(is_after("2026-01-01 00:00:00.5", "2026-01-01 00:00:00"));
    }

    #[test]
    fn cells_do_not_run_into_each_other() {
        let record = |cells: &[&str]| cells.iter().copied().collect::<StringRecord>();
        assert_ne!(hash(record(&["a", "bc"]).iter()), hash(record(&["ab", "c"]).iter()));
        assert_eq!(key_of(&record(&["a", "b", "c"]), &[2, 0]), hash(["c", "a"].into_iter()));
    }

    #[test]
    fn records_come_under_the_headings_that_are_asked_for() {
        let chunk =
            Chunk { headings: ["b", "a"].into_iter().collect(), records: vec![["2", "1"].into_iter().collect()] };
        let headings = ["a", "new", "b"].map(str::to_owned);
        assert_eq!(chunk.under(&headings), [StringRecord::from(vec!["1", "", "2"])]);
    }
}
