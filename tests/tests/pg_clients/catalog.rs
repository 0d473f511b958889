//! What `pg_catalog` and `information_schema` tell, and to whom.

use std::time::{Duration, Instant};

use tests::datong::Demo;

use super::{column, connect};

const TABLES: &str = "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c \
                      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                      WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";

pub(crate) async fn nobody_is_told_of_what_they_may_not_see(demo: &Demo) {
    let worker = connect(demo, "grid_worker").await;
    let police = connect(demo, "police_officer").await;
    let operator = connect(demo, "operator").await;
    let of_worker = column(&worker, TABLES).await;
    let of_police = column(&police, TABLES).await;
    assert!(of_worker.contains(&Some("unified.person".to_owned())));
    assert!(!of_worker.contains(&Some("police.resident".to_owned())), "{of_worker:?}");
    assert!(of_police.contains(&Some("police.resident".to_owned())), "{of_police:?}");
    assert!(!column(&operator, TABLES).await.contains(&Some("unified.person".to_owned())));
    for (client, tables) in [(&worker, &of_worker), (&police, &of_police)] {
        let listed = "SELECT table_schema || '.' || table_name FROM information_schema.tables \
                      WHERE table_schema NOT IN ('information_schema', 'catalog', 'pg_catalog') ORDER BY 1";
        let listed = column(client, listed).await;
        assert!(listed.iter().all(|table| tables.contains(table)), "{listed:?} {tables:?}");
        let columns = "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                       WHERE c.relname = 'person' AND a.attnum > 0 ORDER BY a.attnum";
        let shown = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'unified' \
                     AND table_name = 'person' ORDER BY ordinal_position";
        assert_eq!(column(client, columns).await, column(client, shown).await);
    }
}

pub(crate) async fn comments_are_in_chinese_and_say_what_is_masked(demo: &Demo) {
    let client = connect(demo, "grid_worker").await;
    let of_column = "SELECT d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid \
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid \
                     WHERE c.relname = 'person' AND a.attname = 'id_no'";
    let found = column(&client, of_column).await;
    assert!(matches!(found.as_slice(), [Some(text)] if text.contains("脱敏")), "{found:?}");
    let by_function = "SELECT col_description(a.attrelid, a.attnum) FROM pg_attribute a \
                       JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname = 'person' AND a.attname = 'id_no'";
    assert_eq!(column(&client, by_function).await, found);
}

pub(crate) async fn the_catalog_holds_no_row_of_any_table(demo: &Demo) {
    let client = connect(demo, "police_officer").await;
    // Whatever a statement about the catalog does, the tables in its session are empty.
    let mixed = "SELECT count(*) FROM unified.person, pg_catalog.pg_class";
    let refused = client.simple_query(mixed).await.map(|_| ()).map_err(|error| super::told(&error).0);
    assert_eq!(refused, Err("42P01".to_owned()), "one statement asks one of the two");
}

pub(crate) async fn words_about_the_session_are_answered(demo: &Demo) {
    let client = connect(demo, "grid_worker").await;
    assert_eq!(column(&client, "SELECT current_database()").await, [Some("datong".to_owned())]);
    let version = column(&client, "SELECT version()").await;
    assert!(matches!(version.as_slice(), [Some(text)] if text.starts_with("PostgreSQL 16")), "{version:?}");
    assert_eq!(column(&client, "SHOW transaction isolation level").await, [Some("read committed".to_owned())]);
    assert_eq!(column(&client, "SHOW server_version").await, [Some("16.6".to_owned())]);
    let user = column(&client, "SELECT current_user").await;
    assert!(matches!(user.as_slice(), [Some(subject)] if subject != "postgres"), "{user:?}");
}

pub(crate) async fn a_connection_does_not_wait_for_a_catalogue(demo: &Demo) {
    let first = connect(demo, "grid_worker").await;
    let _warm = column(&first, TABLES).await;
    let started = Instant::now();
    let client = connect(demo, "grid_worker").await;
    let _answer = column(&client, "SELECT 1").await;
    // A debug build on a machine that builds; the goal of a release build is in the bench.
    assert!(started.elapsed() < Duration::from_millis(1_000), "{:?}", started.elapsed());
}
