//! The matrix: every role, purpose, relation and column, flat, for tables and snapshots.

use std::collections::BTreeMap;

use schemas::Relation;

use crate::{Decision, PolicySet, Principal};

/// Whether a relation can be read. In the order of how much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Not even that it exists.
    Invisible,
    /// It exists, but is not answered.
    Refused,
    /// Some rows and columns.
    Visible,
}

impl Visibility {
    pub(crate) fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Invisible => Self::Invisible,
            Decision::Refused { .. } => Self::Refused,
            Decision::Visible(_) => Self::Visible,
        }
    }
}

/// What one role sees of one column, without a purpose or under one that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MatrixCell {
    /// Name of the role.
    pub role: String,
    /// Id of the declared purpose; `None` if none is declared.
    pub purpose: Option<String>,
    /// Name of the relation.
    pub relation: String,
    /// Whether the relation can be read. If not, there is one cell for all of it.
    pub visibility: Visibility,
    /// Why it is refused, in English; empty otherwise.
    pub refusal: String,
    /// Id of the rule that holds; empty if there is none. Under a purpose it may be the base rule.
    pub rule: String,
    /// The rows shown, with `<attribute>` for what the principal's attribute holds; empty if none can be read.
    pub rows: String,
    /// If set, no row is shown, only groups of so many persons at least.
    pub counted_by: Option<u32>,
    /// Name of the column; `None` if the relation cannot be read.
    pub column: Option<String>,
    /// Id of the deny that takes the column or the relation away; empty if none does.
    pub deny: String,
    /// Name and parameters of the mask: `keep_first_last(6, 4)`, with a lift `clear, under 14 by birth_date: surname_only`; `-` if
    /// the column is hidden.
    pub mask: String,
}

impl PolicySet {
    /// Who sees what of these relations: for each role, without a purpose and under each it may declare, one cell per column
    /// of a relation it can read and one per relation it cannot. In the order of roles, purposes and relations; purposes
    /// that have ended are shown as if they held.
    #[must_use]
    pub fn matrix(&self, relations: &[Relation]) -> Vec<MatrixCell> {
        let mut cells = Vec::new();
        for role in self.roles() {
            let purposes = std::iter::once(None).chain(self.purposes_of(&role.name).map(|p| Some(p.id.as_str())));
            for purpose in purposes {
                for relation in relations {
                    cells.extend(self.cells_of(&role.name, purpose, relation));
                }
            }
        }
        cells
    }

    fn cells_of(&self, role: &str, purpose: Option<&str>, relation: &Relation) -> Vec<MatrixCell> {
        let decision = self.decide_for_all(role, purpose, relation);
        let whole = MatrixCell {
            role: role.to_owned(),
            purpose: purpose.map(str::to_owned),
            relation: relation.name.to_string(),
            visibility: Visibility::of(&decision),
            refusal: String::new(),
            rule: String::new(),
            rows: String::new(),
            counted_by: None,
            column: None,
            deny: String::new(),
            mask: "-".to_owned(),
        };
        match &decision {
            Decision::Invisible => vec![MatrixCell { deny: self.deny_of_all(role, purpose, relation), ..whole }],
            Decision::Refused { reason } => vec![MatrixCell { refusal: reason.to_string(), ..whole }],
            Decision::Visible(grant) => {
                let whole = MatrixCell {
                    rule: grant.rule.clone(),
                    rows: format!("{:?}", grant.rows),
                    counted_by: grant.aggregate.as_ref().map(|rule| rule.k),
                    ..whole
                };
                let cells = relation.columns.iter().map(|column| {
                    let granted = grant.column(column.name.as_str());
                    let mask = granted.map_or_else(|| "-".to_owned(), |granted| granted.shown().to_string());
                    let denied = grant.denied.iter().find(|denied| denied.name == column.name.as_str());
                    let deny = denied.map_or_else(String::new, |denied| denied.rule.clone());
                    MatrixCell { column: Some(column.name.to_string()), deny, mask, ..whole.clone() }
                });
                cells.collect()
            }
        }
    }

    /// The deny that hides a relation for which the role has rules; empty if there is none.
    fn deny_of_all(&self, role: &str, purpose: Option<&str>, relation: &Relation) -> String {
        let has_rules = self.rules.get(role).is_some_and(|of_role| of_role.contains_key(&relation.name));
        let denied = self.denied(role, purpose, relation);
        denied.first_id().filter(|_| has_rules).map_or_else(String::new, str::to_owned)
    }

    /// The decision for a principal who has every attribute of the role, each as `<attribute>`, on a day on which no
    /// purpose has ended.
    pub(crate) fn decide_for_all(&self, role: &str, purpose: Option<&str>, relation: &Relation) -> Decision {
        let names = self.role(role).map(|role| role.attributes.as_slice()).unwrap_or_default();
        let attributes: BTreeMap<String, Vec<String>> =
            names.iter().map(|name| (name.clone(), vec![format!("<{name}>")])).collect();
        let who = Principal {
            subject: String::new(),
            role: role.to_owned(),
            attributes,
            purpose: purpose.map(str::to_owned),
        };
        self.decide_on(&who, relation, i32::MIN)
    }
}
