//! An opened site: declarations, tables, policies, keys.

use std::path::Path;

use lake::{Lake, SiteKey};
use policies::{PolicyFault, PolicySet};
use schemas::{Registry, Relation};

use crate::Failure;
use crate::config::{Config, ConfigFault};
use crate::databases::{self, Databases};
use crate::failure::{chain_of, counted};

/// What every command that touches data works on.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) policies: PolicySet,
    pub(crate) lake: Lake,
    pub(crate) key: SiteKey,
    pub(crate) databases: Databases,
}

impl Site {
    /// Opens everything the configuration names.
    pub(crate) async fn open(config_file: &Path) -> Result<Self, Failure> {
        Self::of_config(load_config(config_file)?).await
    }

    pub(crate) async fn of_config(config: Config) -> Result<Self, Failure> {
        let registry = registry(&config)?;
        let policies = load_policies(&config, &registry.relations())?;
        let lake = Lake::open(&config.data_folder, config.key.lake_keys()?)
            .map_err(|error| Failure::caused_by("无法打开数据目录", "the data folder cannot be opened", &error))?;
        let key =
            lake.keys().site_key().await.map_err(|error| {
                Failure::configuration(format!("密钥不可用:{}", chain_of(&error)), chain_of(&error))
            })?;
        let databases = Databases::open(&config.databases)?;
        Ok(Self { config, registry, policies, lake, key, databases })
    }
}

pub(crate) fn load_config(config_file: &Path) -> Result<Config, Failure> {
    Config::load(config_file).map_err(|faults| unsound_file("配置", "the configuration", &faults))
}

/// The faults of a file that is read like the configuration, under its name in both languages.
pub(crate) fn unsound_file(zh: &str, en: &str, faults: &[ConfigFault]) -> Failure {
    let lines_zh: Vec<String> = faults.iter().map(ConfigFault::line_zh).collect();
    let lines_en: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::configuration(
        format!("{zh}有 {} 处错误\n{}", faults.len(), lines_zh.join("\n")),
        format!("{} in {en}\n{}", counted(faults.len(), "fault"), lines_en.join("\n")),
    )
}

/// Shipped declarations, those of the site, what it reads in place, and the divisions it admits.
pub(crate) fn registry(config: &Config) -> Result<Registry, Failure> {
    let registry = databases::declare(declarations(config.dataset_folder.as_deref())?, &config.live)?;
    Ok(config.admit_divisions.iter().fold(registry, |registry, division| registry.admit_division(division)))
}

/// Shipped declarations and those of the site's folder, if it has one.
pub(crate) fn declarations(folder: Option<&Path>) -> Result<Registry, Failure> {
    let unsound = |error: &dyn std::error::Error| Failure::configuration(chain_of(error), chain_of(error));
    let mut registry = Registry::shipped().map_err(|error| unsound(&error))?;
    let Some(folder) = folder else { return Ok(registry) };
    let mut files: Vec<_> = std::fs::read_dir(folder)?.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "toml")) {
        let text = std::fs::read_to_string(file)?;
        registry = registry.with_dataset(&file.display().to_string(), &text).map_err(|error| unsound(&error))?;
    }
    Ok(registry)
}

pub(crate) fn load_policies(config: &Config, relations: &[Relation]) -> Result<PolicySet, Failure> {
    match &config.policy_file {
        Some(file) => parse_policies(&file.display().to_string(), &read_text(file)?, relations),
        None => parse_policies(SHIPPED_POLICIES, PolicySet::shipped_text(), relations),
    }
}

/// Named in faults where a site has no policy file of its own.
pub(crate) const SHIPPED_POLICIES: &str = "default.toml";

pub(crate) fn read_text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        let (zh, en) = (format!("无法读取 {}", file.display()), format!("{} cannot be read", file.display()));
        Failure::configuration(format!("{zh}:{error}"), format!("{en}: {error}"))
    })
}

/// Reads a policy text, or tells all its faults.
pub(crate) fn parse_policies(file: &str, text: &str, relations: &[Relation]) -> Result<PolicySet, Failure> {
    PolicySet::parse(file, text, relations).map_err(|faults| unsound_policies(&faults))
}

/// The faults of a policy file or of a file of cases.
pub(crate) fn unsound_policies(faults: &[PolicyFault]) -> Failure {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::configuration(
        format!("策略有 {} 处错误\n{}", lines.len(), lines.join("\n")),
        format!("{} in the policies\n{}", counted(lines.len(), "fault"), lines.join("\n")),
    )
}
