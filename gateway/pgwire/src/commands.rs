//! What a client's text asks for: a query for the gateway, one about the catalog, or something of the session.
//!
//! The text is parsed here only to tell these apart. What goes to the gateway goes as the client wrote it, so that the same
//! statement means the same on every protocol; a text that cannot be parsed goes there too and comes back as its error.

use datafusion::sql::sqlparser::ast::{
    CloseCursor, CopySource, CopyTarget, Declare, DiscardObject, Expr, FetchDirection, Reset, Set, Statement, Value,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use pgwire::error::PgWireResult;
use query::QueryError;

use crate::catalog_words::{function_asked_for, is_about_catalog};
use crate::copy::CopyFormat;
use crate::errors::{error, of_query};

/// One statement.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// A query, as text.
    Query(String),
    /// A query of `pg_catalog` and its functions, as text.
    Catalog(String),
    /// `COPY … TO STDOUT` of a query.
    Copy(Box<Command>, CopyFormat),
    Begin,
    Commit,
    Rollback,
    /// `SAVEPOINT`, `RELEASE`: nothing is ever written, so there is nothing to go back to.
    Savepoint(&'static str),
    /// `None` sets the default.
    Set(String, Option<String>),
    /// `SET TRANSACTION`, which changes nothing.
    SetTransaction,
    Show(String),
    ResetAll,
    /// The flag: whether the cursor outlives its transaction.
    Declare(String, Box<Command>, bool),
    Fetch(String, Rows),
    CloseCursor(Option<String>),
    /// `None` drops all.
    Deallocate(Option<String>),
    DiscardAll,
    /// `UNLISTEN`: nobody listens.
    Unlisten,
}

/// How many rows are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Next(usize),
    All,
}

/// The statements of a text.
pub(crate) fn commands(text: &str) -> PgWireResult<Vec<Command>> {
    let parsed = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_statements());
    match parsed {
        // As a whole, it says what is wrong with it.
        Err(_) => Ok(vec![Command::Query(text.to_owned())]),
        Ok(statements) => {
            let is_only_one = statements.len() == 1;
            let text_of = |statement: &Statement| if is_only_one { text.to_owned() } else { statement.to_string() };
            statements.into_iter().map(|statement| command(text_of(&statement), statement)).collect()
        }
    }
}

/// As that of the gateway.
const RECURSION_LIMIT: usize = 50;

fn command(text: String, statement: Statement) -> PgWireResult<Command> {
    if let Some(name) = function_asked_for(&statement) {
        return Err(error("42883", format!("函数不存在:{name}"), format!("function {name} does not exist")));
    }
    Ok(match statement {
        Statement::Query(_) if is_about_catalog(&statement) => Command::Catalog(text),
        Statement::Copy { source, to: true, target: CopyTarget::Stdout, options, legacy_options, .. } => {
            let query = match source {
                CopySource::Query(query) => Statement::Query(query),
                CopySource::Table { table_name, columns } => {
                    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                    let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
                    parsed(&format!("SELECT {columns} FROM {table_name}"))?
                }
            };
            let format = CopyFormat::new(&options, &legacy_options)?;
            Command::Copy(Box::new(command(query.to_string(), query)?), format)
        }
        Statement::Copy { to: false, .. } => {
            return Err(of_query(&QueryError::StatementNotAllowed { kind: "COPY FROM".to_owned() }));
        }
        Statement::StartTransaction { .. } => Command::Begin,
        Statement::Commit { .. } => Command::Commit,
        Statement::Rollback { savepoint: Some(_), .. } => Command::Savepoint("ROLLBACK"),
        Statement::Rollback { .. } => Command::Rollback,
        Statement::Savepoint { .. } => Command::Savepoint("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => Command::Savepoint("RELEASE"),
        Statement::Set(set) => set_command(set, text),
        Statement::ShowVariable { variable } => {
            let words: Vec<String> = variable.iter().map(|word| word.value.to_ascii_lowercase()).collect();
            Command::Show(words.join(" "))
        }
        Statement::Reset(reset) => match reset.reset {
            Reset::ALL => Command::ResetAll,
            Reset::ConfigurationParameter(name) => Command::Set(name.to_string().to_ascii_lowercase(), None),
        },
        Statement::Declare { stmts } => declare(stmts, text)?,
        Statement::Fetch { name, direction, into: None, .. } => Command::Fetch(name.value, rows(&direction)?),
        Statement::Close { cursor: CloseCursor::All } => Command::CloseCursor(None),
        Statement::Close { cursor: CloseCursor::Specific { name } } => Command::CloseCursor(Some(name.value)),
        Statement::Deallocate { name, .. } => {
            let is_all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
            Command::Deallocate((!is_all).then_some(name.value))
        }
        Statement::Discard { object_type: DiscardObject::ALL } => Command::DiscardAll,
        Statement::Discard { .. } => Command::Unlisten,
        Statement::UNLISTEN { .. } => Command::Unlisten,
        _ => Command::Query(text),
    })
}

fn parsed(sql: &str) -> PgWireResult<Statement> {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql);
    let first = statements.ok().and_then(|statements| statements.into_iter().next());
    first.ok_or_else(|| error("42601", "语句无法解析".to_owned(), "the statement cannot be parsed".to_owned()))
}

fn set_command(set: Set, text: String) -> Command {
    match set {
        Set::SingleAssignment { variable, values, .. } => {
            let name = variable.to_string().to_ascii_lowercase();
            let value: Vec<String> = values.iter().map(setting_text).collect();
            let is_default = matches!(value.as_slice(), [only] if only.eq_ignore_ascii_case("default"));
            Command::Set(name, (!is_default).then(|| value.join(", ")))
        }
        Set::SetTimeZone { value, .. } => Command::Set("timezone".to_owned(), Some(setting_text(&value))),
        Set::SetNames { charset_name, .. } => Command::Set("client_encoding".to_owned(), Some(charset_name.value)),
        Set::SetNamesDefault {} => Command::Set("client_encoding".to_owned(), None),
        Set::SetTransaction { .. } => Command::SetTransaction,
        // SET ROLE and the like: the gateway refuses them by name.
        _ => Command::Query(text),
    }
}

fn setting_text(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

fn declare(statements: Vec<Declare>, text: String) -> PgWireResult<Command> {
    let mut statements = statements.into_iter();
    match (statements.next(), statements.next()) {
        (Some(Declare { names, for_query: Some(query), scroll, binary, hold, .. }), None) => {
            if scroll == Some(true) || binary == Some(true) {
                return Err(error(
                    "0A000",
                    "游标只能向前、以文本读取".to_owned(),
                    "cursors go forward only and give texts".to_owned(),
                ));
            }
            let name = names.into_iter().next().map(|name| name.value).unwrap_or_default();
            let query = Statement::Query(query);
            Ok(Command::Declare(name, Box::new(command(query.to_string(), query)?), hold == Some(true)))
        }
        _ => Ok(Command::Query(text)),
    }
}

fn rows(direction: &FetchDirection) -> PgWireResult<Rows> {
    let counted = |limit: &Value| match limit {
        Value::Number(number, _) => number.to_string().parse().ok().map(Rows::Next),
        _ => None,
    };
    let rows = match direction {
        FetchDirection::Next | FetchDirection::Forward { limit: None } => Some(Rows::Next(1)),
        FetchDirection::All | FetchDirection::ForwardAll => Some(Rows::All),
        FetchDirection::Count { limit } | FetchDirection::Forward { limit: Some(limit) } => counted(&limit.value),
        _ => None,
    };
    rows.ok_or_else(|| error("55000", "游标只能向前读取".to_owned(), "cursors go forward only".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let kind = |command: Command| {
            let text = format!("{command:?}");
            text.split(['(', ' ']).next().unwrap_or_default().to_owned()
        };
        commands(text).unwrap().into_iter().map(kind).collect()
    }

    #[test]
    fn each_statement_is_told_apart() {
        let cases = [
            ("SELECT * FROM unified.person", "Query"),
            ("SELECT * FROM pg_class", "Catalog"),
            ("SELECT version()", "Catalog"),
            ("BEGIN", "Begin"),
            ("START TRANSACTION READ ONLY", "Begin"),
            ("COMMIT", "Commit"),
            ("END", "Commit"),
            ("ROLLBACK", "Rollback"),
            ("ROLLBACK TO SAVEPOINT a", "Savepoint"),
            ("SET statement_timeout = '5s'", "Set"),
            ("SET TIME ZONE 'UTC'", "Set"),
            ("SET NAMES 'utf8'", "Set"),
            ("SHOW TRANSACTION ISOLATION LEVEL", "Show"),
            ("RESET ALL", "ResetAll"),
            ("DECLARE c CURSOR FOR SELECT 1", "Declare"),
            ("DECLARE \"c\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1", "Declare"),
            ("FETCH 100 FROM c", "Fetch"),
            ("FETCH FORWARD ALL FROM c", "Fetch"),
            ("CLOSE ALL", "CloseCursor"),
            ("CLOSE c", "CloseCursor"),
            ("DEALLOCATE ALL", "Deallocate"),
            ("DISCARD ALL", "DiscardAll"),
            ("UNLISTEN *", "Unlisten"),
            ("COPY (SELECT 1) TO STDOUT (FORMAT csv)", "Copy"),
            ("COPY unified.person TO STDOUT WITH BINARY", "Copy"),
            // Left to the gateway, which refuses them.
            ("COPY (SELECT 1) TO 'x.csv'", "Query"),
            ("COPY (SELECT 1) TO PROGRAM 'sh'", "Query"),
            ("SET ROLE x", "Query"),
            ("SET SESSION AUTHORIZATION x", "Query"),
            ("DROP TABLE x", "Query"),
            ("PREPARE p AS SELECT 1", "Query"),
            ("SELEC 1", "Query"),
        ];
        for (text, kind) in cases {
            assert_eq!(kinds(text), [kind], "{text}");
        }
    }

    #[test]
    fn one_text_may_hold_several_statements() {
        assert_eq!(kinds("BEGIN; SELECT 1 ; COMMIT;"), ["Begin", "Query", "Commit"]);
        assert_eq!(kinds("SELECT 1;;"), ["Query"]);
        assert!(
            matches!(commands("SELECT 1 -- as written").unwrap().as_slice(), [Command::Query(text)] if text.ends_with("written"))
        );
    }

    #[test]
    fn a_copy_of_a_table_reads_the_columns_it_names() {
        let found = commands("COPY unified.person (name, sex) TO STDOUT").unwrap();
        let [Command::Copy(query, _)] = found.as_slice() else { panic!("{found:?}") };
        assert!(matches!(query.as_ref(), Command::Query(text) if text == "SELECT name, sex FROM unified.person"));
    }

    #[test]
    fn cursors_go_forward_only() {
        assert!(commands("FETCH BACKWARD 1 FROM c").is_err());
        assert!(commands("DECLARE c SCROLL CURSOR FOR SELECT 1").is_err());
        let all = commands("FETCH ALL FROM c").unwrap();
        assert!(matches!(all.as_slice(), [Command::Fetch(_, Rows::All)]));
    }
}
