//! Front-end databases: opened once, offered in SQL in place, checked by `datong check`.

use std::collections::BTreeMap;
use std::sync::Arc;

use database::{Database, DatabaseConfig, DatabaseError};
use live::{LiveColumn, LiveTable};
use query::PublishedTable;
use schemas::{Registry, Relation, RelationName};

use crate::Failure;
use crate::config::{Config, LiveConfig};
use crate::failure::chain_of;
use crate::site::Site;

/// The databases of a site by name. None is asked before it is needed.
#[derive(Debug, Default)]
pub(crate) struct Databases(BTreeMap<String, Arc<Database>>);

impl Databases {
    /// Prepares the pools. To be called within a tokio runtime, which their connections stay on.
    pub(crate) fn open(configs: &[DatabaseConfig]) -> Result<Self, Failure> {
        let mut databases = BTreeMap::new();
        for config in configs {
            let database = Database::open(config.clone(), tokio::runtime::Handle::current())
                .map_err(|error| Failure::configuration(error.message_zh(), chain_of(&error)))?;
            databases.insert(config.name.clone(), Arc::new(database));
        }
        Ok(Self(databases))
    }

    /// The database that the configuration calls so.
    pub(crate) fn named(&self, name: &str) -> Result<&Arc<Database>, Failure> {
        self.0.get(name).ok_or_else(|| {
            Failure::configuration(format!("没有数据库 {name}"), format!("no database is called `{name}`"))
        })
    }
}

/// A failure of a command that a database caused.
pub(crate) fn failed(error: &DatabaseError) -> Failure {
    Failure::failed(error.message_zh(), chain_of(error))
}

/// Declares what is read in place.
pub(crate) fn declare(registry: Registry, live: &[LiveConfig]) -> Result<Registry, Failure> {
    live.iter().try_fold(registry, |registry, live| {
        let relation = relation_of(&registry, live)?;
        Ok(registry.with_live(relation))
    })
}

fn relation_of(registry: &Registry, live: &LiveConfig) -> Result<Relation, Failure> {
    let fields: Vec<&str> = live.columns.iter().map(|(field, _)| field.as_str()).collect();
    let relation =
        registry.dataset(&live.dataset).and_then(|dataset| dataset.live_relation(live.relation.clone(), &fields));
    relation.ok_or_else(|| {
        Failure::configuration(
            format!("{} 的数据集或字段没有声明", live.relation),
            format!("the dataset or fields of `{}` are not declared", live.relation),
        )
    })
}

/// Every relation that is read in place, as a raw table.
pub(crate) fn tables(site: &Site) -> Result<BTreeMap<RelationName, PublishedTable>, Failure> {
    let mut tables = BTreeMap::new();
    for live in &site.config.live {
        let (relation, table) = table(&site.registry, &site.databases, live)?;
        tables.insert(live.relation.clone(), PublishedTable { relation, provider: Arc::new(table) });
    }
    Ok(tables)
}

fn table(registry: &Registry, databases: &Databases, live: &LiveConfig) -> Result<(Relation, LiveTable), Failure> {
    let relation = relation_of(registry, live)?;
    let columns = relation.columns.iter().map(|column| {
        let called = live.columns.iter().find(|(field, _)| *field == column.name);
        let remote = called.map_or_else(|| column.name.to_string(), |(_, remote)| remote.clone());
        LiveColumn { name: column.name.to_string(), remote }
    });
    let database = Arc::clone(databases.named(&live.database)?);
    let table = LiveTable::new(&relation, database, live.table.clone(), columns.collect());
    Ok((relation, table))
}

/// Asks each database whether it has what is read in place, as declared.
pub(crate) async fn check<'c>(
    config: &'c Config,
    registry: &Registry,
    databases: &Databases,
) -> Result<Vec<(&'c RelationName, Option<DatabaseError>)>, Failure> {
    let mut found = Vec::with_capacity(config.live.len());
    for live in &config.live {
        let (_, table) = table(registry, databases, live)?;
        found.push((&live.relation, table.check().await.err()));
    }
    Ok(found)
}
