//! Query parameters, refused as a problem and not as axum's plain text.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::client::request_id;
use crate::problem::{Language, Problem};
use crate::state::RestState;

/// A body, up to what the site allows.
pub(crate) async fn whole_body(request: Request, state: &RestState, language: Language) -> Result<Bytes, Problem> {
    let max_body_bytes = state.config().max_body_bytes;
    Bytes::from_request(request, state).await.map_err(|_| Problem::body_too_large(max_body_bytes, language))
}

/// Like [`Query`], with a [`Problem`] as its refusal.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for Params<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(refusal) => {
                let detail = refusal.body_text();
                let detail = detail.rsplit_once("string: ").map_or(detail.as_str(), |(_, detail)| detail);
                let zh = format!("查询参数有误:{detail}");
                let en = format!("query parameters cannot be used: {detail}");
                let problem = Problem::bad_request(&zh, &en, Language::of(&parts.headers));
                Err(problem.at(&request_id(&parts.headers)))
            }
        }
    }
}
