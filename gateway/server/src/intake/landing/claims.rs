//! Which files belong to which dataset: those that sources offer now, or those kept from an earlier pull.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::{Connector, ConnectorError, FileReceipt, ObjectStoreConnector, Receipt, SourceFile, SourceOptions};
use object_store::ObjectStoreExt;
use object_store::path::Path as ObjectPath;
use schemas::{Dataset, DatasetId};

use super::declared;
use crate::Failure;
use crate::config::{SourceConfig, SourceOrigin, TableConfig};
use crate::failure::chain_of;
use crate::intake::tables::{self, Taken};
use crate::site::Site;

/// Where the files of a pull come from.
#[derive(Debug, Clone, Copy)]
pub(in crate::intake) enum Origin<'o> {
    /// What these sources offer.
    Sources(&'o [SourceConfig]),
    /// The files of these receipts, as they are kept.
    Kept(&'o [Receipt]),
}

/// One file with its source.
#[derive(Debug)]
pub(super) struct ClaimedFile<'s> {
    pub(super) source: &'s SourceConfig,
    pub(super) connector: Arc<ObjectStoreConnector>,
    /// What to open.
    pub(super) file: SourceFile,
    /// Its name below its source.
    pub(super) name: String,
    /// Where its bytes are kept already.
    pub(super) kept_as: Option<String>,
}

/// Files by dataset, and those that no dataset of their source claims.
#[derive(Debug, Default)]
pub(super) struct Claims<'s> {
    pub(super) files: BTreeMap<DatasetId, Vec<ClaimedFile<'s>>>,
    pub(super) unclaimed: Vec<String>,
    /// What was taken from tables of databases.
    pub(super) taken: Vec<Taken>,
}

impl<'s> Claims<'s> {
    pub(super) async fn of(site: &'s Site, origin: Origin<'s>) -> Result<Self, Failure> {
        let mut claims = Self::default();
        match origin {
            Origin::Sources(sources) => {
                for source in sources {
                    claims.claim_offered(site, source).await?;
                }
            }
            Origin::Kept(receipts) => {
                let connector = Arc::new(ObjectStoreConnector::over(site.lake.store()));
                for receipt in receipts {
                    let mut files = Vec::with_capacity(receipt.files.len());
                    for file in &receipt.files {
                        files.push(kept(site, &receipt.dataset, file, &connector).await?);
                    }
                    claims.files.insert(receipt.dataset.clone(), files);
                }
            }
        }
        Ok(claims)
    }

    async fn claim_offered(&mut self, site: &Site, source: &'s SourceConfig) -> Result<(), Failure> {
        for id in &source.datasets {
            declared(site, id)?;
            self.files.entry(id.clone()).or_default();
        }
        match &source.origin {
            SourceOrigin::Files { url, options } => self.claim_files(site, source, url, options).await,
            SourceOrigin::Tables { database, tables } => self.claim_tables(site, source, database, tables).await,
        }
    }

    /// What tables offer, each as one file.
    async fn claim_tables(
        &mut self,
        site: &Site,
        source: &'s SourceConfig,
        database: &str,
        tables: &[TableConfig],
    ) -> Result<(), Failure> {
        let connector = Arc::new(ObjectStoreConnector::over(site.lake.store()));
        for table in tables {
            let (file, taken) = tables::take(site, source, database, table).await?;
            self.taken.push(taken);
            self.files.entry(table.dataset.clone()).or_default().push(ClaimedFile {
                source,
                connector: Arc::clone(&connector),
                name: format!("{}.csv", table.table),
                file,
                kept_as: None,
            });
        }
        Ok(())
    }

    async fn claim_files(
        &mut self,
        site: &Site,
        source: &'s SourceConfig,
        url: &str,
        options: &SourceOptions,
    ) -> Result<(), Failure> {
        let unreachable = |error: &ConnectorError| {
            Failure::failed(
                format!("来源 {}({url})不可用:{}", source.name, error.message_zh()),
                format!("source `{}` ({url}) cannot be used: {}", source.name, chain_of(error)),
            )
        };
        let connector = ObjectStoreConnector::from_url(url, options);
        let connector = Arc::new(connector.map_err(|error| unreachable(&error))?);
        let files = connector.discover().await.map_err(|error| unreachable(&error))?;
        for file in files {
            let owner = source
                .datasets
                .iter()
                .filter_map(|id| site.registry.dataset(id))
                .filter_map(|dataset| Some((words_found(dataset, &file.name)?, &dataset.id)))
                .max_by_key(|(length, _)| *length);
            match owner {
                Some((_, id)) => self.files.entry(id.clone()).or_default().push(ClaimedFile {
                    source,
                    connector: Arc::clone(&connector),
                    name: file.name.clone(),
                    file,
                    kept_as: None,
                }),
                None => self.unclaimed.push(format!("{}: {}", source.name, file.name)),
            }
        }
        Ok(())
    }
}

/// A file of an earlier pull. What its source is configured to be now decides how it is read.
async fn kept<'s>(
    site: &'s Site,
    dataset: &DatasetId,
    file: &FileReceipt,
    connector: &Arc<ObjectStoreConnector>,
) -> Result<ClaimedFile<'s>, Failure> {
    let sources = || site.config.sources.iter().filter(|source| source.datasets.contains(dataset));
    let source = sources().find(|source| source.name == file.source).or_else(|| sources().next()).ok_or_else(|| {
        Failure::configuration(
            format!("没有来源提供数据集 {dataset}"),
            format!("no source is configured for dataset `{dataset}`"),
        )
    })?;
    let found = site.lake.store().head(&ObjectPath::from(file.kept_as.as_str())).await;
    let found = found.map_err(|error| {
        Failure::caused_by(
            &format!("文件 {} 的原始内容无法读取,请重新接入 {dataset}", file.name),
            &format!("what was kept of file `{}` cannot be read, pull {dataset} again", file.name),
            &error,
        )
    })?;
    let object = SourceFile {
        name: file.kept_as.clone(),
        size: found.size,
        etag: found.e_tag,
        last_modified: found.last_modified,
    };
    Ok(ClaimedFile {
        source,
        connector: Arc::clone(connector),
        file: object,
        name: file.name.clone(),
        kept_as: Some(file.kept_as.clone()),
    })
}

/// Length of the longest word of the dataset in the file's own name; the longest of all datasets wins.
fn words_found(dataset: &Dataset, name: &str) -> Option<usize> {
    let name = name.rsplit('/').next().unwrap_or(name);
    dataset.file_words.iter().filter(|word| name.contains(word.as_str())).map(|word| word.chars().count()).max()
}
