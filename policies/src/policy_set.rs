//! A policy set: what was read from one file, checked, and is ready to decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{FieldType, Registry, Relation, RelationName};

use crate::deny::Deny;
use crate::lift::Shown;
use crate::parse::{self, FaultKind};
use crate::row::RowRule;
use crate::{AggregateRule, Lift, Mask, PolicyFault, Purpose, Reason, RevealRule, SearchRule};

/// The shipped policies, and the name they go by in faults.
const SHIPPED: (&str, &str) = ("policies/data/default.toml", include_str!("../data/default.toml"));

/// Roles, purposes and rules, checked whole against the relations they speak of. Immutable; cheap to clone.
///
/// How rules combine: a principal has one active role, and for one role, purpose and relation there is exactly one rule (two
/// are a fault). A rule that names no purpose is the base rule of its role and relation: it holds when no purpose is
/// declared, and also under a declared purpose for which that relation has no rule of its own. Rules are never merged. A rule of
/// a purpose shows more than the base rule only of the columns that the purpose lists as its `fields`. What a deny names is
/// taken away last, whatever rules grant.
#[derive(Debug, Clone)]
pub struct PolicySet {
    pub(crate) version: String,
    pub(crate) roles: Arc<BTreeMap<String, Role>>,
    pub(crate) purposes: Arc<BTreeMap<String, Purpose>>,
    pub(crate) rules: Arc<BTreeMap<String, BTreeMap<RelationName, RulesOfRelation>>>,
    pub(crate) denies: Arc<Vec<Deny>>,
    pub(crate) standard: String,
}

/// A role that a principal can be active in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Name in tokens and rules: `grid_worker`.
    pub name: String,
    /// Chinese title.
    pub zh: String,
    /// English title.
    pub en: String,
    /// Attributes of the principal that its row rules compare with: `grids`.
    pub attributes: Vec<String>,
    /// How many days back it may ask for what was published before and for what has changed since; 0: only for what is
    /// published now.
    pub past_days: u32,
}

impl Role {
    /// Longest look back, in days.
    pub const PAST_DAYS_MAX: u32 = 3_650;
}

/// The rules of one role for one relation.
#[derive(Debug, Clone, Default)]
pub(crate) struct RulesOfRelation {
    pub(crate) base: Option<Rule>,
    pub(crate) by_purpose: BTreeMap<String, Rule>,
}

/// One rule for one relation.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) legal_basis: String,
    pub(crate) rows: RowRule,
    pub(crate) columns: BTreeMap<String, RuleColumn>,
    pub(crate) aggregate: Option<Arc<AggregateRule>>,
    pub(crate) search: Option<Arc<SearchRule>>,
    pub(crate) reveal: Option<Arc<RevealRule>>,
    /// Of a rule for a purpose: whether its rows and statistics are within those of the base rule.
    pub(crate) is_within_base: bool,
}

/// One column that a rule shows, bound to the type it was checked against.
#[derive(Debug, Clone)]
pub(crate) struct RuleColumn {
    pub(crate) field_type: FieldType,
    pub(crate) mask: Mask,
    pub(crate) lift: Option<Lift>,
    pub(crate) rule: String,
    pub(crate) reason: Reason,
}

impl RuleColumn {
    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown { mask: &self.mask, lift: self.lift.as_ref() }
    }
}

impl PolicySet {
    /// Reads a policy file and checks it against the relations there are. `file` is the name given in faults.
    ///
    /// # Errors
    /// Every fault of the text at once, in the order of their place. A set with any fault is refused whole.
    pub fn parse(file: &str, text: &str, relations: &[Relation]) -> Result<Self, Vec<PolicyFault>> {
        parse::parse(file, text, relations)
    }

    /// The policies shipped with the product, checked against the shipped relations.
    ///
    /// # Errors
    /// As [`PolicySet::parse`], or one fault if the shipped declarations cannot be read; tests keep both sound.
    pub fn shipped() -> Result<Self, Vec<PolicyFault>> {
        let registry =
            Registry::shipped().map_err(|_| vec![PolicyFault::of_file(SHIPPED.0, FaultKind::NoRelations)])?;
        Self::parse(SHIPPED.0, SHIPPED.1, &registry.relations())
    }

    /// The text of the shipped policies, for a site to start from.
    #[must_use]
    pub fn shipped_text() -> &'static str {
        SHIPPED.1
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the policy text: other text, other version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The standard by which classes of personal information were resolved: `GB/T 45574-2025`.
    #[must_use]
    pub fn standard(&self) -> &str {
        &self.standard
    }

    /// All roles, by name.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// The role of that name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// All purposes, by id.
    pub fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.purposes.values()
    }

    /// The purpose of that id.
    #[must_use]
    pub fn purpose(&self, id: &str) -> Option<&Purpose> {
        self.purposes.get(id)
    }

    /// The purposes a role may declare.
    pub fn purposes_of<'s>(&'s self, role: &'s str) -> impl Iterator<Item = &'s Purpose> {
        self.purposes.values().filter(move |p| p.roles.iter().any(|r| r == role))
    }
}
