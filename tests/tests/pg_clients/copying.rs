//! `COPY … TO STDOUT`.

use futures::TryStreamExt;

use tests::datong::Demo;

use super::{column, connect};

async fn copied(client: &tokio_postgres::Client, sql: &str) -> Vec<u8> {
    let chunks = client.copy_out(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let chunks: Vec<_> = chunks.try_collect().await.unwrap();
    chunks.concat()
}

pub(crate) async fn a_copy_holds_what_a_query_answers(demo: &Demo) {
    let client = connect(demo, "grid_worker").await;
    let names = column(&client, "SELECT name FROM unified.person ORDER BY person_id").await;
    let names: Vec<String> = names.into_iter().map(|name| name.unwrap_or_default()).collect();
    assert!(names.len() > 10, "somebody to copy: {}", names.len());
    let text = copied(&client, "COPY (SELECT name FROM unified.person ORDER BY person_id) TO STDOUT").await;
    assert_eq!(String::from_utf8(text).unwrap().lines().collect::<Vec<_>>(), names);
    let csv =
        "COPY (SELECT name AS \"姓名\" FROM unified.person ORDER BY person_id) TO STDOUT WITH (FORMAT csv, HEADER)";
    let csv = String::from_utf8(copied(&client, csv).await).unwrap();
    assert_eq!(csv.lines().next(), Some("姓名"));
    assert_eq!(csv.lines().skip(1).collect::<Vec<_>>(), names);
}

pub(crate) async fn a_binary_copy_is_read_by_the_client(demo: &Demo) {
    let client = connect(demo, "police_officer").await;
    let sql = "COPY (SELECT name, birth_date, 7::bigint AS n FROM unified.person ORDER BY person_id LIMIT 9) TO STDOUT WITH BINARY";
    let stream = client.copy_out(sql).await.unwrap();
    use tokio_postgres::types::Type;
    let rows = tokio_postgres::binary_copy::BinaryCopyOutStream::new(stream, &[Type::TEXT, Type::DATE, Type::INT8]);
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(rows.len(), 9);
    let asked =
        client.query("SELECT name, birth_date FROM unified.person ORDER BY person_id LIMIT 9", &[]).await.unwrap();
    for (copied, asked) in rows.iter().zip(&asked) {
        assert_eq!(copied.get::<String>(0), asked.get::<_, String>(0));
        assert_eq!(copied.get::<Option<chrono::NaiveDate>>(1), asked.get::<_, Option<chrono::NaiveDate>>(1));
        assert_eq!(copied.get::<i64>(2), 7);
    }
    let nobody = copied(&client, "COPY (SELECT name FROM unified.person WHERE false) TO STDOUT (FORMAT binary)").await;
    assert_eq!(nobody.len(), 19 + 2, "header and end");
}
