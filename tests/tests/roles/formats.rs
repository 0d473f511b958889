//! One answer in all formats.

use arrow::array::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tests::datong::Demo;
use tests::http::Door;

use crate::texts::{arrow_batches, json_forms, text_of_json};

pub(crate) async fn every_format_holds_the_same_values(demo: &Demo) {
    let door = Door::new(demo.url(), demo.token("police_officer"));
    let question = "SELECT name, id_no, birth_date, phones, updated_at, is_deceased, cur_address, \
                    length(name) AS chars, 1.5 * length(name) AS half_more, count(*) OVER () AS n \
                    FROM unified.person ORDER BY person_id LIMIT 300";
    let json = door.sql_in("?format=json", question).await.expect_status(200);
    assert_eq!(json.header("content-type"), "application/json");
    let document = json.json();
    let names: Vec<String> = document["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|c| c["name"].as_str().expect("a name").to_owned())
        .collect();
    let of_object =
        |row: &Value| -> Vec<Option<String>> { names.iter().map(|name| text_of_json(&row[name])).collect() };
    let expected: Vec<Vec<Option<String>>> = document["rows"].as_array().expect("rows").iter().map(of_object).collect();
    assert_eq!(expected.len(), 300);
    assert_eq!(document["row_count"], 300);
    let masked = document["meta"]["masked"].as_array().expect("what is masked").len();
    assert!(masked >= 3, "id_no, birth_date and phones are masked: {}", document["meta"]);
    for column in 0..names.len() {
        assert!(expected.iter().any(|row| row[column].is_some()), "column {} is all null", names[column]);
    }

    let ndjson = door.sql_in("?format=ndjson", question).await.expect_status(200);
    assert_eq!(ndjson.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> =
        ndjson.text().lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert!(lines.iter().map(of_object).collect::<Vec<_>>() == expected, "NDJSON");

    let csv = door.sql_in("?format=csv", question).await.expect_status(200);
    assert!(csv.header("content-type").starts_with("text/csv"));
    let mut reader = csv::Reader::from_reader(csv.body.as_slice());
    assert_eq!(reader.headers().expect("a heading line").iter().collect::<Vec<_>>(), names);
    let rows: Vec<Vec<Option<String>>> = reader
        .records()
        .map(|row| row.expect("a row").iter().map(|field| (!field.is_empty()).then(|| field.to_owned())).collect())
        .collect();
    assert!(rows == expected, "CSV");
    let with_mark = door.sql_in("?format=csv&bom=1", question).await.expect_status(200);
    assert_eq!(with_mark.body.strip_prefix("\u{feff}".as_bytes()), Some(csv.body.as_slice()));

    let arrow = door.sql_in("?format=arrow", question).await.expect_status(200);
    assert_eq!(arrow.header("content-type"), "application/vnd.apache.arrow.stream");
    assert!(json_forms(&arrow_batches(&arrow)) == expected, "Arrow");
    let parquet = door.sql_in("?format=parquet", question).await.expect_status(200);
    assert_eq!(parquet.header("content-type"), "application/vnd.apache.parquet");
    let file = axum::body::Bytes::from(parquet.body.clone());
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file").build().expect("a reader");
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("rows");
    assert!(json_forms(&batches) == expected, "Parquet");
}
