//! Predicates below the aggregate: comparisons of keys with constants that no value of a row can make fail.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList, Like};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};
use datafusion::scalar::ScalarValue;

/// The predicate with its constants brought to the type of the key they are compared with, or nothing if it could fail on a
/// row, or looks at more than keys. Constants are computed here: left to the engine, a wrong one would be an error only
/// where a row is reached.
pub(super) fn total_predicate(expr: &Expr, schema: &DFSchema, is_key: &dyn Fn(&Column) -> bool) -> Option<Expr> {
    Predicates { schema, is_key }.total(expr)
}

struct Predicates<'a> {
    schema: &'a DFSchema,
    is_key: &'a dyn Fn(&Column) -> bool,
}

impl Predicates<'_> {
    fn total(&self, expr: &Expr) -> Option<Expr> {
        match expr {
            Expr::BinaryExpr(binary) => self.binary(binary),
            Expr::Not(inner) => Some(Expr::Not(Box::new(self.total(inner)?))),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => self.key_type(inner).map(|_| expr.clone()),
            Expr::InList(list) => {
                let kind = self.key_type(&list.expr)?;
                let items = list.list.iter().map(|item| constant(item, &kind)).collect::<Option<Vec<_>>>()?;
                Some(Expr::InList(InList::new(list.expr.clone(), items, list.negated)))
            }
            Expr::Between(between) => {
                let kind = self.key_type(&between.expr)?;
                let (low, high) = (constant(&between.low, &kind)?, constant(&between.high, &kind)?);
                let bounds = (Box::new(low), Box::new(high));
                Some(Expr::Between(Between::new(between.expr.clone(), between.negated, bounds.0, bounds.1)))
            }
            Expr::Like(like) => self.like(like).then(|| expr.clone()),
            Expr::Column(_) => (self.key_type(expr)? == DataType::Boolean).then(|| expr.clone()),
            _ => None,
        }
    }

    fn binary(&self, binary: &BinaryExpr) -> Option<Expr> {
        let (left, right) = match binary.op {
            Operator::And | Operator::Or => (self.total(&binary.left)?, self.total(&binary.right)?),
            Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                match (self.key_type(&binary.left), self.key_type(&binary.right)) {
                    (Some(kind), None) => (binary.left.as_ref().clone(), constant(&binary.right, &kind)?),
                    (None, Some(kind)) => (constant(&binary.left, &kind)?, binary.right.as_ref().clone()),
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right))))
    }

    /// `LIKE 'prefix%'` on a text key.
    fn like(&self, like: &Like) -> bool {
        let is_prefix = |pattern: &str| pattern.strip_suffix('%').is_some_and(|p| !p.contains(['%', '_', '\\']));
        let pattern = match like.pattern.as_ref() {
            Expr::Literal(value, _) => value.try_as_str().flatten(),
            _ => None,
        };
        self.key_type(&like.expr).is_some_and(|kind| is_text(&kind))
            && pattern.is_some_and(is_prefix)
            && !like.case_insensitive
            && like.escape_char.is_none()
    }

    fn key_type(&self, expr: &Expr) -> Option<DataType> {
        match expr {
            Expr::Column(column) if (self.is_key)(column) => expr.get_type(self.schema).ok(),
            _ => None,
        }
    }
}

/// A constant that can be compared with a key of that type: of the same type, or of one that the key widens to.
fn constant(expr: &Expr, key_type: &DataType) -> Option<Expr> {
    let value = match expr {
        Expr::Literal(value, _) => value.clone(),
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Literal(value, _) => value.cast_to(cast.field.data_type()).ok()?,
            _ => return None,
        },
        _ => return None,
    };
    let value_type = value.data_type();
    let fits = value_type == *key_type
        || (is_text(key_type) && is_text(&value_type))
        || (is_plain_number(key_type) && is_plain_number(&value_type));
    let value = match (fits, key_type) {
        (true, _) => value,
        (false, DataType::Date32 | DataType::Timestamp(..)) if is_text(&value_type) => to_exactly(&value, key_type)?,
        _ if value.is_null() => ScalarValue::try_from(key_type).ok()?,
        _ => return None,
    };
    Some(Expr::Literal(value, None))
}

fn to_exactly(value: &ScalarValue, to: &DataType) -> Option<ScalarValue> {
    value.cast_to(to).ok().filter(|cast| !cast.is_null())
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Numbers among which every comparison casts without overflow.
fn is_plain_number(kind: &DataType) -> bool {
    kind.is_integer() || matches!(kind, DataType::Float32 | DataType::Float64)
}
