//! Through every door, as the same principal, and recorded.

use super::{FlightSqlServiceClient, Served, code, flight_rows, id_of, secret_of, user_of};

const COUNT: &str = "SELECT count(*) AS n FROM unified.person WHERE sex = '2'";

pub(crate) async fn a_token_opens_every_door(served: &Served) {
    let signed = served.rest(&served.site.token("police_officer", None));
    let expected = signed.rows(COUNT).await[0]["n"].as_str().expect("a count").to_owned();
    assert_ne!(expected, "0");
    let token = served.token("li", &["--scope", "sql:run", "--scope", "data:read"]).await;
    let rest = served.rest(&token);
    assert_eq!(rest.rows(COUNT).await[0]["n"], expected.as_str());
    assert_eq!(rest.get("/api/v1/persons?limit=3").await.json(), signed.get("/api/v1/persons?limit=3").await.json());

    let by_password = served.pg("whoever", &token).await.expect("the token is a password");
    assert_eq!(by_password.ask(COUNT).await.as_deref(), Ok(expected.as_str()));
    let by_proof = served.pg(&user_of(&token), &token).await.expect("the token is proven");
    assert_eq!(by_proof.ask(COUNT).await.as_deref(), Ok(expected.as_str()));
    assert_eq!(by_proof.ask("SELECT session_user").await.as_deref(), Ok("li"));

    let mut flight = served.flight(&token).await;
    assert_eq!(flight_rows(&mut flight, COUNT).await.expect("rows")[0].num_rows(), 1);
    let mut by_handshake = FlightSqlServiceClient::new(served.channel().await);
    by_handshake.handshake("whoever", &token).await.expect("the token is a password");
    assert_eq!(flight_rows(&mut by_handshake, COUNT).await.expect("rows")[0].num_rows(), 1);
}

pub(crate) async fn what_is_asked_is_recorded_under_the_token_and_no_secret_is_kept(served: &Served) {
    const ASKED: &str = "SELECT count(*) AS recorded_here FROM unified.person";
    let token = served.token("wang", &[]).await;
    served.rest(&token).rows(ASKED).await;
    served.pg(&user_of(&token), &token).await.expect("a connection").ask(ASKED).await.expect("an answer");
    flight_rows(&mut served.flight(&token).await, ASKED).await.expect("an answer");
    served.rest(&served.site.token("police_officer", None)).rows(ASKED).await;

    let log = served.log();
    let asked = |id: Option<&str>| {
        let mut doors: Vec<String> = log
            .iter()
            .map(|stored| &stored.event)
            .filter(|event| {
                event.sql.as_ref().is_some_and(|sql| sql.reveal() == ASKED) && event.kind == audit::EventKind::Query
            })
            .filter(|event| event.token_id.as_deref() == id)
            .map(|event| format!("{:?} {}", event.protocol, event.subject.clone().unwrap_or_default()))
            .collect();
        doors.sort();
        doors.dedup();
        doors
    };
    assert_eq!(asked(Some(id_of(&token))), ["Flight wang", "Pg wang", "Rest wang"]);
    assert_eq!(asked(None), ["Rest li"]);
    for kept in [served.text(), format!("{log:?}"), served.server.output()] {
        assert!(!kept.contains(secret_of(&token)), "a secret is kept");
    }
    let said =
        log.iter().filter_map(|stored| stored.event.sql.as_ref()).any(|sql| sql.reveal().contains(secret_of(&token)));
    assert!(!said, "a secret is in the access log");
    assert_eq!(code(&served.rest(&token).get("/api/v1/grids?limit=1").await), "");
}
