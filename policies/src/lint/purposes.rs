//! Purposes that may show more than any of their rules does: the record is wider than what is needed.

use schemas::Relation;

use super::{LintFinding, LintSeverity};
use crate::{PolicySet, Purpose, purpose};

/// Id of the rule.
const RULE: &str = "P-001";

/// One finding for each role that may declare a purpose with fields that no rule of it, of any role, shows more than the
/// base rules do.
pub(super) fn unused_fields(set: &PolicySet, relations: &[Relation]) -> Vec<LintFinding> {
    let mut found = Vec::new();
    for purpose in set.purposes() {
        let listed = relations.iter().flat_map(|r| r.columns.iter().map(move |c| (r, c.name.as_str())));
        let unused = listed.filter(|(r, column)| purpose.lists(&r.name, column) && !is_used(set, purpose, r, column));
        let columns: Vec<String> = unused.map(|(r, column)| format!("{}.{column}", r.name)).collect();
        if !columns.is_empty() {
            found.extend(purpose.roles.iter().map(|role| finding(role, purpose, &columns)));
        }
    }
    found
}

fn is_used(set: &PolicySet, purpose: &Purpose, relation: &Relation, column: &str) -> bool {
    let of_roles = set.rules.values().filter_map(|of_role| of_role.get(&relation.name));
    let mut rules =
        of_roles.filter_map(|rules| rules.by_purpose.get(&purpose.id).map(|rule| (rule, rules.base.as_ref())));
    rules.any(|(rule, base)| purpose::widens(rule, base, column))
}

fn finding(role: &str, purpose: &Purpose, columns: &[String]) -> LintFinding {
    LintFinding {
        role: role.to_owned(),
        purpose: Some(purpose.id.clone()),
        rule: RULE,
        severity: LintSeverity::Warning,
        columns: columns.to_vec(),
        of_children: false,
        candidates: None,
        zh: format!(
            "用途“{}”列出了{}，但没有规则因此多显示。请从 fields 中删去，只留必要的列。",
            purpose.zh,
            columns.join("、")
        ),
        en: format!(
            "purpose `{}` lists {}, and no rule shows more of that: take out of fields what is not needed.",
            purpose.id,
            columns.join(", ")
        ),
    }
}
