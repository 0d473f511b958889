//! Rewriting what clients ask of the catalog into what this engine plans, beyond what `datafusion-pg-catalog` does.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, Query, SetExpr, TableFactor, Value, VisitorMut,
};

/// What clients ask that the engine cannot plan, or the shipped tables do not have; nothing here has any of it.
pub(super) struct Unplannable;

/// A function that gives null, and might give something else the next time as far as the engine knows.
pub(super) const NO_NUMBER: &str = "datong_no_number";
/// Columns of access rights and options, which the shipped tables lack.
const ABSENT: &[&str] = &["attacl", "attfdwoptions", "attmissingval", "attoptions", "relacl", "reloptions", "spcacl"];
/// Columns that clients compare with `'t'`.
const BOOLEANS: &[&str] = &["attisdropped", "indisclustered", "indisprimary", "indisunique", "indisvalid"];
/// What indexes and constraints are of; no relation here has one.
const VECTORS: &[&str] = &["conkey", "confkey", "conpfeqop", "indclass", "indcollation", "indkey", "indoption"];
/// Columns with the names of functions, which clients compare with 0.
const FUNCTION_NAMES: &[&str] = &["typanalyze", "typinput", "typoutput", "typreceive", "typsend"];

impl VisitorMut for Unplannable {
    type Break = ();

    /// Views that the shipped tables lack, and a function that stands for a table.
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args, .. } = factor else { return ControlFlow::Continue(()) };
        let last = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_ascii_lowercase());
        let table = match last.as_deref() {
            Some("pg_indexes") => "pg_indexes",
            Some("pg_user") => "pg_user",
            Some("pg_show_all_settings") if args.take().is_some() => "pg_settings",
            _ => return ControlFlow::Continue(()),
        };
        *name = vec![Ident::new("pg_catalog"), Ident::new(table)].into();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let last = |parts: &[Ident]| parts.last().map(|ident| ident.value.to_ascii_lowercase()).unwrap_or_default();
        match expr {
            // Members of roles, options of foreign tables.
            Expr::Function(function)
                if function.name.to_string().eq_ignore_ascii_case("array")
                    && matches!(function.args, FunctionArguments::Subquery(_)) =>
            {
                *expr = no_list();
            }
            Expr::Subquery(query) if is_of_absent(query) => *expr = Expr::Value(Value::Null.into()),
            // The engine knows no other character than the backslash.
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                let escape = escape_char.take().map(|value| value.value.to_string().trim_matches('\'').to_owned());
                if let Some(escape) = escape.filter(|escape| escape != "\\") {
                    let given = std::mem::replace(pattern.as_mut(), Expr::Value(Value::Null.into()));
                    **pattern = replaced(given, &escape);
                }
            }
            // Not a null as written: the engine refuses plans that sort by a constant.
            Expr::Function(function) if is_of_index(function) => *expr = call(NO_NUMBER, Vec::new()),
            Expr::CompoundFieldAccess { .. } if is_vector(expr) => *expr = call(NO_NUMBER, Vec::new()),
            Expr::CompoundIdentifier(parts) if ABSENT.contains(&last(parts).as_str()) => *expr = no_list(),
            Expr::BinaryOp { left, right, .. } => {
                let name = match left.as_ref() {
                    Expr::CompoundIdentifier(parts) => last(parts),
                    Expr::Identifier(ident) => ident.value.to_ascii_lowercase(),
                    _ => return ControlFlow::Continue(()),
                };
                let word = right.to_string();
                if BOOLEANS.contains(&name.as_str()) && ["'t'", "'f'"].contains(&word.as_str()) {
                    **right = Expr::Value(Value::Boolean(word == "'t'").into());
                }
                let is_zero = matches!(right.as_ref(), Expr::Value(value) if value.to_string() == "0");
                if is_zero && FUNCTION_NAMES.contains(&name.as_str()) {
                    **right = Expr::Value(Value::SingleQuotedString("-".to_owned()).into());
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// A scalar subquery for the default, the sequence or the collation of a column. No column here has one, and the engine plans no
/// subquery of this kind that refers to its statement.
fn is_of_absent(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let is_of_column = select.projection.iter().any(|item| item.to_string().ends_with("typcollation"));
    let table = select.from.first().map(|from| from.relation.to_string()).unwrap_or_default();
    let table = table.rsplit('.').next().unwrap_or_default().split(' ').next().unwrap_or_default();
    is_of_column || ["pg_attrdef", "pg_sequence", "pg_collation"].contains(&table)
}

/// `replace(pattern, escape, '\')`.
fn replaced(pattern: Expr, escape: &str) -> Expr {
    let text = |text: &str| Expr::Value(Value::SingleQuotedString(text.to_owned()).into());
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    call("replace", [pattern, text(escape), text("\\")].map(argument).to_vec())
}

fn call(name: &str, args: Vec<FunctionArg>) -> Expr {
    Expr::Function(Function {
        name: vec![Ident::new(name)].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `unnest(indkey)`, `generate_subscripts(conkey, 1)`: columns of indexes and constraints, of which no relation here has one.
fn is_of_index(function: &Function) -> bool {
    let name = function.name.to_string().to_ascii_lowercase();
    let FunctionArguments::List(list) = &function.args else { return false };
    let first = list.args.first().map(|argument| argument.to_string().to_ascii_lowercase()).unwrap_or_default();
    let column = first.rsplit('.').next().unwrap_or_default();
    ["unnest", "generate_subscripts"].iter().any(|of| name.rsplit('.').next() == Some(of)) && VECTORS.contains(&column)
}

/// `i.indkey[0]`.
fn is_vector(expr: &Expr) -> bool {
    let text = expr.to_string().to_ascii_lowercase();
    let column = text.split('[').next().unwrap_or_default();
    VECTORS.contains(&column.rsplit('.').next().unwrap_or_default())
}

fn no_list() -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(Value::Null.into())),
        data_type: SqlType::Array(ArrayElemTypeDef::SquareBracket(Box::new(SqlType::Text), None)),
        array: false,
        format: None,
    }
}
