//! Exports to landed tables: find the files, read them, keep what is rejected, write what is accepted.
//!
//! Rows flow from the reader to the table in batches; what is in memory does not grow with the file.

mod claims;
mod keep;
mod stream;

use chrono::{DateTime, Utc};
use connectors::{Connector, FileDigest, FileOrigin, ObjectReader, Receipt, batch_id, digest};
use lake::{Publication, WrittenTable};
use schemas::{Dataset, DatasetId};

pub(super) use self::claims::Origin;
use self::claims::{ClaimedFile, Claims};
use self::keep::RejectKeeper;
use self::stream::Outlet;
use super::DatasetOutcome;
use super::tables::Taken;
use crate::Failure;
use crate::config::SourceConfig;
use crate::failure::chain_of;
use crate::progress::Stage;
use crate::quarantine::{InForce, Ledger};
use crate::screen::Screen;
use crate::site::Site;

/// What was landed.
pub(super) struct Intake {
    pub(super) outcomes: Vec<(DatasetId, DatasetOutcome)>,
    pub(super) unclaimed: Vec<String>,
    /// Tables written by this publication, not yet visible to anybody else.
    pub(super) written: Vec<WrittenTable>,
    /// What was taken from tables of databases.
    pub(super) taken: Vec<Taken>,
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Rows land, files and rejected rows are kept.
    Land,
    /// Rows are only counted.
    Rehearse,
}

/// Lands every dataset that changed.
pub(super) async fn land(
    site: &Site,
    publication: &Publication,
    origin: Origin<'_>,
    mode: Mode,
    started: DateTime<Utc>,
    screen: &Screen,
) -> Result<Intake, Failure> {
    let Claims { files, unclaimed, taken } = Claims::of(site, origin).await?;
    let mut intake = Intake { outcomes: Vec::new(), unclaimed, written: Vec::new(), taken };
    for (id, files) in files {
        let dataset = declared(site, &id)?;
        let outcome = match files.first() {
            None => DatasetOutcome::NoFile,
            Some(first) => {
                let title = screen.pick(&dataset.zh, &dataset.en).to_owned();
                let stage = Stage::begin(screen, &title, 1);
                let corrections = Ledger::load(site, &id).await?.in_force();
                let landing = Landing { site, publication, dataset, source: first.source, corrections, started };
                match landing.run(&files, mode, stage).await? {
                    None => DatasetOutcome::Unchanged,
                    Some((receipt, written)) => {
                        intake.written.extend(written);
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

/// One dataset on its way in.
struct Landing<'l> {
    site: &'l Site,
    publication: &'l Publication,
    dataset: &'l Dataset,
    source: &'l SourceConfig,
    corrections: InForce,
    started: DateTime<Utc>,
}

impl Landing<'_> {
    /// Reads the files; `None` if what is published was read from the same, in the same way.
    async fn run(
        &self,
        files: &[ClaimedFile<'_>],
        mode: Mode,
        stage: Stage,
    ) -> Result<Option<(Receipt, Option<WrittenTable>)>, Failure> {
        let id = &self.dataset.id;
        let mut digests = Vec::with_capacity(files.len());
        for claimed in files {
            digests.push(self.digest(claimed).await?);
        }
        let batch = batch_id(id, &digests, &self.basis(files)?);
        if self.publication.base().is_some_and(|published| published.batches.get(id) == Some(&batch)) {
            if mode == Mode::Land {
                self.make_newest(&batch).await?;
            }
            return Ok(None);
        }
        let receipt = Receipt::open(id.clone(), batch, self.source.reject_limit, self.started);
        match mode {
            Mode::Land => {
                let (receipt, written) = self.land(files, &digests, receipt, stage).await?;
                Ok(Some((receipt, Some(written))))
            }
            Mode::Rehearse => Ok(Some((self.rehearse(files, &digests, receipt, stage).await?, None))),
        }
    }

    /// What beside the files decides what they are read as. Code lists and divisions come with the product.
    fn basis(&self, files: &[ClaimedFile<'_>]) -> Result<Vec<String>, Failure> {
        let declaration = serde_json::to_string(self.dataset)
            .map_err(|error| Failure::caused_by("数据集声明无法读取", "the declaration cannot be read", &error))?;
        let mut settings: Vec<String> =
            files.iter().map(|claimed| format!("{:?} {:?}", claimed.source.region, claimed.source.encoding)).collect();
        settings.sort_unstable();
        settings.dedup();
        let mut basis = vec![env!("CARGO_PKG_VERSION").to_owned(), declaration];
        basis.push(self.site.config.admit_divisions.join(" "));
        basis.push(settings.join("\n"));
        basis.extend(self.corrections.ids().map(str::to_owned));
        Ok(basis)
    }

    async fn land(
        &self,
        files: &[ClaimedFile<'_>],
        digests: &[FileDigest],
        mut receipt: Receipt,
        stage: Stage,
    ) -> Result<(Receipt, WrittenTable), Failure> {
        let id = &self.dataset.id;
        let failed = |error: lake::LakeError| Failure::caused_by("写入失败", "rows cannot be written", &error);
        let batch = receipt.batch_id.clone();
        let mut rejects = RejectKeeper::new(self.site.lake.store(), id, &batch);
        let mut table = self.publication.writer(&self.dataset.landed_relation()).map_err(failed)?;
        receipt.corrections = self.corrections.untried();
        for (idx, (claimed, digest)) in files.iter().zip(digests).enumerate() {
            let kept_as = match &claimed.kept_as {
                Some(object) => object.clone(),
                None => {
                    let object = format!("raw/{id}/{batch}/{idx:04}");
                    self.keep_raw(claimed, &object).await?;
                    object
                }
            };
            let outlet = Outlet::Kept { table: &mut table, rejects: &mut rejects };
            let (report, tried) = self.read(claimed, &batch, stage.clone(), outlet).await?;
            receipt.add(FileOrigin { digest, source: &claimed.source.name, kept_as: &kept_as }, &report);
            receipt.corrections.extend(tried);
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
        Ok((receipt, written))
    }

    /// Counts what landing would do.
    async fn rehearse(
        &self,
        files: &[ClaimedFile<'_>],
        digests: &[FileDigest],
        mut receipt: Receipt,
        stage: Stage,
    ) -> Result<Receipt, Failure> {
        for (claimed, digest) in files.iter().zip(digests) {
            let (report, _) = self.read(claimed, &receipt.batch_id, stage.clone(), Outlet::Nowhere).await?;
            let kept_as = claimed.kept_as.as_deref().unwrap_or_default();
            receipt.add(FileOrigin { digest, source: &claimed.source.name, kept_as }, &report);
        }
        Ok(receipt)
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
        let (source, file, id) = (&claimed.source.name, &claimed.name, &self.dataset.id);
        Failure::failed(
            format!("来源 {source} 的文件 {file}(数据集 {id})无法读取:{zh};本次不发布"),
            format!("file `{file}` of source `{source}` (dataset {id}) cannot be read: {en}; nothing is published"),
        )
    }
}
