//! Which filters of the user's may run on rows the user may not see, and in which form.
//!
//! Leakproof means: total, no error, no side effect, and a result that depends on nothing but what the user may see of the
//! row. Only then does it not matter that it runs before the row filter. The list is closed:
//! - `= <> < <= > >=`, `IN`, `BETWEEN`, `IS [NOT] NULL`, `LIKE 'prefix%'` on a bare clear column against literals of the
//!   column's own type, a bare clear column of truth values, a constant truth value;
//! - where a masked text can be asked for by its original, exactly: `= <> IN` of a token (the originals behind it are known),
//!   `LIKE 'prefix%'` inside the start that a mask keeps, `IS [NOT] NULL` of both;
//! - AND, OR, NOT of these.
//!
//! The engine simplifies filters once more after it has handed them over (`c IN (true, true)` becomes `c`), so that the list
//! has to hold whatever a filter on it can be simplified to.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::expr::{Between, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, ScalarUDF};
use datafusion::scalar::ScalarValue;
use policies::{Mask, MaskContext};

use crate::row_filter::text_literal;
use crate::shows_prefix::ShowsPrefix;

/// The columns that the user's filters may ask for below the barrier.
#[derive(Debug)]
pub(crate) struct FilterColumns {
    columns: HashMap<String, Shown>,
    context: Arc<MaskContext>,
}

/// How a column is shown, with its raw type.
#[derive(Debug)]
enum Shown {
    /// As it is, in every row.
    Clear(DataType),
    /// Through a mask, in every row the same. A text.
    Masked(Mask, DataType),
}

impl FilterColumns {
    pub(crate) fn new(context: Arc<MaskContext>) -> Self {
        Self { columns: HashMap::new(), context }
    }

    /// Adds a column without lift: a lift is a mask too, and a filter on the raw column would tell what it hides of children.
    pub(crate) fn add(&mut self, name: &str, mask: &Mask, raw_type: &DataType) {
        let shown = match (mask, raw_type) {
            (Mask::Clear, _) => Shown::Clear(raw_type.clone()),
            (mask, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) if mask.keeps_nulls_of_texts() => {
                Shown::Masked(mask.clone(), raw_type.clone())
            }
            _ => return,
        };
        self.columns.insert(name.to_owned(), shown);
    }

    /// The filter over the raw columns, unqualified: of the same result in every row. `None` if it is not leakproof.
    pub(crate) fn below(&self, filter: &Expr) -> Option<Expr> {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
                let parts = (Box::new(self.below(left)?), Box::new(self.below(right)?));
                Some(Expr::BinaryExpr(BinaryExpr { left: parts.0, op: *op, right: parts.1 }))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let flipped = || self.comparison(right, op.swap()?, left);
                self.comparison(left, *op, right).or_else(flipped)
            }
            Expr::Not(inner) => Some(Expr::Not(Box::new(self.below(inner)?))),
            Expr::Column(_) => match self.shown(filter)? {
                (Shown::Clear(DataType::Boolean), raw) => Some(raw),
                _ => None,
            },
            Expr::Literal(value, _) => (value.data_type() == DataType::Boolean).then(|| filter.clone()),
            Expr::IsNull(inner) => self.shown(inner).map(|(_, raw)| raw.is_null()),
            Expr::IsNotNull(inner) => self.shown(inner).map(|(_, raw)| raw.is_not_null()),
            Expr::InList(list) => self.in_list(list),
            Expr::Between(between) => match self.shown(&between.expr)? {
                (Shown::Clear(raw_type), raw) => {
                    let is_sound = is_literal_of(&between.low, raw_type) && is_literal_of(&between.high, raw_type);
                    is_sound.then(|| Expr::Between(Between { expr: Box::new(raw), ..between.clone() }))
                }
                (Shown::Masked(..), _) => None,
            },
            Expr::Like(like) => self.like(like),
            _ => None,
        }
    }

    fn shown(&self, expr: &Expr) -> Option<(&Shown, Expr)> {
        match expr {
            Expr::Column(column) => {
                let raw = Expr::Column(Column::new_unqualified(column.name.clone()));
                self.columns.get(&column.name).map(|shown| (shown, raw))
            }
            _ => None,
        }
    }

    fn comparison(&self, column: &Expr, op: Operator, literal: &Expr) -> Option<Expr> {
        use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        match self.shown(column)? {
            (Shown::Clear(raw_type), raw) => {
                let is_sound = matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq) && is_literal_of(literal, raw_type);
                let (left, right) = (Box::new(raw), Box::new(literal.clone()));
                is_sound.then_some(Expr::BinaryExpr(BinaryExpr { left, op, right }))
            }
            (Shown::Masked(mask, raw_type), raw) => {
                let is_one_of = self.is_shown_as(mask, raw_type, raw, std::slice::from_ref(literal))?;
                match op {
                    Eq => Some(is_one_of),
                    NotEq => Some(Expr::Not(Box::new(is_one_of))),
                    _ => None,
                }
            }
        }
    }

    fn in_list(&self, list: &InList) -> Option<Expr> {
        match self.shown(&list.expr)? {
            (Shown::Clear(raw_type), raw) => {
                let is_sound = list.list.iter().all(|item| is_literal_of(item, raw_type));
                is_sound.then(|| Expr::InList(InList { expr: Box::new(raw), ..list.clone() }))
            }
            (Shown::Masked(mask, raw_type), raw) => {
                let is_one_of = self.is_shown_as(mask, raw_type, raw, &list.list)?;
                Some(if list.negated { Expr::Not(Box::new(is_one_of)) } else { is_one_of })
            }
        }
    }

    /// Whether a raw text is shown as one of these.
    fn is_shown_as(&self, mask: &Mask, raw_type: &DataType, raw: Expr, shown: &[Expr]) -> Option<Expr> {
        let shown = shown.iter().map(|literal| text_of(literal, raw_type)).collect::<Option<Vec<_>>>()?;
        let originals = mask.originals(&shown, &self.context).ok()??;
        let originals = originals.iter().map(|text| text_literal(text, raw_type)).collect::<Option<Vec<_>>>()?;
        Some(match originals.as_slice() {
            // Nothing is shown so: false, and null where the column is.
            [] => raw.is_null().and(Expr::Literal(ScalarValue::Boolean(None), None)),
            [one] => raw.eq(one.clone()),
            _ => raw.in_list(originals, false),
        })
    }

    fn like(&self, like: &Like) -> Option<Expr> {
        let (shown, raw) = self.shown(&like.expr)?;
        let (Shown::Clear(raw_type) | Shown::Masked(_, raw_type)) = shown;
        let prefix = prefix_of(text_of(&like.pattern, raw_type)?)?;
        if like.case_insensitive || like.escape_char.is_some() {
            return None;
        }
        let asks = |expr: Expr| Expr::Like(Like { expr: Box::new(expr), negated: false, ..like.clone() });
        let is_like = match shown {
            Shown::Clear(_) => asks(raw),
            // The first part prunes files and pages; the second tells apart what only begins so below its mask.
            Shown::Masked(mask, _) if mask.keeps_prefix(prefix) => {
                let shows = ScalarUDF::new_from_impl(ShowsPrefix::new(mask.clone(), prefix, raw_type.clone()));
                asks(raw.clone()).and(shows.call(vec![raw]))
            }
            Shown::Masked(..) => return None,
        };
        Some(if like.negated { Expr::Not(Box::new(is_like)) } else { is_like })
    }
}

fn is_literal_of(expr: &Expr, column_type: &DataType) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.data_type() == *column_type)
}

fn text_of<'e>(expr: &'e Expr, column_type: &DataType) -> Option<&'e str> {
    match expr {
        Expr::Literal(value, _) if value.data_type() == *column_type => value.try_as_str().flatten(),
        _ => None,
    }
}

fn prefix_of(pattern: &str) -> Option<&str> {
    pattern.strip_suffix('%').filter(|prefix| !prefix.contains(['%', '_', '\\']))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
    use datafusion::prelude::{col, lit};
    use policies::Keep;

    use super::*;

    fn context() -> Arc<MaskContext> {
        Arc::new(MaskContext::new([9; 32], "p", 20_000))
    }

    fn columns() -> FilterColumns {
        let mut columns = FilterColumns::new(context());
        for (name, raw_type) in [("grid_id", DataType::Utf8), ("n", DataType::Int64), ("yes", DataType::Boolean)] {
            columns.add(name, &Mask::Clear, &raw_type);
        }
        let id = Keep { first: 6, last: 4, lengths: vec![18], each: None, digits: true };
        columns.add("id_no", &Mask::Keep(id), &DataType::Utf8);
        columns.add("person_id", &token(), &DataType::Utf8);
        columns.add("birth_date", &Mask::Year, &DataType::Date32);
        columns.add("name", &Mask::SurnameOnly, &DataType::Utf8);
        columns
    }

    fn token() -> Mask {
        Mask::Token { class: "person".to_owned() }
    }

    fn masked(mask: &Mask, value: &str) -> String {
        let raw: ArrayRef = Arc::new(StringArray::from(vec![value]));
        mask.apply(&raw, &context()).unwrap().as_string::<i32>().value(0).to_owned()
    }

    #[test]
    fn comparisons_of_a_clear_column_pass() {
        let grid = || col("grid_id");
        for expr in [
            grid().eq(lit("G1")),
            grid().gt(lit("a")).and(grid().lt_eq(lit("b"))),
            grid().is_null().or(grid().is_not_null()),
            grid().in_list(vec![lit("a"), lit("b")], false),
            grid().like(lit("33%")),
            col("n").between(lit(1_i64), lit(2_i64)),
            col("yes"),
            !col("yes"),
            !(grid().eq(lit("G1")).or(lit(false))),
            Expr::Literal(ScalarValue::Boolean(None), None),
        ] {
            assert_eq!(columns().below(&expr).as_ref(), Some(&expr), "{expr}");
        }
    }

    #[test]
    fn everything_else_stays_above_the_barrier() {
        for expr in [
            col("phone").eq(lit("1")),
            col("id_no").eq(lit("110105********002X")),
            col("id_no").like(lit("1101051%")),
            col("id_no").like(lit("***%")),
            col("id_no").like(lit("%")),
            col("id_no").gt(lit("110105")),
            col("person_id").gt(lit("110105")),
            col("person_id").like(lit("11%")),
            col("person_id").eq(Expr::Literal(ScalarValue::Utf8(None), None)),
            col("birth_date").is_null(),
            col("name").like(lit("张%")),
            col("phone").is_null(),
            col("phone"),
            col("n"),
            !col("phone").is_null(),
            lit(1_i64),
            Expr::Literal(ScalarValue::Null, None),
            lit(1_i64).eq(lit(1_i64)),
            (lit(100_i64) / col("n")).gt(lit(0_i64)),
            datafusion::prelude::cast(col("grid_id"), DataType::Int64).gt(lit(0_i64)),
            col("n").eq(lit(1_i32)),
            col("n").eq(Expr::Literal(ScalarValue::Utf8(Some("1".to_owned())), None)),
            col("grid_id").like(lit("%33")),
            col("grid_id").like(lit("3_%")),
            col("grid_id").ilike(lit("33%")),
            col("grid_id").eq(col("grid_id")),
            col("grid_id").eq(lit("a")).and(col("phone").eq(lit("b"))),
            col("n").in_list(vec![lit(1_i64), col("n")], false),
        ] {
            assert_eq!(columns().below(&expr), None, "{expr}");
        }
    }

    #[test]
    fn a_flipped_comparison_is_turned_round() {
        assert_eq!(columns().below(&lit(3_i64).lt(col("n"))), Some(col("n").gt(lit(3_i64))));
        assert_eq!(columns().below(&lit("G1").eq(col("grid_id"))), Some(col("grid_id").eq(lit("G1"))));
    }

    #[test]
    fn a_token_is_asked_for_by_what_is_behind_it() {
        let id = "00ff3c5a7b9d1e2f00ff3c5a7b9d1e2f";
        let asked = || lit(masked(&token(), id));
        let person = || col("person_id");
        assert_eq!(columns().below(&person().eq(asked())), Some(person().eq(lit(id))));
        assert_eq!(columns().below(&asked().not_eq(person())), Some(!person().eq(lit(id))));
        let nobody = person().is_null().and(Expr::Literal(ScalarValue::Boolean(None), None));
        assert_eq!(columns().below(&person().eq(lit("G1"))), Some(nobody));
        let both = person().in_list(vec![asked(), lit("G1"), asked()], true);
        assert_eq!(columns().below(&both), Some(Expr::Not(Box::new(person().in_list(vec![lit(id), lit(id)], false)))));
        assert_eq!(columns().below(&person().is_not_null()), Some(person().is_not_null()));
    }

    #[test]
    fn a_kept_prefix_is_asked_of_the_original_and_of_the_masked_text() {
        let asked = col("id_no").like(lit("110105%"));
        let below = columns().below(&asked).unwrap().to_string();
        assert_eq!(below, "id_no LIKE Utf8(\"110105%\") AND shows_prefix(id_no)");
        let negated = columns().below(&col("id_no").not_like(lit("110105%"))).unwrap();
        assert!(matches!(negated, Expr::Not(_)), "{negated}");
    }
}
