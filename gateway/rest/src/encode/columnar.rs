//! Arrow IPC stream and Parquet.

use std::io::Write;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use axum::body::Bytes;
use futures::stream::{self, Stream, StreamExt};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use query::QueryError;

/// A buffer that the writer fills and the body empties.
#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Bytes {
        self.0.lock().map(|mut buffer| Bytes::from(std::mem::take(&mut *buffer))).unwrap_or_default()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.lock() {
            Ok(mut buffer) => buffer.extend_from_slice(bytes),
            Err(_) => return Err(std::io::Error::other("buffer poisoned")),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn unencodable<E>(_: E) -> QueryError {
    QueryError::Unplannable { detail: "the answer holds a type this format cannot carry".to_owned() }
}

/// Schema, batches, end mark, each sent when written.
pub(super) fn arrow_stream<S>(schema: SchemaRef, batches: S) -> impl Stream<Item = Result<Bytes, QueryError>> + Send
where
    S: Stream<Item = Result<RecordBatch, QueryError>> + Send + 'static,
{
    let buffer = Shared::default();
    let writer = StreamWriter::try_new(buffer.clone(), &schema).map_err(unencodable);
    let state = (writer.map(Some), batches.boxed(), buffer);
    stream::unfold(state, |(writer, mut batches, buffer)| async move {
        let mut writer = match writer {
            Ok(Some(writer)) => writer,
            Ok(None) => return None,
            Err(error) => return Some((Err(error), (Ok(None), batches, buffer))),
        };
        let (step, writer) = match batches.next().await {
            Some(Ok(batch)) => (writer.write(&batch).map_err(unencodable), Some(writer)),
            Some(Err(error)) => (Err(error), None),
            None => (writer.finish().map_err(unencodable), None),
        };
        let chunk = step.map(|()| buffer.take());
        Some((chunk, (Ok(writer), batches, buffer)))
    })
}

/// A whole file: Parquet's footer comes last, and a client cannot use half of it. Bounded by `max_result_bytes`.
pub(super) async fn parquet<S>(schema: SchemaRef, batches: S) -> Result<Bytes, QueryError>
where
    S: Stream<Item = Result<RecordBatch, QueryError>> + Send,
{
    let properties = WriterProperties::builder().set_compression(Compression::LZ4_RAW).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(unencodable)?;
    let mut batches = std::pin::pin!(batches);
    while let Some(batch) = batches.next().await {
        writer.write(&batch?).map_err(unencodable)?;
    }
    writer.into_inner().map(Bytes::from).map_err(unencodable)
}
