//! `datong key`: the keys of the data folder.

mod shred;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Subcommand;
use lake::{KeyClass, KeyEncryption, KeyError, KeyFile, MasterKey};

use crate::Failure;
use crate::failure::chain_of;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// What to do with the keys of the data folder.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommands {
    /// Which keys there are: class, epoch, suite, age, and what lies under them 密钥状态
    Status,
    /// Give every class, or those named, a new key; what is there stays readable 轮换数据密钥
    #[command(after_help = "Example 示例:\n  datong key rotate\n  datong key rotate police.resident unified.person")]
    Rotate {
        /// Tables or datasets, `site` for what is no table's; all if left out 类别
        classes: Vec<String>,
    },
    /// Make a new key file 生成新的密钥文件
    Create {
        /// File to make; never inside the data folder 文件
        file: PathBuf,
    },
    /// Wrap the keys by another key file; no data is written anew 更换主密钥
    #[command(
        after_help = "Example 示例:\n  datong key create keys/next.key\n  datong key rewrap --new-key-file keys/next.key\n  \
                      (then key_file = \"keys/next.key\" 然后修改配置)"
    )]
    Rewrap {
        /// The key file that is to open everything from now on 新的密钥文件
        #[arg(long)]
        new_key_file: PathBuf,
    },
    /// Destroy a dataset: its keys, what was made of it, and older versions; cannot be undone 销毁一个数据集
    #[command(after_help = "Example 示例:\n  datong key shred health.chronic_visit --yes")]
    Shred {
        /// Dataset 数据集
        dataset: String,
        /// Really 确认
        #[arg(long)]
        yes: bool,
    },
}

/// `datong key`.
pub(crate) async fn run(config: &Path, command: &KeyCommands, screen: &Screen) -> Result<(), Failure> {
    if let KeyCommands::Create { file } = command {
        return create(file, screen);
    }
    let site = Site::open(config).await?;
    match command {
        KeyCommands::Status => status(&site, screen).await,
        KeyCommands::Rotate { classes } => rotate(&site, classes, screen).await,
        KeyCommands::Rewrap { new_key_file } => rewrap(&site, new_key_file, screen).await,
        KeyCommands::Shred { dataset, yes } => shred::run(&site, dataset, *yes, screen).await,
        KeyCommands::Create { .. } => Ok(()),
    }
}

pub(crate) fn failed(error: &KeyError) -> Failure {
    Failure::failed(format!("密钥环:{}", chain_of(error)), format!("the key ring: {}", chain_of(error)))
}

async fn status(site: &Site, screen: &Screen) -> Result<(), Failure> {
    let keys = site.lake.keys();
    let all = keys.status().await.map_err(|error| failed(&error))?;
    let usage = site.lake.key_usage().await;
    let usage = usage.map_err(|error| Failure::caused_by("无法清点对象", "objects cannot be counted", &error))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|key| {
            let under = usage.get(&key.id).copied().unwrap_or_default();
            let state = match (key.destroyed_at, key.seals) {
                (Some(at), _) => format!("{} {}", screen.pick("销毁于", "destroyed"), minute(at)),
                (None, true) => screen.pick("加密并解密", "seals and opens").to_owned(),
                (None, false) => screen.pick("仅解密", "opens").to_owned(),
            };
            vec![
                key.class.to_string(),
                key.epoch.to_string(),
                key.id.clone(),
                key.suite.to_owned(),
                minute(key.made_at),
                state,
                thousands(under.n_objects),
                thousands(under.bytes),
            ]
        })
        .collect();
    let headings =
        ["类别 class", "期 epoch", "编号 id", "套件 suite", "生成 made", "状态 state", "对象 objects", "字节 bytes"];
    screen.table(&headings, &rows);
    let name = keys.wrapped_by().await.map_err(|error| failed(&error))?;
    screen.say(&format!("主密钥 {name}"), &format!("wrapped by key-encryption key {name}"));
    Ok(())
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

async fn rotate(site: &Site, classes: &[String], screen: &Screen) -> Result<(), Failure> {
    let unknown = |error: KeyError| Failure::usage(format!("没有这一类别的数据密钥:{error}"), chain_of(&error));
    let classes: Result<Vec<KeyClass>, KeyError> =
        classes.iter().map(|name| KeyClass::try_from(name.as_str())).collect();
    let n_made = match site.lake.keys().rotate(&classes.map_err(unknown)?).await {
        Err(error @ KeyError::NoSuchClass { .. }) => return Err(unknown(error)),
        rotated => rotated.map_err(|error| failed(&error))?,
    };
    screen.say(
        &format!("已生成 {n_made} 个新密钥;旧数据仍可读,各表在下次写入时改用新密钥"),
        &format!("{n_made} new keys; what is there stays readable, tables move to them as they are written anew"),
    );
    Ok(())
}

fn create(file: &Path, screen: &Screen) -> Result<(), Failure> {
    MasterKey::create(file).map_err(|error| Failure::usage(chain_of(&error), chain_of(&error)))?;
    screen.say(
        &format!("已生成 {};请另行备份,没有它什么都读不出来", file.display()),
        &format!("wrote {}; keep a copy elsewhere, without it nothing can be read", file.display()),
    );
    Ok(())
}

async fn rewrap(site: &Site, new_key_file: &Path, screen: &Screen) -> Result<(), Failure> {
    let next = KeyFile::new(new_key_file).map_err(|error| Failure::usage(chain_of(&error), chain_of(&error)))?;
    let folder = site.config.data_folder.canonicalize()?;
    if next.origin().is_some_and(|file| file.starts_with(&folder)) {
        return Err(Failure::usage("密钥文件不能放在数据目录内", "the key file must not lie inside the data folder"));
    }
    let n_keys = site.lake.keys().rewrap(&next).await.map_err(|error| failed(&error))?;
    let file = new_key_file.display();
    screen.say(
        &format!("{n_keys} 个密钥已改由 {file} 保护。请把配置中的 key_file 改为它;旧密钥文件不再能打开数据,但仍能打开以前的备份"),
        &format!(
            "{n_keys} keys are wrapped by {file} now. Set key_file to it; the old key file opens the data no more, but still \
             opens older backups"
        ),
    );
    Ok(())
}
