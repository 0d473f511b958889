//! Nothing of what is stored can be read without the key.

use std::path::{Path, PathBuf};

use super::synthetic::{MARKER, id, relation, rows};
use lake::{Lake, MasterKey, SealedLog};
use object_store::ObjectStoreExt;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_of_the_data_folder_holds_plain_text() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let key = MasterKey::generate().unwrap();
    let audit_key = key.derive("audit");
    let lake = Lake::open(&data, key).unwrap();
    let person = relation("unified.person");
    for tag in ["a", "b"] {
        let publication = lake.begin().await.unwrap();
        let mut writer = publication.writer(&person).unwrap();
        writer.write(rows(&person, 0, 5000, tag)).await.unwrap();
        writer.finish().await.unwrap();
        publication.set_note("note", MARKER);
        publication.commit().await.unwrap();
    }
    lake.store().put(&"rejects/1".into(), MARKER.repeat(100).into()).await.unwrap();
    let mut upload = lake.store().put_multipart(&"rejects/2".into()).await.unwrap();
    upload.put_part(MARKER.repeat(100_000).into()).await.unwrap();
    upload.complete().await.unwrap();
    std::fs::create_dir(data.join("audit")).unwrap();
    let mut log = SealedLog::open(&data.join("audit/1.log"), audit_key).unwrap();
    log.append(MARKER.as_bytes()).unwrap();

    let files = files_below(&data);
    assert!(files.len() > 8, "tables, log entries, history, pointer, rejects, audit: {files:?}");
    // Names, keys in the Delta statistics, column names, Parquet and JSON structure.
    // All long enough not to occur in noise by chance.
    let forbidden = [MARKER, &id(4999), "person_id", "merge_score", "numRecords", "published_at", "ARROW:schema"];
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for text in forbidden {
            assert!(!holds(&bytes, text), "{text} in {}", file.display());
        }
        assert!(!file.to_string_lossy().contains(MARKER));
        // The key ring is JSON: wrapped keys and their names.
        assert!(!bytes.ends_with(b"PAR1") && !bytes.starts_with(b"{\""), "{}", file.display());
        // A lock beside an object is empty; everything else looks like noise, whatever was written.
        if bytes.len() > 4096 && !file.ends_with("keyring.json") {
            let mut seen = [false; 256];
            bytes.iter().for_each(|b| seen[usize::from(*b)] = true);
            assert!(seen.iter().all(|s| *s), "{} is not noise", file.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_new_data_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Lake::open(&data, MasterKey::generate().unwrap()).unwrap();
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
}
