//! What errors of the engine mean to a client, and what of their texts may be told.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::QueryError;
use crate::spill;

impl QueryError {
    /// What a planning error of the engine means to the client.
    pub(crate) fn from_planning(error: &DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::SQL(parser_error, _) => Self::Syntax { detail: parser_error.to_string() },
            DataFusionError::SchemaError(schema_error, _) => from_schema(schema_error),
            DataFusionError::Plan(text) => from_plan_text(text),
            DataFusionError::Internal(text) if is_of_the_planner(text) => Self::no_valid_plan(),
            DataFusionError::NotImplemented(text) => Self::Unplannable { detail: first_sentence(text) },
            DataFusionError::ResourcesExhausted(_) => Self::memory_limit(),
            DataFusionError::External(source) => match source.downcast_ref::<QueryError>() {
                Some(inner) => inner.clone(),
                None if is_of_a_pattern(source.as_ref()) => Self::EvaluationFailed,
                None => Self::internal("planning: external"),
            },
            DataFusionError::Internal(text) if is_of_a_function(text) => Self::EvaluationFailed,
            DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => Self::EvaluationFailed,
            DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => Self::from_planning(inner),
            _ => Self::internal("planning"),
        }
    }

    /// What an error while rows were computed means to the client. The engine's text is dropped: it may quote a cell.
    pub(crate) fn from_execution(error: &DataFusionError) -> Self {
        let root = error.find_root();
        if let Some(of_spill) = of_spill(root) {
            return of_spill;
        }
        match root {
            DataFusionError::ResourcesExhausted(_) => Self::memory_limit(),
            DataFusionError::External(source) => match source.downcast_ref::<QueryError>() {
                Some(inner) => inner.clone(),
                // A pattern that is no regular expression, or too large a one. It may come out of a column.
                None if is_of_a_pattern(source.as_ref()) => Self::EvaluationFailed,
                None => Self::internal("execution: external"),
            },
            DataFusionError::Internal(text) if is_of_a_function(text) => Self::EvaluationFailed,
            DataFusionError::Internal(text) if is_of_the_planner(text) => Self::no_valid_plan(),
            DataFusionError::ArrowError(..)
            | DataFusionError::Execution(_)
            | DataFusionError::Plan(_)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::SchemaError(..) => Self::EvaluationFailed,
            _ => Self::internal("execution"),
        }
    }

    /// The statement is sound as far as it goes, and the engine fails at it.
    pub(crate) fn no_valid_plan() -> Self {
        Self::Unplannable { detail: "the engine finds no valid plan for it".to_owned() }
    }

    fn memory_limit() -> Self {
        Self::LimitReached { limit: "max_query_memory_bytes", allowed: "the configured memory".to_owned() }
    }
}

/// An error of ours that the engine has wrapped as one of input or output.
fn of_spill(error: &DataFusionError) -> Option<QueryError> {
    match error {
        DataFusionError::IoError(error) => spill::of_io(error),
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::IoError(_, error) => spill::of_io(error),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an internal error of the engine is a check of its own plan: a set operation over columns that can and cannot be
/// null, a function that was planned with one type and rewritten with another or is given another, or groups cut to a LIMIT without an order,
/// which is noticed when they are computed. Each is a defect of the engine; any other internal error is ours until known.
fn is_of_the_planner(text: &str) -> bool {
    text.starts_with("Physical input schema should be the same as the one converted from logical input schema")
        || text.starts_with("Function '") && text.contains("failed to match any signature")
        || text.starts_with("Ordering direction required for DISTINCT with limit")
        || text.starts_with("could not cast array of type")
}

/// Whether an error is about a pattern that is no regular expression. The engine parses constant ones by itself.
fn is_of_a_pattern(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.is::<regex::Error>() || error.is::<regex_syntax::Error>()
}

/// Whether an internal error of the engine is one function's, which failed on the values it was given.
fn is_of_a_function(text: &str) -> bool {
    text.starts_with("failed to call 'regex_")
        || text.starts_with("UDF ") && text.contains("returned a different number of rows than expected")
}

fn from_schema(error: &SchemaError) -> QueryError {
    match error {
        SchemaError::FieldNotFound { field, .. } => QueryError::ColumnNotFound { name: field.flat_name() },
        SchemaError::AmbiguousReference { field } => QueryError::AmbiguousColumn { name: field.flat_name() },
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            QueryError::Unplannable { detail: format!("the name `{name}` appears twice; give one of them an alias") }
        }
    }
}

/// The engine reports unknown tables and functions as plain text.
fn from_plan_text(text: &str) -> QueryError {
    if let Some((_, rest)) = text.split_once("table '")
        && let Some((name, tail)) = rest.split_once('\'')
        && tail.contains("not found")
    {
        return QueryError::RelationNotFound { name: without_catalog(name) };
    }
    if let Some(rest) = text.strip_prefix("Invalid function '")
        && let Some((name, _)) = rest.split_once('\'')
    {
        return QueryError::FunctionNotAllowed { name: name.to_owned() };
    }
    for lead in ["failed to resolve schema: ", "failed to resolve catalog: ", "table function '"] {
        if let Some((_, rest)) = text.split_once(lead) {
            let name: String = rest.chars().take_while(|c| !c.is_whitespace() && *c != '\'').collect();
            return QueryError::RelationNotFound { name };
        }
    }
    if text.starts_with("Plan: [") {
        // The engine's check of its own plan quotes the whole plan.
        return QueryError::no_valid_plan();
    }
    QueryError::Unplannable { detail: first_sentence(text) }
}

fn without_catalog(name: &str) -> String {
    let prefix = format!("{}.", crate::session::CATALOG);
    let name = name.strip_prefix(&prefix).unwrap_or(name);
    name.strip_prefix("public.").unwrap_or(name).to_owned()
}

/// Drops suggestions ("Did you mean", candidate lists), which the engine picks at random.
fn first_sentence(text: &str) -> String {
    let end = ["Did you mean", "Valid fields", "Candidate functions", "\n", "You might need"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default().trim().trim_end_matches('.').chars().take(400).collect()
}
