//! The attack lines, read from the copy in `tests/attacks`.

use serde::Deserialize;

/// The file as it stands in the repository.
const FILE: &str = include_str!("../../attacks/attacks.jsonl");

/// One attempt.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackLine {
    /// Stable name: letter of the category and number.
    pub id: String,
    /// Kind of attack.
    pub category: String,
    /// Active role.
    pub role: String,
    /// Declared purpose.
    pub purpose: Option<String>,
    /// `any`, `rest`, `pgwire`, `pgwire-extended` or `flightsql`.
    pub protocol: String,
    /// The statement, or what to do in words.
    pub sql: String,
    /// Relations, columns or parts it needs.
    pub assumes: Vec<String>,
    /// The requirement.
    pub must_hold: String,
    /// How a program decides.
    pub check: Check,
}

/// How a program decides whether a line passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Same answer as the pre-masked copy.
    OracleEqual,
    /// Same answer in both worlds.
    TwinEqual,
    /// Refused before any effect.
    Denied,
    /// Either of two.
    DeniedOrOracle,
    /// Inside the limits.
    Bounded,
    /// No group below k.
    KAnonymous,
    /// Reported by the policy linter.
    PolicyLint,
    /// Nothing links two answers.
    Indistinguishable,
}

impl AttackLine {
    /// The letter of the category.
    #[must_use]
    pub fn letter(&self) -> char {
        self.id.chars().next().unwrap()
    }
}

/// Every line, in the order of the file.
#[must_use]
pub fn lines() -> Vec<AttackLine> {
    FILE.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("attacks.jsonl: {error}: {line}")))
        .collect()
}
