//! JSON, NDJSON and CSV, written batch by batch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use axum::body::Bytes;
use futures::stream::{self, Stream, StreamExt};
use query::QueryError;
use serde_json::{Value, json};

use super::cell::{csv_text, row_object};
use super::{ByteOrderMark, Notice};
use crate::problem::{Language, Problem};

/// `{"columns": […], "rows": [{…}, …], "row_count": n, "meta": {…}}`. A failure after the first rows ends the rows and adds
/// `"error": {problem}`: whoever reads the document sees that it is not whole.
pub(super) fn json<S>(
    schema: SchemaRef,
    batches: S,
    notice: Notice,
    language: Language,
) -> impl Stream<Item = Result<Bytes, QueryError>> + Send
where
    S: Stream<Item = Result<RecordBatch, QueryError>> + Send,
{
    let columns: Vec<Value> = schema
        .fields()
        .iter()
        .map(|field| json!({ "name": field.name(), "type": field.data_type().to_string() }))
        .collect();
    let head = format!("{{\"columns\":{},\"rows\":[", Value::Array(columns));
    let meta = serde_json::to_string(&notice).unwrap_or_else(|_| "null".to_owned());
    let progress = Arc::new(Progress::default());
    let so_far = Arc::clone(&progress);
    let rows = batches.map(move |batch| {
        Ok(Bytes::from(match batch {
            Ok(batch) => progress.rows(&batch),
            Err(error) => progress.fail(&Problem::of_query(&error, language)),
        }))
    });
    let tail = stream::once(async move { Ok(Bytes::from(so_far.tail(&meta))) });
    stream::once(async move { Ok(Bytes::from(head)) }).chain(rows).chain(tail)
}

/// How far a JSON document has come.
#[derive(Debug, Default)]
struct Progress {
    n_rows: AtomicU64,
    error: OnceLock<String>,
}

impl Progress {
    fn rows(&self, batch: &RecordBatch) -> String {
        let mut text = String::with_capacity(batch.num_rows() * 64);
        for row in 0..batch.num_rows() {
            if self.n_rows.fetch_add(1, Ordering::Relaxed) > 0 {
                text.push(',');
            }
            text.push_str(&Value::Object(row_object(batch, row)).to_string());
        }
        text
    }

    fn fail(&self, problem: &Problem) -> String {
        self.error.get_or_init(|| serde_json::to_string(problem).unwrap_or_else(|_| "true".to_owned()));
        String::new()
    }

    fn tail(&self, meta: &str) -> String {
        let n_rows = self.n_rows.load(Ordering::Relaxed);
        let error = self.error.get().map(|error| format!(",\"error\":{error}")).unwrap_or_default();
        format!("],\"row_count\":{n_rows},\"meta\":{meta}{error}}}")
    }
}

/// One object a line. An error after the first line is the last line: `{"error": {problem}}`.
pub(super) fn ndjson<S>(
    _schema: SchemaRef,
    batches: S,
    language: Language,
) -> impl Stream<Item = Result<Bytes, QueryError>> + Send
where
    S: Stream<Item = Result<RecordBatch, QueryError>> + Send,
{
    batches.map(move |batch| match batch {
        Ok(batch) => {
            let mut text = String::with_capacity(batch.num_rows() * 64);
            for row in 0..batch.num_rows() {
                text.push_str(&Value::Object(row_object(&batch, row)).to_string());
                text.push('\n');
            }
            Ok(Bytes::from(text))
        }
        Err(error) => {
            let problem = Problem::of_query(&error, language);
            Ok(Bytes::from(format!("{}\n", json!({ "error": problem }))))
        }
    })
}

/// RFC 4180 with a heading line.
pub(super) fn csv<S>(
    schema: SchemaRef,
    batches: S,
    byte_order_mark: ByteOrderMark,
) -> impl Stream<Item = Result<Bytes, QueryError>> + Send
where
    S: Stream<Item = Result<RecordBatch, QueryError>> + Send,
{
    let mut head = match byte_order_mark {
        ByteOrderMark::With => "\u{feff}".to_owned(),
        ByteOrderMark::Without => String::new(),
    };
    push_line(&mut head, schema.fields().iter().map(|field| field.name().clone()));
    let rows = batches.map(|batch| {
        let batch = batch?;
        let mut text = String::with_capacity(batch.num_rows() * 64);
        for row in 0..batch.num_rows() {
            push_line(&mut text, batch.columns().iter().map(|column| csv_text(column, row)));
        }
        Ok(Bytes::from(text))
    });
    stream::once(async move { Ok(Bytes::from(head)) }).chain(rows)
}

fn push_line(text: &mut String, fields: impl Iterator<Item = String>) {
    for (idx, field) in fields.enumerate() {
        if idx > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_failure_is_told_inside_the_document() {
        let progress = Progress::default();
        let error = QueryError::LimitReached { limit: "max_rows", allowed: "1 rows".to_owned() };
        progress.fail(&Problem::of_query(&error, Language::En));
        let document: Value = serde_json::from_str(&format!("{{\"rows\":[{}", progress.tail("null"))).unwrap();
        assert_eq!(document["error"]["code"], "DT-LIM-0001");
    }

    #[test]
    fn a_field_that_needs_quotes_gets_them() {
        let mut text = String::new();
        push_line(&mut text, ["a", "b,c", "d\"e", "f\ng", ""].into_iter().map(str::to_owned));
        assert_eq!(text, "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n");
    }
}
