//! What is wrong with a policy text, and where.

use std::fmt;
use std::ops::Range;

/// One fault of a policy text. A text with any fault is refused whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The file as named by the caller.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub kind: FaultKind,
    /// A known word that is close to the unknown one.
    pub suggestion: Option<String>,
}

/// The kinds of faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// Not TOML.
    #[error("{message}")]
    Syntax {
        /// What the TOML reader says.
        message: String,
    },
    /// The text is too long to be a policy.
    #[error("a policy text has at most {limit_bytes} bytes")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// The declarations of the product cannot be read, so nothing can be checked.
    #[error("the declared relations cannot be read")]
    NoRelations,
    /// A word the language does not have.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A word that has to be there.
    #[error("`{key}` is missing")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value of another kind is expected.
    #[error("`{key}` must be {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A name that is none.
    #[error("`{name}` is not a name: use lower-case letters, digits and _, for purposes also - . and :")]
    MalformedName {
        /// As written.
        name: String,
    },
    /// A role that the text does not declare.
    #[error("unknown role `{name}`")]
    UnknownRole {
        /// As written.
        name: String,
    },
    /// A role with the name that stands for every role.
    #[error("role name `{name}` is taken: a deny means every role by it")]
    RoleNameTaken {
        /// As written.
        name: String,
    },
    /// A purpose that the text does not declare.
    #[error("unknown purpose `{name}`")]
    UnknownPurpose {
        /// As written.
        name: String,
    },
    /// A rule for a purpose that its role may not declare.
    #[error("purpose `{purpose}` is not open to role `{role}`")]
    PurposeNotForRole {
        /// The purpose.
        purpose: String,
        /// The role.
        role: String,
    },
    /// A rule shows more than its purpose may.
    #[error(
        "purpose `{purpose}` does not list `{field}` among its fields, and this rule shows more of it than the base rule of the role"
    )]
    BeyondPurpose {
        /// The purpose.
        purpose: String,
        /// Relation and column.
        field: String,
    },
    /// A relation that is not declared.
    #[error("unknown relation `{name}`")]
    UnknownRelation {
        /// As written.
        name: String,
    },
    /// A column that the relation does not have.
    #[error("relation `{relation}` has no column `{column}`")]
    UnknownColumn {
        /// The relation.
        relation: String,
        /// As written.
        column: String,
    },
    /// An attribute that the role does not declare.
    #[error("role `{role}` declares no attribute `{attribute}`")]
    UnknownAttribute {
        /// The role.
        role: String,
        /// As written.
        attribute: String,
    },
    /// A class of personal information that does not exist.
    #[error("unknown class `{name}`")]
    UnknownClass {
        /// As written.
        name: String,
    },
    /// A standard of which there is no set of classes.
    #[error("unknown standard `{name}`; known are {known}")]
    UnknownStandard {
        /// As written.
        name: String,
        /// Those there are, the latest first.
        known: String,
    },
    /// A mask that is neither in the catalogue nor under `[masks]`.
    #[error("unknown mask `{name}`")]
    UnknownMask {
        /// As written.
        name: String,
    },
    /// An own mask name that the catalogue already has.
    #[error("mask name `{name}` is taken by the catalogue")]
    MaskNameTaken {
        /// As written.
        name: String,
    },
    /// A parameter out of its range.
    #[error("`{parameter}` of mask `{mask}` must be {expected}")]
    MaskParameter {
        /// The mask.
        mask: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// What is expected.
        expected: String,
    },
    /// A mask that makes no sense for the type of the column.
    #[error("mask `{mask}` does not fit column `{column}` of relation `{relation}`")]
    MaskDoesNotFit {
        /// The mask.
        mask: String,
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// A row rule compares a column that is no text.
    #[error("rows can only compare text, and column `{column}` of relation `{relation}` is none")]
    RowColumnNotText {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// A row rule that says nothing or too much.
    #[error("rows must be \"all\", a column with one of in, prefix, equals, starts_with, or one of and, or")]
    MalformedRows,
    /// Rows nested too deep.
    #[error("rows are nested deeper than {limit}")]
    RowsTooDeep {
        /// The limit.
        limit: usize,
    },
    /// An empty list or text where something has to be.
    #[error("`{key}` must not be empty")]
    Empty {
        /// The key.
        key: String,
    },
    /// A second rule for the same role, purpose and relation.
    #[error("rule `{rule}` is already given in line {first_line}")]
    OverlappingRule {
        /// The rule.
        rule: String,
        /// Where the first one is.
        first_line: usize,
    },
    /// `[rule.aggregate]` names a column that the rule does not show.
    #[error("the aggregate of relation `{relation}` names column `{column}`, which the rule does not show")]
    AggregateColumnHidden {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// `[rule.aggregate]` uses a column for what its type or mask does not allow.
    #[error(
        "column `{column}` of relation `{relation}` cannot be used so: persons are told by a clear or tokenised text, measures are clear numbers"
    )]
    AggregateColumnUnfit {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// `[rule.search]` names something nobody is found by.
    #[error("unknown search key `{name}`")]
    UnknownSearchKey {
        /// As written.
        name: String,
    },
    /// `[rule.search]` in a rule whose relation may only be counted.
    #[error("nobody can be found in relation `{relation}`, which may only be counted")]
    SearchOfCounts {
        /// The relation.
        relation: String,
    },
    /// `[rule.reveal]` in a rule under which no record can be named.
    #[error("a record of relation `{relation}` is revealed by its key `{key}`, which the rule does not show as it is")]
    RevealOfUnnamed {
        /// The relation.
        relation: String,
        /// Its key.
        key: String,
    },
    /// `[rule.reveal]` names a column that the rule does not show, or does not mask.
    #[error(
        "column `{column}` of relation `{relation}` cannot be revealed: the rule does not show it, or does not mask it"
    )]
    RevealOfUnmasked {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// `[rule.lift]` decides by a column that is no date.
    #[error("a lift is decided by a date, and column `{column}` of relation `{relation}` is none")]
    LiftByNoDate {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// `[rule.lift]` names a column that the rule does not show.
    #[error("the lift of relation `{relation}` names column `{column}`, which the rule does not show")]
    LiftOfHidden {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// A lifted mask whose output has another type than that of the ordinary mask.
    #[error(
        "lifted mask `{mask}` of column `{column}` of relation `{relation}` gives another type than its ordinary mask"
    )]
    LiftChangesType {
        /// The lifted mask.
        mask: String,
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// A lifted mask that shows more than the ordinary one, or cannot be compared with it.
    #[error(
        "lifted mask `{mask}` of column `{column}` of relation `{relation}` may show what its ordinary mask `{ordinary}` hides"
    )]
    LiftShowsMore {
        /// The lifted mask.
        mask: String,
        /// The ordinary mask.
        ordinary: String,
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// A lift of what is counted or summed.
    #[error("column `{column}` of relation `{relation}` is counted or summed, so it cannot be lifted")]
    LiftOfCounted {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// A rule that shows no column.
    #[error("rule `{rule}` shows no column")]
    ShowsNothing {
        /// The rule.
        rule: String,
    },
}

impl PolicyFault {
    /// A fault of the file as a whole.
    pub(crate) fn of_file(file: &str, kind: FaultKind) -> Self {
        Self { file: file.to_owned(), line: 1, column: 1, kind, suggestion: None }
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.kind)?;
        match &self.suggestion {
            Some(word) => write!(f, "; did you mean `{word}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PolicyFault {}

/// Collects faults while the reading goes on.
pub(super) struct Faults<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<(usize, PolicyFault)>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    pub(super) fn add(&mut self, span: Range<usize>, kind: FaultKind) {
        self.add_with(span, kind, None);
    }

    /// Adds a fault about an unknown word, with the closest of the known ones.
    pub(super) fn add_unknown<'k>(
        &mut self,
        span: Range<usize>,
        kind: FaultKind,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        self.add_with(span, kind, closest(word, known));
    }

    fn add_with(&mut self, span: Range<usize>, kind: FaultKind, suggestion: Option<String>) {
        let (line, column) = self.place(span.start);
        let file = self.file.to_owned();
        self.found.push((span.start, PolicyFault { file, line, column, kind, suggestion }));
    }

    /// Line and column, both from 1, of a byte of the text.
    pub(super) fn place(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte.min(self.text.len())).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        (line, column)
    }

    /// The result of the whole reading: everything, or every fault in the order of their places.
    pub(super) fn into_result<T>(mut self, read: T) -> Result<T, Vec<PolicyFault>> {
        if self.found.is_empty() {
            return Ok(read);
        }
        self.found.sort_by_key(|(at, _)| *at);
        let mut faults: Vec<PolicyFault> = self.found.into_iter().map(|(_, fault)| fault).collect();
        faults.dedup();
        Err(faults)
    }
}

/// The known word that a mistyped one most likely stands for.
fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate.to_owned())
}
