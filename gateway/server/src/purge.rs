//! `datong purge`: published versions that are no longer kept go, with every file that only they read, and a signed certificate
//! says what went. A pull does the same when it has published.

mod evidence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lake::{Purge, Retention};
use serde::{Deserialize, Serialize};

use self::evidence::Evidence;
use crate::Failure;
use crate::cli::PurgeArguments;
use crate::compact;
use crate::screen::{Screen, thousands};
use crate::signed;
use crate::site::Site;

/// Younger objects may belong to a pull that is under way.
const WRITING_MAX: TimeDelta = TimeDelta::hours(24);

/// What such a signed document is.
const KIND: &str = "datong-purge";

/// What was purged, as it is signed. Names of files are random; their digest lets an auditor check a listing kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Certificate {
    product: String,
    purged_at: String,
    keep_days: u32,
    keep_versions: u32,
    /// Versions that cannot be opened any more, with the time of their publication.
    versions: BTreeMap<u64, String>,
    oldest_kept: Option<u64>,
    /// Files by table.
    files: BTreeMap<String, u64>,
    bytes: u64,
    names_sha256: String,
    /// Raw files and objects of rejected rows, by dataset, of batches that no kept version was made of.
    #[serde(default)]
    evidence: BTreeMap<String, u64>,
}

/// `datong purge`.
pub(crate) async fn run(config: &Path, arguments: &PurgeArguments, screen: &Screen) -> Result<(), Failure> {
    let site = Site::open(config).await?;
    if let Some(file) = &arguments.verify {
        let certificate: Certificate = signed::verify(&site, KIND, file)?;
        print(&certificate, screen);
        return Ok(());
    }
    if arguments.dry_run {
        print(&purge(&site, true).await?, screen);
        return Ok(());
    }
    let (certificate, file) = purge_with_certificate(&site, screen).await?;
    print(&certificate, screen);
    if let Some(file) = file {
        screen.say(&format!("清除证明 {}", file.display()), &format!("certificate {}", file.display()));
    }
    Ok(())
}

/// What a pull does when it has published. That something old is still there is no reason for the pull to fail.
pub(crate) async fn after_publication(site: &Site, screen: &Screen) {
    if let Err(failure) = purge_with_certificate(site, screen).await {
        tracing::warn!(error = %failure, "purging old versions failed");
        screen.remark(&format!("清除旧版本:{}", failure.zh()), &format!("purging old versions: {failure}"));
    }
}

/// Nothing goes where no certificate of it could be signed.
async fn purge_with_certificate(site: &Site, screen: &Screen) -> Result<(Certificate, Option<PathBuf>), Failure> {
    let issuer = signed::issuer(site)?;
    // What no version shows any more must not stay in files that are still read.
    compact::expired(site, screen).await?;
    let certificate = purge(site, false).await?;
    if certificate.versions.is_empty() && certificate.files.is_empty() && certificate.evidence.is_empty() {
        return Ok((certificate, None));
    }
    let name = format!("purge-{}.jws", certificate.purged_at.replace([':', '-', '.'], ""));
    let folder = &site.config.retention.certificates;
    std::fs::create_dir_all(folder)?;
    let file = folder.join(name);
    std::fs::write(&file, signed::sign(&issuer, KIND, &certificate)? + "\n")?;
    Ok((certificate, Some(file)))
}

async fn purge(site: &Site, is_rehearsal: bool) -> Result<Certificate, Failure> {
    let now = Utc::now();
    let keep = &site.config.retention;
    let retention = Retention {
        replaced_after: now - TimeDelta::days(i64::from(keep.days)),
        versions: usize::try_from(keep.versions).unwrap_or(usize::MAX),
    };
    let purge = site.lake.purge(retention, is_rehearsal).await;
    let purge = purge.map_err(|error| Failure::caused_by("无法清除旧版本", "old versions cannot be purged", &error))?;
    let Purge { versions, oldest_kept, files, bytes, names_sha256 } = purge;
    let are_going: BTreeSet<u64> = versions.keys().copied().collect();
    let evidence = Evidence::unkept(site, &are_going, now - WRITING_MAX).await?;
    if !is_rehearsal {
        evidence.remove(site).await?;
    }
    Ok(Certificate {
        product: format!("datong {}", env!("CARGO_PKG_VERSION")),
        purged_at: shown(now),
        keep_days: keep.days,
        keep_versions: keep.versions,
        versions: versions.into_iter().map(|(version, at)| (version, shown(at))).collect(),
        oldest_kept,
        files: files.into_iter().map(|(relation, n)| (relation.to_string(), n)).collect(),
        bytes: bytes + evidence.bytes,
        names_sha256,
        evidence: evidence.by_dataset,
    })
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn print(certificate: &Certificate, screen: &Screen) {
    let Certificate { versions, files, bytes, .. } = certificate;
    let n_files: u64 = files.values().chain(certificate.evidence.values()).sum();
    let oldest = certificate.oldest_kept.map_or_else(|| "-".to_owned(), |version| version.to_string());
    let rule_zh = format!("保留 {} 天内及最近 {} 个版本", certificate.keep_days, certificate.keep_versions);
    let rule_en = format!("kept: {} days and the newest {} versions", certificate.keep_days, certificate.keep_versions);
    screen.say(
        &format!(
            "{}:清除 {} 个版本、{} 个文件、{} 字节;最早可用版本 {oldest};{rule_zh}",
            certificate.purged_at,
            versions.len(),
            thousands(n_files),
            thousands(*bytes),
        ),
        &format!(
            "{}: purged {} versions, {} files, {} bytes; oldest version left {oldest}; {rule_en}",
            certificate.purged_at,
            versions.len(),
            thousands(n_files),
            thousands(*bytes),
        ),
    );
    let raw = screen.pick("原始文件与隔离行", "raw files and rejected rows");
    let evidence = certificate.evidence.iter().map(|(dataset, n)| vec![format!("{dataset} ({raw})"), thousands(*n)]);
    let rows: Vec<Vec<String>> =
        files.iter().map(|(table, n)| vec![table.clone(), thousands(*n)]).chain(evidence).collect();
    if !rows.is_empty() {
        screen.table(&[screen.pick("表", "table"), screen.pick("文件", "files")], &rows);
    }
}
