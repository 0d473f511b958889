//! A function of the user's that remembers its arguments sees nothing but visible rows and masked values, wherever it is
//! written; without a barrier it sees the others.

use std::collections::{BTreeMap, BTreeSet};

use query::allowed_function_names;
use tests::attacks::corpus::lines;
use tests::attacks::door::Door;
use tests::attacks::generated::Statements;
use tests::attacks::generated::calls::Calls;
use tests::attacks::generated::vocabulary::Vocabulary;
use tests::attacks::leaky::{LeakyDoor, Without};
use tests::attacks::oracle::Oracle;
use tests::attacks::probe::{NAME, Probe, Seen, probed};
use tests::attacks::roles::{grid_worker, principal_of};
use tests::attacks::rows::{Rows, Side};
use tests::attacks::secrets::Secrets;
use tests::attacks::twins::{Asker, askers};
use tests::attacks::world::{Loading, World};

/// Generated statements a role.
const N_GENERATED: usize = 150;

/// One role's world with a probe in it, and what the probe may see there.
struct Watched {
    world: World,
    asker: Asker,
    words: Vocabulary,
    visible: BTreeMap<String, BTreeSet<String>>,
    hidden: Secrets,
    probe: Probe,
}

impl Watched {
    async fn open(asker: Asker) -> Self {
        let probe = Probe::new();
        let loading = Loading { probes: &[probe.function()], ..Loading::default() };
        let world = World::of_rows(Side::A, asker.one.clone(), loading).await;
        let words = Vocabulary::ask(&world.in_process.0, &asker.principal, [&asker.one, &asker.other]).await;
        let oracle = Oracle::of(&world, &asker.principal).await;
        let hidden = Secrets::hidden_from(Side::A, &asker.one, &oracle).await;
        let visible = oracle.values().await;
        // Learning tokens is no statement of the user's.
        let _ = probe.take();
        Self { world, asker, words, visible, hidden, probe }
    }

    /// Asks, and says what the probe saw that it may not have seen, and how many values it saw of visible columns.
    async fn ask(&self, sql: &str) -> (Vec<String>, usize) {
        let _ = self.world.in_process.ask(&self.asker.principal, sql).await;
        let seen = self.probe.take();
        let counts = !self.words.counted().is_empty();
        let is_of_groups = |column: &str| counts && is_of_groups(column);
        let n_of_columns =
            seen.iter().filter(|(column, _)| self.visible.contains_key(column) || is_of_groups(column)).count();
        let mut bad = unseemly(&seen, &self.visible, &self.hidden, sql);
        let is_shown = |value: &String| {
            self.visible.values().any(|values| values.contains(value)) || is_figure(value) || sql.contains(value)
        };
        let of_groups = seen.iter().filter(|(column, value)| is_of_groups(column) && !is_shown(value));
        bad.extend(of_groups.map(|(column, value)| format!("{column} of groups: {value}")));
        (bad, n_of_columns)
    }
}

/// The engine may call a column of released groups by its place.
fn is_of_groups(column: &str) -> bool {
    column.strip_prefix("column").is_some_and(|place| place.parse::<usize>().is_ok())
}

/// A count, a sum or a part of a date.
fn is_figure(value: &str) -> bool {
    value.parse::<f64>().is_ok() || value.bytes().all(|b| b.is_ascii_digit() || b"-:T".contains(&b))
}

/// Values of a visible column that the column does not show; of anything else, texts that are hidden.
fn unseemly(seen: &Seen, visible: &BTreeMap<String, BTreeSet<String>>, hidden: &Secrets, sql: &str) -> Vec<String> {
    let bad = |(column, value): &&(String, String)| match visible.get(column) {
        Some(shown) => !shown.contains(value) && !sql.contains(value.as_str()),
        None => hidden.found_in(value.as_bytes(), sql).is_some(),
    };
    seen.iter().filter(bad).map(|(column, value)| format!("{column}: {value}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_sees_visible_values_only() {
    let calls = Calls::find(&allowed_function_names()).await;
    for asker in askers() {
        let watched = Watched::open(asker).await;
        let (mut findings, mut n_lines, mut n_seen) = (Vec::new(), 0, 0);
        let mut statements: Vec<String> = Vec::new();
        for line in lines().iter().filter(|line| "ABCDEFKNW".contains(line.letter())) {
            if principal_of(line) == watched.asker.principal {
                statements.extend(probed(&line.sql, &watched.words));
            }
        }
        n_lines += statements.len();
        let generated = Statements::from_seed(7, &watched.words, &calls).with_probe(NAME);
        statements.extend(generated.take(N_GENERATED).map(|statement| statement.sql));
        for sql in &statements {
            let (bad, n) = watched.ask(sql).await;
            n_seen += n;
            if !bad.is_empty() {
                findings.push(format!("{sql}\n    the probe saw {bad:?}"));
            }
        }
        let who = &watched.asker.principal;
        println!("{}: {n_lines} lines and {N_GENERATED} generated statements, {n_seen} values seen", who.role);
        assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
        assert!(who.role != "grid_worker" || n_lines > 60 && n_seen > 10_000, "{n_lines} lines, {n_seen} values");
        assert!(who.role != "health_analyst" || n_lines > 15, "{n_lines} lines");
        assert!(watched.words.n_of_data == 0 || n_seen > 20, "{}: {n_seen}", who.role);
    }
}

/// The test of the test: both gateways without a barrier show hidden rows to the probe.
#[tokio::test(flavor = "multi_thread")]
async fn the_probe_sees_hidden_rows_where_there_is_no_barrier() {
    let world = World::load(Side::A, Loading::default()).await;
    let who = grid_worker();
    let oracle = Oracle::of(&world, &who).await;
    let (visible, hidden) = (oracle.values().await, Secrets::hidden_from(Side::A, &Rows::of(Side::A), &oracle).await);
    let statements = [
        "SELECT person_id FROM unified.person WHERE f_leak(residence_address)",
        "SELECT person_id FROM unified.person WHERE f_leak(name) AND grid_id = 'G0101'",
        "SELECT event_id FROM unified.event WHERE f_leak(description)",
    ];
    for without in [Without::View, Without::Provider] {
        let probe = Probe::new();
        let door = LeakyDoor::load(Side::A, without).await.with_probe(&probe);
        for sql in statements {
            let answer = door.ask(&who, sql).await;
            assert_eq!((answer.rows.len(), answer.failure), (40, None), "the answer alone tells nothing: {sql}");
            let seen = unseemly(&probe.take(), &visible, &hidden, sql);
            assert!(seen.iter().any(|value| value.contains("天狼星")), "{without:?}: {sql}: {seen:?}");
        }
    }
}

/// No name reaches the probe where it was not brought in: not in SQL, and for no role.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_tests_there_is_no_probe() {
    let world = World::load(Side::A, Loading::default()).await;
    for door in world.doors() {
        let answer = door.ask(&grid_worker(), "SELECT f_leak('a')").await;
        assert_eq!(answer.failure.map(|failure| failure.code), Some("DT-SQL-0006".to_owned()));
    }
    assert!(!allowed_function_names().contains(&NAME));
}
