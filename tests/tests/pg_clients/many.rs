//! Many connections at once, few of them at work.

use std::fs;
use std::time::{Duration, Instant};

use tests::datong::Demo;
use tokio::task::JoinSet;

use super::{Connected, connect};

/// Connections and those at work, in a short run. `DATONG_CONNECTIONS=1000/200` is the full one.
const SHORT: (usize, usize) = (200, 50);
/// Most memory that an idle connection may take.
const IDLE_BYTES_MAX: u64 = 100 * 1024;
/// Statements of each connection at work.
const STATEMENTS: usize = 3;

pub(crate) async fn idle_connections_are_cheap_and_none_is_refused(demo: &Demo) {
    let asked = std::env::var("DATONG_CONNECTIONS").ok();
    let asked = asked.as_deref().and_then(|text| text.split_once('/'));
    let asked = asked.and_then(|(all, active)| Some((all.parse().ok()?, active.parse().ok()?)));
    let (n_all, n_active): (usize, usize) = asked.unwrap_or(SHORT);
    // What the first ones of their kind bring with them belongs to no connection.
    let first = connect(demo, "grid_worker").await;
    first.simple_query("SELECT count(*) FROM unified.person").await.expect("an answer");

    let (before, start) = (resident_bytes(demo), Instant::now());
    let mut idle: Vec<Connected> = Vec::with_capacity(n_all);
    while idle.len() < n_all - 1 {
        let mut opening = JoinSet::new();
        let (host, port) = demo.pg();
        for _ in 0..(n_all - 1 - idle.len()).min(100) {
            let mut config = tokio_postgres::Config::new();
            config.host(host).port(port).user("many").password(demo.token("grid_worker")).dbname("datong");
            opening.spawn(async move { config.connect(tokio_postgres::NoTls).await });
        }
        while let Some(opened) = opening.join_next().await {
            let (client, connection) = opened.expect("no panic").expect("no connection is refused");
            let mut running = JoinSet::new();
            running.spawn(async move {
                let _ended = connection.await;
            });
            idle.push(Connected { client, notices: std::sync::mpsc::channel().1, _connection: running });
        }
    }
    let opened = start.elapsed();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let bytes = resident_bytes(demo).saturating_sub(before) / u64::try_from(idle.len()).expect("a count");

    let start = Instant::now();
    let mut at_work = JoinSet::new();
    let rest = idle.split_off(n_active.min(idle.len()));
    for connected in idle {
        at_work.spawn(async move {
            for _ in 0..STATEMENTS {
                connected.simple_query("SELECT sex, count(*) FROM unified.person GROUP BY sex").await?;
            }
            Ok::<_, tokio_postgres::Error>(connected)
        });
    }
    let mut n_failed = 0;
    while let Some(answered) = at_work.join_next().await {
        n_failed += usize::from(answered.expect("no panic").is_err());
    }
    println!(
        "{} connections in {opened:.1?}, {bytes} bytes each; {n_active} at work: {} statements in {:.1?}, {n_failed} failed",
        rest.len() + n_active + 1,
        n_active * STATEMENTS,
        start.elapsed()
    );
    assert_eq!(n_failed, 0, "connections at work whose statement was refused");
    for connected in rest.iter().step_by(50) {
        connected.simple_query("SELECT 1").await.expect("an idle connection lives");
    }
    assert!(bytes <= IDLE_BYTES_MAX, "{bytes} bytes for each connection");
}

/// Memory that the server holds.
fn resident_bytes(demo: &Demo) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", demo.id())).expect("the state of the server");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("resident memory");
    let kilobytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    kilobytes.expect("a number") * 1024
}
