//! Who calls: the token of each call.

use auth::{AuthError, Authenticator, Authorized, Door, Scope};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use policies::Principal;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::errors::of_auth;

/// Some drivers leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who calls, and from where.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// The personal token of the call, if it is one.
    pub(crate) token_id: Option<String>,
    pub(crate) address: Option<String>,
}

/// What a call brings along.
pub(crate) struct Presented {
    token: Option<String>,
    address: Option<String>,
}

/// Taken out of the request first: a request itself cannot be shared between threads.
pub(crate) fn presented<T>(request: &Request<T>) -> Presented {
    Presented {
        token: bearer(request.metadata()).map(str::to_owned),
        address: request.remote_addr().map(|address| address.ip().to_canonical().to_string()),
    }
}

/// Whom a token names, if it is good for statements. Whatever is asked here is about them: metadata are what a statement may ask too.
pub(crate) async fn authorized(token: &str, authenticator: &Authenticator) -> Result<Authorized, Status> {
    authenticator.authorize(token, Door::Flight, Scope::RunSql).await.map_err(|error| of_auth(&error))
}

/// The principal that the token of a call names.
pub(crate) async fn caller(presented: Presented, authenticator: &Authenticator) -> Result<Caller, Status> {
    let token = presented.token.ok_or_else(|| of_auth(&AuthError::Missing))?;
    let Authorized { principal, token_id } = authorized(&token, authenticator).await?;
    Ok(Caller { principal, token_id: token_id.map(|id| id.to_string()), address: presented.address })
}

/// Exactly one header counts; two are as good as none.
fn only_header(metadata: &MetadataMap) -> Option<&str> {
    let mut values = metadata.get_all("authorization").iter();
    let only = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(only)
}

fn bearer(metadata: &MetadataMap) -> Option<&str> {
    let (scheme, token) = only_header(metadata)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token of a handshake: the bearer's, or the password of a user, whose name does not count.
pub(crate) fn token_of_handshake(metadata: &MetadataMap) -> Option<String> {
    let (scheme, credentials) = only_header(metadata)?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(LENIENT.decode(credentials.trim()).ok()?).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&str]) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for value in values {
            metadata.append("authorization", value.parse().unwrap());
        }
        metadata
    }

    #[test]
    fn one_bearer_header_counts_and_nothing_else() {
        assert_eq!(bearer(&with(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&with(&[])), None);
        assert_eq!(bearer(&with(&["Basic abc"])), None);
        assert_eq!(bearer(&with(&["Bearer abc", "Bearer def"])), None);
    }

    #[test]
    fn a_handshake_takes_the_token_as_password() {
        let basic = format!("Basic {}", LENIENT.encode("li:t:o.k.en"));
        assert!(basic.ends_with('='), "{basic}");
        assert_eq!(token_of_handshake(&with(&[&basic])).as_deref(), Some("t:o.k.en"));
        let unpadded = basic.trim_end_matches('=');
        assert_eq!(token_of_handshake(&with(&[unpadded])).as_deref(), Some("t:o.k.en"));
        assert_eq!(token_of_handshake(&with(&["Basic %%%"])), None);
        assert_eq!(token_of_handshake(&with(&["Digest x"])), None);
    }
}
