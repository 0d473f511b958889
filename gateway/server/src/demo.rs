//! `datong demo`: the whole product on a synthetic city, on loopback only.
//!
//! City → exports → pull → link → publish → serve → the same question as three roles. All figures are computed from what
//! happened; linkage is measured against the city's truth files.

mod figures;
mod questions;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use auth::KeySource;
use policies::PolicySet;
use query::Limits;
use serde_json::json;

use self::figures::Figures;
use crate::cli::DemoArguments;
use crate::config::{
    Config, KeyConfig, RetentionConfig, ServerConfig, SourceConfig, SourceOrigin, TrustConfig, write_tokens,
};
use crate::doors::Doors;
use crate::screen::Screen;
use crate::site::Site;
use crate::whole_file::create_private;
use crate::{Failure, access, city_command, gateway, init, intake, serve};

/// The demo's policy file, in its folder.
const POLICIES: &str = "policies.toml";
/// The demo's personal tokens, in its folder.
const TOKENS: &str = "tokens.toml";

/// `datong demo`.
pub(crate) async fn run(arguments: &DemoArguments, screen: &Screen) -> Result<(), Failure> {
    serve::start_logging();
    let clock = Instant::now();
    let (folder, _kept) = data_folder(arguments)?;
    screen.say(
        "演示模式:仅本机可访问,数据为合成,勿用于真实数据。",
        "Demo: this machine only, synthetic people, not for real data.",
    );
    let mut figures = Figures::default();
    let city_folder = folder.join("city");
    let stage = Instant::now();
    let summary = city_command::write(arguments.people, arguments.seed, &city_folder, screen).await?;
    figures.stage("生成城市 city", stage.elapsed());
    let issuer = init::make_keys(&folder.join("keys"))?;
    // Every demo begins with the shipped policies; while it runs they may be edited.
    std::fs::write(folder.join(POLICIES), PolicySet::shipped_text())?;
    create_private(&folder.join(TOKENS), &write_tokens(&[]))?;
    let site = Site::of_config(config(&folder, &city_folder, arguments)?).await?;
    let report = intake::pull(&site, &site.config.sources, screen).await?;
    figures.pull(&report);
    let stage = Instant::now();
    figures.measure(&site, &city_folder.join("truth")).await?;
    figures.stage("核对真值 measure", stage.elapsed());
    let stage = Instant::now();
    let site = Arc::new(site);
    let (gateway, log) = gateway::start(&site)?;
    gateway::publish_current(&site, &gateway).await?;
    let warnings = access::Warnings::default();
    let authenticator = Arc::new(serve::authenticator(&site)?);
    let personal = access::apply_tokens(&site, &gateway, &authenticator)?;
    let app = serve::rest_app(&site, &gateway, &authenticator, &log, &warnings)?;
    let listener = serve::bind(site.config.server.listen).await?;
    let address = listener.local_addr()?;
    let doors = Doors::open(&site, &gateway, &authenticator).await?;
    figures.stage("打开 open", stage.elapsed());
    let ready = clock.elapsed();
    let principals = questions::principals(&site).await?;
    let tokens = questions::tokens(&issuer, &principals)?;
    let pg = doors.pg_address()?;
    write_demo_file(&folder, (address, &doors), &tokens, arguments)?;
    intake::print(&report, screen);
    figures.print(&summary, ready, screen);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let wait = !arguments.no_wait;
    let server = site.config.server.clone();
    let doors = doors.serve();
    let mut following = tokio::task::JoinSet::new();
    let followed =
        access::Followers { site: Arc::clone(&site), gateway: Arc::clone(&gateway), authenticator, tokens: personal };
    following.spawn(access::follow(followed, log.clone(), warnings));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        serve::serve_until(app, listener, &server, async {
            let _ = stopped.await;
        })
        .await
    });
    questions::ask_all(address, &tokens, screen).await?;
    if wait {
        invite((address, pg), &folder, screen);
        serve::stop_signal().await;
    }
    let _ = stop.send(());
    while let Some(ended) = tasks.join_next().await {
        if let Ok(served) = ended {
            served?;
        }
    }
    doors.stop().await;
    drop(following);
    log.shutdown().await;
    Ok(())
}

/// The folder everything goes to, and what removes it at the end if it is a temporary one.
fn data_folder(arguments: &DemoArguments) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    match &arguments.data_dir {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            Ok((folder.clone(), None))
        }
        None => {
            let temporary = tempfile::TempDir::with_prefix("datong-demo-")?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}

/// The demo's configuration. It alone admits the division that no edition of GB/T 2260 ever assigned.
fn config(folder: &Path, city_folder: &Path, arguments: &DemoArguments) -> Result<Config, Failure> {
    let registry = schemas::Registry::shipped()
        .map_err(|error| Failure::caused_by("内置声明有误", "the shipped declarations are unsound", &error))?;
    let sources = init::SOURCES.iter().map(|department| SourceConfig {
        name: (*department).to_owned(),
        origin: SourceOrigin::Files {
            url: city_folder.join("exports").join(department).display().to_string(),
            options: connectors::SourceOptions::default(),
        },
        datasets: registry.datasets().filter(|d| d.department() == *department).map(|d| d.id.clone()).collect(),
        encoding: None,
        region: Some(city::DEMO_REGION.to_owned()),
        reject_limit: connectors::RejectLimit { share: 0.1, ..connectors::RejectLimit::default() },
    });
    Ok(Config {
        server: ServerConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
            pg_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port_after(arguments.port, 1)?))),
            flight_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port_after(arguments.port, 2)?))),
            pg_max_connections: 1_000,
            behind_proxy: false,
            tls: None,
            cpu_threads: std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get),
            max_body_bytes: 2 << 20,
            max_page_rows: 1_000,
        },
        data_folder: folder.join("data"),
        key: KeyConfig::of_file(folder.join("keys").join("datong.key")),
        audit_folder: folder.join("data").join("audit"),
        trust: TrustConfig {
            issuer: init::LOCAL_ISSUER.to_owned(),
            audience: init::AUDIENCE.to_owned(),
            keys: KeySource::File(folder.join("keys").join("jwks.json")),
            signing_key_file: Some(folder.join("keys").join("token.pem")),
            withdrawn_file: None,
            tokens_file: Some(folder.join(TOKENS)),
        },
        policy_file: Some(folder.join(POLICIES)),
        dataset_folder: None,
        admit_divisions: vec![city::DEMO_DIVISION.to_owned()],
        limits: Limits::default(),
        retention: RetentionConfig::default_in(folder),
        databases: Vec::new(),
        live: Vec::new(),
        sources: sources.collect(),
    })
}

/// `demo.json`: where to ask and with which tokens, for scripts.
fn write_demo_file(
    folder: &Path,
    (rest, doors): (SocketAddr, &Doors),
    tokens: &[(String, String)],
    arguments: &DemoArguments,
) -> Result<(), Failure> {
    let by_role: serde_json::Map<String, serde_json::Value> =
        tokens.iter().map(|(role, token)| (role.clone(), json!(token))).collect();
    let demo = json!({
        "rest": format!("http://{rest}"),
        "pg": doors.pg_address()?.map(|address| address.to_string()),
        "flight": doors.flight_address()?.map(|address| format!("grpc://{address}")),
        "tokens": by_role,
        "people": arguments.people,
        "seed": arguments.seed,
    });
    let file = folder.join("demo.json");
    let text = serde_json::to_string_pretty(&demo)
        .map_err(|error| Failure::caused_by("无法写入 demo.json", "demo.json cannot be written", &error))?;
    std::fs::write(&file, text)?;
    restrict(&file)?;
    Ok(())
}

/// Tokens are for the owner of the folder only.
fn restrict(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// The n-th port after the REST door's; any if that is any.
fn port_after(port: u16, n: u16) -> Result<u16, Failure> {
    if port == 0 {
        return Ok(0);
    }
    port.checked_add(n).ok_or_else(|| {
        Failure::usage(format!("端口 {port} 之后没有端口可用"), format!("there is no port after {port}"))
    })
}

fn invite((address, pg): (SocketAddr, Option<SocketAddr>), folder: &Path, screen: &Screen) {
    let file = folder.join("demo.json");
    let file = file.display();
    let pg = pg
        .map(|pg| format!("\n  PGPASSWORD=$TOKEN psql -h {} -p {} -U demo datong", pg.ip(), pg.port()))
        .unwrap_or_default();
    screen.say(
        &format!("令牌见 {file}。试试:\n  curl -s http://{address}/api/v1/catalog -H \"Authorization: Bearer $TOKEN\"{pg}\n按 Ctrl+C 退出"),
        &format!("Tokens are in {file}. Try:\n  curl -s http://{address}/api/v1/catalog -H \"Authorization: Bearer $TOKEN\"{pg}\nCtrl+C ends the demo"),
    );
}
