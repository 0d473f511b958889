//! Which rows have an exact ID number or telephone: sorted hashes of the values, each with the place of its row.
//!
//! The hash is HMAC-SHA-256 under a key of the site and the table, cut to 16 bytes: without the key nobody finds a number in the
//! file, or the same number in the files of two tables. Hashes are written in sorted runs of bounded size, so that a table of
//! any length needs 192 MB to be hashed; each run costs a search one page.

use arrow::array::{Array, AsArray, RecordBatch};
use hmac::{Hmac, KeyInit, Mac};
use schemas::{ColumnName, RelationName};
use sha2::Sha256;

use super::PAGE_BYTES;
use super::footer::Footer;
use super::row::{put_length, take_length};
use super::writer::PagedFile;
use crate::LakeError;
use crate::key::DerivedKey;

const HASH_BYTES: usize = 16;
/// Hash, block (4 bytes, big-endian) and place in the block (4 bytes): the order of these bytes is the order of the file.
const ENTRY_BYTES: usize = HASH_BYTES + 8;
const PAGE_ENTRIES: usize = PAGE_BYTES / ENTRY_BYTES;
/// Entries sorted at once: 192 MB. Tests take few.
const RUN_ENTRIES_MAX: usize = if cfg!(test) { 1_000 } else { 8_000_000 };

/// Hash of one value of one column.
pub(super) type Hash = [u8; HASH_BYTES];
type Entry = [u8; ENTRY_BYTES];

/// Where a row is: its block, and how many rows stand before it there.
pub(super) type Place = (u32, u32);

/// Hashes values under the key of one table.
#[derive(Clone)]
pub(super) struct Hasher(Hmac<Sha256>);

impl Hasher {
    pub(super) fn new(key: &DerivedKey, relation: &RelationName) -> Self {
        let key = key.derive("identifiers", relation.to_string().as_bytes());
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()).expect("a key");
        Self(mac)
    }

    pub(super) fn hash(&self, column: &ColumnName, value: &str) -> Hash {
        let mut mac = self.0.clone();
        mac.update(column.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        let mut hash = [0; HASH_BYTES];
        hash.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        hash
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher(hidden)")
    }
}

/// Writes the hashes of a table's identifiers.
pub(super) struct IdentifierWriter {
    hasher: Hasher,
    columns: Vec<(usize, ColumnName)>,
    entries: Vec<Entry>,
    file: PagedFile,
    directory: Vec<u8>,
    n_entries: u64,
}

impl IdentifierWriter {
    /// `columns`: positions in the rows, and names.
    pub(super) fn new(hasher: Hasher, columns: Vec<(usize, ColumnName)>, file: PagedFile) -> Self {
        Self { hasher, columns, entries: Vec::new(), file, directory: Vec::new(), n_entries: 0 }
    }

    /// Notes the identifiers of a row; a null is none.
    pub(super) async fn add(&mut self, rows: &RecordBatch, row: usize, block: u32, slot: u32) -> Result<(), LakeError> {
        for (idx, column) in &self.columns {
            let Some(texts) = rows.columns().get(*idx).and_then(|array| array.as_string_opt::<i32>()) else { continue };
            if texts.is_valid(row) {
                let hash = self.hasher.hash(column, texts.value(row));
                let bytes = hash.into_iter().chain(block.to_be_bytes()).chain(slot.to_be_bytes());
                let mut entry = [0; ENTRY_BYTES];
                entry.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
                self.entries.push(entry);
            }
        }
        if self.entries.len() >= RUN_ENTRIES_MAX { self.close_run().await } else { Ok(()) }
    }

    async fn close_run(&mut self) -> Result<(), LakeError> {
        let mut entries = std::mem::take(&mut self.entries);
        if entries.is_empty() {
            return Ok(());
        }
        entries.sort_unstable();
        self.n_entries += entries.len() as u64;
        put_length(entries.len(), &mut self.directory);
        for page in entries.chunks(PAGE_ENTRIES) {
            self.directory.extend(page.first().and_then(|entry| entry.first_chunk::<8>()).into_iter().flatten());
            let mut bytes = page.concat();
            bytes.resize(PAGE_BYTES, 0);
            self.file.put(&bytes).await?;
        }
        entries.clear();
        self.entries = entries;
        Ok(())
    }

    /// Bytes of the object.
    pub(super) async fn finish(mut self, fingerprint: [u8; 32]) -> Result<u64, LakeError> {
        self.close_run().await?;
        let footer = Footer { n_entries: self.n_entries, directory_at: self.file.n_bytes, fingerprint };
        self.file.finish(&self.directory, footer).await
    }

    pub(super) async fn give_up(&mut self) {
        self.file.give_up().await;
    }
}

/// The first hash of every page, by runs. For ten million people with two identifiers each this is 1 MB.
#[derive(Debug, Default)]
pub(super) struct HashDirectory {
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    first_page: usize,
    n_entries: usize,
    /// The first 8 bytes of each page's first hash.
    firsts: Vec<u64>,
}

/// Pages that may hold a hash, and how many entries they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HashPages {
    pub(super) pages: std::ops::Range<usize>,
    n_entries: usize,
}

impl HashDirectory {
    /// None if the bytes are no directory of so many entries.
    pub(super) fn parse(mut bytes: &[u8], n_entries: u64) -> Option<Self> {
        let (mut directory, mut first_page, mut n_found) = (Self::default(), 0, 0);
        while !bytes.is_empty() {
            let n_entries = take_length(&mut bytes)?;
            let n_pages = n_entries.div_ceil(PAGE_ENTRIES);
            let (firsts, rest) = bytes.split_at_checked(n_pages.checked_mul(8)?)?;
            bytes = rest;
            let firsts = firsts.as_chunks().0.iter().map(|first| u64::from_be_bytes(*first)).collect();
            directory.runs.push(Run { first_page, n_entries, firsts });
            first_page += n_pages;
            n_found += n_entries as u64;
        }
        (n_found == n_entries).then_some(directory)
    }

    /// Pages of all runs.
    pub(super) fn n_pages(&self) -> usize {
        self.runs.last().map_or(0, |run| run.first_page + run.firsts.len())
    }

    /// Where the hash can be: at most one stretch of pages in each run.
    pub(super) fn find(&self, hash: &Hash) -> Vec<HashPages> {
        let start = hash.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
        let of_run = |run: &Run| {
            let first = run.firsts.partition_point(|first| *first < start).saturating_sub(1);
            let end = run.firsts.partition_point(|first| *first <= start);
            let n_entries = run.n_entries.min(end * PAGE_ENTRIES).saturating_sub(first * PAGE_ENTRIES);
            (first < end).then(|| HashPages { pages: run.first_page + first..run.first_page + end, n_entries })
        };
        self.runs.iter().filter_map(of_run).collect()
    }
}

impl HashPages {
    /// Entries on these pages.
    pub(super) fn n_entries(&self) -> usize {
        self.n_entries
    }

    /// The places of the hash, from the bytes of these pages. None if they are not as long.
    pub(super) fn places(&self, bytes: &[u8], hash: &Hash) -> Option<Vec<Place>> {
        let mut places = Vec::new();
        for at in 0..self.n_entries {
            let start = at / PAGE_ENTRIES * PAGE_BYTES + at % PAGE_ENTRIES * ENTRY_BYTES;
            let entry: &Entry = bytes.get(start..)?.first_chunk()?;
            let (found, place) = entry.split_first_chunk::<HASH_BYTES>()?;
            if found == hash {
                let (block, slot) = place.split_first_chunk()?;
                places.push((u32::from_be_bytes(*block), u32::from_be_bytes(*slot.first_chunk()?)));
            }
        }
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{ObjectStore, ObjectStoreExt};

    use super::super::footer::FOOTER_BYTES;
    use super::*;
    use crate::MasterKey;

    fn hasher(table: &str) -> Hasher {
        Hasher::new(&MasterKey::from_bytes([1; 32]).derive("test"), &RelationName::try_from(table).unwrap())
    }

    fn column(name: &str) -> ColumnName {
        ColumnName::try_from(name).unwrap()
    }

    #[test]
    fn a_hash_is_of_one_value_of_one_column_of_one_table_of_one_site() {
        let one = hasher("unified.person").hash(&column("id_no"), "1");
        assert_eq!(hasher("unified.person").hash(&column("id_no"), "1"), one);
        assert_ne!(hasher("unified.person").hash(&column("id_no"), "2"), one);
        assert_ne!(hasher("unified.person").hash(&column("phone"), "1"), one);
        assert_ne!(hasher("unified.house").hash(&column("id_no"), "1"), one);
        let other = Hasher::new(
            &MasterKey::from_bytes([2; 32]).derive("test"),
            &RelationName::try_from("unified.person").unwrap(),
        );
        assert_ne!(other.hash(&column("id_no"), "1"), one);
        assert!(!format!("{other:?}").contains('2'));
    }

    #[tokio::test]
    async fn every_place_is_found_over_several_runs() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let path = Path::from("keys");
        let (hasher, phone) = (hasher("unified.person"), column("phone"));
        let file = PagedFile::new(&store, path.clone());
        let mut writer = IdentifierWriter::new(hasher.clone(), vec![(0, phone.clone())], file);
        // 700 rows have the same number: more than a page, in each of several runs.
        let number = |i: u32| if i.is_multiple_of(5) { "same".to_owned() } else { format!("number {i}") };
        let texts: ArrayRef = Arc::new(StringArray::from_iter((0..3_500).map(|i| (i % 7 != 3).then(|| number(i)))));
        let rows = RecordBatch::try_from_iter([("phone", texts)]).unwrap();
        for i in 0..3_500 {
            writer.add(&rows, i as usize, i, i % 3).await.unwrap();
        }
        let n_bytes = writer.finish([0; 32]).await.unwrap();
        let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, n_bytes);
        assert!(!bytes.windows(6).any(|part| part == b"number"));
        let footer = Footer::parse(&bytes[(n_bytes - FOOTER_BYTES) as usize..]).unwrap();
        let listed = &bytes[footer.directory_at as usize..(n_bytes - FOOTER_BYTES) as usize];
        let directory = HashDirectory::parse(listed, footer.n_entries).unwrap();
        assert_eq!((directory.runs.len(), footer.n_entries), (3, 3_000));
        assert_eq!(directory.n_pages() * PAGE_BYTES, footer.directory_at as usize);
        let places = |value: &str| {
            let hash = hasher.hash(&phone, value);
            let mut found = Vec::new();
            for stretch in directory.find(&hash) {
                let pages = &bytes[stretch.pages.start * PAGE_BYTES..stretch.pages.end * PAGE_BYTES];
                found.extend(stretch.places(pages, &hash).unwrap());
            }
            found.sort_unstable();
            found
        };
        let same: Vec<Place> =
            (0..3_500).filter(|i: &u32| i.is_multiple_of(5) && i % 7 != 3).map(|i| (i, i % 3)).collect();
        assert_eq!(places("same"), same);
        for i in (0..3_500).filter(|i: &u32| !i.is_multiple_of(5)) {
            let expected = if i % 7 == 3 { vec![] } else { vec![(i, i % 3)] };
            assert_eq!(places(&number(i)), expected, "{i}");
        }
        assert!(places("").is_empty() && places("nobody").is_empty());
        assert!(HashDirectory::parse(listed, footer.n_entries + 1).is_none());
        assert!(HashDirectory::parse(&listed[..listed.len() - 1], footer.n_entries).is_none());
    }
}
