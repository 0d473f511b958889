//! JSON, NDJSON and CSV, written batch by batch.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use axum::body::Bytes;
use futures::stream::{self, Stream, StreamExt};
use query::QueryError;
use serde_json::{Value, json};

use super::cell::{csv_text, row_object};
use super::{ByteOrderMark, Notice};
use crate::problem::{Language, Problem};

/// `{"columns": […], "rows": [{…}, …], "row_count": n, "meta": {…}}`.
pub(super) fn json<S>(
    schema: SchemaRef,
    batches: S,
    notice: Notice,
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
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&count);
    let rows = batches.map(move |batch| {
        let batch = batch?;
        let mut text = String::with_capacity(batch.num_rows() * 64);
        for row in 0..batch.num_rows() {
            if counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0 {
                text.push(',');
            }
            text.push_str(&Value::Object(row_object(&batch, row)).to_string());
        }
        Ok(Bytes::from(text))
    });
    let tail = stream::once(async move {
        let n_rows = count.load(std::sync::atomic::Ordering::Relaxed);
        Ok(Bytes::from(format!("],\"row_count\":{n_rows},\"meta\":{meta}}}")))
    });
    stream::once(async move { Ok(Bytes::from(head)) }).chain(rows).chain(tail)
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
    fn a_field_that_needs_quotes_gets_them() {
        let mut text = String::new();
        push_line(&mut text, ["a", "b,c", "d\"e", "f\ng", ""].into_iter().map(str::to_owned));
        assert_eq!(text, "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n");
    }
}
