//! Gate 1: the text is exactly one query.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement as SqlStatement};
use datafusion::sql::sqlparser::dialect::GenericDialect;

use crate::parameters::Binding;
use crate::person_search::{PersonSearch, take_searches};
use crate::{Limits, QueryError};

/// Deeper nesting is refused by the parser, which would otherwise use the stack up.
const RECURSION_LIMIT: usize = 50;

/// One query, and the persons it looks for.
#[derive(Debug)]
pub(crate) struct ParsedQuery {
    pub(crate) statement: Statement,
    /// The calls of `catalog.find_person`, now names of tables in the statement.
    pub(crate) searches: Vec<PersonSearch>,
}

/// Parses the text and lets through one query, nothing else.
pub(crate) fn parse_query(sql: &str, binding: &Binding, limits: &Limits) -> Result<ParsedQuery, QueryError> {
    if sql.len() > limits.max_sql_bytes {
        return Err(QueryError::LimitReached {
            limit: "max_sql_bytes",
            allowed: format!("{} bytes", limits.max_sql_bytes),
        });
    }
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| QueryError::from_planning(&error))?;
    let n_statements = statements.len();
    match (statements.pop_front(), n_statements) {
        (Some(statement), 1) => check_kind(statement, binding),
        _ => Err(QueryError::NotOneStatement { n_statements }),
    }
}

fn check_kind(statement: Statement, binding: &Binding) -> Result<ParsedQuery, QueryError> {
    let refuse = |kind: &str| Err(QueryError::StatementNotAllowed { kind: kind.to_owned() });
    match statement {
        Statement::Statement(mut inner) => match inner.as_mut() {
            SqlStatement::Query(query) => {
                check_query(query)?;
                let searches = take_searches(query, binding)?;
                Ok(ParsedQuery { statement: Statement::Statement(inner), searches })
            }
            other => refuse(&leading_words(&other.to_string())),
        },
        Statement::CreateExternalTable(_) => refuse("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => refuse("COPY"),
        Statement::Explain(_) => refuse("EXPLAIN"),
        Statement::Reset(_) => refuse("RESET"),
    }
}

/// A query's body can be a data-changing statement, also inside WITH.
fn check_query(query: &Query) -> Result<(), QueryError> {
    if !query.locks.is_empty() {
        return Err(QueryError::ConstructNotAllowed { construct: "FOR UPDATE/SHARE".to_owned() });
    }
    if query.format_clause.is_some() || query.settings.is_some() {
        return Err(QueryError::ConstructNotAllowed { construct: "FORMAT/SETTINGS".to_owned() });
    }
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        check_query(&table.query)?;
    }
    check_body(&query.body)
}

fn check_body(body: &SetExpr) -> Result<(), QueryError> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => {
            Err(QueryError::ConstructNotAllowed { construct: "SELECT INTO".to_owned() })
        }
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => check_query(query),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        SetExpr::Insert(_) => Err(QueryError::StatementNotAllowed { kind: "INSERT".to_owned() }),
        SetExpr::Update(_) => Err(QueryError::StatementNotAllowed { kind: "UPDATE".to_owned() }),
        SetExpr::Delete(_) => Err(QueryError::StatementNotAllowed { kind: "DELETE".to_owned() }),
        SetExpr::Merge(_) => Err(QueryError::StatementNotAllowed { kind: "MERGE".to_owned() }),
    }
}

/// `CREATE TABLE`, `SHOW`: enough to say what was refused, without quoting names or literals.
fn leading_words(statement: &str) -> String {
    statement
        .split_whitespace()
        .take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()))
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of_refusal(sql: &str) -> String {
        match parse_query(sql, &Binding::Values(Vec::new()), &Limits::default()) {
            Ok(_) => "allowed".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }

    #[test]
    fn one_query_passes_and_nothing_else() {
        let cases = [
            ("SELECT 1", "allowed"),
            ("SELECT 1;", "allowed"),
            ("WITH a AS (SELECT 1) SELECT * FROM a", "allowed"),
            ("VALUES (1)", "allowed"),
            ("", "DT-SQL-0002"),
            ("SELECT 1; SELECT 2", "DT-SQL-0002"),
            ("SELECT 1; DROP TABLE x", "DT-SQL-0002"),
            ("CREATE TABLE t AS SELECT 1", "DT-SQL-0003"),
            ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x'", "DT-SQL-0003"),
            ("EXPLAIN SELECT 1", "DT-SQL-0003"),
            ("EXPLAIN ANALYZE INSERT INTO t SELECT 1", "DT-SQL-0003"),
            ("COPY (SELECT 1) TO 'x'", "DT-SQL-0003"),
            ("SET a = 1", "DT-SQL-0003"),
            ("SHOW ALL", "DT-SQL-0003"),
            ("INSERT INTO t VALUES (1)", "DT-SQL-0003"),
            ("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "DT-SQL-0003"),
            ("SELECT 1 INTO t", "DT-SQL-0008"),
            ("SELECT a FROM t FOR UPDATE", "DT-SQL-0008"),
            ("SELEC 1", "DT-SQL-0001"),
        ];
        for (sql, expected) in cases {
            assert_eq!(kind_of_refusal(sql), expected, "{sql}");
        }
    }

    #[test]
    fn long_and_deep_texts_are_refused_before_planning() {
        let long = format!("SELECT '{}'", "x".repeat(70_000));
        assert_eq!(kind_of_refusal(&long), "DT-LIM-0001");
        let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(kind_of_refusal(&deep), "DT-SQL-0001");
    }
}
