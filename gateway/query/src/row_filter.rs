//! A policy's row predicate as an expression over raw columns, with literals of the columns' exact types: a literal of
//! another string type would cost the Parquet bloom filters.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::ident;
use datafusion::scalar::ScalarValue;
use policies::RowPredicate;

/// Builds the filter; `None` means every row passes. A predicate over a column the table does not have, or of a type
/// that is no text, lets no row through.
pub(crate) fn row_filter(predicate: &RowPredicate, schema: &Schema) -> Option<Expr> {
    match predicate {
        RowPredicate::All => None,
        other => Some(expr(other, schema)),
    }
}

fn expr(predicate: &RowPredicate, schema: &Schema) -> Expr {
    match predicate {
        RowPredicate::All => lit(true),
        RowPredicate::None => lit(false),
        RowPredicate::In { column, values } => in_values(column, values, schema).unwrap_or_else(|| lit(false)),
        RowPredicate::Prefix { column, prefixes } => {
            with_prefixes(column, prefixes, schema).unwrap_or_else(|| lit(false))
        }
        RowPredicate::And(parts) => {
            parts.iter().map(|part| expr(part, schema)).reduce(Expr::and).unwrap_or_else(|| lit(false))
        }
        RowPredicate::Or(parts) => {
            parts.iter().map(|part| expr(part, schema)).reduce(Expr::or).unwrap_or_else(|| lit(false))
        }
    }
}

fn in_values(column: &str, values: &[String], schema: &Schema) -> Option<Expr> {
    let column_type = schema.field_with_name(column).ok()?.data_type();
    let literals = values.iter().map(|value| text_literal(value, column_type)).collect::<Option<Vec<_>>>()?;
    match literals.as_slice() {
        [] => None,
        [one] => Some(ident(column).eq(one.clone())),
        _ => Some(ident(column).in_list(literals, false)),
    }
}

fn with_prefixes(column: &str, prefixes: &[String], schema: &Schema) -> Option<Expr> {
    let column_type = schema.field_with_name(column).ok()?.data_type();
    prefixes
        .iter()
        .map(|prefix| {
            let escaped: String = prefix
                .chars()
                .flat_map(|c| if matches!(c, '%' | '_' | '\\') { vec!['\\', c] } else { vec![c] })
                .collect();
            Some(ident(column).like(text_literal(&format!("{escaped}%"), column_type)?))
        })
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .reduce(Expr::or)
}

fn days_since_epoch(date: &str) -> Option<i32> {
    let date: chrono::NaiveDate = date.parse().ok()?;
    i32::try_from(date.signed_duration_since(chrono::NaiveDate::default()).num_days()).ok()
}

/// A text as a literal of a column's own type; none if that is no text.
pub(crate) fn text_literal(value: &str, column_type: &DataType) -> Option<Expr> {
    let text = Some(value.to_owned());
    let scalar = match column_type {
        DataType::Utf8 => ScalarValue::Utf8(text),
        DataType::LargeUtf8 => ScalarValue::LargeUtf8(text),
        DataType::Utf8View => ScalarValue::Utf8View(text),
        // Policies compare texts; a search also compares a date.
        DataType::Date32 => ScalarValue::Date32(Some(days_since_epoch(value)?)),
        _ => return None,
    };
    Some(Expr::Literal(scalar, None))
}
