//! One change of who sees what, its direction, and how it is written down.

use std::collections::BTreeMap;
use std::fmt;

use crate::row::RowRule;

/// Whether the new policies show more than the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Everything the old ones show, and more.
    More,
    /// Only what the old ones show, and less.
    Less,
    /// Written otherwise, but it shows the same.
    Same,
    /// Something the old ones hide, and not everything they show.
    Incomparable,
    /// Too many cases to tell. Treated like [`Change::More`].
    Undecided,
}

impl Change {
    /// Whether something may be shown that was not shown before.
    #[must_use]
    pub fn widens(self) -> bool {
        match self {
            Self::More | Self::Incomparable | Self::Undecided => true,
            Self::Less | Self::Same => false,
        }
    }

    /// In Chinese: `看得更多`.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::More => "看得更多",
            Self::Less => "看得更少",
            Self::Same => "看得一样",
            Self::Incomparable => "有多有少",
            Self::Undecided => "无法判定，按看得更多处理",
        }
    }

    /// In English: `sees more`.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::More => "sees more",
            Self::Less => "sees less",
            Self::Same => "sees the same",
            Self::Incomparable => "sees some more and some less",
            Self::Undecided => "cannot be decided, treated as more",
        }
    }

    /// From whether all of the new is in the old, and all of the old in the new.
    pub(super) fn of_inclusions(new_in_old: bool, old_in_new: bool) -> Self {
        match (new_in_old, old_in_new) {
            (true, true) => Self::Same,
            (true, false) => Self::Less,
            (false, true) => Self::More,
            (false, false) => Self::Incomparable,
        }
    }
}

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangedPart {
    /// Whether the role may declare the purpose.
    Purpose,
    /// The last day on which the purpose holds.
    Expiry,
    /// How far back earlier versions may be asked for.
    Past,
    /// Whether the relation is invisible, refused or visible.
    Visibility,
    /// Which rows are shown, over all principals of the role.
    Rows,
    /// Whether rows may be read or only counted, and how.
    Aggregate,
    /// What a person may be found by, and how often.
    Search,
    /// Which masked fields of one record may be shown in clear, and how.
    Reveal,
    /// What is shown of the column of that name.
    Column(String),
}

impl ChangedPart {
    /// In Chinese; a column by its name.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self {
            Self::Purpose => "用途",
            Self::Expiry => "用途期限",
            Self::Past => "历史版本",
            Self::Visibility => "可见性",
            Self::Rows => "行",
            Self::Aggregate => "统计",
            Self::Search => "查人",
            Self::Reveal => "单人明文查看",
            Self::Column(name) => name,
        }
    }

    /// In English; a column by its name.
    #[must_use]
    pub fn en(&self) -> &str {
        match self {
            Self::Purpose => "purpose",
            Self::Expiry => "last day of the purpose",
            Self::Past => "earlier versions",
            Self::Visibility => "visibility",
            Self::Rows => "rows",
            Self::Aggregate => "statistics",
            Self::Search => "search",
            Self::Reveal => "reveal",
            Self::Column(name) => name,
        }
    }
}

/// The same in both languages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Wording {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Wording {
    pub(super) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// A made-up principal and row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct RowExample {
    /// Attributes of the principal; others are missing.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Values of the row by column; the others are null.
    pub row: BTreeMap<String, String>,
}

impl RowExample {
    /// Whether the rule shows this principal this row, by the reference meaning of rules.
    pub(super) fn is_admitted_by(&self, rule: &RowRule) -> bool {
        rule.bind(&self.attributes).admits(&|column| self.row.get(column).map(String::as_str))
    }
}

impl fmt::Display for RowExample {
    /// `grids=甲甲 | grid_id=甲甲`: attributes, then the row; `-` for none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes: Vec<String> = self.attributes.iter().map(|(k, v)| format!("{k}={}", v.join("/"))).collect();
        let row: Vec<String> = self.row.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let or_dash = |parts: Vec<String>| if parts.is_empty() { "-".to_owned() } else { parts.join(", ") };
        write!(f, "{} | {}", or_dash(attributes), or_dash(row))
    }
}

/// One thing that a role sees otherwise, without a purpose or under one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// Name of the role.
    pub role: String,
    /// Id of the declared purpose; `None` if none is declared.
    pub purpose: Option<String>,
    /// Name of the relation; `None` for a change of the purpose or role itself.
    pub relation: Option<String>,
    /// What has changed.
    pub part: ChangedPart,
    /// The direction.
    pub change: Change,
    /// Titles of role and purpose: `民警@案件侦办`.
    pub subject: Wording,
    /// What the old policies show.
    pub before: Wording,
    /// What the new policies show.
    pub after: Wording,
    /// For rows that are shown now and were not before: one of them.
    pub example: Option<RowExample>,
}

impl PolicyChange {
    /// One line in Chinese: `网格员 / unified.person / id_no: 只显示前6位和后4位 -> 按原值显示 (看得更多)`.
    #[must_use]
    pub fn zh(&self) -> String {
        let example = self.example.as_ref().map_or_else(String::new, |example| format!("；例：{example}"));
        let place = self.place(&self.subject.zh, self.part.zh());
        format!("{place}: {} -> {} ({}){example}", self.before.zh, self.after.zh, self.change.zh())
    }

    /// The same in English.
    #[must_use]
    pub fn en(&self) -> String {
        let example = self.example.as_ref().map_or_else(String::new, |example| format!("; example: {example}"));
        let place = self.place(&self.subject.en, self.part.en());
        format!("{place}: {} -> {} ({}){example}", self.before.en, self.after.en, self.change.en())
    }

    fn place(&self, subject: &str, part: &str) -> String {
        match &self.relation {
            Some(relation) => format!("{subject} / {relation} / {part}"),
            None => format!("{subject} / {part}"),
        }
    }

    /// The change as a line of a table of texts.
    #[must_use]
    pub fn line(&self) -> ChangeLine {
        ChangeLine {
            role: self.role.clone(),
            purpose: self.purpose.clone().unwrap_or_default(),
            relation: self.relation.clone().unwrap_or_default(),
            part: self.part.en().to_owned(),
            change: self.change,
            widens: self.change.widens(),
            before_zh: self.before.zh.clone(),
            after_zh: self.after.zh.clone(),
            before_en: self.before.en.clone(),
            after_en: self.after.en.clone(),
            example: self.example.as_ref().map(RowExample::to_string).unwrap_or_default(),
        }
    }

    /// Order of the list: role, purpose, relation, part.
    pub(super) fn key(&self) -> (&str, Option<&str>, Option<&str>, &ChangedPart) {
        (&self.role, self.purpose.as_deref(), self.relation.as_deref(), &self.part)
    }
}

/// A [`PolicyChange`] as a flat line of a table; what does not apply is empty.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ChangeLine {
    /// Name of the role.
    pub role: String,
    /// Id of the purpose.
    pub purpose: String,
    /// Name of the relation.
    pub relation: String,
    /// `purpose`, `last day of the purpose`, `visibility`, `rows`, or the name of a column.
    pub part: String,
    /// The direction.
    pub change: Change,
    /// Whether it counts as a widening.
    pub widens: bool,
    /// What was shown, in Chinese.
    pub before_zh: String,
    /// What is shown, in Chinese.
    pub after_zh: String,
    /// What was shown, in English.
    pub before_en: String,
    /// What is shown, in English.
    pub after_en: String,
    /// A made-up principal and row that is shown now and was not before.
    pub example: String,
}

/// A change of the policy text that changes nothing of who sees what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct PolicyNote {
    /// Id of the rule (`grid_worker/unified.person`) or of the deny (`deny:any/unified.person/id_no`), `role <name>`, `classification` or `purpose <id>`.
    pub subject: String,
    /// What has changed: `legal basis`, `title`, `wording`, `attributes`; of a purpose also `matter` and `fields`, and `last day`
    /// if no role may declare it; `standard` of the classification.
    pub what: &'static str,
    /// As it was; empty if it is new.
    pub before: String,
    /// As it is; empty if it is gone.
    pub after: String,
}

impl fmt::Display for PolicyNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {:?} -> {:?}", self.subject, self.what, self.before, self.after)
    }
}
