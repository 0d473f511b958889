//! Cursors: an answer that is read a part at a time. It holds its place among running queries, and its time, until it is closed.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use futures::stream::BoxStream;
use pgwire::error::PgWireResult;

use crate::commands::Rows as Wanted;
use crate::session::Rows;

/// An open cursor.
pub(crate) struct Cursor {
    schema: SchemaRef,
    batches: BoxStream<'static, PgWireResult<RecordBatch>>,
    /// Read, and not yet fetched.
    rest: Option<RecordBatch>,
    is_held: bool,
}

impl Cursor {
    /// `is_held`: whether it outlives its transaction.
    pub(crate) fn new(rows: Rows, is_held: bool) -> Self {
        Self { schema: rows.schema, batches: rows.batches, rest: None, is_held }
    }

    pub(crate) fn is_held(&self) -> bool {
        self.is_held
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The next rows; fewer than wanted only at the end.
    pub(crate) async fn fetch(&mut self, wanted: Wanted) -> PgWireResult<Vec<RecordBatch>> {
        let mut missing = match wanted {
            Wanted::Next(n) => n,
            Wanted::All => usize::MAX,
        };
        let mut fetched = Vec::new();
        while missing > 0 {
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => match self.batches.next().await {
                    Some(batch) => batch?,
                    None => break,
                },
            };
            if batch.num_rows() > missing {
                self.rest = Some(batch.slice(missing, batch.num_rows() - missing));
                fetched.push(batch.slice(0, missing));
                break;
            }
            missing -= batch.num_rows();
            fetched.push(batch);
        }
        Ok(fetched)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};

    use super::*;

    #[tokio::test]
    async fn rows_come_in_order_and_each_once() {
        let batch = |values: Vec<i32>| {
            RecordBatch::try_from_iter([("n", Arc::new(Int32Array::from(values)) as ArrayRef)]).unwrap()
        };
        let batches = [batch(vec![1, 2, 3]), batch(vec![]), batch(vec![4, 5])];
        let schema = batches[0].schema();
        let batches = futures::stream::iter(batches.map(Ok)).boxed();
        let mut cursor = Cursor::new(Rows { schema, batches, notice: None }, false);
        let mut sizes = Vec::new();
        for wanted in [Wanted::Next(2), Wanted::Next(2), Wanted::Next(0), Wanted::All, Wanted::Next(1)] {
            let fetched = cursor.fetch(wanted).await.unwrap();
            sizes.push(fetched.iter().map(RecordBatch::num_rows).sum::<usize>());
        }
        assert_eq!(sizes, [2, 2, 0, 1, 0]);
    }
}
