//! The outer form of a token: three parts, and a header that asks for nothing unusual. Nothing here is verified yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::strict_json::parse_object;
use crate::{AuthError, SigningAlgorithm};

/// A token whose form and header are acceptable; its signature has not been looked at.
pub(crate) struct UnverifiedToken<'t> {
    /// `header.payload`, the bytes the signature is over.
    pub(crate) signed: &'t str,
    /// The signature, base64url.
    pub(crate) signature: &'t str,
    payload: &'t str,
    /// What the header says.
    pub(crate) header: TokenHeader,
}

/// What of the header is used: the algorithm only to be compared with the key's, the key id only to find the key.
pub(crate) struct TokenHeader {
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) key_id: Option<String>,
}

/// Header members that change what the signature or the payload means. None of them is supported, so none may be there.
const REFUSED_MEMBERS: [&str; 4] = ["crit", "b64", "zip", "enc"];
/// Accepted values of `typ`, in lower case (RFC 7519 §5.1, RFC 9068 §2.1).
const ACCEPTED_TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

impl<'t> UnverifiedToken<'t> {
    pub(crate) fn parse(token: &'t str, allowed: &[SigningAlgorithm]) -> Result<Self, AuthError> {
        let malformed = AuthError::Malformed { reason: "three parts expected" };
        let (signed, signature) = token.rsplit_once('.').ok_or_else(|| malformed.clone())?;
        let (header, payload) = signed.split_once('.').ok_or_else(|| malformed.clone())?;
        if payload.contains('.') {
            return Err(malformed);
        }
        let header = decode_object(header, "header is not a JSON object")?;
        let header = TokenHeader::read(&header, allowed)?;
        Ok(Self { signed, signature, payload, header })
    }

    /// The claims. Call only after the signature has been verified.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>, AuthError> {
        decode_object(self.payload, "payload is not a JSON object")
    }
}

impl TokenHeader {
    fn read(header: &Map<String, Value>, allowed: &[SigningAlgorithm]) -> Result<Self, AuthError> {
        if REFUSED_MEMBERS.iter().any(|member| header.contains_key(*member)) {
            return Err(AuthError::Malformed { reason: "header asks for an extension" });
        }
        let accepted = match header.get("typ") {
            Some(Value::String(typ)) => ACCEPTED_TYPES.contains(&typ.to_ascii_lowercase().as_str()),
            _ => false,
        };
        if !accepted {
            return Err(AuthError::Malformed { reason: "typ is not JWT or at+jwt" });
        }
        let Some(Value::String(name)) = header.get("alg") else {
            return Err(AuthError::Malformed { reason: "alg is missing" });
        };
        let algorithm = SigningAlgorithm::from_name(name)
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or(AuthError::AlgorithmNotAllowed)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(key_id)) => Some(key_id.clone()),
            Some(_) => return Err(AuthError::Malformed { reason: "kid is not a string" }),
        };
        Ok(Self { algorithm, key_id })
    }
}

fn decode_object(part: &str, reason: &'static str) -> Result<Map<String, Value>, AuthError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed { reason })?;
    parse_object(&bytes).ok_or(AuthError::Malformed { reason })
}
