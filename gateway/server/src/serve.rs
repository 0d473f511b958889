//! `datong serve`: the REST door over the published version, until asked to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit::AuditLog;
use auth::{AuthConfig, Authenticator};
use axum::Router;
use query::Gateway;
use rest::{Health, PeerAddress, Readiness, RestConfig, RestState, TlsListener, tls_acceptor};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::access::{self, Warnings};
use crate::config::{ServerConfig, TrustConfig};
use crate::doors::Doors;
use crate::past::LakePast;
use crate::screen::Screen;
use crate::site::Site;
use crate::{Failure, gateway};

/// How long running requests may go on after the server was asked to stop.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(30);
/// How often the audit log is probed for readiness.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// `datong serve`.
pub(crate) async fn run(config: &Path, screen: &Screen) -> Result<(), Failure> {
    start_logging();
    let site = Arc::new(Site::open(config).await?);
    let (gateway, log) = gateway::start(&site)?;
    gateway.keep_past(Arc::new(LakePast::new(Arc::clone(&site))));
    let version = gateway::publish_current(&site, &gateway).await?;
    access::apply_withdrawn(&site.config, &gateway)?;
    let warnings = Warnings::default();
    let authenticator = Arc::new(authenticator(&site)?);
    let tokens = access::apply_tokens(&site, &gateway, &authenticator)?;
    let app = rest_app(&site, &gateway, &authenticator, &log, &warnings)?;
    let listener = bind(site.config.server.listen).await?;
    let address = listener.local_addr()?;
    let doors = Doors::open(&site, &gateway, &authenticator).await?;
    let scheme = if site.config.server.tls.is_some() { "https" } else { "http" };
    match version {
        Some(version) => screen.say(
            &format!("正在服务:{scheme}://{address},数据版本 {version}"),
            &format!("serving {scheme}://{address}, data version {version}"),
        ),
        None => screen.say(
            &format!("正在服务:{scheme}://{address};尚无数据,请运行 datong pull"),
            &format!("serving {scheme}://{address}; no data yet, run `datong pull`"),
        ),
    }
    doors.announce(screen)?;
    let doors = doors.serve();
    let mut tasks = JoinSet::new();
    let followed = access::Followers { site: Arc::clone(&site), gateway: Arc::clone(&gateway), authenticator, tokens };
    tasks.spawn(access::follow(followed, log.clone(), warnings));
    tasks.spawn(gateway::follow(Arc::clone(&site), gateway));
    serve_until(app, listener, &site.config.server, stop_signal()).await?;
    doors.stop().await;
    drop(tasks);
    log.shutdown().await;
    Ok(())
}

/// The REST router over a gateway.
pub(crate) fn rest_app(
    site: &Site,
    gateway: &Arc<Gateway>,
    authenticator: &Arc<Authenticator>,
    log: &AuditLog,
    warnings: &Warnings,
) -> Result<Router, Failure> {
    let config = RestConfig {
        max_body_bytes: site.config.server.max_body_bytes,
        max_page_rows: site.config.server.max_page_rows,
        cursor_secret: *site.key.derive("cursors").as_bytes(),
    };
    let readiness = readiness(log, Arc::clone(warnings));
    Ok(rest::router(RestState::new(Arc::clone(gateway), Arc::clone(authenticator), readiness, config)))
}

/// Whom this site trusts to say who somebody is.
pub(crate) fn authenticator(site: &Site) -> Result<Authenticator, Failure> {
    let TrustConfig { issuer, audience, keys, .. } = &site.config.trust;
    Authenticator::new(AuthConfig::new(issuer.clone(), audience.clone(), keys.clone())).map_err(|error| {
        Failure::configuration(format!("[auth] 不可用:{error}"), format!("[auth] cannot be used: {error}"))
    })
}

/// Ready while the audit log can be written; probed in the background so that a probe never waits for the disk.
fn readiness(log: &AuditLog, warnings: Warnings) -> Readiness {
    let healthy = Arc::new(AtomicBool::new(true));
    let (log, state) = (log.clone(), Arc::downgrade(&healthy));
    let mut probe = JoinSet::new();
    probe.spawn(async move {
        while let Some(state) = state.upgrade() {
            state.store(log.healthy().await.is_ok(), Ordering::Relaxed);
            drop(state);
            tokio::time::sleep(PROBE_INTERVAL).await;
        }
    });
    Arc::new(move || {
        let _held = &probe;
        let mut health = Health { warnings: access::warnings_now(&warnings), ..Health::default() };
        if !healthy.load(Ordering::Relaxed) {
            health.not_ready.push("the audit log cannot be written".to_owned());
        }
        health
    })
}

/// Binds an address of the configuration. Off loopback it has TLS or a proxy: the configuration was refused otherwise.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::failed(format!("无法监听 {address}:{error}"), format!("cannot listen on {address}: {error}"))
    })
}

/// Serves until `stop` resolves, then lets running requests end for a while.
pub(crate) async fn serve_until(
    app: Router,
    listener: TcpListener,
    config: &ServerConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let service = app.into_make_service_with_connect_info::<PeerAddress>();
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let signal = async move {
        stop.await;
        let _ = stopping.send(());
    };
    let drained = async move {
        let _ = stopped.await;
        tokio::time::sleep(DRAIN_TIME).await;
    };
    match &config.tls {
        Some((certificate, private_key)) => {
            let acceptor = tls_acceptor(certificate, private_key)
                .map_err(|error| Failure::caused_by("TLS 证书或私钥不可用", "TLS cannot be offered", &error))?;
            let listener = TlsListener::new(listener, acceptor)?;
            let serving = axum::serve(listener, service).with_graceful_shutdown(signal);
            tokio::select! { served = serving => served?, () = drained => {} }
        }
        None => {
            let serving = axum::serve(listener, service).with_graceful_shutdown(signal);
            tokio::select! { served = serving => served?, () = drained => {} }
        }
    }
    Ok(())
}

/// Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            return;
        }
    }
    let _ = interrupt.await;
}

/// JSON lines on stderr, filtered by `DATONG_LOG`.
pub(crate) fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DATONG_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
