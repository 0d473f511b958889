//! Algorithms, keys and headers: which token is signed by whom it says.

use crate::forge::{AUDIENCE, ForgedKey, ISSUER, ManualClock, authenticator, base64url, bench, good_claims, key_set};
use auth::{AuthConfig, AuthError, Authenticator, Clock, KeySource, SigningAlgorithm, TOKEN_BYTES_MAX};
use aws_lc_rs::hmac;
use serde_json::json;

#[tokio::test]
async fn every_allowed_algorithm_is_verified() {
    let (ed, ec, rsa, pss) = (ForgedKey::ed("ed"), ForgedKey::ec("ec"), ForgedKey::rsa("rsa"), ForgedKey::rsa("pss"));
    let keys = key_set(&[ed.jwk(), ec.jwk(), rsa.jwk(), pss.jwk_for("PS256")]);
    let authenticator = authenticator(KeySource::Inline(keys), &ManualClock::at_now());
    for (key, algorithm) in [(&ed, "EdDSA"), (&ec, "ES256"), (&rsa, "RS256"), (&pss, "PS256")] {
        let token = key.token(algorithm, &good_claims());
        let principal = authenticator.authenticate(&token).await.unwrap();
        assert_eq!(principal.subject, "worker-7", "{algorithm}");
        // The same key, one flipped bit in the payload: the signature no longer fits.
        let (head, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let other = base64url(crate::forge::claims_with("sub", json!("worker-8")).to_string());
        let forged = format!("{head}.{other}.{signature}");
        assert_eq!(authenticator.authenticate(&forged).await, Err(AuthError::BadSignature), "{algorithm}");
    }
    // A key that is there, but another's signature.
    let impostor = ForgedKey::ed("ed").token("EdDSA", &good_claims());
    assert_eq!(authenticator.authenticate(&impostor).await, Err(AuthError::BadSignature));
    // An RSA key that does not say PS256 is for RS256 only.
    assert_eq!(
        authenticator.authenticate(&rsa.token("PS256", &good_claims())).await,
        Err(AuthError::AlgorithmNotAllowed)
    );
    assert_eq!(
        authenticator.authenticate(&pss.token("RS256", &good_claims())).await,
        Err(AuthError::AlgorithmNotAllowed)
    );
}

#[tokio::test]
async fn none_and_symmetric_algorithms_are_refused() {
    let (key, authenticator) = bench();
    let payload = base64url(good_claims().to_string());
    for algorithm in ["none", "None", "NONE", ""] {
        let header = base64url(json!({"typ": "JWT", "alg": algorithm, "kid": "k1"}).to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::AlgorithmNotAllowed), "{algorithm}");
        }
    }
    // The classic: the public key, which everybody has, as the secret of an HMAC.
    for (algorithm, hash) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        let header = base64url(json!({"typ": "JWT", "alg": algorithm, "kid": "k1"}).to_string());
        let signed = format!("{header}.{payload}");
        for secret in [key.public_bytes(), key_set(&[key.jwk_for("EdDSA")]).into_bytes()] {
            let tag = hmac::sign(&hmac::Key::new(hash, &secret), signed.as_bytes());
            let token = format!("{signed}.{}", base64url(tag));
            assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::AlgorithmNotAllowed), "{algorithm}");
        }
    }
}

#[tokio::test]
async fn the_algorithm_comes_from_the_key() {
    let (rsa, ec, ed) = (ForgedKey::rsa("rsa"), ForgedKey::ec("ec"), ForgedKey::ed("ed"));
    let keys = key_set(&[rsa.jwk_for("RS256"), ec.jwk_for("ES256"), ed.jwk_for("EdDSA")]);
    let authenticator = authenticator(KeySource::Inline(keys), &ManualClock::at_now());
    for (key, kid, algorithm) in [
        (&rsa, "rsa", "ES256"),
        (&ec, "rsa", "ES256"),
        (&ed, "rsa", "EdDSA"),
        (&rsa, "ec", "RS256"),
        (&ed, "ec", "EdDSA"),
        (&ec, "ed", "ES256"),
    ] {
        let header = json!({"typ": "JWT", "alg": algorithm, "kid": kid}).to_string();
        let token = key.sign(&header, &good_claims().to_string());
        assert_eq!(
            authenticator.authenticate(&token).await,
            Err(AuthError::AlgorithmNotAllowed),
            "{kid} as {algorithm}"
        );
    }
}

#[tokio::test]
async fn the_allow_list_of_the_configuration_holds() {
    let (rsa, ed) = (ForgedKey::rsa("rsa"), ForgedKey::ed("ed"));
    let mut config = AuthConfig::new(ISSUER, AUDIENCE, KeySource::Inline(key_set(&[rsa.jwk(), ed.jwk()])));
    config.algorithms = vec![SigningAlgorithm::EdDsa];
    let clock: std::sync::Arc<dyn Clock> = ManualClock::at_now();
    let authenticator = Authenticator::with_clock(config, clock).unwrap();
    assert_eq!(
        authenticator.authenticate(&rsa.token("RS256", &good_claims())).await,
        Err(AuthError::AlgorithmNotAllowed)
    );
    assert!(authenticator.authenticate(&ed.token("EdDSA", &good_claims())).await.is_ok());
}

#[tokio::test]
async fn unusual_headers_are_refused() {
    let (key, authenticator) = bench();
    let claims = good_claims().to_string();
    let extension = AuthError::Malformed { reason: "header asks for an extension" };
    let wrong_type = AuthError::Malformed { reason: "typ is not JWT or at+jwt" };
    let not_json = AuthError::Malformed { reason: "header is not a JSON object" };
    for (header, expected) in [
        (r#"{"typ":"JWT","alg":"EdDSA","kid":"k1","crit":["exp"],"exp":1}"#, extension.clone()),
        (r#"{"typ":"JWT","alg":"EdDSA","kid":"k1","crit":[]}"#, extension.clone()),
        (r#"{"typ":"JWT","alg":"EdDSA","kid":"k1","crit":null}"#, extension.clone()),
        (r#"{"typ":"JWT","alg":"EdDSA","kid":"k1","b64":false}"#, extension.clone()),
        (r#"{"typ":"JWT","alg":"EdDSA","kid":"k1","zip":"DEF"}"#, extension),
        (r#"{"alg":"EdDSA","kid":"k1"}"#, wrong_type.clone()),
        (r#"{"typ":"logout+jwt","alg":"EdDSA","kid":"k1"}"#, wrong_type.clone()),
        (r#"{"typ":"JWE","alg":"EdDSA","kid":"k1"}"#, wrong_type.clone()),
        (r#"{"typ":["JWT"],"alg":"EdDSA","kid":"k1"}"#, wrong_type),
        (r#"{"typ":"JWT","kid":"k1"}"#, AuthError::Malformed { reason: "alg is missing" }),
        (r#"{"typ":"JWT","alg":7,"kid":"k1"}"#, AuthError::Malformed { reason: "alg is missing" }),
        (r#"{"typ":"JWT","alg":"EdDSA","kid":1}"#, AuthError::Malformed { reason: "kid is not a string" }),
        (r#"{"typ":"JWT","alg":"none","alg":"EdDSA","kid":"k1"}"#, not_json.clone()),
        (r#"["JWT"]"#, not_json.clone()),
        ("", not_json),
    ] {
        assert_eq!(authenticator.authenticate(&key.sign(header, &claims)).await, Err(expected), "{header}");
    }
    for header in
        [r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1"}"#, r#"{"typ":"jwt","alg":"EdDSA","kid":"k1","x5t":"AA"}"#]
    {
        assert!(authenticator.authenticate(&key.sign(header, &claims)).await.is_ok(), "{header}");
    }
    // Keys that the token brings along are not looked at: this one carries the forger's own.
    let forger = ForgedKey::ed("k1");
    let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": "k1", "jwk": forger.jwk()}).to_string();
    assert_eq!(authenticator.authenticate(&forger.sign(&header, &claims)).await, Err(AuthError::BadSignature));
}

#[tokio::test]
async fn key_ids() {
    let (one, two) = (ForgedKey::ed("one"), ForgedKey::ed("two"));
    let clock = ManualClock::at_now();
    let single = authenticator(KeySource::Inline(key_set(&[one.jwk()])), &clock);
    let double = authenticator(KeySource::Inline(key_set(&[one.jwk(), two.jwk()])), &clock);
    let without_kid = one.sign(r#"{"typ":"JWT","alg":"EdDSA"}"#, &good_claims().to_string());
    assert!(single.authenticate(&without_kid).await.is_ok());
    assert_eq!(double.authenticate(&without_kid).await, Err(AuthError::UnknownKey));
    assert_eq!(single.authenticate(&two.token("EdDSA", &good_claims())).await, Err(AuthError::UnknownKey));
    assert!(double.authenticate(&two.token("EdDSA", &good_claims())).await.is_ok());
    // Signed by one, under the name of the other.
    let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": "two"}).to_string();
    let token = one.sign(&header, &good_claims().to_string());
    assert_eq!(double.authenticate(&token).await, Err(AuthError::BadSignature));
}

#[tokio::test]
async fn shapes_that_are_no_token() {
    let (key, authenticator) = bench();
    let good = key.token("EdDSA", &good_claims());
    assert_eq!(authenticator.authenticate("").await, Err(AuthError::Missing));
    let parts = AuthError::Malformed { reason: "three parts expected" };
    for text in [".", "a", "a.b", "令牌", &format!("{good}.x"), &format!("{good}.x.y")] {
        assert_eq!(authenticator.authenticate(text).await, Err(parts.clone()), "{text}");
    }
    let header = AuthError::Malformed { reason: "header is not a JSON object" };
    for text in ["..", "a.b.c", "令.牌.子", &format!(" {good}"), &format!("={good}")] {
        assert_eq!(authenticator.authenticate(text).await, Err(header.clone()), "{text}");
    }
    for text in
        [format!("{good}="), format!("{good} "), format!("{good}A"), good.get(..good.len() - 1).unwrap().to_owned()]
    {
        assert_eq!(authenticator.authenticate(&text).await, Err(AuthError::BadSignature), "{text}");
    }
    assert!(authenticator.authenticate(&good).await.is_ok());
}

#[tokio::test]
async fn oversized_tokens_are_refused_before_they_are_read() {
    let (key, authenticator) = bench();
    let padded = |n| key.token("EdDSA", &crate::forge::claims_with("padding", json!("x".repeat(n))));
    let fits = padded(5_000);
    assert!(fits.len() <= TOKEN_BYTES_MAX);
    assert!(authenticator.authenticate(&fits).await.is_ok());
    let too_long = padded(6_500);
    assert!(too_long.len() > TOKEN_BYTES_MAX);
    let expected = AuthError::Malformed { reason: "token is longer than 8 KiB" };
    assert_eq!(authenticator.authenticate(&too_long).await, Err(expected));
}
