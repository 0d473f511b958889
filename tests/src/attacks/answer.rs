//! What came back, in one form for every door.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

/// Why nothing, or not everything, came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable code.
    pub code: String,
    /// Text for the client, in English.
    pub text: String,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Cells as text; none for null. In the order delivered.
    pub rows: Vec<Vec<Option<String>>>,
    /// The error that ended it.
    pub failure: Option<Failure>,
    /// What the answer says about itself: headers, versions, masks. Sorted.
    pub notes: Vec<(String, String)>,
}

impl Answer {
    /// An answer that is only an error.
    #[must_use]
    pub fn failed(code: impl Into<String>, text: impl Into<String>) -> Self {
        let failure = Failure { code: code.into(), text: text.into() };
        Self { failure: Some(failure), ..Self::default() }
    }

    /// An answer of these rows.
    #[must_use]
    pub fn of_batches(schema: &Schema, batches: &[RecordBatch]) -> Self {
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { columns, rows: batches.iter().flat_map(rows_of).collect(), ..Self::default() }
    }

    /// The rows, sorted: the multiset.
    #[must_use]
    pub fn sorted_rows(&self) -> Vec<Vec<Option<String>>> {
        let mut rows = self.rows.clone();
        rows.sort();
        rows
    }

    /// Everything in it as one text, for searching.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{self:?}")
    }
}

fn rows_of(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default().with_null("NULL");
    let formatters: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| {
            batch
                .columns()
                .iter()
                .zip(&formatters)
                .map(|(column, formatter)| column.is_valid(row).then(|| formatter.value(row).to_string()))
                .collect()
        })
        .collect()
}

/// Whether the statement itself sets the order of its rows.
#[must_use]
pub fn sets_order(sql: &str) -> bool {
    let Ok(statements) = DFParser::parse_sql(sql) else { return false };
    statements.iter().any(|statement| match statement {
        Statement::Statement(inner) => match inner.as_ref() {
            SqlStatement::Query(query) => query.order_by.is_some(),
            _ => false,
        },
        _ => false,
    })
}
