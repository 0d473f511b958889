//! Files that are read while they are replaced.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::Failure;
use crate::site::read_text;

/// Writes beside the file and renames, so that readers and a crash find either text whole. Permissions stay.
pub(crate) fn replace_file(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(text.as_bytes())?;
    fresh.as_file().set_permissions(fs::metadata(file)?.permissions())?;
    fresh.as_file().sync_all()?;
    fresh.persist(file).map_err(|error| Failure::from(error.error))?;
    Ok(())
}

/// Replaces a file by what `edit` makes of its text. Of several commands that do so at once, one waits for the other: no edit is
/// lost. The lock is a file beside it, `NAME.lock`, which stays.
pub(crate) fn edit_file(file: &Path, edit: impl FnOnce(&str) -> Result<String, Failure>) -> Result<(), Failure> {
    let _held = lock(file)?;
    replace_file(file, &edit(&read_text(file)?)?)
}

/// The same for a file that only its owner reads. One that is not there yet is an empty text.
pub(crate) fn edit_private(file: &Path, edit: impl FnOnce(&str) -> Result<String, Failure>) -> Result<(), Failure> {
    let _held = lock(file)?;
    if !file.exists() {
        return create_private(file, &edit("")?);
    }
    fs::set_permissions(file, Permissions::from_mode(0o600))?;
    replace_file(file, &edit(&read_text(file)?)?)
}

/// Writes a file that only its owner reads; one that is there already gets the text and the permissions.
pub(crate) fn create_private(file: &Path, text: &str) -> Result<(), Failure> {
    let mut made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    made.set_permissions(Permissions::from_mode(0o600))?;
    made.write_all(text.as_bytes())?;
    made.sync_all()?;
    Ok(())
}

/// Held until it is dropped.
fn lock(file: &Path) -> Result<File, Failure> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let held =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file.with_file_name(name))?;
    held.lock()?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_at_once_are_all_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("list");
        create_private(&file, "").unwrap();
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    for n in 0..10 {
                        edit_private(file, |text| Ok(format!("{text}{worker}-{n}\n"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 80);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_refused_edit_changes_nothing_and_a_private_file_is_closed() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("list");
        fs::write(&file, "as it was").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(edit_file(&file, |_| Err(Failure::usage("", ""))).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
        edit_private(&file, |text| Ok(format!("{text}, and more"))).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "as it was, and more");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
