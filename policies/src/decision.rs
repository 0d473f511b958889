//! The answer of [`crate::PolicySet::decide`], with its reasons.

use std::sync::Arc;

use crate::lift::Shown;
use crate::{AggregateRule, Lift, Mask, RevealRule, RowPredicate, SearchRule};

/// What a principal may see of one relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, not even that it exists: answer as for a name that does not exist.
    Invisible,
    /// The role may know the relation, but not with the purpose it declared, or not without one. Never a downgrade to less.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// These rows and columns.
    Visible(Box<Grant>),
}

impl Decision {
    /// The grant, if there is one.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Visible(grant) => Some(grant),
            Self::Invisible | Self::Refused { .. } => None,
        }
    }
}

/// Rows and columns of one relation that one principal may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which rows, decided on original values.
    pub rows: RowPredicate,
    /// The visible columns only, in the order of the relation. Never empty.
    pub columns: Vec<ColumnGrant>,
    /// Columns that the rule shows and a deny takes away, in the order of the relation.
    pub denied: Vec<DeniedColumn>,
    /// If set, rows are never released, only groups of enough persons.
    pub aggregate: Option<Arc<AggregateRule>>,
    /// If set, one person may be found by full values that are not shown.
    pub search: Option<Arc<SearchRule>>,
    /// If set, masked fields of one record may be shown in clear for a short time.
    pub reveal: Option<Arc<RevealRule>>,
    /// Id of the rule: `grid_worker/unified.person`, `police_officer@case_investigation/unified.person`.
    pub rule: String,
    /// Legal basis of the rule, as written in the policy.
    pub legal_basis: String,
    /// What tokens of this grant are bound to: the declared purpose, or `role:<role>` where none was declared, so that two
    /// roles without a purpose never get the same tokens. Pass it to [`crate::MaskContext::new`].
    pub token_scope: String,
    /// Last day (days since 1970-01-01, China time) on which this grant holds; `None` without a purpose. Whoever keeps a grant
    /// must ask again after it.
    pub expires: Option<i32>,
}

impl Grant {
    /// The grant for the column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnGrant> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// One visible column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnGrant {
    /// Name of the column.
    pub name: String,
    /// What is done to its values.
    pub mask: Mask,
    /// What is done instead where the subject of the row is a child.
    pub lift: Option<Lift>,
    /// Id of the rule for this column: `grid_worker/unified.person/id_no`.
    pub rule: String,
    /// Why it is shown as it is.
    pub reason: Reason,
}

impl ColumnGrant {
    /// What is done to the values, in one word for tables and headers: `keep_first_last`, with a lift
    /// `clear_under_14_surname_only`; `None` if they are shown as they are in every row.
    #[must_use]
    pub fn mask_name(&self) -> Option<String> {
        self.shown().name()
    }

    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown { mask: &self.mask, lift: self.lift.as_ref() }
    }
}

/// A column that a rule shows and a deny takes away: it cannot be asked for, but whoever asks `why` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedColumn {
    /// Name of the column.
    pub name: String,
    /// Id of the deny for this column: `deny:any/unified.person/id_no`.
    pub rule: String,
    /// Why it is taken away.
    pub reason: Reason,
}

/// A sentence for the person who asks `why`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Why a relation that the role may know is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The role reads this relation only for a purpose, and none was declared.
    #[error("a purpose has to be declared for this relation")]
    PurposeMissing,
    /// The declared purpose is in no published policy.
    #[error("the declared purpose is not known")]
    PurposeUnknown,
    /// The declared purpose has ended.
    #[error("the declared purpose has expired")]
    PurposeExpired,
    /// The role may not use the declared purpose.
    #[error("the declared purpose is not open to this role")]
    PurposeNotForRole,
    /// The purpose is sound, but this relation is not part of it.
    #[error("the declared purpose does not cover this relation")]
    PurposeNotForRelation,
}

impl Refusal {
    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::PurposeMissing => "查询该表须先声明用途",
            Self::PurposeUnknown => "声明的用途不存在",
            Self::PurposeExpired => "声明的用途已到期",
            Self::PurposeNotForRole => "当前角色不得使用该用途",
            Self::PurposeNotForRelation => "声明的用途不包括该表",
        }
    }
}
