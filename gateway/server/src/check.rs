//! `datong check`: is this site fit to pull and serve? Changes nothing.

use std::path::Path;

use connectors::{Connector, ObjectStoreConnector};

use crate::Failure;
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
    for source in &config.sources {
        let found = match ObjectStoreConnector::from_url(&source.url, &source.options) {
            Ok(connector) => connector.discover().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(files) => screen.say(
                &format!("✓ 来源 {}:{} 个文件", source.name, files.len()),
                &format!("✓ source {}: {} files", source.name, files.len()),
            ),
            Err(error) => {
                problems += 1;
                screen.say(
                    &format!("✗ 来源 {}:{}", source.name, error.message_zh()),
                    &format!("✗ source {}: {}", source.name, chain_of(&error)),
                );
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
