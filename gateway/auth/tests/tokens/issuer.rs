//! Tokens of our own: issued, verified, and their key kept safe.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use crate::forge::{AUDIENCE, ISSUER, ManualClock, authenticator};
use auth::{AuthError, Clock, IssuerError, KeyFileError, KeySource, TokenIssuer};
use policies::Principal;

fn principal() -> Principal {
    Principal {
        subject: "street-analyst-3".to_owned(),
        role: "street_analyst".to_owned(),
        attributes: BTreeMap::from([
            ("street".to_owned(), vec!["S-01".to_owned()]),
            ("grids".to_owned(), vec!["G-001".to_owned(), "G-002".to_owned()]),
        ]),
        purpose: Some("statistics".to_owned()),
    }
}

#[tokio::test]
async fn what_is_issued_is_what_is_read() {
    let clock = ManualClock::at_now();
    let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let issuer = TokenIssuer::generate(ISSUER, AUDIENCE).unwrap().with_clock(as_clock);
    let authenticator = authenticator(KeySource::Inline(issuer.jwks_json()), &clock);
    let token = issuer.issue(&principal(), Duration::from_secs(600)).unwrap();
    assert_eq!(authenticator.authenticate(&token).await, Ok(principal()));
    let mut plain = principal();
    plain.purpose = None;
    plain.attributes.clear();
    let token = issuer.issue(&plain, Duration::from_secs(600)).unwrap();
    assert_eq!(authenticator.authenticate(&token).await, Ok(plain));
    clock.advance_ms(660_000);
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::Expired));
    let stranger = TokenIssuer::generate(ISSUER, AUDIENCE).unwrap();
    let token = stranger.issue(&principal(), Duration::from_secs(600)).unwrap();
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::UnknownKey));
}

#[test]
fn two_tokens_are_never_equal() {
    let issuer = TokenIssuer::generate(ISSUER, AUDIENCE).unwrap();
    let issue = || issuer.issue(&principal(), Duration::from_secs(60)).unwrap();
    assert_ne!(issue(), issue());
}

#[test]
fn what_cannot_be_said_is_not_issued() {
    let issuer = TokenIssuer::generate(ISSUER, AUDIENCE).unwrap();
    let mut odd = principal();
    odd.attributes.insert("iss".to_owned(), vec!["me".to_owned()]);
    let refused = issuer.issue(&odd, Duration::from_secs(60));
    assert!(matches!(refused, Err(IssuerError::AttributeWithoutClaim { attribute }) if attribute == "iss"));
    let mut long = principal();
    long.attributes.insert("grids".to_owned(), (0..2_000).map(|n| format!("G-{n}")).collect());
    assert!(matches!(issuer.issue(&long, Duration::from_secs(60)), Err(IssuerError::TooLong)));
}

#[tokio::test]
async fn the_key_survives_in_a_file_only_its_owner_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.pem");
    let first = TokenIssuer::load_or_create(&path, ISSUER, AUDIENCE).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n") && text.ends_with("-----END PRIVATE KEY-----\n"));
    assert!(text.lines().all(|line| line.len() <= 64));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let again = TokenIssuer::load_or_create(&path, ISSUER, AUDIENCE).unwrap();
    assert_eq!(again.key_id(), first.key_id());
    assert_eq!(again.jwks_json(), first.jwks_json());
    let token = again.issue(&principal(), Duration::from_secs(60)).unwrap();
    let authenticator =
        auth::Authenticator::new(auth::AuthConfig::new(ISSUER, AUDIENCE, KeySource::Inline(first.jwks_json())));
    assert_eq!(authenticator.unwrap().authenticate(&token).await, Ok(principal()));

    // Never over a key that exists.
    let other = TokenIssuer::generate(ISSUER, AUDIENCE).unwrap();
    assert!(matches!(other.save(&path), Err(IssuerError::KeyFile { source: KeyFileError::Exists })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    // Open to others: refused, even though it could be read.
    for mode in [0o640, 0o604, 0o660, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = TokenIssuer::load(&path, ISSUER, AUDIENCE);
        assert!(matches!(loaded, Err(IssuerError::KeyFile { source: KeyFileError::TooOpen })), "{mode:o}");
    }
}

#[test]
fn files_that_are_no_key_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = TokenIssuer::load(&folder.path().join("none.pem"), ISSUER, AUDIENCE);
    assert!(matches!(missing, Err(IssuerError::KeyFile { source: KeyFileError::Io { .. } })));
    let path = folder.path().join("key.pem");
    for text in
        ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----"]
    {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let loaded = TokenIssuer::load(&path, ISSUER, AUDIENCE);
        assert!(matches!(loaded, Err(IssuerError::KeyFile { source: KeyFileError::NotAKey })), "{text}");
    }
}

#[test]
fn debug_shows_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.pem");
    let issuer = TokenIssuer::load_or_create(&path, ISSUER, AUDIENCE).unwrap();
    let pem = std::fs::read_to_string(&path).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    let shown = format!("{issuer:?}");
    assert!(shown.contains(issuer.key_id()) && !shown.contains(secret) && !shown.contains("pkcs8"), "{shown}");
}
