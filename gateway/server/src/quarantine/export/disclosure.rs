//! Which cells of rejected rows a principal may have: those of columns that the policies in force show it in clear in every row
//! of the landed relation.

use std::collections::{BTreeMap, BTreeSet};

use audit::{AuditEvent, Decision as Recorded, EventKind, Protocol};
use connectors::RejectedRow;
use policies::{Decision, Mask, Principal, RowPredicate};
use schemas::Dataset;

use crate::Failure;
use crate::quarantine::form::NOT_SHOWN;
use crate::quarantine::trail::request_id;
use crate::site::Site;

/// Codes of the access log, as the gateway has them.
const NOT_FOUND: &str = "DT-SQL-0004";
const REFUSED: &str = "DT-POL-0001";
const AGGREGATE_ONLY: &str = "DT-POL-0002";

/// What may be written.
#[derive(Debug)]
pub(super) struct Disclosure {
    /// Declared fields shown in clear.
    clear: BTreeSet<String>,
    /// The others.
    hidden: Vec<String>,
    /// The rule that decided.
    rule: String,
}

/// Why nothing may be written.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) failure: Failure,
}

impl Disclosure {
    pub(super) fn decide(site: &Site, principal: &Principal, dataset: &Dataset) -> Result<Self, Refused> {
        let refused = |code, zh: &str, en: &str| {
            let id = &dataset.id;
            Err(Refused { code, failure: Failure::not_allowed(format!("{id}:{zh}"), format!("{id}: {en}")) })
        };
        let grant = match site.policies.decide(principal, &dataset.landed_relation()) {
            Decision::Invisible => return refused(NOT_FOUND, "当前角色无权查看", "this role may not see it"),
            Decision::Refused { reason } => return refused(REFUSED, reason.zh(), &reason.to_string()),
            Decision::Visible(grant) if grant.aggregate.is_some() => {
                return refused(
                    AGGREGATE_ONLY,
                    "当前角色只能统计,不能查看行",
                    "this role may count rows but not see them",
                );
            }
            Decision::Visible(grant) => grant,
        };
        let mut clear: BTreeSet<String> = BTreeSet::new();
        // A row filter compares values as landed; a row that was rejected has none.
        if grant.rows == RowPredicate::All {
            let in_clear = grant.columns.iter().filter(|column| column.mask == Mask::Clear && column.lift.is_none());
            clear.extend(in_clear.map(|column| column.name.clone()));
        }
        let fields = || dataset.fields.iter().map(|field| field.name.to_string());
        clear.retain(|name| dataset.field(name).is_some());
        let hidden = fields().filter(|name| !clear.contains(name)).collect();
        Ok(Self { clear, hidden, rule: grant.rule })
    }

    /// The cell as it came, or [`NOT_SHOWN`]. A cell at fault may hold anything, also the value of another column, and so may
    /// every cell of a row that was split wrongly: they are for those who may see every column.
    pub(super) fn cell<'r>(&self, row: &'r RejectedRow, field: &str) -> &'r str {
        let sees_all = self.hidden.is_empty();
        let is_what_it_says = !row.is_faulty_as_a_whole() && !row.faulty.iter().any(|faulty| faulty == field);
        if self.clear.contains(field) && (sees_all || is_what_it_says) { row.text(field) } else { NOT_SHOWN }
    }

    /// Fields that are never shown.
    pub(super) fn hidden_fields(&self) -> Vec<&str> {
        self.hidden.iter().map(String::as_str).collect()
    }

    /// The record of an export that is allowed.
    pub(super) fn event(&self, site: &Site, principal: &Principal, dataset: &Dataset) -> AuditEvent {
        let mut event = begun(site, principal, dataset, Recorded::Allowed);
        event.columns = self.clear.iter().map(|field| format!("{}.{field}", dataset.id)).collect();
        let hidden = self.hidden.iter().map(|field| (format!("{}.{field}", dataset.id), "not_shown".to_owned()));
        event.masks = hidden.collect::<BTreeMap<_, _>>();
        event.grants = vec![self.rule.clone()];
        event
    }
}

/// The record of an export that is not.
pub(super) fn denied(site: &Site, principal: &Principal, dataset: &Dataset, code: &str) -> AuditEvent {
    begun(site, principal, dataset, Recorded::Denied { code: code.to_owned() })
}

fn begun(site: &Site, principal: &Principal, dataset: &Dataset, decision: Recorded) -> AuditEvent {
    let mut event = AuditEvent::new(request_id("export"), EventKind::Export, Protocol::Cli, decision).by(principal);
    event.relations = vec![dataset.id.to_string()];
    event.policy_version = Some(site.policies.version().to_owned());
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(field: Option<&str>, faulty: &[&str]) -> RejectedRow {
        let text = |text: &str| Some(text.to_owned());
        RejectedRow {
            source_file: "f".to_owned(),
            sheet: None,
            row: 1,
            record_key: None,
            field: field.map(str::to_owned),
            rule: "checksum".to_owned(),
            hint_zh: String::new(),
            hint_en: String::new(),
            raw: vec![("姓名".to_owned(), "A".to_owned()), ("号码".to_owned(), "1".to_owned())],
            fields: vec![text("name"), text("id_no")],
            faulty: faulty.iter().map(|name| (*name).to_owned()).collect(),
            raw_hash: "00".to_owned(),
            correction_failed: false,
        }
    }

    fn disclosure(clear: &[&str], hidden: &[&str]) -> Disclosure {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Disclosure { clear: names(clear).into_iter().collect(), hidden: names(hidden), rule: "r".to_owned() }
    }

    #[test]
    fn a_cell_that_cannot_be_trusted_is_for_those_who_see_every_column() {
        let one = row(Some("id_no"), &["id_no"]);
        let cells = |disclosure: &Disclosure, row: &RejectedRow| {
            ["name", "id_no"].map(|field| disclosure.cell(row, field).to_owned())
        };
        assert_eq!(cells(&disclosure(&["name", "id_no"], &[]), &one), ["A", "1"]);
        assert_eq!(cells(&disclosure(&["name", "id_no"], &["phone"]), &one), ["A", "***"]);
        assert_eq!(cells(&disclosure(&["name"], &["id_no"]), &one), ["A", "***"]);
        let name_at_fault = row(Some("name"), &["name"]);
        assert_eq!(cells(&disclosure(&["name"], &["id_no"]), &name_at_fault), ["***", "***"]);
        let split_wrongly = row(None, &[]);
        assert_eq!(cells(&disclosure(&["name"], &["id_no"]), &split_wrongly), ["***", "***"]);
        assert_eq!(cells(&disclosure(&["name", "id_no"], &[]), &split_wrongly), ["A", "1"]);
    }
}
