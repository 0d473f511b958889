//! Statements that are described, and values that take the place of their placeholders.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::*;

async fn described(gateway: &Gateway, sql: &str) -> Result<(Vec<String>, Vec<DataType>), QueryError> {
    let described = gateway.describe(request(worker(&["G1"]), sql), Vec::new()).await?;
    let names = described.schema.fields().iter().map(|field| field.name().clone());
    Ok((names.collect(), described.parameters))
}

#[tokio::test]
async fn columns_and_types_are_told_without_an_answer() {
    let recorder = Arc::new(Memory::default());
    let gateway = gateway_with(Arc::clone(&recorder), Limits::default());
    gateway.publish(data());
    let sql = "SELECT person_id, risk FROM unified.person WHERE risk > $2 AND grid_id = ANY($1) LIMIT $3";
    let list = DataType::new_list(DataType::Utf8, true);
    let expected = (vec!["person_id".to_owned(), "risk".to_owned()], vec![list, DataType::Int64, DataType::Int64]);
    assert_eq!(described(&gateway, sql).await, Ok(expected));
    assert_eq!(described(&gateway, "SELECT $1 AS x").await.unwrap().1, [DataType::Utf8], "a text, if nothing tells");
    assert!(recorder.opened.lock().unwrap().is_empty(), "nobody has read anything");
    // What is refused is recorded, as it is when it is asked.
    let hidden = described(&gateway, "SELECT secret FROM unified.person").await.unwrap_err();
    assert!(matches!(hidden, QueryError::ColumnNotFound { .. }), "{hidden:?}");
    let denied: Vec<_> = recorder.opened.lock().unwrap().iter().map(|record| record.denied).collect();
    assert_eq!(denied, [Some("DT-SQL-0005")]);
}

#[tokio::test]
async fn a_value_answers_as_a_literal_does_and_is_recorded() {
    let recorder = Arc::new(Memory::default());
    let gateway = gateway_with(Arc::clone(&recorder), Limits::default());
    gateway.publish(data());
    let bound = |value: &str| QueryRequest {
        parameters: vec![ScalarValue::from(value)],
        ..request(worker(&["G1"]), "SELECT person_id FROM unified.person WHERE phone = $1")
    };
    for value in ["138****0001", "13800000001", "x' OR '1' = '1"] {
        let by_value = rows_of(gateway.query(bound(value)).await.unwrap()).await.unwrap();
        let literal = format!("SELECT person_id FROM unified.person WHERE phone = '{}'", value.replace('\'', "''"));
        let by_literal = ask(&gateway, worker(&["G1"]), &literal).await.unwrap();
        assert_eq!(pretty_format_batches(&by_value).unwrap().to_string(), by_literal, "{value}");
    }
    let texts: Vec<String> = recorder.opened.lock().unwrap().iter().map(|record| record.sql.clone()).collect();
    assert!(texts[0].ends_with("-- $1 = \"138****0001\""), "{}", texts[0]);
    let unbound = ask(&gateway, worker(&["G1"]), "SELECT person_id FROM unified.person WHERE phone = $1").await;
    assert!(matches!(unbound, Err(QueryError::ConstructNotAllowed { .. })), "{unbound:?}");
}
