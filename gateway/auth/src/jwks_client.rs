//! A client that can do one thing: fetch a small document from one address, in a short time, following nobody.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use url::Url;

use crate::ConfigError;

/// Time for one fetch, connection included.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest key set, in bytes: 64 RSA-8192 keys with certificate chains fit.
pub(crate) const KEY_SET_BYTES_MAX: usize = 512 * 1024;

#[derive(Debug)]
pub(crate) struct JwksClient {
    http: Client,
    address: Url,
}

/// Why the keys were not fetched. The address is left out: it may name internal machines.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("key service was not reached in time or closed the connection")]
    Transport {
        #[source]
        source: reqwest::Error,
    },
    #[error("key service answered with status {status}")]
    Status { status: StatusCode },
    #[error("key set is larger than the limit")]
    TooLarge,
}

impl JwksClient {
    pub(crate) fn new(address: Url) -> Result<Self, ConfigError> {
        let http = Client::builder()
            .timeout(FETCH_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            // The keys decide who is let in: no proxy from the environment may stand in between.
            .no_proxy()
            .resolve("localhost", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .build()
            .map_err(|source| ConfigError::HttpClient { source })?;
        Ok(Self { http, address })
    }

    pub(crate) async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        let transport = |source: reqwest::Error| FetchError::Transport { source: source.without_url() };
        let mut response = self.http.get(self.address.clone()).send().await.map_err(transport)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status { status: response.status() });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > KEY_SET_BYTES_MAX {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
