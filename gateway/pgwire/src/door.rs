//! What all connections of the server share, and the loop that accepts them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::Authenticator;
use pgwire::api::auth::sasl::scram::ScramServerAuth;
use pgwire::tokio::TlsAcceptor;
use query::{CpuRuntime, Gateway};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::catalog::Catalogs;
use crate::conversation::converse;
use crate::handlers::{Connection, Handlers};
use crate::running::Connections;

/// How long connections may finish what they do once the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How this door is kept.
#[derive(Clone)]
pub struct PgConfig {
    /// Certificate and key for TLS; without it nobody is let in from another machine.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The certificate of it, PEM, which a sign-in without sending the token is bound to.
    pub certificate: Option<Vec<u8>>,
    /// `max_connections`: more are refused at once.
    pub max_connections: usize,
    /// `max_body_bytes`: longest message of a client that has signed in.
    pub max_message_bytes: usize,
}

impl fmt::Debug for PgConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgConfig")
            .field("tls", &self.tls.is_some())
            .field("max_connections", &self.max_connections)
            .finish()
    }
}

/// The pg wire door.
pub struct Door {
    gateway: Arc<Gateway>,
    authenticator: Arc<Authenticator>,
    catalogs: Catalogs,
    connections: Arc<Connections>,
    /// With the certificate.
    scram_over_tls: ScramServerAuth,
    config: PgConfig,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Door {
    /// Joins the parts.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub fn new(
        gateway: Arc<Gateway>,
        authenticator: Arc<Authenticator>,
        config: PgConfig,
    ) -> std::io::Result<Arc<Self>> {
        let cpu = Arc::new(CpuRuntime::start(1)?);
        let catalogs = Catalogs::new(cpu);
        let mut scram_over_tls = ScramServerAuth::new();
        if let Some(certificate) = &config.certificate
            && scram_over_tls.configure_certificate(certificate).is_err()
        {
            tracing::warn!(
                "SCRAM-SHA-256-PLUS is not offered: the certificate's signature algorithm has no hash for it"
            );
        }
        Ok(Arc::new(Self { gateway, authenticator, catalogs, connections: Arc::default(), scram_over_tls, config }))
    }

    /// Serves connections until `stop` resolves, then lets them finish for a short while.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
        let places = Arc::new(Semaphore::new(self.config.max_connections));
        let mut tasks = JoinSet::new();
        let door = Arc::clone(&self);
        tasks.spawn(async move {
            if door.catalogs.load().await.is_err() {
                tracing::error!("the catalog of PostgreSQL's own objects cannot be loaded");
            }
        });
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => accepted,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors, for example: give others time to finish.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let place = Arc::clone(&places).try_acquire_owned();
            let door = Arc::clone(&self);
            tasks.spawn(async move {
                let is_full = place.is_err();
                door.attend(stream, peer, is_full).await;
                drop(place);
            });
        }
        let finished = async { while tasks.join_next().await.is_some() {} };
        let _in_time = tokio::time::timeout(DRAIN_TIME, finished).await;
    }

    async fn attend(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, is_full: bool) {
        let tls = self.config.tls.as_ref().map(|config| TlsAcceptor::from(Arc::clone(config)));
        let connection = Connection::new(Arc::clone(&self), peer, is_full);
        let most = self.config.max_message_bytes;
        if let Err(error) = converse(stream, tls, Handlers(Arc::new(connection)), most).await {
            tracing::debug!(kind = ?error.kind(), "a connection ended with an error");
        }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// The server's side of SCRAM-SHA-256 for a connection with or without TLS.
    pub(crate) fn scram(&self, is_secure: bool) -> ScramServerAuth {
        if is_secure { self.scram_over_tls.clone() } else { ScramServerAuth::new() }
    }

    pub(crate) fn catalogs(&self) -> &Catalogs {
        &self.catalogs
    }

    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    pub(crate) fn max_connections(&self) -> usize {
        self.config.max_connections
    }
}
