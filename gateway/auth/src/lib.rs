//! From a bearer token to a [`policies::Principal`], or to a refusal that tells the caller nothing but what to do next.
//!
//! The order of a check is fixed, and each step sees only what the step before has let through:
//! size and shape → header (`typ`, `crit`, algorithm allow-list) → key by `kid` → signature → registered claims
//! (`exp`, `nbf`, `iss`, `aud`, `sub`) → role, attributes and purpose.
//!
//! What this crate guarantees:
//! - The algorithm comes from the key, never from the header: a header that disagrees with its key is refused.
//! - JSON with a name given twice is refused, at every depth, so that no two readers of a token can disagree about it.
//! - A claim of the wrong type is refused; it is never read as if it were absent.
//! - No token and no claim value is in an error, a log line or a `Debug` text.
//! - Personal tokens ([`PersonalTokens`]) are known by hashes alone; one that is revoked lets nobody in from the moment it is replaced.
//! - A verified token is remembered for at most 60 seconds, never past its `exp`, and not past a change of the keys.
//!
//! What it is not: it decides nothing about data (crate `policies` does), knows no HTTP header beyond
//! [`bearer_token`], and keeps no user accounts.

mod authenticator;
mod claims;
mod clock;
mod config;
mod error;
mod issuer;
mod jwks_client;
mod key_file;
mod key_set;
mod key_store;
mod personal;
mod scope;
mod scram;
mod strict_json;
mod token;

pub use authenticator::{Authenticator, TOKEN_BYTES_MAX, bearer_token};
pub use clock::{Clock, SystemClock};
pub use config::{AuthConfig, ClaimNames, ConfigError, KeySource, SigningAlgorithm};
pub use error::{AuthError, AuthErrorKind};
pub use issuer::{IssuerError, TokenIssuer};
pub use key_file::KeyFileError;
pub use key_set::KeySetError;
pub use personal::{
    Authorized, NoRandomness, PersonalToken, PersonalTokens, ProvenToken, ScramOffer, TokenId, TokenState,
};
pub use scope::{Door, Scope};
pub use scram::{NotAVerifier, ScramVerifier};
