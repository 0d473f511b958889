//! What a running server does when the file of tokens, the policies or a token change.

use std::fs;
use std::time::{Duration, Instant};

use policies::PolicySet;
use tokio::task::JoinSet;

use super::{FOLLOW_TIME, Served, addresses, code, flight_rows, id_of, user_of};

/// Counts for longer than any query may take, and nothing leaves before the end.
const LONG: &str = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000000000) \
                    SELECT max(n) + (SELECT count(*) FROM unified.person) FROM r";
/// Code of an answer that ended with its token.
const ENDED: &str = "DT-POL-0013";

pub(crate) async fn every_door_is_closed_within_a_second_and_answers_end(served: &Served) {
    let token = served.token("li", &[]).await;
    let other = served.token("li", &[]).await;
    let proven = served.pg(&user_of(&token), &token).await.expect("a connection");
    let sent = served.pg("whoever", &token).await.expect("a connection");
    let cursor = served.pg(&user_of(&token), &token).await.expect("a connection");
    cursor
        .client
        .batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT person_id FROM unified.person")
        .await
        .expect("a cursor");
    assert!(!cursor.ask("FETCH 1 FROM c").await.expect("a row").is_empty());

    let mut under_way = JoinSet::new();
    let rest = served.rest(&token);
    under_way.spawn(async move { ("rest", code(&rest.sql(LONG).await), Instant::now()) });
    let mut flight = served.flight(&token).await;
    under_way.spawn(async move {
        let refused = flight_rows(&mut flight, LONG).await.expect_err("no rows");
        ("flight", refused, Instant::now())
    });
    let running = served.pg(&user_of(&token), &token).await.expect("a connection");
    under_way.spawn(async move {
        let (state, text) = running.ask(LONG).await.expect_err("no rows");
        ("pg", format!("{state} {text}"), Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(under_way.try_join_next().is_none(), "an answer is over already");

    let said = served.site.run(&["token", "revoke", id_of(&token)]).expect_code(0);
    let from = Instant::now();
    assert!(said.stdout.contains("is revoked"), "{}", said.stdout);
    let took = served.follows(|| async { served.code(&token).await == "token_revoked" }).await;
    assert!(took < FOLLOW_TIME, "{took:?}");
    while let Some(ended) = under_way.join_next().await {
        let (door, said, at) = ended.expect("an answer");
        assert!(said.contains(ENDED), "{door}: {said}");
        assert!(at.duration_since(from) < FOLLOW_TIME, "{door}: {:?}", at.duration_since(from));
    }
    for open in [proven, sent] {
        let (state, said) = open.ask("SELECT 1").await.expect_err("asked anew before each statement");
        assert!(state == "28000" && said.contains("token_revoked"), "{state} {said}");
    }
    let fetched = cursor.ask("FETCH ALL FROM c").await.expect_err("an open cursor ends too");
    assert!(fetched.1.contains(ENDED) || fetched.1.contains("token_revoked"), "{fetched:?}");
    for user in ["whoever", &user_of(&token)] {
        assert_eq!(served.pg(user, &token).await.expect_err("no connection").0, "28000", "{user}");
    }
    let mut flight = served.flight(&token).await;
    assert!(flight_rows(&mut flight, "SELECT 1").await.expect_err("no rows").contains("token_revoked"));
    assert!(flight.handshake("whoever", &token).await.is_err());
    assert_eq!(served.rest(&other).sql("SELECT 1").await.status, 200, "other tokens of the subject stay");
    let log = served.log();
    let told = log.iter().filter_map(|stored| stored.event.sql.as_ref());
    assert!(told.into_iter().any(|said| said.reveal().contains(&format!("{} revoked", id_of(&token)))));
}

pub(crate) async fn a_token_that_is_gone_is_not_known(served: &Served) {
    let token = served.token("li", &[]).await;
    let open = served.pg(&user_of(&token), &token).await.expect("a connection");
    let text = served.text();
    let entry = text.split("[[token]]").find(|entry| entry.contains(id_of(&token))).expect("its entry").to_owned();
    served.write(&text.replace(&format!("[[token]]{entry}"), ""));
    served.follows(|| async { served.code(&token).await == "token_unknown" }).await;
    assert_eq!(open.ask("SELECT 1").await.expect_err("not known").0, "28P01");
    // The same id with another secret is another token.
    let other = served.token("wang", &[]).await;
    let text = served.text();
    served.write(&text.replace(id_of(&other), id_of(&token)));
    served.follows(|| async { served.code(&other).await == "token_unknown" }).await;
    assert_eq!(served.code(&token).await, "token_unknown");
}

pub(crate) async fn a_server_starts_with_what_the_file_says(served: Served) {
    let good = served.token("li", &[]).await;
    let revoked = served.token("li", &[]).await;
    let _stopped = served.server.kill();
    let _said = served.site.run(&["token", "revoke", &user_of(&revoked)]).expect_code(0);
    let (mut server, url) = served.site.serve();
    let _addresses = addresses(&mut server);
    let ask = |token: &str| tests::http::Door::new(&url, token);
    assert_eq!(code(&ask(&revoked).sql("SELECT 1").await), "token_revoked");
    assert_eq!(ask(&good).sql("SELECT 1").await.status, 200);
    drop(server);
    fs::write(served.site.folder.join("tokens.toml"), "[[token]]\nid = 1\n").expect("the tokens can be written");
    let refused = served.site.run(&["serve"]).expect_code(78);
    assert!(refused.stderr.contains("tokens.toml:2:6"), "{}", refused.stderr);
}

pub(crate) async fn a_faulty_file_leaves_what_was_in_force(served: &Served) {
    let token = served.token("li", &[]).await;
    let text = served.text();
    let hostile =
        ["[[token", "token = 1\n", "[[token]]\nid = \"000000000000\"\n", "\u{0}", &text.replace("sha256", "sha25")];
    for faulty in hostile {
        served.write(faulty);
        let warned = || async { served.health().await["warnings"].to_string().contains("tokens.toml") };
        let took = served.follows(warned).await;
        assert!(took < FOLLOW_TIME, "{took:?}");
        assert_eq!(served.rest(&token).sql("SELECT 1").await.status, 200, "{faulty}");
        let warnings = served.health().await["warnings"].to_string();
        assert!(!warnings.contains("SCRAM-SHA-256$"), "{warnings}");
        served.write(&text);
        served.follows(|| async { served.health().await["warnings"] == serde_json::json!([]) }).await;
    }
    fs::remove_file(served.file()).expect("the tokens can be removed");
    served.follows(|| async { served.health().await["warnings"].to_string().contains("tokens.toml") }).await;
    assert_eq!(served.rest(&token).sql("SELECT 1").await.status, 200);
    served.write(&text);
    served.follows(|| async { served.health().await["warnings"] == serde_json::json!([]) }).await;
}

pub(crate) async fn a_role_that_left_the_policies_sees_nothing(served: &Served) {
    const ASKED: &str = "SELECT name FROM unified.person LIMIT 1";
    let token = served.token("li", &[]).await;
    let signed = served.rest(&served.site.token("police_officer", None));
    assert_eq!(served.rest(&token).sql(ASKED).await.status, 200);
    let shipped = PolicySet::shipped_text();
    let renamed = shipped.replace("police_officer", "traffic_officer");
    fs::write(served.site.folder.join("policies.toml"), renamed).expect("the policies can be written");
    served.follows(|| async { signed.sql(ASKED).await.status != 200 }).await;
    let (found, expected) = (served.rest(&token).sql(ASKED).await, signed.sql(ASKED).await);
    assert_eq!((found.status, code(&found)), (expected.status, code(&expected)));
    let refused = served.site.run(&["token", "create", "--name", "x", "--subject", "li", "--role", "police_officer"]);
    assert!(refused.expect_code(2).stderr.contains("no role `police_officer`"));
    fs::write(served.site.folder.join("policies.toml"), shipped).expect("the policies can be written");
    served.follows(|| async { served.rest(&token).sql(ASKED).await.status == 200 }).await;
}
