//! Requests of clients that cannot be answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use auth::{Clock, TokenIssuer};
use policies::Principal;
use reqwest::Method;
use tests::datong::{AUDIENCE, ISSUER, Site, quick_folder};
use tests::http::{Answer, Door};

use crate::{assert_no_value, personal_values, pulled_site};

/// `{"alg":"none","typ":"JWT"}` in base64.
const HEADER_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

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

/// The answer is a problem with this status, a code that begins so, and a text that holds `detail`.
fn refused(answer: &Answer, status: u16, code: &str, detail: &str, title: &str) {
    assert_eq!(answer.status, status, "{title}: {}", String::from_utf8_lossy(&answer.body));
    let problem = answer.problem();
    let text = |part: &str| problem[part].as_str().expect("a text").to_owned();
    assert!(text("code").starts_with(code), "{title}: {problem}");
    assert!(text("detail").contains(detail), "{title}: {problem}");
}

#[derive(Debug)]
struct TwoHoursAgo;

impl Clock for TwoHoursAgo {
    fn now_ms(&self) -> u64 {
        u64::try_from(chrono::Utc::now().timestamp_millis()).expect("after 1970") - 7_200_000
    }
}
