use super::*;
use crate::MasterKey;

fn key() -> DerivedKey {
    MasterKey::from_bytes([3; 32]).derive("audit")
}

struct Fixture {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new(records: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("2026-11.log");
        let mut log = SealedLog::open(&path, key()).unwrap();
        for (i, record) in records.iter().enumerate() {
            assert_eq!(log.append(record.as_bytes()).unwrap(), i as u64);
        }
        Self { _dir: dir, path }
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    fn set(&self, bytes: &[u8]) {
        std::fs::write(&self.path, bytes).unwrap();
    }

    fn open(&self) -> Result<SealedLog, LogError> {
        SealedLog::open(&self.path, key())
    }

    fn read(&self) -> Vec<String> {
        self.open().unwrap().read_all().unwrap().into_iter().map(|r| String::from_utf8(r).unwrap()).collect()
    }
}

/// Where each record starts, and where the last one ends.
fn bounds(records: &[&str]) -> Vec<usize> {
    let mut at = HEADER_BYTES;
    let mut bounds = vec![at];
    for record in records {
        at += HEAD_BYTES + record.len() + 16;
        bounds.push(at);
    }
    bounds
}

const RECORDS: [&str; 4] = ["first MARKER", "", "third, a little longer", "last"];

#[test]
fn records_come_back_in_order_and_appending_goes_on() {
    let log = Fixture::new(&RECORDS);
    assert_eq!(log.read(), RECORDS);
    let mut again = log.open().unwrap();
    assert_eq!(again.recovery(), Recovery { n_records: 4, bytes_cut: 0 });
    assert_eq!(again.append(b"more").unwrap(), 4);
    again.append_all([b"and".as_slice(), b"more"]).unwrap();
    assert_eq!(again.len(), 7);
    assert_eq!(again.read_all().unwrap().len(), 7);
    drop(again);
    assert_eq!(log.read()[4..], ["more", "and", "more"]);
}

#[test]
fn nothing_of_a_record_is_readable_in_the_file() {
    let log = Fixture::new(&RECORDS);
    assert!(!log.bytes().windows(6).any(|w| w == b"MARKER"));
}

#[test]
fn a_torn_end_is_cut_and_reported_wherever_it_tears() {
    let log = Fixture::new(&RECORDS);
    let whole = log.bytes();
    let bounds = bounds(&RECORDS);
    assert_eq!(*bounds.last().unwrap(), whole.len());
    for len in bounds[3] + 1..whole.len() {
        log.set(&whole[..len]);
        let mut opened = log.open().unwrap();
        assert_eq!(opened.recovery(), Recovery { n_records: 3, bytes_cut: (len - bounds[3]) as u64 }, "{len}");
        opened.append(b"after").unwrap();
        drop(opened);
        assert_eq!(log.read()[2..], ["third, a little longer", "after"]);
    }
}

#[test]
fn an_end_of_zeros_is_cut() {
    let log = Fixture::new(&RECORDS);
    let whole = log.bytes();
    let last = bounds(&RECORDS)[3];
    // Longer than written, the last body in part, and the last record not at all.
    for zeros_from in [whole.len(), whole.len() - 5, last] {
        let mut torn = whole[..zeros_from].to_vec();
        torn.resize(whole.len().max(zeros_from + 100), 0);
        if zeros_from == whole.len() - 5 {
            torn.truncate(whole.len());
        }
        log.set(&torn);
        let expected = if zeros_from == whole.len() { 4 } else { 3 };
        assert_eq!(log.open().unwrap().recovery().n_records, expected, "{zeros_from}");
    }
}

#[test]
fn any_changed_byte_before_the_last_record_is_an_error() {
    let log = Fixture::new(&RECORDS);
    let whole = log.bytes();
    for at in 0..bounds(&RECORDS)[3] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        log.set(&changed);
        assert!(matches!(log.open(), Err(LogError::Damaged { .. } | LogError::NotSealed)), "byte {at}");
    }
}

#[test]
fn a_changed_length_of_the_last_record_is_an_error_not_a_torn_end() {
    let log = Fixture::new(&RECORDS);
    let mut changed = log.bytes();
    changed[bounds(&RECORDS)[3]] ^= 0x40;
    log.set(&changed);
    assert!(matches!(log.open(), Err(LogError::Damaged { number: 3 })));
}

#[test]
fn a_removed_swapped_or_repeated_record_is_an_error() {
    let records = ["aaaa", "bbbb", "cccc"];
    let log = Fixture::new(&records);
    let whole = log.bytes();
    let b = bounds(&records);
    let (header, r) = (&whole[..b[0]], [&whole[b[0]..b[1]], &whole[b[1]..b[2]], &whole[b[2]..b[3]]]);
    for order in [vec![1, 2], vec![0, 2], vec![1, 0, 2], vec![0, 0, 1, 2], vec![0, 1, 1, 2]] {
        let parts: Vec<&[u8]> = std::iter::once(header).chain(order.iter().map(|i| r[*i])).collect();
        log.set(&parts.concat());
        assert!(matches!(log.open(), Err(LogError::Damaged { .. })), "{order:?}");
    }
}

#[test]
fn a_record_of_another_log_does_not_fit() {
    let (a, b) = (Fixture::new(&["same", "same"]), Fixture::new(&["same", "same"]));
    let cut = bounds(&["same"])[1];
    a.set(&[&a.bytes()[..cut], &b.bytes()[cut..]].concat());
    assert!(matches!(a.open(), Err(LogError::Damaged { number: 1 })));
}

#[test]
fn the_name_of_the_file_is_part_of_the_seal_but_not_its_folder() {
    let log = Fixture::new(&RECORDS);
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("2026-11.log");
    let renamed = elsewhere.path().join("2026-12.log");
    std::fs::copy(&log.path, &moved).unwrap();
    std::fs::copy(&log.path, &renamed).unwrap();
    assert_eq!(SealedLog::open(&moved, key()).unwrap().len(), 4);
    assert!(matches!(SealedLog::open(&renamed, key()), Err(LogError::Damaged { number: 0 })));
}

#[test]
fn another_key_or_another_file_is_refused() {
    let log = Fixture::new(&RECORDS);
    let other = MasterKey::from_bytes([3; 32]).derive("tokens");
    assert!(matches!(SealedLog::open(&log.path, other), Err(LogError::NotSealed)));
    log.set(&[b'x'; 200]);
    assert!(matches!(log.open(), Err(LogError::NotSealed)));
}

#[test]
fn a_log_is_open_once_but_can_be_read_meanwhile() {
    let log = Fixture::new(&RECORDS);
    let mut first = log.open().unwrap();
    assert!(matches!(log.open(), Err(LogError::InUse)));
    first.append(b"fifth").unwrap();
    let seen: Vec<_> = SealedLogReader::open(&log.path, &key()).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(seen.len(), 5);
    drop(first);
    assert!(log.open().is_ok());
}

#[test]
fn a_header_torn_while_the_log_was_made_is_made_anew() {
    let log = Fixture::new(&[]);
    let whole = log.bytes();
    log.set(&whole[..HEADER_BYTES - 1]);
    let mut opened = log.open().unwrap();
    assert_eq!(opened.recovery(), Recovery { n_records: 0, bytes_cut: 63 });
    opened.append(b"x").unwrap();
    drop(opened);
    assert_eq!(log.read(), ["x"]);
}

#[test]
fn a_record_too_long_is_refused_and_leaves_the_log_usable() {
    let log = Fixture::new(&[]);
    let mut opened = log.open().unwrap();
    let long = vec![0; RECORD_BYTES_MAX + 1];
    assert!(matches!(opened.append(&long), Err(LogError::TooLong { .. })));
    assert_eq!(opened.append(&long[1..]).unwrap(), 0);
    assert_eq!(opened.read_all().unwrap()[0].len(), RECORD_BYTES_MAX);
}

#[test]
fn a_labelled_log_may_be_renamed_and_another_label_is_another_log() {
    let dir = tempfile::tempdir().unwrap();
    let (part, whole) = (dir.path().join("archive.part"), dir.path().join("archive"));
    let mut log = SealedLog::open_labelled(&part, "archive", &key()).unwrap();
    log.append(b"one").unwrap();
    drop(log);
    std::fs::rename(&part, &whole).unwrap();
    let records = |label| SealedLogReader::open_labelled(&whole, label, &key()).unwrap().collect::<Result<Vec<_>, _>>();
    assert_eq!(records("archive").unwrap(), [b"one"]);
    assert!(records("other").is_err() || records("other").unwrap().is_empty());
    assert_eq!(SealedLog::open_labelled(&whole, "archive", &key()).unwrap().len(), 1);
}

#[test]
fn a_log_begun_anew_is_locked_empty_and_under_other_keys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    let mut log = SealedLog::open_labelled(&path, "archive", &key()).unwrap();
    log.append(b"before").unwrap();
    let header = std::fs::read(&path).unwrap()[..HEADER_BYTES].to_vec();
    let mut log = log.begin_anew(&key()).unwrap();
    assert!(log.is_empty());
    assert!(matches!(SealedLog::open_labelled(&path, "archive", &key()), Err(LogError::InUse)));
    log.append(b"after").unwrap();
    assert_eq!(log.read_all().unwrap(), [b"after"]);
    assert_ne!(std::fs::read(&path).unwrap()[..HEADER_BYTES], header);
}

#[test]
fn a_reader_tells_what_it_left_out() {
    let log = Fixture::new(&RECORDS);
    let whole = log.bytes();
    log.set(&[whole.as_slice(), b"torn"].concat());
    let mut reader = SealedLogReader::open(&log.path, &key()).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), RECORDS.len());
    assert_eq!((reader.position(), reader.bytes_left()), (whole.len() as u64, 4));
}
