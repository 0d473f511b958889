//! `datong policy`: who sees what, what a change would show, and what is wrong with a policy. Changes nothing but the layout
//! of files, and needs no data; `simulate` alone reads the access log.

mod report;
mod simulate;

use std::path::Path;

use policies::{PolicySet, Principal, export_read_restrictions, format_policy, policy_schema, run_cases};
use query::today_in_china;
use schemas::{Registry, Relation};
use serde_json::{Map, Value};

use crate::Failure;
use crate::cli::{ExportFormat, PolicyCommand};
use crate::failure::counted;
use crate::screen::Screen;
use crate::site::{
    SHIPPED_POLICIES, declarations, load_config, load_policies, parse_policies, read_text, registry, unsound_policies,
};
use crate::token::attributes;
use crate::whole_file::replace_file;

/// The word for the policies in force at the site.
const LIVE: &str = "live";
/// The word for the policies of the product.
const SHIPPED: &str = "shipped";

/// `datong policy`.
pub(crate) async fn run(config_file: &Path, command: &PolicyCommand, screen: &Screen) -> Result<(), Failure> {
    let desk = Desk { config_file, relations: relations(config_file)?, screen };
    match command {
        PolicyCommand::Matrix { file, role, relation, output } => {
            desk.known_relation(relation.as_deref())?;
            let set = desk.policies(file)?;
            known_role(&set, role.as_deref())?;
            let cells = set.matrix(&desk.relations).into_iter().filter(|cell| {
                role.as_ref().is_none_or(|role| *role == cell.role)
                    && relation.as_ref().is_none_or(|relation| *relation == cell.relation)
            });
            report::matrix(&cells.collect::<Vec<_>>(), *output, screen)
        }
        PolicyCommand::Diff { old, new, fail_on_widening, output } => {
            let diff = PolicySet::diff(&desk.policies(old)?, &desk.policies(new)?, &desk.relations);
            report::diff(&diff, *output, screen)?;
            if *fail_on_widening && diff.widens() {
                return Err(Failure::problems_found("有人会看得更多", "somebody would see more"));
            }
            Ok(())
        }
        PolicyCommand::Lint { file, output } => {
            report::findings(&desk.policies(file)?.lint(&desk.relations), *output, screen)
        }
        PolicyCommand::Test { file, cases } => desk.test(file, cases.as_deref()),
        PolicyCommand::Simulate { new, days, output } => {
            simulate::run(config_file, &desk.policies(new)?, &desk.relations, *days, *output, screen).await
        }
        PolicyCommand::Export { file, format, role, attributes: given, purpose, relation } => {
            desk.known_relation(relation.as_deref())?;
            let set = desk.policies(file)?;
            known_role(&set, Some(role))?;
            let principal = Principal {
                subject: String::new(),
                role: role.clone(),
                attributes: attributes(given)?,
                purpose: purpose.clone(),
            };
            let ExportFormat::IcebergReadRestrictions = format;
            desk.export(&set, &principal, relation.as_deref())
        }
        PolicyCommand::Fmt { files, check } => format_files(files, *check, screen),
        PolicyCommand::Schema => report::json(&policy_schema(&desk.relations), screen),
    }
}

/// What every command here needs.
struct Desk<'d> {
    config_file: &'d Path,
    relations: Vec<Relation>,
    screen: &'d Screen,
}

impl Desk<'_> {
    fn policies(&self, name: &str) -> Result<PolicySet, Failure> {
        match name {
            LIVE => load_policies(&load_config(self.config_file)?, &self.relations),
            SHIPPED => parse_policies(SHIPPED_POLICIES, PolicySet::shipped_text(), &self.relations),
            file => parse_policies(file, &read_text(Path::new(file))?, &self.relations),
        }
    }

    fn known_relation(&self, name: Option<&str>) -> Result<(), Failure> {
        let names = self.relations.iter().map(|relation| relation.name.to_string());
        known("表", "relation", name, names)
    }

    fn test(&self, file: &str, cases: Option<&Path>) -> Result<(), Failure> {
        let set = self.policies(file)?;
        let (name, text) = match cases {
            Some(path) => (path.display().to_string(), read_text(path)?),
            None => ("cases.toml".to_owned(), policies::shipped_cases_text().to_owned()),
        };
        let outcomes = run_cases(&set, &self.relations, &name, &text).map_err(|faults| unsound_policies(&faults))?;
        let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
        for outcome in &outcomes {
            let mark = if outcome.passed() { "✓" } else { "✗" };
            let title = self.screen.pick(&outcome.zh, &outcome.en);
            self.screen.line(&format!("{mark} {name}:{} {title}", outcome.line));
            for difference in &outcome.differences {
                self.screen.line(&format!("    {difference}"));
            }
        }
        self.screen.say(
            &format!("{} 个用例,{failed} 个未通过", outcomes.len()),
            &format!("{}, {failed} failed", counted(outcomes.len(), "case")),
        );
        if failed == 0 {
            return Ok(());
        }
        Err(Failure::problems_found(format!("{failed} 个用例未通过"), format!("{} failed", counted(failed, "case"))))
    }

    fn export(&self, set: &PolicySet, principal: &Principal, relation: Option<&str>) -> Result<(), Failure> {
        let today = today_in_china();
        let wanted = self.relations.iter().filter(|r| relation.is_none_or(|name| r.name.to_string() == name));
        let restrictions: Map<String, Value> = wanted
            .map(|relation| (relation.name.to_string(), export_read_restrictions(set, principal, relation, today)))
            .collect();
        report::json(&Value::Object(restrictions), self.screen)
    }
}

/// Relations of the site, or those of the product where there is no site.
fn relations(config_file: &Path) -> Result<Vec<Relation>, Failure> {
    let registry: Registry =
        if config_file.exists() { registry(&load_config(config_file)?)? } else { declarations(None)? };
    Ok(registry.relations())
}

/// A word of the command line that has to be known.
fn known(zh: &str, en: &str, given: Option<&str>, known: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(given) = given else { return Ok(()) };
    let names: Vec<String> = known.collect();
    if names.iter().any(|name| name == given) {
        return Ok(());
    }
    let names = names.join(", ");
    Err(Failure::usage(format!("没有{zh} {given};可用:{names}"), format!("no {en} `{given}`; known: {names}")))
}

/// A role the policies declare.
pub(crate) fn known_role(set: &PolicySet, role: Option<&str>) -> Result<(), Failure> {
    known("角色", "role", role, set.roles().map(|role| role.name.clone()))
}

fn format_files(files: &[std::path::PathBuf], check: bool, screen: &Screen) -> Result<(), Failure> {
    let mut n_other = 0_usize;
    for file in files {
        let text = read_text(file)?;
        let formatted = format_policy(&text).map_err(|mut faults| {
            faults.iter_mut().for_each(|fault| fault.file = file.display().to_string());
            unsound_policies(&faults)
        })?;
        if formatted == text {
            continue;
        }
        n_other += 1;
        if check {
            screen.line(&file.display().to_string());
        } else {
            replace_file(file, &formatted)?;
        }
    }
    if check && n_other > 0 {
        return Err(Failure::problems_found(
            format!("{n_other} 个文件排版不同"),
            format!("{} laid out otherwise", counted(n_other, "file")),
        ));
    }
    Ok(())
}
