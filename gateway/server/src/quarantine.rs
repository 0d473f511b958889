//! Rejected rows: an operator sees where and why, never what was in them. A person corrects them, and they land again.

mod arguments;
mod corrections;
mod export;
mod fix;
mod form;
mod ledger;
mod rejects;
mod retry;
mod trail;

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use self::arguments::QuarantineCommand;
pub(crate) use self::ledger::{InForce, Ledger};
pub(crate) use self::rejects::latest_receipt;
use self::rejects::{dataset_called, rejected_rows};
use crate::Failure;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// `datong quarantine`.
pub(crate) async fn run(config: &Path, command: &QuarantineCommand, screen: &Screen) -> Result<(), Failure> {
    let site = Site::open(config).await?;
    match command {
        QuarantineCommand::List => list(&site, screen).await,
        QuarantineCommand::Show { dataset, rule, limit } => show(&site, dataset, rule.as_deref(), *limit, screen).await,
        QuarantineCommand::Export(arguments) => export::run(&site, arguments, screen).await,
        QuarantineCommand::Fix(arguments) => fix::run(&site, arguments, screen).await,
        QuarantineCommand::Corrections { dataset } => corrections::list(&site, dataset.as_deref(), screen).await,
        QuarantineCommand::Undo { id, author, reason } => corrections::undo(&site, id, author, reason, screen).await,
        QuarantineCommand::Retry { datasets, dry_run } => retry::run(&site, datasets, *dry_run, screen).await,
    }
}

async fn list(site: &Site, screen: &Screen) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for dataset in site.registry.datasets() {
        let Some(receipt) = latest_receipt(site, &dataset.id).await? else { continue };
        for (rule, n_rows) in &receipt.rejects_by_rule {
            let (zh, en) = connectors::hint(rule);
            rows.push(vec![dataset.id.to_string(), rule.clone(), thousands(*n_rows), screen.pick(zh, en).to_owned()]);
        }
    }
    if rows.is_empty() {
        screen.say("隔离区为空", "no rejected rows");
        return Ok(());
    }
    screen.table(&["数据集 dataset", "规则 rule", "行数 rows", "如何处理 what would fix it"], &rows);
    Ok(())
}

async fn show(site: &Site, dataset: &str, rule: Option<&str>, limit: usize, screen: &Screen) -> Result<(), Failure> {
    let id = &dataset_called(site, dataset)?.id;
    let Some(receipt) = latest_receipt(site, id).await? else {
        screen.say("该数据集还没有接入过", "this dataset was never pulled");
        return Ok(());
    };
    let rejected = rejected_rows(site, &receipt).await?;
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    let mut rows = Vec::new();
    for row in rejected.iter().filter(|row| rule.is_none_or(|rule| row.rule == rule)) {
        *by_rule.entry(row.rule.as_str()).or_default() += 1;
        if rows.len() < limit {
            rows.push(vec![
                row.source_file.clone(),
                row.sheet.clone().unwrap_or_default(),
                row.row.to_string(),
                row.field.clone().unwrap_or_default(),
                row.rule.clone(),
                what_would_fix(row, screen),
            ]);
        }
    }
    let headings = ["文件 file", "工作表 sheet", "行 row", "字段 field", "规则 rule", "如何处理 what would fix it"];
    screen.table(&headings, &rows);
    let total: u64 = by_rule.values().sum();
    screen.say(&format!("共 {total} 行,显示 {}", rows.len()), &format!("{total} rows, {} shown", rows.len()));
    Ok(())
}

fn what_would_fix(row: &connectors::RejectedRow, screen: &Screen) -> String {
    let hint = screen.pick(&row.hint_zh, &row.hint_en);
    if !row.correction_failed {
        return hint.to_owned();
    }
    format!("{hint} {}", screen.pick("(已有更正,但仍不通过)", "(corrected, and rejected all the same)"))
}
