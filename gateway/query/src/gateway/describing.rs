//! What a statement would answer, without an answer: for clients that prepare statements.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::{DataType, SchemaRef};

use super::{Gateway, QueryRequest, record_of};
use crate::masked_predicates::MaskedUse;
use crate::parameters::Binding;
use crate::person_search::Searcher;
use crate::{MaskedColumn, QueryError};

/// The shape of a statement's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The columns, as [`Gateway::query`] releases them.
    pub schema: SchemaRef,
    /// Types of the placeholders, by number from 1.
    pub parameters: Vec<DataType>,
    /// Masks in force on what the statement reads.
    pub masked: Vec<MaskedColumn>,
    masked_use: MaskedUse,
}

impl Described {
    /// As [`crate::ReleasedStream::masks_of_column`].
    pub fn masks_of_column(&self, idx: usize) -> impl Iterator<Item = &MaskedColumn> {
        self.masked_use.masks_of_column(idx, &self.masked)
    }
}

impl Gateway {
    /// Plans a statement for its columns and the types of its placeholders; `types` are those that the client gives. The values
    /// of the request are not looked at, nothing is read, nobody is searched for.
    ///
    /// # Errors
    /// Every [`QueryError`] of planning; refusals are recorded as those of [`Gateway::query`] are.
    pub async fn describe(&self, request: QueryRequest, types: Vec<Option<DataType>>) -> Result<Described, QueryError> {
        let started = Instant::now();
        let _slot = self.slots.wait(&request.principal.subject, &self.config.limits).await?;
        let current = self.data.load_full().ok_or(QueryError::NoData)?;
        let access = Arc::clone(&self.access.borrow());
        let searcher = Searcher::describing(&request.principal.subject);
        let planned = async {
            access.admit(&request.principal, request.token_id.as_deref())?;
            let data = self.data_asked(&request, &access.policies, &current).await?;
            self.plan((&request, Binding::Types(types)), data, Arc::clone(&access.policies), searcher, None).await
        };
        match planned.await {
            Ok(planned) => Ok(Described {
                schema: planned.schema,
                parameters: planned.parameters,
                masked: planned.reads.masked,
                masked_use: planned.masked,
            }),
            Err(error) => {
                let kind = request.kind;
                let mut record = record_of(request, kind, access.policies.version(), current.version);
                record.denied = Some(error.code());
                Err(self.record_refusal(record, error, started).await)
            }
        }
    }
}
