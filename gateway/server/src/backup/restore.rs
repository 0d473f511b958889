//! `datong backup restore`.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lake::{DerivedKey, sync_parent};

use super::format::{Begin, Entry, Kind, Manifest};
use super::reader::{Sink, read_archive};
use super::settings::CONFIG;
use super::verify;
use crate::Failure;
use crate::config::{Config, KeyLocation, SourceOrigin};
use crate::screen::Screen;

/// `datong backup restore`.
pub(super) fn run(file: &Path, key: &DerivedKey, into: &Path, screen: &Screen) -> Result<(), Failure> {
    refuse_occupied(into)?;
    let aside = Aside::make(into)?;
    let (begin, manifest) = restore_into(file, key, &aside.folder, Secrets::Written, screen)?;
    aside.put_in_place(into)?;
    verify::print(&begin, &manifest, screen);
    screen.say(&format!("已恢复到 {}", into.display()), &format!("restored into {}", into.display()));
    tell_what_is_missing(into, screen);
    Ok(())
}

/// What becomes of private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Written,
    LeftOut,
}

/// Writes all entries below `folder` and waits until they are on the disk.
pub(super) fn restore_into(
    file: &Path,
    key: &DerivedKey,
    folder: &Path,
    secrets: Secrets,
    screen: &Screen,
) -> Result<(Begin, Manifest), Failure> {
    let mut files = Files { folder: folder.to_owned(), secrets, open: None };
    let restored = read_archive(file, key, &mut files, screen)?;
    sync_folders(folder)?;
    Ok(restored)
}

/// Writes entries as files of their owner only.
struct Files {
    folder: PathBuf,
    secrets: Secrets,
    open: Option<File>,
}

impl Sink for Files {
    fn entry(&mut self, entry: &Entry) -> Result<(), Failure> {
        if entry.kind == Kind::Secret && self.secrets == Secrets::LeftOut {
            return Ok(());
        }
        // The name was found to stay inside before it came here.
        let path = self.folder.join(&entry.name);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        self.open = Some(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?);
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.open.as_mut().map_or(Ok(()), |file| file.write_all(bytes)).map_err(Failure::from)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.open.take().map_or(Ok(()), |file| file.sync_all()).map_err(Failure::from)
    }
}

fn sync_folders(folder: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    Ok(File::open(folder)?.sync_all()?)
}

fn refuse_occupied(into: &Path) -> Result<(), Failure> {
    let occupied = match std::fs::read_dir(into) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) if error.kind() == ErrorKind::NotADirectory => true,
        Err(error) => return Err(error.into()),
    };
    if occupied { Err(refused(into)) } else { Ok(()) }
}

fn refused(into: &Path) -> Failure {
    Failure::usage(
        format!("{} 不是空目录,不会覆盖", into.display()),
        format!("{} is no empty folder and is left alone", into.display()),
    )
}

/// The folder beside the final one in which everything is put together. It goes again unless it is put in place; what a crash
/// leaves of it is removed by the next attempt.
struct Aside {
    folder: PathBuf,
    is_placed: bool,
    /// Locked while this lives.
    _lock: File,
}

impl Aside {
    fn make(into: &Path) -> Result<Self, Failure> {
        let name = into.file_name().ok_or_else(|| refused(into))?;
        let mut own = OsString::from(".");
        own.push(name);
        own.push(".restoring");
        let folder = into.with_file_name(own);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let lock = File::open(&folder)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::failed(
                    format!("另一进程正在恢复到 {}", into.display()),
                    format!("another process is restoring into {}", into.display()),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        for left in std::fs::read_dir(&folder)? {
            let left = left?;
            if left.file_type()?.is_dir() {
                std::fs::remove_dir_all(left.path())?;
            } else {
                std::fs::remove_file(left.path())?;
            }
        }
        Ok(Self { folder, is_placed: false, _lock: lock })
    }

    fn put_in_place(mut self, into: &Path) -> Result<(), Failure> {
        // Takes the place of an empty folder, never of one with something in it.
        std::fs::rename(&self.folder, into).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => refused(into),
            _ => error.into(),
        })?;
        self.is_placed = true;
        Ok(sync_parent(into)?)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_placed {
            let _gone = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// What an archive never holds and the operator has to supply.
fn tell_what_is_missing(into: &Path, screen: &Screen) {
    let Ok(config) = Config::load(&into.join(CONFIG)) else {
        screen.say(
            "还需提供:主密钥文件;datong.toml 有误,请运行 datong check",
            "still to supply: the key file; datong.toml has faults, run `datong check`",
        );
        return;
    };
    match &config.key.location {
        KeyLocation::File(file) if file.exists() => {
            screen.say(&format!("主密钥文件:{}", file.display()), &format!("key file: {}", file.display()));
        }
        KeyLocation::File(file) => screen.say(
            &format!("还需提供:主密钥文件 {}(权限 600)", file.display()),
            &format!("still to supply: the key file {} (mode 600)", file.display()),
        ),
        KeyLocation::Environment(name) => screen.say(
            &format!("还需提供:环境变量 {name} 中的主密钥"),
            &format!("still to supply: the key in the environment variable {name}"),
        ),
        KeyLocation::Command(_) => screen.say("还需提供:key_command", "still to supply: the key_command"),
    }
    let folders = config.sources.iter().filter_map(|source| match &source.origin {
        SourceOrigin::Files { url, .. } if !url.contains("://") => Some(url.as_str()),
        _ => None,
    });
    let missing: Vec<&str> = folders.filter(|folder| !Path::new(folder).exists()).collect();
    if !missing.is_empty() {
        screen.say(
            &format!("再次接入前还需提供来源目录:{}", missing.join("、")),
            &format!("before the next pull, the folders of sources: {}", missing.join(", ")),
        );
    }
}
