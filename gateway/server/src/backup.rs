//! `datong backup`: a site in one sealed file, and back again.
//!
//! An archive is a [`lake::SealedLog`] of records ([`mod@format`]): a beginning, entries with their bytes in pieces, and a manifest
//! that counts and digests all of them. What lies in the data folder is copied as the ciphertext it is and sealed once more,
//! together with policies, settings, wrapped keys and the access log. The one thing that is never in it is the key file.
//!
//! Everything in an archive is as of its beginning: the version published then, the access log up to then. Both are only ever
//! added to, so pulls, purges and a running server go on meanwhile ([`create`] says how a purge is noticed).

mod create;
mod data_folder;
mod drill;
mod format;
mod plan;
mod reader;
mod restore;
mod settings;
mod tally;
mod verify;
mod writer;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lake::{DerivedKey, LogError, MasterKey};

use crate::Failure;
use crate::config::{KeyConfig, KeyLocation};
use crate::failure::chain_of;
use crate::screen::Screen;
use crate::site::load_config;

/// Part of the seal of every archive.
const LABEL: &str = "datong archive";

/// What to do with archives.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Write an archive of the site; killed, the same command goes on where it was 备份;中断后重新运行可续传
    #[command(
        after_help = "In it 包含: datong.toml, policies, withdrawn subjects, datasets, certificates, access log, tables, and, sealed \
        like the rest, the keys that sign tokens and serve TLS 以及令牌签名与 TLS 私钥(均已加密).\nNever in it 绝不包含: the key file \
        of [data]. Without it nobody opens the archive: keep a copy elsewhere 主密钥文件须另行保管.\nExports are not in it \
        不含来源导出文件.\n\nExample 示例:\n  datong backup create --out /backups/site-2026-11-22.dtb"
    )]
    Create {
        /// File to write; never overwritten 输出文件
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read the whole archive and check every seal and digest 核验备份
    Verify(ArchiveArguments),
    /// Make a site of an archive and the key file, on any machine 恢复
    #[command(after_help = "Example 示例:\n  datong backup restore site.dtb --into ./site --key-file ./datong.key")]
    Restore {
        #[command(flatten)]
        archive: ArchiveArguments,
        /// Folder of the site to be; missing or empty 目标目录
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
    /// Rehearse a restore in a temporary folder ($TMPDIR) and compare what is in it 恢复演练
    Drill(ArchiveArguments),
}

/// Which archive, and its key.
#[derive(Debug, Args)]
pub(crate) struct ArchiveArguments {
    /// Archive 备份文件
    file: PathBuf,
    /// Key file of the site; that of the configuration if left out 主密钥文件
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl ArchiveArguments {
    /// The key that is meant.
    fn key(&self, config: &Path) -> Result<KeyConfig, Failure> {
        match &self.key_file {
            Some(file) => Ok(KeyConfig::of_file(file.clone())),
            None => Ok(load_config(config)?.key),
        }
    }
}

/// `datong backup`.
pub(crate) async fn run(config: &Path, command: &BackupCommand, screen: &Screen) -> Result<(), Failure> {
    match command {
        BackupCommand::Create { out } => create::run(config, out, screen).await,
        BackupCommand::Verify(archive) => verify::run(&archive.file, &archive_key(&archive.key(config)?)?, screen),
        BackupCommand::Restore { archive, into } => {
            restore::run(&archive.file, &archive_key(&archive.key(config)?)?, into, screen)
        }
        BackupCommand::Drill(archive) => drill::run(&archive.file, archive.key(config)?, screen).await,
    }
}

/// The key archives are sealed under. It follows from the key-encryption key alone: whatever else a site has is inside the archive.
fn archive_key(key: &KeyConfig) -> Result<DerivedKey, Failure> {
    let found = match &key.location {
        KeyLocation::File(file) => MasterKey::load(file),
        KeyLocation::Environment(name) => MasterKey::from_env(name),
        // A key service does not give its key away, and there is nothing else outside of the archive to seal it under.
        KeyLocation::Command(_) => {
            return Err(Failure::configuration(
                "备份需要密钥文件或环境变量中的密钥(key_file 或 key_env),key_command 不支持",
                "archives need a key in a file or in the environment (key_file or key_env), not key_command",
            ));
        }
    };
    let key =
        found.map_err(|error| Failure::configuration(format!("密钥不可用:{}", chain_of(&error)), chain_of(&error)))?;
    Ok(key.derive("backup"))
}

/// What a failing sealed file means for an archive.
fn sealed_failure(file: &Path, error: &LogError) -> Failure {
    let shown = file.display();
    match error {
        LogError::NotSealed => Failure::failed(
            format!("{shown} 不是备份文件,或由另一密钥加密"),
            format!("{shown} is no archive, or was sealed under another key"),
        ),
        LogError::InUse => {
            Failure::failed(format!("{shown} 正由另一进程写入"), format!("{shown} is being written by another process"))
        }
        LogError::Damaged { number } => Failure::failed(
            format!("{shown} 已损坏:第 {number} 条记录被改动"),
            format!("{shown} is damaged: record {number} was changed, removed or moved"),
        ),
        _ => {
            let chain = chain_of(error);
            Failure::failed(format!("{shown} 无法读写:{chain}"), format!("{shown} cannot be read or written: {chain}"))
        }
    }
}
