//! Errors as RFC 9457 problems, in the client's language. Never a row value, never a path of the server.

use auth::{AuthError, AuthErrorKind};
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use query::{ErrorKind, QueryError};
use serde::Serialize;

/// The languages answers come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Chinese, the default.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// The first of the two that `Accept-Language` names; Chinese if it names neither.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        for range in accepted.split(',') {
            let tag = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            if tag.starts_with("en") {
                return Self::En;
            }
            if tag.starts_with("zh") {
                return Self::Zh;
            }
        }
        Self::Zh
    }

    fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// An error as it leaves the process: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Names the kind of problem; stable.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here.
    pub detail: String,
    /// The request, as in the header `X-Request-Id`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// Stable code for programs.
    pub code: String,
}

impl Problem {
    fn new(status: StatusCode, code: &str, titles: (&str, &str), detail: String, language: Language) -> Self {
        Self {
            kind: format!("urn:datong:problem:{code}"),
            title: language.pick(titles.0, titles.1).to_owned(),
            status: status.as_u16(),
            detail,
            instance: String::new(),
            code: code.to_owned(),
        }
    }

    /// The problem of a query that was not answered.
    #[must_use]
    pub fn of_query(error: &QueryError, language: Language) -> Self {
        let (status, titles) = match error.kind() {
            ErrorKind::Invalid => (StatusCode::BAD_REQUEST, ("请求有误", "invalid request")),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, ("对象不存在", "not found")),
            ErrorKind::Forbidden => (StatusCode::FORBIDDEN, ("不允许", "not allowed")),
            ErrorKind::LimitReached => (StatusCode::UNPROCESSABLE_ENTITY, ("达到限制", "limit reached")),
            ErrorKind::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, ("过于频繁", "too often")),
            ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, ("暂不可用", "unavailable")),
            ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, ("内部错误", "internal error")),
        };
        let detail = match language {
            Language::Zh => error.message_zh(),
            Language::En => error.to_string(),
        };
        Self::new(status, error.code(), titles, detail, language)
    }

    /// The problem of a caller who could not be identified, or whose token is not good for this.
    #[must_use]
    pub fn of_auth(error: &AuthError, language: Language) -> Self {
        let (status, titles) = match error.kind() {
            AuthErrorKind::Unauthenticated => (StatusCode::UNAUTHORIZED, ("身份未确认", "not authenticated")),
            AuthErrorKind::Forbidden => (StatusCode::FORBIDDEN, ("不允许", "not allowed")),
            AuthErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, ("身份未确认", "not authenticated")),
        };
        let detail = match language {
            Language::Zh => error.client_message_zh(),
            Language::En => error.client_message_en(),
        };
        Self::new(status, error.code(), titles, detail, language)
    }

    /// A request parameter or body that cannot be used.
    #[must_use]
    pub fn bad_request(zh: &str, en: &str, language: Language) -> Self {
        let detail = language.pick(zh, en).to_owned();
        Self::new(StatusCode::BAD_REQUEST, "DT-REQ-0001", ("请求有误", "invalid request"), detail, language)
    }

    /// The body is longer than allowed.
    #[must_use]
    pub fn body_too_large(max_body_bytes: usize, language: Language) -> Self {
        let detail = match language {
            Language::Zh => format!("请求体超过限制 max_body_bytes:最多 {max_body_bytes} 字节"),
            Language::En => format!("limit `max_body_bytes` reached: at most {max_body_bytes} bytes"),
        };
        let titles = ("请求体过大", "body too large");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "DT-LIM-0003", titles, detail, language)
    }

    /// No format the client accepts can be given.
    #[must_use]
    pub fn not_acceptable(language: Language) -> Self {
        let formats = crate::format::MEDIA_TYPES.join(", ");
        let detail = match language {
            Language::Zh => format!("可用格式:{formats}"),
            Language::En => format!("available formats: {formats}"),
        };
        let titles = ("格式不支持", "not acceptable");
        Self::new(StatusCode::NOT_ACCEPTABLE, "DT-REQ-0002", titles, detail, language)
    }

    /// The record does not exist, or the principal may not know of it.
    #[must_use]
    pub fn no_record(language: Language) -> Self {
        let detail = language.pick("记录不存在或无权访问", "no such record, or not visible to you").to_owned();
        Self::new(StatusCode::NOT_FOUND, "DT-REQ-0003", ("对象不存在", "not found"), detail, language)
    }

    /// The cursor belongs to another version, principal or list.
    #[must_use]
    pub fn cursor_expired(language: Language) -> Self {
        let detail = language
            .pick("数据或策略版本已变化,请从第一页重新开始", "data or policy changed; start again from the first page")
            .to_owned();
        Self::new(StatusCode::GONE, "DT-REQ-0004", ("游标已失效", "cursor expired"), detail, language)
    }

    /// The same problem under a request id.
    #[must_use]
    pub fn at(mut self, request_id: &str) -> Self {
        request_id.clone_into(&mut self.instance);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let request_id = HeaderValue::from_str(&self.instance).ok();
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"datong\""));
        }
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            // The rest of the body is not read, so the connection cannot be used again.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if let Some(request_id) = request_id {
            headers.insert("x-request-id", request_id);
        }
        response
    }
}

/// Answers every path that is not served.
pub(crate) async fn no_such_path(headers: HeaderMap) -> Problem {
    let language = Language::of(&headers);
    let detail =
        language.pick("没有这个接口,见 /api/openapi.json", "no such endpoint; see /api/openapi.json").to_owned();
    Problem::new(StatusCode::NOT_FOUND, "DT-REQ-0005", ("接口不存在", "no such endpoint"), detail, language)
}

/// Answers a method that a path does not have.
pub(crate) async fn no_such_method(headers: HeaderMap) -> Problem {
    let language = Language::of(&headers);
    let detail =
        language.pick("该接口不支持此方法,见 /api/openapi.json", "this endpoint does not have that method").to_owned();
    let titles = ("方法不支持", "method not allowed");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "DT-REQ-0006", titles, detail, language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_language_wins_and_chinese_is_the_default() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(value).unwrap());
            Language::of(&headers)
        };
        assert_eq!(Language::of(&HeaderMap::new()), Language::Zh);
        assert_eq!(of("en-GB,zh;q=0.5"), Language::En);
        assert_eq!(of("fr, zh-CN"), Language::Zh);
        assert_eq!(of("de"), Language::Zh);
    }

    #[test]
    fn a_hidden_table_and_a_missing_one_give_the_same_problem() {
        let problem =
            |name: &str| Problem::of_query(&QueryError::RelationNotFound { name: name.to_owned() }, Language::En);
        assert_eq!(problem("a.b").status, 404);
        assert_eq!(problem("a.b").title, problem("c.d").title);
    }
}
