//! More ways to write the same attacks: other syntax, other spelling, other shapes of plan.

use std::time::Duration;

use query::Limits;
use tests::attacks::checks::{Finding, RowOrder, denied, denied_or_oracle, oracle_equal, twin_equal};
use tests::attacks::door::Door;
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::{grid_worker, principal};
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

/// Answered, and as the oracle does.
const ANSWERED: [&str; 59] = [
    "SELECT/**/id_number/*x*/FROM/**/unified . person",
    "SELECT \"id_number\" FROM \"unified\".\"person\"",
    "SELECT \"p\".\"id_number\" FROM \"unified\".person AS \"p\"",
    "SELECT id_number FROM unified.person -- WHERE grid_id = 'G0202'",
    "sElEcT\tId_NuMbEr\nFrOm\r\nuNiFiEd.PeRsOn",
    "SELECT * EXCLUDE (name) FROM unified.person",
    "(((SELECT phone FROM unified.person)))",
    "SELECT x FROM (SELECT x FROM (SELECT x FROM (SELECT x FROM (SELECT x FROM (SELECT phone AS x FROM unified.person)))))",
    "SELECT p.person_id, x.n FROM unified.person p, LATERAL (SELECT count(*) n FROM unified.event e WHERE e.person_id = p.person_id) x ORDER BY p.person_id",
    "SELECT p.person_id, v.x FROM (VALUES (1), (2)) v(x) JOIN unified.person p ON p.risk_level = v.x ORDER BY 1, 2",
    "SELECT unnest(array_agg(phone ORDER BY person_id)) FROM unified.person",
    "SELECT person_id FROM unified.event EXCEPT SELECT person_id FROM unified.person",
    "SELECT person_id FROM unified.event INTERSECT ALL SELECT person_id FROM unified.person",
    "SELECT grid_id, sex, count(*) FROM unified.person GROUP BY CUBE (grid_id, sex)",
    "SELECT grid_id, sex, count(*) FROM unified.person GROUP BY GROUPING SETS ((grid_id), (sex), ())",
    "SELECT person_id, lag(id_number) OVER (ORDER BY person_id) FROM unified.person",
    "SELECT person_id, nth_value(phone, 2) OVER (PARTITION BY sex ORDER BY person_id) FROM unified.person",
    "SELECT p.person_id, h.house_id FROM unified.person p FULL JOIN unified.house h ON h.owner_person_id = p.person_id",
    "SELECT (SELECT max(id_number) FROM unified.person), (SELECT min(phone) FROM unified.person)",
    "SELECT e.event_id FROM unified.event e WHERE NOT EXISTS (SELECT 1 FROM unified.person p WHERE p.person_id = e.person_id)",
    "SELECT h.house_id FROM unified.house h WHERE h.owner_person_id NOT IN (SELECT person_id FROM unified.person)",
    "SELECT person_id FROM unified.person ORDER BY person_id DESC LIMIT 5 OFFSET 2",
    "SELECT count(*) FROM (SELECT person_id FROM unified.person LIMIT 50)",
    "SELECT count(*) FROM (SELECT person_id FROM unified.person OFFSET 30)",
    "SELECT arrow_cast(birth_date, 'Int32') FROM unified.person",
    "SELECT birth_date - DATE '1990-01-01' FROM unified.person",
    "SELECT person_id FROM unified.person WHERE birth_date + INTERVAL '1 day' = DATE '1990-01-02'",
    "SELECT encode(digest(id_number, 'md5'), 'hex') FROM unified.person",
    "SELECT regexp_replace(id_number, '^(.{6})(.{8})', '\\2') FROM unified.person",
    "SELECT string_agg(phone, ',' ORDER BY person_id) FROM unified.person",
    "SELECT first_value(id_number ORDER BY person_id) FROM unified.person",
    "SELECT array_sort(array_agg(id_number)) FROM unified.person",
    "SELECT bit_length(id_number), octet_length(phone), character_length(owner_name) FROM unified.person p JOIN unified.house h ON h.owner_person_id = p.person_id",
    "SELECT strpos(id_number, '*'), split_part(phone, '*', 5), levenshtein(phone, '13800000001') FROM unified.person",
    "SELECT count(*) FILTER (WHERE id_number LIKE '______19900101____') FROM unified.person",
    "SELECT person_id FROM unified.person GROUP BY person_id, phone HAVING max(phone) = '13800000001'",
    "SELECT a.person_id, b.person_id FROM unified.person a JOIN unified.person b ON a.id_number = b.id_number AND a.person_id < b.person_id",
    "SELECT a.person_id FROM unified.person a JOIN unified.event e ON a.phone = e.reporter_phone",
    "SELECT house_id FROM unified.house WHERE owner_name = '赵天狼星'",
    "SELECT house_id, owner_name FROM unified.house ORDER BY owner_name, house_id",
    "SELECT grid_id, count(*) FROM unified.house WHERE grid_id IN ('G0101', 'G0102', 'G0202', 'G0303') GROUP BY grid_id",
    "SELECT person_id FROM unified.person WHERE grid_id LIKE 'G0%' ORDER BY person_id",
    "SELECT person_id FROM unified.person WHERE grid_id BETWEEN 'G0102' AND 'G0303'",
    "SELECT person_id FROM unified.person WHERE grid_id > 'G0101' OR residence_address LIKE 'SIRIUSMARK%'",
    "SELECT person_id FROM unified.person WHERE risk_level = 0",
    "SELECT min(risk_level), max(risk_level), approx_median(risk_level) FROM unified.person",
    "SELECT min(reported_at), max(reported_at) FROM unified.event",
    "WITH unified AS (SELECT 1 AS person) SELECT * FROM unified.person",
    "WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < (SELECT count(*) FROM unified.person)) SELECT max(n) FROM up",
    "SELECT p.* FROM unified.person p JOIN (SELECT grid_id FROM unified.event GROUP BY grid_id) g USING (grid_id)",
    "SELECT * FROM unified.person p NATURAL JOIN (SELECT person_id FROM unified.event) e",
    // Errors that only hidden rows could cause.
    "SELECT count(*) FROM unified.person WHERE name LIKE '赵%' AND 1 / risk_level >= 0",
    "SELECT count(*) FROM unified.person WHERE risk_level = 0 AND 1 / risk_level > 0",
    "SELECT sum(100 / risk_level) FROM unified.person",
    "SELECT person_id, 100 / risk_level FROM unified.person ORDER BY 100 / risk_level, person_id LIMIT 3",
    "SELECT count(*) FROM unified.event e JOIN unified.person p ON e.person_id = p.person_id WHERE 1 / p.risk_level >= 0",
    "SELECT make_date(2020, CASE WHEN grid_id <> 'G0101' THEN 13 ELSE 1 END, 1) FROM unified.person",
    "SELECT chr(CASE WHEN grid_id <> 'G0101' THEN -1 ELSE 65 END) FROM unified.person",
    "SELECT to_date(CASE WHEN grid_id <> 'G0101' THEN residence_address ELSE '2020-01-01' END) FROM unified.person",
];

/// Answered as the oracle does, or refused; in any case the same in both worlds.
const EITHER: [&str; 25] = [
    "SELECT person_id FROM unified.person ORDER BY person_id FETCH FIRST 3 ROWS ONLY",
    "SELECT t.c FROM unified.person AS t(a, b, c)",
    "TABLE unified.person",
    "SELECT U&\"id_number\" FROM unified.person",
    "SELECT `id_number` FROM unified.person",
    "SELECT [id_number] FROM unified.person",
    "SELECT ｉｄ_ｎｕｍｂｅｒ FROM unified.person",
    "SELECT \"id_number\u{200b}\" FROM unified.person",
    "SELECT ıd_number FROM unified.person",
    "SELECT person FROM unified.person",
    "SELECT p FROM unified.person p",
    "SELECT p.* IS NULL FROM unified.person p",
    "SELECT (p).id_number FROM unified.person p",
    "FROM unified.person",
    "SELECT * FROM unified.person, unified.house, unified.event WHERE false",
    "SELECT * FROM unified.person p WHERE (id_number, phone) IN (('110101199001011237', '13800000001'))",
    "SELECT * FROM unified.person ORDER BY ALL",
    "SELECT sex, count(*) FROM unified.person GROUP BY ALL",
    "SELECT person_id FROM unified.person WHERE id_number SIMILAR TO '[0-9]{18}'",
    "SELECT COLUMNS('.*') FROM unified.person",
    "SELECT * ILIKE '%eth%' FROM unified.person",
    "SELECT * RENAME (phone AS x) FROM unified.person",
    "SELECT person_id FROM unified.person LIMIT (SELECT count(*) FROM unified.person WHERE grid_id = 'G0202')",
    "SELECT person_id FROM ONLY unified.person",
    "SELECT /*+ no_barrier */ id_number FROM unified.person WITH (NOLOCK)",
];

/// Never answered.
const REFUSED: [&str; 22] = [
    "PREPARE q AS SELECT person_id FROM unified.person WHERE id_number = $1",
    "PREPARE q(text) AS SELECT person_id FROM unified.person WHERE phone LIKE $1",
    "EXECUTE q('110101199001011237')",
    "DEALLOCATE q",
    "SELECT 1; SELECT * FROM raw.person",
    "SELECT * FROM raw.person",
    "SELECT * FROM datong.raw.person",
    "SELECT * FROM police.key_person",
    "SELECT * FROM housing.contract",
    "SELECT id_number FROM unified.person WHERE id_number = $1",
    "SELECT id_number FROM unified.person WHERE id_number = ?",
    "SELECT @@version",
    "SELECT input_file_name() FROM unified.person",
    "SELECT arrow_metadata(id_number) FROM unified.person",
    "SELECT * FROM range(1, 10)",
    "SELECT uuid(), random()",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT * FROM unified.person WHERE 1 / risk_level > 0",
    "WITH a AS (INSERT INTO unified.event SELECT * FROM unified.event RETURNING *) SELECT * FROM a",
    "SELECT * INTO t FROM unified.person",
    "SELECT * FROM unified.person FOR UPDATE",
    "\u{feff}DROP TABLE unified.person",
];

struct Pair {
    a: World,
    b: World,
    oracle: Oracle,
}

impl Pair {
    async fn open() -> Self {
        let (a, b) = (World::load(Side::A, Loading::default()).await, World::load(Side::B, Loading::default()).await);
        let oracle = Oracle::of(&a, &grid_worker()).await;
        Self { a, b, oracle }
    }

    async fn twins(&self, sql: &str) -> Finding {
        for (door, twin) in self.a.doors().into_iter().zip(self.b.doors()) {
            twin_equal(door, twin, &grid_worker(), sql, RowOrder::Delivered).await?;
        }
        Ok(())
    }
}

fn no_findings(findings: Vec<(&str, Finding)>) {
    let bad: Vec<String> =
        findings.into_iter().filter_map(|(sql, finding)| Some(format!("{sql}\n    {}", finding.err()?))).collect();
    assert!(bad.is_empty(), "{} findings:\n{}", bad.len(), bad.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_meets_filter_and_masks() {
    let pair = Pair::open().await;
    let (door, who) = (&pair.a.in_process, grid_worker());
    let mut findings = Vec::new();
    for sql in ANSWERED {
        findings.push((sql, oracle_equal(door, &who, &pair.oracle, sql).await));
        findings.push((sql, pair.twins(sql).await));
    }
    for sql in EITHER {
        findings.push((sql, denied_or_oracle(door, &who, &pair.oracle, sql).await));
        findings.push((sql, pair.twins(sql).await));
    }
    no_findings(findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plain_query_is_refused() {
    let pair = Pair::open().await;
    let mut findings = Vec::new();
    for sql in REFUSED {
        for door in pair.a.doors() {
            findings.push((sql, denied(door, &grid_worker(), sql).await));
        }
        findings.push((sql, pair.twins(sql).await));
    }
    no_findings(findings);
}

/// The text of S-021.
#[tokio::test(flavor = "multi_thread")]
async fn two_statements_are_refused_whole() {
    let world = World::load(Side::A, Loading::default()).await;
    for door in world.doors() {
        let answer = door.ask(&grid_worker(), "SELECT 1; SELECT * FROM raw.person").await;
        assert_eq!(answer.failure.map(|failure| failure.code), Some("DT-SQL-0002".to_owned()));
        assert!(answer.rows.is_empty());
    }
}

/// Rows the asker may see make an expression fail: the text quotes none of their values either.
#[tokio::test(flavor = "multi_thread")]
async fn errors_quote_no_value() {
    let pair = Pair::open().await;
    let who = grid_worker();
    for sql in [
        "SELECT cast(name AS bigint) FROM unified.person",
        "SELECT cast(residence_address AS date) FROM unified.person WHERE person_id = 'P0001'",
        "SELECT to_timestamp(name) FROM unified.person",
        "SELECT decode(name, 'hex') FROM unified.person",
        "SELECT regexp_like('a', concat(name, '[')) FROM unified.person",
        "SELECT arrow_cast(description, 'Timestamp(Second, None)') FROM unified.event",
        "SELECT max(1 / (risk_level - 1)) FROM unified.person",
    ] {
        pair.twins(sql).await.unwrap();
        for door in pair.a.doors() {
            let failure = door.ask(&who, sql).await.failure.unwrap_or_else(|| panic!("no row fails: {sql}"));
            assert_eq!(failure.code, "DT-SQL-0010", "{sql}: {failure:?}");
            for quoted in ["张", "王", "翠苑", "1990"] {
                assert!(!failure.text.contains(quoted), "{sql}: {failure:?}");
            }
        }
    }
}

/// Found by the generator: ten thousand batches of three rows, and a window that ends with the last of them. The engine
/// went one call deeper with each batch until the stack was used up, which ended the whole process.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_over_many_small_batches_does_not_use_up_the_stack() {
    // It computes for half a minute where other tests run beside it.
    let limits = Limits { max_query_time: Duration::from_secs(600), ..Limits::default() };
    let world = World::load(Side::A, Loading { limits: Some(&limits), ..Loading::default() }).await;
    let sql = "SELECT min(a.name) OVER (ORDER BY true) AS c0 FROM unified.person a CROSS JOIN unified.person b \
               CROSS JOIN (SELECT * FROM unified.person LIMIT 3) c";
    let officer = principal("privacy_officer", None);
    let answer = world.in_process.ask(&officer, sql).await;
    assert_eq!((answer.failure, answer.rows.len()), (None, 3 * world.rows.persons.len().pow(2)));
}
