//! What is wrong with what came in is said clearly, with its place and without its values, and the last published version
//! stays in service.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use auth::{Clock, TokenIssuer};
use policies::Principal;
use reqwest::Method;
use schemas::RelationName;
use tests::datong::{AUDIENCE, ISSUER, Running, Site, city, command, quick_folder, run};
use tests::http::{Answer, Door};

/// `{"alg":"none","typ":"JWT"}` in base64.
const HEADER_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// One department's file gone bad.
struct BadFile {
    title: &'static str,
    source: &'static str,
    dataset: &'static str,
    /// Begins the name of the file that is replaced.
    file: &'static str,
    spoil: fn(&Path, &Site),
    /// What the error has to say beside file, source and dataset.
    says: &'static [&'static str],
}

const BAD_FILES: [BadFile; 12] = [
    BadFile {
        title: "an empty file",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "").expect("a file"),
        says: &["is empty"],
    },
    BadFile {
        title: "a wrong sheet",
        source: "civil",
        dataset: "civil.disability",
        file: "残疾人",
        spoil: |file, site| {
            let other = exported(&site.exports("grid"), "网格清单");
            let _bytes = fs::copy(other, file).expect("a file");
        },
        says: &["no sheet has the headings of this dataset", "found `网格`"],
    },
    BadFile {
        title: "a truncated zip",
        source: "health",
        dataset: "health.archive",
        file: "居民健康档案",
        spoil: |file, _| cut(file),
        says: &["is damaged", "zip breaks off"],
    },
    BadFile {
        title: "a truncated workbook",
        source: "housing",
        dataset: "housing.property",
        file: "房屋产权",
        spoil: |file, _| cut(file),
        says: &["is damaged", "zip breaks off"],
    },
    BadFile {
        title: "a truncated gzip",
        source: "police",
        dataset: "police.incident",
        file: "警情",
        spoil: |file, _| cut(file),
        says: &["is damaged", "breaks off"],
    },
    BadFile {
        title: "a truncated Parquet file",
        source: "health",
        dataset: "health.chronic_visit",
        file: "慢病随访_202606",
        spoil: |file, _| cut(file),
        says: &["is damaged", "parquet"],
    },
    BadFile {
        title: "binary junk",
        source: "police",
        dataset: "police.floating",
        file: "流动人口",
        spoil: |file, _| fs::write(file, junk(50_000)).expect("a file"),
        says: &["is in no format that can be read"],
    },
    BadFile {
        title: "a required column gone",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "人员编号,公民身份号码,性别\n1,290102195409251433,男\n").expect("a file"),
        says: &["missing columns `姓名`", "found `人员编号`, `公民身份号码`, `性别`"],
    },
    BadFile {
        title: "an unknown encoding",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| {
            fs::write(file, b"RYID,XM,GMSFHM\n1,\xff\x80\xfe\x81\xff\xff,2\n2,\x81\xff\xff\x80,\n").expect("a file")
        },
        says: &["encoding not recognised", "byte at 17", "line 2"],
    },
    BadFile {
        title: "a quote that never closes",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "RYID,XM,GMSFHM\n1,\"甲,2\n2,乙,3\n").expect("a file"),
        says: &["the quote opened in line 2", "is not closed"],
    },
    BadFile {
        title: "a login page instead of an export",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "<html><body>请登录</body></html>").expect("a file"),
        says: &["is HTML", "export it as XLSX, XLS, CSV, NDJSON or Parquet"],
    },
    BadFile {
        title: "a single line of 200 MB",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| long_line(file, 200_000_000),
        says: &["no headings of this dataset"],
    },
];

#[tokio::test]
async fn a_bad_file_is_named_and_the_last_version_stays_served() {
    let kept = quick_folder();
    let (site, truth) = pulled_site(kept.path(), 600, 3);
    let names = personal_values(&site).await;
    let (_server, url) = site.serve();
    let door = Door::new(&url, &site.token("police_officer", None));
    let before = (door.count("unified.person").await, served_version(&door).await);
    assert!(before.0 > 500);
    for bad in &BAD_FILES {
        let file = exported(&site.exports(bad.source), bad.file);
        (bad.spoil)(&file, &site);
        let failed = site.run(&["pull"]).expect_code(1);
        let file_name = file.file_name().expect("a name").to_string_lossy().into_owned();
        for part in [file_name.as_str(), bad.source, bad.dataset, "nothing is published"].iter().chain(bad.says) {
            assert!(failed.stderr.contains(part), "{}: no `{part}` in: {}", bad.title, failed.stderr);
        }
        assert_eq!(failed.stdout, "", "{}", bad.title);
        assert_no_value(&failed.stderr, &names, bad.title);
        assert!(failed.stderr.len() < 1_000, "{}: {}", bad.title, failed.stderr);
        let after = (door.count("unified.person").await, served_version(&door).await);
        assert_eq!(after, before, "{}", bad.title);
        site.take_exports(&truth);
    }
    let said = site.run(&["pull"]).expect_code(0);
    assert!(said.stdout.contains("nothing changed; version 1 stays"), "{}", said.stdout);
}

/// A heading line, then 200 MB without a line break: the row is rejected whole, the pull goes over its reject limit, and
/// the quarantine says where and why.
#[test]
fn an_endless_row_is_rejected_in_bounded_memory_and_said_so() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 4);
    let file = exported(&site.exports("police"), "户籍人口");
    long_line(&file, 200_000_000);
    let rest = fs::read(&file).expect("the line");
    fs::write(&file, [b"RYID,XM\n".as_slice(), &rest].concat()).expect("a file");
    let failed = site.run(&["pull", "police"]).expect_code(1);
    for part in
        ["police.resident", "1 of 1 rows were rejected", "nothing is published", "quarantine show police.resident"]
    {
        assert!(failed.stderr.contains(part), "no `{part}` in: {}", failed.stderr);
    }
    let shown = site.run(&["quarantine", "show", "police.resident"]).expect_code(0);
    assert!(shown.stdout.contains("户籍人口") && shown.stdout.contains("too_long"), "{}", shown.stdout);
    let doctor = site.run(&["doctor"]).expect_code(0);
    assert!(doctor.stdout.contains("data version 1, 26 tables, 0 unreadable"), "{}", doctor.stdout);
}

#[tokio::test]
async fn over_its_reject_limit_a_pull_publishes_nothing() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 5);
    let file = exported(&site.exports("police"), "户籍人口");
    let mut rows = "人员编号,公民身份号码,姓名\n".to_owned();
    for n in 0..20 {
        // The last of these ID numbers' eighteen characters does not follow from the others.
        rows.push_str(&format!("{n},2901021954092514{n:02},甲乙丙\n"));
    }
    fs::write(&file, &rows).expect("a file");
    let failed = site.run(&["pull"]).expect_code(1);
    for part in ["police.resident", "of 20 rows were rejected", "share of 0.25", "nothing is published"] {
        assert!(failed.stderr.contains(part), "no `{part}` in: {}", failed.stderr);
    }
    assert!(!failed.stderr.contains("甲乙丙") && !failed.stderr.contains("29010219540925"), "{}", failed.stderr);
    let doctor = site.run(&["doctor"]).expect_code(0);
    assert!(doctor.stdout.contains("data version 1,"), "{}", doctor.stdout);
}

#[tokio::test]
async fn a_wrong_request_gets_a_problem_and_the_door_stays_open() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 6);
    let names = personal_values(&site).await;
    let (_server, url) = site.serve();
    let door = Door::new(&url, &site.token("police_officer", None));
    let before = door.count("unified.person").await;

    tokens_that_do_not_hold(&site, &door).await;
    statements_that_cannot_be_answered(&door, &names).await;
    requests_that_cannot_be_read(&door).await;

    assert_eq!(door.count("unified.person").await, before);
    let ready = door.get("/readyz").await.expect_status(200).json();
    assert_eq!(ready["ready"], true);
}

async fn tokens_that_do_not_hold(site: &Site, door: &Door) {
    let good = site.token("police_officer", None);
    let payload = good.split('.').nth(1).expect("a payload");
    let signature = good.split('.').nth(2).expect("a signature");
    let mut turned = good.clone().into_bytes();
    let at = turned.len() - 10;
    turned[at] = if turned[at] == b'A' { b'B' } else { b'A' };
    let minted = |issuer: &str, audience: &str, clock: Option<Arc<dyn Clock>>| {
        let key = site.folder.join("keys").join("token.pem");
        let mut minting = TokenIssuer::load(&key, issuer, audience).expect("the site's signing key");
        if let Some(clock) = clock {
            minting = minting.with_clock(clock);
        }
        let who = Principal {
            subject: "li".into(),
            role: "police_officer".into(),
            attributes: Default::default(),
            purpose: None,
        };
        minting.issue(&who, Duration::from_secs(60)).expect("a token")
    };
    let cases = [
        ("none", format!("{HEADER_NONE}.{payload}."), "token_", "token"),
        ("none with a signature", format!("{HEADER_NONE}.{payload}.{signature}"), "token_", "token"),
        ("turned", String::from_utf8(turned).expect("ASCII"), "token_bad_signature", "signature is wrong"),
        ("expired", minted(ISSUER, AUDIENCE, Some(Arc::new(TwoHoursAgo))), "token_expired", "has expired"),
        ("issuer", minted("https://other.example", AUDIENCE, None), "token_wrong_issuer", "not issued by"),
        ("audience", minted(ISSUER, "other", None), "token_wrong_audience", "another service"),
        ("no token", String::new(), "token_missing", "Sign in first"),
        ("no JWT", "abc".to_owned(), "token_malformed", "not a token"),
    ];
    for (title, token, code, detail) in cases {
        for path in ["/api/v1/catalog", "/api/v1/persons", "/api/v1/why?table=unified.person"] {
            refused(&door.with_token(&token).get(path).await, 401, code, detail, title);
        }
        let answer = door.with_token(&token).sql("SELECT 1 AS one").await;
        refused(&answer, 401, code, detail, title);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"datong\"", "{title}");
        assert!(token.is_empty() || !answer.text().contains(&token), "{title}: the token is repeated");
    }
    assert_eq!(door.rows("SELECT 1 AS one").await.len(), 1);
}

async fn statements_that_cannot_be_answered(door: &Door, names: &BTreeSet<String>) {
    let long = format!("SELECT '{}' AS x", "x".repeat(1 << 20));
    let cases = [
        (long.as_str(), 422, "DT-LIM-0001", "max_sql_bytes"),
        ("SELEC 1", 400, "DT-SQL-0001", "SELEC"),
        ("SELECT 1 FROM (", 400, "DT-SQL-0001", "cannot be parsed"),
        ("SELECT 1; SELECT 2", 400, "DT-SQL-0002", "2 were given"),
        ("DROP TABLE unified.person", 403, "DT-SQL-0003", "DROP TABLE"),
        ("SELECT a FROM unified.person", 404, "DT-SQL-0005", "`a`"),
        ("SELECT 1 FROM unified.nobody", 404, "DT-SQL-0004", "`unified.nobody`"),
        ("SELECT no_such_function(1) AS x", 404, "DT-SQL-0006", "`no_such_function`"),
        ("SELECT CAST(name AS BIGINT) AS x FROM unified.person", 400, "DT-SQL-0010", "conversion"),
        ("SELECT 1 / (length(name) - length(name)) AS x FROM unified.person", 400, "DT-SQL-0010", "division by zero"),
    ];
    for (statement, status, code, detail) in cases {
        let title: String = statement.chars().take(60).collect();
        let answer = door.sql(statement).await;
        refused(&answer, status, code, detail, &title);
        assert_no_value(&answer.text(), names, &title);
        assert!(answer.body.len() < 2_000, "{title}: the answer repeats the statement");
    }
}

async fn requests_that_cannot_be_read(door: &Door) {
    let body = |size: usize| format!("SELECT '{}' AS x", "x".repeat(size)).into_bytes();
    refused(&door.post_sql("text/plain", body(3 << 20), "en").await, 413, "DT-LIM-0003", "max_body_bytes", "3 MiB");
    refused(&door.post_sql("application/json", b"{\"sq".to_vec(), "en").await, 400, "DT-REQ-0001", "sql", "half JSON");
    refused(&door.post_sql("image/png", b"SELECT 1".to_vec(), "en").await, 400, "DT-REQ-0001", "Content-Type", "png");
    refused(
        &door.post_sql("text/plain", b"SELECT '\xff'".to_vec(), "en").await,
        400,
        "DT-REQ-0001",
        "UTF-8",
        "no UTF-8",
    );
    refused(&door.sql_in("?format=xml", "SELECT 1").await, 406, "DT-REQ-0002", "text/csv", "format=xml");
    refused(&door.get("/api/v1/persons?limit=0").await, 400, "DT-REQ-0001", "max_page_rows", "limit=0");
    refused(&door.get("/api/v1/persons?stage=x").await, 400, "DT-REQ-0001", "grid_id", "a filter persons do not have");
    refused(&door.get("/api/v1/persons/no-such-id").await, 404, "DT-REQ-0003", "no such record", "no such person");
    refused(&door.get("/api/v1/nothing").await, 404, "DT-REQ-0005", "openapi.json", "no such path");
    let zh = door.post_sql("text/plain", body(3 << 20), "zh-CN").await.expect_status(413).problem();
    assert_eq!(zh["title"], "请求体过大");
    assert!(zh["detail"].as_str().is_some_and(|detail| detail.contains("max_body_bytes")));
    let zh = door.get_in("zh", "/api/v1/persons/no-such-id").await.expect_status(404).problem();
    assert_eq!(zh["detail"], "记录不存在或无权访问");
}

/// Parameters that cannot be read and methods that are not served never reach a handler; they are problems all the same.
#[tokio::test]
async fn what_no_handler_sees_is_a_problem_too() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 6);
    let (_server, url) = site.serve();
    let door = Door::new(&url, &site.token("police_officer", None));
    for path in ["/api/v1/persons?limit=many", "/api/v1/persons?nosuch=1", "/api/v1/why"] {
        refused(&door.get(path).await, 400, "DT-REQ-", "", path);
    }
    refused(&door.method(Method::DELETE, "/api/v1/persons/x").await, 405, "DT-REQ-", "", "DELETE");
}

#[test]
fn faults_of_the_configuration_are_told_all_at_once_with_their_places() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let text = "[server]\nlissten = \"127.0.0.1:1\"\nbehind_proxy = 1\n\n[data]\nfolder = \"data\"\nkey_fil = \"keys/datong.key\"\n\n\
        [auth]\nissuer = \"x\"\naudience = \"datong\"\njwks_file = \"a\"\njwks_url = \"http://x\"\n\n[limits]\nmax_rows = -1\n\n\
        [[source]]\nname = \"police\"\nurl = \"exports/police\"\ndatasets = [\"police.resident\"]\nencoding = \"latin1\"\n\
        reject_share = 2.0\n";
    fs::write(site.config(), text).expect("a configuration");
    let failed = site.run(&["check"]).expect_code(78);
    let lines: Vec<&str> = failed.stderr.lines().collect();
    assert_eq!(lines[0], "error: 8 faults in the configuration");
    let expected = [
        (2, 1, "unknown key `lissten`; did you mean `listen`?"),
        (3, 16, "`behind_proxy` has to be true or false"),
        (6, 1, "`key_file` is missing"),
        (7, 1, "unknown key `key_fil`; did you mean `key_file`?"),
        (10, 1, "exactly one of jwks_file and jwks_url has to be given"),
        (16, 12, "`max_rows` has to be a whole number from 1"),
        (22, 12, "unknown encoding `latin1`: use utf-8, gb18030, utf-16le or utf-16be"),
        (23, 16, "`reject_share` has to be a number from 0 to 1"),
    ];
    assert_eq!(lines.len(), 1 + expected.len(), "{}", failed.stderr);
    let file = site.config().display().to_string();
    for ((line, column, says), said) in expected.into_iter().zip(&lines[1..]) {
        assert!(said.starts_with(&format!("{file}:{line}:{column}: ")) && said.contains(says), "{said}");
    }
    let zh = Running::start(site.command(&["--lang", "zh", "check"])).finish().expect_code(78);
    assert!(zh.stderr.contains("未知的键 lissten,是否想写 listen?"), "{}", zh.stderr);
}

#[test]
fn exit_codes_say_what_kind_of_failure_it_is() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 8);
    let config = fs::read_to_string(site.config()).expect("datong.toml");
    let with = |name: &str, change: &dyn Fn(&str) -> String| {
        let file = site.folder.join(name);
        fs::write(&file, change(&config)).expect("a configuration");
        file.display().to_string()
    };
    let unsigned = with("unsigned.toml", &|text| text.replace("signing_key_file", "# signing_key_file"));
    let away = with("away.toml", &|text| text.replace("url = \"exports/grid\"", "url = \"exports/none\""));
    let misspelt = with("misspelt.toml", &|text| text.replace("police.incident", "police.incidents"));
    let open = with("open.toml", &|text| text.replace("127.0.0.1:0", "0.0.0.0:0"));
    let broken = with("broken.toml", &|_| "[server".to_owned());
    let keyless = with("keyless.toml", &|text| text.replace("keys/datong.key", "keys/none.key"));

    let cases: [(&[&str], i32, &str); 17] = [
        (&["--version"], 0, ""),
        (&["check"], 0, ""),
        (&["doctor"], 0, ""),
        (&["--config", &away, "pull"], 1, "grid"),
        (&["--config", &away, "check"], 3, "1 problem"),
        (&["--config", &misspelt, "check"], 78, "did you mean `police.incident`?"),
        (&["frobnicate"], 2, "frobnicate"),
        (&["pull", "nosuch"], 2, "no source is called `nosuch`; configured: police, civil"),
        (&["token", "--subject", "li", "--role", "nobody"], 2, "no role `nobody`; known: auditor"),
        (&["quarantine", "show", "no.such"], 2, "dataset `no.such` is not declared"),
        (&["sql", "SELECT 1"], 2, "DATONG_TOKEN"),
        (&["--config", &unsigned, "token", "--subject", "li", "--role", "platform"], 77, "signing key"),
        (&["--config", "no-such.toml", "check"], 78, "datong init"),
        (&["--config", &broken, "check"], 78, "broken.toml:1:"),
        (&["--config", &open, "serve"], 78, "TLS"),
        (&["--config", &keyless, "pull"], 78, "none.key"),
        (&["--config", &misspelt, "pull"], 78, "police.incidents"),
    ];
    for (arguments, code, says) in cases {
        let finished = if arguments[0] == "--config" { run(arguments) } else { site.run(arguments) };
        assert_eq!(finished.code, Some(code), "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(says), "{arguments:?}: {}", finished.stderr);
        assert_eq!(code == 0, finished.stderr.is_empty(), "{arguments:?}: {}", finished.stderr);
    }
    let again = run(["init".as_ref(), "--dir".as_ref(), site.folder.as_os_str()]);
    assert_eq!(again.code, Some(2), "an existing site is left alone: {}", again.stderr);

    let (_server, url) = site.serve();
    let asked = |token: &str, statement: &str| {
        let mut asking = command(["sql", "--url", &url, statement]);
        asking.env("DATONG_TOKEN", token);
        Running::start(asking).finish()
    };
    let token = site.token("police_officer", None);
    assert!(asked(&token, "SELECT count(*) AS n FROM unified.person").expect_code(0).stdout.contains('n'));
    assert!(asked("a.b.c", "SELECT 1").expect_code(77).stderr.contains("token"));
    assert!(asked(&token, "DROP TABLE x").expect_code(77).stderr.contains("DT-SQL-0003"));
    assert!(asked(&token, "SELEC").expect_code(1).stderr.contains("DT-SQL-0001"));
}

/// A site with one pull of a city done; gives the site and the city's folder.
fn pulled_site(folder: &Path, people: u64, seed: u64) -> (Site, PathBuf) {
    let (site, truth) = (Site::init(&folder.join("site")), folder.join("city"));
    let _said = city(people, seed, &truth);
    site.take_exports(&truth);
    let said = site.run(&["pull"]).expect_code(0);
    assert!(said.stdout.contains("published version 1"), "{}", said.stdout);
    (site, truth)
}

/// The file of a folder whose name begins with `start`.
fn exported(folder: &Path, start: &str) -> PathBuf {
    let files = fs::read_dir(folder).expect("a folder of exports").map(|file| file.expect("an export").path());
    let begins = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    files.into_iter().find(begins).unwrap_or_else(|| panic!("no export {start}"))
}

fn cut(file: &Path) {
    let bytes = fs::read(file).expect("an export");
    fs::write(file, &bytes[..bytes.len() / 2]).expect("half an export");
}

/// Bytes of no format, the same every time.
fn junk(n_bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..n_bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

fn long_line(file: &Path, n_bytes: usize) {
    let mut writer = BufWriter::new(File::create(file).expect("a file"));
    let chunk = [b'a'; 100_000];
    for _ in 0..n_bytes / chunk.len() {
        writer.write_all(&chunk).expect("room for a long line");
    }
    writer.flush().expect("room for a long line");
}

/// Names, ID numbers and telephone numbers of everybody, as the landed tables hold them.
async fn personal_values(site: &Site) -> BTreeSet<String> {
    let lake = site.lake();
    let published = lake.published().await.expect("a readable pointer").expect("a published version");
    let resident = RelationName::new("police", "resident").expect("a name");
    let batches = lake.snapshot(&published).read(&resident).await.expect("residents");
    let column = |name: &str| -> Vec<String> {
        let arrays = batches.iter().map(|batch| batch.column_by_name(name).expect("a column"));
        arrays
            .flat_map(|array| array.as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    let values: BTreeSet<String> =
        ["id_no", "name", "phone"].iter().flat_map(|name| column(name)).filter(|value| value.len() >= 6).collect();
    assert!(values.len() > 300, "{} values", values.len());
    values
}

fn assert_no_value(text: &str, values: &BTreeSet<String>, title: &str) {
    assert!(!values.iter().any(|value| text.contains(value.as_str())), "{title}: somebody's data is in: {text}");
}

/// The answer is a problem with this status, a code that begins so, and a text that holds `detail`.
fn refused(answer: &Answer, status: u16, code: &str, detail: &str, title: &str) {
    assert_eq!(answer.status, status, "{title}: {}", String::from_utf8_lossy(&answer.body));
    let problem = answer.problem();
    let text = |part: &str| problem[part].as_str().expect("a text").to_owned();
    assert!(text("code").starts_with(code), "{title}: {problem}");
    assert!(text("detail").contains(detail), "{title}: {problem}");
}

async fn served_version(door: &Door) -> u64 {
    door.get("/readyz").await.expect_status(200).json()["data_version"].as_u64().expect("a version")
}

#[derive(Debug)]
struct TwoHoursAgo;

impl Clock for TwoHoursAgo {
    fn now_ms(&self) -> u64 {
        u64::try_from(chrono::Utc::now().timestamp_millis()).expect("after 1970") - 7_200_000
    }
}
