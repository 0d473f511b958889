//! The doors beside REST: pg wire and Flight SQL, each if the configuration gives it an address.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::Authenticator;
use flight::FlightConfig;
use pg_wire::PgConfig;
use query::Gateway;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Failure;
use crate::config::ServerConfig;
use crate::screen::Screen;
use crate::serve::bind;
use crate::site::Site;

/// The name of PostgreSQL's protocol in a TLS handshake.
const PG_ALPN: &[u8] = b"postgresql";

/// Doors that listen and do not serve yet.
#[derive(Debug)]
pub(crate) struct Doors {
    pg: Option<(Arc<pg_wire::Door>, TcpListener)>,
    flight: Option<(Arc<flight::Door>, TcpListener)>,
}

/// Doors that serve.
#[derive(Debug)]
pub(crate) struct Serving {
    tasks: JoinSet<()>,
    stop: watch::Sender<()>,
}

impl Doors {
    /// Binds the addresses of the configuration.
    pub(crate) async fn open(
        site: &Site,
        gateway: &Arc<Gateway>,
        authenticator: &Arc<Authenticator>,
    ) -> Result<Self, Failure> {
        let config = &site.config.server;
        let pg = match config.pg_listen {
            None => None,
            Some(address) => {
                let door = pg_wire::Door::new(Arc::clone(gateway), Arc::clone(authenticator), pg_config(config)?)?;
                Some((door, bind(address).await?))
            }
        };
        let flight = match config.flight_listen {
            None => None,
            Some(address) => {
                let tls = config.tls.as_ref().map(|(certificate, key)| {
                    Ok::<_, std::io::Error>((std::fs::read(certificate)?, std::fs::read(key)?))
                });
                let handle_secret = *site.key.derive("flight").as_bytes();
                let config = FlightConfig { tls: tls.transpose()?, handle_secret };
                let door = flight::Door::new(Arc::clone(gateway), Arc::clone(authenticator), config);
                Some((door, bind(address).await?))
            }
        };
        Ok(Self { pg, flight })
    }

    /// Where PostgreSQL clients are served.
    pub(crate) fn pg_address(&self) -> Result<Option<SocketAddr>, Failure> {
        Ok(self.pg.as_ref().map(|(_, listener)| listener.local_addr()).transpose()?)
    }

    /// Where Flight SQL clients are served.
    pub(crate) fn flight_address(&self) -> Result<Option<SocketAddr>, Failure> {
        Ok(self.flight.as_ref().map(|(_, listener)| listener.local_addr()).transpose()?)
    }

    /// Says where they are.
    pub(crate) fn announce(&self, screen: &Screen) -> Result<(), Failure> {
        for (name, address) in [("pg wire", self.pg_address()?), ("Flight SQL", self.flight_address()?)] {
            if let Some(address) = address {
                screen.say(&format!("{name}:{address}"), &format!("{name} on {address}"));
            }
        }
        Ok(())
    }

    /// Serves on all of them.
    pub(crate) fn serve(self) -> Serving {
        let (stop, stopping) = watch::channel(());
        let mut tasks = JoinSet::new();
        if let Some((door, listener)) = self.pg {
            let stopped = until_dropped(stopping.clone());
            tasks.spawn(async move { door.serve(listener, stopped).await });
        }
        if let Some((door, listener)) = self.flight {
            let stopped = until_dropped(stopping);
            tasks.spawn(async move {
                if let Err(error) = door.serve(listener, stopped).await {
                    tracing::error!(error = %error, "the Flight SQL door has ended");
                }
            });
        }
        Serving { tasks, stop }
    }
}

impl Serving {
    /// Stops them; what is under way has a short while to end.
    pub(crate) async fn stop(mut self) {
        drop(self.stop);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _in_time = tokio::time::timeout(crate::serve::DRAIN_TIME, ended).await;
    }
}

fn pg_config(config: &ServerConfig) -> Result<PgConfig, Failure> {
    let tls = config.tls.as_ref().map(|(certificate, key)| rest::tls_config(certificate, key, PG_ALPN));
    let tls =
        tls.transpose().map_err(|error| Failure::caused_by("TLS 证书或私钥不可用", "TLS cannot be offered", &error))?;
    let certificate = config.tls.as_ref().map(|(certificate, _)| std::fs::read(certificate)).transpose()?;
    Ok(PgConfig {
        tls,
        certificate,
        max_connections: config.pg_max_connections,
        max_message_bytes: config.max_body_bytes,
    })
}

async fn until_dropped(mut stopping: watch::Receiver<()>) {
    while stopping.changed().await.is_ok() {}
}
