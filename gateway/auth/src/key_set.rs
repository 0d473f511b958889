//! A JWK set (RFC 7517), read once, with the algorithm of each key fixed at that moment.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey};
use serde_json::Value;

use crate::strict_json::parse_object;
use crate::token::TokenHeader;
use crate::{AuthError, SigningAlgorithm};

/// The keys that signatures are checked with.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<VerifyingKey>,
}

/// One public key, with the one algorithm it is for.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    id: Option<String>,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

/// Most keys in a set; an identity service has two or three.
const KEYS_MAX: usize = 64;
/// RSA modulus in bytes, 2048 to 8192 bits: what the verifier accepts anyway, said at reading time.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Why a JWK set was not taken. The set in force before stays in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JSON object with an array `keys`, or a name is given twice.
    #[error("not a JWK set")]
    NotAKeySet,
    /// More than 64 keys.
    #[error("more keys than the limit of 64")]
    TooManyKeys,
    /// The set holds a private key: whoever can read it can sign.
    #[error("the set contains a private key")]
    PrivateKey,
    /// Two keys of different kind share a `kid`.
    #[error("keys of different kind share a kid")]
    MixedFamilies,
    /// No key in the set is usable here.
    #[error("no usable key")]
    NoUsableKey,
}

impl KeySet {
    /// Reads a set. Keys for encryption, of unknown kind, or too short are left out; a set without any usable key is an error.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let set = parse_object(json).ok_or(KeySetError::NotAKeySet)?;
        let Some(Value::Array(entries)) = set.get("keys") else {
            return Err(KeySetError::NotAKeySet);
        };
        if entries.len() > KEYS_MAX {
            return Err(KeySetError::TooManyKeys);
        }
        // A symmetric key (`k`) is not an error but never usable; a private part (`d`) means the set was published by mistake.
        if entries.iter().any(|entry| entry.get("d").is_some()) {
            return Err(KeySetError::PrivateKey);
        }
        let keys: Vec<VerifyingKey> = entries.iter().filter_map(VerifyingKey::read).collect();
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey);
        }
        check_one_family_per_id(&keys)?;
        Ok(Self { keys })
    }

    /// The keys that may have signed a token with this header.
    ///
    /// # Errors
    /// [`AuthError::UnknownKey`] if no key has the `kid`, or there is none and the set has several keys;
    /// [`AuthError::AlgorithmNotAllowed`] if the key is there but for another algorithm.
    pub(crate) fn candidates(&self, header: &TokenHeader) -> Result<Vec<&VerifyingKey>, AuthError> {
        let named: Vec<&VerifyingKey> = match &header.key_id {
            Some(id) => self.keys.iter().filter(|key| key.id.as_ref() == Some(id)).collect(),
            None if self.keys.len() == 1 => self.keys.iter().collect(),
            None => Vec::new(),
        };
        if named.is_empty() {
            return Err(AuthError::UnknownKey);
        }
        let fitting: Vec<_> = named.into_iter().filter(|key| key.algorithm == header.algorithm).collect();
        if fitting.is_empty() { Err(AuthError::AlgorithmNotAllowed) } else { Ok(fitting) }
    }
}

impl VerifyingKey {
    fn read(entry: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(entry.clone()).ok()?;
        let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature))
            && jwk.common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !for_signatures {
            return None;
        }
        let algorithm = algorithm_of(&jwk)?;
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }

    /// True if `signature` (base64url) is this key's over `signed`.
    ///
    /// # Errors
    /// [`AuthError::BadSignature`] if it is not, or is not base64url.
    pub(crate) fn verify(&self, signed: &str, signature: &str) -> Result<(), AuthError> {
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, self.algorithm.library()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(AuthError::BadSignature),
        }
    }

    fn family(&self) -> AlgorithmFamily {
        self.key.family()
    }
}

/// The algorithm a key is for: what it says itself, provided that fits its kind; without a word RS256 for RSA
/// (PS256 has to be said), ES256 for P-256 and EdDSA for Ed25519.
fn algorithm_of(jwk: &Jwk) -> Option<SigningAlgorithm> {
    let (default, possible): (_, &[SigningAlgorithm]) = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
            RSA_MODULUS_BYTES.contains(&modulus.len()).then_some(())?;
            (SigningAlgorithm::Rs256, &[SigningAlgorithm::Rs256, SigningAlgorithm::Ps256])
        }
        AlgorithmParameters::EllipticCurve(ec) => {
            (ec.curve == EllipticCurve::P256 && is_32_bytes(&ec.x) && is_32_bytes(&ec.y)).then_some(())?;
            (SigningAlgorithm::Es256, &[SigningAlgorithm::Es256])
        }
        AlgorithmParameters::OctetKeyPair(okp) => {
            (okp.curve == EllipticCurve::Ed25519 && is_32_bytes(&okp.x)).then_some(())?;
            (SigningAlgorithm::EdDsa, &[SigningAlgorithm::EdDsa])
        }
        // Symmetric keys, and kinds that are not known: never usable here.
        _ => return None,
    };
    let said = match jwk.common.key_algorithm {
        None => return Some(default),
        Some(KeyAlgorithm::EdDSA) => SigningAlgorithm::EdDsa,
        Some(KeyAlgorithm::ES256) => SigningAlgorithm::Es256,
        Some(KeyAlgorithm::RS256) => SigningAlgorithm::Rs256,
        Some(KeyAlgorithm::PS256) => SigningAlgorithm::Ps256,
        Some(_) => return None,
    };
    possible.contains(&said).then_some(said)
}

fn is_32_bytes(base64url: &str) -> bool {
    URL_SAFE_NO_PAD.decode(base64url).is_ok_and(|bytes| bytes.len() == 32)
}

fn check_one_family_per_id(keys: &[VerifyingKey]) -> Result<(), KeySetError> {
    let mut families: BTreeMap<&str, AlgorithmFamily> = BTreeMap::new();
    for key in keys {
        let Some(id) = key.id.as_deref() else { continue };
        if *families.entry(id).or_insert_with(|| key.family()) != key.family() {
            return Err(KeySetError::MixedFamilies);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Ed25519 key of RFC 8037 appendix A.2.
    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a""#;
    /// The P-256 key of RFC 7517 appendix A.1.
    const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"a""#;

    fn parse(entries: &[String]) -> Result<usize, KeySetError> {
        KeySet::parse(format!(r#"{{"keys":[{}]}}"#, entries.join(",")).as_bytes()).map(|set| set.keys.len())
    }

    #[test]
    fn keys_that_cannot_verify_here_are_left_out() {
        let good = format!("{ED}}}");
        for other in [
            r#"{"kty":"oct","k":"c2VjcmV0","kid":"a"}"#.to_owned(),
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"}"#.to_owned(),
            r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#.to_owned(),
            r#"{"kty":"future"}"#.to_owned(),
            "7".to_owned(),
            format!(r#"{ED},"use":"enc"}}"#),
            format!(r#"{ED},"key_ops":["sign"]}}"#),
            format!(r#"{ED},"alg":"RS256"}}"#),
            format!(r#"{ED},"alg":"HS256"}}"#),
            format!(r#"{ED},"alg":"ES999"}}"#),
            format!(r#"{EC},"alg":"EdDSA"}}"#),
        ] {
            assert_eq!(parse(std::slice::from_ref(&other)), Err(KeySetError::NoUsableKey), "{other}");
            assert_eq!(parse(&[good.clone(), other.clone()]), Ok(1), "{other}");
        }
    }

    #[test]
    fn a_set_that_is_dangerous_or_ambiguous_is_refused_whole() {
        assert_eq!(parse(&[format!("{ED}}}"), format!("{EC}}}")]), Err(KeySetError::MixedFamilies));
        assert_eq!(
            parse(&[format!(r#"{ED},"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}}"#)]),
            Err(KeySetError::PrivateKey)
        );
        assert_eq!(parse(&[format!(r#"{ED},"kid":"b"}}"#)]), Err(KeySetError::NotAKeySet));
        assert_eq!(parse(&vec![format!("{ED}}}"); 65]), Err(KeySetError::TooManyKeys));
        assert_eq!(KeySet::parse(b"{}").err(), Some(KeySetError::NotAKeySet));
        assert_eq!(KeySet::parse(b"<html>").err(), Some(KeySetError::NotAKeySet));
    }
}
