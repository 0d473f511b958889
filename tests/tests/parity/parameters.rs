//! A value that is bound finds what the literal finds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};

use super::binary::Decoded;
use super::forms::rows_of;
use super::ways::Principal;

/// A value: as a literal, bound over pg wire, bound over Flight SQL.
type Value = (&'static str, Box<dyn ToSql + Sync + Send>, ArrayRef);

/// Statements with one placeholder, and what takes its place.
fn cases() -> Vec<(&'static str, Value)> {
    let day = chrono::NaiveDate::from_ymd_opt(1980, 1, 1).expect("a day");
    let days = i32::try_from(day.signed_duration_since(chrono::NaiveDate::default()).num_days()).expect("days");
    let text = |literal: &'static str, value: &'static str| -> Value {
        (literal, Box::new(value), Arc::new(StringArray::from(vec![value])))
    };
    let nothing: Option<&str> = None;
    vec![
        ("SELECT count(*) AS n FROM unified.grid WHERE grid_id <> $1", text("'汉字'", "汉字")),
        ("SELECT person_id FROM unified.person WHERE sex = $1 ORDER BY 1 LIMIT 30", text("'2'", "2")),
        ("SELECT person_id FROM unified.person WHERE name LIKE $1 ORDER BY 1", text("'王%'", "王%")),
        ("SELECT person_id FROM unified.person WHERE sex = $1 ORDER BY 1", text("'2'' OR ''1''=''1'", "2' OR '1'='1")),
        (
            "SELECT person_id FROM unified.person WHERE sex = $1 ORDER BY 1",
            ("CAST(NULL AS VARCHAR)", Box::new(nothing), Arc::new(StringArray::from(vec![nothing]))),
        ),
        (
            "SELECT person_id FROM unified.person WHERE birth_date < $1 ORDER BY 1 LIMIT 30",
            ("DATE '1980-01-01'", Box::new(day), Arc::new(Date32Array::from(vec![days]))),
        ),
        (
            "SELECT person_id FROM unified.person ORDER BY 1 LIMIT $1",
            ("7", Box::new(7_i64), Arc::new(Int64Array::from(vec![7]))),
        ),
    ]
}

pub(crate) async fn a_bound_value_is_a_literal_everywhere(principal: &Principal) {
    for (sql, (literal, of_pg, of_flight)) in cases() {
        let expected = principal.arrow(&sql.replace("$1", literal)).await;
        let by_pg = async {
            let statement = principal.pg.prepare(sql).await?;
            let [of] = statement.params() else { panic!("{sql}: one placeholder") };
            if !accepts(of, literal) {
                return Ok(None);
            }
            principal.pg.query(&statement, &[&*of_pg]).await.map(Some)
        };
        let by_pg = by_pg.await.map_err(|error| {
            let told = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
            told.detail().unwrap_or_default().split(':').next().unwrap_or_default().to_owned()
        });
        // A date that a mask shows as a text is compared with texts.
        if matches!(by_pg, Ok(None)) {
            continue;
        }
        let by_pg = by_pg.map(|rows| {
            let cell = |row: &tokio_postgres::Row, at| row.get::<_, Option<Decoded>>(at).map(|value| value.0);
            rows.iter().flatten().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect::<Vec<Vec<_>>>()
        });
        let by_flight = bound_over_flight(principal, sql, of_flight).await;
        match expected {
            Ok(expected) => {
                assert_eq!(by_pg.as_ref(), Ok(&expected.rows), "{sql} {literal}");
                assert_eq!(by_flight.as_ref(), Ok(&expected.rows), "{sql} {literal}");
            }
            Err((code, _)) => {
                assert_eq!(by_pg.as_ref(), Err(&code), "{sql} {literal}");
                assert!(by_flight.is_err_and(|told| told.contains(&code)), "{sql} {literal}");
            }
        }
    }
}

fn accepts(of: &Type, literal: &str) -> bool {
    match *of {
        Type::DATE => literal.starts_with("DATE"),
        Type::INT8 => literal.bytes().all(|byte| byte.is_ascii_digit()),
        Type::TEXT => literal.contains('\'') && !literal.starts_with("DATE") || literal.ends_with("VARCHAR)"),
        _ => false,
    }
}

async fn bound_over_flight(
    principal: &Principal,
    sql: &str,
    value: ArrayRef,
) -> Result<Vec<Vec<Option<String>>>, String> {
    let mut client = principal.flight.clone();
    let mut prepared = client.prepare(sql.to_owned(), None).await.map_err(|error| error.to_string())?;
    prepared.set_parameters(RecordBatch::try_from_iter([("1", value)]).expect("a row")).expect("parameters");
    let info = prepared.execute().await.map_err(|error| error.to_string())?;
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let rows = client.do_get(ticket).await.map_err(|error| error.to_string())?;
    let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(|error| error.to_string())?;
    Ok(rows_of(&batches))
}
