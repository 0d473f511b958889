//! Files that are read while they are replaced.

use std::io::Write;
use std::path::Path;

use crate::Failure;

/// Writes beside the file and renames, so that readers and a crash find either text whole. Permissions stay.
pub(crate) fn replace_file(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(text.as_bytes())?;
    fresh.as_file().set_permissions(std::fs::metadata(file)?.permissions())?;
    fresh.as_file().sync_all()?;
    fresh.persist(file).map_err(|error| Failure::from(error.error))?;
    Ok(())
}
