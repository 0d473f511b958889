//! Which statements are about the catalog: they name nothing but tables of `pg_catalog`, or no table and functions that only
//! PostgreSQL has. All others are the gateway's, `information_schema` included.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{DataType, Expr, ObjectName, Query, Statement, Visit, Visitor};

/// Functions about the session and the server; those that begin with `pg_` or `has_` are not listed.
const FUNCTIONS: &[&str] = &[
    "array_upper",
    "array_lower",
    "col_description",
    "current_catalog",
    "current_database",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_user",
    "format_type",
    "inet_client_addr",
    "inet_server_addr",
    "inet_server_port",
    "obj_description",
    "quote_ident",
    "session_user",
    "set_config",
    "shobj_description",
    "txid_current",
    "user",
    "version",
];

/// Whether the statement is answered from the catalog alone.
pub(crate) fn is_about_catalog(statement: &Statement) -> bool {
    let mut words = Words::default();
    let _visited = statement.visit(&mut words);
    let tables: Vec<&Vec<String>> = words.relations.iter().filter(|name| !words.is_local(name)).collect();
    if tables.is_empty() {
        return words.has_function;
    }
    tables.iter().all(|name| is_catalog_table(name) || is_information_schema(name))
        && (words.has_function || tables.iter().any(|name| is_catalog_table(name)))
}

/// The function that a statement of no table asks for by its name, as psql does to show its source: none here has one.
pub(crate) fn function_asked_for(statement: &Statement) -> Option<String> {
    let mut words = Words::default();
    let _visited = statement.visit(&mut words);
    words.function.filter(|_| words.relations.is_empty())
}

fn is_catalog_table(name: &[String]) -> bool {
    match name {
        [table] => table.starts_with("pg_"),
        [.., schema, _] => schema == "pg_catalog",
        [] => false,
    }
}

fn is_information_schema(name: &[String]) -> bool {
    matches!(name, [.., schema, _] if schema == "information_schema")
}

#[derive(Default)]
struct Words {
    relations: Vec<Vec<String>>,
    /// Names of common table expressions.
    local: HashSet<String>,
    has_function: bool,
    /// A text that is cast to `regproc`.
    function: Option<String>,
}

impl Words {
    fn is_local(&self, name: &[String]) -> bool {
        matches!(name, [only] if self.local.contains(only))
    }
}

fn parts(name: &ObjectName) -> Vec<String> {
    let part = |part: &datafusion::sql::sqlparser::ast::ObjectNamePart| {
        part.as_ident().map_or_else(String::new, |ident| match ident.quote_style {
            Some(_) => ident.value.clone(),
            None => ident.value.to_ascii_lowercase(),
        })
    };
    name.0.iter().map(part).collect()
}

impl Visitor for Words {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.local.extend(tables.map(|table| match table.alias.name.quote_style {
            Some(_) => table.alias.name.value.clone(),
            None => table.alias.name.value.to_ascii_lowercase(),
        }));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.relations.push(parts(relation));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let name = match expr {
            Expr::Function(function) => parts(&function.name),
            Expr::Identifier(ident) if ident.quote_style.is_none() => vec![ident.value.to_ascii_lowercase()],
            Expr::Cast { expr: text, data_type: DataType::Custom(of, _), .. }
                if parts(of).last().is_some_and(|last| last == "regproc" || last == "regprocedure") =>
            {
                self.function = Some(text.to_string());
                return ControlFlow::Continue(());
            }
            _ => return ControlFlow::Continue(()),
        };
        let is_call = matches!(expr, Expr::Function(_));
        let Some(last) = name.last() else { return ControlFlow::Continue(()) };
        let is_listed = FUNCTIONS.contains(&last.as_str());
        let is_prefixed = is_call && (last.starts_with("pg_") || last.starts_with("has_"));
        let is_bare_word = ["current_user", "session_user", "current_role", "current_catalog"].contains(&last.as_str());
        self.has_function |= if is_call { is_listed || is_prefixed } else { is_bare_word };
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn only_what_names_nothing_else_is_about_the_catalog() {
        let cases = [
            ("SELECT version()", true),
            ("SELECT pg_catalog.version()", true),
            ("SELECT current_user", true),
            ("SELECT * FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace", true),
            ("WITH c AS (SELECT * FROM pg_class) SELECT * FROM c", true),
            ("SELECT 1 WHERE EXISTS (SELECT 1 FROM pg_type)", true),
            ("SELECT quote_ident(table_name) FROM information_schema.tables", true),
            ("SELECT * FROM information_schema.tables", false),
            ("SELECT 1", false),
            ("SELECT * FROM unified.person", false),
            ("SELECT name FROM unified.person, pg_class", false),
            ("SELECT version(), name FROM unified.person", false),
            ("SELECT 1 FROM pg_class WHERE EXISTS (SELECT 1 FROM unified.person)", false),
            ("SELECT * FROM \"PG_CLASS\"", false),
        ];
        for (sql, expected) in cases {
            let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
            assert_eq!(is_about_catalog(&statement), expected, "{sql}");
        }
    }
}
