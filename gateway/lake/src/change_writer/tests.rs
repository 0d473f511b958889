//! A table that was changed is, by every way of reading it, the table with these rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::Schema;
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::memory::InMemory;
use schemas::{FieldType, Relation};

use crate::synthetic;
use crate::{Lake, LakeError, MasterKey, Published, Snapshot, WrittenTable};

/// What a table has: for each key, its rows as `(ID number, telephone, text)`.
type Content = BTreeMap<String, Vec<(Option<String>, String, String)>>;

fn relation(name: &str) -> Relation {
    use FieldType::{CitizenId, Phone, Text};
    synthetic::relation(name, &[("person_id", Text), ("id_no", CitizenId), ("phone", Phone), ("text", Text)])
}

fn key(i: u64) -> String {
    format!("{:016x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn row(i: u64, tag: u64) -> (Option<String>, String, String) {
    (
        (!i.is_multiple_of(3)).then(|| format!("no {i}")),
        format!("199{:05}", (i + tag) % 97),
        format!("row {i} as of {tag}"),
    )
}

fn batch(relation: &Relation, content: &Content) -> RecordBatch {
    let rows: Vec<_> = content.iter().flat_map(|(key, rows)| rows.iter().map(move |row| (key, row))).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(key, _)| key))),
        Arc::new(StringArray::from_iter(rows.iter().map(|(_, row)| row.0.clone()))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, row)| &row.1))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, row)| &row.2))),
    ];
    RecordBatch::try_new(relation.arrow_schema(), columns).unwrap()
}

fn content(batches: &[RecordBatch]) -> Content {
    let mut content = Content::new();
    for batch in batches {
        let texts: Vec<_> =
            batch.columns().iter().map(|c| cast(c, &arrow::datatypes::DataType::Utf8).unwrap()).collect();
        let texts: Vec<_> = texts.iter().map(|column| column.as_string::<i32>()).collect();
        for i in 0..batch.num_rows() {
            let value = |column: usize| texts[column].value(i).to_owned();
            let id_no = texts[1].iter().nth(i).unwrap().map(str::to_owned);
            content.entry(value(0)).or_default().push((id_no, value(2), value(3)));
        }
    }
    content.values_mut().for_each(|rows| rows.sort());
    content
}

fn lake() -> Lake {
    Lake::over(Arc::new(InMemory::new()), MasterKey::from_bytes([1; 32])).unwrap()
}

async fn publish(lake: &Lake, relation: &Relation, content: &Content) -> Published {
    let publication = lake.begin().await.unwrap();
    let mut writer = publication.writer(relation).unwrap();
    writer.write(batch(relation, content)).await.unwrap();
    writer.finish().await.unwrap();
    publication.commit().await.unwrap()
}

/// Publishes a change: the keys of `written` get these rows, those of `removed` go.
async fn change(lake: &Lake, relation: &Relation, written: &Content, removed: &[String]) -> (WrittenTable, Published) {
    let publication = lake.begin().await.unwrap();
    let mut changes = publication.changes(relation).await.unwrap().expect("a table that can be changed");
    changes.write(batch(relation, written)).await.unwrap();
    removed.iter().for_each(|key| changes.remove(key.clone()));
    let table = Box::pin(changes.finish()).await.unwrap();
    (table, publication.commit().await.unwrap())
}

async fn asked(snapshot: &Snapshot, relation: &Relation, sql: &str) -> Vec<RecordBatch> {
    let config = SessionConfig::new().with_target_partitions(2).with_batch_size(100);
    let context = SessionContext::new_with_config(config);
    context.register_table("t", snapshot.provider(&relation.name).await.unwrap()).unwrap();
    context.sql(sql).await.unwrap().collect().await.unwrap()
}

fn number(batches: &[RecordBatch]) -> i64 {
    batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0)
}

/// Reads the table in every way there is.
async fn check(lake: &Lake, published: &Published, relation: &Relation, expected: &Content) {
    let snapshot = lake.snapshot(published);
    assert_eq!(&content(&snapshot.read(&relation.name).await.unwrap()), expected);
    assert_eq!(&content(&asked(&snapshot, relation, "SELECT * FROM t").await), expected);
    let n_rows: usize = expected.values().map(Vec::len).sum();
    assert_eq!(number(&asked(&snapshot, relation, "SELECT count(*) FROM t").await), n_rows as i64);
    let with = |phone: &str| {
        let rows = expected.iter().flat_map(|(key, rows)| rows.iter().map(move |row| (key, row)));
        let mut keys: Vec<&String> = rows.filter(|(_, row)| row.1 == phone).map(|(key, _)| key).collect();
        keys.sort();
        keys.into_iter().cloned().collect::<Vec<_>>()
    };
    for phone in ["19900000", "19900007", "19900096"] {
        let found = asked(&snapshot, relation, &format!("SELECT * FROM t WHERE phone = '{phone}'")).await;
        let keys: Vec<String> = content(&found).iter().flat_map(|(key, rows)| vec![key.clone(); rows.len()]).collect();
        assert_eq!(keys, with(phone), "{phone}");
    }
    let least = expected.keys().min().cloned();
    let found = asked(&snapshot, relation, "SELECT min(person_id) FROM t").await;
    let text = cast(found[0].column(0), &arrow::datatypes::DataType::Utf8).unwrap();
    assert_eq!(text.as_string::<i32>().iter().next().unwrap().map(str::to_owned), least);
    if let Some(index) = snapshot.records(&relation.name).await.unwrap() {
        assert_eq!(index.n_rows(), n_rows as u64);
        for (key, rows) in expected.iter().step_by(37) {
            let found = index.get(key).await.unwrap().expect("a record");
            assert_eq!(content(&[found]).get(key), Some(rows));
        }
        for phone in ["19900001", "19900050"] {
            let found = index.find("phone", phone).await.unwrap().unwrap();
            let keys: Vec<String> = content(&[found]).into_keys().collect();
            assert_eq!(keys, with(phone));
        }
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

async fn random_changes(relation: &Relation, rows_per_key: u64) {
    let lake = lake();
    let mut dice = Dice(7);
    let some = |dice: &mut Dice, i: u64, tag: u64| {
        let n_rows = 1 + dice.roll(rows_per_key);
        let mut rows: Vec<_> = (0..n_rows).map(|n| row(i + n * 1_000_000, tag)).collect();
        rows.sort();
        rows
    };
    let mut expected: Content = (0..12_000).map(|i| (key(i), some(&mut dice, i, 0))).collect();
    let mut kept = vec![(publish(&lake, relation, &expected).await, expected.clone())];
    for tag in 1..=6 {
        let mut written = Content::new();
        for _ in 0..40 * tag {
            let i = dice.roll(13_000);
            written.insert(key(i), some(&mut dice, i, tag));
        }
        let removed: Vec<String> =
            (0..20).map(|_| key(dice.roll(13_000))).filter(|k| !written.contains_key(k)).collect();
        expected.extend(written.clone());
        removed.iter().for_each(|key| drop(expected.remove(key)));
        let (table, published) = Box::pin(change(&lake, relation, &written, &removed)).await;
        let n_rows: usize = expected.values().map(Vec::len).sum();
        assert_eq!(
            (table.n_rows, table.n_written),
            (n_rows as u64, written.values().map(Vec::len).sum::<usize>() as u64)
        );
        check(&lake, &published, relation, &expected).await;
        kept.push((published, expected.clone()));
    }
    // Earlier versions are what they were, also for a process that opens them now.
    for (published, expected) in &kept {
        check(&lake, published, relation, expected).await;
    }
    let publication = lake.begin().await.unwrap();
    let written = publication.rewrite(relation).await.unwrap().unwrap();
    let published = publication.commit().await.unwrap();
    assert_eq!((written.n_rows, written.n_written), (written.n_written, written.n_rows));
    check(&lake, &published, relation, &expected).await;
    let keys: Vec<RecordBatch> = lake.snapshot(&published).read(&relation.name).await.unwrap();
    let keys = concat_batches(&relation.arrow_schema(), &keys).unwrap();
    assert!(keys.column(0).as_string::<i32>().iter().is_sorted(), "written anew in the order of the keys");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_records_are_found_by_every_way_of_reading() {
    Box::pin(random_changes(&relation("unified.person"), 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_are_changes_where_keys_have_several_rows() {
    Box::pin(random_changes(&relation("unified.residence"), 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_as_small_as_what_changes() {
    let (lake, relation) = (lake(), relation("unified.person"));
    let expected: Content = (0..12_000).map(|i| (key(i), vec![row(i, 0)])).collect();
    let before = publish(&lake, &relation, &expected).await;
    let one: Content = [(key(5), vec![row(5, 1)])].into();
    let (table, published) = Box::pin(change(&lake, &relation, &one, &[])).await;
    assert_eq!((table.n_rows, table.n_written, table.n_files), (12_000, 1, 4));
    let index = &published.indexes[&relation.name];
    assert_eq!((index.name.as_str(), index.changes.len()), (before.indexes[&relation.name].name.as_str(), 1));
    assert_eq!((index.changes[0].n_rows, index.changes[0].n_superseded, index.changes[0].n_covered), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_which_no_row_is_left_goes_and_so_may_all() {
    let (lake, relation) = (lake(), relation("unified.person"));
    let mut expected: Content = (0..300).map(|i| (key(i), vec![row(i, 0)])).collect();
    publish(&lake, &relation, &expected).await;
    let all: Vec<String> = expected.keys().cloned().collect();
    let (table, published) = Box::pin(change(&lake, &relation, &Content::new(), &all)).await;
    assert_eq!((table.n_rows, table.n_files), (0, 0));
    check_empty(&lake, &published, &relation).await;
    expected.retain(|key, _| key.as_str() > "8");
    let (table, published) = Box::pin(change(&lake, &relation, &expected, &[])).await;
    assert_eq!((table.n_rows, table.n_files), (expected.len() as u64, 1));
    check(&lake, &published, &relation, &expected).await;
}

async fn check_empty(lake: &Lake, published: &Published, relation: &Relation) {
    let snapshot = lake.snapshot(published);
    assert_eq!(number(&asked(&snapshot, relation, "SELECT count(*) FROM t").await), 0);
    assert!(
        asked(&snapshot, relation, "SELECT * FROM t WHERE text <> ''").await.iter().all(|rows| rows.num_rows() == 0)
    );
    let index = snapshot.records(&relation.name).await.unwrap().unwrap();
    assert!(index.n_rows() == 0 && index.get(&key(7)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_not_committed_shows_nowhere_and_disturbs_nobody() {
    let (lake, relation) = (lake(), relation("unified.person"));
    let mut expected: Content = (0..1_000).map(|i| (key(i), vec![row(i, 0)])).collect();
    let before = publish(&lake, &relation, &expected).await;
    let lost = lake.begin().await.unwrap();
    let mut changes = lost.changes(&relation).await.unwrap().unwrap();
    changes.remove(key(1));
    changes.finish().await.unwrap();
    // The log of the table goes on behind the one nobody published.
    let one: Content = [(key(2), vec![row(2, 1)])].into();
    expected.extend(one.clone());
    let (_, published) = Box::pin(change(&lake, &relation, &one, &[])).await;
    check(&lake, &published, &relation, &expected).await;
    assert!(matches!(lost.commit().await, Err(LakeError::Conflict)));
    assert_eq!(lake.published().await.unwrap().unwrap().version, before.version + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_changed_is_to_be_written_whole() {
    let (lake, relation) = (lake(), relation("unified.person"));
    let publication = lake.begin().await.unwrap();
    assert!(publication.changes(&relation).await.unwrap().is_none(), "nothing is published");
    drop(publication);
    publish(&lake, &relation, &(0..10).map(|i| (key(i), vec![row(i, 0)])).collect()).await;
    let mut other = relation.clone();
    other.columns.truncate(3);
    let publication = lake.begin().await.unwrap();
    assert!(publication.changes(&other).await.unwrap().is_none(), "the columns are others");
    let mut changes = publication.changes(&relation).await.unwrap().unwrap();
    assert!(matches!(publication.changes(&relation).await, Err(LakeError::WrittenTwice { .. })));
    let schema: Arc<Schema> = relation.arrow_schema();
    let nulls = schema.fields().iter().map(|field| arrow::array::new_null_array(field.data_type(), 1)).collect();
    let without_key = RecordBatch::try_new(schema, nulls).unwrap();
    assert!(matches!(changes.write(without_key).await, Err(LakeError::WrongColumns { .. })));
    assert!(matches!(publication.commit().await, Err(LakeError::Unfinished { .. })));
}
