//! The receipt of a pull: what came, what became of it, and whether that is good enough to publish.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemas::{DatasetId, HeadingMatch};

use crate::{FileDigest, FileReport, Format, SkipKind, Wrapping};

/// How much of a pull may be rejected before nothing of it is published.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RejectLimit {
    /// Largest share of the rows read, 0 to 1. 0: a single rejected row stops the pull.
    pub share: f64,
    /// Largest number of rows, whatever their share.
    pub rows: u64,
}

impl Default for RejectLimit {
    /// One row in twenty, and never more than a hundred thousand: beyond that the source, not the row, is at fault.
    fn default() -> Self {
        Self { share: 0.05, rows: 100_000 }
    }
}

/// Too much was rejected; nothing is published.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{rejected} of {read} rows were rejected, more than the limit of {rows} rows or a share of {share}")]
pub struct RejectLimitExceeded {
    /// Rows read.
    pub read: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// The limit in rows.
    pub rows: u64,
    /// The limit as a share.
    pub share: f64,
}

impl RejectLimitExceeded {
    /// The same in Chinese.
    #[must_use]
    pub fn message_zh(&self) -> String {
        format!(
            "读取 {} 行，退回 {} 行，超过上限（{} 行，或占比 {}%），本批不发布",
            self.read,
            self.rejected,
            self.rows,
            self.share * 100.0
        )
    }
}

impl RejectLimit {
    /// Whether `rejected` of `read` rows are within both limits. A limit that is not a number admits nothing.
    ///
    /// # Errors
    /// [`RejectLimitExceeded`] if they are not.
    pub fn check(&self, read: u64, rejected: u64) -> Result<(), RejectLimitExceeded> {
        #[expect(clippy::cast_precision_loss, reason = "a share of 2^53 rows needs no more digits")]
        let within_share = rejected as f64 <= self.share * read as f64;
        if rejected == 0 || (rejected <= self.rows && within_share) {
            Ok(())
        } else {
            Err(RejectLimitExceeded { read, rejected, rows: self.rows, share: self.share })
        }
    }
}

/// One file on a receipt.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FileReceipt {
    /// Name below the source's root.
    pub name: String,
    /// Name of its source.
    #[serde(default)]
    pub source: String,
    /// Where its bytes are kept.
    #[serde(default)]
    pub kept_as: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Encoding, for text.
    pub encoding: Option<String>,
    /// Format of the content.
    pub format: Format,
    /// What it was packed in.
    pub wrapping: Wrapping,
    /// Names of the sheets, in order.
    pub sheets: Vec<String>,
    /// Headings against declaration, for each sheet read.
    pub drift: Vec<HeadingMatch>,
}

/// Where a file came from and where its bytes are kept.
#[derive(Debug, Clone, Copy)]
pub struct FileOrigin<'f> {
    /// What it held.
    pub digest: &'f FileDigest,
    /// Name of its source.
    pub source: &'f str,
    /// Where its bytes are kept.
    pub kept_as: &'f str,
}

/// What became of a correction in a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionOutcome {
    /// The row was accepted.
    Applied,
    /// The row was rejected all the same.
    StillFails,
    /// No row that failed says what the corrected one said: the department has changed or removed it, or it needs no
    /// correction any more.
    NoSuchRow,
}

/// What a pull read and what became of it. `read = accepted + rejected`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    /// Named by content ([`crate::batch_id`]): the same files, read in the same way, give the same batch.
    pub batch_id: String,
    /// The dataset.
    pub dataset: DatasetId,
    /// The files, in the order read.
    pub files: Vec<FileReceipt>,
    /// Records found.
    pub read: u64,
    /// Of these, accepted.
    pub accepted: u64,
    /// Of the accepted ones, those that a person's correction made fit.
    #[serde(default)]
    pub corrected: u64,
    /// Of the records found, rejected.
    pub rejected: u64,
    /// Rows that are no records, by kind.
    pub skipped: BTreeMap<SkipKind, u64>,
    /// Rejected rows by rule.
    pub rejects_by_rule: BTreeMap<String, u64>,
    /// The corrections in force, by id, and what became of each.
    #[serde(default)]
    pub corrections: BTreeMap<String, CorrectionOutcome>,
    /// The limit this pull was held to.
    pub reject_limit: RejectLimit,
    /// When the pull began.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it goes on.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Receipt {
    /// Opens the receipt of a batch.
    #[must_use]
    pub fn open(dataset: DatasetId, batch_id: String, reject_limit: RejectLimit, now: DateTime<Utc>) -> Self {
        Self {
            batch_id,
            dataset,
            files: Vec::new(),
            read: 0,
            accepted: 0,
            corrected: 0,
            rejected: 0,
            skipped: BTreeMap::new(),
            rejects_by_rule: BTreeMap::new(),
            corrections: BTreeMap::new(),
            reject_limit,
            started_at: now,
            finished_at: None,
        }
    }

    /// Adds a file that was read to its end.
    pub fn add(&mut self, file: FileOrigin<'_>, report: &FileReport) {
        let read_sheets = || report.sheets.iter().filter(|s| s.heading_row.is_some());
        self.files.push(FileReceipt {
            name: report.name.clone(),
            source: file.source.to_owned(),
            kept_as: file.kept_as.to_owned(),
            sha256: file.digest.sha256.clone(),
            bytes: file.digest.bytes,
            encoding: report.encoding.clone(),
            format: report.format,
            wrapping: report.wrapping,
            sheets: report.sheets.iter().filter_map(|s| s.name.clone()).collect(),
            drift: read_sheets().map(|s| s.drift.clone()).collect(),
        });
        self.read += report.read;
        self.accepted += report.accepted;
        self.corrected += report.corrected;
        self.rejected += report.rejected;
        for (kind, n) in &report.skipped {
            *self.skipped.entry(*kind).or_default() += n;
        }
        for (rule, n) in &report.rejects_by_rule {
            *self.rejects_by_rule.entry(rule.clone()).or_default() += n;
        }
    }

    /// Closes the receipt and says whether the batch may be published.
    ///
    /// # Errors
    /// [`RejectLimitExceeded`] if too much was rejected; the receipt is closed all the same.
    pub fn finish(&mut self, now: DateTime<Utc>) -> Result<(), RejectLimitExceeded> {
        self.finished_at = Some(now);
        self.reject_limit.check(self.read, self.rejected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_passed_by_share_or_by_number() {
        let limit = RejectLimit { share: 0.1, rows: 5 };
        assert!(limit.check(100, 5).is_ok());
        assert!(limit.check(10, 1).is_ok());
        assert!(limit.check(9, 1).is_err());
        assert!(limit.check(100_000, 6).is_err());
        assert!(limit.check(0, 0).is_ok());
        assert!(RejectLimit { share: 0.0, rows: 0 }.check(10, 0).is_ok());
        assert!(RejectLimit { share: f64::NAN, rows: 9 }.check(10, 1).is_err());
    }

    #[test]
    fn a_receipt_adds_up_and_survives_json() {
        let mut report = FileReport::new("a.csv");
        (report.read, report.accepted, report.rejected) = (3, 2, 1);
        report.skip(SkipKind::Total);
        report.rejects_by_rule.insert("checksum".to_owned(), 1);
        let digest = FileDigest { sha256: "00".to_owned(), bytes: 9 };
        let file = FileOrigin { digest: &digest, source: "police", kept_as: "raw/0000" };
        let dataset = DatasetId::try_from("police.resident").unwrap();
        let now = DateTime::UNIX_EPOCH;
        let mut receipt = Receipt::open(dataset, "b".to_owned(), RejectLimit { share: 0.5, rows: 2 }, now);
        receipt.add(file, &report);
        receipt.add(file, &report);
        assert_eq!((receipt.read, receipt.accepted, receipt.rejected), (6, 4, 2));
        assert_eq!((receipt.skipped[&SkipKind::Total], receipt.rejects_by_rule["checksum"]), (2, 2));
        receipt.finish(now).unwrap();
        let text = serde_json::to_string(&receipt).unwrap();
        assert!(text.contains(r#""skipped":{"total":2}"#), "{text}");
        assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), receipt);
        receipt.add(file, &report);
        assert_eq!(receipt.finish(now).unwrap_err().rejected, 3);
    }
}
