//! `[data]`: where the sealed tables lie, and who opens them.

use std::path::PathBuf;
use std::sync::Arc;

use lake::{AES_256_GCM, KeyCommand, KeyEncryption, KeyFile, LakeKeys, MasterKey, SUITES, Suite, suite_named};

use super::Reading;
use super::reader::Section;
use crate::Failure;
use crate::failure::chain_of;

/// The section as read.
pub(super) struct DataConfig {
    pub(super) folder: PathBuf,
    pub(super) key: KeyConfig,
    pub(super) audit_folder: PathBuf,
}

/// What wraps the keys of the data folder, and the suite of the keys to come.
#[derive(Debug, Clone)]
pub(crate) struct KeyConfig {
    pub(crate) location: KeyLocation,
    pub(crate) suite: Suite,
}

/// Where the key-encryption key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyLocation {
    /// A file only its owner may read.
    File(PathBuf),
    /// An environment variable, as service managers hand out credentials.
    Environment(String),
    /// A program that speaks with a key service, with its arguments.
    Command(Vec<String>),
}

impl KeyConfig {
    /// A key in a file, and the suite that is usual.
    pub(crate) fn of_file(file: PathBuf) -> Self {
        Self { location: KeyLocation::File(file), suite: AES_256_GCM }
    }

    /// The key-encryption key. It is read now, as the configuration is: one that is missing or damaged is a fault of the
    /// configuration. Only a program is not run before it is needed.
    pub(crate) fn encryption(&self) -> Result<Arc<dyn KeyEncryption>, Failure> {
        let unusable = |error: lake::KeyError| {
            Failure::configuration(format!("密钥不可用:{}", chain_of(&error)), chain_of(&error))
        };
        Ok(match &self.location {
            KeyLocation::File(file) => Arc::new(KeyFile::new(file).map_err(unusable)?),
            KeyLocation::Environment(name) => Arc::new(MasterKey::from_env(name).map_err(unusable)?),
            KeyLocation::Command(words) => {
                let (program, arguments) = words.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
                Arc::new(KeyCommand::new(program, arguments.to_vec()))
            }
        })
    }

    /// The keys of the lake.
    pub(crate) fn lake_keys(&self) -> Result<LakeKeys, Failure> {
        Ok(LakeKeys::new(self.encryption()?, self.suite))
    }
}

impl Reading<'_, '_> {
    pub(super) fn data(&mut self, top: &Section) -> Option<DataConfig> {
        let section = self.document.required_section(top, "data")?;
        let folder = self.document.required_text(&section, "folder");
        let location = self.key_location(&section);
        let suite = self.suite(&section);
        let audit = self.document.text(&section, "audit_folder");
        self.document.close(&section, &["folder", "key_file", "key_env", "key_command", "suite", "audit_folder"]);
        let folder = self.path(folder)?;
        let audit_folder = self.path(audit).unwrap_or_else(|| folder.join("audit"));
        Some(DataConfig { folder, key: KeyConfig { location: location?, suite: suite? }, audit_folder })
    }

    fn key_location(&mut self, section: &Section) -> Option<KeyLocation> {
        let file = self.document.text(section, "key_file");
        let variable = self.document.text(section, "key_env");
        let command = self.document.texts(section, "key_command");
        match (self.path(file), variable, command.as_slice()) {
            (Some(file), None, []) => Some(KeyLocation::File(file)),
            (None, Some(variable), []) => Some(KeyLocation::Environment(variable)),
            (None, None, [_, ..]) => Some(KeyLocation::Command(command)),
            // The usual one is the one to name.
            (None, None, []) => {
                self.document.fault_in(section, "缺少 key_file", "`key_file` is missing");
                None
            }
            _ => {
                self.document.fault_in(
                    section,
                    "key_file、key_env 与 key_command 只能给出一个",
                    "only one of key_file, key_env and key_command can be given",
                );
                None
            }
        }
    }

    fn suite(&mut self, section: &Section) -> Option<Suite> {
        let Some(name) = self.document.text(section, "suite") else { return Some(AES_256_GCM) };
        let suite = suite_named(&name);
        if suite.is_none() {
            let known = SUITES.map(|suite| suite.name()).join(", ");
            self.document.fault_at(
                section,
                "suite",
                &format!("未知算法套件 {name};可用 {known}"),
                &format!("unknown suite `{name}`: use one of {known}"),
            );
        }
        suite
    }
}
