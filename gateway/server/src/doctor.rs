//! `datong doctor`: what state is this installation in, and what should be mended? Shows no data.

use std::path::Path;

use crate::Failure;
use crate::audit_chains::AuditChain;
use crate::failure::{chain_of, counted};
use crate::screen::Screen;
use crate::self_test;
use crate::site::Site;

/// `datong doctor`.
pub(crate) async fn run(
    config_file: &Path,
    self_test: Option<&Path>,
    verify: Option<&Path>,
    screen: &Screen,
) -> Result<(), Failure> {
    let site = Site::open(config_file).await?;
    if let Some(report) = verify {
        return self_test::verify(&site, report, screen);
    }
    examine(&site, screen).await?;
    match self_test {
        Some(report) => self_test::run(&site, report, screen).await,
        None => Ok(()),
    }
}

async fn examine(site: &Site, screen: &Screen) -> Result<(), Failure> {
    let mut problems = 0_usize;
    screen.line(&format!("datong {}", env!("CARGO_PKG_VERSION")));
    match site.lake.published().await {
        Ok(Some(published)) => {
            let unreadable = unreadable_tables(site, &published, screen).await;
            problems += unreadable;
            screen.say(
                &format!("数据版本 {},{} 张表,{unreadable} 张无法读取", published.version, published.tables.len()),
                &format!(
                    "data version {}, {} tables, {unreadable} unreadable",
                    published.version,
                    published.tables.len()
                ),
            );
        }
        Ok(None) => screen.say("尚未发布数据:运行 datong pull", "no data published: run `datong pull`"),
        Err(error) => {
            problems += 1;
            screen
                .say("✗ 已发布版本无法读取", &format!("✗ the published version cannot be read: {}", chain_of(&error)));
        }
    }
    problems += audit_chains(site, screen);
    screen
        .say(&format!("策略版本 {}", site.policies.version()), &format!("policy version {}", site.policies.version()));
    if problems == 0 {
        screen.say("一切正常", "all well");
        Ok(())
    } else {
        Err(Failure::problems_found(
            format!("发现 {problems} 个问题"),
            format!("{} found", counted(problems, "problem")),
        ))
    }
}

async fn unreadable_tables(site: &Site, published: &lake::Published, screen: &Screen) -> usize {
    let snapshot = site.lake.snapshot(published);
    let mut unreadable = 0;
    for name in published.tables.keys() {
        if let Err(error) = snapshot.provider(name).await {
            unreadable += 1;
            screen
                .say(&format!("✗ 表 {name} 无法读取"), &format!("✗ table {name} cannot be read: {}", chain_of(&error)));
        }
    }
    unreadable
}

fn audit_chains(site: &Site, screen: &Screen) -> usize {
    if !site.config.audit_folder.exists() {
        screen.say("尚无审计日志", "no audit log yet");
        return 0;
    }
    let kept = AuditChain::ALL.into_iter().filter(|chain| chain.folder(site).exists());
    kept.map(|chain| verify_chain(chain, site, screen)).sum()
}

fn verify_chain(chain: AuditChain, site: &Site, screen: &Screen) -> usize {
    let title = chain.title(screen);
    match chain.reader(site).verify(&[]) {
        Ok(report) if report.is_intact() => {
            screen.say(
                &format!("{title}完整,{} 条记录", report.records),
                &format!("{title} intact, {} records", report.records),
            );
            0
        }
        Ok(_) => {
            screen.say(&format!("✗ {title}不完整"), &format!("✗ the {title} is broken"));
            1
        }
        Err(error) => {
            screen.say(&format!("✗ {title}无法读取"), &format!("✗ the {title} cannot be read: {}", chain_of(&error)));
            1
        }
    }
}
