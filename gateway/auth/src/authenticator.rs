//! The check itself: token in, principal or refusal out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::crypto::{CryptoProvider, aws_lc};
use moka::future::Cache;
use policies::Principal;
use sha2::{Digest, Sha256};

use crate::key_store::KeyStore;
use crate::token::UnverifiedToken;
use crate::{
    AuthConfig, AuthError, Authorized, Clock, ConfigError, Door, PersonalTokens, ProvenToken, Scope, ScramOffer,
    SystemClock, TokenId, claims,
};

/// Longest token that is looked at, in bytes. An identity service's token has one to three thousand.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Longest time a verified token is remembered.
const VERIFIED_MS_MAX: u64 = 60_000;
/// Most verified tokens that are remembered.
const VERIFIED_MAX: u64 = 10_000;

/// Turns bearer tokens into principals. Cheap to share behind an `Arc`; all methods take `&self`.
pub struct Authenticator {
    config: AuthConfig,
    keys: KeyStore,
    clock: Arc<dyn Clock>,
    /// Key: SHA-256 of the token, so that no token is kept.
    verified: Cache<[u8; 32], Arc<Verified>>,
    personal: ArcSwap<PersonalTokens>,
}

struct Verified {
    principal: Principal,
    /// The keys it was verified with; another generation means verifying again.
    generation: u64,
    verified_ms: u64,
    fresh_until_ms: u64,
}

impl Authenticator {
    /// Checks the configuration and reads the keys, unless they are at an address: those are fetched with the first token.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration is contradictory or the keys in a file or text are not usable.
    pub fn new(config: AuthConfig) -> Result<Self, ConfigError> {
        Self::with_clock(config, Arc::new(SystemClock))
    }

    /// Like [`Authenticator::new`], measuring time with `clock`.
    ///
    /// # Errors
    /// As for [`Authenticator::new`].
    pub fn with_clock(config: AuthConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        install_crypto();
        config.validate()?;
        let keys = KeyStore::open(config.keys.clone(), Arc::clone(&clock))?;
        let verified =
            Cache::builder().max_capacity(VERIFIED_MAX).time_to_live(Duration::from_millis(VERIFIED_MS_MAX)).build();
        Ok(Self { config, keys, clock, verified, personal: ArcSwap::default() })
    }

    /// Makes exactly these the personal tokens that are known, from the next look at a token on.
    pub fn replace_personal_tokens(&self, tokens: PersonalTokens) {
        self.personal.store(Arc::new(tokens));
    }

    /// Says who holds `bearer`, a personal token or one of the identity service, and whether they may do this through this door. A
    /// token of the identity service may do everything through every door.
    ///
    /// # Errors
    /// [`AuthError`], whose client messages are safe to send.
    pub async fn authorize(&self, bearer: &str, door: Door, scope: Scope) -> Result<Authorized, AuthError> {
        if PersonalTokens::is_meant(bearer) {
            return self.personal.load().authorize(bearer, door, scope, self.clock.now_ms());
        }
        let principal = self.authenticate(bearer).await?;
        Ok(Authorized { principal, token_id: None })
    }

    /// The same for a personal token that was proven without being sent.
    ///
    /// # Errors
    /// As for [`Authenticator::authorize`].
    pub fn authorize_proven(&self, token: &ProvenToken, door: Door, scope: Scope) -> Result<Authorized, AuthError> {
        self.personal.load().authorize_proven(token, door, scope, self.clock.now_ms())
    }

    /// What a SCRAM exchange about a personal token is held with, whether there is such a token or not.
    #[must_use]
    pub fn scram_offer(&self, id: TokenId) -> ScramOffer {
        self.personal.load().offer(id)
    }

    /// Says who holds `bearer`, a token of the identity service without `Bearer`.
    ///
    /// About 0.1 ms for a new token, some microseconds for one that was seen in the last minute. May wait up to five
    /// seconds if the keys have to be fetched.
    ///
    /// # Errors
    /// [`AuthError`], whose client messages are safe to send.
    pub async fn authenticate(&self, bearer: &str) -> Result<Principal, AuthError> {
        if bearer.is_empty() {
            return Err(AuthError::Missing);
        }
        if bearer.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::Malformed { reason: "token is longer than 8 KiB" });
        }
        self.keys.freshen().await;

        let digest: [u8; 32] = Sha256::digest(bearer.as_bytes()).into();
        if let Some(principal) = self.remembered(&digest).await? {
            return Ok(principal);
        }

        let token = UnverifiedToken::parse(bearer, &self.config.algorithms)?;
        let generation = self.verify_signature(&token).await?;
        let now_ms = self.clock.now_ms();
        let checked = claims::check(&token.claims()?, &self.config, now_ms)?;

        let fresh_until_ms = checked.expires_ms.min(now_ms.saturating_add(VERIFIED_MS_MAX));
        if fresh_until_ms > now_ms {
            let verified =
                Verified { principal: checked.principal.clone(), generation, verified_ms: now_ms, fresh_until_ms };
            self.verified.insert(digest, Arc::new(verified)).await;
        }
        Ok(checked.principal)
    }

    /// Says whether tokens can be verified now, for a readiness probe. Fetches the keys if there are none yet.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] if they cannot.
    pub async fn ready(&self) -> Result<(), AuthError> {
        self.keys.freshen().await;
        self.keys.current().map(|_| ())
    }

    async fn remembered(&self, digest: &[u8; 32]) -> Result<Option<Principal>, AuthError> {
        let Some(verified) = self.verified.get(digest).await else {
            return Ok(None);
        };
        let now_ms = self.clock.now_ms();
        let fresh = (verified.verified_ms..verified.fresh_until_ms).contains(&now_ms);
        if fresh && verified.generation == self.keys.current()?.generation {
            return Ok(Some(verified.principal.clone()));
        }
        self.verified.invalidate(digest).await;
        Ok(None)
    }

    /// Finds the key, looking for new ones once if it is not there, and checks the signature. Returns the generation of the keys.
    async fn verify_signature(&self, token: &UnverifiedToken<'_>) -> Result<u64, AuthError> {
        let mut loaded = self.keys.current()?;
        if matches!(loaded.keys.candidates(&token.header), Err(AuthError::UnknownKey)) {
            self.keys.look_for_new_keys(loaded.generation).await;
            loaded = self.keys.current()?;
        }
        let mut verdict = Err(AuthError::BadSignature);
        for key in loaded.keys.candidates(&token.header)? {
            verdict = key.verify(token.signed, token.signature);
            if verdict.is_ok() {
                break;
            }
        }
        verdict.map(|()| loaded.generation)
    }
}

impl fmt::Debug for Authenticator {
    /// Whom it trusts, not whom it has seen.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Authenticator")
            .field("issuer", &self.config.issuer)
            .field("audience", &self.config.audience)
            .finish_non_exhaustive()
    }
}

/// The token in an `Authorization` header's value.
///
/// # Errors
/// [`AuthError::Missing`] if there is no header or it is empty; [`AuthError::Malformed`] if it is not of the form
/// `Bearer TOKEN` (RFC 6750 §2.1; the scheme in any case).
pub fn bearer_token(header: Option<&str>) -> Result<&str, AuthError> {
    let header = header.map(str::trim).filter(|text| !text.is_empty()).ok_or(AuthError::Missing)?;
    let malformed = AuthError::Malformed { reason: "not a bearer token" };
    let (scheme, token) = header.split_once(' ').ok_or_else(|| malformed.clone())?;
    let token = token.trim_start();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(char::is_whitespace) {
        return Err(malformed);
    }
    Ok(token)
}

/// Chooses the cryptography of `jsonwebtoken` explicitly: a dependency that switches on its other backend would
/// otherwise make the first verification panic. A choice made earlier in this process stays.
pub(crate) fn install_crypto() {
    let _already_chosen = CryptoProvider::install_default(&aws_lc::DEFAULT_PROVIDER);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_headers() {
        assert_eq!(bearer_token(Some("Bearer abc.d-e_f.g")), Ok("abc.d-e_f.g"));
        assert_eq!(bearer_token(Some("  bEaReR   abc ")), Ok("abc"));
        assert_eq!(bearer_token(None), Err(AuthError::Missing));
        assert_eq!(bearer_token(Some("  ")), Err(AuthError::Missing));
        for header in ["Bearer", "Basic YTpi", "Bearer a b", "abc", "BearerX abc"] {
            assert_eq!(
                bearer_token(Some(header)),
                Err(AuthError::Malformed { reason: "not a bearer token" }),
                "{header}"
            );
        }
    }
}
