//! Finding events again.

use std::time::Duration;

use super::super::*;
use super::bench::*;
use crate::{Decision, EventFilter, EventKind, Protocol, SqlText};

#[tokio::test]
async fn searching_finds_what_was_asked_for_newest_first() {
    let bench = Bench::with_segments_of(2_000);
    let log = bench.open();
    for n in 0..12_u64 {
        let decision = if n % 3 == 0 { Decision::Denied { code: "no_policy".to_owned() } } else { Decision::Allowed };
        let kind = if n % 2 == 0 { EventKind::Query } else { EventKind::Record };
        let mut asked = AuditEvent::new(format!("r{n}"), kind, Protocol::Pg, decision);
        asked.subject = Some(format!("worker-{}", n % 4));
        asked.relations = vec![format!("unified.t{}", n % 2)];
        asked.columns = vec![format!("unified.t{}.c{n}", n % 2)];
        asked.record_id = (n % 2 == 1).then(|| format!("id{n}"));
        asked.sql = Some(SqlText::new(&format!("select {}", n % 5)));
        log.begin(asked).await.unwrap().close(Outcome { rows: n, ..Outcome::default() }).await.unwrap();
        if n == 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let find = |filter: EventFilter| -> Vec<u64> {
        let found = bench.reader().events(&filter).unwrap();
        found.map(|event| event.event.request_id.strip_prefix('r').unwrap().parse().unwrap()).collect()
    };
    let any = EventFilter::default;
    assert_eq!(find(any()), (0..12).rev().collect::<Vec<_>>());
    assert_eq!(find(EventFilter { limit: 2, ..any() }), [11, 10]);
    assert_eq!(find(EventFilter { limit: 0, ..any() }), [0; 0]);
    assert_eq!(find(EventFilter { subject: Some("worker-1".to_owned()), ..any() }), [9, 5, 1]);
    assert_eq!(find(EventFilter { denied: Some(true), ..any() }), [9, 6, 3, 0]);
    assert_eq!(find(EventFilter { denied: Some(false), limit: 3, ..any() }), [11, 10, 8]);
    assert_eq!(find(EventFilter { kind: Some(EventKind::Record), limit: 2, ..any() }), [11, 9]);
    assert_eq!(find(EventFilter { protocol: Some(Protocol::Rest), ..any() }), [0; 0]);
    assert_eq!(find(EventFilter { relation: Some("unified.t1".to_owned()), limit: 1, ..any() }), [11]);
    assert_eq!(find(EventFilter { column: Some("unified.t0.c4".to_owned()), ..any() }), [4]);
    assert_eq!(find(EventFilter { record_id: Some("id7".to_owned()), ..any() }), [7]);
    assert_eq!(find(EventFilter { request_id: Some("r8".to_owned()), ..any() }), [8]);
    assert_eq!(find(EventFilter { role: Some("auditor".to_owned()), ..any() }), [0; 0]);

    let all: Vec<_> = bench.reader().events(&any()).unwrap().collect();
    assert!(all.iter().all(|event| event.closing.as_ref().unwrap().request_id == event.event.request_id));
    // Page by page.
    assert_eq!(find(EventFilter { before_sequence: Some(all[3].sequence), limit: 3, ..any() }), [7, 6, 5]);
    // Equal statements have equal hashes.
    let hash = all.iter().find(|event| event.event.request_id == "r4").unwrap().sql_hash.clone();
    assert_eq!(find(EventFilter { sql_hash: hash, ..any() }), [9, 4]);
    // By time: the sixth request is where the pause was.
    let pause = all.iter().find(|event| event.event.request_id == "r6").unwrap().time.to_utc();
    assert_eq!(find(EventFilter { since: Some(pause), ..any() }), [11, 10, 9, 8, 7, 6]);
    assert_eq!(find(EventFilter { until: Some(pause), ..any() }), [5, 4, 3, 2, 1, 0]);
    let far = chrono::TimeDelta::days(3);
    assert_eq!(find(EventFilter { since: Some(pause + far), ..any() }), [0; 0]);
    assert_eq!(find(EventFilter { until: Some(pause - far), ..any() }), [0; 0]);
}
