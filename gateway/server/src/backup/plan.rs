//! What an archive is to hold, and whether one that was begun earlier can be gone on with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::create::moving;
use super::data_folder::{self, DataFolder, Listing, Pointer};
use super::format::{AuditState, Begin, Entry, FORMAT, Kind};
use super::settings::{self, DATA};
use super::tally::Tally;
use crate::Failure;
use crate::audit_chains::AuditChain;
use crate::site::Site;

/// Looks at the pointer until it stands still. It changes a few times a day.
const LOOKS: usize = 10;

/// Where the bytes of an entry come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Read already.
    Bytes(Vec<u8>),
    /// An object of the data folder.
    Object(String),
    /// A file of an audit chain, which has at least as many bytes.
    File(PathBuf),
}

/// One entry to write.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) source: Source,
}

/// What is copied first, all of one moment.
#[derive(Debug)]
pub(super) struct Plan {
    started_at: DateTime<Utc>,
    pub(super) published: Option<lake::Published>,
    pub(super) pointer_stamp: Option<String>,
    pub(super) listing: Listing,
    /// Settings, the pointer, and objects that are replaced now and then.
    pub(super) early: Vec<Item>,
}

impl Plan {
    /// Looks at the site as it is now.
    pub(super) async fn make(config_file: &Path, site: &Site, data: &DataFolder) -> Result<Self, Failure> {
        let started_at = Utc::now();
        let (published, pointer) = published(site, data).await?;
        let listing = data.list().await?;
        let mut early: Vec<Item> = settings::settings(config_file, &site.config)?
            .into_iter()
            .map(|setting| {
                let stamp = hex::encode(Sha256::digest(&setting.bytes));
                item(setting.kind, setting.name, setting.bytes.len() as u64, stamp, Source::Bytes(setting.bytes))
            })
            .collect();
        let pointer_stamp = pointer.as_ref().map(|pointer| pointer.stamp.clone());
        early.extend(pointer.map(|Pointer { bytes, stamp }| {
            let name = format!("{DATA}/published.json");
            item(Kind::Data, name, bytes.len() as u64, stamp, Source::Bytes(bytes))
        }));
        early.extend(objects(&listing).filter(|item| !is_written_once(item)));
        Ok(Self { started_at, published, pointer_stamp, listing, early })
    }

    /// The version that is published.
    pub(super) fn version(&self) -> Option<u64> {
        self.published.as_ref().map(|published| published.version)
    }

    /// The beginning of an archive that is planned so.
    pub(super) fn begin(&self, audit: BTreeMap<AuditChain, AuditState>) -> Begin {
        let product = format!("datong {}", env!("CARGO_PKG_VERSION"));
        Begin { format: FORMAT, product, started_at: self.started_at, published: self.version(), audit }
    }

    /// Whether what `tally` holds is a beginning of what is planned now: the same version published, nothing replaced since.
    pub(super) fn can_go_on(&self, tally: &Tally) -> bool {
        let Some(begin) = tally.begin() else { return false };
        let is_same = |entry: &Entry| {
            let listed = || entry.name.strip_prefix(DATA).and_then(|name| self.listing.get(name.strip_prefix('/')?));
            match entry.kind {
                Kind::Audit => true,
                Kind::Data if !self.early.iter().any(|item| item.entry.name == entry.name) => {
                    listed().is_some_and(|listed| listed.stamp == entry.stamp)
                }
                _ => self.early.iter().any(|item| item.entry == *entry),
            }
        };
        let is_gone_file = |entry: &Entry| {
            let name = entry.name.strip_prefix(DATA).and_then(|name| name.strip_prefix('/')).unwrap_or_default();
            data_folder::is_of_table(name) && !self.listing.contains_key(name)
        };
        begin.published == self.version()
            && tally.whole().values().all(|entry| is_same(entry) || is_gone_file(entry))
            && tally.open().is_none_or(|(entry, _)| is_same(entry))
    }
}

/// The objects that are written once, of a listing made after everything else was copied: whatever that refers to is in it.
pub(super) fn later_objects(listing: &Listing, published: Option<u64>) -> Vec<Item> {
    let is_wanted = |item: &Item| match &item.source {
        Source::Object(name) => data_folder::is_written_once(name) && !data_folder::is_of_later(name, published),
        _ => false,
    };
    objects(listing).filter(is_wanted).collect()
}

/// The audit chains as far as an archive has them.
pub(super) fn audit_items(site: &Site, audit: &BTreeMap<AuditChain, AuditState>) -> Vec<Item> {
    let all = settings::audit_folder(&site.config);
    let of_chain = |(chain, state): (&AuditChain, &AuditState)| {
        let (folder, below) = (chain.folder(site), chain.below());
        let extents = state.extents.iter().map(|extent| {
            let name = [all, below, &extent.file].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            item(Kind::Audit, name.join("/"), extent.bytes, String::new(), Source::File(folder.join(&extent.file)))
        });
        extents.collect::<Vec<_>>()
    };
    audit.iter().flat_map(of_chain).collect()
}

fn item(kind: Kind, name: String, bytes: u64, stamp: String, source: Source) -> Item {
    Item { entry: Entry { kind, name, bytes, stamp }, source }
}

fn objects(listing: &Listing) -> impl Iterator<Item = Item> {
    listing.iter().map(|(name, listed)| {
        let source = Source::Object(name.clone());
        item(Kind::Data, format!("{DATA}/{name}"), listed.bytes, listed.stamp.clone(), source)
    })
}

fn is_written_once(item: &Item) -> bool {
    matches!(&item.source, Source::Object(name) if data_folder::is_written_once(name))
}

/// What is published, and the bytes that say so.
async fn published(site: &Site, data: &DataFolder) -> Result<(Option<lake::Published>, Option<Pointer>), Failure> {
    for _ in 0..LOOKS {
        let before = data.pointer().await?;
        let published = site.lake.published().await.map_err(|error| {
            Failure::caused_by("无法读取已发布版本", "the published version cannot be read", &error)
        })?;
        let after = data.pointer().await?;
        if before.as_ref().map(|pointer| &pointer.stamp) == after.as_ref().map(|pointer| &pointer.stamp) {
            return Ok((published, before));
        }
    }
    Err(moving())
}

/// The audit chains as they are now, each read whole.
pub(super) fn audit_states(site: &Site) -> Result<BTreeMap<AuditChain, AuditState>, Failure> {
    let kept = AuditChain::ALL.into_iter().filter(|chain| chain.folder(site).exists());
    let state_of = |chain: AuditChain| {
        let report = chain
            .reader(site)
            .verify(&[])
            .map_err(|error| Failure::caused_by("审计日志无法读取", "the audit log cannot be read", &error))?;
        let (extents, records, head, faults) = (report.extents, report.records, report.head, report.fault_count);
        Ok((chain, AuditState { extents, records, head, faults }))
    };
    kept.map(state_of).collect()
}
