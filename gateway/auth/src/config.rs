//! What the operator decides: whom to trust, with which keys, and what the claims are called.

use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use url::{Host, Url};

/// How token signatures may be made. Symmetric algorithms and `none` have no variant, so they cannot be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 to 8192 bits.
    Rs256,
    /// RSASSA-PSS with SHA-256, keys of 2048 to 8192 bits.
    Ps256,
}

impl SigningAlgorithm {
    /// All algorithms this crate can verify.
    pub const ALL: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Rs256, Self::Ps256];

    /// The name in `alg` (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    /// The algorithm with this `alg` name, exactly as written there.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) fn library(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
        }
    }
}

/// Where the verification keys (a JWK set, RFC 7517) come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file, read again when its time or size changes. A change that cannot be read leaves the last good keys in force.
    File(PathBuf),
    /// An address: `https`, or `http` on loopback only. Read again on an unknown `kid`, at most once in 30 s, and every ten minutes.
    Url(Url),
    /// The set itself, for a gateway that verifies what its own [`TokenIssuer`](crate::TokenIssuer) has issued.
    Inline(String),
}

/// What the claims are called in this deployment's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// One string: the role that is active. Default `role`.
    pub role: String,
    /// An array of strings: the roles the caller holds. Only read together with `active_role` or `role`. Default `roles`.
    pub roles: String,
    /// One string: which of `roles` is active. Default `active_role`.
    pub active_role: String,
    /// One string: the purpose of the access. Default `purpose`.
    pub purpose: String,
    /// Claims that become attributes of the principal under the same name; each a string or an array of strings.
    /// Default `grids`, `street`, `department`.
    pub attributes: Vec<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            role: "role".to_owned(),
            roles: "roles".to_owned(),
            active_role: "active_role".to_owned(),
            purpose: "purpose".to_owned(),
            attributes: ["grids", "street", "department"].map(str::to_owned).to_vec(),
        }
    }
}

/// Whom the gateway trusts. There is no default for issuer, audience or keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// The only accepted `iss`, compared byte for byte.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// Where the verification keys come from.
    pub keys: KeySource,
    /// The allow-list of algorithms; not empty.
    pub algorithms: Vec<SigningAlgorithm>,
    /// How far clocks may differ, for `exp` and `nbf`. Default 60 s, at most 300 s.
    pub leeway: Duration,
    /// What the claims are called.
    pub claims: ClaimNames,
}

/// Longest leeway that can be configured; more would make `exp` a suggestion.
const LEEWAY_MAX: Duration = Duration::from_secs(300);
/// Claims that the checks of this crate own; no role, purpose or attribute may be read from them.
const REGISTERED_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Why a configuration was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A text that must be given is empty.
    #[error("`{field}` must not be empty")]
    Empty {
        /// The field of the configuration.
        field: &'static str,
    },
    /// The leeway is too long.
    #[error("leeway must be at most 300 seconds")]
    LeewayTooLong,
    /// A claim name is used twice or belongs to the token itself.
    #[error("claim name `{claim}` is taken")]
    ClaimNameTaken {
        /// The name.
        claim: String,
    },
    /// The key address is not `https` and not `http` on loopback, or carries a password.
    #[error("key address must be https, or http on loopback, without user name and password")]
    KeyAddressNotAllowed,
    /// The client for the key address could not be built.
    #[error("http client for the key address could not be built")]
    HttpClient {
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
    /// The key file could not be read at the start.
    #[error("key file could not be read")]
    KeyFile {
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// The keys are not a usable JWK set.
    #[error("keys are not usable")]
    Keys {
        /// What is wrong with them.
        #[from]
        source: crate::KeySetError,
    },
}

impl AuthConfig {
    /// A configuration with all algorithms, 60 s leeway and the default claim names.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySource) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            keys,
            algorithms: SigningAlgorithm::ALL.to_vec(),
            leeway: Duration::from_secs(60),
            claims: ClaimNames::default(),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let texts = [("issuer", &self.issuer), ("audience", &self.audience)];
        if let Some((field, _)) = texts.into_iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(ConfigError::Empty { field });
        }
        if self.algorithms.is_empty() {
            return Err(ConfigError::Empty { field: "algorithms" });
        }
        if self.leeway > LEEWAY_MAX {
            return Err(ConfigError::LeewayTooLong);
        }
        if let KeySource::Url(address) = &self.keys
            && !key_address_allowed(address)
        {
            return Err(ConfigError::KeyAddressNotAllowed);
        }
        self.claims.validate()
    }
}

impl ClaimNames {
    fn validate(&self) -> Result<(), ConfigError> {
        let mut taken: Vec<&str> = REGISTERED_CLAIMS.to_vec();
        let own = [&self.role, &self.roles, &self.active_role, &self.purpose];
        for claim in own.into_iter().chain(&self.attributes) {
            if claim.trim().is_empty() {
                return Err(ConfigError::Empty { field: "claims" });
            }
            if taken.contains(&claim.as_str()) {
                return Err(ConfigError::ClaimNameTaken { claim: claim.clone() });
            }
            taken.push(claim);
        }
        Ok(())
    }
}

fn key_address_allowed(address: &Url) -> bool {
    let anonymous = address.username().is_empty() && address.password().is_none();
    anonymous
        && match (address.scheme(), address.host()) {
            ("https", Some(_)) => true,
            // `localhost` is pinned to 127.0.0.1 by the client, so a name server has no say in it.
            ("http", Some(Host::Domain(name))) => name == "localhost",
            ("http", Some(Host::Ipv4(ip))) => ip.is_loopback(),
            ("http", Some(Host::Ipv6(ip))) => ip.is_loopback(),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_keys(keys: KeySource) -> AuthConfig {
        AuthConfig::new("https://id.example", "datong", keys)
    }

    #[test]
    fn only_https_or_loopback_addresses_are_accepted() {
        for (address, allowed) in [
            ("https://id.example/jwks", true),
            ("http://127.0.0.1:9/jwks", true),
            ("http://[::1]:9/jwks", true),
            ("http://localhost:9/jwks", true),
            ("http://id.example/jwks", false),
            ("http://localhost.evil.example/jwks", false),
            ("http://10.0.0.1/jwks", false),
            ("https://user:secret@id.example/jwks", false),
            ("file:///etc/passwd", false),
            ("ftp://127.0.0.1/jwks", false),
        ] {
            let verdict = with_keys(KeySource::Url(Url::parse(address).unwrap())).validate();
            assert_eq!(verdict.is_ok(), allowed, "{address}: {verdict:?}");
        }
    }

    #[test]
    fn claim_names_may_not_collide() {
        let mut config = with_keys(KeySource::Inline(String::new()));
        config.claims.attributes.push("sub".to_owned());
        assert!(matches!(config.validate(), Err(ConfigError::ClaimNameTaken { claim }) if claim == "sub"));
        config.claims.attributes = vec!["role".to_owned()];
        assert!(matches!(config.validate(), Err(ConfigError::ClaimNameTaken { claim }) if claim == "role"));
    }

    #[test]
    fn nothing_that_must_be_said_may_be_left_out() {
        let keys = || KeySource::Inline(String::new());
        assert!(matches!(AuthConfig::new(" ", "a", keys()).validate(), Err(ConfigError::Empty { field: "issuer" })));
        assert!(matches!(AuthConfig::new("i", "", keys()).validate(), Err(ConfigError::Empty { field: "audience" })));
        let mut config = with_keys(keys());
        config.algorithms.clear();
        assert!(matches!(config.validate(), Err(ConfigError::Empty { field: "algorithms" })));
        config = with_keys(keys());
        config.leeway = Duration::from_secs(301);
        assert!(matches!(config.validate(), Err(ConfigError::LeewayTooLong)));
    }
}
