//! The lines of the file, over every door. Those of which `places` says so are asserted elsewhere, or not yet.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use policies::Principal;
use tests::attacks::checks::{
    Finding, RowOrder, denied, denied_or_oracle, indistinguishable, looks_nonexistent, oracle_equal, twin_equal,
};
use tests::attacks::corpus::{AttackLine, Check, lines};
use tests::attacks::oracle::{Oracle, Tokens};
use tests::attacks::roles::{principal, principal_of};
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

use crate::places::{Place, place_of};

/// Statements that ask for something nobody is given: plans, settings, lists in the engine's own words. The two worlds
/// answer alike then in any case, so that the refusal is asserted as well; once one of them is given out, its line has to
/// be written out.
const REFUSED_TO_ALL: [&str; 7] = ["G-009", "G-012", "X-001", "X-002", "X-004", "X-006", "X-007"];

/// For refused lines about something hidden: the name in the line, and one that nothing has.
const HIDDEN_NAMES: [(&str, &str, &str); 6] = [
    ("A-007", "ethnicity", "nosuchcol"),
    ("A-009", "ethnicity", "nosuchcol"),
    ("A-016", "person", "nosuch"),
    ("A-017", "health.visit", "health.nosuch"),
    ("A-019", "civil.subsidy", "nosuch.subsidy"),
    ("A-022", "unified.person", "unified.nosuch"),
];

/// Both worlds, and the copies of the first.
struct Arena {
    a: World,
    b: World,
    oracles: BTreeMap<(String, Option<String>), Oracle>,
}

impl Arena {
    async fn open(loading: Loading<'_>) -> Self {
        let (a, b) = (World::load(Side::A, loading).await, World::load(Side::B, loading).await);
        let mut oracles = BTreeMap::new();
        for line in lines().into_iter().filter(|line| place_of(line) == Place::Here) {
            let who = principal_of(&line);
            let key = (line.role, line.purpose);
            if let Entry::Vacant(place) = oracles.entry(key) {
                place.insert(Oracle::of(&a, &who).await);
            }
        }
        Self { a, b, oracles }
    }

    async fn check(&self, line: &AttackLine, order: RowOrder) -> Finding {
        let who = principal_of(line);
        let oracle = &self.oracles[&(line.role.clone(), line.purpose.clone())];
        for (door, twin) in self.a.doors().into_iter().zip(self.b.doors()) {
            match line.check {
                Check::OracleEqual => oracle_equal(door, &who, oracle, &line.sql).await?,
                Check::DeniedOrOracle => denied_or_oracle(door, &who, oracle, &line.sql).await?,
                Check::Denied => denied(door, &who, &line.sql).await?,
                Check::TwinEqual => twin_equal(door, twin, &who, &line.sql, order).await?,
                Check::Indistinguishable => self.check_purposes(&who).await?,
                Check::Bounded | Check::KAnonymous | Check::PolicyLint => {
                    return Err(format!("{:?} is not written yet", line.check));
                }
            }
            if REFUSED_TO_ALL.contains(&line.id.as_str()) {
                denied(door, &who, &line.sql).await?;
            }
            // Whatever the check of a line: what the grid worker gets does not depend on what is hidden.
            if line.role == "grid_worker" {
                twin_equal(door, twin, &who, &line.sql, order).await?;
            }
            for (_, hidden, absent) in HIDDEN_NAMES.iter().filter(|(id, ..)| *id == line.id) {
                looks_nonexistent(door, &who, &line.sql, (hidden, absent)).await?;
            }
        }
        Ok(())
    }

    /// The purpose of the line against the other one of the role.
    async fn check_purposes(&self, who: &Principal) -> Finding {
        let other = Principal { purpose: Some("housing_registration".to_owned()), ..who.clone() };
        assert_ne!(who.purpose, other.purpose);
        indistinguishable(&Tokens::learn(&self.a, who).await, &Tokens::learn(&self.a, &other).await)
    }
}

async fn run_all(loading: Loading<'_>, order: RowOrder) {
    let arena = Arena::open(loading).await;
    let mut findings = Vec::new();
    let mut n_asserted = 0;
    for line in lines().iter().filter(|line| place_of(line) == Place::Here) {
        n_asserted += 1;
        if let Err(finding) = arena.check(line, order).await {
            findings.push(format!("{} {:?} {}\n    {finding}", line.id, line.check, line.sql));
        }
    }
    assert!(findings.is_empty(), "{} of {n_asserted} lines fail:\n{}", findings.len(), findings.join("\n"));
}

/// One thread: rows come in one order, so that even the order as delivered is compared.
#[tokio::test(flavor = "multi_thread")]
async fn every_asserted_line_holds_on_every_door() {
    run_all(Loading::default(), RowOrder::Delivered).await;
}

/// As served: several partitions at once.
#[tokio::test(flavor = "multi_thread")]
async fn every_asserted_line_holds_on_several_threads() {
    run_all(Loading { cpu_threads: 3, ..Loading::default() }, RowOrder::WhereSet).await;
}

/// H lines: nothing is created, and every refusal is recorded with its code.
#[tokio::test(flavor = "multi_thread")]
async fn refused_statements_change_nothing_and_are_recorded() {
    let world = World::load(Side::A, Loading::default()).await;
    let worker = principal("grid_worker", None);
    let state = || async {
        let mut answers = Vec::new();
        for sql in [
            "SELECT * FROM information_schema.tables",
            "SELECT * FROM information_schema.schemata",
            "SELECT * FROM unified.person ORDER BY person_id",
            "SELECT * FROM unified.event ORDER BY event_id",
            "SELECT md5('a')",
        ] {
            answers.push(tests::attacks::door::Door::ask(&world.in_process, &worker, sql).await);
        }
        answers
    };
    let before = state().await;
    assert!(before.iter().all(|answer| answer.failure.is_none()));
    let _ = world.ledger.take();
    let statements: Vec<AttackLine> = lines().into_iter().filter(|line| line.letter() == 'H').collect();
    assert_eq!(statements.len(), 16);
    for line in &statements {
        for door in world.doors() {
            let answer = door.ask(&worker, &line.sql).await;
            let entries = world.ledger.take();
            assert_eq!(entries.len(), 1, "{}", line.id);
            let code = answer.failure.expect("refused").code;
            assert_eq!(entries[0].record.denied, Some(code.as_str()), "{}", line.id);
            assert_eq!(entries[0].record.sql, line.sql, "{}", line.id);
            assert_eq!(entries[0].outcome.as_ref().map(|outcome| outcome.rows), Some(0), "{}", line.id);
        }
    }
    assert_eq!(state().await, before);
    assert!(!std::path::Path::new("/dev/shm/x.parquet").exists());
}
