//! Tokens of the gateway's own: for the demo, for `datong token`, and for sites that have no identity service yet.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use policies::Principal;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::authenticator::{TOKEN_BYTES_MAX, install_crypto};
use crate::{ClaimNames, Clock, KeyFileError, SystemClock, key_file};

/// Issues tokens signed with one Ed25519 key.
pub struct TokenIssuer {
    issuer: String,
    audience: String,
    claims: ClaimNames,
    key: EncodingKey,
    pkcs8: Zeroizing<Vec<u8>>,
    public_key: String,
    key_id: String,
    clock: Arc<dyn Clock>,
}

/// Why no token was issued, or no issuer made.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The key could not be generated or is not an Ed25519 key.
    #[error("signing key is not usable")]
    Key,
    /// The key file could not be read or written.
    #[error("key file is not usable")]
    KeyFile {
        /// Why not.
        #[from]
        source: KeyFileError,
    },
    /// The principal has an attribute the configured claims cannot carry.
    #[error("attribute `{attribute}` has no claim")]
    AttributeWithoutClaim {
        /// The name of the attribute.
        attribute: String,
    },
    /// The token would be longer than an authenticator accepts.
    #[error("token would be longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// The signature could not be made.
    #[error("token could not be signed")]
    Signing {
        /// What the library said.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
}

impl TokenIssuer {
    /// An issuer with a new key, which lives in memory until [`TokenIssuer::save`] is called.
    ///
    /// # Errors
    /// [`IssuerError::Key`] if the system has no randomness to give.
    pub fn generate(issuer: impl Into<String>, audience: impl Into<String>) -> Result<Self, IssuerError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| IssuerError::Key)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| IssuerError::Key)?;
        Self::from_pkcs8(Zeroizing::new(pkcs8.as_ref().to_vec()), issuer.into(), audience.into())
    }

    /// An issuer with the key in `path`.
    ///
    /// # Errors
    /// [`IssuerError::KeyFile`] if the file cannot be read, is readable by others than its owner, or is no Ed25519 key.
    pub fn load(path: &Path, issuer: impl Into<String>, audience: impl Into<String>) -> Result<Self, IssuerError> {
        let pkcs8 = key_file::read(path)?;
        Self::from_pkcs8(pkcs8, issuer.into(), audience.into())
            .map_err(|_| IssuerError::KeyFile { source: KeyFileError::NotAKey })
    }

    /// An issuer with the key in `path`, which is made if it does not exist.
    ///
    /// # Errors
    /// As for [`TokenIssuer::load`] and [`TokenIssuer::save`].
    pub fn load_or_create(path: &Path, issuer: &str, audience: &str) -> Result<Self, IssuerError> {
        if !path.exists() {
            let made = Self::generate(issuer, audience)?;
            match made.save(path) {
                Ok(()) => return Ok(made),
                // Another process was faster: its key is the one to use.
                Err(IssuerError::KeyFile { source: KeyFileError::Exists }) => {}
                Err(error) => return Err(error),
            }
        }
        Self::load(path, issuer, audience)
    }

    /// Writes the key to a new file with mode 0600.
    ///
    /// # Errors
    /// [`IssuerError::KeyFile`]; [`KeyFileError::Exists`] inside it if there is a file already.
    pub fn save(&self, path: &Path) -> Result<(), IssuerError> {
        Ok(key_file::write(path, &self.pkcs8)?)
    }

    /// Uses other claim names than the default ones. They must be the authenticator's.
    #[must_use]
    pub fn with_claim_names(mut self, claims: ClaimNames) -> Self {
        self.claims = claims;
        self
    }

    /// Measures time with `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A token that says `principal` for `ttl` from now on (whole seconds).
    ///
    /// # Errors
    /// [`IssuerError::AttributeWithoutClaim`] if an attribute is not among the configured claims,
    /// [`IssuerError::TooLong`] if the token exceeds 8 KiB, [`IssuerError::Signing`] if signing fails.
    pub fn issue(&self, principal: &Principal, ttl: Duration) -> Result<String, IssuerError> {
        let issued_at = self.clock.now_ms() / 1000;
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", json!(self.issuer));
        claim("aud", json!(self.audience));
        claim("sub", json!(principal.subject));
        claim("iat", json!(issued_at));
        claim("nbf", json!(issued_at));
        claim("exp", json!(issued_at.saturating_add(ttl.as_secs())));
        claim("jti", json!(token_id()?));
        claim(&self.claims.role, json!(principal.role));
        if let Some(purpose) = &principal.purpose {
            claim(&self.claims.purpose, json!(purpose));
        }
        for (attribute, values) in &principal.attributes {
            if !self.claims.attributes.contains(attribute) {
                return Err(IssuerError::AttributeWithoutClaim { attribute: attribute.clone() });
            }
            claim(attribute, json!(values));
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        let token =
            jsonwebtoken::encode(&header, &claims, &self.key).map_err(|source| IssuerError::Signing { source })?;
        if token.len() > TOKEN_BYTES_MAX { Err(IssuerError::TooLong) } else { Ok(token) }
    }

    /// Signs a document that is no token: a compact JWS whose `typ` is `kind`. It names no audience and has no end, so that no
    /// authenticator takes it for a token.
    ///
    /// # Errors
    /// [`IssuerError::Signing`] if signing fails.
    pub fn sign_document(&self, kind: &str, document: &Map<String, Value>) -> Result<String, IssuerError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        header.typ = Some(kind.to_owned());
        jsonwebtoken::encode(&header, document, &self.key).map_err(|source| IssuerError::Signing { source })
    }

    /// A document that [`TokenIssuer::sign_document`] has signed with this key as this kind; `None` if it is anything else.
    #[must_use]
    pub fn verify_document(&self, kind: &str, signed: &str) -> Option<Map<String, Value>> {
        let header = jsonwebtoken::decode_header(signed).ok()?;
        if header.typ.as_deref() != Some(kind) {
            return None;
        }
        let key = DecodingKey::from_ed_components(&self.public_key).ok()?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode::<Map<String, Value>>(signed, &key, &validation).ok().map(|read| read.claims)
    }

    /// The public key as a JWK set, for [`KeySource`](crate::KeySource).
    #[must_use]
    pub fn jwks_json(&self) -> String {
        json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "x": self.public_key, "kid": self.key_id, "use": "sig", "alg": "EdDSA",
        }]})
        .to_string()
    }

    /// The `kid` of the key: its JWK thumbprint (RFC 7638).
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>, issuer: String, audience: String) -> Result<Self, IssuerError> {
        install_crypto();
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| IssuerError::Key)?;
        let public_key = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let thumbprint = Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public_key}"}}"#));
        Ok(Self {
            issuer,
            audience,
            claims: ClaimNames::default(),
            key: EncodingKey::from_ed_der(&pkcs8),
            pkcs8,
            public_key,
            key_id: URL_SAFE_NO_PAD.encode(thumbprint),
            clock: Arc::new(SystemClock),
        })
    }
}

impl fmt::Debug for TokenIssuer {
    /// Everything but the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenIssuer")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// 128 random bits, so that two tokens are never equal.
fn token_id() -> Result<String, IssuerError> {
    let mut id = [0_u8; 16];
    rand::fill(&mut id).map_err(|_| IssuerError::Key)?;
    Ok(URL_SAFE_NO_PAD.encode(id))
}
