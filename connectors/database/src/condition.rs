//! Conditions that a server may be asked, by the column names it knows.

use chrono::{DateTime, NaiveDate, Utc};

/// A comparison with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A value that goes as a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, compared for equality only.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A date.
    Date(NaiveDate),
    /// A moment. Columns without a zone hold the time of China.
    Moment(DateTime<Utc>),
}

/// What rows are asked for. A server may hold more rows to fulfil it than we do (letter case, padding), never fewer: the
/// asker asks again.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A column compared with a value. Null fulfils none.
    Compare {
        /// The server's name of the column.
        column: String,
        /// How.
        comparison: Comparison,
        /// With what.
        value: Value,
    },
    /// A column equal to one of these.
    OneOf {
        /// The server's name of the column.
        column: String,
        /// Never empty.
        values: Vec<Value>,
    },
    /// A text that begins so.
    Begins {
        /// The server's name of the column.
        column: String,
        /// With what; never empty.
        prefix: String,
    },
    /// Null.
    Absent {
        /// The server's name of the column.
        column: String,
    },
    /// Not null.
    Present {
        /// The server's name of the column.
        column: String,
    },
    /// Each of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
}
