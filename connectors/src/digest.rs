//! Content hashes: what makes a pull idempotent.

use std::io::{Read, Seek, SeekFrom};

use schemas::DatasetId;
use sha2::{Digest as _, Sha256};

/// What a file held, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileDigest {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

const CHUNK_BYTES: usize = 256 * 1024;

/// Hashes a file from its beginning to its end, in a fixed amount of memory, and winds it back to the beginning.
///
/// # Errors
/// Whatever the reader returns.
pub fn digest<R: Read + Seek>(reader: &mut R) -> std::io::Result<FileDigest> {
    reader.seek(SeekFrom::Start(0))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(chunk.get(..n).unwrap_or_default());
                bytes += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    reader.seek(SeekFrom::Start(0))?;
    Ok(FileDigest { sha256: hex::encode(hasher.finalize()), bytes })
}

/// Names a batch by what is in it: the dataset, the content of its files, in any order, and `basis`, whatever else decides
/// what they are read as: rules, settings, corrections, in this order. The same of all gives the same batch, so that pulling
/// it again changes nothing. 32 hex digits.
#[must_use]
pub fn batch_id(dataset: &DatasetId, files: &[FileDigest], basis: &[String]) -> String {
    let mut hashes: Vec<&str> = files.iter().map(|f| f.sha256.as_str()).collect();
    hashes.sort_unstable();
    let mut hasher = Sha256::new();
    hasher.update(b"datong batch 2\n");
    hasher.update(dataset.to_string());
    for hash in hashes {
        hasher.update(b"\n");
        hasher.update(hash);
    }
    for part in basis {
        hasher.update(b"\n+");
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut id = hex::encode(hasher.finalize());
    id.truncate(32);
    id
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_digest_is_sha256_and_leaves_the_reader_at_its_beginning() {
        let mut reader = Cursor::new(b"abc".to_vec());
        reader.set_position(2);
        let found = digest(&mut reader).unwrap();
        assert_eq!(found.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((found.bytes, reader.position()), (3, 0));
    }

    #[test]
    fn a_batch_is_named_by_its_content_not_by_the_order_of_its_files() {
        let dataset = DatasetId::try_from("police.resident").unwrap();
        let other = DatasetId::try_from("police.floating").unwrap();
        let a = digest(&mut Cursor::new(b"a".to_vec())).unwrap();
        let b = digest(&mut Cursor::new(b"b".to_vec())).unwrap();
        let id = batch_id(&dataset, &[a.clone(), b.clone()], &[]);
        assert_eq!(id, batch_id(&dataset, &[b.clone(), a.clone()], &[]));
        assert_eq!(id.len(), 32);
        assert_ne!(id, batch_id(&dataset, std::slice::from_ref(&a), &[]));
        assert_ne!(id, batch_id(&other, &[a.clone(), b.clone()], &[]));
        let on = |basis: &[&str]| {
            batch_id(&dataset, &[a.clone(), b.clone()], &basis.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
        };
        assert_ne!(id, on(&["rules"]));
        assert_ne!(on(&["ab", "c"]), on(&["a", "bc"]));
    }
}
