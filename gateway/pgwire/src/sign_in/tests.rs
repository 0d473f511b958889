use std::collections::BTreeMap;
use std::time::Duration;

use auth::{AuthConfig, KeySource, PersonalToken, PersonalTokens, TokenId, TokenIssuer};
use policies::Principal;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use sha2::{Digest, Sha256};

use super::*;

/// An authenticator that knows one token, and the token.
fn known() -> (Authenticator, PersonalToken, String) {
    let issuer = TokenIssuer::generate("issuer", "datong").unwrap();
    let config = AuthConfig::new("issuer", "datong", KeySource::Inline(issuer.jwks_json()));
    let authenticator = Authenticator::new(config).unwrap();
    let principal =
        Principal { subject: "li".to_owned(), role: "auditor".to_owned(), attributes: BTreeMap::new(), purpose: None };
    let now_ms = u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let made = PersonalToken::create(String::new(), principal, now_ms, Duration::from_secs(60));
    let (token, text) = made.unwrap();
    authenticator.replace_personal_tokens(PersonalTokens::new([token.clone()], [3; 32]));
    (authenticator, token, text.to_string())
}

fn initial(mechanism: &str, data: &[u8]) -> BytesMut {
    let length = i32::try_from(data.len()).unwrap().to_be_bytes();
    BytesMut::from(&[mechanism.as_bytes(), b"\0", &length, data].concat()[..])
}

/// Signs in as a client does; the SQLSTATE of a refusal.
fn sign_in(
    exchange: Exchange,
    password: &str,
    (mechanism, binding): (&str, ChannelBinding),
) -> Result<ProvenToken, String> {
    let state = |error: PgWireError| match error {
        PgWireError::UserError(info) if info.is_fatal() => info.code,
        other => panic!("{other:?}"),
    };
    let mut client = ScramSha256::new(password.as_bytes(), binding);
    let (step, exchange) = exchange.advance(initial(mechanism, client.message())).map_err(state)?;
    let Step::Continue(first) = step else { panic!("a proof before any was shown") };
    client.update(&first).unwrap();
    let (step, none) = exchange.unwrap().advance(BytesMut::from(client.message())).map_err(state)?;
    let Step::Proven(token, last) = step else { panic!("a third message") };
    assert!(none.is_none());
    client.finish(&last).expect("the server shows that it knows the token");
    Ok(token)
}

fn exchange(authenticator: &Authenticator, id: &TokenId, server: &ScramServerAuth) -> Exchange {
    Exchange::new(authenticator.scram_offer(id.clone()), server.clone())
}

#[test]
fn who_knows_the_token_is_let_in_and_nobody_else() {
    let (authenticator, token, text) = known();
    let plain = ScramServerAuth::new();
    let with = |id: &TokenId, password: &str| {
        let exchange = exchange(&authenticator, id, &plain);
        assert_eq!(exchange.mechanisms(), ["SCRAM-SHA-256"]);
        sign_in(exchange, password, ("SCRAM-SHA-256", ChannelBinding::unsupported()))
    };
    let proven = with(&token.id, &text).unwrap();
    let authorized = authenticator.authorize_proven(&proven, Door::Pg, Scope::RunSql).unwrap();
    assert_eq!((authorized.principal, authorized.token_id), (token.principal.clone(), Some(token.id.clone())));
    let nobody = TokenId::parse("0123456789ab").unwrap();
    for (id, password) in [(&token.id, "dtp_"), (&token.id, text.get(..59).unwrap()), (&nobody, text.as_str())] {
        assert_eq!(with(id, password).unwrap_err(), "28P01", "{id} {password}");
    }
}

#[test]
fn over_tls_the_proof_is_bound_to_the_certificate() {
    let (authenticator, token, text) = known();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut server = ScramServerAuth::new();
    server.configure_certificate(made.cert.pem().as_bytes()).unwrap();
    let with = |mechanism: &str, binding: ChannelBinding| {
        let exchange = exchange(&authenticator, &token.id, &server);
        assert_eq!(exchange.mechanisms(), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
        sign_in(exchange, &text, (mechanism, binding)).map(drop)
    };
    let end_point = Sha256::digest(made.cert.der()).to_vec();
    let other = Sha256::digest(b"the certificate of somebody in between").to_vec();
    let bound = ChannelBinding::tls_server_end_point;
    assert_eq!(with("SCRAM-SHA-256-PLUS", bound(end_point.clone())), Ok(()));
    assert_eq!(with("SCRAM-SHA-256", ChannelBinding::unsupported()), Ok(()), "a client that cannot");
    let refused = Err("08P01".to_owned());
    assert_eq!(with("SCRAM-SHA-256-PLUS", bound(other)), refused);
    assert_eq!(with("SCRAM-SHA-256", bound(end_point)), refused, "the flag of the other mechanism");
    assert_eq!(with("SCRAM-SHA-256-PLUS", ChannelBinding::unsupported()), refused);
    assert_eq!(with("SCRAM-SHA-256", ChannelBinding::unrequested()), refused, "somebody hid that the server can");
}

#[test]
fn what_is_no_message_of_an_exchange_ends_it() {
    let (authenticator, token, _) = known();
    let plain = ScramServerAuth::new();
    let good = |data: &[u8]| initial("SCRAM-SHA-256", data);
    let mut cut = good(b"n,,n=,r=abc");
    cut.truncate(cut.len() - 1);
    let firsts = [
        BytesMut::new(),
        BytesMut::from(&b"SCRAM-SHA-256"[..]),
        BytesMut::from(&b"SCRAM-SHA-256\0"[..]),
        BytesMut::from(&b"SCRAM-SHA-256\0\0\0\0"[..]),
        BytesMut::from(&b"SCRAM-SHA-256\0\xff\xff\xff\xff"[..]),
        BytesMut::from(&b"SCRAM-SHA-256\0\x7f\xff\xff\xffn,,n=,r=abc"[..]),
        BytesMut::from(&b"\0\0\0\0\0"[..]),
        cut,
        initial("SCRAM-SHA-1", b"n,,n=,r=abc"),
        initial("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=abc"),
        good(b""),
        good(b"n,a=admin,n=,r=abc"),
        good(b"n,,m=x,n=,r=abc"),
        good(b"p=tls-unique,,n=,r=abc"),
        good(b"x,,n=,r=abc"),
        good(b"n,,n=\xff,r=abc"),
    ];
    for (idx, first) in firsts.into_iter().enumerate() {
        let refused = exchange(&authenticator, &token.id, &plain).advance(first);
        assert!(matches!(refused, Err(PgWireError::UserError(info)) if info.code == "08P01"), "first {idx}");
    }
    let finals: [&dyn Fn(&str) -> String; 7] = [
        &|_| String::new(),
        &|nonce| format!("c=biws,r={nonce}"),
        &|nonce| format!("c=biws,r={nonce}x,p=AAAA"),
        &|nonce| format!("c=eSws,r={nonce},p=AAAA"),
        &|nonce| format!("c=biws,r={nonce},p=AAAA"),
        &|nonce| format!("c=biws,r={nonce},p=%%%%"),
        &|_| "c=biws,r=abc,p=AAAA".to_owned(),
    ];
    for (idx, last) in finals.iter().enumerate() {
        let begun = exchange(&authenticator, &token.id, &plain).advance(good(b"n,,n=,r=abc"));
        let Ok((Step::Continue(first), Some(waiting))) = begun else { panic!("no server's first message") };
        let first = String::from_utf8(first.to_vec()).unwrap();
        let nonce = first.split(',').next().unwrap().strip_prefix("r=").unwrap();
        assert!(nonce.starts_with("abc") && nonce.len() > 20, "{nonce}");
        let refused = waiting.advance(BytesMut::from(last(nonce).as_bytes()));
        assert!(matches!(refused, Err(PgWireError::UserError(info)) if info.code == "08P01"), "last {idx}");
    }
}
