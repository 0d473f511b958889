//! `datong backup drill`: a restore that is looked through and thrown away.

use std::path::Path;
use std::time::Instant;

use chrono::Utc;

use super::create::count_rows;
use super::format::{AuditState, Begin, Manifest};
use super::restore::{Secrets, restore_into};
use super::settings::CONFIG;
use super::{archive_key, verify};
use crate::Failure;
use crate::audit_chains::AuditChain;
use crate::config::KeyConfig;
use crate::failure::{chain_of, counted};
use crate::progress::Stage;
use crate::screen::{Screen, thousands};
use crate::site::{Site, load_config};

/// `datong backup drill`. The folder it works in holds ciphertext, settings and no private key, and goes at the end.
pub(super) async fn run(file: &Path, key: KeyConfig, screen: &Screen) -> Result<(), Failure> {
    let archive_key = archive_key(&key)?;
    let folder = tempfile::TempDir::with_prefix("datong-drill-")?;
    let clock = Instant::now();
    let (begin, manifest) = restore_into(file, &archive_key, folder.path(), Secrets::LeftOut, screen)?;
    let mut config = load_config(&folder.path().join(CONFIG))?;
    config.key.location = key.location;
    let site = Site::of_config(config).await?;
    let restored = clock.elapsed();
    verify::print(&begin, &manifest, screen);
    let mut differences = compare_tables(&site, &begin, &manifest, screen).await?;
    differences += begin.audit.iter().map(|(chain, state)| compare_audit(&site, *chain, state, screen)).sum::<usize>();
    let age = Utc::now().signed_duration_since(begin.started_at);
    let (hours, minutes) = (age.num_hours(), age.num_minutes() % 60);
    screen.say(
        &format!("恢复用时 (RTO) {:.1} 秒;备份距今 (RPO) {hours} 小时 {minutes} 分", restored.as_secs_f64()),
        &format!(
            "time to restore (RTO) {:.1} s; age of the archive (RPO) {hours} h {minutes} min",
            restored.as_secs_f64()
        ),
    );
    folder.close()?;
    if differences > 0 {
        return Err(Failure::failed(
            format!("演练失败:{differences} 处不符"),
            format!("the drill failed: {}", counted(differences, "difference")),
        ));
    }
    screen.say("演练通过", "the drill passed");
    Ok(())
}

/// Reads every table of the restored version to its end.
async fn compare_tables(site: &Site, begin: &Begin, manifest: &Manifest, screen: &Screen) -> Result<usize, Failure> {
    let published =
        site.lake.published().await.map_err(|error| {
            Failure::caused_by("无法读取已发布版本", "the published version cannot be read", &error)
        })?;
    let version = published.as_ref().map(|published| published.version);
    let mut differences = 0;
    if version != begin.published {
        differences += 1;
        screen.say("✗ 数据版本不符", "✗ another data version is published");
    }
    let Some(published) = published else { return Ok(differences) };
    let stage = Stage::begin(screen, screen.pick("读取各表", "reading tables"), 0);
    let snapshot = site.lake.snapshot(&published);
    let is_restored = |name: &String| published.tables.keys().any(|own| own.to_string() == *name);
    differences += manifest.tables.keys().filter(|name| !is_restored(name)).count();
    let mut rows = Vec::new();
    for relation in published.tables.keys() {
        let name = relation.to_string();
        stage.say(&name);
        let expected = manifest.tables.get(&name).copied();
        let found = match count_rows(&snapshot, relation, &[]).await {
            Ok(found) => Some(found),
            Err(failure) => {
                screen.say(&format!("✗ {relation}:{}", failure.zh()), &format!("✗ {relation}: {failure}"));
                None
            }
        };
        differences += usize::from(found.is_none() || found != expected);
        let shown = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), thousands);
        rows.push(vec![name, shown(expected), shown(found)]);
    }
    drop(stage);
    let headings =
        [screen.pick("表", "table"), screen.pick("备份时行数", "rows then"), screen.pick("恢复后行数", "rows now")];
    screen.table(&headings, &rows);
    Ok(differences)
}

/// Checks a whole chain of the restored site, up to the newest record of the original.
fn compare_audit(site: &Site, chain: AuditChain, expected: &AuditState, screen: &Screen) -> usize {
    let title = chain.title(screen);
    let anchors: Vec<_> = expected.head.iter().cloned().collect();
    match chain.reader(site).verify(&anchors) {
        Ok(report) if report.fault_count == expected.faults && report.records == expected.records => {
            let records = thousands(report.records);
            screen.say(&format!("{title}:{records} 条记录一致"), &format!("{title}: {records} records, as they were"));
            0
        }
        Ok(_) => {
            screen.say(&format!("✗ {title}与备份时不符"), &format!("✗ the {title} is not what it was"));
            1
        }
        Err(error) => {
            let cause = chain_of(&error);
            screen.say(&format!("✗ {title}无法读取:{cause}"), &format!("✗ the {title} cannot be read: {cause}"));
            1
        }
    }
}
