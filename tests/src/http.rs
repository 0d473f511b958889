//! A client of the REST door.

use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap};
use serde_json::Value;

/// One server and one token.
#[derive(Debug, Clone)]
pub struct Door {
    base: String,
    token: String,
    client: reqwest::Client,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Door {
    /// A client of the server at `base`, such as `http://127.0.0.1:8600`, that sends `token`.
    ///
    /// # Panics
    /// If the client cannot be built.
    #[must_use]
    pub fn new(base: &str, token: &str) -> Self {
        // A connection for each request: after a refused body the server closes the one it came on.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        Self { base: base.to_owned(), token: token.to_owned(), client }
    }

    /// The same server with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Asks one statement; the answer is JSON unless `query` says otherwise, such as `?format=csv`.
    pub async fn sql_in(&self, query: &str, statement: &str) -> Answer {
        let request = self.client.post(format!("{}/api/v1/sql{query}", self.base));
        self.send(request.header(CONTENT_TYPE, "text/plain; charset=utf-8").body(statement.to_owned()), "en").await
    }

    /// Asks one statement.
    pub async fn sql(&self, statement: &str) -> Answer {
        self.sql_in("", statement).await
    }

    /// The rows of a statement that has to be answered.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn rows(&self, statement: &str) -> Vec<Value> {
        let answer = self.sql(statement).await.expect_status(200);
        answer.json()["rows"].as_array().expect("rows").clone()
    }

    /// `count(*)` of a relation.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn count(&self, relation: &str) -> u64 {
        let rows = self.rows(&format!("SELECT count(*) AS n FROM {relation}")).await;
        rows[0]["n"].as_str().and_then(|n| n.parse().ok()).expect("a count")
    }

    /// Gets a path, such as `/api/v1/catalog`, in English.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_in("en", path).await
    }

    /// Gets a path in a language.
    pub async fn get_in(&self, language: &str, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", self.base)), language).await
    }

    /// Posts a body of a media type to the SQL endpoint, in a language.
    pub async fn post_sql(&self, media_type: &str, body: Vec<u8>, language: &str) -> Answer {
        let request = self.client.post(format!("{}/api/v1/sql", self.base)).header(CONTENT_TYPE, media_type).body(body);
        self.send(request, language).await
    }

    /// Posts JSON to a path.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.client.post(format!("{}{path}", self.base)).json(body), "en").await
    }

    /// Sends a request of another method.
    pub async fn method(&self, method: reqwest::Method, path: &str) -> Answer {
        self.send(self.client.request(method, format!("{}{path}", self.base)), "en").await
    }

    async fn send(&self, request: reqwest::RequestBuilder, language: &str) -> Answer {
        let request = request.header(ACCEPT_LANGUAGE, language);
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("the answer is read whole").to_vec();
        Answer { status, headers, body }
    }
}

impl Answer {
    /// The body as text.
    ///
    /// # Panics
    /// If it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("status {}, no JSON ({error}): {}", self.status, self.text()))
    }

    /// A header's value; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Itself, if the status is `status`.
    ///
    /// # Panics
    /// If it is another one.
    #[must_use]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The problem, if this is one as RFC 9457 has it.
    ///
    /// # Panics
    /// If it is not, or parts of it are missing, or its status is not the answer's.
    #[must_use]
    pub fn problem(&self) -> Value {
        let shown = format!("status {}: {}", self.status, self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{shown}");
        let problem = self.json();
        for part in ["type", "title", "detail", "code"] {
            assert!(problem[part].as_str().is_some_and(|text| !text.is_empty()), "no {part}: {shown}");
        }
        assert_eq!(problem["status"], self.status, "{shown}");
        problem
    }
}
