//! `datong policy simulate`: the shapes of the requests of the last days under other policies.
//!
//! The access log keeps which columns a request read and in which role, for which purpose: its shape. The statement and the
//! values are not looked at. A shape is decided as the matrix decides it; rows are `policy diff`'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use audit::{Content, Decision};
use chrono::{TimeDelta, Utc};
use policies::{MatrixCell, PolicySet, Visibility};
use schemas::Relation;
use serde::Serialize;

use super::report;
use crate::Failure;
use crate::audit_chains::AuditChain;
use crate::cli::ReportFormat;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// Longest time that is looked back, in days.
const DAYS_MAX: u32 = 3_650;

/// What a request read, in which role, for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    role: String,
    purpose: Option<String>,
    columns: Vec<String>,
}

/// What would become of the requests of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// A relation or column is gone: an error.
    Fails,
    /// Answered, with other values in some column.
    Differs,
    /// As now.
    Same,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct ShapeReport {
    outcome: Outcome,
    requests: u64,
    role: String,
    purpose: Option<String>,
    /// Columns that are gone or shown otherwise, each with the masks now and then.
    columns: Vec<String>,
}

/// `datong policy simulate`.
pub(super) async fn run(
    config_file: &Path,
    new: &PolicySet,
    relations: &[Relation],
    days: u32,
    output: ReportFormat,
    screen: &Screen,
) -> Result<(), Failure> {
    if days == 0 || days > DAYS_MAX {
        return Err(Failure::usage(
            format!("天数应在 1 到 {DAYS_MAX} 之间"),
            format!("days have to be from 1 to {DAYS_MAX}"),
        ));
    }
    let site = Site::open(config_file).await?;
    let (now, then) = (Sight::of(&site.policies, relations), Sight::of(new, relations));
    let mut lines: Vec<ShapeReport> =
        shapes(&site, days)?.into_iter().map(|(shape, requests)| compare(&shape, requests, &now, &then)).collect();
    lines.sort_by(|a, b| a.outcome.cmp(&b.outcome).then(b.requests.cmp(&a.requests)));
    if output == ReportFormat::Json {
        return report::json(&lines, screen);
    }
    show(&lines, days, screen);
    Ok(())
}

/// What every role sees of every column, by place.
struct Sight(BTreeMap<(String, Option<String>, String), String>);

impl Sight {
    fn of(set: &PolicySet, relations: &[Relation]) -> Self {
        let cells = set.matrix(relations).into_iter().filter(|cell| cell.visibility == Visibility::Visible);
        let seen = cells.filter(|cell| cell.mask != "-").filter_map(|cell| {
            let MatrixCell { role, purpose, relation, column, mask, .. } = cell;
            Some(((role, purpose, format!("{relation}.{}", column?)), mask))
        });
        Self(seen.collect())
    }

    fn mask(&self, shape: &Shape, column: &str) -> Option<&str> {
        self.0.get(&(shape.role.clone(), shape.purpose.clone(), column.to_owned())).map(String::as_str)
    }
}

/// How often each shape was asked and answered.
fn shapes(site: &Site, days: u32) -> Result<BTreeMap<Shape, u64>, Failure> {
    let mut counts = BTreeMap::new();
    if !site.config.audit_folder.exists() {
        return Ok(counts);
    }
    let unreadable =
        |error: audit::AuditError| Failure::caused_by("审计日志无法读取", "the access log cannot be read", &error);
    let since = Utc::now() - TimeDelta::days(i64::from(days));
    let reader = AuditChain::Server.reader(site);
    for record in reader.records().map_err(unreadable)? {
        let record = record.map_err(unreadable)?;
        let Content::Opened { event, .. } = record.content else { continue };
        if record.time < since || event.decision != Decision::Allowed || event.columns.is_empty() {
            continue;
        }
        let columns: BTreeSet<String> = event.columns.iter().cloned().collect();
        let (Some(role), purpose) = (event.role.clone(), event.purpose.clone()) else { continue };
        *counts.entry(Shape { role, purpose, columns: columns.into_iter().collect() }).or_default() += 1;
    }
    Ok(counts)
}

fn compare(shape: &Shape, requests: u64, now: &Sight, then: &Sight) -> ShapeReport {
    let mut outcome = Outcome::Same;
    let mut columns = Vec::new();
    for column in &shape.columns {
        let (before, after) = (now.mask(shape, column), then.mask(shape, column));
        if before == after && after.is_some() {
            continue;
        }
        outcome = outcome.min(if after.is_some() { Outcome::Differs } else { Outcome::Fails });
        columns.push(format!("{column}: {} -> {}", before.unwrap_or("-"), after.unwrap_or("-")));
    }
    ShapeReport { outcome, requests, role: shape.role.clone(), purpose: shape.purpose.clone(), columns }
}

fn show(lines: &[ShapeReport], days: u32, screen: &Screen) {
    let requests_of = |outcome| lines.iter().filter(|l| l.outcome == outcome).map(|l| l.requests).sum::<u64>();
    for line in lines.iter().filter(|line| line.outcome != Outcome::Same) {
        let word = match line.outcome {
            Outcome::Fails => screen.pick("将失败", "fails"),
            Outcome::Differs | Outcome::Same => screen.pick("结果不同", "differs"),
        };
        let who = line.purpose.as_ref().map_or_else(|| line.role.clone(), |purpose| format!("{}@{purpose}", line.role));
        let times = thousands(line.requests);
        let noun = if line.requests == 1 { "request" } else { "requests" };
        screen.say(&format!("{word} {who} {times} 次"), &format!("{word} {who} {times} {noun}"));
        for column in &line.columns {
            screen.line(&format!("    {column}"));
        }
    }
    let [fail, differ, same] =
        [Outcome::Fails, Outcome::Differs, Outcome::Same].map(|outcome| thousands(requests_of(outcome)));
    screen.say(
        &format!("近 {days} 天的请求:{fail} 次将失败,{differ} 次结果不同,{same} 次不变"),
        &format!("requests of the last {days} days: {fail} would fail, {differ} would differ, {same} stay as they are"),
    );
}
