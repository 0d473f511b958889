//! How much sealing costs: writes and reads a large object, and scans a table, over the local file system.
//!
//! `cargo run --release -p lake --example sealing_speed [MEGABYTES] [ROWS]`

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use futures::TryStreamExt;
use lake::{EncryptedStore, Lake, LocalStore, MasterKey};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use schemas::{Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let megabytes = arguments.next().transpose()?.unwrap_or(64);
    let n_rows = arguments.next().transpose()?.unwrap_or(200_000);
    let dir = tempfile::tempdir()?;
    // A folder each: a key ring is only made where nothing else is.
    for folder in ["plain", "sealed"] {
        std::fs::create_dir(dir.path().join(folder))?;
    }
    let below: Arc<dyn ObjectStore> = Arc::new(LocalStore::new(&dir.path().join("sealed"))?);
    let plain: Arc<dyn ObjectStore> = Arc::new(LocalStore::new(&dir.path().join("plain"))?);
    let sealed: Arc<dyn ObjectStore> = Arc::new(EncryptedStore::over(below, MasterKey::generate()?));
    object("plain", &plain, megabytes).await?;
    object("sealed", &sealed, megabytes).await?;
    table(dir.path(), n_rows).await
}

async fn object(kind: &str, store: &Arc<dyn ObjectStore>, megabytes: usize) -> Outcome<()> {
    let path = Path::from(format!("object-{kind}"));
    let content: Vec<u8> = (0..megabytes << 20).map(|i| i as u8).collect();
    let start = Instant::now();
    store.put(&path, content.into()).await?;
    report(&format!("{kind}: write {megabytes} MiB"), start)?;
    let start = Instant::now();
    let read: usize = store.get(&path).await?.into_stream().map_ok(|part| part.len()).try_fold(0, add).await?;
    report(&format!("{kind}: read {} MiB", read >> 20), start)?;
    let start = Instant::now();
    for i in 0..1000_u64 {
        let at = i * 7919 * 64 % (read as u64 - 1000);
        store.get_ranges(&path, &[at..at + 1000, at..at + 10]).await?;
    }
    report(&format!("{kind}: 1000 ranges of 1000 bytes"), start)
}

async fn table(folder: &std::path::Path, n_rows: usize) -> Outcome<()> {
    let lake = Lake::open(&folder.join("lake"), MasterKey::generate()?)?;
    let relation = relation()?;
    let start = Instant::now();
    let publication = lake.begin().await?;
    let mut writer = publication.writer(&relation)?;
    for from in (0..n_rows).step_by(8192) {
        writer.write(rows(&relation, from, n_rows.min(from + 8192))?).await?;
    }
    writer.finish().await?;
    let published = publication.commit().await?;
    report(&format!("table: publish {n_rows} rows"), start)?;
    let snapshot = lake.snapshot(&published);
    let start = Instant::now();
    let stream = snapshot.stream(&relation.name, None).await?;
    let n_read: usize = stream.map_ok(|batch| batch.num_rows()).try_fold(0, add).await?;
    report(&format!("table: read {n_read} rows"), start)?;
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let all = context.read_table(snapshot.provider(&relation.name).await?)?;
    for attempt in ["first", "second"] {
        let start = Instant::now();
        let found = all.clone().filter(col("id").eq(lit(id(n_rows / 2))))?.collect().await?;
        let n_found: usize = found.iter().map(RecordBatch::num_rows).sum();
        report(&format!("table: {attempt} lookup by key in SQL, {n_found} row"), start)?;
    }
    Ok(())
}

fn relation() -> Outcome<Relation> {
    let column = |name: &str| -> Outcome<Column> {
        Ok(Column {
            name: ColumnName::try_from(name)?,
            zh: name.to_owned(),
            en: name.to_owned(),
            field_type: FieldType::Text,
            class: Sensitivity::None,
            ident: Identifiability::Attribute,
            authority: Vec::new(),
            code_list: None,
        })
    };
    Ok(Relation {
        name: RelationName::try_from("bench.row")?,
        zh: "测量".to_owned(),
        en: "measurement".to_owned(),
        key: ColumnName::try_from("id")?,
        columns: vec![column("id")?, column("text")?],
    })
}

fn rows(relation: &Relation, from: usize, to: usize) -> Outcome<RecordBatch> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values((from..to).map(id))),
        Arc::new(StringArray::from_iter_values((from..to).map(|i| format!("text of row {i}")))),
    ];
    Ok(RecordBatch::try_new(relation.arrow_schema(), columns)?)
}

fn id(i: usize) -> String {
    format!("{i:032x}")
}

async fn add<E>(sum: usize, n: usize) -> Result<usize, E> {
    Ok(sum + n)
}

fn report(what: &str, start: Instant) -> Outcome<()> {
    writeln!(std::io::stdout(), "{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3)?;
    Ok(())
}
