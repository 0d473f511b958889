mod bench;
mod disk;
mod searching;
mod tampering;

use std::sync::atomic::Ordering;

use bench::{Bench, event, key};
use lake::MasterKey;
use tokio::task::JoinSet;

use super::*;
use crate::{Decision, EventFilter, EventKind, Protocol, SqlText};

const SENTINEL: &str = "SENTINEL-7731";

#[tokio::test]
async fn a_request_is_on_record_before_and_after() {
    let bench = Bench::new();
    let log = bench.open();
    let mut asked = event("r1");
    asked.relations = vec!["unified.person".to_owned()];
    asked.masks.insert("unified.person.phone".to_owned(), "partial".to_owned());
    let entry = log.begin(asked.clone()).await.unwrap();
    assert_eq!(entry.sequence(), 1);
    // Before the first row leaves, the beginning can be read from the disk, by somebody else.
    let found = bench.events();
    assert_eq!(found.len(), 1);
    assert_eq!((&*found[0].event, &found[0].closing), (&asked, &None));
    assert_eq!(found[0].time.offset().local_minus_utc(), 8 * 3600);

    let outcome = Outcome { rows: 3, bytes: 120, error_code: None, duration_ms: 9 };
    entry.close(outcome.clone()).await.unwrap();
    let expected = Closing { opened_sequence: 1, request_id: "r1".to_owned(), aborted: false, outcome };
    assert_eq!(bench.events()[0].closing, Some(expected));
    let report = log.verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.segments, report.records, report.unclosed), (1, 2, 0));
    assert_eq!(report.head, Some(log.head()));
    assert_eq!(log.head().sequence, 2);
}

#[tokio::test]
async fn a_dropped_entry_is_closed_as_aborted() {
    let bench = Bench::new();
    let log = bench.open();
    drop(log.begin(event("r1")).await.unwrap());
    let kept = log.begin(event("r2")).await.unwrap();
    // The drop was queued before the second beginning, so it is on the disk by now.
    let found = bench.events();
    let first = found.iter().find(|event| event.event.request_id == "r1").unwrap();
    assert!(first.closing.as_ref().unwrap().aborted);
    kept.close(Outcome::default()).await.unwrap();
    assert_eq!(log.verify().unwrap().unclosed, 0);
}

#[tokio::test]
async fn a_request_that_gives_up_while_it_waits_is_closed_as_aborted() {
    let bench = Bench::new();
    let log = bench.open();
    {
        let mut begin = Box::pin(log.begin(event("r1")));
        // Polled once: queued. Then dropped, before or after the writer has answered.
        let _not_yet = futures_poll_once(begin.as_mut()).await;
    }
    // Wait for the writer to have closed it.
    for n in 0..200 {
        log.begin(event(&format!("x{n}"))).await.unwrap().close(Outcome::default()).await.unwrap();
        if log.verify().unwrap().unclosed == 0 {
            break;
        }
    }
    log.shutdown().await;
    let report = bench.reader().verify(&[]).unwrap();
    assert_eq!((report.unclosed, report.fault_count), (0, 0));
    let first = bench.reader().events(&EventFilter { request_id: Some("r1".to_owned()), ..EventFilter::default() });
    assert!(first.unwrap().next().unwrap().closing.unwrap().aborted);
}

/// Polls a future once and gives its value if it is ready.
async fn futures_poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match std::pin::Pin::new(&mut future).poll(cx) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_concurrent_requests_keep_one_chain_and_share_the_disk() {
    let bench = Bench::with_segments_of(100_000);
    let log = bench.open();
    let mut tasks = JoinSet::new();
    for idx in 0..1000 {
        let log = log.clone();
        tasks.spawn(async move {
            let entry = log.begin(event(&format!("r{idx}"))).await.unwrap();
            let sequence = entry.sequence();
            entry.close(Outcome { rows: idx, ..Outcome::default() }).await.unwrap();
            sequence
        });
    }
    let sequences: std::collections::BTreeSet<u64> = tasks.join_all().await.into_iter().collect();
    assert_eq!(sequences.len(), 1000);
    let report = log.verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.unclosed), (2000, 0));
    assert!(report.segments > 3, "{report:?}");
    let appends = bench.disk.appends.load(Ordering::SeqCst);
    assert!(appends < 1000, "{appends} waits for the disk for 2000 records");
    // Every request has the end that belongs to it.
    let filter = EventFilter { limit: 2000, ..EventFilter::default() };
    let found: Vec<_> = bench.reader().events(&filter).unwrap().collect();
    assert_eq!(found.len(), 1000);
    for event in found {
        let rows = event.closing.unwrap().outcome.rows;
        assert_eq!(event.event.request_id, format!("r{rows}"));
    }
}

#[tokio::test]
async fn the_chain_goes_on_over_files_and_restarts() {
    let bench = Bench::with_segments_of(3_000).with_requests(20).await;
    let before = bench.reader().verify(&[]).unwrap();
    assert!(before.segments > 3, "{before:?}");
    let bench = bench.with_requests(20).await;
    let after = bench.reader().verify(&[before.head.clone().unwrap()]).unwrap();
    assert!(after.is_intact(), "{after:?}");
    assert!(after.segments > before.segments);
    assert_eq!((before.records, after.records), (40, 80));
    let first = &bench.records()[0];
    assert_eq!((first.sequence, first.prev_hash.as_str()), (1, "0".repeat(64).as_str()));
}

#[tokio::test]
async fn a_copy_up_to_the_extents_is_the_log_of_that_moment() {
    let bench = Bench::with_segments_of(3_000).with_requests(20).await;
    let before = bench.reader().verify(&[]).unwrap();
    assert!(before.extents.len() > 3, "{before:?}");
    // The log goes on, and a record is torn at its end.
    let bench = bench.with_requests(20).await;
    let copy = tempfile::tempdir().unwrap();
    for extent in &before.extents {
        let bytes = std::fs::read(bench.folder().join(&extent.file)).unwrap();
        std::fs::write(copy.path().join(&extent.file), &bytes[..extent.bytes as usize]).unwrap();
    }
    let copied = AuditReader::new(copy.path(), key()).verify(&[before.head.clone().unwrap()]).unwrap();
    assert_eq!((copied.records, copied.fault_count), (before.records, 0));
    assert_eq!(copied.extents, before.extents);
    let last = bench.folder().join(&bench.reader().verify(&[]).unwrap().extents.last().unwrap().file);
    let whole = std::fs::metadata(&last).unwrap().len();
    let mut torn = std::fs::read(&last).unwrap();
    torn.extend([7; 20]);
    std::fs::write(&last, torn).unwrap();
    assert_eq!(bench.reader().verify(&[]).unwrap().extents.last().unwrap().bytes, whole);
}

#[tokio::test]
async fn nothing_readable_is_at_rest() {
    let bench = Bench::with_segments_of(2_000);
    let log = bench.open();
    for _ in 0..5 {
        let mut asked = AuditEvent::new(SENTINEL, EventKind::Search, Protocol::Console, Decision::Allowed);
        let text = || Some(SENTINEL.to_owned());
        (asked.subject, asked.role, asked.purpose, asked.client, asked.record_id) =
            (text(), text(), text(), text(), text());
        asked.columns = vec![SENTINEL.to_owned()];
        asked.sql = Some(SqlText::new(&format!("select '{SENTINEL}'")));
        log.begin(asked).await.unwrap().close(Outcome { error_code: text(), ..Outcome::default() }).await.unwrap();
    }
    log.shutdown().await;
    let mut files = 0;
    for entry in std::fs::read_dir(bench.folder()).unwrap() {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        for hidden in [SENTINEL, "opened", "sequence", "select"] {
            assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
        }
        assert!(!entry.file_name().to_string_lossy().contains(SENTINEL));
        files += usize::from(!bytes.is_empty());
    }
    assert!(files > 2, "{files}");
    assert_eq!(bench.events()[0].event.sql.as_ref().unwrap().reveal(), format!("select '{SENTINEL}'"));
    // What may be shown and exported has no statement in it.
    for record in bench.records() {
        assert!(!record.to_json().contains("select") && !format!("{record:?}").contains("select"));
    }
}

#[tokio::test]
async fn one_process_writes_and_another_key_reads_nothing() {
    let bench = Bench::new();
    let log = bench.open();
    assert!(matches!(bench.try_open(), Err(AuditError::InUse)));
    log.begin(event("r1")).await.unwrap().close(Outcome::default()).await.unwrap();
    let entry = log.begin(event("r2")).await.unwrap();
    log.clone().shutdown().await;
    assert!(matches!(log.begin(event("r3")).await, Err(AuditError::Closed)));
    assert!(matches!(log.healthy().await, Err(AuditError::Closed)));
    assert!(matches!(entry.close(Outcome::default()).await, Err(AuditError::Closed)));
    let wrong = MasterKey::from_bytes([8; 32]).derive("audit");
    assert!(matches!(AuditLog::open(&bench.folder(), wrong), Err(AuditError::Unreadable { segment: 1, .. })));
    AuditLog::open(&bench.folder(), key()).unwrap().shutdown().await;
}

#[tokio::test]
async fn an_event_too_large_is_refused_and_harms_nobody() {
    let bench = Bench::new();
    let log = bench.open();
    let mut large = event("large");
    large.columns = (0..100_000).map(|n| format!("unified.person.c{n}")).collect();
    assert!(matches!(log.begin(large).await, Err(AuditError::TooLarge { bytes }) if bytes > 1_000_000));
    assert!(log.healthy().await.is_ok());
    log.begin(event("r1")).await.unwrap().close(Outcome::default()).await.unwrap();
    assert!(log.verify().unwrap().is_intact());
}
