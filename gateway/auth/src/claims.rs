//! Claims of a verified token: are they still valid, and whom do they name.
//!
//! The library's own validation is not used: it takes an array for `iss`, reads a repeated claim as the last one, and
//! knows only the machine's clock, while the cache has to measure with the same clock as the check.

use std::collections::BTreeMap;

use policies::Principal;
use serde_json::{Map, Value};

use crate::{AuthConfig, AuthError};

/// A checked token: who it is, and until when.
pub(crate) struct CheckedClaims {
    pub(crate) principal: Principal,
    /// `exp`, in milliseconds since 1970; leeway not included.
    pub(crate) expires_ms: u64,
}

/// Longest accepted text in a claim, in characters.
const TEXT_CHARS_MAX: usize = 256;
/// Longest accepted role name.
const ROLE_CHARS_MAX: usize = 64;
/// Last accepted second of `exp` and `nbf`: 9999-12-31T23:59:59Z.
const SECOND_MAX: f64 = 253_402_300_799.0;

type Claims = Map<String, Value>;

/// Checks the registered claims against `config` and reads the principal.
pub(crate) fn check(claims: &Claims, config: &AuthConfig, now_ms: u64) -> Result<CheckedClaims, AuthError> {
    let expires_ms = check_times(claims, config, now_ms)?;
    if required_text(claims, "iss")? != config.issuer {
        return Err(AuthError::WrongIssuer);
    }
    check_audience(claims, &config.audience)?;
    optional_seconds(claims, "iat")?;
    let principal = Principal {
        subject: required_text(claims, "sub")?.to_owned(),
        role: read_role(claims, config)?,
        attributes: read_attributes(claims, config)?,
        purpose: optional_text(claims, &config.claims.purpose)?.map(str::to_owned),
    };
    Ok(CheckedClaims { principal, expires_ms })
}

fn check_times(claims: &Claims, config: &AuthConfig, now_ms: u64) -> Result<u64, AuthError> {
    let leeway_ms = u64::try_from(config.leeway.as_millis()).unwrap_or(0);
    let expires_ms = optional_seconds(claims, "exp")?.ok_or_else(|| invalid("exp", "is missing"))?;
    let not_before_ms = optional_seconds(claims, "nbf")?;
    if expires_ms.saturating_add(leeway_ms) <= now_ms {
        return Err(AuthError::Expired);
    }
    if not_before_ms.is_some_and(|not_before_ms| not_before_ms > now_ms.saturating_add(leeway_ms)) {
        return Err(AuthError::NotYetValid);
    }
    Ok(expires_ms)
}

fn check_audience(claims: &Claims, audience: &str) -> Result<(), AuthError> {
    let named = text_list(claims, "aud")?.ok_or_else(|| invalid("aud", "is missing"))?;
    if named.iter().any(|name| name == audience) { Ok(()) } else { Err(AuthError::WrongAudience) }
}

/// One active role: `role`, or `active_role` out of `roles`. Where a token says it in both ways, they must agree.
fn read_role(claims: &Claims, config: &AuthConfig) -> Result<String, AuthError> {
    let names = &config.claims;
    let role = optional_text(claims, &names.role)?;
    let active = optional_text(claims, &names.active_role)?;
    let held = text_list(claims, &names.roles)?;
    let (chosen, said_in) = match (role, active) {
        (Some(role), None) => (role, &names.role),
        (None, Some(active)) => (active, &names.active_role),
        (Some(role), Some(active)) if role == active => (active, &names.active_role),
        (Some(_), Some(_)) => return Err(invalid(&names.active_role, "contradicts the role claim")),
        (None, None) if held.is_some() => return Err(invalid(&names.active_role, "is missing")),
        (None, None) => return Err(invalid(&names.role, "is missing")),
    };
    match held {
        Some(held) if !held.iter().any(|role| role == chosen) => {
            return Err(invalid(said_in, "is not among the roles that are held"));
        }
        None if active.is_some() => return Err(invalid(&names.roles, "is missing")),
        Some(_) | None => {}
    }
    let well_formed = chosen.chars().count() <= ROLE_CHARS_MAX
        && chosen.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if well_formed { Ok(chosen.to_owned()) } else { Err(invalid(said_in, "is not a role name")) }
}

fn read_attributes(claims: &Claims, config: &AuthConfig) -> Result<BTreeMap<String, Vec<String>>, AuthError> {
    let mut attributes = BTreeMap::new();
    for name in &config.claims.attributes {
        if let Some(values) = text_list(claims, name)? {
            attributes.insert(name.clone(), values);
        }
    }
    Ok(attributes)
}

fn invalid(claim: &str, reason: &'static str) -> AuthError {
    AuthError::ClaimInvalid { claim: claim.to_owned(), reason }
}

/// A string that is not empty, not too long and free of control characters, or nothing if the claim is absent.
/// `null` is a value of the wrong type, not an absence.
fn optional_text<'c>(claims: &'c Claims, name: &str) -> Result<Option<&'c str>, AuthError> {
    claims.get(name).map(|value| text(value, name)).transpose()
}

fn required_text<'c>(claims: &'c Claims, name: &str) -> Result<&'c str, AuthError> {
    optional_text(claims, name)?.ok_or_else(|| invalid(name, "is missing"))
}

/// A string (read as a list of one) or an array of strings.
fn text_list(claims: &Claims, name: &str) -> Result<Option<Vec<String>>, AuthError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Array(items)) => {
            items.iter().map(|item| text(item, name).map(str::to_owned)).collect::<Result<_, _>>().map(Some)
        }
        Some(value) => Ok(Some(vec![text(value, name)?.to_owned()])),
    }
}

fn text<'c>(value: &'c Value, name: &str) -> Result<&'c str, AuthError> {
    let Value::String(text) = value else {
        return Err(invalid(name, "is not a string"));
    };
    if text.trim().is_empty() {
        return Err(invalid(name, "is empty"));
    }
    if text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(invalid(name, "is too long or not printable"));
    }
    Ok(text)
}

/// A NumericDate (RFC 7519 §2) as milliseconds; a fraction of a second is allowed there.
fn optional_seconds(claims: &Claims, name: &str) -> Result<Option<u64>, AuthError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = match value {
        Value::Number(number) => number.as_f64(),
        _ => None,
    };
    match seconds {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the guard keeps the value between 0 and 2.6e14"
        )]
        Some(seconds) if (0.0..=SECOND_MAX).contains(&seconds) => Ok(Some((seconds * 1000.0) as u64)),
        _ => Err(invalid(name, "is not a time")),
    }
}
