//! Found by the generator: statements that once broke inside the gateway.

use tests::attacks::checks::{RowOrder, oracle_equal, twin_equal};
use tests::attacks::door::Door;
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::{grid_worker, principal};
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

/// The engine simplified these filters after it had handed them to the barrier, which then did not know them again.
const SIMPLIFIED_LATE: [&str; 8] = [
    "SELECT person_id FROM unified.person WHERE is_deceased NOT IN (false, false, true)",
    "SELECT person_id FROM unified.person WHERE is_deceased IN (true, true)",
    "SELECT person_id FROM unified.person WHERE is_deceased NOT IN (true, true)",
    "SELECT person_id FROM unified.person WHERE is_deceased IN (false, true, NULL)",
    "SELECT person_id FROM unified.person WHERE risk_level IN (2, 2, NULL) AND name > household_address",
    "SELECT person_id FROM unified.person WHERE risk_level NOT IN (2, 2, NULL)",
    "SELECT person_id FROM unified.person WHERE grid_id IN ('G0101', 'G0101') AND sex IN ('M', 'M', 'F')",
    "SELECT person_id FROM unified.person WHERE is_deceased BETWEEN false AND false",
];

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_are_simplified_late_are_answered() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let who = grid_worker();
    let oracle = Oracle::of(&a, &who).await;
    for sql in SIMPLIFIED_LATE {
        for (door, twin) in a.doors().into_iter().zip(b.doors()) {
            oracle_equal(door, &who, &oracle, sql).await.unwrap_or_else(|finding| panic!("{sql}: {finding}"));
            twin_equal(door, twin, &who, sql, RowOrder::Delivered).await.unwrap();
        }
    }
}

/// What the engine fails at is told apart from a fault of the gateway, in words that quote nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_fails_at_is_the_statements_matter() {
    let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
    let who = grid_worker();
    for (sql, code) in [
        // A pattern out of a column: `139****0002` repeats a repetition.
        ("SELECT regexp_replace(name, phone, 'x') FROM unified.person", "DT-SQL-0010"),
        ("SELECT person_id FROM unified.person WHERE household_address ~ '['", "DT-SQL-0010"),
        ("SELECT residence_address ~ '***' FROM unified.person", "DT-SQL-0010"),
        // A function that is planned with one type and rewritten with another.
        (
            "SELECT any_value(name ORDER BY substr(name, cardinality(make_array(sex)))) FROM unified.person",
            "DT-SQL-0009",
        ),
        // A function that takes two texts of one type and is given two.
        (
            "SELECT levenshtein(t.name, t.c0) FROM (SELECT name, string_agg(name, '') AS c0 FROM unified.person GROUP BY name) t",
            "DT-SQL-0009",
        ),
        ("SELECT regexp_replace(name, '(' || name, 'x') FROM unified.person", "DT-SQL-0010"),
        (
            "SELECT person_id FROM unified.person WHERE regexp_like(name, '((((a{0,99}){0,99}){0,99}){0,9})')",
            "DT-SQL-0010",
        ),
    ] {
        for (door, twin) in a.doors().into_iter().zip(b.doors()) {
            twin_equal(door, twin, &who, sql, RowOrder::Delivered).await.unwrap();
            let failure = door.ask(&who, sql).await.failure.unwrap_or_else(|| panic!("answered: {sql}"));
            assert_eq!(failure.code, code, "{sql}: {failure:?}");
            assert!(!failure.text.contains("****") && !failure.text.contains('张'), "{failure:?}");
        }
    }
}

/// The engine plans this, and finds when it is computed that it cannot be.
const CANNOT_BE_COMPUTED: &str = "WITH w0 AS ((SELECT first_value(CASE WHEN t1.grid_id < 'P1018' THEN t1.id_number ELSE t1.grid_id END) AS \
     c0, array_to_string(make_array('李小红', 'HHSIRIUSMARK27'), t1.phone, 'E0032') AS c1, \
     overlay(make_array('SIRIUSMARK天狼星路54号', 'P1022'), 0, 7) AS c2 FROM unified.person t1 GROUP BY \
     array_to_string(make_array('李小红', 'HHSIRIUSMARK27'), t1.phone, 'E0032'), \
     overlay(make_array('SIRIUSMARK天狼星路54号', 'P1022'), 0, 7)) UNION (SELECT last_value((SELECT \
     max(t3.reason_en) FROM catalog.columns t3 WHERE 'C0055' < 'P1053')) OVER (PARTITION BY t2.id_number \
     ORDER BY t2.grid_id) AS c0, t2.grid_id AS c1, t2.id_number AS c2 FROM unified.person t2) LIMIT 60) \
     (SELECT to_hex(7) AS c0 FROM w0 t4 LEFT JOIN (SELECT DISTINCT cast(to_timestamp(t6.c2) AS varchar) AS \
     c0, greatest(CASE WHEN '17770537165' IS DISTINCT FROM 'H2065' THEN t6.c2 ELSE t6.c1 END, t6.c1, CASE \
     WHEN TIMESTAMP '2025-11-04T09:30:00' IS DISTINCT FROM TIMESTAMP '2025-11-04T09:30:00' THEN t6.c0 ELSE \
     t6.c1 END) AS c1 FROM w0 t6) t5 ON t4.c1 = t5.c1 LEFT ANTI JOIN (SELECT * FROM unified.person LIMIT 5) \
     t7 ON t4.c2 = t7.person_id WHERE NOT EXISTS (SELECT 1 FROM unified.person t8 WHERE t8.id_number = \
     'VEGAMARK织女星秘密事项7') GROUP BY to_hex(7) HAVING min(1) FILTER (WHERE true) > 7) UNION ALL (SELECT \
     cast(NULL AS varchar) AS c0 FROM w0 t9 GROUP BY ROLLUP (cast(NULL AS varchar)) HAVING grouping(cast(NULL \
     AS varchar)) >= 0)";

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_the_engine_gives_up_late_is_the_statements_matter() {
    let world = World::load(Side::A, Loading::default()).await;
    let officer = principal("police_officer", None);
    for door in world.doors() {
        let failure = door.ask(&officer, CANNOT_BE_COMPUTED).await.failure.expect("no answer");
        assert!(failure.code == "DT-SQL-0009" || door.name() == "REST", "{failure:?}");
        assert!(!failure.code.starts_with("DT-SRV"), "{failure:?}");
    }
}

/// The engine panics while it computes this. Once, the rows seemed to end there: an answer cut short that looked whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_no_answer() {
    let world = World::load(Side::A, Loading::default()).await;
    let who = grid_worker();
    let cut_short = [
        "SELECT first_value() OVER () FROM unified.person",
        "SELECT person_id FROM unified.person UNION ALL SELECT first_value() OVER () FROM unified.person",
    ];
    for sql in cut_short {
        let _ = world.ledger.take();
        let answer = world.in_process.ask(&who, sql).await;
        assert_eq!(answer.failure.map(|failure| failure.code).as_deref(), Some("DT-SRV-0003"), "{sql}");
        let entries = world.ledger.take();
        let outcome = entries[0].outcome.as_ref().expect("closed");
        assert_eq!(outcome.error_code, Some("DT-SRV-0003"), "{sql}");
        assert!(world.rest.ask(&who, sql).await.failure.is_some(), "{sql}");
    }
    assert_eq!(world.in_process.ask(&who, "SELECT count(*) FROM unified.person").await.failure, None);
}
