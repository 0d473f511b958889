//! Category K: relations that may be counted and summed, but not read.

use std::collections::{BTreeMap, BTreeSet};

use policies::Principal;
use tests::attacks::answer::Answer;
use tests::attacks::corpus::{Check, lines};
use tests::attacks::door::Door;
use tests::attacks::roles::principal;
use tests::attacks::rows::{Person, Side, Visit};
use tests::attacks::world::{Loading, World};

const K: usize = 5;

fn analyst(subject: &str) -> Principal {
    Principal { subject: subject.to_owned(), ..principal("health_analyst", Some("epidemiology")) }
}

/// A new person for every question, so that only the pair lines meet the guard of overlaps.
async fn ask_fresh(door: &dyn Door, sql: &str) -> Answer {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static N: AtomicUsize = AtomicUsize::new(0);
    door.ask(&analyst(&format!("analyst-{}", N.fetch_add(1, Ordering::Relaxed))), sql).await
}

/// Persons of each group, from the rows as stored.
fn persons_by<K: Ord>(visits: &[Visit], key: impl Fn(&Visit) -> K) -> BTreeMap<K, BTreeSet<&str>> {
    let mut groups: BTreeMap<K, BTreeSet<&str>> = BTreeMap::new();
    for visit in visits {
        groups.entry(key(visit)).or_default().insert(&visit.person_id);
    }
    groups
}

fn cells(answer: &Answer) -> Vec<Vec<String>> {
    answer.rows.iter().map(|row| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect()).collect()
}

/// Every line that has to be refused is refused at plan time, by the same words whatever the data.
#[tokio::test(flavor = "multi_thread")]
async fn shapes_that_tell_single_people_are_refused() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let mut n_checked = 0;
    for line in lines().iter().filter(|line| line.letter() == 'K' && line.check == Check::Denied) {
        for (door, twin) in a.doors().into_iter().zip(b.doors()) {
            let (of_a, of_b) = (ask_fresh(door, &line.sql).await, ask_fresh(twin, &line.sql).await);
            let failure = of_a.failure.clone().unwrap_or_else(|| panic!("{} is answered: {of_a:?}", line.id));
            assert!(
                ["DT-POL-0002", "DT-SQL-0005", "DT-SQL-0006"].contains(&failure.code.as_str()),
                "{}: {failure:?}",
                line.id
            );
            assert!(of_a.rows.is_empty(), "{}", line.id);
            assert_eq!(of_b.failure, Some(failure), "{}", line.id);
        }
        n_checked += 1;
    }
    assert_eq!(n_checked, 10);
}

/// Every line that may be answered gives groups of enough persons, or is refused whatever the data.
#[tokio::test(flavor = "multi_thread")]
async fn every_released_group_rests_on_enough_persons() {
    let world = World::load(Side::A, Loading::default()).await;
    let mut answered = BTreeSet::new();
    for line in lines().iter().filter(|line| "KW".contains(line.letter()) && line.check == Check::KAnonymous) {
        for door in world.doors() {
            let answer = ask_fresh(door, &line.sql).await;
            match &answer.failure {
                Some(failure) => assert!(
                    ["DT-POL-0002", "DT-SQL-0001", "DT-SQL-0004", "DT-SQL-0006"].contains(&failure.code.as_str()),
                    "{}: {failure:?}",
                    line.id
                ),
                None => {
                    answered.insert(line.id.clone());
                    assert!(!answer.text().contains("A15"), "{}: {answer:?}", line.id);
                }
            }
        }
    }
    // Lines that are ordinary work must not be refused.
    for id in ["K-001", "K-002", "K-007", "K-017", "K-024", "K-027", "K-029", "K-034", "W-007"] {
        assert!(answered.contains(id), "{id} is refused; answered: {answered:?}");
    }
}

/// The figures themselves, against the rows as stored.
#[tokio::test(flavor = "multi_thread")]
async fn released_figures_are_right_and_small_groups_are_not_there() {
    let world = World::load(Side::A, Loading { cpu_threads: 3, ..Loading::default() }).await;
    let visits = &world.rows.visits;
    for door in world.doors() {
        let answer = ask_fresh(
            door,
            "SELECT diagnosis, count(DISTINCT person_id) AS persons, count(*) AS visits, sum(cost) AS total, avg(cost) AS mean \
             FROM health.visit WHERE hospital <> 'H3' GROUP BY diagnosis ORDER BY diagnosis",
        )
        .await;
        assert_eq!(answer.failure, None);
        let expected: Vec<(String, usize, usize, f64)> = persons_by(visits, |visit| visit.diagnosis.clone())
            .into_keys()
            .filter_map(|diagnosis| {
                let of_it = || visits.iter().filter(|v| v.diagnosis == diagnosis && v.hospital != "H3");
                let persons: BTreeSet<&str> = of_it().map(|v| v.person_id.as_str()).collect();
                let cost: f64 = of_it().map(|v| v.cost).sum();
                (persons.len() >= K).then(|| (diagnosis.clone(), persons.len(), of_it().count(), cost))
            })
            .collect();
        let found: Vec<(String, usize, usize, f64)> = cells(&answer)
            .into_iter()
            .map(|row| (row[0].clone(), row[1].parse().unwrap(), row[2].parse().unwrap(), row[3].parse().unwrap()))
            .collect();
        // A15 rests on three people; to hide them in the total the smallest of the others is left out too.
        assert!(found.len() >= 2 && found.len() < expected.len() + 1, "{found:?} of {expected:?}");
        for row in &found {
            let right = expected.iter().find(|other| other.0 == row.0).unwrap();
            assert_eq!((row.1, row.2), (right.1, right.2));
            assert!((row.3 - right.3).abs() < 1e-6, "{row:?} {right:?}");
        }
        let left_out: BTreeSet<&str> = visits
            .iter()
            .filter(|v| v.hospital != "H3" && !found.iter().any(|row| row.0 == v.diagnosis))
            .map(|v| v.person_id.as_str())
            .collect();
        assert!(left_out.len() >= K, "{left_out:?}");
    }
}

/// One person who makes up most of a sum is not told by the sum; the count of the same group may be.
#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_is_one_persons_is_withheld() {
    let world = World::load(Side::A, Loading::default()).await;
    for door in world.doors() {
        let sums = ask_fresh(door, "SELECT hospital, sum(cost) FROM health.visit GROUP BY hospital").await;
        assert!(sums.failure.is_none() && !sums.text().contains("H3"), "{sums:?}");
        let mean = ask_fresh(door, "SELECT avg(cost) FROM health.visit WHERE hospital = 'H3'").await;
        assert_eq!((mean.failure, mean.rows.len()), (None, 0));
        let count = ask_fresh(door, "SELECT count(DISTINCT person_id) FROM health.visit WHERE hospital = 'H3'").await;
        assert_eq!(cells(&count), [["6"]]);
    }
}

/// Too few persons and nobody at all look alike.
#[tokio::test(flavor = "multi_thread")]
async fn few_persons_look_like_nobody() {
    let world = World::load(Side::A, Loading::default()).await;
    for door in world.doors() {
        let mut answers = Vec::new();
        for diagnosis in ["A15", "Z99"] {
            let sql = format!("SELECT count(*) FROM health.visit WHERE diagnosis = '{diagnosis}'");
            answers.push(ask_fresh(door, &sql).await);
        }
        assert_eq!(answers[0], answers[1]);
        assert!(answers[0].rows.is_empty() && answers[0].failure.is_none());
    }
}

/// K-036, K-037: what a subtraction would tell is refused, whichever of the two comes first.
#[tokio::test(flavor = "multi_thread")]
async fn differences_of_two_answers_are_refused() {
    let world = World::load(Side::A, Loading::default()).await;
    let all = "SELECT count(DISTINCT person_id) FROM health.visit WHERE hospital <> 'H9'";
    let but_few =
        "SELECT count(DISTINCT person_id) FROM health.visit WHERE hospital <> 'H9' AND NOT (diagnosis = 'A15')";
    let joined_but_few = "SELECT count(*) FROM health.visit v JOIN unified.person p ON v.person_id = p.person_id \
                          WHERE NOT (v.diagnosis = 'A15')";
    for door in world.doors() {
        for (first, second) in [(all, but_few), (but_few, all), (all, joined_but_few)] {
            let who = analyst(&format!("{}-{}-{}", door.name(), first.len(), second.len()));
            assert_eq!(door.ask(&who, first).await.rows.len(), 1, "{first}");
            let refused = door.ask(&who, second).await;
            assert_eq!(refused.failure.map(|failure| failure.code).as_deref(), Some("DT-POL-0003"), "{second}");
            assert!(refused.rows.is_empty());
            assert_eq!(door.ask(&who, first).await.rows.len(), 1, "the first may be asked again");
            assert_eq!(ask_fresh(door, second).await.rows.len(), 1);
        }
    }
}

/// K-037: a window that slides day by day.
#[tokio::test(flavor = "multi_thread")]
async fn a_sliding_window_does_not_count_single_days() {
    let world = World::load(Side::A, Loading::default()).await;
    let visits = &world.rows.visits;
    let who = analyst("slider");
    let mut earlier: Vec<BTreeSet<&str>> = Vec::new();
    let (mut n_answered, mut n_refused) = (0, 0);
    for day in 1..=30_u32 {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let sql = format!("SELECT count(DISTINCT person_id) FROM health.visit WHERE visit_date <= '{date}'");
        let answer = world.in_process.ask(&who, &sql).await;
        let persons: BTreeSet<&str> =
            visits.iter().filter(|v| v.visit_date <= date).map(|v| v.person_id.as_str()).collect();
        if answer.failure.is_some() {
            n_refused += 1;
            continue;
        }
        if answer.rows.is_empty() {
            assert!(persons.len() < K);
            continue;
        }
        n_answered += 1;
        assert_eq!(cells(&answer), [[persons.len().to_string()]]);
        for other in &earlier {
            let apart = persons.symmetric_difference(other).count();
            assert!(apart == 0 || apart >= K, "{apart} persons apart");
        }
        earlier.push(persons);
    }
    assert!(n_answered >= 2 && n_refused >= 5, "{n_answered} answered, {n_refused} refused");
}

/// Groups of two keys, and what a bystander computes from them and the totals.
#[tokio::test(flavor = "multi_thread")]
async fn grouped_answers_and_their_total_leave_enough_persons_between_them() {
    let world = World::load(Side::A, Loading::default()).await;
    let visits = &world.rows.visits;
    let by_year = |person: &Person| person.birth_date.map(|d| chrono::Datelike::year(&d));
    assert!(world.rows.persons.iter().map(by_year).collect::<BTreeSet<_>>().len() > 3, "years differ");
    let answer =
        ask_fresh(&world.in_process, "SELECT hospital, diagnosis, count(*) FROM health.visit GROUP BY 1, 2").await;
    let shown: BTreeSet<(String, String)> =
        cells(&answer).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let groups = persons_by(visits, |visit| (visit.hospital.clone(), visit.diagnosis.clone()));
    let mut hidden: BTreeSet<&str> = BTreeSet::new();
    for (key, persons) in &groups {
        if shown.contains(key) {
            assert!(persons.len() >= K, "{key:?}");
        } else {
            hidden.extend(persons);
        }
    }
    assert!(hidden.len() >= K && shown.len() >= 2, "{} shown", shown.len());
}

/// Ways round: each would show single rows, or fail on one.
#[tokio::test(flavor = "multi_thread")]
async fn ways_round_the_gate_are_refused() {
    let world = World::load(Side::A, Loading::default()).await;
    for sql in [
        "SELECT * FROM health.visit",
        "SELECT v.diagnosis FROM (SELECT * FROM health.visit) v",
        "WITH v AS (SELECT * FROM health.visit) SELECT * FROM v",
        "SELECT diagnosis FROM health.visit GROUP BY diagnosis, person_id",
        "SELECT person_id, count(*) FROM health.visit GROUP BY person_id",
        "SELECT count(*) FROM health.visit GROUP BY cost",
        "SELECT count(*) FROM health.visit WHERE cost > 100",
        "SELECT count(*) FROM health.visit WHERE person_id = 'P0001'",
        "SELECT count(*) FROM health.visit WHERE 1 / (length(diagnosis) - 3) > 0",
        "SELECT count(*) FROM health.visit WHERE CAST(diagnosis AS INT) = 1",
        "SELECT count(*) FROM health.visit WHERE diagnosis = hospital",
        "SELECT count(*) FROM health.visit WHERE diagnosis LIKE '%15'",
        "SELECT count(*) FROM health.visit WHERE visit_date = 'yesterday'",
        "SELECT count(*) FROM health.visit WHERE hospital = 'H1' AND visit_date = 'yesterday'",
        "SELECT count(DISTINCT cost) FROM health.visit",
        "SELECT sum(DISTINCT cost) FROM health.visit",
        "SELECT max(cost) FROM health.visit",
        "SELECT stddev(cost) FROM health.visit",
        "SELECT array_agg(diagnosis) FROM health.visit",
        "SELECT any_value(person_id) FROM health.visit",
        "SELECT approx_distinct(person_id) FROM health.visit",
        "SELECT sum(cost + 1) FROM health.visit",
        "SELECT sum(CASE WHEN diagnosis = 'A15' THEN cost ELSE 0 END) FROM health.visit",
        "SELECT count(*) FROM (SELECT * FROM health.visit LIMIT 1) v",
        "SELECT count(*) FROM (SELECT * FROM health.visit ORDER BY cost DESC LIMIT 10) v",
        "SELECT count(*) FROM (SELECT * FROM health.visit UNION ALL SELECT * FROM health.visit) v",
        "SELECT count(*) FROM (SELECT person_id AS diagnosis FROM health.visit) v WHERE diagnosis = 'P0001'",
        "SELECT count(*) FROM health.visit v CROSS JOIN unified.person p",
        "SELECT count(*) FROM health.visit v JOIN unified.person p ON v.person_id < p.person_id",
        "SELECT count(*) FROM health.visit v JOIN unified.person p ON v.diagnosis = p.sex",
        "SELECT count(*) FROM health.visit v LEFT JOIN unified.person p ON v.person_id = p.person_id",
        "SELECT count(*) FROM health.visit v JOIN (VALUES ('P0001')) x(pid) ON v.person_id = x.pid",
        "SELECT p.sex FROM unified.person p WHERE p.person_id IN (SELECT person_id FROM health.visit)",
        "SELECT (SELECT count(*) FROM health.visit v WHERE v.person_id = p.person_id) FROM unified.person p",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM health.visit WHERE diagnosis = 'A15')",
        "SELECT diagnosis, count(*) FROM health.visit GROUP BY CUBE(diagnosis, hospital)",
        "SELECT diagnosis, count(*) FROM health.visit GROUP BY GROUPING SETS ((diagnosis), ())",
        "SELECT diagnosis, count(*) OVER (PARTITION BY diagnosis) FROM health.visit",
        "SELECT date_trunc('second', visit_date), count(*) FROM health.visit GROUP BY 1",
        "SELECT DISTINCT ON (diagnosis) diagnosis, cost FROM health.visit",
        "WITH RECURSIVE r AS (SELECT diagnosis FROM health.visit UNION ALL SELECT diagnosis FROM r) SELECT count(*) FROM r",
    ] {
        for door in world.doors() {
            let answer = ask_fresh(door, sql).await;
            assert!(answer.failure.is_some() && answer.rows.is_empty(), "{}: {sql}: {answer:?}", door.name());
            assert_ne!(answer.failure.unwrap().code, "DT-SRV-0003", "{sql}");
        }
    }
}

/// What stands above the aggregate works as in any SQL, on released groups.
#[tokio::test(flavor = "multi_thread")]
async fn ordinary_statistics_work() {
    let world = World::load(Side::A, Loading::default()).await;
    for (sql, n_rows) in [
        (
            "SELECT upper(diagnosis) AS d, count(*) + 1 FROM health.visit GROUP BY diagnosis HAVING count(*) > 5 ORDER BY d LIMIT 1",
            1,
        ),
        (
            "SELECT h, n FROM (SELECT hospital AS h, count(*) AS n FROM health.visit GROUP BY hospital) t WHERE h = 'H1'",
            1,
        ),
        ("WITH t AS (SELECT hospital, count(*) AS n FROM health.visit GROUP BY hospital) SELECT max(n) FROM t", 1),
        ("SELECT date_part('month', visit_date) AS m, count(*) FROM health.visit GROUP BY 1", 2),
        ("SELECT date_trunc('month', visit_date) AS m, count(*) FROM health.visit GROUP BY 1", 2),
        ("SELECT count(*) FROM health.visit WHERE visit_date BETWEEN '2026-01-01' AND DATE '2026-01-31'", 1),
        ("SELECT count(*) FROM health.visit WHERE diagnosis IN ('I10', 'E11') AND visit_date >= '2026-01-05'", 1),
        (
            "SELECT p.sex, count(DISTINCT v.person_id) FROM unified.person p JOIN health.visit v USING (person_id) GROUP BY p.sex",
            2,
        ),
        ("SELECT count(*) FROM health.visit WHERE diagnosis LIKE 'I1%' OR hospital IS NULL", 1),
    ] {
        let answer = ask_fresh(&world.in_process, sql).await;
        assert_eq!((answer.failure, answer.rows.len()), (None, n_rows), "{sql}");
    }
}

/// Two questions at once do not slip past one another.
#[tokio::test(flavor = "multi_thread")]
async fn two_questions_at_once_are_held_against_one_another() {
    let world = World::load(Side::A, Loading { cpu_threads: 2, ..Loading::default() }).await;
    let all = "SELECT count(DISTINCT person_id) FROM health.visit";
    let but_few = "SELECT count(DISTINCT person_id) FROM health.visit WHERE diagnosis <> 'A15'";
    for round in 0..20 {
        let who = analyst(&format!("racer-{round}"));
        let (first, second) = tokio::join!(world.in_process.ask(&who, all), world.in_process.ask(&who, but_few));
        let n_answered = [first, second].iter().filter(|answer| answer.failure.is_none()).count();
        assert_eq!(n_answered, 1);
    }
}
