//! Delta tables on the encrypted store.
//!
//! The log stores are made directly on this lake's store, not looked up by URL in delta-rs' process-wide registries: two
//! lakes in one process cannot meet. DataFusion finds a store by scheme and host of a file's URL, therefore every lake
//! has a host name of its own, random per process.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use datafusion::catalog::TableProvider;
use datafusion::datasource::object_store::ObjectStoreUrl;
use deltalake::DeltaTable;
use deltalake::checkpoints::create_checkpoint;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, DeletionVectorDescriptor, MetadataExt, StructType};
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTableError, TableProperty};
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use schemas::{Relation, RelationName};
use url::Url;

use crate::key::DerivedKey;
use crate::pinned_table::PinnedTable;
use crate::records::{IndexTypes, RecordWriter};
use crate::rows_table::RowsTable;
use crate::{KeyRing, LakeError, PublishedIndex, RecordIndex};

/// Attempts to commit against others who commit to the same table. Only one of them will be published anyway.
const COMMIT_ATTEMPTS: usize = 10;

/// Tables kept open, over all versions. A table costs some kilobytes and its file list.
const OPEN_TABLES_MAX: usize = 512;

/// All Delta tables of one lake.
pub(crate) struct Tables {
    store: Arc<dyn ObjectStore>,
    /// Host part of this lake's URLs.
    instance: String,
    open: Mutex<HashMap<(RelationName, u64), Arc<PinnedTable>>>,
    keys: Arc<KeyRing>,
    /// Indexes that somebody holds, by their names.
    indexes: Mutex<HashMap<String, Weak<RecordIndex>>>,
}

impl Tables {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, keys: Arc<KeyRing>) -> Result<Self, LakeError> {
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|source| LakeError::NoRandom { source })?;
        let instance = format!("lake-{}", hex::encode(number));
        Ok(Self { store, instance, open: Mutex::default(), keys, indexes: Mutex::default() })
    }

    /// Below this are the keys under which identifiers are hashed.
    pub(crate) async fn index_key(&self) -> Result<DerivedKey, LakeError> {
        Ok(self.keys.site_key().await?.derive("lake/index/v1"))
    }

    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// Where the table's files lie.
    pub(crate) fn folder(relation: &RelationName) -> Path {
        Path::from_iter(["tables", relation.schema(), relation.table()])
    }

    /// Where the files of all tables lie.
    pub(crate) fn all_folders() -> Path {
        Path::from("tables")
    }

    /// The table to which a file of rows belongs; none for any other object.
    pub(crate) fn relation_of(file: &Path) -> Option<RelationName> {
        let parts: Vec<_> = file.parts().collect();
        let [tables, schema, table, name] = parts.as_slice() else { return None };
        let is_rows = tables.as_ref() == "tables" && name.as_ref().ends_with(".parquet");
        let relation = format!("{}.{}", schema.as_ref(), table.as_ref());
        is_rows.then(|| RelationName::try_from(relation.as_str()).ok()).flatten()
    }

    fn log_store(&self, relation: &RelationName) -> Result<LogStoreRef, DeltaTableError> {
        let folder = Self::folder(relation);
        let url = Url::parse(&format!("datong-lake://{}/{folder}/", self.instance))
            .map_err(|_| DeltaTableError::InvalidTableLocation(relation.to_string()))?;
        let table_store = Arc::new(PrefixStore::new(self.store(), folder));
        Ok(default_logstore(table_store, self.store(), &url, &StorageConfig::default()))
    }

    /// The table as it was at `version`. Opened once.
    pub(crate) async fn at_version(
        &self,
        relation: &RelationName,
        version: u64,
    ) -> Result<Arc<PinnedTable>, LakeError> {
        let name = (relation.clone(), version);
        if let Some(open) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Arc::clone(open));
        }
        let table = Arc::new(self.load(relation, version).await.map_err(LakeError::table(relation))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_TABLES_MAX {
            open.clear();
        }
        open.insert(name, Arc::clone(&table));
        Ok(table)
    }

    /// A writer for the index of a table that is being written; none if its records are not asked for one by one.
    pub(crate) fn index_writer(&self, index_key: &DerivedKey, relation: &Relation, name: &str) -> Option<RecordWriter> {
        RecordWriter::new(&self.store, index_key, relation, name)
    }

    /// The index of a table at one version. Opened once for all who hold it at the same time.
    pub(crate) async fn index(
        &self,
        relation: &RelationName,
        published: &PublishedIndex,
        table: &PinnedTable,
    ) -> Result<Arc<RecordIndex>, LakeError> {
        let open = || self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = open().get(&published.name).and_then(Weak::upgrade) {
            return Ok(index);
        }
        let types = IndexTypes { declared: Arc::clone(&table.schema), read_as: table.rows.schema() };
        let index = RecordIndex::open(self.store(), &self.index_key().await?, relation, published, types).await?;
        let index = Arc::new(index);
        let mut open = open();
        open.retain(|_, index| index.strong_count() > 0);
        open.insert(published.name.clone(), Arc::downgrade(&index));
        Ok(index)
    }

    async fn load(&self, relation: &RelationName, version: u64) -> Result<PinnedTable, DeltaTableError> {
        let mut table = DeltaTable::new(self.log_store(relation)?);
        table.load_version(version).await?;
        let url = ObjectStoreUrl::parse(format!("datong-lake://{}", self.instance))?;
        PinnedTable::of(&table, &Self::folder(relation), |schema, files| {
            RowsTable::new(self.store(), url, schema, files)
        })
    }

    /// Writes down what the table is at `version`, so that it opens without the entries of its log before.
    pub(crate) async fn checkpoint(&self, relation: &RelationName, version: u64) -> Result<(), LakeError> {
        let failed = LakeError::table(relation);
        let mut table = DeltaTable::new(self.log_store(relation).map_err(&failed)?);
        table.load_version(version).await.map_err(&failed)?;
        create_checkpoint(&table, None).await.map_err(&failed)
    }

    /// Commits a version that holds exactly `files`, on top of the latest one, whether that one was published or not.
    pub(crate) async fn replace(&self, relation: &Relation, files: &[Add]) -> Result<u64, LakeError> {
        let failed = LakeError::table(&relation.name);
        for _ in 0..COMMIT_ATTEMPTS {
            match self.try_replace(relation, files).await {
                Err(error) if lost_a_race(&error) => tracing::debug!(relation = %relation.name, "commit again"),
                result => return result.map_err(failed),
            }
        }
        Err(LakeError::Conflict)
    }

    async fn try_replace(&self, relation: &Relation, files: &[Add]) -> Result<u64, DeltaTableError> {
        let log_store = self.log_store(&relation.name)?;
        let schema: StructType = relation.arrow_schema().as_ref().try_into_kernel()?;
        if !log_store.is_delta_table_location().await? {
            return match create(Arc::clone(&log_store), relation, &schema, files.to_vec()).await {
                // Somebody else created it after we looked. delta-rs looks once more before it writes, and its error for
                // what it finds then has no type that can be told from others.
                Err(DeltaTableError::GenericError { .. }) if log_store.is_delta_table_location().await? => {
                    Err(DeltaTableError::VersionAlreadyExists(0))
                }
                result => result,
            };
        }
        let mut table = DeltaTable::new(Arc::clone(&log_store));
        table.load().await?;
        let state = table.snapshot()?;
        // A file stays as it is if the same rows of it count.
        let wanted: HashSet<FileState> =
            files.iter().map(|add| (add.path.clone(), vector_of(add.deletion_vector.as_ref()))).collect();
        let mut there = HashSet::new();
        let mut actions = Vec::new();
        for file in state.log_data() {
            let is = (file.path().into_owned(), vector_of(file.deletion_vector_descriptor().as_ref()));
            if !wanted.contains(&is) {
                actions.push(Action::Remove(file.remove_action(true)));
            }
            there.insert(is);
        }
        if state.schema().as_ref() != &schema {
            actions.push(Action::Metadata(state.metadata().clone().with_schema(&schema)?));
        }
        let is_new = |add: &&Add| !there.contains(&(add.path.clone(), vector_of(add.deletion_vector.as_ref())));
        actions.extend(files.iter().filter(is_new).cloned().map(Action::Add));
        let operation = DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by: None, predicate: None };
        // No retries inside: what is removed must be what the latest version holds.
        let commit = CommitBuilder::from(commit_properties().with_max_retries(0))
            .with_actions(actions)
            .build(Some(state), log_store, operation)
            .await?;
        Ok(commit.version())
    }
}

/// A file, and which of its rows do not count.
type FileState = (String, Option<String>);

fn vector_of(descriptor: Option<&DeletionVectorDescriptor>) -> Option<String> {
    descriptor.map(|descriptor| descriptor.path_or_inline_dv.clone())
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").field("store", &self.store).field("instance", &self.instance).finish_non_exhaustive()
    }
}

async fn create(
    log_store: LogStoreRef,
    relation: &Relation,
    schema: &StructType,
    files: Vec<Add>,
) -> Result<u64, DeltaTableError> {
    let table = CreateBuilder::new()
        .with_log_store(log_store)
        .with_columns(schema.fields().cloned())
        // Log entries are kept: a version stays readable as long as it is published, however old it is.
        .with_configuration_property(TableProperty::EnableExpiredLogCleanup, Some("false"))
        // A change leaves files as they are and says which of their rows do not count any more.
        .with_configuration_property(TableProperty::EnableDeletionVectors, Some("true"))
        // Other columns have no minimum and maximum in the log: files are skipped by key, and rows within a file by the
        // statistics of its pages.
        .with_configuration_property(TableProperty::DataSkippingStatsColumns, Some(relation.key.as_str()))
        .with_actions(files.into_iter().map(Action::Add))
        .with_commit_properties(commit_properties())
        .await?;
    table.version().ok_or(DeltaTableError::NotInitialized)
}

fn commit_properties() -> CommitProperties {
    CommitProperties::default().with_cleanup_expired_logs(Some(false))
}

fn lost_a_race(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => {
            matches!(source, TransactionError::MaxCommitAttempts(_) | TransactionError::CommitConflict(_))
        }
        _ => false,
    }
}
