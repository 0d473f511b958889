//! The real REST server on a free loopback port, with real tokens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow::ipc::reader::StreamReader;
use async_trait::async_trait;
use auth::{AuthConfig, Authenticator, ClaimNames, KeySource, SigningAlgorithm, TokenIssuer};
use policies::Principal;
use query::Gateway;
use rest::{Health, PeerAddress, RestConfig, RestState};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::door::Door;

/// Headers that say nothing about data and differ between any two answers.
const TIMINGS: [&str; 1] = ["date"];

/// A running server and a client of it. Dropping it stops the server.
#[derive(Debug)]
pub struct RestDoor {
    address: SocketAddr,
    issuer: TokenIssuer,
    client: reqwest::Client,
    _serving: JoinSet<()>,
}

/// An HTTP answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// All headers but timings, sorted.
    pub headers: Vec<(String, String)>,
    /// The body; none if the server broke it off.
    pub body: Option<Vec<u8>>,
}

impl HttpAnswer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.body.as_ref().map_or_else(|| "(broken off)".to_owned(), |body| String::from_utf8_lossy(body).into_owned())
    }

    fn problem(&self) -> Answer {
        let problem: serde_json::Value = serde_json::from_str(&self.text()).unwrap_or_default();
        let field = |name: &str| problem.get(name).and_then(|value| value.as_str()).unwrap_or("(none)").to_owned();
        Answer { notes: self.headers.clone(), ..Answer::failed(field("code"), field("detail")) }
    }
}

impl RestDoor {
    /// Serves the gateway on a free port.
    pub async fn open(gateway: Arc<Gateway>) -> Self {
        let claims = ClaimNames { attributes: vec!["grid_id".to_owned()], ..ClaimNames::default() };
        let issuer = TokenIssuer::generate("attacks", "datong").unwrap().with_claim_names(claims.clone());
        let config = AuthConfig {
            issuer: "attacks".to_owned(),
            audience: "datong".to_owned(),
            keys: KeySource::Inline(issuer.jwks_json()),
            algorithms: vec![SigningAlgorithm::EdDsa],
            leeway: Duration::from_secs(60),
            claims,
        };
        let authenticator = Arc::new(Authenticator::new(config).unwrap());
        let config = RestConfig { max_body_bytes: 1 << 20, max_page_rows: 1_000, cursor_secret: [9; 32] };
        let state = RestState::new(gateway, authenticator, Arc::new(Health::default), config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = rest::router(state).into_make_service_with_connect_info::<PeerAddress>();
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, service).await.unwrap() });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, issuer, client, _serving: serving }
    }

    /// `POST /api/v1/sql`.
    pub async fn post_sql(&self, principal: &Principal, sql: &str, format: &str) -> HttpAnswer {
        let request = self
            .client
            .post(format!("http://{}/api/v1/sql?format={format}", self.address))
            .header("content-type", "application/sql")
            .body(sql.to_owned());
        self.send(principal, request).await
    }

    /// `GET` of a path with its parameters.
    pub async fn get(&self, principal: &Principal, path: &str) -> HttpAnswer {
        self.send(principal, self.client.get(format!("http://{}{path}", self.address))).await
    }

    /// `POST` of a JSON body.
    pub async fn post(&self, principal: &Principal, path: &str, body: &serde_json::Value) -> HttpAnswer {
        let request = self.client.post(format!("http://{}{path}", self.address));
        self.send(principal, request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// `GET` of a path under a token that names several roles and says which is active, or leaves that open.
    pub async fn get_with_roles(
        &self,
        principal: &Principal,
        roles: &[&str],
        active: Option<&str>,
        path: &str,
    ) -> HttpAnswer {
        let held = roles.iter().map(|role| (*role).to_owned()).collect();
        let mut attributes = principal.attributes.clone();
        attributes.insert("roles".to_owned(), held);
        // Without an active role the claim goes under a name that nobody reads.
        let role_claim = if active.is_some() { "active_role" } else { "unread" };
        let claims = ClaimNames {
            role: role_claim.to_owned(),
            attributes: vec!["grid_id".to_owned(), "roles".to_owned()],
            ..ClaimNames::default()
        };
        let holder = Principal { role: active.unwrap_or(&principal.role).to_owned(), attributes, ..principal.clone() };
        // The same key in an issuer that writes other claims.
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        self.issuer.save(&key).unwrap();
        let issuer = TokenIssuer::load(&key, "attacks", "datong").unwrap().with_claim_names(claims);
        let token = issuer.issue(&holder, Duration::from_secs(600)).unwrap();
        self.send_with(&token, self.client.get(format!("http://{}{path}", self.address))).await
    }

    async fn send(&self, principal: &Principal, request: reqwest::RequestBuilder) -> HttpAnswer {
        let token = self.issuer.issue(principal, Duration::from_secs(600)).unwrap();
        self.send_with(&token, request).await
    }

    async fn send_with(&self, token: &str, request: reqwest::RequestBuilder) -> HttpAnswer {
        let response = request
            .bearer_auth(token)
            .header("accept-language", "en")
            .header("x-request-id", "attack-1")
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let mut headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .filter(|(name, _)| !TIMINGS.contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        headers.sort();
        HttpAnswer { status, headers, body: response.bytes().await.ok().map(Vec::from) }
    }
}

#[async_trait]
impl Door for RestDoor {
    fn name(&self) -> &'static str {
        "REST"
    }

    async fn ask(&self, principal: &Principal, sql: &str) -> Answer {
        let http = self.post_sql(principal, sql, "arrow").await;
        if http.status != 200 {
            return http.problem();
        }
        let Some(body) = &http.body else { return Answer::failed("broken off", "") };
        let reader = match StreamReader::try_new(body.as_slice(), None) {
            Ok(reader) => reader,
            Err(_) => return Answer::failed("no arrow stream", ""),
        };
        let schema = reader.schema();
        match reader.collect::<Result<Vec<_>, _>>() {
            Ok(batches) => Answer { notes: http.headers, ..Answer::of_batches(&schema, &batches) },
            Err(_) => Answer::failed("broken arrow stream", ""),
        }
    }
}
