//! `datong doctor --self-test`: do the policies in force keep what they hide?
//!
//! Two made-up worlds are built from the declarations and the policies themselves, for every role and purpose. They differ in
//! nothing but what that role may not see: hidden columns, what masks take away, rows that are filtered out. The same
//! statements are asked in both through a gateway like the serving one. One answer that differs is a leak. No stored row is
//! read. The report is signed with the site's token key and bound to the policy version.

mod statements;
mod world;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use policies::{Decision, PolicySet, Principal};
use query::{
    AccessOutcome, AccessRecord, Gateway, GatewayConfig, Limits, OpenRecord, QueryError, QueryRequest, Recorder,
    RecorderError, TokenKey, today_in_china,
};
use schemas::Relation;
use serde::{Deserialize, Serialize};

use self::world::{Pair, Side};
use crate::Failure;
use crate::failure::counted;
use crate::screen::{Screen, thousands};
use crate::signed;
use crate::site::Site;

/// What such a signed document is, so that it is never taken for another.
const KIND: &str = "datong-self-test";
/// Differences that are listed; the others are counted.
const LISTED_MAX: usize = 50;

/// What was found, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Report {
    product: String,
    policy_version: String,
    made_at: String,
    /// Roles, each without a purpose and under each of its own.
    roles_and_purposes: usize,
    statements: u64,
    /// Those that were answered; the others were refused, with the same words in both worlds.
    answered: u64,
    /// Cells that differ between the worlds and must not show.
    hidden_cells: u64,
    /// Rows of one world that the other does not have.
    hidden_rows: u64,
    n_differences: u64,
    differences: Vec<Difference>,
}

/// A statement that tells the worlds apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Difference {
    role: String,
    purpose: Option<String>,
    statement: String,
}

/// Runs the test and writes the signed report to `file`.
pub(crate) async fn run(site: &Site, file: &Path, screen: &Screen) -> Result<(), Failure> {
    let issuer = signed::issuer(site)?;
    let report = test(&site.policies, &site.policies, &site.registry.relations(), screen).await?;
    std::fs::write(file, signed::sign(&issuer, KIND, &report)? + "\n")?;
    print(&report, screen);
    screen.say(&format!("报告 {}", file.display()), &format!("report {}", file.display()));
    passed(&report)
}

/// Says whether a report is this site's, whole, passed, and about the policies in force.
pub(crate) fn verify(site: &Site, file: &Path, screen: &Screen) -> Result<(), Failure> {
    let report: Report = signed::verify(site, KIND, file)?;
    print(&report, screen);
    if report.policy_version != site.policies.version() {
        return Err(Failure::problems_found(
            format!("报告针对策略 {},现行策略为 {}", report.policy_version, site.policies.version()),
            format!("the report is about policies {}, in force are {}", report.policy_version, site.policies.version()),
        ));
    }
    passed(&report)
}

fn print(report: &Report, screen: &Screen) {
    screen.say(
        &format!(
            "自检 {}:策略 {},{} 个角色与用途,{} 条语句各问两次({} 条有答案),{} 个单元格与 {} 行不应显露",
            report.made_at,
            report.policy_version,
            report.roles_and_purposes,
            thousands(report.statements),
            thousands(report.answered),
            thousands(report.hidden_cells),
            thousands(report.hidden_rows),
        ),
        &format!(
            "self-test {}: policies {}, {} roles and purposes, {} statements asked twice, {} of them answered, {} cells and {} rows not to be told",
            report.made_at,
            report.policy_version,
            report.roles_and_purposes,
            thousands(report.statements),
            thousands(report.answered),
            thousands(report.hidden_cells),
            thousands(report.hidden_rows),
        ),
    );
    for Difference { role, purpose, statement } in &report.differences {
        let who = purpose.as_ref().map_or_else(|| role.clone(), |purpose| format!("{role}@{purpose}"));
        screen.line(&format!("✗ {who}: {statement}"));
    }
}

fn passed(report: &Report) -> Result<(), Failure> {
    if report.n_differences == 0 {
        return Ok(());
    }
    let n = usize::try_from(report.n_differences).unwrap_or(usize::MAX);
    Err(Failure::problems_found(
        format!("{n} 条语句能区分两个世界:有泄漏"),
        format!(
            "{} the worlds apart: something leaks",
            if n == 1 { "1 statement tells".to_owned() } else { format!("{} tell", counted(n, "statement")) }
        ),
    ))
}

/// `believed`: the policies that say what the worlds may differ in. `in_force`: those the gateways answer by. They are the same
/// but in a test of this test.
async fn test(
    believed: &PolicySet,
    in_force: &PolicySet,
    relations: &[Relation],
    screen: &Screen,
) -> Result<Report, Failure> {
    let mut report = Report {
        product: env!("CARGO_PKG_VERSION").to_owned(),
        policy_version: in_force.version().to_owned(),
        made_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        roles_and_purposes: 0,
        statements: 0,
        answered: 0,
        hidden_cells: 0,
        hidden_rows: 0,
        n_differences: 0,
        differences: Vec::new(),
    };
    let today = today_in_china();
    for principal in principals(believed, today) {
        if screen.is_watched() {
            screen.remark(&format!("自检 {}", principal.role), &format!("self-test of {}", principal.role));
        }
        report.roles_and_purposes += 1;
        let decided: Vec<(&Relation, Decision)> =
            relations.iter().map(|relation| (relation, believed.decide_on(&principal, relation, today))).collect();
        of_principal(&decided, in_force, &principal, today, &mut report).await?;
    }
    Ok(report)
}

/// One principal for each role without a purpose, and one for each purpose that holds. Attributes have made-up values.
fn principals(policies: &PolicySet, today: i32) -> Vec<Principal> {
    let mut all = Vec::new();
    for role in policies.roles() {
        let purposes = policies.purposes_of(&role.name).filter(|purpose| purpose.expires >= today);
        for purpose in std::iter::once(None).chain(purposes.map(|purpose| Some(purpose.id.clone()))) {
            let attributes =
                role.attributes.iter().map(|name| (name.clone(), vec![world::ATTRIBUTE_VALUE.to_owned()])).collect();
            all.push(Principal { subject: "self-test".to_owned(), role: role.name.clone(), attributes, purpose });
        }
    }
    all
}

async fn of_principal(
    decided: &[(&Relation, Decision)],
    in_force: &PolicySet,
    principal: &Principal,
    today: i32,
    report: &mut Report,
) -> Result<(), Failure> {
    let (a, b) = (gateway(in_force, today)?, gateway(in_force, today)?);
    for (version, (relation, decision)) in (1..).zip(decided) {
        // One relation at a time: a statement reads one, and deciding all the others takes most of its time.
        let Some(pair) = Pair::of(relation, decision.grant(), today) else {
            return Err(Failure::failed(
                format!("无法为 {} 造样例", relation.name),
                format!("no sample rows can be made for {}", relation.name),
            ));
        };
        report.hidden_cells += pair.hidden_cells;
        report.hidden_rows += pair.hidden_rows;
        a.publish(pair.published(Side::A, version)?);
        b.publish(pair.published(Side::B, version)?);
        if believed_rows(decision)
            && ask(&a, principal, &statements::whole(relation)).await.map_or(0, |(_, rows)| rows.len()) == 0
        {
            // Nothing that is asked of such a relation could tell the worlds apart.
            return Err(Failure::failed(
                format!("自检看不到 {} 的行({}):无法检验", relation.name, principal.role),
                format!(
                    "the self-test sees no row of {} as {}: nothing would be tested",
                    relation.name, principal.role
                ),
            ));
        }
        for statement in statements::of(relation, decision, &pair) {
            report.statements += 1;
            let (of_a, of_b) = tokio::join!(ask(&a, principal, &statement), ask(&b, principal, &statement));
            report.answered += u64::from(of_a.is_ok());
            if of_a != of_b {
                report.n_differences += 1;
                if report.differences.len() < LISTED_MAX {
                    let (role, purpose) = (principal.role.clone(), principal.purpose.clone());
                    report.differences.push(Difference { role, purpose, statement });
                }
            }
        }
    }
    Ok(())
}

/// Whether rows of the relation may be read.
fn believed_rows(decision: &Decision) -> bool {
    decision.grant().is_some_and(|grant| grant.aggregate.is_none())
}

fn gateway(policies: &PolicySet, today: i32) -> Result<Gateway, Failure> {
    let config = GatewayConfig {
        limits: Limits::default(),
        cpu_threads: 1,
        token_key: TokenKey::new([7; 32]),
        today: Some(today),
        spill_folder: None,
    };
    Gateway::start(config, policies.clone(), Arc::new(Unrecorded))
        .map_err(|error| Failure::caused_by("查询引擎无法启动", "the query engine cannot start", &error))
}

/// Everything that leaves: names and rows in their order, or the error with its text.
type Answer = Result<(Vec<String>, Vec<String>), (String, String)>;

async fn ask(gateway: &Gateway, principal: &Principal, statement: &str) -> Answer {
    let told = |error: &QueryError| (error.code().to_owned(), error.to_string());
    let request = QueryRequest {
        principal: principal.clone(),
        sql: statement.to_owned(),
        request_id: "self-test".to_owned(),
        protocol: "cli",
        kind: "query",
        client: None,
        token_id: None,
        parameters: Vec::new(),
        as_of: None,
    };
    let rows = gateway.query(request).await.map_err(|error| told(&error))?;
    let names = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    let batches: Vec<arrow::array::RecordBatch> = rows.try_collect().await.map_err(|error| told(&error))?;
    Ok((names, world::lines(&batches)))
}

/// The self-test is recorded as a whole by its report, not statement by statement.
#[derive(Debug)]
struct Unrecorded;

#[async_trait]
impl Recorder for Unrecorded {
    async fn open(&self, _: AccessRecord) -> Result<Box<dyn OpenRecord>, RecorderError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl OpenRecord for Unrecorded {
    async fn close(self: Box<Self>, _: AccessOutcome) -> Result<(), RecorderError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use schemas::Registry;

    use super::*;

    /// Worlds made for narrower policies than those in force differ in what is shown: the test has to say so.
    #[tokio::test(flavor = "multi_thread")]
    async fn policies_that_show_more_than_believed_are_found() {
        let relations: Vec<Relation> = Registry::shipped().unwrap().relations();
        let person: Vec<Relation> = relations.iter().filter(|r| r.name.table() == "person").cloned().collect();
        let of_role = |text: &str| PolicySet::parse("p.toml", text, &relations).unwrap();
        let text = |columns: &str| {
            format!(
                "[role.clerk]\nzh = \"甲\"\nen = \"clerk\"\nattributes = [\"grids\"]\n[[rule]]\nrole = \"clerk\"\n\
                 relations = [\"unified.person\"]\nzh = \"一\"\nen = \"one\"\nlegal_basis = \"法\"\n\
                 rows = {{ column = \"grid_id\", in = \"grids\" }}\n[rule.columns]\n{columns}"
            )
        };
        let all_rows = text("name = \"surname_only\"\n").replace("{ column = \"grid_id\", in = \"grids\" }", "\"all\"");
        let believed = of_role(&text("name = \"surname_only\"\n"));
        for (in_force, leaks) in [
            (text("name = \"surname_only\"\n"), false),
            (text("name = \"clear\"\n"), true),
            (text("name = \"surname_only\"\nphone = \"clear\"\n"), true),
            (all_rows, true),
        ] {
            let report = test(&believed, &of_role(&in_force), &person, &Screen::new(None)).await.unwrap();
            assert!(report.statements > 50 && report.hidden_cells > 100 && report.hidden_rows > 10, "{report:?}");
            assert_eq!(report.n_differences > 0, leaks, "{in_force}: {:?}", report.differences);
            assert_eq!(passed(&report).is_err(), leaks);
        }
    }
}
