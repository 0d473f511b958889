//! Whoever changes the log is found out.

use lake::{MasterKey, SealedLog};

use super::super::*;
use super::bench::*;
use crate::{ChainFault, EventFilter};

#[tokio::test]
async fn tampering_without_the_key_is_found() {
    let bench = Bench::new().with_requests(4).await;
    let whole = std::fs::read(bench.segment(1)).unwrap();
    for at in [70, whole.len() / 3, whole.len() / 2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(bench.segment(1), changed).unwrap();
        assert!(matches!(bench.faults()[..], [ChainFault::SealBroken { segment: 1, .. }]), "{at}");
        assert!(matches!(bench.try_open(), Err(AuditError::Unreadable { segment: 1, .. })), "{at}");
        assert!(bench.reader().events(&EventFilter::default()).is_err(), "{at}");
    }
    // Cut off in the middle: the seals hold, but the place written down elsewhere is gone.
    std::fs::write(bench.segment(1), &whole).unwrap();
    let head = bench.reader().verify(&[]).unwrap().head.unwrap();
    std::fs::write(bench.segment(1), &whole[..whole.len() / 2]).unwrap();
    let report = bench.reader().verify(std::slice::from_ref(&head)).unwrap();
    assert_eq!(report.faults, [ChainFault::AnchorMissing { sequence: head.sequence }]);
}

#[tokio::test]
async fn tampering_with_the_key_is_found() {
    let changed = |record: &Vec<u8>, from: &str, to: &str| {
        let text = String::from_utf8(record.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        text.replace(from, to).into_bytes()
    };
    // Records 1..=8: opened and closed, four times. In the vector, record n is at n - 1.
    type Change = Box<dyn Fn(&mut Vec<Vec<u8>>)>;
    let cases: Vec<(&str, Change, Vec<ChainFault>)> = vec![
        (
            "changed",
            Box::new(move |records| records[2] = changed(&records[2], "worker-7", "worker-8")),
            vec![ChainFault::HashWrong { sequence: 3 }],
        ),
        (
            "statement changed",
            Box::new(move |records| records[2] = changed(&records[2], "select 1", "select 2")),
            vec![ChainFault::HashWrong { sequence: 3 }],
        ),
        (
            "statement removed",
            Box::new(move |records| records[2] = changed(&records[2], ",\"sql\":\"select 1 -- r1\"", "")),
            vec![ChainFault::HashWrong { sequence: 3 }],
        ),
        (
            "removed",
            Box::new(|records| drop(records.remove(3))),
            vec![
                ChainFault::SequenceBroken { segment: 1, expected: 4, found: 5 },
                ChainFault::LinkBroken { sequence: 5 },
            ],
        ),
        (
            "first removed",
            Box::new(|records| drop(records.drain(..2))),
            vec![
                ChainFault::SequenceBroken { segment: 1, expected: 1, found: 3 },
                ChainFault::LinkBroken { sequence: 3 },
            ],
        ),
        (
            "reordered",
            Box::new(|records| records.swap(6, 7)),
            vec![
                ChainFault::SequenceBroken { segment: 1, expected: 7, found: 8 },
                ChainFault::LinkBroken { sequence: 8 },
                ChainFault::ClosesNothing { sequence: 8 },
                ChainFault::SequenceBroken { segment: 1, expected: 9, found: 7 },
                ChainFault::LinkBroken { sequence: 7 },
            ],
        ),
        (
            "repeated",
            Box::new(|records| records.push(records[7].clone())),
            vec![
                ChainFault::SequenceBroken { segment: 1, expected: 9, found: 8 },
                ChainFault::LinkBroken { sequence: 8 },
                ChainFault::ClosesNothing { sequence: 8 },
            ],
        ),
        (
            "not a record",
            Box::new(|records| records.push(b"{}".to_vec())),
            vec![ChainFault::NotARecord { segment: 1, after: 8 }],
        ),
    ];
    for (name, change, expected) in cases {
        let bench = Bench::new().with_requests(4).await;
        assert_eq!(bench.faults(), []);
        bench.rewrite(1, change);
        assert_eq!(bench.faults(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_chain_made_anew_is_found_by_a_place_written_down_elsewhere() {
    let bench = Bench::new().with_requests(4).await;
    let head = bench.reader().verify(&[]).unwrap().head.unwrap();
    std::fs::remove_dir_all(bench.folder()).unwrap();
    let bench = bench.with_requests(4).await;
    assert_eq!(bench.faults(), []);
    let report = bench.reader().verify(&[head]).unwrap();
    assert_eq!(report.faults, [ChainFault::AnchorMissing { sequence: 8 }]);
}

#[tokio::test]
async fn missing_and_foreign_files_are_found() {
    let bench = Bench::with_segments_of(500).with_requests(6).await;
    assert!(bench.reader().verify(&[]).unwrap().segments >= 4);
    std::fs::remove_file(bench.segment(2)).unwrap();
    let faults = bench.faults();
    assert_eq!(faults[0], ChainFault::SegmentMissing { segment: 2 });
    assert!(faults.iter().any(|fault| matches!(fault, ChainFault::LinkBroken { .. })), "{faults:?}");
    // A file of another log, sealed under another key.
    let other = MasterKey::from_bytes([8; 32]).derive("audit");
    SealedLog::open(&bench.segment(2), other).unwrap().append(b"{}").unwrap();
    assert_eq!(bench.faults()[0], ChainFault::SegmentUnreadable { segment: 2 });
    // A file under another's name.
    std::fs::copy(bench.segment(1), bench.segment(2)).unwrap();
    assert_eq!(bench.faults()[0], ChainFault::SealBroken { segment: 2, record: 0 });
}

#[tokio::test]
async fn truncation_while_the_log_is_open_is_found() {
    let bench = Bench::new();
    let log = bench.open();
    for n in 0..3 {
        log.begin(event(&format!("r{n}"))).await.unwrap().close(Outcome::default()).await.unwrap();
    }
    bench.rewrite(1, |records| records.truncate(4));
    assert_eq!(log.verify().unwrap().faults, [ChainFault::AnchorMissing { sequence: 6 }]);
}
