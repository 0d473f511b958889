//! Each guard by itself: what stops at it and at no other. `cargo xtask mutants` takes the guards away one by one and expects
//! these tests, and some of the others, to go red.

use tests::attacks::corpus::lines;
use tests::attacks::door::Door;
use tests::attacks::roles::grid_worker;
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

async fn code_of(world: &World, sql: &str) -> String {
    let answer = world.in_process.ask(&grid_worker(), sql).await;
    assert!(answer.rows.is_empty() || answer.failure.is_none(), "{sql}");
    answer.failure.map_or_else(|| "answered".to_owned(), |failure| failure.code)
}

/// Gate 1: a text that is no query is not even planned, whatever later gates would say about the plan.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_query_stops_at_the_first_gate() {
    let world = World::load(Side::A, Loading::default()).await;
    let of_lines = lines().into_iter().filter(|line| "HX".contains(line.letter())).map(|line| line.sql);
    let own = ["SET datafusion.execution.batch_size = 1", "SHOW ALL", "DESCRIBE unified.person", "DEALLOCATE q"];
    let mut n_checked = 0;
    for sql in of_lines.chain(own.map(str::to_owned)) {
        let code = code_of(&world, &sql).await;
        // Some are not even SQL to the parser, or several statements.
        if ["DT-SQL-0001", "DT-SQL-0002", "DT-SQL-0008"].contains(&code.as_str()) {
            continue;
        }
        assert_eq!(code, "DT-SQL-0003", "{sql}");
        n_checked += 1;
    }
    assert!(n_checked >= 15, "{n_checked}");
}

/// Gate 2: plans that are made of allowed words and too large, or hold something unbound.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_allowed_plan_stops_at_the_second_gate() {
    let world = World::load(Side::A, Loading::default()).await;
    let crossed = |n: usize| {
        let tables: Vec<String> = (0..n).map(|i| format!("(VALUES (1)) t{i}")).collect();
        format!("SELECT count(*) FROM {}", tables.join(", "))
    };
    let recursive = |n: usize| {
        let parts: Vec<String> =
            (0..n).map(|i| format!("r{i}(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r{i} WHERE n < 3)")).collect();
        let sums: Vec<String> = (0..n).map(|i| format!("(SELECT max(n) FROM r{i})")).collect();
        format!("WITH RECURSIVE {} SELECT {}", parts.join(", "), sums.join(" + "))
    };
    let listed = |n: usize| format!("SELECT 1 FROM unified.person WHERE risk_level IN ({})", vec!["1"; n].join(", "));
    let union = |n: usize| vec!["SELECT 1"; n].join(" UNION ALL ");
    for (sql, code) in [
        (crossed(10), "answered"),
        (crossed(34), "DT-LIM-0001"),
        (recursive(2), "answered"),
        (recursive(3), "DT-LIM-0001"),
        (listed(10), "answered"),
        (listed(4_100), "DT-LIM-0001"),
        (union(10), "answered"),
        (union(1_001), "DT-LIM-0001"),
        ("SELECT $1".to_owned(), "DT-SQL-0008"),
    ] {
        let start: String = sql.chars().take(80).collect();
        assert_eq!(code_of(&world, &sql).await, code, "{start}");
    }
}

/// The allow-list: functions of the engine that are not on it do not exist, by any name they go by.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_off_the_list_does_not_exist() {
    let world = World::load(Side::A, Loading::default()).await;
    for call in [
        "repeat('x', 3)",
        "lpad('x', 3)",
        "random()",
        "uuid()",
        "version()",
        "arrow_typeof(name)",
        "arrow_metadata(name)",
        "input_file_name()",
        "range(1, 3)",
        "array_repeat(1, 3)",
    ] {
        let sql = format!("SELECT {call} FROM unified.person");
        let absent = format!("SELECT nosuch_{call} FROM unified.person");
        assert_eq!(code_of(&world, &sql).await, "DT-SQL-0006", "{sql}");
        assert_eq!(code_of(&world, &absent).await, "DT-SQL-0006", "{absent}");
    }
}
