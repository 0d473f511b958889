//! Category J: what would use the process up is refused, stopped or answered inside its limits, and others do not feel it.

use std::time::{Duration, Instant};

use futures::StreamExt;
use query::{Limits, QueryRequest};
use tests::attacks::corpus::{Check, lines};
use tests::attacks::door::Door;
use tests::attacks::roles::{grid_worker, principal};
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

/// Short, so that the test is: the product's own are of the same kind.
fn limits() -> Limits {
    Limits {
        max_planning_time: Duration::from_secs(1),
        max_query_time: Duration::from_millis(1_500),
        max_query_memory_bytes: 64 << 20,
        max_result_bytes: 8 << 20,
        max_rows: 100_000,
        ..Limits::default()
    }
}

/// Longest a line may take: its limits, and what a busy machine adds.
const LONGEST: Duration = Duration::from_secs(8);
/// Longest somebody else waits meanwhile.
const LONGEST_OF_OTHERS: Duration = Duration::from_secs(4);
/// Memory of the whole process, in bytes; other tests run in it too.
const RESIDENT_MAX: u64 = 3 << 30;

fn resident_bytes() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else { return 0 };
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_stays_inside_its_limits() {
    let limits = limits();
    let world = World::load(Side::A, Loading { cpu_threads: 2, limits: Some(&limits), ..Loading::default() }).await;
    let other = principal("privacy_officer", None);
    let bounded = lines().into_iter().filter(|line| line.check == Check::Bounded);
    let mut n_checked = 0;
    // A line that names another protocol is a description, asserted by a test of its own.
    for line in bounded.filter(|line| ["any", "rest"].contains(&line.protocol.as_str())) {
        for door in world.doors() {
            let started = Instant::now();
            let attack = async {
                let answer = door.ask(&grid_worker(), &line.sql).await;
                (answer, started.elapsed())
            };
            let bystander = async {
                let (mut longest, mut most) = (Duration::ZERO, 0);
                for _ in 0..10 {
                    let asked = Instant::now();
                    let answer = world.in_process.ask(&other, "SELECT count(*) FROM unified.person").await;
                    assert_eq!((answer.rows.len(), answer.failure), (1, None), "{}", line.id);
                    (longest, most) = (longest.max(asked.elapsed()), most.max(resident_bytes()));
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
                (longest, most)
            };
            let ((answer, took), (longest, most)) = tokio::join!(attack, bystander);
            assert!(took < LONGEST, "{} over {}: {took:?}", line.id, door.name());
            assert!(longest < LONGEST_OF_OTHERS, "{}: somebody else waited {longest:?}", line.id);
            assert!(most < RESIDENT_MAX, "{}: {most} bytes", line.id);
            if let Some(failure) = &answer.failure {
                assert!(!failure.code.starts_with("DT-SRV"), "{} over {}: {failure:?}", line.id, door.name());
            }
        }
        n_checked += 1;
    }
    assert_eq!(n_checked, 10);
}

/// J-016, with the literals it speaks of.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_refused_before_it_is_planned() {
    let world = World::load(Side::A, Loading::default()).await;
    let of = |n: usize, literal: &str| {
        format!("SELECT person_id FROM unified.person WHERE person_id IN ({})", vec![literal; n].join(","))
    };
    for (sql, limit) in [
        // Over REST this is more than a body may hold, which is a limit too.
        (of(200_000, "'P0001'"), "bytes"),
        (of(20_000, "'P0001'"), "max_sql_bytes"),
        (of(9_000, "'P'"), "max_in_list_items"),
    ] {
        for door in world.doors() {
            let started = Instant::now();
            let failure = door.ask(&grid_worker(), &sql).await.failure.expect("refused");
            assert!(failure.code.starts_with("DT-LIM"), "{}: {failure:?}", door.name());
            assert!(failure.text.contains(limit), "{}: {failure:?}", door.name());
            assert!(started.elapsed() < LONGEST);
        }
    }
}

/// What J-017 tries with cursors: answers that are asked for and not read. Each gives its place back when its time is over,
/// and ends with the limit when it is read after all.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_nobody_reads_gives_its_place_back() {
    let limits = Limits {
        max_query_time: Duration::from_secs(1),
        max_queue_time: Duration::from_secs(6),
        max_concurrent_queries: 2,
        ..Limits::default()
    };
    let world = World::load(Side::A, Loading { cpu_threads: 2, limits: Some(&limits), ..Loading::default() }).await;
    let gateway = &world.in_process.0;
    let mut unread = Vec::new();
    for _ in 0..4 {
        let request = QueryRequest {
            principal: grid_worker(),
            sql: "SELECT a.name FROM unified.person a, unified.person b, unified.person c, unified.person d".to_owned(),
            request_id: "attack-1".to_owned(),
            protocol: "cli",
            kind: "query",
            client: None,
            token_id: None,
            parameters: Vec::new(),
            as_of: None,
        };
        unread.push(gateway.query(request).await.unwrap());
    }
    let sql = "SELECT count(*) FROM unified.person";
    assert_eq!(world.in_process.ask(&principal("privacy_officer", None), sql).await.failure, None);
    // The others are read in time, and fast: they reach the limit of rows.
    for mut rows in unread.into_iter().take(2) {
        let mut last = None;
        while let Some(step) = rows.next().await {
            last = step.err();
        }
        let text = last.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("max_query_time"), "{text}");
    }
}
