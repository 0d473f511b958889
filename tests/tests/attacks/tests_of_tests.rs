//! The checks go red when what they guard is taken away.

use tests::attacks::checks::{RowOrder, oracle_equal, twin_equal};
use tests::attacks::corpus::{AttackLine, lines};
use tests::attacks::door::Door;
use tests::attacks::leaky::{LeakyDoor, Without};
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::{POLICY, grid_worker};
use tests::attacks::rows::Side;
use tests::attacks::twins::askers;
use tests::attacks::world::{Loading, World};

fn of_category(letter: char) -> Vec<AttackLine> {
    lines().into_iter().filter(|line| line.letter() == letter).collect()
}

/// The D lines that tell without a barrier. D-002 and D-019 do not with this engine: it finds no row to run them on.
const RED: [&str; 9] = ["D-001", "D-004", "D-007", "D-009", "D-011", "D-012", "D-014", "D-016", "D-017"];

fn missing(red: &[String]) -> Vec<&'static str> {
    RED.into_iter().filter(|id| !red.iter().any(|other| other == id)).collect()
}

async fn red_without(without: Without) -> Vec<String> {
    let (a, b) = (LeakyDoor::load(Side::A, without).await, LeakyDoor::load(Side::B, without).await);
    let who = grid_worker();
    let mut red = Vec::new();
    for line in of_category('D') {
        if twin_equal(&a, &b, &who, &line.sql, RowOrder::WhereSet).await.is_err() {
            red.push(line.id);
        }
    }
    eprintln!("RED {red:?}");
    red
}

/// The row filter and the masks are there, only the barrier is not: errors tell of hidden rows.
#[tokio::test(flavor = "multi_thread")]
async fn d_lines_are_red_for_a_view() {
    let red = red_without(Without::View).await;
    assert_eq!(missing(&red), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn d_lines_are_red_for_a_provider_without_barrier() {
    let red = red_without(Without::Provider).await;
    assert_eq!(missing(&red), Vec::<&str>::new());
}

/// The health analyst's pair of worlds: equal under the policy, and told apart once a month of birth is a key, or a sum may be
/// one person's.
#[tokio::test(flavor = "multi_thread")]
async fn the_analysts_worlds_are_told_apart_by_a_policy_that_shows_more() {
    let asker = askers().into_iter().find(|asker| asker.principal.role == "health_analyst").unwrap();
    let cases = [
        ("birth_date = \"year\"\ngrid_id", "birth_date = \"clear\"\ngrid_id", BY_MONTH),
        ("measures = [\"cost\"]", "measures = [\"cost\"]\ndominance_percent = 100", BY_HOSPITAL),
    ];
    for (from, to, sql) in cases {
        let policy = POLICY.replacen(from, to, 1);
        assert_ne!(policy, POLICY, "{from}");
        for (policy, is_equal) in [(POLICY, true), (&policy, false)] {
            let loading = Loading { policy, ..Loading::default() };
            let one = World::of_rows(Side::A, asker.one.clone(), loading).await;
            let other = World::of_rows(Side::B, asker.other.clone(), loading).await;
            let finding =
                twin_equal(&one.in_process, &other.in_process, &asker.principal, sql, RowOrder::Delivered).await;
            assert_eq!(finding.is_ok(), is_equal, "{sql}: {finding:?}");
            assert!(!one.in_process.ask(&asker.principal, sql).await.rows.is_empty(), "{sql}");
        }
    }
}

const BY_MONTH: &str = "SELECT date_part('month', birth_date), count(*) FROM unified.person \
                        WHERE birth_date IS NOT NULL GROUP BY 1";
const BY_HOSPITAL: &str = "SELECT hospital, sum(cost) FROM health.visit GROUP BY hospital";

/// Each change of the policy lets something through; the lines named must find it.
#[tokio::test(flavor = "multi_thread")]
async fn oracle_lines_are_red_for_a_policy_that_shows_more() {
    let cases = [
        (
            "id_number = \"id_six_four\"",
            "id_number = \"clear\"",
            &["A-001", "A-002", "B-001", "B-011", "C-001", "F-011"][..],
        ),
        ("phone = \"phone_three_four\"", "phone = \"clear\"", &["A-002", "B-006", "B-007", "C-006", "F-009"]),
        ("birth_date = \"year\"", "birth_date = \"clear\"", &["A-001", "B-021", "B-022", "F-002"]),
        ("{ column = \"grid_id\", in = \"grid_id\" }", "\"all\"", &["A-001", "E-001", "E-002", "E-021", "R-002"]),
        ("risk_level = \"clear\"", "risk_level = \"clear\"\nethnicity = \"clear\"", &["A-001"]),
    ];
    for (from, to, expected) in cases {
        let policy = POLICY.replacen(from, to, 1);
        assert_ne!(policy, POLICY, "{from}");
        let world = World::load(Side::A, Loading { policy: &policy, ..Loading::default() }).await;
        let who = grid_worker();
        let oracle = Oracle::of(&world, &who).await;
        for line in lines().iter().filter(|line| expected.contains(&line.id.as_str())) {
            let finding = oracle_equal(&world.in_process, &who, &oracle, &line.sql).await;
            assert!(finding.is_err(), "{} is green with {to}", line.id);
        }
    }
}
