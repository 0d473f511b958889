use std::collections::BTreeMap;

use chrono::DateTime;
use lake::MasterKey;

use super::*;
use crate::backup::format::{FORMAT, Kind};
use crate::backup::reader::{Nowhere, Sink, read_archive};
use crate::screen::{Lang, Screen};

/// Keeps what it is given.
#[derive(Default)]
struct Kept(Vec<(String, Vec<u8>)>);

impl Sink for Kept {
    fn entry(&mut self, entry: &Entry) -> Result<(), Failure> {
        self.0.push((entry.name.clone(), Vec::new()));
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.last_mut().expect("an entry").1.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

fn key() -> DerivedKey {
    MasterKey::from_bytes([5; 32]).derive("backup")
}

fn screen() -> Screen {
    Screen::new(Some(Lang::En))
}

fn contents() -> Vec<(String, Vec<u8>)> {
    (0..6_u8).map(|n| (format!("data/{n}"), vec![n; usize::from(n) * 100])).collect()
}

/// Writes what is not there yet, in pieces of 64 bytes, each on the disk before the next.
fn fill(writer: &mut ArchiveWriter) -> Result<(), Failure> {
    if writer.tally().begin().is_none() {
        writer.begin(Begin {
            format: FORMAT,
            product: "datong".to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            published: None,
            audit: BTreeMap::new(),
        })?;
    }
    for (name, content) in contents() {
        if writer.tally().whole().contains_key(&name) {
            continue;
        }
        let entry = Entry { kind: Kind::Data, name, bytes: content.len() as u64, stamp: String::new() };
        let at = writer.tally().open().map_or(0, |(_, bytes)| bytes) as usize;
        writer.enter(&entry)?;
        for piece in content[at..].chunks(64) {
            writer.piece(piece.to_vec())?;
            writer.flush()?;
        }
        writer.end()?;
    }
    Ok(())
}

fn whole(folder: &Path) -> PathBuf {
    let out = folder.join("a.dtb");
    let mut writer = ArchiveWriter::open(&folder.join("a.dtb.part"), &key()).unwrap();
    fill(&mut writer).unwrap();
    writer.complete(BTreeMap::new(), &out).unwrap();
    out
}

#[test]
fn an_archive_cut_anywhere_is_refused_and_can_be_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let out = whole(dir.path());
    let bytes = std::fs::read(&out).unwrap();
    let part = dir.path().join("b.dtb.part");
    for len in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
        std::fs::write(&part, &bytes[..len]).unwrap();
        assert!(read_archive(&part, &key(), &mut Nowhere, &screen()).is_err(), "{len} bytes");
        let mut writer = ArchiveWriter::open(&part, &key()).unwrap();
        fill(&mut writer).unwrap();
        let again = dir.path().join(format!("b{len}.dtb"));
        writer.complete(BTreeMap::new(), &again).unwrap();
        let mut kept = Kept::default();
        read_archive(&again, &key(), &mut kept, &screen()).unwrap();
        assert_eq!(kept.0, contents(), "cut at {len}");
        assert!(!part.exists());
    }
}

#[test]
fn every_changed_byte_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let out = whole(dir.path());
    let bytes = std::fs::read(&out).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&out, changed).unwrap();
        assert!(read_archive(&out, &key(), &mut Nowhere, &screen()).is_err(), "byte {at}");
    }
    for added in [vec![0], vec![0; 5_000], bytes.clone()] {
        std::fs::write(&out, [bytes.clone(), added].concat()).unwrap();
        assert!(read_archive(&out, &key(), &mut Nowhere, &screen()).is_err());
    }
    std::fs::write(&out, &bytes).unwrap();
    assert!(read_archive(&out, &key(), &mut Nowhere, &screen()).is_ok());
}

#[test]
fn another_key_opens_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let out = whole(dir.path());
    let other = MasterKey::from_bytes([6; 32]).derive("backup");
    let refused = read_archive(&out, &other, &mut Nowhere, &screen()).unwrap_err().to_string();
    assert!(refused.ends_with("is no archive, or was sealed under another key"), "{refused}");
}

#[test]
fn one_writes_at_a_time_and_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let part = dir.path().join("a.dtb.part");
    let mut first = ArchiveWriter::open(&part, &key()).unwrap();
    let second = ArchiveWriter::open(&part, &key()).unwrap_err().to_string();
    assert!(second.ends_with("is being written by another process"), "{second}");
    fill(&mut first).unwrap();
    let first = first.begin_anew(&key()).unwrap();
    assert!(ArchiveWriter::open(&part, &key()).is_err(), "locked when begun anew");
    let out = dir.path().join("a.dtb");
    std::fs::write(&out, "precious").unwrap();
    let mut first = first;
    fill(&mut first).unwrap();
    assert_eq!(first.complete(BTreeMap::new(), &out).unwrap_err().exit_code(), 2);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "precious");
}
