//! Claims of well-signed tokens: times, names, role, attributes, purpose.

use crate::forge::{
    AUDIENCE, ForgedKey, ISSUER, ManualClock, NOW, bench, claim_error, claims_with, good_claims, key_set,
};
use auth::{AuthConfig, AuthError, Authenticator, ClaimNames, Clock, KeySource};
use policies::Principal;
use serde_json::{Value, json};

async fn check(claims: &Value) -> Result<Principal, AuthError> {
    let (key, authenticator) = bench();
    authenticator.authenticate(&key.token("EdDSA", claims)).await
}

/// Checks a payload written by hand.
async fn check_text(payload: &str) -> Result<Principal, AuthError> {
    let (key, authenticator) = bench();
    authenticator.authenticate(&key.sign(r#"{"typ":"JWT","alg":"EdDSA","kid":"k1"}"#, payload)).await
}

#[tokio::test]
async fn a_good_token_becomes_a_principal() {
    let principal = check(&claims_with("purpose", json!("grid_inspection"))).await.unwrap();
    assert_eq!(principal.subject, "worker-7");
    assert_eq!(principal.role, "grid_worker");
    assert_eq!(principal.purpose.as_deref(), Some("grid_inspection"));
    let attributes: Vec<(&str, &[String])> =
        principal.attributes.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
    assert_eq!(
        attributes,
        [("grids", ["G-001".to_owned(), "G-002".to_owned()].as_slice()), ("street", ["S-01".to_owned()].as_slice())]
    );
}

#[tokio::test]
async fn each_required_claim_is_required() {
    for claim in ["exp", "iss", "aud", "sub", "role"] {
        assert_eq!(check(&claims_with(claim, Value::Null)).await, Err(claim_error(claim, "is missing")), "{claim}");
    }
    for claim in ["nbf", "iat", "grids", "street"] {
        assert!(check(&claims_with(claim, Value::Null)).await.is_ok(), "{claim}");
    }
}

#[tokio::test]
async fn times_are_checked_with_a_minute_of_leeway() {
    for (claim, value, expected) in [
        ("exp", json!(NOW - 59), Ok(())),
        ("exp", json!(NOW - 60), Err(AuthError::Expired)),
        ("exp", json!(NOW - 3600), Err(AuthError::Expired)),
        ("exp", json!(0), Err(AuthError::Expired)),
        ("exp", json!(NOW as f64 + 0.5), Ok(())),
        ("nbf", json!(NOW + 60), Ok(())),
        ("nbf", json!(NOW + 61), Err(AuthError::NotYetValid)),
        ("nbf", json!(253_402_300_799_u64), Err(AuthError::NotYetValid)),
        ("exp", json!((NOW + 600).to_string()), Err(claim_error("exp", "is not a time"))),
        ("exp", json!(-1), Err(claim_error("exp", "is not a time"))),
        ("exp", json!(1e300), Err(claim_error("exp", "is not a time"))),
        ("exp", json!(u64::MAX), Err(claim_error("exp", "is not a time"))),
        ("exp", json!([NOW + 600]), Err(claim_error("exp", "is not a time"))),
        ("exp", json!(true), Err(claim_error("exp", "is not a time"))),
        ("nbf", json!("soon"), Err(claim_error("nbf", "is not a time"))),
        ("iat", json!({}), Err(claim_error("iat", "is not a time"))),
    ] {
        assert_eq!(check(&claims_with(claim, value.clone())).await.map(|_| ()), expected, "{claim} = {value}");
    }
    let null = good_claims().to_string().replace(&format!("\"nbf\":{NOW}"), "\"nbf\":null");
    assert_eq!(check_text(&null).await, Err(claim_error("nbf", "is not a time")));
}

#[tokio::test]
async fn issuer_and_audience_must_be_ours() {
    for (claim, value, expected) in [
        ("iss", json!("https://id.example/"), Err(AuthError::WrongIssuer)),
        ("iss", json!("https://evil.example"), Err(AuthError::WrongIssuer)),
        ("iss", json!([ISSUER]), Err(claim_error("iss", "is not a string"))),
        ("aud", json!("another"), Err(AuthError::WrongAudience)),
        ("aud", json!("datong2"), Err(AuthError::WrongAudience)),
        ("aud", json!([]), Err(AuthError::WrongAudience)),
        ("aud", json!(["another", "third"]), Err(AuthError::WrongAudience)),
        ("aud", json!(["another", AUDIENCE]), Ok(())),
        ("aud", json!([AUDIENCE, 1]), Err(claim_error("aud", "is not a string"))),
        ("aud", json!({"datong": true}), Err(claim_error("aud", "is not a string"))),
        ("sub", json!(""), Err(claim_error("sub", "is empty"))),
        ("sub", json!(7), Err(claim_error("sub", "is not a string"))),
        ("sub", json!("a\nb"), Err(claim_error("sub", "is too long or not printable"))),
        ("sub", json!("a".repeat(257)), Err(claim_error("sub", "is too long or not printable"))),
    ] {
        assert_eq!(check(&claims_with(claim, value.clone())).await.map(|_| ()), expected, "{claim} = {value}");
    }
}

#[tokio::test]
async fn one_role_is_active_and_it_is_never_guessed() {
    let check_role = |changes: Value| async move {
        let mut claims = claims_with("role", Value::Null);
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        check(&claims).await.map(|principal| principal.role)
    };
    let ok = |role: &str| Ok(role.to_owned());
    let bad = |claim: &str, reason| Err(claim_error(claim, reason));
    for (changes, expected) in [
        (json!({"roles": ["auditor", "operator"], "active_role": "auditor"}), ok("auditor")),
        (json!({"roles": "auditor", "active_role": "auditor"}), ok("auditor")),
        (json!({"role": "auditor", "roles": ["auditor"], "active_role": "auditor"}), ok("auditor")),
        (json!({"role": "auditor", "roles": ["operator", "auditor"]}), ok("auditor")),
        (json!({"roles": ["auditor"]}), bad("active_role", "is missing")),
        (
            json!({"roles": ["auditor"], "active_role": "operator"}),
            bad("active_role", "is not among the roles that are held"),
        ),
        (json!({"role": "operator", "roles": ["auditor"]}), bad("role", "is not among the roles that are held")),
        (json!({"role": "operator", "roles": []}), bad("role", "is not among the roles that are held")),
        (json!({"active_role": "auditor"}), bad("roles", "is missing")),
        (
            json!({"role": "operator", "roles": ["auditor", "operator"], "active_role": "auditor"}),
            bad("active_role", "contradicts the role claim"),
        ),
        (json!({"role": ["auditor"]}), bad("role", "is not a string")),
        (json!({"role": null}), bad("role", "is not a string")),
        (json!({"role": ""}), bad("role", "is empty")),
        (json!({"role": "auditor operator"}), bad("role", "is not a role name")),
        (json!({"role": "审计员"}), bad("role", "is not a role name")),
        (json!({"role": "a".repeat(65)}), bad("role", "is not a role name")),
        (json!({"roles": [1], "active_role": "auditor"}), bad("roles", "is not a string")),
        (json!({"roles": ["auditor"], "active_role": ["auditor"]}), bad("active_role", "is not a string")),
    ] {
        assert_eq!(check_role(changes.clone()).await, expected, "{changes}");
    }
}

#[tokio::test]
async fn attributes_of_the_wrong_type_are_refused_not_dropped() {
    for (value, expected) in [
        (json!("G-001"), Ok(vec!["G-001".to_owned()])),
        (json!([]), Ok(vec![])),
        (json!(["G-001", 2]), Err(claim_error("grids", "is not a string"))),
        (json!(["G-001", null]), Err(claim_error("grids", "is not a string"))),
        (json!([["G-001"]]), Err(claim_error("grids", "is not a string"))),
        (json!(["G-001", ""]), Err(claim_error("grids", "is empty"))),
        (json!(1), Err(claim_error("grids", "is not a string"))),
        (json!({"all": true}), Err(claim_error("grids", "is not a string"))),
        (json!(true), Err(claim_error("grids", "is not a string"))),
    ] {
        let found =
            check(&claims_with("grids", value.clone())).await.map(|principal| principal.attributes["grids"].clone());
        assert_eq!(found, expected, "{value}");
    }
    let null = good_claims().to_string().replace(r#""street":"S-01""#, r#""street":null"#);
    assert_eq!(check_text(&null).await, Err(claim_error("street", "is not a string")));
    // A claim nobody asked for is no attribute.
    let principal = check(&claims_with("clearance", json!("all"))).await.unwrap();
    assert_eq!(principal.attributes.keys().collect::<Vec<_>>(), ["grids", "street"]);
}

#[tokio::test]
async fn an_ambiguous_purpose_is_refused_not_downgraded() {
    for value in [json!(["a"]), json!(["a", "b"]), json!(1), json!({})] {
        let found = check(&claims_with("purpose", value.clone())).await;
        assert_eq!(found, Err(claim_error("purpose", "is not a string")), "{value}");
    }
    assert_eq!(check(&claims_with("purpose", json!(" "))).await, Err(claim_error("purpose", "is empty")));
    let good = good_claims().to_string();
    let body = good.strip_suffix('}').unwrap();
    assert!(check_text(&format!(r#"{body},"purpose":"a"}}"#)).await.is_ok());
    let twice = AuthError::Malformed { reason: "payload is not a JSON object" };
    assert_eq!(check_text(&format!(r#"{body},"purpose":"a","purpose":"b"}}"#)).await, Err(twice.clone()));
    assert_eq!(check_text(&format!(r#"{body},"purpose":"a","purpose":"a"}}"#)).await, Err(twice));
}

#[tokio::test]
async fn repeated_names_and_other_payloads_that_are_no_claims() {
    let malformed = AuthError::Malformed { reason: "payload is not a JSON object" };
    let good = good_claims().to_string();
    let body = good.strip_suffix('}').unwrap();
    for payload in [
        format!(r#"{body},"role":"operator"}}"#),
        format!(r#"{body},"sub":"worker-7"}}"#),
        format!(r#"{body},"\u0072ole":"operator"}}"#),
        format!(r#"{body},"extra":{{"a":1,"a":2}}}}"#),
        body.to_owned(),
        format!("[{good}]"),
        format!("{good}{good}"),
        "null".to_owned(),
        String::new(),
    ] {
        assert_eq!(check_text(&payload).await, Err(malformed.clone()), "{payload}");
    }
}

#[tokio::test]
async fn claim_names_are_configurable() {
    let key = ForgedKey::ed("k1");
    let mut config = AuthConfig::new(ISSUER, AUDIENCE, KeySource::Inline(key_set(&[key.jwk()])));
    config.claims = ClaimNames {
        role: "datong_role".to_owned(),
        purpose: "use".to_owned(),
        attributes: vec!["zones".to_owned()],
        ..ClaimNames::default()
    };
    let clock: std::sync::Arc<dyn Clock> = ManualClock::at_now();
    let authenticator = Authenticator::with_clock(config, clock).unwrap();
    let mut claims = good_claims();
    claims["datong_role"] = json!("auditor");
    claims["use"] = json!("audit");
    claims["zones"] = json!("Z");
    let principal = authenticator.authenticate(&key.token("EdDSA", &claims)).await.unwrap();
    assert_eq!((principal.role.as_str(), principal.purpose.as_deref()), ("auditor", Some("audit")));
    assert_eq!(principal.attributes.keys().collect::<Vec<_>>(), ["zones"]);
}

#[tokio::test]
async fn no_refusal_repeats_what_the_token_says() {
    let (key, authenticator) = bench();
    let secret = "SENTINEL-7731";
    let mut claims = good_claims();
    for name in ["iss", "aud", "sub", "role", "purpose", "grids"] {
        let mut wrong = claims.clone();
        wrong[name] = json!({ "name": secret });
        let error = authenticator.authenticate(&key.token("EdDSA", &wrong)).await.unwrap_err();
        let texts = format!("{error} {error:?} {} {}", error.client_message_en(), error.client_message_zh());
        assert!(!texts.contains(secret), "{texts}");
    }
    claims["sub"] = json!(secret);
    claims["grids"] = json!([secret]);
    authenticator.authenticate(&key.token("EdDSA", &claims)).await.unwrap();
    assert!(!format!("{authenticator:?}").contains(secret));
}
