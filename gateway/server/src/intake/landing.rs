//! Exports to landed tables: find the files, read them, keep what is rejected, write what is accepted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use connectors::{
    Connector, ConnectorError, FileDigest, ObjectStoreConnector, Progress, ReadOptions, Receipt, RejectedRow, RowSink,
    SinkError, SourceFile, batch_id, digest, read_file,
};
use lake::Publication;
use object_store::ObjectStoreExt;
use object_store::path::Path as ObjectPath;
use schemas::{Dataset, DatasetId};

use super::{DatasetOutcome, Landed};
use crate::Failure;
use crate::config::SourceConfig;
use crate::failure::chain_of;
use crate::progress::Stage;
use crate::screen::Screen;
use crate::site::Site;

/// Rejected rows kept in one sealed object.
const REJECTS_PER_OBJECT: usize = 2_000;

/// What was landed.
pub(super) struct Intake {
    pub(super) outcomes: Vec<(DatasetId, DatasetOutcome)>,
    pub(super) unclaimed: Vec<String>,
    pub(super) landed: Landed,
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
    let mut intake = Intake { outcomes: Vec::new(), unclaimed: Vec::new(), landed: Landed::new() };
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
                    Some((receipt, batches)) => {
                        intake.landed.insert(id.clone(), batches);
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
            format!("来源 {} 不可用:{}", source.name, error.message_zh()),
            format!("source `{}` cannot be used: {}", source.name, chain_of(error)),
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
    async fn land(
        &self,
        files: &[ClaimedFile<'_>],
        stage: Stage,
    ) -> Result<Option<(Receipt, Vec<RecordBatch>)>, Failure> {
        let mut digests = Vec::with_capacity(files.len());
        for claimed in files {
            digests.push(self.digest(claimed).await?);
        }
        let id = &self.dataset.id;
        let batch = batch_id(id, &digests);
        let base = self.publication.base();
        if base.is_some_and(|published| published.batches.get(id) == Some(&batch)) {
            return Ok(None);
        }
        let mut receipt = Receipt::open(id.clone(), &digests, self.source.reject_limit, self.started);
        let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
        for (claimed, file_digest) in files.iter().zip(&digests) {
            let read = self.read(claimed, &batch, stage.clone()).await?;
            receipt.add(file_digest, &read.report);
            accepted.extend(read.accepted);
            rejected.extend(read.rejected);
        }
        self.keep_rejects(&batch, &rejected).await?;
        let verdict = receipt.finish(Utc::now());
        self.keep_receipt(&receipt).await?;
        verdict.map_err(|exceeded| {
            Failure::failed(
                format!("{id}:{};本次不发布,见 datong quarantine show {id}", exceeded.message_zh()),
                format!("{id}: {exceeded}; nothing is published, see `datong quarantine show {id}`"),
            )
        })?;
        self.write(&accepted).await?;
        self.publication.set_batch(id, batch);
        Ok(Some((receipt, accepted)))
    }

    async fn digest(&self, claimed: &ClaimedFile<'_>) -> Result<FileDigest, Failure> {
        let mut reader = claimed.connector.open(&claimed.file).await.map_err(|error| self.unreadable(claimed, &error.message_zh(), &chain_of(&error)))?;
        let hashed = tokio::task::spawn_blocking(move || digest(&mut reader)).await;
        match hashed {
            Ok(Ok(digest)) => Ok(digest),
            Ok(Err(error)) => Err(self.unreadable(claimed, &error.to_string(), &error.to_string())),
            Err(_) => Err(self.unreadable(claimed, "读取中断", "reading was interrupted")),
        }
    }

    async fn read(&self, claimed: &ClaimedFile<'_>, batch: &str, stage: Stage) -> Result<ReadFile, Failure> {
        let reader = claimed.connector.open(&claimed.file).await.map_err(|error| self.unreadable(claimed, &error.message_zh(), &chain_of(&error)))?;
        let mut options = ReadOptions::new(batch, self.started);
        options.region.clone_from(&claimed.source.region);
        options.encoding = claimed.source.encoding;
        let (registry, dataset, name) = (self.site.registry.clone(), self.dataset.clone(), claimed.file.name.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut sink = Collector { accepted: Vec::new(), rejected: Vec::new(), stage };
            let report = read_file(reader, &name, &registry, &dataset, &options, &mut sink)?;
            Ok::<_, connectors::ReadError>(ReadFile { report, accepted: sink.accepted, rejected: sink.rejected })
        })
        .await;
        match read {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(self.unreadable(claimed, &error.message_zh(), &chain_of(&error))),
            Err(_) => Err(self.unreadable(claimed, "读取中断", "reading was interrupted")),
        }
    }

    fn unreadable(&self, claimed: &ClaimedFile<'_>, zh: &str, en: &str) -> Failure {
        let (source, file, id) = (&claimed.source.name, &claimed.file.name, &self.dataset.id);
        Failure::failed(
            format!("来源 {source} 的文件 {file}(数据集 {id})无法读取:{zh};本次不发布"),
            format!("file `{file}` of source `{source}` (dataset {id}) cannot be read: {en}; nothing is published"),
        )
    }

    async fn write(&self, batches: &[RecordBatch]) -> Result<(), Failure> {
        let failed = |error: lake::LakeError| Failure::caused_by("写入失败", "rows cannot be written", &error);
        let mut writer = self.publication.writer(&self.dataset.landed_relation()).map_err(failed)?;
        for batch in batches {
            writer.write(batch.clone()).await.map_err(failed)?;
        }
        writer.finish().await.map_err(failed)?;
        Ok(())
    }

    /// Rejected rows whole, sealed, in objects of bounded size.
    async fn keep_rejects(&self, batch: &str, rejected: &[RejectedRow]) -> Result<(), Failure> {
        for (idx, chunk) in rejected.chunks(REJECTS_PER_OBJECT).enumerate() {
            let mut text = Vec::new();
            for row in chunk {
                serde_json::to_writer(&mut text, row)
                    .map_err(|error| Failure::caused_by("隔离行无法保存", "a rejected row cannot be kept", &error))?;
                text.push(b'\n');
            }
            self.keep(&format!("rejects/{}/{batch}/{idx:05}.ndjson", self.dataset.id), text).await?;
        }
        Ok(())
    }

    async fn keep_receipt(&self, receipt: &Receipt) -> Result<(), Failure> {
        let text = serde_json::to_vec(receipt)
            .map_err(|error| Failure::caused_by("回执无法保存", "the receipt cannot be kept", &error))?;
        self.keep(&format!("receipts/{}/{}.json", self.dataset.id, receipt.batch_id), text.clone()).await?;
        self.keep(&format!("receipts/{}/latest.json", self.dataset.id), text).await
    }

    async fn keep(&self, object: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let store = self.site.lake.store();
        store
            .put(&ObjectPath::from(object), bytes.into())
            .await
            .map(|_| ())
            .map_err(|error| Failure::caused_by("写入失败", "an object cannot be written", &error))
    }
}

struct ReadFile {
    report: connectors::FileReport,
    accepted: Vec<RecordBatch>,
    rejected: Vec<RejectedRow>,
}

struct Collector {
    accepted: Vec<RecordBatch>,
    rejected: Vec<RejectedRow>,
    stage: Stage,
}

impl RowSink for Collector {
    fn accept(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        self.accepted.push(batch);
        Ok(())
    }

    fn reject(&mut self, row: RejectedRow) -> Result<(), SinkError> {
        self.rejected.push(row);
        Ok(())
    }

    fn progress(&mut self, progress: Progress) {
        self.stage.set(progress.bytes_done, progress.bytes_total);
    }
}
