//! `datong check`: is this site fit to pull and serve? Changes nothing.

use std::path::Path;
use std::sync::Arc;

use connectors::{Connector, ConnectorError, ObjectStoreConnector, SourceOptions};
use database::Database;

use crate::Failure;
use crate::config::{SourceOrigin, TableConfig};
use crate::databases::{self, Databases};
use crate::failure::{chain_of, counted};
use crate::screen::Screen;
use crate::site::{load_config, load_policies, registry};

/// `datong check`.
pub(crate) async fn run(config_file: &Path, screen: &Screen) -> Result<(), Failure> {
    let config = load_config(config_file)?;
    let registry = registry(&config)?;
    let policies = load_policies(&config, &registry.relations())?;
    let _usable = config.key.encryption()?;
    let mut problems = 0_usize;
    let databases = Databases::open(&config.databases)?;
    for source in &config.sources {
        let (found, zh, en) = match &source.origin {
            SourceOrigin::Files { url, options } => (files_at(url, options).await, "个文件", "files"),
            SourceOrigin::Tables { database, tables } => {
                (tables_in(databases.named(database)?, tables).await, "张表", "tables")
            }
        };
        let name = &source.name;
        match found {
            Ok(n) => screen.say(&format!("✓ 来源 {name}:{n} {zh}"), &format!("✓ source {name}: {n} {en}")),
            Err(failure) => {
                problems += 1;
                screen.say(&format!("✗ 来源 {name}:{}", failure.zh()), &format!("✗ source {name}: {failure}"));
            }
        }
    }
    for (relation, error) in databases::check(&config, &registry, &databases).await? {
        match error {
            None => screen.say(&format!("✓ 直读 {relation}"), &format!("✓ live {relation}")),
            Some(error) => {
                problems += 1;
                let zh = error.message_zh();
                screen.say(&format!("✗ 直读 {relation}:{zh}"), &format!("✗ live {relation}: {}", chain_of(&error)));
            }
        }
    }
    let n_roles = policies.roles().count();
    screen.say(
        &format!("✓ 策略 {}:{n_roles} 个角色", policies.version()),
        &format!("✓ policies {}: {n_roles} roles", policies.version()),
    );
    if problems == 0 {
        screen.say("检查通过", "all well");
        return Ok(());
    }
    Err(Failure::problems_found(
        format!("检查发现 {problems} 个问题"),
        format!("{} found", counted(problems, "problem")),
    ))
}

/// Files that a source offers.
async fn files_at(url: &str, options: &SourceOptions) -> Result<usize, Failure> {
    let failed = |error: &ConnectorError| Failure::failed(error.message_zh(), chain_of(error));
    let connector = ObjectStoreConnector::from_url(url, options).map_err(|error| failed(&error))?;
    connector.discover().await.map(|files| files.len()).map_err(|error| failed(&error))
}

/// Tables that a source offers: all that are configured, or the reason why not.
async fn tables_in(database: &Arc<Database>, tables: &[TableConfig]) -> Result<usize, Failure> {
    for table in tables {
        database.describe(&table.table).await.map_err(|error| databases::failed(&error))?;
    }
    Ok(tables.len())
}
