use chrono::DateTime;

use super::*;
use crate::backup::format::{End, Kind};

fn begin() -> Record {
    Record::Begin(Begin {
        format: FORMAT,
        product: "datong".to_owned(),
        started_at: DateTime::UNIX_EPOCH,
        published: Some(1),
        audit: BTreeMap::new(),
    })
}

fn entry(name: &str, bytes: u64) -> Record {
    Record::Entry(Entry { kind: Kind::Data, name: name.to_owned(), bytes, stamp: "s".to_owned() })
}

fn end(content: &[u8]) -> Record {
    Record::End(End { sha256: hex::encode(Sha256::digest(content)) })
}

fn whole(name: &str, content: &[u8]) -> Vec<Record> {
    vec![entry(name, content.len() as u64), Record::Piece(content.to_vec()), end(content)]
}

fn manifest(tally: &Tally) -> Manifest {
    Manifest {
        finished_at: DateTime::UNIX_EPOCH,
        entries: tally.n_entries(),
        bytes: tally.bytes(),
        entries_sha256: tally.entries_sha256(),
        tables: BTreeMap::new(),
    }
}

fn take_all(records: &[Record]) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    for record in records {
        // What is read is what was written.
        tally.take(&Record::decode(&record.encode()?)?)?;
    }
    Ok(tally)
}

#[test]
fn an_archive_in_order_is_taken() {
    let records = [vec![begin()], whole("a", b"one"), whole("b/c", b"")].concat();
    let mut tally = take_all(&records).unwrap();
    assert_eq!((tally.n_entries(), tally.bytes()), (2, 3));
    tally.take(&Record::Manifest(manifest(&tally))).unwrap();
    assert!(tally.take(&entry("late", 0)).is_err(), "nothing follows the manifest");
}

#[test]
fn what_is_out_of_order_is_refused() {
    let refused = |records: &[Record]| take_all(records).unwrap_err().to_string();
    let not_understood = not_understood().to_string();
    assert_eq!(refused(&whole("a", b"x")), not_understood, "no beginning");
    assert_eq!(refused(&[begin(), begin()]), not_understood);
    assert_eq!(refused(&[begin(), Record::Piece(vec![1])]), not_understood);
    assert_eq!(refused(&[begin(), entry("a", 1), entry("b", 1)]), not_understood);
    assert_eq!(refused(&[begin(), entry("a", 1), Record::Piece(vec![1, 2])]), not_understood);
    assert_eq!(refused(&[vec![begin()], whole("a", b"x"), whole("a", b"x")].concat()), not_understood, "twice");
    let Record::Begin(mut newer) = begin() else { panic!("a beginning") };
    newer.format += 1;
    assert_eq!(refused(&[Record::Begin(newer)]), not_understood);
}

#[test]
fn content_that_is_not_that_of_its_digest_is_told_by_name() {
    let changed = [begin(), entry("data/a", 3), Record::Piece(b"two".to_vec()), end(b"one")];
    assert!(take_all(&changed).unwrap_err().to_string().starts_with("data/a in the archive"));
    let short = [begin(), entry("data/a", 4), Record::Piece(b"one".to_vec()), end(b"one")];
    assert!(take_all(&short).is_err());
}

#[test]
fn a_manifest_of_something_else_is_refused() {
    let records = [vec![begin()], whole("a", b"one")].concat();
    let right = manifest(&take_all(&records).unwrap());
    let wrong = [
        Manifest { entries: 2, ..right.clone() },
        Manifest { bytes: 4, ..right.clone() },
        Manifest { entries_sha256: "0".repeat(64), ..right.clone() },
    ];
    for manifest in wrong {
        assert!(take_all(&[records.clone(), vec![Record::Manifest(manifest)]].concat()).is_err());
    }
    let open = [records.clone(), vec![entry("b", 0), Record::Manifest(right.clone())]].concat();
    assert!(take_all(&open).is_err(), "an entry is not at its end");
    assert!(take_all(&[records, vec![Record::Manifest(right)]].concat()).is_ok());
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["../a", "/etc/a", "a/../../b", "a//b", "", ".", "a/", "a\\..\\b", "c:/a", "a\0b"] {
        assert!(take_all(&[begin(), entry(name, 0)]).is_err(), "{name}");
    }
    assert!(take_all(&[begin(), entry("data/tables/police/a..b.parquet", 0)]).is_ok());
}
