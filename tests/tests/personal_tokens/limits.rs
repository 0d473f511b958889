//! Scopes, doors, time, and the subject behind a token.

use serde_json::json;

use super::{FOLLOW_TIME, Served, code, flight_rows, id_of, user_of};

pub(crate) async fn a_token_does_what_its_scopes_say(served: &Served) {
    let reader = served.token("li", &["--scope", "data:read"]).await;
    let asker = served.token("li", &["--scope", "sql:run"]).await;
    let revealer = served.token("li", &["--scope", "reveal:ask"]).await;
    let reading = [
        "/api/v1/persons?limit=1",
        "/api/v1/persons/00000000000000000000000000000000",
        "/api/v1/houses?limit=1",
        "/api/v1/events?limit=1",
        "/api/v1/grids?limit=1",
        "/api/v1/versions",
        "/api/v1/changes?since=1",
        "/api/v1/catalog",
        "/api/v1/why?table=unified.person",
    ];
    for path in reading {
        assert_ne!(code(&served.rest(&reader).get(path).await), "token_scope_missing", "{path}");
        for other in [&asker, &revealer] {
            let refused = served.rest(other).get(path).await;
            assert_eq!((refused.status, code(&refused).as_str()), (403, "token_scope_missing"), "{path}");
        }
    }
    let search = json!({ "name": "张三", "birth_date": "1980-01-01" });
    assert_eq!(code(&served.rest(&asker).post("/api/v1/persons/search", &search).await), "token_scope_missing");
    assert_ne!(code(&served.rest(&reader).post("/api/v1/persons/search", &search).await), "token_scope_missing");
    assert_eq!(served.rest(&revealer).get("/api/v1/reveals").await.status, 200);
    for other in [&asker, &reader] {
        let reveals = "/api/v1/reveals";
        assert_eq!(code(&served.rest(other).get(reveals).await), "token_scope_missing");
        assert_eq!(code(&served.rest(other).post(reveals, &json!({})).await), "token_scope_missing");
        assert_eq!(code(&served.rest(other).get(&format!("{reveals}/x")).await), "token_scope_missing");
    }

    assert_eq!(served.rest(&asker).sql("SELECT 1").await.status, 200);
    for other in [&reader, &revealer] {
        let refused = served.rest(other).sql("SELECT 1").await;
        assert_eq!((refused.status, code(&refused).as_str()), (403, "token_scope_missing"));
        assert!(refused.problem()["detail"].as_str().is_some_and(|detail| detail.contains("`sql:run`")));
        for user in ["whoever", &user_of(other)] {
            let (state, text) = served.pg(user, other).await.expect_err("no connection");
            assert_eq!(state, "42501", "{text}");
            assert!(text.contains("权限范围") && text.contains("token_scope_missing"), "{text}");
        }
        let mut flight = served.flight(other).await;
        let refused = flight_rows(&mut flight, "SELECT 1").await.expect_err("no rows");
        assert!(refused.contains("token_scope_missing"), "{refused}");
        assert!(flight.get_catalogs().await.is_err(), "metadata are what a statement may ask too");
    }
    let zh = served.rest(&reader).post_sql("text/plain", b"SELECT 1".to_vec(), "zh").await;
    assert!(
        zh.problem()["detail"].as_str().is_some_and(|detail| detail.contains("权限范围 `sql:run`")),
        "{}",
        zh.text()
    );
}

pub(crate) async fn nobody_decides_with_a_personal_token(served: &Served) {
    let all = ["--scope", "sql:run", "--scope", "data:read", "--scope", "reveal:ask"];
    let token = served.token("zhao", &all).await;
    let signed = served.rest(&served.site.token("police_officer", None));
    for step in ["approve", "refuse"] {
        let path = format!("/api/v1/reveals/0123/{step}");
        let refused = served.rest(&token).post(&path, &json!({})).await;
        assert_eq!((refused.status, code(&refused).as_str()), (403, "token_scope_missing"), "{step}");
        assert_ne!(code(&signed.post(&path, &json!({})).await), "token_scope_missing", "{step}");
    }
}

pub(crate) async fn a_token_comes_in_where_its_doors_are(served: &Served) {
    let stranger = "dtp_000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let unknown = served.rest(stranger).sql("SELECT 1").await;
    let nobody = served.pg(&user_of(stranger), stranger).await.expect_err("no connection");
    for door in ["rest", "pg", "flight"] {
        let token = served.token("li", &["--door", door]).await;
        let rest = served.rest(&token).sql("SELECT 1").await;
        if door == "rest" {
            assert_eq!(rest.status, 200);
        } else {
            let (found, expected) = (rest.problem(), unknown.problem());
            assert_eq!((&found["code"], &found["detail"]), (&expected["code"], &expected["detail"]));
            assert_eq!((rest.status, &found["code"]), (401, &json!("token_unknown")));
        }
        for user in ["whoever", &user_of(&token)] {
            match served.pg(user, &token).await {
                Ok(connected) => assert_eq!((door, connected.ask("SELECT 1").await.as_deref()), ("pg", Ok("1"))),
                Err(refused) => assert_eq!((door != "pg", &refused), (true, &nobody)),
            }
        }
        let rows = flight_rows(&mut served.flight(&token).await, "SELECT 1").await;
        assert_eq!(rows.is_ok(), door == "flight", "{rows:?}");
        assert!(rows.err().is_none_or(|refused| refused.contains("token_unknown")));
    }
}

pub(crate) async fn an_expired_token_is_told_so(served: &Served) {
    let token = served.token("li", &["--days", "2"]).await;
    let open = served.pg(&user_of(&token), &token).await.expect("a connection");
    assert_eq!(open.ask("SELECT 1").await.as_deref(), Ok("1"));
    let text = served.text();
    let entry = text.split("[[token]]").find(|entry| entry.contains(id_of(&token))).expect("its entry");
    let mut past = String::new();
    for line in entry.lines() {
        match line.split_once(" = ") {
            Some(("created", _)) => past.push_str("created = 2026-01-01T00:00:00Z\n"),
            Some(("expires", _)) => past.push_str("expires = 2026-01-02T00:00:00Z\n"),
            _ => past.push_str(&format!("{line}\n")),
        }
    }
    served.write(&text.replace(entry, &past));
    let is_over = || async { served.code(&token).await == "token_expired" };
    let took = served.follows(is_over).await;
    assert!(took < FOLLOW_TIME, "{took:?}");
    let (state, said) = open.ask("SELECT 1").await.expect_err("asked anew before each statement");
    assert!(state == "28000" && said.contains("token_expired"), "{state} {said}");
    for user in ["whoever", &user_of(&token)] {
        assert_eq!(served.pg(user, &token).await.expect_err("no connection").0, "28000", "{user}");
    }
    // Not to those who do not know the secret.
    let guessed = token.replace(super::secret_of(&token), &"A".repeat(43));
    assert_eq!(served.code(&guessed).await, "token_unknown");
    assert_eq!(served.pg(&user_of(&token), &guessed).await.expect_err("no connection").0, "28P01");
    let refused = flight_rows(&mut served.flight(&token).await, "SELECT 1").await.expect_err("no rows");
    assert!(refused.contains("token_expired"), "{refused}");
    let listed = served.site.run(&["token", "list"]).expect_code(0).stdout;
    let line = listed.lines().find(|line| line.contains(id_of(&token))).expect("listed");
    assert!(line.contains("expired"), "{line}");
}

pub(crate) async fn a_withdrawn_subject_is_refused_with_every_token(served: &Served) {
    let token = served.token("sun", &[]).await;
    let open = served.pg(&user_of(&token), &token).await.expect("a connection");
    let _said = served.site.run(&["access", "withdraw", "sun"]).expect_code(0);
    let rest = served.rest(&token);
    served.follows(|| async { code(&rest.sql("SELECT 1").await) == "DT-POL-0004" }).await;
    assert_eq!(open.ask("SELECT 1").await.expect_err("refused").0, "42501");
    let refused = flight_rows(&mut served.flight(&token).await, "SELECT 1").await.expect_err("no rows");
    assert!(refused.contains("DT-POL-0004"), "{refused}");
    let _said = served.site.run(&["access", "restore", "sun"]).expect_code(0);
    served.follows(|| async { rest.sql("SELECT 1").await.status == 200 }).await;
}
