//! The door without a network: what it answers before any query runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth::{AuthConfig, Authenticator, KeySource, TokenIssuer};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use policies::{PolicySet, Principal};
use query::{
    AccessOutcome, AccessRecord, Gateway, GatewayConfig, Limits, OpenRecord, PublishedData, Recorder, RecorderError,
    TokenKey,
};
use serde_json::Value;
use tower::ServiceExt;

use crate::{Health, RestConfig, RestState, router};

#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl Recorder for Forgetful {
    async fn open(&self, _: AccessRecord) -> Result<Box<dyn OpenRecord>, RecorderError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl OpenRecord for Forgetful {
    async fn close(self: Box<Self>, _: AccessOutcome) -> Result<(), RecorderError> {
        Ok(())
    }
}

fn door() -> (Router, String) {
    let policy = "[role.auditor]\nzh = \"审计\"\nen = \"auditor\"\nattributes = []\n";
    let policies = PolicySet::parse("test.toml", policy, &[]).unwrap();
    let config = GatewayConfig {
        limits: Limits::default(),
        cpu_threads: 1,
        token_key: TokenKey::new([1; 32]),
        today: None,
        spill_folder: None,
    };
    let gateway = Gateway::start(config, policies, Arc::new(Forgetful)).unwrap();
    gateway.publish(PublishedData { version: 3, ..PublishedData::default() });
    let issuer = TokenIssuer::generate("issuer", "datong").unwrap();
    let keys = KeySource::Inline(issuer.jwks_json());
    let authenticator = Authenticator::new(AuthConfig::new("issuer", "datong", keys)).unwrap();
    let principal = Principal {
        subject: "wang".to_owned(),
        role: "auditor".to_owned(),
        attributes: BTreeMap::new(),
        purpose: None,
    };
    let token = issuer.issue(&principal, Duration::from_secs(60)).unwrap();
    let rest = RestConfig { max_body_bytes: 1_000, max_page_rows: 10, cursor_secret: [2; 32] };
    let state = RestState::new(Arc::new(gateway), Arc::new(authenticator), Arc::new(Health::default), rest);
    (router(state), token)
}

async fn answer(door: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = door.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn post(token: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/api/v1/sql").header("content-type", content_type).header("accept-language", "en");
    request.header("authorization", format!("Bearer {token}")).body(body.into()).unwrap()
}

#[tokio::test]
async fn a_query_is_answered_in_both_body_forms() {
    let (door, token) = door();
    for request in [
        post(&token, "application/json", "{\"sql\": \"SELECT 1 AS one\"}"),
        post(&token, "text/plain", "SELECT 1 AS one"),
    ] {
        let (status, body) = answer(&door, request).await;
        assert_eq!((status, &body["rows"][0]["one"]), (StatusCode::OK, &Value::from("1")));
        assert_eq!(body["meta"]["data_version"], 3);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_reason() {
    let (door, token) = door();
    let cases = [
        (post(&token, "application/json", "{\"query\": 1}"), 400, "DT-REQ-0001"),
        (post(&token, "image/png", "x"), 400, "DT-REQ-0001"),
        (post(&token, "text/plain", "SELEC 1"), 400, "DT-SQL-0001"),
        (post(&token, "text/plain", "x".repeat(2_000)), 413, "DT-LIM-0003"),
        (post("nonsense", "text/plain", "SELECT 1"), 401, "token_malformed"),
        (Request::post("/api/v1/sql").body(Body::empty()).unwrap(), 401, "token_missing"),
        (Request::get("/api/v1/nosuch").body(Body::empty()).unwrap(), 404, "DT-REQ-0005"),
    ];
    for (request, status, code) in cases {
        let (found, body) = answer(&door, request).await;
        assert_eq!((found.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
    }
}

#[tokio::test]
async fn lists_refuse_limits_filters_and_cursors_that_are_not_theirs() {
    let (door, token) = door();
    let get = |path: &str| {
        let request = Request::get(format!("/api/v1/{path}")).header("authorization", format!("Bearer {token}"));
        request.body(Body::empty()).unwrap()
    };
    for list in ["persons?", "changes?since=1&", "changes?since=1&until=2&"] {
        for (asked, status) in
            [("limit=0", 400), ("limit=11", 400), ("of=grids&grid_id=1", 400), ("stage=1", 400), ("cursor=abc", 410)]
        {
            let path = format!("{list}{asked}");
            assert_eq!(answer(&door, get(&path)).await.0.as_u16(), status, "{path}");
        }
    }
}
