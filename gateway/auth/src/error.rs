//! Why a caller was not let in, in words that are safe to send.

/// Why a token was refused.
///
/// No variant carries the token, a part of it, or a value from it. `claim` is the configured name of a claim, `reason`
/// a text of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No token was given.
    #[error("no token was given")]
    Missing,
    /// The token is not a signed JWT of the accepted form.
    #[error("token is malformed: {reason}")]
    Malformed {
        /// What is wrong with the form.
        reason: &'static str,
    },
    /// `exp` has passed (with leeway).
    #[error("token has expired")]
    Expired,
    /// `nbf` has not been reached (with leeway).
    #[error("token is not valid yet")]
    NotYetValid,
    /// The signature does not fit the key.
    #[error("signature does not match")]
    BadSignature,
    /// The algorithm is not on the allow-list, or is not the one its key is for.
    #[error("signature algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// `iss` is not the issuer that is trusted.
    #[error("token was issued by somebody else")]
    WrongIssuer,
    /// `aud` does not name this service.
    #[error("token was issued for somebody else")]
    WrongAudience,
    /// No key with this `kid`, or no `kid` where there are several keys.
    #[error("signing key is not known")]
    UnknownKey,
    /// A claim is missing, of the wrong type, or outside its limits.
    #[error("claim `{claim}` {reason}")]
    ClaimInvalid {
        /// The configured name of the claim.
        claim: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No such personal token, or another secret, or not through this door: deliberately the same answer.
    #[error("personal access token is not known")]
    UnknownToken,
    /// The personal token was revoked. Told only to whoever knows its secret.
    #[error("personal access token was revoked")]
    Revoked,
    /// The personal token was not made for this.
    #[error("personal access token has no scope `{scope}`")]
    ScopeMissing {
        /// The scope that the request needs.
        scope: &'static str,
    },
    /// The keys have never been read, or not for too long. Nobody is let in until they are.
    #[error("verification keys are not available")]
    KeysUnavailable,
}

/// What a refusal means for whoever was refused; the single source of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthErrorKind {
    /// Another token is needed: 401.
    Unauthenticated,
    /// The token is good, but not for this: 403.
    Forbidden,
    /// The same token may be good later: 503.
    Unavailable,
}

impl AuthError {
    /// The stable code for clients, logs and the audit trail.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Malformed { .. } => "token_malformed",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::BadSignature => "token_bad_signature",
            Self::AlgorithmNotAllowed => "token_algorithm_not_allowed",
            Self::WrongIssuer => "token_wrong_issuer",
            Self::WrongAudience => "token_wrong_audience",
            Self::UnknownKey => "token_unknown_key",
            Self::ClaimInvalid { .. } => "token_claim_invalid",
            Self::UnknownToken => "token_unknown",
            Self::Revoked => "token_revoked",
            Self::ScopeMissing { .. } => "token_scope_missing",
            Self::KeysUnavailable => "token_keys_unavailable",
        }
    }

    /// What kind of refusal this is.
    #[must_use]
    pub fn kind(&self) -> AuthErrorKind {
        match self {
            Self::KeysUnavailable => AuthErrorKind::Unavailable,
            Self::ScopeMissing { .. } => AuthErrorKind::Forbidden,
            Self::Missing
            | Self::Malformed { .. }
            | Self::Expired
            | Self::NotYetValid
            | Self::BadSignature
            | Self::AlgorithmNotAllowed
            | Self::WrongIssuer
            | Self::WrongAudience
            | Self::UnknownKey
            | Self::ClaimInvalid { .. }
            | Self::UnknownToken
            | Self::Revoked => AuthErrorKind::Unauthenticated,
        }
    }

    /// What may be sent to the client, in English.
    #[must_use]
    pub fn client_message_en(&self) -> String {
        match self {
            Self::Missing => "Sign in first: send a token in the Authorization header.".to_owned(),
            Self::Malformed { .. } => "This is not a token this service can read.".to_owned(),
            Self::Expired => "The token has expired. Get a new one.".to_owned(),
            Self::NotYetValid => {
                "The token is not valid yet. Check the clock of the machine that issued it.".to_owned()
            }
            Self::BadSignature => "The token's signature is wrong. Get a new one.".to_owned(),
            Self::AlgorithmNotAllowed => "The token is signed in a way this service does not accept.".to_owned(),
            Self::WrongIssuer => "The token was not issued by the identity service this gateway trusts.".to_owned(),
            Self::WrongAudience => "The token was issued for another service.".to_owned(),
            Self::UnknownKey => "The token was signed with a key this service does not know. Get a new one.".to_owned(),
            Self::ClaimInvalid { claim, .. } => {
                format!(
                    "The token's claim `{claim}` is missing or not acceptable. Ask the identity service's operator."
                )
            }
            Self::UnknownToken => {
                "This personal access token is not known here. Check that it is whole, or get a new one.".to_owned()
            }
            Self::Revoked => "The personal access token was revoked. Get a new one.".to_owned(),
            Self::ScopeMissing { scope } => {
                format!("The personal access token is not good for this: it has no scope `{scope}`.")
            }
            Self::KeysUnavailable => "Sign-in cannot be checked at the moment. Try again later.".to_owned(),
        }
    }

    /// What may be sent to the client, in Chinese.
    #[must_use]
    pub fn client_message_zh(&self) -> String {
        match self {
            Self::Missing => "请先登录：请在 Authorization 请求头中提供令牌。".to_owned(),
            Self::Malformed { .. } => "令牌格式无法识别。".to_owned(),
            Self::Expired => "令牌已过期，请重新获取。".to_owned(),
            Self::NotYetValid => "令牌尚未生效，请检查签发服务器的时钟。".to_owned(),
            Self::BadSignature => "令牌签名不正确，请重新获取。".to_owned(),
            Self::AlgorithmNotAllowed => "令牌的签名算法不被本服务接受。".to_owned(),
            Self::WrongIssuer => "令牌不是由本网关信任的身份服务签发的。".to_owned(),
            Self::WrongAudience => "令牌是签发给其他服务的。".to_owned(),
            Self::UnknownKey => "本服务不认识签发该令牌的密钥，请重新获取令牌。".to_owned(),
            Self::ClaimInvalid { claim, .. } => {
                format!("令牌中的声明 `{claim}` 缺失或不符合要求，请联系身份服务管理员。")
            }
            Self::UnknownToken => "本服务不认识该个人访问令牌，请检查是否完整，或重新申请。".to_owned(),
            Self::Revoked => "该个人访问令牌已被撤销，请重新申请。".to_owned(),
            Self::ScopeMissing { scope } => format!("该个人访问令牌没有权限范围 `{scope}`，不能用于此操作。"),
            Self::KeysUnavailable => "暂时无法核验登录信息，请稍后再试。".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_its_own_code_and_texts_in_both_languages() {
        let all = [
            AuthError::Missing,
            AuthError::Malformed { reason: "three parts expected" },
            AuthError::Expired,
            AuthError::NotYetValid,
            AuthError::BadSignature,
            AuthError::AlgorithmNotAllowed,
            AuthError::WrongIssuer,
            AuthError::WrongAudience,
            AuthError::UnknownKey,
            AuthError::ClaimInvalid { claim: "role".to_owned(), reason: "is missing" },
            AuthError::UnknownToken,
            AuthError::Revoked,
            AuthError::ScopeMissing { scope: "sql:run" },
            AuthError::KeysUnavailable,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(AuthError::code).collect();
        assert_eq!(codes.len(), all.len());
        for error in &all {
            assert!(error.client_message_en().is_ascii(), "{error}");
            assert!(error.client_message_zh().ends_with('。'), "{error}");
            let kind = match error {
                AuthError::KeysUnavailable => AuthErrorKind::Unavailable,
                AuthError::ScopeMissing { .. } => AuthErrorKind::Forbidden,
                _ => AuthErrorKind::Unauthenticated,
            };
            assert_eq!(error.kind(), kind);
        }
    }
}
