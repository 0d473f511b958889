//! The objects of the data folder, as the ciphertext they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use lake::LocalStore;
use object_store::path::Path as ObjectPath;
use object_store::{Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::Failure;
use crate::config::Config;

/// The object that says what is published.
const POINTER: &str = "published.json";
/// Publications that can still be opened. A purge takes their entries away before it takes any file.
const HISTORY: &str = "history/";
/// Files of tables and of their indexes: each belongs to the publications that read it.
const TABLES: &str = "tables/";
const INDEXES: &str = "index/";
/// Objects that are written once: under one name there is one content.
const WRITTEN_ONCE: [&str; 5] = [TABLES, INDEXES, HISTORY, "raw/", "rejects/"];
/// Written anew by pulls, also by those that publish nothing in the end. Files as they came and rejected rows go under a name
/// that follows from their content, so that another seal is all that can differ.
const OF_PULLS: [&str; 3] = ["receipts/", "raw/", "rejects/"];
/// Where queries spill: what is there has no name and is of no use to anybody else.
const SPILL: &str = "spill/";

/// The data folder of a site.
#[derive(Debug)]
pub(super) struct DataFolder {
    store: Arc<dyn ObjectStore>,
    /// The access log where it lies inside, as the start of its objects' names. It is copied in its own way.
    audit: Option<String>,
}

/// Objects by name, each with what tells it from any other content under the same name.
pub(super) type Listing = BTreeMap<String, Listed>;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) bytes: u64,
    pub(super) stamp: String,
}

/// What is published, in ciphertext.
#[derive(Debug)]
pub(super) struct Pointer {
    pub(super) bytes: Vec<u8>,
    pub(super) stamp: String,
}

/// A part of what is to be copied.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// It is not there any more.
    Gone,
    /// It is another one by now.
    Changed,
}

impl DataFolder {
    pub(super) fn of(config: &Config) -> Result<Self, Failure> {
        let store = LocalStore::new(&config.data_folder).map_err(|error| unreadable(&error))?;
        let inside = config.audit_folder.strip_prefix(&config.data_folder).ok();
        let audit = inside.map(|folder| format!("{}/", folder.display()));
        Ok(Self { store: Arc::new(store), audit })
    }

    /// Every object there is but the pointer, the access log and what queries spill.
    pub(super) async fn list(&self) -> Result<Listing, Failure> {
        let found: Vec<ObjectMeta> = self.store.list(None).try_collect().await.map_err(|error| unreadable(&error))?;
        let named = found.into_iter().map(|meta| {
            let stamp = stamp_of(&meta);
            (meta.location.to_string(), Listed { bytes: meta.size, stamp })
        });
        let is_audit = |name: &str| self.audit.as_ref().is_some_and(|folder| name.starts_with(folder));
        Ok(named.filter(|(name, _)| name != POINTER && !name.starts_with(SPILL) && !is_audit(name)).collect())
    }

    /// What is published now; nothing before the first publication.
    pub(super) async fn pointer(&self) -> Result<Option<Pointer>, Failure> {
        let found = match self.store.get(&ObjectPath::from(POINTER)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(|error| unreadable(&error))?,
        };
        let stamp = stamp_of(&found.meta);
        let bytes = found.bytes().await.map_err(|error| unreadable(&error))?.to_vec();
        Ok(Some(Pointer { bytes, stamp }))
    }

    /// A piece of an object, if it is still the one that was listed.
    pub(super) async fn piece(&self, name: &str, stamp: &str, from: u64, to: u64) -> Result<Piece, Failure> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(from..to)),
            if_match: Some(stamp.to_owned()),
            ..GetOptions::default()
        };
        let read = async { self.store.get_opts(&ObjectPath::from(name), options).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Piece::Bytes(bytes.to_vec())),
            Err(Error::NotFound { .. }) => Ok(Piece::Gone),
            Err(Error::Precondition { .. }) => Ok(Piece::Changed),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

/// Whether an object is written once. The others are small, and belong to the version published while they are read.
pub(super) fn is_written_once(name: &str) -> bool {
    WRITTEN_ONCE.iter().any(|folder| name.starts_with(folder))
}

/// Whether an object tells of a later publication than `published`: beside an older pointer it would look like a pointer
/// that somebody has put back.
pub(super) fn is_of_later(name: &str, published: Option<u64>) -> bool {
    let number = name.strip_prefix(HISTORY).and_then(|file| file.strip_suffix(".json")?.parse::<u64>().ok());
    number.is_some_and(|number| published.is_none_or(|published| number > published))
}

/// Whether a file of a table or its index: it may go while it is not read by any publication that is kept.
pub(super) fn is_of_table(name: &str) -> bool {
    name.starts_with(TABLES) || name.starts_with(INDEXES)
}

/// Whether what was copied still stands: nothing that decides about the rest has changed or gone since `before`.
pub(super) fn still_stands(before: &Listing, now: &Listing) -> bool {
    let free = |name: &str| is_of_table(name) || OF_PULLS.iter().any(|folder| name.starts_with(folder));
    before.iter().all(|(name, listed)| free(name) || now.get(name) == Some(listed))
}

fn stamp_of(meta: &ObjectMeta) -> String {
    meta.e_tag.clone().unwrap_or_default()
}

fn unreadable(error: &Error) -> Failure {
    Failure::caused_by("数据目录无法读取", "the data folder cannot be read", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(objects: &[(&str, &str)]) -> Listing {
        let listed = |stamp: &&str| Listed { bytes: 1, stamp: (*stamp).to_owned() };
        objects.iter().map(|(name, stamp)| ((*name).to_owned(), listed(stamp))).collect()
    }

    #[test]
    fn later_publications_are_told_by_their_number() {
        assert!(is_of_later("history/0000000004.json", Some(3)));
        assert!(!is_of_later("history/0000000003.json", Some(3)));
        assert!(is_of_later("history/0000000001.json", None));
        assert!(!is_of_later("tables/a/b/0000000009.json", Some(3)));
    }

    #[test]
    fn a_purged_version_is_noticed_and_other_changes_are_not() {
        let before = listing(&[
            ("history/1.json", "a"),
            ("tables/x", "b"),
            ("index/x", "i"),
            ("receipts/x", "c"),
            ("keyring.json", "d"),
        ]);
        assert!(is_written_once("index/x") && is_of_table("index/x") && !is_of_table("indexes/x"));
        let purged = listing(&[("tables/x", "b"), ("receipts/x", "c"), ("keyring.json", "d")]);
        let rewrapped =
            listing(&[("history/1.json", "a"), ("tables/x", "b"), ("receipts/x", "c"), ("keyring.json", "e")]);
        let pulled = listing(&[
            ("history/1.json", "a"),
            ("history/2.json", "f"),
            ("receipts/x", "g"),
            ("raw/x", "h"),
            ("keyring.json", "d"),
        ]);
        assert!(still_stands(&before, &before) && still_stands(&before, &pulled));
        assert!(!still_stands(&before, &purged) && !still_stands(&before, &rewrapped));
    }
}
