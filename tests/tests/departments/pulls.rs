//! Rows of departments' databases on their way in.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use database::{Database, DatabaseAddress, DatabaseConfig, Password, Pickup, TableName, TakenRow};
use schemas::RelationName;
use tests::datong::Finished;
use tests::servers::PASSWORD;

use crate::Departments;

impl Departments {
    /// Pulls with a source of this text added, and the dataset taken from its exports no more.
    fn pull_with(&self, source: &str, dataset: &str) -> Finished {
        let text = fs::read_to_string(self.site.config()).expect("datong.toml");
        let own = text.replace(&format!("\"{dataset}\", "), "");
        assert_ne!(own, text);
        let file = self.site.folder.join("with-database.toml");
        fs::write(&file, format!("{own}\n{source}")).expect("a configuration");
        let config = file.display().to_string();
        tests::datong::run(["--config", &config, "pull", "front"])
    }
}

const CIVIL: &str = r#"
[[source]]
name = "front"
database = "civil_front"
reject_share = 0.05
[[source.table]]
dataset = "civil.subsistence"
table = "public.dibao_in"
mode = "flag"
column = "BZ"
key = ["dbzh"]
columns = { cert_no = "dbzh", head_name = "xm", id_no = "sfzh", members = "rs", monthly_amount = "je" }
"#;

const HEALTH: &str = r#"
[[source]]
name = "front"
database = "health_front"
reject_share = 0.05
[[source.table]]
dataset = "health.archive"
table = "archive_in"
mode = "high_water"
column = "gxsj"
key = ["dah"]
columns = { archive_no = "dah", name = "xm", id_no = "sfzh" }
"#;

/// Key and amount of every landed row.
async fn landed(departments: &Departments, dataset: &str, key: &str) -> Vec<(String, String)> {
    let lake = departments.site.lake();
    let published = lake.published().await.expect("a readable pointer").expect("a published version");
    let name = RelationName::try_from(dataset).expect("a name");
    let mut rows = Vec::new();
    for batch in lake.snapshot(&published).read(&name).await.expect("rows") {
        let keys = batch.column_by_name(key).expect("a key").as_string::<i32>().clone();
        let amounts =
            batch.column_by_name("monthly_amount").map(|column| column.as_primitive::<Decimal128Type>().clone());
        let names = batch.column_by_name("name").map(|column| column.as_string::<i32>().clone());
        for (idx, key) in keys.iter().enumerate() {
            let amount = amounts.as_ref().map(|amounts| amounts.value_as_string(idx));
            let name = names.as_ref().map(|names| names.value(idx).to_owned());
            rows.push((key.expect("a key").to_owned(), amount.or(name).expect("something that changes")));
        }
    }
    rows.sort();
    rows
}

pub(crate) async fn rows_are_taken_by_their_flag(departments: &Departments) {
    let civil = &departments.civil;
    let mut text =
        "CREATE TABLE dibao_in (dbzh varchar(20) PRIMARY KEY, xm text, sfzh char(18), rs int, je numeric(10,2), \
        note bytea, bz char(1) DEFAULT '0'); GRANT SELECT, UPDATE (bz) ON dibao_in TO reader; "
            .to_owned();
    for (idx, person) in departments.people.iter().take(50).enumerate() {
        text.push_str(&format!(
            "INSERT INTO dibao_in VALUES ('K{idx:03}', '{}', '{}', 2, {idx}.5, NULL); ",
            person.name, person.id_no
        ));
    }
    civil.sql("front", &text);
    let pull = || departments.pull_with(CIVIL, "civil.subsistence");
    let not_taken = || civil.sql("front", "SELECT count(*) FROM dibao_in WHERE bz = '0'");
    assert_eq!(not_taken(), "50");
    let first = pull().expect_code(0);
    assert!(first.stdout.contains("published version"), "{}", first.stdout);
    let rows = landed(departments, "civil.subsistence", "cert_no").await;
    assert_eq!((rows.len(), rows[7].clone()), (50, ("K007".to_owned(), "7.50".to_owned())));
    assert_eq!(not_taken(), "0", "the flags are set when the rows are published");

    let again = pull().expect_code(0);
    assert!(again.stdout.contains("nothing changed"), "{}", again.stdout);

    // The provider corrects one and adds some: these come, the others stay, though they are offered no more.
    civil.sql(
        "front",
        "UPDATE dibao_in SET je = 999.25, bz = '0' WHERE dbzh = 'K007'; DELETE FROM dibao_in WHERE dbzh = 'K001'",
    );
    let person = &departments.people[60];
    civil.sql(
        "front",
        &format!("INSERT INTO dibao_in VALUES ('K900', '{}', '{}', 1, 1, NULL)", person.name, person.id_no),
    );
    let _published = pull().expect_code(0);
    let rows = landed(departments, "civil.subsistence", "cert_no").await;
    assert_eq!(rows.len(), 51);
    assert!(
        rows.contains(&("K007".to_owned(), "999.25".to_owned()))
            && rows.contains(&("K900".to_owned(), "1.00".to_owned()))
    );
    assert_eq!(not_taken(), "0");

    // Too many bad rows: nothing is published, and nothing was taken.
    for idx in 0..20 {
        civil.sql("front", &format!("INSERT INTO dibao_in VALUES ('B{idx}', NULL, NULL, 1, 1, NULL)"));
    }
    let refused = pull().expect_code(1);
    assert!(refused.stderr.contains("rejected"), "{}", refused.stderr);
    assert_eq!(not_taken(), "20");
    assert_eq!(landed(departments, "civil.subsistence", "cert_no").await.len(), 51);
    civil.sql("front", "DELETE FROM dibao_in WHERE dbzh LIKE 'B%'");
    let _nothing_new = pull().expect_code(0);
    assert_eq!(landed(departments, "civil.subsistence", "cert_no").await, rows);

    // Without the right to set the flag, what is published stays, and somebody is told.
    civil.sql(
        "front",
        "REVOKE UPDATE (bz) ON dibao_in FROM reader; UPDATE dibao_in SET je = 3, bz = '0' WHERE dbzh = 'K009'",
    );
    let told = pull().expect_code(1);
    assert!(told.stderr.contains("published, but not every pickup flag was set"), "{}", told.stderr);
    assert!(
        landed(departments, "civil.subsistence", "cert_no").await.contains(&("K009".to_owned(), "3.00".to_owned()))
    );
    civil.sql("front", "GRANT UPDATE (bz) ON dibao_in TO reader");
    let _now = pull().expect_code(0);
    assert_eq!(not_taken(), "0");
}

pub(crate) async fn rows_are_taken_by_a_growing_column(departments: &Departments) {
    let health = &departments.health;
    let mut text = "CREATE TABLE archive_in (dah varchar(20) PRIMARY KEY, xm varchar(64), sfzh varchar(18), gxsj datetime(3) NULL); \
        GRANT SELECT ON front.archive_in TO reader@'127.0.0.1'; "
        .to_owned();
    for (idx, person) in departments.people.iter().take(40).enumerate() {
        let at = if idx == 0 { "NULL".to_owned() } else { format!("'2026-01-01 08:00:{idx:02}.5'") };
        text.push_str(&format!(
            "INSERT INTO archive_in VALUES ('A{idx:03}', '{}', '{}', {at}); ",
            person.name, person.id_no
        ));
    }
    health.sql("front", &text);
    let pull = || departments.pull_with(HEALTH, "health.archive");
    let _first = pull().expect_code(0);
    assert_eq!(landed(departments, "health.archive", "archive_no").await.len(), 40);
    assert!(pull().expect_code(0).stdout.contains("nothing changed"));

    // Late, within the overlap; and one that was never stamped.
    health.sql(
        "front",
        "UPDATE archive_in SET xm = '王小明', gxsj = '2026-01-01 08:00:20' WHERE dah = 'A005'; \
         UPDATE archive_in SET xm = '李小红' WHERE dah = 'A000'",
    );
    let person = &departments.people[70];
    let new =
        format!("INSERT INTO archive_in VALUES ('A900', '{}', '{}', '2026-02-01 00:00:00')", person.name, person.id_no);
    health.sql("front", &new);
    let _second = pull().expect_code(0);
    let rows = landed(departments, "health.archive", "archive_no").await;
    assert_eq!(rows.len(), 41);
    let has = |key: &str, name: &str| rows.contains(&(key.to_owned(), name.to_owned()));
    assert!(has("A005", "王小明") && has("A000", "李小红") && has("A900", &person.name), "{rows:?}");
    let asked = health.log().lines().rfind(|line| line.contains("FROM `archive_in`")).unwrap_or_default().to_owned();
    assert!(
        asked.contains("`gxsj` >= CAST('2026-01-01 08:00:39.500' AS DATETIME(6)) - INTERVAL 300 SECOND"),
        "{asked}"
    );
    assert!(pull().expect_code(0).stdout.contains("nothing changed"), "though rows of the overlap were taken again");
}

pub(crate) async fn a_snapshot_loses_what_is_gone(departments: &Departments) {
    let snapshot = CIVIL.replace("mode = \"flag\"\ncolumn = \"BZ\"\n", "");
    assert_ne!(snapshot, CIVIL);
    departments.civil.sql("front", "DELETE FROM dibao_in WHERE dbzh = 'K007'");
    let _pulled = departments.pull_with(&snapshot, "civil.subsistence").expect_code(0);
    let rows = landed(departments, "civil.subsistence", "cert_no").await;
    // Two were deleted there, one of them before; the flag's way could not know.
    assert_eq!(rows.len(), 49);
    assert!(!rows.iter().any(|(key, _)| key == "K001" || key == "K007"));
    assert!(departments.pull_with(&snapshot, "civil.subsistence").expect_code(0).stdout.contains("nothing changed"));
}

/// A row that its provider changes while it is on its way keeps its flag.
pub(crate) async fn a_row_that_was_changed_meanwhile_keeps_its_flag(departments: &Departments) {
    for (server, owner) in [(&departments.civil, "front"), (&departments.health, "front")] {
        server.sql(owner, "CREATE TABLE pickup (id int PRIMARY KEY, xm varchar(20), bz char(1) DEFAULT '0')");
        server
            .sql(owner, "INSERT INTO pickup VALUES (1, 'Wang', '0'), (2, NULL, '0'), (3, 'li', '0'), (4, 'Sun', '1')");
        server.sql(owner, &server.grant("SELECT, UPDATE (bz)", "pickup"));
        let config = DatabaseConfig {
            name: "front".to_owned(),
            address: DatabaseAddress::parse(&server.url()).expect("an address"),
            password: Password::new(PASSWORD.to_owned()),
            authority_file: None,
            max_connections: 1,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
        };
        let database = Arc::new(Database::open(config, tokio::runtime::Handle::current()).expect("a database"));
        let name = TableName::parse("pickup").expect("a name");
        let table = database.describe(&name).await.expect("a table");
        let column = |name: &str| table.column(name).expect("a column").clone();
        let pickup = Pickup {
            flag: column("bz"),
            key: vec![column("id")],
            taken: vec![column("id"), column("xm")],
            table: table.clone(),
        };
        let row = |id: &str, xm: &str| TakenRow { key: vec![id.to_owned()], taken: vec![id.to_owned(), xm.to_owned()] };
        // The first and the second read as they were taken; the third is written otherwise by now; the fourth was taken before.
        let rows = vec![row("1", "Wang"), row("2", ""), row("3", "Li"), row("4", "Sun")];
        assert_eq!(database.pick_up(pickup, rows).await.expect("an answer"), 2, "{}", server.url());
        assert_eq!(server.sql(owner, "SELECT id FROM pickup WHERE bz = '0'"), "3");
    }
}
