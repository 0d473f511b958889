//! TLS for the listener: certificates from PEM files, handshakes off the accept loop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A client that does not finish its handshake in this time is dropped.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Handshakes under way at once; more connections wait in the system's queue.
const HANDSHAKES_AT_ONCE: usize = 256;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds something else.
    #[error("a PEM file is unusable")]
    Pem {
        /// What is wrong with it.
        #[from]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit each other, or are of a kind that is not supported.
    #[error("certificate and key are unusable")]
    Unusable {
        /// What is wrong with them.
        #[from]
        source: rustls::Error,
    },
}

/// Reads certificate chain and private key, both PEM.
///
/// # Errors
/// [`TlsError`]; there is no fallback to plain text.
pub fn tls_acceptor(certificate: &Path, private_key: &Path) -> Result<TlsAcceptor, TlsError> {
    Ok(TlsAcceptor::from(tls_config(certificate, private_key, b"http/1.1")?))
}

/// The same for another protocol, by its ALPN name.
///
/// # Errors
/// [`TlsError`].
pub fn tls_config(certificate: &Path, private_key: &Path, alpn: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(private_key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(Arc::new(config))
}

/// A listener that hands out finished TLS connections.
#[derive(Debug)]
pub struct TlsListener {
    finished: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl TlsListener {
    /// Accepts on `listener` from now on.
    ///
    /// # Errors
    /// If the address of the listener cannot be told.
    pub fn new(listener: TcpListener, acceptor: TlsAcceptor) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, finished) = mpsc::channel(HANDSHAKES_AT_ONCE);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept_all(listener, acceptor, sender));
        Ok(Self { finished, address, _accepting: accepting })
    }
}

async fn accept_all(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if handshakes.len() < HANDSHAKES_AT_ONCE => {
                let Ok((stream, peer)) = accepted else {
                    // Out of file descriptors, for example: give others time to finish.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                handshakes.spawn(async move {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
                        let _ = sender.send((stream, peer)).await;
                    }
                });
            }
            Some(_) = handshakes.join_next(), if !handshakes.is_empty() => {}
        }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.finished.recv().await {
            Some(connection) => connection,
            // The accept loop never ends before this listener does.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}
