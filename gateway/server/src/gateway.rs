//! Builds the gateway over a site and keeps it on the newest published version.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit::AuditLog;
use lake::{Lake, Published};
use query::{Gateway, GatewayConfig, PublishedData, PublishedTable, TokenKey};
use schemas::Registry;

use crate::Failure;
use crate::audit_chains::AuditChain;
use crate::databases;
use crate::recorder::AuditRecorder;
use crate::site::Site;

/// How often the pointer to the published version is read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Opens the audit log and starts a gateway; nothing is published to it yet.
pub(crate) fn start(site: &Site) -> Result<(Arc<Gateway>, AuditLog), Failure> {
    let log = AuditChain::Server
        .open(site)
        .map_err(|error| Failure::caused_by("审计日志不可用", "the audit log cannot be used", &error))?;
    let config = GatewayConfig {
        limits: site.config.limits.clone(),
        cpu_threads: site.config.server.cpu_threads,
        token_key: TokenKey::new(*site.key.derive("tokens").as_bytes()),
        today: None,
        spill_folder: Some(spill_folder(site)?),
    };
    let gateway = Gateway::start(config, site.policies.clone(), Arc::new(AuditRecorder(log.clone())))
        .map_err(|error| Failure::caused_by("查询引擎无法启动", "the query engine cannot start", &error))?;
    Ok((Arc::new(gateway), log))
}

/// Where queries spill: a folder of its owner only. What is in it has no name, so that nothing stays.
fn spill_folder(site: &Site) -> Result<PathBuf, Failure> {
    let folder = site.config.data_folder.join("spill");
    let unusable = |error: std::io::Error| {
        Failure::caused_by("无法使用临时文件目录", "the folder for temporary files cannot be used", &error)
    };
    match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(unusable(error)),
        _ => Ok(folder),
    }
}

/// Opens every table of a published version.
pub(crate) async fn open_data(
    lake: &Lake,
    registry: &Registry,
    published: &Published,
) -> Result<PublishedData, Failure> {
    let snapshot = lake.snapshot(published);
    let mut data = PublishedData { version: published.version, ..PublishedData::default() };
    for name in published.tables.keys() {
        // Tables without a declaration, such as the membership, are the gateway's own and never in SQL.
        let Some(relation) = registry.relation(name) else { continue };
        let provider = snapshot
            .provider(name)
            .await
            .map_err(|error| Failure::caused_by("无法打开已发布的表", "a published table cannot be opened", &error))?;
        data.tables.insert(name.clone(), PublishedTable { relation, provider });
    }
    Ok(data)
}

/// Puts the currently published version in service, if there is one.
pub(crate) async fn publish_current(site: &Site, gateway: &Gateway) -> Result<Option<u64>, Failure> {
    let published =
        site.lake.published().await.map_err(|error| {
            Failure::caused_by("无法读取已发布版本", "the published version cannot be read", &error)
        })?;
    let Some(published) = published else {
        // What is read in place needs no publication.
        if gateway.data_version().is_none() && !site.config.live.is_empty() {
            gateway.publish(PublishedData { tables: databases::tables(site)?, ..PublishedData::default() });
        }
        return Ok(None);
    };
    if gateway.data_version() != Some(published.version) {
        let mut data = open_data(&site.lake, &site.registry, &published).await?;
        data.tables.extend(databases::tables(site)?);
        gateway.publish(data);
        // Keys may have been destroyed with it. Those who still read the version before are not disturbed earlier than need be.
        let refreshed = site.lake.refresh_keys().await;
        refreshed.map_err(|error| Failure::caused_by("无法读取密钥环", "the key ring cannot be read", &error))?;
    }
    Ok(Some(published.version))
}

/// Follows publications for ever. A version that cannot be opened leaves the last good one in service.
pub(crate) async fn follow(site: Arc<Site>, gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        match publish_current(&site, &gateway).await {
            Ok(_) => failing = false,
            Err(failure) if !failing => {
                failing = true;
                tracing::error!(error = %failure, "published version not opened; the last one stays in service");
            }
            Err(_) => {}
        }
    }
}
