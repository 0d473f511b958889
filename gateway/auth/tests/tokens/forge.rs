//! A forger's bench: keys of every kind, and tokens written by hand so that they can be wrong in any way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auth::{AuthConfig, AuthError, Authenticator, Clock, KeySource};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "datong";
/// 2026-01-01T00:00:00Z, the moment at which all tests begin.
pub(crate) const NOW: u64 = 1_767_225_600;

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn at_now() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW * 1000)))
    }

    pub(crate) fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A signing key with the `kid` it is published under.
pub(crate) struct ForgedKey {
    pub(crate) kid: String,
    pair: Pair,
}

enum Pair {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl ForgedKey {
    pub(crate) fn ed(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(crate) fn ec(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub(crate) fn rsa(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    /// The public JWK, without `alg`.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "use": "sig", "x": base64url(pair.public_key())})
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "x": base64url(x), "y": base64url(y)})
            }
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "kid": self.kid, "n": base64url(public.n), "e": base64url(public.e)})
            }
        }
    }

    pub(crate) fn jwk_for(&self, algorithm: &str) -> Value {
        let mut jwk = self.jwk();
        jwk["alg"] = json!(algorithm);
        jwk
    }

    /// The public key as a forger would use it as an HMAC secret.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// Signs header and payload as they are, byte for byte, with this key's real algorithm (RSA: PS256 if the header says so).
    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Pair::Ec(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding =
                    if header.contains("PS256") { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", base64url(signature))
    }

    pub(crate) fn token(&self, algorithm: &str, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": algorithm, "kid": self.kid});
        self.sign(&header.to_string(), &claims.to_string())
    }
}

pub(crate) fn key_set(jwks: &[Value]) -> String {
    json!({ "keys": jwks }).to_string()
}

/// Claims that are right in every way, valid for ten minutes.
pub(crate) fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "worker-7", "iat": NOW, "nbf": NOW, "exp": NOW + 600,
        "role": "grid_worker", "grids": ["G-001", "G-002"], "street": "S-01",
    })
}

/// Good claims with one changed, added, or (with `null`) left out.
pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = good_claims();
    let object = claims.as_object_mut().unwrap();
    object.shift_remove(name);
    if !value.is_null() {
        object.insert(name.to_owned(), value);
    }
    claims
}

pub(crate) fn authenticator(keys: KeySource, clock: &Arc<ManualClock>) -> Authenticator {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    Authenticator::with_clock(AuthConfig::new(ISSUER, AUDIENCE, keys), clock).unwrap()
}

/// A key, and an authenticator that knows it and nothing else.
pub(crate) fn bench() -> (ForgedKey, Authenticator) {
    let key = ForgedKey::ed("k1");
    let keys = KeySource::Inline(key_set(&[key.jwk_for("EdDSA")]));
    (key, authenticator(keys, &ManualClock::at_now()))
}

pub(crate) fn claim_error(claim: &str, reason: &'static str) -> AuthError {
    AuthError::ClaimInvalid { claim: claim.to_owned(), reason }
}
