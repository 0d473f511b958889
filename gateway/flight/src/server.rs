//! The door: what it is made of, and how it is served.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_flight::flight_service_server::FlightServiceServer;
use auth::Authenticator;
use query::Gateway;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Error, Identity, Server, ServerTlsConfig};

use crate::handle::HandleKey;
use crate::running::Answers;
use crate::service::Service;

/// How this door is kept.
#[derive(Clone)]
pub struct FlightConfig {
    /// Certificate chain and private key, PEM.
    pub tls: Option<(Vec<u8>, Vec<u8>)>,
    /// 32 random bytes that authenticate tickets; a restart with other bytes ends those that are open.
    pub handle_secret: [u8; 32],
}

impl fmt::Debug for FlightConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlightConfig").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// The Flight SQL door.
pub struct Door {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) key: HandleKey,
    pub(crate) answers: Arc<Answers>,
    tls: Option<(Vec<u8>, Vec<u8>)>,
    n_requests: AtomicU64,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl Door {
    /// Joins the parts.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>, authenticator: Arc<Authenticator>, config: FlightConfig) -> Arc<Self> {
        Arc::new(Self {
            gateway,
            authenticator,
            key: HandleKey::new(config.handle_secret),
            answers: Arc::default(),
            tls: config.tls,
            n_requests: AtomicU64::new(0),
        })
    }

    /// Serves calls until `stop` resolves; those under way end by themselves.
    ///
    /// # Errors
    /// If certificate and key are unusable, or the listener fails.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let mut server = Server::builder();
        if let Some((certificate, key)) = &self.tls {
            // `tonic` leaves the choice to the process, which has two to choose from: dependencies bring another.
            let _chosen_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
            server = server.tls_config(ServerTlsConfig::new().identity(Identity::from_pem(certificate, key)))?;
        }
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let service = FlightServiceServer::new(Service(self));
        server.add_service(service).serve_with_incoming_shutdown(incoming, stop).await
    }

    pub(crate) fn request_id(&self) -> String {
        format!("flight-{}", self.n_requests.fetch_add(1, Ordering::Relaxed))
    }
}
