//! Corrections of rejected rows: who says that a row should read otherwise, and why. The row as it came stays.
//!
//! A correction is one sealed object, `corrections/<dataset>/<id>.json`, never changed; its withdrawal is another one beside
//! it. It belongs to what the row says, not to where it is: if the department changes the row, it applies no more.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors::{CorrectionOutcome, RejectedRow};
use futures::TryStreamExt;
use lake::DerivedKey;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use schemas::DatasetId;
use serde::{Deserialize, Serialize};

use super::rejects::unreadable;
use crate::Failure;
use crate::site::Site;

/// Hex digits of a row's reference, and of a correction's id.
const REFERENCE_DIGITS: usize = 32;
const ID_DIGITS: usize = 16;
/// Most corrections of one row; more is a loop of somebody's script.
const REVISIONS_MAX: u32 = 1000;
/// End of the name of a withdrawal.
const WITHDRAWN: &str = ".withdrawn";

/// One corrected row. `Debug` shows no text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Correction {
    pub(crate) id: String,
    pub(crate) dataset: DatasetId,
    /// Reference of the row: a keyed hash of what it says.
    pub(crate) row: String,
    /// Counts the corrections of this row, from 1. Of those not withdrawn the last one is in force.
    pub(crate) revision: u32,
    /// Where the row was, for people.
    pub(crate) source_file: String,
    pub(crate) sheet: Option<String>,
    pub(crate) source_row: u64,
    /// What the fields should say.
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) author: String,
    pub(crate) reason: String,
    pub(crate) made_at: DateTime<Utc>,
}

impl fmt::Debug for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correction").field("id", &self.id).field("fields", &self.texts.len()).finish_non_exhaustive()
    }
}

/// Who took a correction back, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withdrawal {
    pub(crate) author: String,
    pub(crate) reason: String,
    pub(crate) made_at: DateTime<Utc>,
}

/// Names rows by what they say, so that nobody without the site's key can tell what that is.
#[derive(Debug, Clone)]
pub(crate) struct References(DerivedKey);

impl References {
    pub(crate) fn of(site: &Site) -> Self {
        Self(site.key.derive("corrections"))
    }

    /// The reference of a row of the dataset.
    pub(crate) fn row(&self, dataset: &DatasetId, row: &RejectedRow) -> String {
        self.keyed(&format!("row\n{dataset}\n{}", row.raw_hash), REFERENCE_DIGITS)
    }

    fn correction(&self, dataset: &DatasetId, row: &str, revision: u32) -> String {
        self.keyed(&format!("correction\n{dataset}\n{row}\n{revision}"), ID_DIGITS)
    }

    /// HMAC-SHA256 of the words: one step of HKDF.
    fn keyed(&self, words: &str, n_digits: usize) -> String {
        let mut digits: String =
            self.0.derive(words, b"").as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        digits.truncate(n_digits);
        digits
    }
}

/// Every correction of one dataset.
#[derive(Debug)]
pub(crate) struct Ledger {
    store: Arc<dyn ObjectStore>,
    dataset: DatasetId,
    references: References,
    /// By row, then by revision.
    recorded: BTreeMap<(String, u32), (Correction, Option<Withdrawal>)>,
}

impl Ledger {
    pub(crate) async fn load(site: &Site, dataset: &DatasetId) -> Result<Self, Failure> {
        let store = site.lake.store();
        let folder = ObjectPath::from(format!("corrections/{dataset}"));
        let objects: Vec<_> = store.list(Some(&folder)).try_collect().await.map_err(|error| unreadable(&error))?;
        let mut corrections = Vec::new();
        let mut withdrawals = HashMap::new();
        for object in objects {
            let found = store.get(&object.location).await.map_err(|error| unreadable(&error))?;
            let bytes = found.bytes().await.map_err(|error| unreadable(&error))?;
            let name = object.location.filename().unwrap_or_default().trim_end_matches(".json");
            match name.strip_suffix(WITHDRAWN) {
                Some(id) => {
                    let withdrawal: Withdrawal = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
                    withdrawals.insert(id.to_owned(), withdrawal);
                }
                None => {
                    let correction: Correction = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
                    corrections.push(correction);
                }
            }
        }
        let keyed = |correction: Correction| {
            let withdrawal = withdrawals.remove(&correction.id);
            ((correction.row.clone(), correction.revision), (correction, withdrawal))
        };
        let recorded = corrections.into_iter().map(keyed).collect();
        Ok(Self { store, dataset: dataset.clone(), references: References::of(site), recorded })
    }

    /// Every correction, withdrawn ones too, oldest first.
    pub(crate) fn history(&self) -> Vec<&(Correction, Option<Withdrawal>)> {
        let mut all: Vec<_> = self.recorded.values().collect();
        all.sort_by_key(|(correction, _)| (correction.made_at, correction.source_row));
        all
    }

    /// For each row the last correction that is not withdrawn.
    pub(crate) fn in_force(&self) -> InForce {
        let standing = self.recorded.values().filter(|(_, withdrawal)| withdrawal.is_none());
        let by_row = standing.map(|(correction, _)| (correction.row.clone(), correction.clone())).collect();
        InForce { dataset: self.dataset.clone(), references: self.references.clone(), by_row: Arc::new(by_row) }
    }

    /// Keeps a correction as the newest of its row; of two that are made at once both are kept, and one is the newer.
    pub(crate) async fn keep(&self, mut correction: Correction) -> Result<(), Failure> {
        let of_row = self.recorded.keys().filter(|(row, _)| *row == correction.row).map(|(_, revision)| *revision);
        let first = of_row.max().unwrap_or(0) + 1;
        for revision in first..=REVISIONS_MAX {
            correction.revision = revision;
            correction.id = self.references.correction(&self.dataset, &correction.row, revision);
            if self.create(&correction.id, &correction).await? {
                return Ok(());
            }
        }
        Err(Failure::failed("同一行的更正次数过多", "one row has been corrected too many times"))
    }

    /// Takes a correction back; false if somebody else has just done so.
    pub(crate) async fn withdraw(&self, id: &str, withdrawal: &Withdrawal) -> Result<bool, Failure> {
        self.create(&format!("{id}{WITHDRAWN}"), withdrawal).await
    }

    /// Writes an object that is not there yet; false if it is.
    async fn create(&self, name: &str, what: &(impl Serialize + Sync)) -> Result<bool, Failure> {
        let not_kept =
            |error: &dyn std::error::Error| Failure::caused_by("更正无法保存", "the correction cannot be kept", error);
        let text = serde_json::to_vec(what).map_err(|error| not_kept(&error))?;
        let object = ObjectPath::from(format!("corrections/{}/{name}.json", self.dataset));
        match self.store.put_opts(&object, text.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(not_kept(&error)),
        }
    }
}

/// The corrections that a pull has to heed. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    dataset: DatasetId,
    references: References,
    by_row: Arc<BTreeMap<String, Correction>>,
}

impl InForce {
    /// The correction of a row that failed.
    pub(crate) fn of_row(&self, row: &RejectedRow) -> Option<&Correction> {
        if self.by_row.is_empty() {
            return None;
        }
        self.of_reference(&self.references.row(&self.dataset, row))
    }

    /// The correction of the row of that reference.
    pub(crate) fn of_reference(&self, reference: &str) -> Option<&Correction> {
        self.by_row.get(reference)
    }

    /// Ids, always in the same order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_row.values().map(|correction| correction.id.as_str())
    }

    /// What is known of each before any row was read.
    pub(crate) fn untried(&self) -> BTreeMap<String, CorrectionOutcome> {
        self.ids().map(|id| (id.to_owned(), CorrectionOutcome::NoSuchRow)).collect()
    }
}
