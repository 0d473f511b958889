//! The key file: one line, `datong-key-v1:` and 32 bytes in base64, readable by its owner only.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::suite::KEY_BYTES;

const PREFIX: &str = "datong-key-v1:";

/// More than any key file has: what is longer is another file, given by mistake, and not worth reading.
const FILE_BYTES_MAX: u64 = 256;

pub(crate) fn write(path: &Path, secret: &[u8; KEY_BYTES]) -> Result<(), KeyError> {
    let not_written = |source: std::io::Error| match source.kind() {
        ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
        _ => KeyError::NotWritten { path: path.to_owned(), source },
    };
    let line = Zeroizing::new(format!("{PREFIX}{}\n", Zeroizing::new(STANDARD.encode(secret)).as_str()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(not_written)?;
    let written = file
        .write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| crate::local_store::sync_parent(path));
    if written.is_err() {
        // Half a key would only stand in the way of the next attempt. The error that counts is the first one.
        let _unused = std::fs::remove_file(path);
    }
    written.map_err(not_written)
}

pub(crate) fn read(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    let not_read = |source| KeyError::NotRead { path: path.to_owned(), source };
    let file = File::open(path).map_err(not_read)?;
    // Asked of the open file, not of the path: the answer is about the bytes read below.
    refuse_exposed(path, &file)?;
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(not_read)?;
    parse(&text).ok_or_else(|| KeyError::Malformed { path: path.to_owned() })
}

pub(crate) fn resolved(path: &Path) -> Result<PathBuf, KeyError> {
    path.canonicalize().map_err(|source| KeyError::NotRead { path: path.to_owned(), source })
}

pub(crate) fn parse(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let bytes = Zeroizing::new(STANDARD.decode(line.strip_prefix(PREFIX)?).ok()?);
    let secret: [u8; KEY_BYTES] = bytes.as_slice().try_into().ok()?;
    Some(Zeroizing::new(secret))
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, file: &File) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let meta = file.metadata().map_err(|source| KeyError::NotRead { path: path.to_owned(), source })?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path, _file: &File) -> Result<(), KeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::MasterKey;

    #[test]
    fn a_created_key_can_be_loaded_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let key = MasterKey::create(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("datong-key-v1:") && text.ends_with("=\n") && text.lines().count() == 1);
        assert_eq!(MasterKey::load(&path).unwrap().derive("x").as_bytes(), key.derive("x").as_bytes());
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(MasterKey::create(&path), Err(KeyError::Exists { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_file_others_may_touch_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKey::create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o610] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = MasterKey::load(&path);
            assert!(matches!(refused, Err(KeyError::Exposed { mode: found, .. }) if found == mode), "{mode:o}");
        }
    }

    #[test]
    fn only_the_exact_form_is_a_key() {
        let good = format!("{PREFIX}{}", STANDARD.encode([5_u8; 32]));
        assert_eq!(parse(&good).unwrap().as_slice(), &[5; 32]);
        assert!(parse(&format!("{good}\n")).is_some());
        let short = format!("{PREFIX}{}", STANDARD.encode([5_u8; 31]));
        let long = format!("{PREFIX}{}", STANDARD.encode([5_u8; 33]));
        let second_line = format!("{good}\n{good}\n");
        let other_version = good.replace("v1", "v2");
        for bad in ["", PREFIX, &short, &long, &second_line, &other_version, &format!(" {good}")] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_missing_or_foreign_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(MasterKey::load(&dir.path().join("none")), Err(KeyError::NotRead { .. })));
        let path = dir.path().join("foreign");
        std::fs::write(&path, "hello").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(MasterKey::load(&path), Err(KeyError::Malformed { .. })));
    }
}
