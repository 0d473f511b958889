//! What every connector must keep to, as checks a connector's tests call.
//!
//! The caller prepares a source that holds the files in `expected` and one more that is empty, and hands over what is in
//! them. The checks only read.

use std::io::{Read as _, Seek as _, SeekFrom};

use crate::{Connector, ConnectorError, ObjectReader, SourceFile, digest};

/// A file the source must offer.
#[derive(Debug, Clone)]
pub struct ExpectedFile {
    /// Name below the root.
    pub name: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A promise the connector did not keep.
#[derive(Debug, thiserror::Error)]
pub enum ContractFault {
    /// The list of files is not what it should be.
    #[error("discover: {what}")]
    Discover {
        /// What is wrong.
        what: String,
    },
    /// A file does not read as it should.
    #[error("file `{file}`: {what}")]
    File {
        /// Its name.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// The connector failed where it should not.
    #[error("the connector failed")]
    Failed(#[from] ConnectorError),
    /// A reading thread ended badly.
    #[error("the reading thread ended badly")]
    Thread(#[from] tokio::task::JoinError),
}

/// All checks, in order of what they build on.
///
/// # Errors
/// The first promise that is not kept.
pub async fn all(connector: &dyn Connector, expected: &[ExpectedFile]) -> Result<(), ContractFault> {
    let files = discovers_all(connector, expected).await?;
    for (file, wanted) in files.iter().zip(expected) {
        reads_whole(connector, file, wanted).await?;
        seeks(connector, file, wanted).await?;
        second_run_is_the_same(connector, file).await?;
    }
    missing_file_is_not_found(connector, files.first()).await?;
    changed_file_is_refused(connector, files.first()).await
}

/// Every file is listed once, sorted by name, with its size, and the second list is the first.
///
/// # Errors
/// [`ContractFault::Discover`].
pub async fn discovers_all(
    connector: &dyn Connector,
    expected: &[ExpectedFile],
) -> Result<Vec<SourceFile>, ContractFault> {
    if !expected.iter().map(|f| &f.name).is_sorted() {
        return Err(ContractFault::Discover { what: "give the expected files sorted by name".to_owned() });
    }
    let files = connector.discover().await?;
    let found: Vec<(&str, u64)> = files.iter().map(|f| (f.name.as_str(), f.size)).collect();
    let wanted: Vec<(&str, u64)> = expected.iter().map(|f| (f.name.as_str(), f.content.len() as u64)).collect();
    if found != wanted {
        return Err(ContractFault::Discover { what: format!("found {found:?}, not {wanted:?}") });
    }
    if connector.discover().await? != files {
        return Err(ContractFault::Discover { what: "the second list differs from the first".to_owned() });
    }
    Ok(files)
}

/// Every byte arrives, in order, also of an empty file.
///
/// # Errors
/// [`ContractFault::File`].
pub async fn reads_whole(
    connector: &dyn Connector,
    file: &SourceFile,
    wanted: &ExpectedFile,
) -> Result<(), ContractFault> {
    let content = blocking(connector, file, |reader| {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).map(|_| all)
    })
    .await?;
    if content == wanted.content { Ok(()) } else { Err(fault(file, format!("{} other bytes arrived", content.len()))) }
}

/// A seek from any end lands where it says; past the end nothing is read; before the beginning is an error.
///
/// # Errors
/// [`ContractFault::File`].
pub async fn seeks(connector: &dyn Connector, file: &SourceFile, wanted: &ExpectedFile) -> Result<(), ContractFault> {
    let middle = wanted.content.len() / 2;
    let (tail, past, before) = blocking(connector, file, move |reader| {
        reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(middle as u64))?;
        let mut tail = Vec::new();
        reader.read_to_end(&mut tail)?;
        reader.seek(SeekFrom::End(100))?;
        let past = reader.read(&mut [0; 8])?;
        reader.seek(SeekFrom::Start(0))?;
        Ok((tail, past, reader.seek(SeekFrom::Current(-1)).is_err()))
    })
    .await?;
    if Some(tail.as_slice()) != wanted.content.get(middle..) {
        return Err(fault(file, "a read after a seek gives other bytes".to_owned()));
    }
    if past != 0 || !before {
        return Err(fault(file, "a seek out of the file is not treated as such".to_owned()));
    }
    Ok(())
}

/// Two runs over an unchanged file give one digest: a pull is idempotent.
///
/// # Errors
/// [`ContractFault::File`].
pub async fn second_run_is_the_same(connector: &dyn Connector, file: &SourceFile) -> Result<(), ContractFault> {
    let first = blocking(connector, file, digest).await?;
    let second = blocking(connector, file, digest).await?;
    if first == second && first.bytes == file.size {
        Ok(())
    } else {
        Err(fault(file, "the second run differs from the first".to_owned()))
    }
}

/// A file that is not there is [`ConnectorError::NotFound`].
///
/// # Errors
/// [`ContractFault::File`].
pub async fn missing_file_is_not_found(
    connector: &dyn Connector,
    like: Option<&SourceFile>,
) -> Result<(), ContractFault> {
    let Some(like) = like else { return Ok(()) };
    let file = SourceFile { name: "no-such-folder/no-such-file".to_owned(), ..like.clone() };
    match connector.open(&file).await {
        Err(ConnectorError::NotFound { .. }) => Ok(()),
        other => Err(fault(&file, format!("opening a missing file gave {other:?}"))),
    }
}

/// A file that is no longer the discovered one is [`ConnectorError::Changed`].
///
/// # Errors
/// [`ContractFault::File`].
pub async fn changed_file_is_refused(
    connector: &dyn Connector,
    like: Option<&SourceFile>,
) -> Result<(), ContractFault> {
    let Some(like) = like else { return Ok(()) };
    let file = SourceFile { size: like.size + 1, ..like.clone() };
    match connector.open(&file).await {
        Err(ConnectorError::Changed { .. }) => Ok(()),
        other => Err(fault(&file, format!("opening a changed file gave {other:?}"))),
    }
}

fn fault(file: &SourceFile, what: String) -> ContractFault {
    ContractFault::File { file: file.name.clone(), what }
}

/// Opens the file and works on it where blocking is allowed.
async fn blocking<T, F>(connector: &dyn Connector, file: &SourceFile, work: F) -> Result<T, ContractFault>
where
    T: Send + 'static,
    F: FnOnce(&mut ObjectReader) -> std::io::Result<T> + Send + 'static,
{
    let mut reader = connector.open(file).await?;
    let done = tokio::task::spawn_blocking(move || work(&mut reader)).await?;
    done.map_err(|e| fault(file, format!("reading failed: {e}")))
}
