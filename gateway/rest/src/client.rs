//! Who asks: the bearer token, the language, the request id, the address.

use std::marker::PhantomData;
use std::net::SocketAddr;

use auth::{Door, Scope, TokenId};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::serve::IncomingStream;
use policies::Principal;
use query::{AsOf, QueryRequest};
use tokio::net::TcpListener;

use crate::problem::{Language, Problem};
use crate::state::RestState;
use crate::tls::TlsListener;

/// The address a connection came from, over plain TCP and TLS alike.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for PeerAddress {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for PeerAddress {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// An authenticated caller. A handler that takes one, within [`With`], cannot be reached without a valid token.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) principal: Principal,
    token_id: Option<TokenId>,
    pub(crate) language: Language,
    pub(crate) request_id: String,
    address: Option<String>,
}

impl Client {
    /// A statement of this caller.
    pub(crate) fn request(&self, kind: &'static str, sql: String) -> QueryRequest {
        QueryRequest {
            principal: self.principal.clone(),
            sql,
            request_id: self.request_id.clone(),
            protocol: "rest",
            kind,
            client: self.address.clone(),
            token_id: self.token_id.as_ref().map(ToString::to_string),
            parameters: Vec::new(),
            as_of: None,
        }
    }

    /// The version meant by `as_of`: a number, or a time as RFC 3339 has it; `None` for the current one.
    pub(crate) fn as_of(&self, text: Option<&str>) -> Result<Option<AsOf>, Box<Problem>> {
        let Some(text) = text else { return Ok(None) };
        let version = text.parse().ok().map(AsOf::Version);
        let time = || chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| AsOf::Time(time.to_utc()));
        version.or_else(time).map(Some).ok_or_else(|| {
            Box::new(Problem::bad_request(
                "版本应为版本号,或如 2026-11-22T08:00:00+08:00 的时间",
                "a version is a number, or a time such as 2026-11-22T08:00:00+08:00",
                self.language,
            ))
        })
    }
}

/// What a handler does, and so what the token has to be good for.
pub(crate) trait Needs {
    const SCOPE: Scope;
}

/// Asks a statement.
#[derive(Debug)]
pub(crate) enum RunSql {}

/// Reads records, lists, changes, the catalog; searches.
#[derive(Debug)]
pub(crate) enum ReadData {}

/// Asks for a reveal, or looks at one.
#[derive(Debug)]
pub(crate) enum AskReveal {}

/// Decides somebody else's reveal.
#[derive(Debug)]
pub(crate) enum DecideReveal {}

impl Needs for RunSql {
    const SCOPE: Scope = Scope::RunSql;
}

impl Needs for ReadData {
    const SCOPE: Scope = Scope::ReadData;
}

impl Needs for AskReveal {
    const SCOPE: Scope = Scope::AskReveal;
}

impl Needs for DecideReveal {
    const SCOPE: Scope = Scope::DecideReveal;
}

/// A caller whose token is good for this. There is no other way to a [`Client`].
#[derive(Debug)]
pub(crate) struct With<S> {
    pub(crate) client: Client,
    needs: PhantomData<fn() -> S>,
}

impl<S: Needs> FromRequestParts<RestState> for With<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &RestState) -> Result<Self, Problem> {
        let language = Language::of(&parts.headers);
        let request_id = request_id(&parts.headers);
        let refuse = |error: &auth::AuthError| Problem::of_auth(error, language).at(&request_id);
        let token = bearer(&parts.headers).ok_or_else(|| refuse(&auth::AuthError::Missing))?;
        let authorized = state.authenticator().authorize(token, Door::Rest, S::SCOPE).await;
        let authorized = authorized.map_err(|error| refuse(&error))?;
        let address = parts.extensions.get::<ConnectInfo<PeerAddress>>().map(|info| info.0.0.ip().to_string());
        let (principal, token_id) = (authorized.principal, authorized.token_id);
        let client = Client { principal, token_id, language, request_id, address };
        Ok(Self { client, needs: PhantomData })
    }
}

/// Exactly one `Authorization: Bearer` header counts; two are as good as none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The client's own id if it is short and plain, a fresh one otherwise.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    match given {
        Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
            id.to_owned()
        }
        _ => fresh_id(),
    }
}

fn fresh_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}", RandomState::new().hash_one((n, std::time::SystemTime::now())))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn one_bearer_header_counts_and_nothing_else() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert_eq!(bearer(&headers), None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer abc"));
        assert_eq!(bearer(&headers), Some("abc"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer def"));
        assert_eq!(bearer(&headers), None);
    }

    #[test]
    fn a_strange_request_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("abc-1"));
        assert_eq!(request_id(&headers), "abc-1");
        headers.insert("x-request-id", HeaderValue::from_static("a b\"c"));
        assert_ne!(request_id(&headers), "a b\"c");
    }
}
