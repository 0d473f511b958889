//! Personal access tokens: `dtp_ID_SECRET`, made by the site for one principal, known here by hashes of the secret alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use aws_lc_rs::{constant_time, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::Principal;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::scram::{SALT_BYTES, ScramVerifier};
use crate::{AuthError, Door, Scope};

/// Begins every personal token, and the user name under which one signs in to pg wire without sending it.
pub(crate) const PREFIX: &str = "dtp_";
/// Hex digits of an id.
const ID_DIGITS: usize = 12;
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Names a token; no secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(String);

impl TokenId {
    /// Reads an id: twelve lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == ID_DIGITS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The id in a user name `dtp_ID`.
    #[must_use]
    pub fn of_user(user: &str) -> Option<Self> {
        user.strip_prefix(PREFIX).and_then(Self::parse)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It lets in.
    Valid,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// What is kept of a token: whom it names, what it may do, and hashes of its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalToken {
    /// Names it.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Whom it names.
    pub principal: Principal,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Where it may come in.
    pub doors: BTreeSet<Door>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970; from then on it lets nobody in.
    pub expires_ms: u64,
    /// Milliseconds since 1970, if it was revoked.
    pub revoked_ms: Option<u64>,
    /// SHA-256 of the secret. The secret is 256 random bits, so that no slow hash is called for.
    pub sha256: [u8; 32],
    /// For a sign-in that does not send the token. The password is the whole token.
    pub scram: ScramVerifier,
}

/// The system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random bytes")]
pub struct NoRandomness;

impl PersonalToken {
    /// Makes a token for everything; the caller narrows `scopes` and `doors`. Gives the token's text too, which is kept nowhere.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn create(
        name: String,
        principal: Principal,
        now_ms: u64,
        life: Duration,
    ) -> Result<(Self, Zeroizing<String>), NoRandomness> {
        let (mut id, mut salt) = ([0_u8; ID_DIGITS / 2], vec![0_u8; SALT_BYTES]);
        let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
        for bytes in [&mut id[..], &mut salt[..], secret.as_mut()] {
            rand::fill(bytes).map_err(|_| NoRandomness)?;
        }
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
        let text = Zeroizing::new(format!("{PREFIX}{id}_{}", secret.as_str()));
        let life_ms = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let token = Self {
            id: TokenId(id),
            name,
            principal,
            scopes: Scope::GRANTABLE.into(),
            doors: Door::ALL.into(),
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(life_ms),
            revoked_ms: None,
            sha256: Sha256::digest(secret.as_bytes()).into(),
            scram: ScramVerifier::derive(&text, salt),
        };
        Ok((token, text))
    }

    /// How it stands at a time. A revoked token stays revoked.
    #[must_use]
    pub fn state(&self, now_ms: u64) -> TokenState {
        if self.revoked_ms.is_some() {
            TokenState::Revoked
        } else if self.expires_ms <= now_ms {
            TokenState::Expired
        } else {
            TokenState::Valid
        }
    }

    /// Whether it lets in through this door, to do this. Only for whoever has shown to know its secret.
    fn admit(&self, door: Door, scope: Scope, now_ms: u64) -> Result<Authorized, AuthError> {
        // As if there were no such token: which doors one has is told to its owner, not to whoever tries it elsewhere.
        if !self.doors.contains(&door) {
            return Err(AuthError::UnknownToken);
        }
        match self.state(now_ms) {
            TokenState::Revoked => return Err(AuthError::Revoked),
            TokenState::Expired => return Err(AuthError::Expired),
            TokenState::Valid => {}
        }
        if !self.scopes.contains(&scope) || !Scope::GRANTABLE.contains(&scope) {
            return Err(AuthError::ScopeMissing { scope: scope.name() });
        }
        Ok(Authorized { principal: self.principal.clone(), token_id: Some(self.id.clone()) })
    }
}

impl fmt::Debug for PersonalToken {
    /// Whose it is, and no hash.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PersonalToken")
            .field("id", &self.id.as_str())
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// A caller who may do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// Who it is.
    pub principal: Principal,
    /// The personal token it was shown with; none with a token of the identity service.
    pub token_id: Option<TokenId>,
}

/// What a SCRAM exchange about one token is held with. Whether there is such a token, it does not tell.
#[derive(Debug, Clone)]
pub struct ScramOffer {
    id: TokenId,
    verifier: ScramVerifier,
}

impl ScramOffer {
    /// What the proof is checked against.
    #[must_use]
    pub fn verifier(&self) -> &ScramVerifier {
        &self.verifier
    }

    /// A sign-in, once the proof has been checked.
    #[must_use]
    pub fn proven(self) -> ProvenToken {
        ProvenToken(self)
    }
}

/// A token that somebody has shown to know without sending it.
#[derive(Debug, Clone)]
pub struct ProvenToken(ScramOffer);

/// The tokens of a site.
#[derive(Default)]
pub struct PersonalTokens {
    by_id: BTreeMap<TokenId, PersonalToken>,
    salt_key: [u8; 32],
}

impl PersonalTokens {
    /// `salt_key`: 32 secret bytes of the site, which give ids that no token has a salt of their own.
    #[must_use]
    pub fn new(tokens: impl IntoIterator<Item = PersonalToken>, salt_key: [u8; 32]) -> Self {
        Self { by_id: tokens.into_iter().map(|token| (token.id.clone(), token)).collect(), salt_key }
    }

    /// Whether this is meant for a personal token. No token of an identity service begins so: those begin with a JSON object.
    pub(crate) fn is_meant(bearer: &str) -> bool {
        bearer.starts_with(PREFIX)
    }

    /// Says who holds a token, if it may do this.
    pub(crate) fn authorize(
        &self,
        bearer: &str,
        door: Door,
        scope: Scope,
        now_ms: u64,
    ) -> Result<Authorized, AuthError> {
        let (id, secret) = split(bearer).ok_or(AuthError::Malformed { reason: "not of the form dtp_ID_SECRET" })?;
        let shown: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let token = self.by_id.get(&id);
        let expected = token.map_or([0; 32], |token| token.sha256);
        let is_known = constant_time::verify_slices_are_equal(&shown, &expected).is_ok();
        match token {
            Some(token) if is_known => token.admit(door, scope, now_ms),
            _ => Err(AuthError::UnknownToken),
        }
    }

    /// The same for a token that was proven before; a token of the same id and another secret is another one.
    pub(crate) fn authorize_proven(
        &self,
        ProvenToken(proven): &ProvenToken,
        door: Door,
        scope: Scope,
        now_ms: u64,
    ) -> Result<Authorized, AuthError> {
        match self.by_id.get(&proven.id) {
            Some(token) if token.scram == proven.verifier => token.admit(door, scope, now_ms),
            _ => Err(AuthError::UnknownToken),
        }
    }

    /// What an exchange about this id is held with.
    pub(crate) fn offer(&self, id: TokenId) -> ScramOffer {
        let of_nobody = ScramVerifier::of_nobody(&self.salt_key, id.as_str());
        let verifier = self.by_id.get(&id).map_or(of_nobody, |token| token.scram.clone());
        ScramOffer { id, verifier }
    }
}

impl fmt::Debug for PersonalTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PersonalTokens").field("n_tokens", &self.by_id.len()).finish_non_exhaustive()
    }
}

/// Id and secret of a token's text.
fn split(text: &str) -> Option<(TokenId, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let bytes = URL_SAFE_NO_PAD.decode(secret).ok().map(Zeroizing::new)?;
    (bytes.len() == SECRET_BYTES).then_some(())?;
    Some((TokenId::parse(id)?, secret))
}

#[cfg(test)]
mod tests;
