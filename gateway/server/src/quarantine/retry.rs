//! `datong quarantine retry`: the kept files land again, under the rules and corrections of now.

use connectors::Receipt;
use schemas::DatasetId;

use super::rejects::{dataset_called, latest_receipt};
use crate::Failure;
use crate::intake::{self, DatasetOutcome};
use crate::purge;
use crate::screen::{Screen, thousands};
use crate::site::Site;

pub(super) async fn run(site: &Site, names: &[String], is_rehearsal: bool, screen: &Screen) -> Result<(), Failure> {
    let receipts = newest(site, names).await?;
    if receipts.is_empty() {
        screen.say("还没有接入过数据", "nothing was pulled yet");
        return Ok(());
    }
    if is_rehearsal {
        let outcomes = intake::rehearse_again(site, &receipts, screen).await?;
        intake::print_outcomes(&outcomes, screen);
        let gained = gained(&receipts, &outcomes);
        screen.say(
            &format!("预演:将多接受 {} 行", signed(gained)),
            &format!("rehearsed: {} more rows would be accepted", signed(gained)),
        );
        return Ok(());
    }
    let report = intake::pull_again(site, &receipts, screen).await?;
    intake::print(&report, screen);
    let gained = gained(&receipts, &report.outcomes);
    screen.say(&format!("多接受 {} 行", signed(gained)), &format!("{} more rows accepted", signed(gained)));
    if report.link.is_some() {
        purge::after_publication(site, screen).await;
    }
    Ok(())
}

/// The newest receipts of these datasets, or of all that were ever pulled.
async fn newest(site: &Site, names: &[String]) -> Result<Vec<Receipt>, Failure> {
    let mut ids: Vec<DatasetId> = Vec::new();
    for name in names {
        let id = &dataset_called(site, name)?.id;
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    if names.is_empty() {
        ids.extend(site.registry.datasets().map(|dataset| dataset.id.clone()));
    }
    let mut receipts = Vec::new();
    for id in ids {
        receipts.extend(latest_receipt(site, &id).await?);
    }
    Ok(receipts)
}

/// Rows accepted now that were not before; less than none where a correction was taken back.
fn gained(before: &[Receipt], outcomes: &[(DatasetId, DatasetOutcome)]) -> i128 {
    let of_dataset = |(id, outcome): &(DatasetId, DatasetOutcome)| match outcome {
        DatasetOutcome::Landed(now) => {
            let before = before.iter().find(|receipt| receipt.dataset == *id).map_or(0, |receipt| receipt.accepted);
            i128::from(now.accepted) - i128::from(before)
        }
        DatasetOutcome::Unchanged | DatasetOutcome::NoFile => 0,
    };
    outcomes.iter().map(of_dataset).sum()
}

fn signed(n: i128) -> String {
    let shown = thousands(u64::try_from(n.unsigned_abs()).unwrap_or(u64::MAX));
    if n < 0 { format!("-{shown}") } else { shown }
}
