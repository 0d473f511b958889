//! Which conditions a source is asked.
//!
//! Equality of texts, or of how they begin, may let more rows through there (letter case, padding, accents), so it is asked and asked again here;
//! everything that depends on an order of texts, a negation (which would let fewer through) and every computation stays here.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use database::{Comparison, Condition, RemoteType, Value};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator};

/// Most values in one list that is asked.
const VALUES_MAX: usize = 1_000;
/// Longest text that is asked, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;

/// The source's columns by our names.
pub(crate) type Columns = HashMap<String, (String, RemoteType)>;

/// The condition a source may be asked instead of this expression; it lets through every row that the expression does.
pub(crate) fn condition(expr: &Expr, columns: &Columns) -> Option<Condition> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            // Each half alone lets through more.
            match (condition(left, columns), condition(right, columns)) {
                (Some(left), Some(right)) => Some(Condition::All(vec![left, right])),
                (one, other) => one.or(other),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(Condition::Any(vec![condition(left, columns)?, condition(right, columns)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => compare(left, *op, right, columns),
        Expr::Between(Between { expr, negated: false, low, high }) => Some(Condition::All(vec![
            compare(expr, Operator::GtEq, low, columns)?,
            compare(expr, Operator::LtEq, high, columns)?,
        ])),
        Expr::InList(InList { expr, list, negated: false }) if list.len() <= VALUES_MAX => {
            let (column, of) = column(expr, columns)?;
            let values = list.iter().map(|item| value(item, of)).collect::<Option<Vec<_>>>()?;
            (!values.is_empty()).then_some(Condition::OneOf { column, values })
        }
        Expr::Like(Like { expr, pattern, negated: false, escape_char: None, case_insensitive: false }) => {
            let (column, of) = column(expr, columns)?;
            let Some(Value::Text(pattern)) = value(pattern, of) else { return None };
            let prefix =
                pattern.strip_suffix('%').filter(|prefix| !prefix.is_empty() && !prefix.contains(['%', '_', '\\']))?;
            Some(Condition::Begins { column, prefix: prefix.to_owned() })
        }
        Expr::IsNull(expr) => match column(expr, columns)? {
            // What does not fit our type is null here and something there.
            (column, RemoteType::Text { .. }) => Some(Condition::Absent { column }),
            _ => None,
        },
        Expr::IsNotNull(expr) => column(expr, columns).map(|(column, _)| Condition::Present { column }),
        _ => None,
    }
}

/// Whether nothing fulfils it.
pub(crate) fn is_never(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Boolean(Some(false) | None), _))
}

fn compare(left: &Expr, op: Operator, right: &Expr, columns: &Columns) -> Option<Condition> {
    let (column, of) = column(left, columns)?;
    let value = value(right, of)?;
    let comparison = match op {
        Operator::Eq => Comparison::Equal,
        // The order of texts is the collation's.
        _ if matches!(value, Value::Text(_)) => return None,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    };
    Some(Condition::Compare { column, comparison, value })
}

fn column(expr: &Expr, columns: &Columns) -> Option<(String, RemoteType)> {
    match expr {
        Expr::Column(column) => columns.get(&column.name).cloned(),
        _ => None,
    }
}

/// A literal as the source takes it for a column of its own.
fn value(expr: &Expr, of: RemoteType) -> Option<Value> {
    let Expr::Literal(literal, _) = expr else { return None };
    match (literal, of) {
        (ScalarValue::Utf8(Some(text)), RemoteType::Text { takes_every_text }) => {
            let is_taken =
                text.len() <= TEXT_BYTES_MAX && !text.contains('\0') && (takes_every_text || text.is_ascii());
            is_taken.then(|| Value::Text(text.clone()))
        }
        (ScalarValue::Int64(Some(number)), RemoteType::Integer) => Some(Value::Integer(*number)),
        (ScalarValue::Date32(Some(days)), RemoteType::Date) => date(*days).map(Value::Date),
        (ScalarValue::TimestampMicrosecond(Some(micros), _), RemoteType::LocalTime | RemoteType::Moment) => {
            let moment = DateTime::<Utc>::from_timestamp_micros(*micros)?;
            has_usual_year(moment.date_naive()).then_some(Value::Moment(moment))
        }
        _ => None,
    }
}

fn date(days: i32) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    let distance = Days::new(u64::from(days.unsigned_abs()));
    let date = if days < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) };
    date.filter(|date| has_usual_year(*date))
}

/// Servers take no others, or take them otherwise.
fn has_usual_year(date: NaiveDate) -> bool {
    (1_000..9_999).contains(&date.year())
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn columns() -> Columns {
        let text = RemoteType::Text { takes_every_text: true };
        let latin = RemoteType::Text { takes_every_text: false };
        [
            ("name", "XM", text),
            ("kind", "LX", latin),
            ("n", "SL", RemoteType::Integer),
            ("big", "DL", RemoteType::Unsigned),
            ("day", "RQ", RemoteType::Date),
            ("code", "BM", RemoteType::Textual),
        ]
        .into_iter()
        .map(|(ours, theirs, of)| (ours.to_owned(), (theirs.to_owned(), of)))
        .collect()
    }

    fn asked(expr: &Expr) -> Option<Condition> {
        condition(expr, &columns())
    }

    fn equal(column: &str, value: Value) -> Condition {
        Condition::Compare { column: column.to_owned(), comparison: Comparison::Equal, value }
    }

    #[test]
    fn equality_and_ranges_of_numbers_and_dates_are_asked() {
        assert_eq!(asked(&col("name").eq(lit("张"))), Some(equal("XM", Value::Text("张".to_owned()))));
        assert_eq!(asked(&col("n").eq(lit(3_i64))), Some(equal("SL", Value::Integer(3))));
        let day = Expr::Literal(ScalarValue::Date32(Some(0)), None);
        let since = Condition::Compare {
            column: "RQ".to_owned(),
            comparison: Comparison::GreaterOrEqual,
            value: Value::Date(NaiveDate::default()),
        };
        assert_eq!(asked(&col("day").gt_eq(day)), Some(since));
        assert!(
            matches!(asked(&col("n").between(lit(1_i64), lit(3_i64))), Some(Condition::All(parts)) if parts.len() == 2)
        );
        assert!(matches!(
            asked(&col("name").in_list(vec![lit("a"), lit("b")], false)),
            Some(Condition::OneOf { values, .. }) if values.len() == 2
        ));
        let begins = Condition::Begins { column: "XM".to_owned(), prefix: "张".to_owned() };
        assert_eq!(asked(&col("name").like(lit("张%"))), Some(begins));
        assert_eq!(asked(&col("name").is_null()), Some(Condition::Absent { column: "XM".to_owned() }));
        assert_eq!(asked(&col("day").is_not_null()), Some(Condition::Present { column: "RQ".to_owned() }));
    }

    #[test]
    fn half_of_a_conjunction_is_asked_and_no_half_of_a_disjunction() {
        let (sound, unsound) = (col("n").eq(lit(3_i64)), col("name").gt(lit("a")));
        let three = Some(equal("SL", Value::Integer(3)));
        assert_eq!(asked(&sound.clone().and(unsound.clone())), three);
        assert_eq!(asked(&unsound.clone().and(sound.clone())), three);
        assert_eq!(asked(&sound.clone().or(unsound)), None);
        assert!(matches!(asked(&sound.clone().or(sound)), Some(Condition::Any(_))));
    }

    #[test]
    fn everything_else_stays_here() {
        let far = Expr::Literal(ScalarValue::Date32(Some(i32::MAX)), None);
        for expr in [
            col("name").gt(lit("张")),
            col("name").like(lit("%")),
            col("name").like(lit("张_%")),
            col("name").like(lit("%张%")),
            col("name").ilike(lit("a%")),
            col("name").not_like(lit("张%")),
            col("kind").like(lit("城%")),
            col("name").not_eq(lit("张")),
            !col("name").eq(lit("张")),
            col("name").in_list(vec![lit("a")], true),
            col("name").in_list((0..1_001).map(|n| lit(n.to_string())).collect(), false),
            col("name").in_list(vec![lit("a"), col("kind")], false),
            col("name").eq(lit("a\0b")),
            col("name").eq(lit("x".repeat(5_000))),
            col("kind").eq(lit("城市")),
            col("n").eq(lit(1_i32)),
            col("n").is_null(),
            col("day").is_null(),
            col("day").eq(far),
            col("big").eq(lit(1_i64)),
            col("code").eq(lit("a")),
            (lit(10_i64) / col("n")).gt(lit(1_i64)),
            datafusion::prelude::cast(col("name"), datafusion::arrow::datatypes::DataType::Int64).gt(lit(0_i64)),
            col("nobody").eq(lit("a")),
            col("n").eq(col("n")),
            lit(true),
        ] {
            assert_eq!(asked(&expr), None, "{expr}");
        }
        assert!(is_never(&lit(false)) && !is_never(&lit(true)));
    }
}
