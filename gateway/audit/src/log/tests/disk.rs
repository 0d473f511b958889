//! Disks that fail, and crashes.

use super::super::*;
use super::bench::*;
use crate::{Content, Recovered, RecoveryReason};

#[tokio::test]
async fn a_full_disk_refuses_requests_and_the_log_goes_on_when_there_is_room() {
    let bench = Bench::new();
    let log = bench.open();
    let early = log.begin(event("early")).await.unwrap();
    assert!(log.healthy().await.is_ok());

    bench.set(Fault::Full);
    let refused = log.begin(event("refused")).await;
    assert!(matches!(refused, Err(AuditError::NotWritten { .. })), "{refused:?}");
    assert_eq!(refused.unwrap_err().code(), "audit_not_written");
    let unsure = early.close(Outcome { rows: 5, ..Outcome::default() }).await;
    assert!(matches!(unsure, Err(AuditError::NotWritten { .. })), "{unsure:?}");
    assert!(log.healthy().await.is_err());
    assert!(log.begin(event("refused too")).await.is_err());
    assert_eq!(bench.records().len(), 1);

    bench.set(Fault::None);
    // Nobody asks anything: the probe itself brings the log back, with what it owes.
    assert!(log.healthy().await.is_ok());
    log.begin(event("late")).await.unwrap().close(Outcome::default()).await.unwrap();
    let report = log.verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.unclosed, 0);
    let ids: Vec<_> =
        bench.events().into_iter().map(|event| (event.event.request_id, event.closing.unwrap().outcome.rows)).collect();
    assert_eq!(ids, [("late".to_owned(), 0), ("early".to_owned(), 5)]);
    let recoveries = bench.reader().recoveries(10).unwrap();
    let expected = Recovered { reason: RecoveryReason::WriteFailure, bytes_cut: 0, unclosed: 0, failed: 2 };
    assert_eq!(recoveries.into_iter().map(|(_, recovered)| recovered).collect::<Vec<_>>(), [expected]);
}

#[tokio::test]
async fn a_disk_that_fails_when_a_new_file_is_due_refuses_too() {
    let bench = Bench::with_segments_of(1);
    let log = bench.open();
    log.begin(event("r1")).await.unwrap().close(Outcome::default()).await.unwrap();
    bench.set(Fault::Full);
    assert!(matches!(log.begin(event("r2")).await, Err(AuditError::NotWritten { .. })));
    bench.set(Fault::None);
    log.begin(event("r3")).await.unwrap().close(Outcome::default()).await.unwrap();
    let report = log.verify().unwrap();
    assert!(report.is_intact() && report.unclosed == 0, "{report:?}");
}

#[tokio::test]
async fn records_that_landed_although_the_disk_denied_it_are_closed() {
    let bench = Bench::new();
    let log = bench.open();
    log.begin(event("r1")).await.unwrap().close(Outcome::default()).await.unwrap();
    bench.set(Fault::LandsButSaysStopped);
    assert!(matches!(log.begin(event("refused")).await, Err(AuditError::NotWritten { .. })));
    bench.set(Fault::None);
    log.begin(event("r2")).await.unwrap().close(Outcome::default()).await.unwrap();
    let report = log.verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.unclosed, 0);
    let refused = bench.events().into_iter().find(|event| event.event.request_id == "refused").unwrap();
    assert!(refused.closing.unwrap().aborted);
}

#[tokio::test]
async fn a_log_that_lost_records_while_it_was_open_takes_no_more() {
    let bench = Bench::new();
    let log = bench.open();
    for n in 0..3 {
        log.begin(event(&format!("r{n}"))).await.unwrap().close(Outcome::default()).await.unwrap();
    }
    bench.set(Fault::LandsButSaysStopped);
    assert!(log.begin(event("refused")).await.is_err());
    bench.set(Fault::None);
    bench.rewrite(1, |records| records.truncate(2));
    assert!(matches!(log.begin(event("r9")).await, Err(AuditError::Damaged { segment: 1 })));
    assert!(log.healthy().await.is_err());
}

#[tokio::test]
async fn after_a_crash_the_torn_end_is_cut_and_that_is_on_record() {
    let bench = Bench::new();
    let log = bench.open();
    log.begin(event("whole")).await.unwrap().close(Outcome::default()).await.unwrap();
    let open = log.begin(event("open")).await.unwrap();
    let torn = log.begin(event("torn")).await.unwrap();
    log.shutdown().await;
    // Their ends cannot be recorded any more, as if the process had died.
    drop((open, torn));
    let bytes = std::fs::read(bench.segment(1)).unwrap();
    std::fs::write(bench.segment(1), &bytes[..bytes.len() - 10]).unwrap();

    let log = bench.open();
    let report = log.verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.unclosed), (4, 1));
    let recoveries = bench.reader().recoveries(10).unwrap();
    let (_, found) = &recoveries[0];
    assert!(found.after_restart() && found.bytes_cut > 100, "{found:?}");
    assert_eq!((found.unclosed, found.failed), (1, 0));
    assert!(matches!(bench.records()[3].content, Content::Recovered(_)));
    log.begin(event("after")).await.unwrap().close(Outcome::default()).await.unwrap();
    log.shutdown().await;

    // An orderly end is not an interruption, and the old one is not counted twice.
    let log = bench.open();
    assert_eq!(bench.reader().recoveries(10).unwrap().len(), 1);
    assert_eq!(log.verify().unwrap().unclosed, 1);
}

#[tokio::test]
async fn a_crash_while_a_new_file_is_made_loses_nothing() {
    let bench = Bench::with_segments_of(500).with_requests(3).await;
    let last = *SealedSegments::new(&bench.folder(), key()).list().unwrap().last().unwrap();
    for unfinished in [0, 63] {
        std::fs::write(bench.segment(last + 1), vec![0; unfinished]).unwrap();
        let report = bench.reader().verify(&[]).unwrap();
        assert!(report.is_intact(), "{unfinished}: {report:?}");
    }
    let bench = bench.with_requests(1).await;
    let report = bench.reader().verify(&[]).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.unclosed, 0);
}
