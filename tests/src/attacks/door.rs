//! A way in: a principal and a statement to an answer.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use policies::Principal;
use query::{Gateway, QueryRequest};

use super::answer::{Answer, Failure};

/// One protocol, in front of one world.
#[async_trait]
pub trait Door: Send + Sync {
    /// For findings.
    fn name(&self) -> &'static str;

    /// Asks and reads to the end.
    async fn ask(&self, principal: &Principal, sql: &str) -> Answer;
}

/// [`Gateway::query`] itself.
#[derive(Debug, Clone)]
pub struct InProcess(pub Arc<Gateway>);

#[async_trait]
impl Door for InProcess {
    fn name(&self) -> &'static str {
        "in process"
    }

    async fn ask(&self, principal: &Principal, sql: &str) -> Answer {
        let request = QueryRequest {
            principal: principal.clone(),
            sql: sql.to_owned(),
            request_id: "attack-1".to_owned(),
            protocol: "cli",
            kind: "query",
            client: None,
            token_id: None,
            parameters: Vec::new(),
            as_of: None,
        };
        let mut stream = match self.0.query(request).await {
            Ok(stream) => stream,
            Err(error) => return Answer::failed(error.code(), error.to_string()),
        };
        let schema = stream.schema();
        let notes = vec![
            ("compared_masked".to_owned(), stream.compared_masked().join(", ")),
            ("data_version".to_owned(), stream.data_version().to_string()),
            ("masked".to_owned(), format!("{:?}", stream.masked())),
            ("policy_version".to_owned(), stream.policy_version().to_owned()),
        ];
        let (mut batches, mut failure) = (Vec::new(), None);
        while let Some(step) = stream.next().await {
            match step {
                Ok(batch) => batches.push(batch),
                Err(error) => failure = Some(Failure { code: error.code().to_owned(), text: error.to_string() }),
            }
        }
        Answer { failure, notes, ..Answer::of_batches(&schema, &batches) }
    }
}
