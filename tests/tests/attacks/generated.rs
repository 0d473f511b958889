//! Generated statements: the two worlds answer alike, and as the oracle does wherever there is an answer.

use tests::attacks::answer::sets_order;
use tests::attacks::checks::{same_answer, same_in_both_worlds};
use tests::attacks::door::Door;
use tests::attacks::generated::Statements;
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::grid_worker;
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

const N_STATEMENTS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn generated_statements_do_not_tell_the_worlds_apart() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let who = grid_worker();
    let oracle = Oracle::of(&a, &who).await;
    let (mut findings, mut n_answered, mut n_failed, mut n_ordered) = (Vec::new(), 0, 0, 0);
    for sql in Statements::from_seed(20_260_601).take(N_STATEMENTS) {
        let (of_a, of_b) = (a.in_process.ask(&who, &sql).await, b.in_process.ask(&who, &sql).await);
        let mut finding = same_in_both_worlds("twins", &of_a, &of_b, true);
        if of_a.failure.is_some() {
            n_failed += 1;
        } else {
            n_answered += 1;
            n_ordered += usize::from(sets_order(&sql));
            let expected = oracle.ask(&sql).await;
            // In which order rows are evaluated, and so whether one fails before a LIMIT is full, is the engine's choice.
            if expected.failure.is_none() {
                finding = finding.and_then(|()| same_answer("oracle", &expected, &of_a, sets_order(&sql)));
            }
        }
        findings.extend(finding.err().map(|finding| format!("{sql}\n    {finding}")));
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    // The grammar is worth something only while it gives both answers and errors.
    assert!(n_answered > N_STATEMENTS / 3 && n_failed > N_STATEMENTS / 20, "{n_answered} answered, {n_failed} failed");
    assert!(n_ordered > N_STATEMENTS / 10, "{n_ordered}");
}
