//! Why a command did not do what it was asked to, in both languages, with its exit code.

use std::fmt;

/// What kind of failure, and so which exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    ProblemsFound,
    NotAllowed,
    Configuration,
}

/// A failed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    zh: String,
    en: String,
}

impl Failure {
    fn new(kind: Kind, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { kind, zh: zh.into(), en: en.into() }
    }

    /// The work itself failed: exit code 1.
    pub(crate) fn failed(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(Kind::Failed, zh, en)
    }

    /// The command line asks for something that cannot be: exit code 2.
    pub(crate) fn usage(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(Kind::Usage, zh, en)
    }

    /// A check ran and found problems: exit code 3.
    pub(crate) fn problems_found(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(Kind::ProblemsFound, zh, en)
    }

    /// Refused: exit code 77.
    pub(crate) fn not_allowed(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(Kind::NotAllowed, zh, en)
    }

    /// The configuration cannot be used: exit code 78.
    pub(crate) fn configuration(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(Kind::Configuration, zh, en)
    }

    /// An error that has one text for both languages.
    pub(crate) fn caused_by(zh: &str, en: &str, error: &dyn std::error::Error) -> Self {
        let chain = chain_of(error);
        Self::failed(format!("{zh}:{chain}"), format!("{en}: {chain}"))
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::ProblemsFound => 3,
            Kind::NotAllowed => 77,
            Kind::Configuration => 78,
        }
    }

    /// The Chinese text.
    #[must_use]
    pub fn zh(&self) -> &str {
        &self.zh
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl std::error::Error for Failure {}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::caused_by("读写失败", "input or output failed", &error)
    }
}

/// `1 fault`, `2 faults`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// An error with its causes, outermost first.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
