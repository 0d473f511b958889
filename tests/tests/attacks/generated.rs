//! Generated statements: both worlds of a role answer alike, and the grid worker's as the oracle does.

use std::collections::BTreeSet;
use std::time::Instant;

use query::allowed_function_names;
use tests::attacks::answer::sets_order;
use tests::attacks::checks::same_answer;
use tests::attacks::door::Door;
use tests::attacks::generated::Statements;
use tests::attacks::generated::calls::{Calls, OF_GROUPS, OF_THE_CLOCK};
use tests::attacks::generated::production::Production;
use tests::attacks::generated::vocabulary::Vocabulary;
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::grid_worker;
use tests::attacks::rows::Side;
use tests::attacks::soak::{Tally, soak};
use tests::attacks::twins::askers;
use tests::attacks::world::{Loading, World};

/// Statements of the normal run, all roles together.
const N_QUICK: usize = 1_000;
/// Statements of the long run, unless `SOAK_STATEMENTS` says otherwise.
const N_LONG: usize = 20_000;
const SEED: u64 = 20_260_601;

/// Every role an equal share; roles one after another, so that few threads are busy at once.
async fn run(seed: u64, n_statements: usize) -> Vec<Tally> {
    let calls = Calls::find(&allowed_function_names()).await;
    let askers = askers();
    let mut tallies = Vec::new();
    let only = std::env::var("SOAK_ROLE").ok();
    for (i, asker) in askers.iter().enumerate() {
        if only.as_ref().is_some_and(|role| *role != asker.principal.role) {
            continue;
        }
        let seed = seed.wrapping_add(1_000 * i as u64);
        let started = Instant::now();
        let tally = soak(asker, &calls, seed, n_statements.div_ceil(askers.len())).await;
        println!("{tally}  {:.0} s", started.elapsed().as_secs_f64());
        tallies.push(tally);
    }
    tallies
}

fn judge(tallies: &[Tally]) {
    let differences: Vec<&str> = tallies.iter().flat_map(|tally| &tally.differences).map(String::as_str).collect();
    let n_different: usize = tallies.iter().map(|tally| tally.n_different).sum();
    let broken: Vec<&str> = tallies.iter().flat_map(|tally| &tally.broken).map(String::as_str).collect();
    assert!(
        differences.is_empty() && broken.is_empty(),
        "{n_different} differences:\n{}\n{} statements break inside the gateway:\n{}",
        differences.join("\n"),
        broken.len(),
        broken.join("\n")
    );
    for tally in tallies {
        // The grammar is worth something only while it gives rows, and errors as well.
        let n_failed = tally.n_statements - tally.n_answered;
        assert!(tally.n_answered * 5 > tally.n_statements * 3, "{tally}");
        assert!(tally.sees_no_data || tally.n_with_rows * 10 > tally.n_statements * 3, "{tally}");
        assert!(n_failed * 50 > tally.n_statements, "{tally}");
    }
    let answered: BTreeSet<Production> = tallies.iter().flat_map(|tally| tally.answered_of.keys().copied()).collect();
    let missing: Vec<&Production> = Production::ALL.iter().filter(|rule| !answered.contains(rule)).collect();
    assert!(missing.is_empty(), "rules of the grammar of which no statement was answered: {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_statements_do_not_tell_the_worlds_apart() {
    judge(&run(SEED, N_QUICK).await);
}

/// `cargo xtask soak`. `SOAK_SEED` and `SOAK_STATEMENTS` choose other statements, and more of them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; `cargo xtask soak` runs it"]
async fn long_run() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let seed = number("SOAK_SEED").unwrap_or(SEED + 1);
    let n_statements = number("SOAK_STATEMENTS").map_or(N_LONG, |n| usize::try_from(n).unwrap());
    println!("seed {seed}, {n_statements} statements");
    let tallies = run(seed, n_statements).await;
    for rule in Production::ALL {
        let n: usize = tallies.iter().filter_map(|tally| tally.answered_of.get(rule)).sum();
        println!("{rule:?}: {n} answered");
    }
    for sql in tallies.iter().flat_map(|tally| &tally.unsteady) {
        println!("unsteady: {sql}");
    }
    println!("differences: {}", tallies.iter().map(|tally| tally.n_different).sum::<usize>());
    judge(&tallies);
}

/// Where both answer, gateway and oracle answer alike.
#[tokio::test(flavor = "multi_thread")]
async fn generated_statements_are_answered_as_by_the_oracle() {
    let a = World::load(Side::A, Loading::default()).await;
    let who = grid_worker();
    let oracle = Oracle::of(&a, &who).await;
    let calls = Calls::find(&allowed_function_names()).await;
    let words = Vocabulary::ask(&a.in_process.0, &who, [&a.rows, &a.rows]).await;
    let (mut findings, mut n_compared) = (Vec::new(), 0);
    for statement in Statements::from_seed(SEED + 2, &words, &calls).take(150) {
        let sql = &statement.sql;
        let found = a.in_process.ask(&who, sql).await;
        // The oracle has no tables about tables, and may evaluate rows in another order, so that one fails or does not
        // before a LIMIT is full.
        let expected = oracle.ask(sql).await;
        if found.failure.is_some() || expected.failure.is_some() || sql.contains("LIMIT") {
            continue;
        }
        n_compared += 1;
        if let Err(finding) = same_answer("oracle", &expected, &found, sets_order(sql)) {
            findings.push(format!("{sql}\n    {finding}"));
        }
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    assert!(n_compared > 40, "{n_compared}");
}

/// No function of the allow-list is left out of the grammar, but for those that tell the time.
#[tokio::test(flavor = "multi_thread")]
async fn every_allowed_function_can_be_written() {
    let allowed = allowed_function_names();
    assert!(OF_THE_CLOCK.iter().chain(&OF_GROUPS).all(|name| allowed.contains(name)));
    let calls = Calls::find(&allowed).await;
    let names = calls.names();
    let missing: Vec<&&str> = allowed
        .iter()
        .filter(|name| !names.contains(name) && !OF_THE_CLOCK.contains(name) && !OF_GROUPS.contains(name))
        .collect();
    assert!(missing.is_empty(), "no way found to call {missing:?}");
}
