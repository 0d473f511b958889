//! Statements that a client prepares.

use async_trait::async_trait;
use pgwire::api::portal::Format;
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::api::stmt::QueryParser;
use pgwire::api::{ClientInfo, Type};
use pgwire::error::PgWireResult;

use crate::errors::error;
use crate::handlers::{Handlers, Prepared};
use crate::types::{fields, parameter_type, told_type};

#[async_trait]
impl QueryParser for Handlers {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, _client: &C, sql: &str, types: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let commands = self.0.session()?.commands(sql)?;
        let mut commands = commands.into_iter();
        match (commands.next(), commands.next()) {
            (None, _) => Ok(None),
            (Some(command), None) => {
                let types = types.iter().map(|pg| pg.as_ref().and_then(parameter_type)).collect();
                let shape = self.0.session()?.describe(&command, types).await?;
                Ok(Some(Prepared { command, shape }))
            }
            _ => Err(error(
                "42601",
                "预备语句只能有一条".to_owned(),
                "cannot insert multiple commands into a prepared statement".to_owned(),
            )),
        }
    }

    fn get_parameter_types(&self, statement: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(statement.shape.parameters.iter().map(told_type).collect())
    }

    fn get_result_schema(&self, statement: &Prepared, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        let format = |idx| format.map_or(FieldFormat::Text, |format| format.format_for(idx));
        Ok(statement.shape.schema.as_ref().map(|schema| fields(schema, format)).unwrap_or_default())
    }
}
