//! A private key on disk: PKCS#8 in PEM, readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Bytes of base64 on one line (RFC 7468 §2).
const LINE_BYTES: usize = 64;
/// Largest key file that is read; an Ed25519 key has about 120 bytes.
const FILE_BYTES_MAX: u64 = 4096;

/// Why a key file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system refused.
    #[error("key file could not be read or written")]
    Io {
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// There is a file already; a key is never overwritten.
    #[error("key file exists already")]
    Exists,
    /// Others than the owner may read the file, or it is no ordinary file.
    #[error("key file must be an ordinary file with mode 0600")]
    TooOpen,
    /// Not an Ed25519 private key in PKCS#8 PEM.
    #[error("key file is not an Ed25519 private key in PKCS#8 PEM")]
    NotAKey,
}

impl From<std::io::Error> for KeyFileError {
    fn from(source: std::io::Error) -> Self {
        if source.kind() == ErrorKind::AlreadyExists { Self::Exists } else { Self::Io { source } }
    }
}

/// Writes a new key file: complete or not at all, and never over an old one.
pub(crate) fn write(path: &Path, pkcs8: &[u8]) -> Result<(), KeyFileError> {
    let mut name = path.file_name().ok_or(KeyFileError::NotAKey)?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    let written = write_draft(&draft, pkcs8).and_then(|()| {
        // Linking, unlike renaming, fails if the target exists.
        fs::hard_link(&draft, path).map_err(KeyFileError::from)
    });
    let removed = fs::remove_file(&draft);
    written?;
    removed?;
    Ok(())
}

fn write_draft(draft: &Path, pkcs8: &[u8]) -> Result<(), KeyFileError> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(to_pem(pkcs8).as_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// Reads the PKCS#8 bytes of a key file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o077 != 0 {
        return Err(KeyFileError::TooOpen);
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|_| KeyFileError::NotAKey)?;
    from_pem(&text).ok_or(KeyFileError::NotAKey)
}

fn to_pem(pkcs8: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(pkcs8));
    let mut pem = Zeroizing::new(format!("{BEGIN}\n"));
    for (at, character) in body.chars().enumerate() {
        if at > 0 && at % LINE_BYTES == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push('\n');
    pem.push_str(END);
    pem.push('\n');
    pem
}

fn from_pem(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}
