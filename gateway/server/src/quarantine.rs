//! Rejected rows as an operator may see them: where and why, never what was in them.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::{Receipt, RejectedRow};
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use schemas::DatasetId;

use crate::Failure;
use crate::cli::QuarantineCommand;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// `datong quarantine`.
pub(crate) async fn run(config: &Path, command: &QuarantineCommand, screen: &Screen) -> Result<(), Failure> {
    let site = Site::open(config).await?;
    match command {
        QuarantineCommand::List => list(&site, screen).await,
        QuarantineCommand::Show { dataset, rule, limit } => show(&site, dataset, rule.as_deref(), *limit, screen).await,
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
    let id = DatasetId::try_from(dataset).ok().filter(|id| site.registry.dataset(id).is_some()).ok_or_else(|| {
        Failure::usage(format!("没有声明数据集 {dataset}"), format!("dataset `{dataset}` is not declared"))
    })?;
    let Some(receipt) = latest_receipt(site, &id).await? else {
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
                screen.pick(&row.hint_zh, &row.hint_en).to_owned(),
            ]);
        }
    }
    let headings = ["文件 file", "工作表 sheet", "行 row", "字段 field", "规则 rule", "如何处理 what would fix it"];
    screen.table(&headings, &rows);
    let total: u64 = by_rule.values().sum();
    screen.say(&format!("共 {total} 行,显示 {}", rows.len()), &format!("{total} rows, {} shown", rows.len()));
    Ok(())
}

async fn latest_receipt(site: &Site, id: &DatasetId) -> Result<Option<Receipt>, Failure> {
    let object = ObjectPath::from(format!("receipts/{id}/latest.json"));
    let found = match site.lake.store().get(&object).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    let bytes = found.bytes().await.map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(&error))
}

async fn rejected_rows(site: &Site, receipt: &Receipt) -> Result<Vec<RejectedRow>, Failure> {
    let folder = ObjectPath::from(format!("rejects/{}/{}", receipt.dataset, receipt.batch_id));
    let store = site.lake.store();
    let objects: Vec<_> = store.list(Some(&folder)).try_collect().await.map_err(|error| unreadable(&error))?;
    let mut rows = Vec::new();
    for object in objects {
        let found = store.get(&object.location).await.map_err(|error| unreadable(&error))?;
        let bytes = found.bytes().await.map_err(|error| unreadable(&error))?;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            rows.push(serde_json::from_slice(line).map_err(|error| unreadable(&error))?);
        }
    }
    Ok(rows)
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::caused_by("隔离区无法读取", "the quarantine cannot be read", error)
}
