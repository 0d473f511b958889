//! Exports to landed tables: find the files, read them, keep what is rejected, write what is accepted.
//!
//! Rows flow from the reader to the table in batches; what is in memory does not grow with the file.

mod keep;
mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors::{
    Connector, ConnectorError, FileDigest, ObjectReader, ObjectStoreConnector, Receipt, SourceFile, batch_id, digest,
};
use lake::{Publication, WrittenTable};
use schemas::{Dataset, DatasetId};

use self::keep::RejectKeeper;
use super::DatasetOutcome;
use crate::Failure;
use crate::config::SourceConfig;
use crate::failure::chain_of;
use crate::progress::Stage;
use crate::screen::Screen;
use crate::site::Site;

/// What was landed.
pub(super) struct Intake {
    pub(super) outcomes: Vec<(DatasetId, DatasetOutcome)>,
    pub(super) unclaimed: Vec<String>,
    /// Tables written by this publication, not yet visible to anybody else.
    pub(super) written: Vec<WrittenTable>,
}

/// One file with its source.
struct ClaimedFile<'s> {
    source: &'s SourceConfig,
    connector: Arc<ObjectStoreConnector>,
    file: SourceFile,
}

/// Lands every dataset of the sources that changed.
pub(super) async fn land(
    site: &Site,
    publication: &Publication,
    sources: &[SourceConfig],
    started: DateTime<Utc>,
    screen: &Screen,
) -> Result<Intake, Failure> {
    let mut intake = Intake { outcomes: Vec::new(), unclaimed: Vec::new(), written: Vec::new() };
    let mut claimed: BTreeMap<DatasetId, Vec<ClaimedFile<'_>>> = BTreeMap::new();
    for source in sources {
        claim(site, source, &mut claimed, &mut intake.unclaimed).await?;
    }
    for (id, files) in claimed {
        let dataset = declared(site, &id)?;
        let outcome = match files.first() {
            None => DatasetOutcome::NoFile,
            Some(first) => {
                let title = screen.pick(&dataset.zh, &dataset.en).to_owned();
                let stage = Stage::begin(screen, &title, 1);
                let landing = Landing { site, publication, dataset, source: first.source, started };
                match landing.land(&files, stage).await? {
                    None => DatasetOutcome::Unchanged,
                    Some((receipt, written)) => {
                        intake.written.push(written);
                        DatasetOutcome::Landed(Box::new(receipt))
                    }
                }
            }
        };
        intake.outcomes.push((id, outcome));
    }
    Ok(intake)
}

fn declared<'s>(site: &'s Site, id: &DatasetId) -> Result<&'s Dataset, Failure> {
    site.registry.dataset(id).ok_or_else(|| {
        Failure::configuration(format!("没有声明数据集 {id}"), format!("dataset `{id}` is not declared"))
    })
}

async fn claim<'s>(
    site: &Site,
    source: &'s SourceConfig,
    claimed: &mut BTreeMap<DatasetId, Vec<ClaimedFile<'s>>>,
    unclaimed: &mut Vec<String>,
) -> Result<(), Failure> {
    let unreachable = |error: &ConnectorError| {
        Failure::failed(
            format!("来源 {}({})不可用:{}", source.name, source.url, error.message_zh()),
            format!("source `{}` ({}) cannot be used: {}", source.name, source.url, chain_of(error)),
        )
    };
    let connector =
        Arc::new(ObjectStoreConnector::from_url(&source.url, &source.options).map_err(|error| unreachable(&error))?);
    let files = connector.discover().await.map_err(|error| unreachable(&error))?;
    for id in &source.datasets {
        declared(site, id)?;
        claimed.entry(id.clone()).or_default();
    }
    for file in files {
        let owner = source
            .datasets
            .iter()
            .filter_map(|id| site.registry.dataset(id))
            .filter_map(|dataset| Some((words_found(dataset, &file.name)?, &dataset.id)))
            .max_by_key(|(length, _)| *length);
        match owner {
            Some((_, id)) => claimed.entry(id.clone()).or_default().push(ClaimedFile {
                source,
                connector: Arc::clone(&connector),
                file,
            }),
            None => unclaimed.push(format!("{}: {}", source.name, file.name)),
        }
    }
    Ok(())
}

/// Length of the longest word of the dataset in the file's own name; the longest of all datasets wins.
fn words_found(dataset: &Dataset, name: &str) -> Option<usize> {
    let name = name.rsplit('/').next().unwrap_or(name);
    dataset.file_words.iter().filter(|word| name.contains(word.as_str())).map(|word| word.chars().count()).max()
}

/// One dataset on its way in.
struct Landing<'l> {
    site: &'l Site,
    publication: &'l Publication,
    dataset: &'l Dataset,
    source: &'l SourceConfig,
    started: DateTime<Utc>,
}

impl Landing<'_> {
    /// Reads and lands the files; `None` if they are the published ones.
    async fn land(&self, files: &[ClaimedFile<'_>], stage: Stage) -> Result<Option<(Receipt, WrittenTable)>, Failure> {
        let id = &self.dataset.id;
        let mut digests = Vec::with_capacity(files.len());
        for claimed in files {
            digests.push(self.digest(claimed).await?);
        }
        let batch = batch_id(id, &digests);
        let base = self.publication.base();
        if base.is_some_and(|published| published.batches.get(id) == Some(&batch)) {
            return Ok(None);
        }
        let failed = |error: lake::LakeError| Failure::caused_by("写入失败", "rows cannot be written", &error);
        let mut receipt = Receipt::open(id.clone(), &digests, self.source.reject_limit, self.started);
        let mut rejects = RejectKeeper::new(self.site.lake.store(), id, &batch);
        let mut table = self.publication.writer(&self.dataset.landed_relation()).map_err(failed)?;
        for (idx, (claimed, file_digest)) in files.iter().zip(&digests).enumerate() {
            self.keep_raw(claimed, &format!("raw/{id}/{batch}/{idx:04}")).await?;
            let report = self.read(claimed, &batch, stage.clone(), &mut table, &mut rejects).await?;
            receipt.add(file_digest, &report);
        }
        rejects.flush().await?;
        let verdict = receipt.finish(Utc::now());
        self.keep_receipt(&receipt).await?;
        verdict.map_err(|exceeded| {
            Failure::failed(
                format!("{id}:{};本次不发布,见 datong quarantine show {id}", exceeded.message_zh()),
                format!("{id}: {exceeded}; nothing is published, see `datong quarantine show {id}`"),
            )
        })?;
        let written = table.finish().await.map_err(failed)?;
        self.publication.set_batch(id, batch);
        Ok(Some((receipt, written)))
    }

    async fn digest(&self, claimed: &ClaimedFile<'_>) -> Result<FileDigest, Failure> {
        let mut reader = self.open(claimed).await?;
        match tokio::task::spawn_blocking(move || digest(&mut reader)).await {
            Ok(Ok(digest)) => Ok(digest),
            Ok(Err(error)) => Err(self.unreadable(claimed, &error.to_string(), &error.to_string())),
            Err(_) => Err(self.interrupted(claimed)),
        }
    }

    async fn open(&self, claimed: &ClaimedFile<'_>) -> Result<ObjectReader, Failure> {
        let opened = claimed.connector.open(&claimed.file).await;
        opened.map_err(|error| self.unreadable(claimed, &error.message_zh(), &chain_of(&error)))
    }

    fn interrupted(&self, claimed: &ClaimedFile<'_>) -> Failure {
        self.unreadable(claimed, "读取中断", "reading was interrupted")
    }

    fn unreadable(&self, claimed: &ClaimedFile<'_>, zh: &str, en: &str) -> Failure {
        let (source, file, id) = (&claimed.source.name, &claimed.file.name, &self.dataset.id);
        Failure::failed(
            format!("来源 {source} 的文件 {file}(数据集 {id})无法读取:{zh};本次不发布"),
            format!("file `{file}` of source `{source}` (dataset {id}) cannot be read: {en}; nothing is published"),
        )
    }
}
