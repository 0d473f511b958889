//! Tokens that are none, and exchanges about them.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{Served, flight_rows, id_of, secret_of, user_of};

pub(crate) async fn what_is_not_a_token_is_told_alike(served: &Served) {
    let token = served.token("li", &[]).await;
    let revoked = served.token("li", &[]).await;
    let _said = served.site.run(&["token", "revoke", id_of(&revoked)]).expect_code(0);
    served.follows(|| async { served.code(&revoked).await == "token_revoked" }).await;
    let secret = "A".repeat(43);
    let guesses = [
        ("an unknown id", token.replace(id_of(&token), "00aa00aa00aa")),
        ("a wrong secret", token.replace(secret_of(&token), &secret)),
        ("a wrong secret of a revoked one", revoked.replace(secret_of(&revoked), &secret)),
        ("the secret of another", token.replace(id_of(&token), id_of(&revoked))),
    ];
    let mut told = Vec::new();
    for (what, guess) in &guesses {
        let refused = served.rest(guess).sql("SELECT 1").await;
        let problem = refused.problem();
        assert_eq!((refused.status, &problem["code"]), (401, &"token_unknown".into()), "{what}");
        let by_password = served.pg("whoever", guess).await.expect_err(what);
        let by_proof = served.pg(&user_of(guess), guess).await.expect_err(what);
        let by_flight = flight_rows(&mut served.flight(guess).await, "SELECT 1").await.expect_err(what);
        assert_eq!(by_password.0, "28P01", "{what}");
        let all = (problem["detail"].to_string(), by_password, by_proof, by_flight);
        let shown = format!("{all:?}");
        assert!(!shown.contains(secret_of(guess)) && !shown.contains(id_of(guess)), "{what}: {shown}");
        told.push(all);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
    for malformed in ["dtp_", "dtp_x", "dtp_000000000000", "dtp_000000000000_", "dtp_000000000000_short", "dtp_ _ "] {
        let refused = served.rest(malformed).sql("SELECT 1").await;
        assert_eq!(refused.status, 401, "{malformed}");
        assert_eq!(served.pg("whoever", malformed).await.expect_err(malformed).0, "28P01");
    }
    let longer = format!("{token}A");
    assert_eq!(served.code(&longer).await, "token_malformed");
    assert_eq!(served.rest(&token).sql("SELECT 1").await.status, 200);
}

pub(crate) async fn an_exchange_does_not_tell_which_ids_there_are(served: &Served) {
    let token = served.token("li", &[]).await;
    let (known, again) = (first_message(served, &user_of(&token)), first_message(served, &user_of(&token)));
    let nobody = first_message(served, "dtp_0123456789ab");
    assert_eq!(nobody, first_message(served, "dtp_0123456789ab"), "always the same salt");
    assert_ne!(nobody, first_message(served, "dtp_0123456789ac"));
    assert_eq!(known, again);
    let shape = |(salt, iterations): &(String, String)| (salt.len(), iterations.clone());
    assert_eq!(shape(&nobody), shape(&known));
    for body in [&b""[..], b"\0", b"SCRAM-SHA-256\0\x7f\xff\xff\xff", b"SCRAM-SHA-1\0\0\0\0\x00"] {
        let mut stream = begun(served, &user_of(&token));
        message(&mut stream, body);
        let (kind, text) = answer(&mut stream);
        assert!(kind == b'E' && String::from_utf8_lossy(&text).contains("08P01"), "{kind} {text:?}");
    }
    // A token that is sent where it has to be proven is not taken.
    let mut stream = begun(served, &user_of(&token));
    message(&mut stream, format!("{token}\0").as_bytes());
    assert_eq!(answer(&mut stream).0, b'E');
}

/// Salt and iterations that the server names.
fn first_message(served: &Served, user: &str) -> (String, String) {
    const FIRST: &[u8] = b"n,,n=,r=0123456789";
    let mut stream = begun(served, user);
    let length = u32::try_from(FIRST.len()).unwrap().to_be_bytes();
    message(&mut stream, &[b"SCRAM-SHA-256\0", &length[..], FIRST].concat());
    let (kind, body) = answer(&mut stream);
    assert_eq!((kind, &body[..4]), (b'R', &11_u32.to_be_bytes()[..]));
    let text = String::from_utf8(body[4..].to_vec()).unwrap();
    let mut parts = text.split(',');
    assert!(parts.next().is_some_and(|nonce| nonce.starts_with("r=0123456789") && nonce.len() > 30), "{text}");
    (parts.next().expect("a salt").to_owned(), parts.next().expect("iterations").to_owned())
}

/// A connection that has been offered the exchange.
fn begun(served: &Served, user: &str) -> TcpStream {
    let mut stream = TcpStream::connect((served.pg.0.as_str(), served.pg.1)).unwrap();
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    body.extend(format!("user\0{user}\0\0").bytes());
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], &body].concat()).unwrap();
    let (kind, offered) = answer(&mut stream);
    assert_eq!((kind, &offered[..4]), (b'R', &10_u32.to_be_bytes()[..]));
    assert_eq!(&offered[4..], b"SCRAM-SHA-256\0\0", "without TLS there is no certificate to bind to");
    stream
}

fn message(stream: &mut TcpStream, body: &[u8]) {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[&b"p"[..], &length, body].concat()).unwrap();
}

fn answer(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut body = vec![0; usize::try_from(length).unwrap() - 4];
    stream.read_exact(&mut body).unwrap();
    (head[0], body)
}
