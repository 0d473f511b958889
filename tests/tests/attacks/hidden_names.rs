//! A hidden column, relation or schema answers like one that was never there, wherever its name is written.

use tests::attacks::checks::looks_nonexistent;
use tests::attacks::door::Door;
use tests::attacks::roles::{grid_worker, principal};
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

/// Each place a column name can stand in.
const COLUMN: [&str; 31] = [
    "SELECT ethnicity FROM unified.person",
    "SELECT p.ethnicity FROM unified.person p",
    "SELECT person.ethnicity FROM unified.person",
    "SELECT unified.person.ethnicity FROM unified.person",
    "SELECT \"ethnicity\" FROM unified.person",
    "SELECT 1 FROM unified.person WHERE ethnicity = '汉族'",
    "SELECT 1 FROM unified.person WHERE ethnicity IS NULL AND grid_id = 'G0202'",
    "SELECT person_id FROM unified.person ORDER BY ethnicity",
    "SELECT count(*) FROM unified.person GROUP BY ethnicity",
    "SELECT count(*) FROM unified.person GROUP BY ROLLUP (ethnicity)",
    "SELECT count(*) FROM unified.person HAVING max(ethnicity) > ''",
    "SELECT count(ethnicity) FROM unified.person",
    "SELECT count(*) FILTER (WHERE ethnicity = '汉族') FROM unified.person",
    "SELECT array_agg(person_id ORDER BY ethnicity) FROM unified.person",
    "SELECT rank() OVER (PARTITION BY ethnicity ORDER BY person_id) FROM unified.person",
    "SELECT rank() OVER (ORDER BY ethnicity) FROM unified.person",
    "SELECT DISTINCT ON (ethnicity) person_id FROM unified.person ORDER BY ethnicity",
    "SELECT 1 FROM unified.person a JOIN unified.person b USING (ethnicity)",
    "SELECT 1 FROM unified.person a JOIN unified.person b ON a.ethnicity = b.ethnicity",
    "SELECT (SELECT ethnicity) FROM unified.person",
    "SELECT (SELECT max(q.ethnicity) FROM unified.person q) FROM unified.event",
    "SELECT 1 FROM unified.event e WHERE EXISTS (SELECT 1 FROM unified.person p WHERE p.ethnicity = e.kind)",
    "SELECT 1 FROM unified.event WHERE kind IN (SELECT ethnicity FROM unified.person)",
    "SELECT x.e FROM unified.person p, LATERAL (SELECT p.ethnicity AS e) x",
    "SELECT CASE WHEN ethnicity = '汉族' THEN 1 END FROM unified.person",
    "SELECT coalesce(ethnicity, 'x') FROM unified.person",
    "SELECT * EXCLUDE (ethnicity) FROM unified.person",
    "WITH a AS (SELECT ethnicity FROM unified.person) SELECT * FROM a",
    "SELECT person_id FROM unified.person UNION SELECT ethnicity FROM unified.person",
    "SELECT person_id FROM unified.person QUALIFY row_number() OVER (ORDER BY ethnicity) = 1",
    "SELECT cast(ethnicity AS bigint) FROM unified.person WHERE 1 / risk_level > 0",
];

/// Each place a relation name can stand in.
const RELATION: [&str; 12] = [
    "SELECT * FROM health.visit",
    "TABLE health.visit",
    "SELECT health.visit.diagnosis FROM health.visit",
    "SELECT 1 FROM unified.person p JOIN health.visit v USING (person_id)",
    "SELECT 1 FROM unified.person WHERE person_id IN (SELECT person_id FROM health.visit)",
    "SELECT 1 FROM unified.person p WHERE EXISTS (SELECT 1 FROM health.visit v WHERE v.person_id = p.person_id)",
    "WITH v AS (SELECT * FROM health.visit) SELECT count(*) FROM v",
    "SELECT 1 UNION ALL SELECT count(*) FROM health.visit",
    "SELECT (SELECT count(*) FROM health.visit)",
    "SELECT * FROM datong.health.visit",
    "SELECT * FROM \"health\".\"visit\"",
    "SELECT diagnosis FROM health.visit WHERE 1 / 0 > 0",
];

async fn check(world: &World, role: &str, cases: impl IntoIterator<Item = (String, &'static str, &'static str)>) {
    let who = principal(role, None);
    let mut findings = Vec::new();
    for (sql, hidden, absent) in cases {
        for door in world.doors() {
            if let Err(finding) = looks_nonexistent(door, &who, &sql, (hidden, absent)).await {
                findings.push(format!("{sql}\n    {finding}"));
            }
        }
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_column_is_absent_everywhere() {
    let world = World::load(Side::A, Loading::default()).await;
    check(&world, "grid_worker", COLUMN.map(|sql| (sql.to_owned(), "ethnicity", "nosuchcol"))).await;
    // The same text over a relation of which other columns are hidden.
    let clerk = ["birth_date", "phone", "grid_id"].map(|column| {
        (
            format!("SELECT {column} FROM unified.person WHERE {column} IS NOT NULL ORDER BY {column}"),
            column,
            "nosuchcol",
        )
    });
    let who = principal("housing_clerk", Some("housing_registration"));
    for (sql, hidden, absent) in clerk {
        looks_nonexistent(&world.in_process, &who, &sql, (hidden, absent)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_relation_is_absent_everywhere() {
    let world = World::load(Side::A, Loading::default()).await;
    check(&world, "grid_worker", RELATION.map(|sql| (sql.to_owned(), "visit", "nosuch"))).await;
    for hidden in ["raw.person", "police.key_person", "civil.subsidy", "housing.contract"] {
        check(&world, "grid_worker", [(format!("SELECT * FROM {hidden}"), hidden, "nosuch.nosuch")]).await;
    }
    check(&world, "auditor", [("SELECT 1 FROM unified.person".to_owned(), "unified.person", "unified.nosuch")]).await;
}

/// The engine ignores a replacement of a column that is not there: a hidden one is not there either.
#[tokio::test(flavor = "multi_thread")]
async fn replacing_a_hidden_column_does_what_replacing_an_absent_one_does() {
    let world = World::load(Side::A, Loading::default()).await;
    for door in world.doors() {
        let of = |column: &str| format!("SELECT * REPLACE ('x' AS {column}) FROM unified.person ORDER BY person_id");
        let about_hidden = door.ask(&grid_worker(), &of("ethnicity")).await;
        assert_eq!(about_hidden, door.ask(&grid_worker(), &of("nosuchcol")).await);
        assert_eq!((about_hidden.columns.len(), about_hidden.rows.len()), (12, 40));
    }
}

/// Metadata names what is visible and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_names_nothing_hidden() {
    let world = World::load(Side::A, Loading::default()).await;
    let relations = [
        "information_schema.tables",
        "information_schema.columns",
        "information_schema.views",
        "information_schema.schemata",
        "catalog.tables",
        "catalog.columns",
    ];
    let mut named_person = 0;
    for relation in relations {
        let answer = world.in_process.ask(&grid_worker(), &format!("SELECT * FROM {relation}")).await;
        assert_eq!(answer.failure, None, "{relation}");
        let text = format!("{:?}", answer.rows);
        named_person += usize::from(text.contains("person"));
        for hidden in ["ethnicity", "key_person", "subsidy", "visit", "raw", "contract", "health", "G0101", "G0202"] {
            assert!(!text.contains(hidden), "{relation} names {hidden}");
        }
    }
    assert_eq!(named_person, 4);
    let of_auditor =
        world.in_process.ask(&principal("auditor", None), "SELECT * FROM information_schema.columns").await;
    assert_eq!((of_auditor.failure, of_auditor.rows.len()), (None, 0));
}
