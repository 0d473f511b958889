//! Released rows as Flight data.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use query::{MaskedColumn, ReleasedStream};
use tonic::Status;

use crate::errors::{malformed, of_query};
use crate::running::Answer;

/// What is streamed to a client.
pub(crate) type FlightStream = BoxStream<'static, Result<FlightData, Status>>;

/// The columns, each with the masks on what it is made of.
pub(crate) fn with_masks<'m>(schema: &Schema, masks_of: impl Fn(usize) -> Vec<&'m MaskedColumn>) -> Vec<Arc<Field>> {
    let field = |(idx, field): (usize, &Arc<Field>)| {
        let masks = masks_of(idx);
        if masks.is_empty() {
            return Arc::clone(field);
        }
        let list = |of: fn(&MaskedColumn) -> String| {
            let mut words: Vec<String> = masks.iter().map(|masked| of(masked)).collect();
            words.dedup();
            words.join(", ")
        };
        let metadata = HashMap::from([
            ("datong.mask".to_owned(), list(|masked| masked.mask.clone())),
            ("datong.reason".to_owned(), list(|masked| masked.rule.clone())),
            ("datong.origin".to_owned(), list(|masked| format!("{}.{}", masked.relation, masked.column))),
        ]);
        Arc::new(field.as_ref().clone().with_metadata(metadata))
    };
    schema.fields().iter().enumerate().map(field).collect()
}

fn described(rows: &ReleasedStream) -> SchemaRef {
    let fields = with_masks(&rows.schema(), |idx| rows.masks_of_column(idx).collect());
    let metadata = HashMap::from([
        ("datong.policy_version".to_owned(), rows.policy_version().to_owned()),
        ("datong.data_version".to_owned(), rows.data_version().to_string()),
        ("datong.compared_masked".to_owned(), rows.compared_masked().join(", ")),
    ]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

/// Rows as they come, until they end or are cancelled.
pub(crate) fn streamed(rows: ReleasedStream, answer: Answer) -> FlightStream {
    let schema = described(&rows);
    let under = Arc::clone(&schema);
    let batches = futures::stream::unfold(Some((rows, answer)), |state| async move {
        let (mut rows, answer) = state?;
        let step = tokio::select! {
            biased;
            () = answer.cancelled.cancelled() => {
                return Some((Err(Status::cancelled("cancelled by its caller / 已按请求取消")), None));
            }
            step = rows.next() => step?,
        };
        match step {
            Ok(batch) => Some((Ok(batch), Some((rows, answer)))),
            Err(error) => Some((Err(of_query(&error)), None)),
        }
    });
    let batches = batches.map(move |step| {
        let batch = step.map_err(|status| FlightError::Tonic(Box::new(status)))?;
        RecordBatch::try_new(Arc::clone(&under), batch.columns().to_vec()).map_err(FlightError::from)
    });
    encoded(schema, batches.boxed())
}

/// One batch.
pub(crate) fn of_batch(batch: Result<RecordBatch, FlightError>) -> Result<FlightStream, Status> {
    let batch = batch.map_err(|_| malformed("the command"))?;
    Ok(encoded(batch.schema(), futures::stream::iter([Ok(batch)]).boxed()))
}

fn encoded(schema: SchemaRef, batches: BoxStream<'static, Result<RecordBatch, FlightError>>) -> FlightStream {
    let data = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
    data.map_err(|error| match error {
        FlightError::Tonic(status) => *status,
        // Arrow's own texts may quote a cell.
        _ => Status::internal("the rows cannot be encoded / 结果无法编码"),
    })
    .boxed()
}
