//! `datong quarantine corrections` and `undo`: who corrected what, never the values.

use std::collections::BTreeMap;

use chrono::{FixedOffset, Utc};
use connectors::{CorrectionOutcome, Receipt};
use schemas::DatasetId;

use super::fix::signed;
use super::ledger::{Correction, Ledger, Withdrawal};
use super::rejects::{dataset_called, latest_receipt};
use super::trail;
use crate::Failure;
use crate::screen::Screen;
use crate::site::Site;

/// Seconds that China's time is ahead.
const CHINA_SECONDS: i32 = 8 * 3_600;

pub(super) async fn list(site: &Site, dataset: Option<&str>, screen: &Screen) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for id in datasets(site, dataset)? {
        let ledger = Ledger::load(site, &id).await?;
        let in_force: Vec<String> = ledger.in_force().ids().map(str::to_owned).collect();
        let receipt = latest_receipt(site, &id).await?;
        for (correction, withdrawal) in ledger.history() {
            let state = match withdrawal {
                Some(withdrawal) => {
                    let (zh, en) = ("已撤销", "withdrawn");
                    format!("{}: {}, {}", screen.pick(zh, en), withdrawal.author, withdrawal.reason)
                }
                None if !in_force.contains(&correction.id) => {
                    screen.pick("已有更新的更正", "replaced by a later one").to_owned()
                }
                None => state(correction, receipt.as_ref(), screen).to_owned(),
            };
            rows.push(line(correction, state));
        }
    }
    if rows.is_empty() {
        screen.say("没有更正", "no corrections");
        return Ok(());
    }
    let headings = [
        "编号 id",
        "数据集 dataset",
        "文件 file",
        "工作表 sheet",
        "行 row",
        "字段 fields",
        "更正人 author",
        "原因 reason",
        "时间 time",
        "状态 state",
    ];
    screen.table(&headings, &rows);
    Ok(())
}

fn datasets(site: &Site, dataset: Option<&str>) -> Result<Vec<DatasetId>, Failure> {
    match dataset {
        Some(name) => Ok(vec![dataset_called(site, name)?.id.clone()]),
        None => Ok(site.registry.datasets().map(|dataset| dataset.id.clone()).collect()),
    }
}

/// What the newest pull made of a correction in force.
fn state<'s>(correction: &Correction, receipt: Option<&Receipt>, screen: &'s Screen) -> &'s str {
    let none = BTreeMap::new();
    match receipt.map_or(&none, |receipt| &receipt.corrections).get(&correction.id) {
        None => screen.pick("待重试", "waiting for retry"),
        Some(CorrectionOutcome::Applied) => screen.pick("已生效", "applied"),
        Some(CorrectionOutcome::StillFails) => screen.pick("更正后仍不通过", "still rejected"),
        Some(CorrectionOutcome::NoSuchRow) => screen.pick("不再适用", "not applied any more"),
    }
}

fn line(correction: &Correction, state: String) -> Vec<String> {
    let fields: Vec<&str> = correction.texts.keys().map(String::as_str).collect();
    let made_at = FixedOffset::east_opt(CHINA_SECONDS)
        .map_or_else(|| correction.made_at.to_rfc3339(), |zone| correction.made_at.with_timezone(&zone).to_rfc3339());
    vec![
        correction.id.clone(),
        correction.dataset.to_string(),
        correction.source_file.clone(),
        correction.sheet.clone().unwrap_or_default(),
        correction.source_row.to_string(),
        fields.join(" "),
        correction.author.clone(),
        correction.reason.clone(),
        made_at,
        state,
    ]
}

pub(super) async fn undo(site: &Site, id: &str, author: &str, reason: &str, screen: &Screen) -> Result<(), Failure> {
    let (author, reason) = signed(author, reason)?;
    for dataset in datasets(site, None)? {
        let ledger = Ledger::load(site, &dataset).await?;
        let history = ledger.history();
        let Some((_, withdrawal)) = history.iter().find(|(correction, _)| correction.id == id) else { continue };
        let trail = trail::begin(site, "undo", author, &dataset).await?;
        let made = Withdrawal { author: author.to_owned(), reason: reason.to_owned(), made_at: Utc::now() };
        let is_new = withdrawal.is_none() && ledger.withdraw(id, &made).await?;
        trail.close(u64::from(is_new)).await?;
        if !is_new {
            return Err(Failure::failed(
                format!("更正 {id} 已被撤销"),
                format!("correction `{id}` is withdrawn already"),
            ));
        }
        screen.say(
            &format!("已撤销更正 {id};运行 datong quarantine retry {dataset} 生效"),
            &format!("correction `{id}` is withdrawn; `datong quarantine retry {dataset}` puts that into effect"),
        );
        return Ok(());
    }
    Err(Failure::usage("没有该编号的更正", "no correction has this id"))
}
