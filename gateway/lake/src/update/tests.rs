use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use object_store::memory::InMemory;
use schemas::FieldType;

use super::*;
use crate::{Lake, MasterKey, Published, synthetic};

fn relation() -> Relation {
    synthetic::relation("unified.tag", &[("id", FieldType::Text), ("n", FieldType::Integer)])
}

/// Rows with these numbers, each under the key of `key_of` its number.
fn rows(numbers: impl Iterator<Item = i64> + Clone, key_of: impl Fn(i64) -> i64) -> RecordBatch {
    let keys = numbers.clone().map(|i| format!("{:06}", key_of(i)));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from_iter_values(keys)), Arc::new(Int64Array::from_iter_values(numbers))];
    RecordBatch::try_new(relation().arrow_schema(), columns).unwrap()
}

fn lake() -> Lake {
    Lake::over(Arc::new(InMemory::new()), MasterKey::from_bytes([1; 32])).unwrap()
}

/// Updates the table in the batches given; gives what was written, and what the table is then.
async fn update(lake: &Lake, batches: &[RecordBatch]) -> (Option<WrittenTable>, Published) {
    let publication = lake.begin().await.unwrap();
    let written = Box::pin(publication.update(&relation(), batches, &[])).await.unwrap();
    (written, publication.commit().await.unwrap())
}

async fn content(lake: &Lake, published: &Published) -> Vec<(String, i64)> {
    use arrow::array::AsArray;
    let mut all = Vec::new();
    for batch in lake.snapshot(published).read(&relation().name).await.unwrap() {
        let numbers = batch.column(1).as_primitive::<arrow::datatypes::Int64Type>().values().iter().copied();
        let keys = batch.column(0).as_string::<i32>().iter().map(|key| key.unwrap().to_owned());
        all.extend(keys.zip(numbers).collect::<Vec<_>>());
    }
    all.sort();
    all
}

fn expected(batches: &[RecordBatch]) -> Vec<(String, i64)> {
    use arrow::array::AsArray;
    let of = |batch: &RecordBatch| {
        let numbers = batch.column(1).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
        let keys = batch.column(0).as_string::<i32>().iter().map(|key| key.unwrap().to_owned()).collect::<Vec<_>>();
        keys.into_iter().zip(numbers).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = batches.iter().flat_map(of).collect();
    all.sort();
    all
}

#[tokio::test]
async fn the_same_rows_write_nothing_in_whatever_batches_they_come() {
    let lake = lake();
    let (_, first) = update(&lake, &[rows(0..1_000, |i| i)]).await;
    for size in [1, 7, 999] {
        let batches: Vec<_> = (0..1_000).step_by(size).map(|at| rows(at..1_000.min(at + size as i64), |i| i)).collect();
        let (written, published) = update(&lake, &batches).await;
        assert_eq!((written, &published.tables), (None, &first.tables));
    }
}

#[tokio::test]
async fn a_few_rows_that_differ_are_all_that_is_written() {
    let lake = lake();
    // Three rows for each key, so that a key's rows lie across the ends of batches.
    update(&lake, &[rows(0..3_000, |i| i / 3)]).await;
    // A row of key 333 goes, key 500 goes, key 1000 comes, and key 700 has another row.
    let kept = |i: &i64| *i != 1_000 && i / 3 != 500;
    let numbers = (0..3_002).filter(kept).map(|i| if i == 2_101 { 9_999_999 } else { i });
    let key_of = |i: i64| if i == 9_999_999 { 700 } else { i / 3 };
    let all = rows(numbers, key_of);
    for size in [3_000, 1, 10, 1_001] {
        let lake = lake.clone();
        let batches: Vec<_> =
            (0..all.num_rows()).step_by(size).map(|at| all.slice(at, size.min(all.num_rows() - at))).collect();
        let publication = lake.begin().await.unwrap();
        let written = Box::pin(publication.update(&relation(), &batches, &[])).await.unwrap().unwrap();
        assert_eq!((written.n_written, written.n_rows), (2 + 2 + 3, all.num_rows() as u64), "{size}");
        let state = publication.next().unwrap();
        assert_eq!(content(&lake, &state).await, expected(&batches));
    }
}

#[tokio::test]
async fn much_that_differs_is_written_whole_and_so_is_what_is_not_sorted_or_small() {
    let lake = lake();
    let whole = |written: Option<WrittenTable>| written.is_some_and(|written| written.n_written == written.n_rows);
    let first = rows(0..1_000, |i| i);
    assert!(whole(update(&lake, std::slice::from_ref(&first)).await.0));
    // 100 of 1,000 may differ, and not one more.
    let (written, _) =
        update(&lake, &[rows((0..100).map(|i| i - 5_000).chain(100..1_000), |i| if i < 0 { i + 5_000 } else { i })])
            .await;
    assert_eq!(written.map(|written| written.n_written), Some(100));
    assert!(whole(
        update(&lake, &[rows((0..102).map(|i| i - 9_000).chain(102..1_000), |i| if i < 0 { i + 9_000 } else { i })])
            .await
            .0
    ));
    let unsorted = [rows(500..1_000, |i| i), rows(0..500, |i| i)];
    let (written, published) = update(&lake, &unsorted).await;
    assert!(whole(written) && content(&lake, &published).await == expected(&unsorted));
    assert!(whole(update(&lake, &[first]).await.0), "what is there is not sorted");
    assert!(whole(update(&lake, &[rows(0..99, |i| i)]).await.0));
    assert!(whole(update(&lake, &[rows(0..98, |i| i)]).await.0), "small");
}

#[tokio::test]
async fn a_table_that_was_changed_often_is_written_whole() {
    let lake = lake();
    let mut n_changes = 0;
    for tag in 0..RUNS_MAX as i64 + 1 {
        let all = [rows(0..1_000, |i| i).slice(0, 1_000 - tag as usize)];
        let (written, published) = update(&lake, &all).await;
        assert_eq!(content(&lake, &published).await, expected(&all));
        n_changes += i32::from(written.unwrap().n_written == 0);
    }
    assert_eq!(n_changes, RUNS_MAX as i32 - 1, "rows that go write no file, but a layer of the index");
    for tag in 1..=2 * RUNS_MAX as i64 {
        let all = [rows(0..1_000, move |i| i).slice(0, 999), rows(5_000..5_000 + tag, |i| i)];
        let (written, published) = update(&lake, &all).await;
        assert_eq!(content(&lake, &published).await, expected(&all));
        let table = lake.begin().await.unwrap().table(&relation().name).await.unwrap().unwrap();
        let n_layers = published.indexes[&relation().name].changes.len() + 1;
        assert!(table.runs().len() <= RUNS_MAX && n_layers <= RUNS_MAX && written.is_some());
    }
}

#[tokio::test]
async fn superseded_rows_do_not_stay_for_good() {
    let lake = lake();
    update(&lake, &[rows(0..1_000, |i| i)]).await;
    let later = Utc::now() + SUPERSEDED_STAY_MAX;
    assert!(!layout(&lake).await.is_expired(later) && !layout(&lake).await.is_fragmented(), "there are none");
    update(&lake, &[rows(1..1_000, |i| i)]).await;
    let changed = layout(&lake).await;
    assert!(!changed.is_expired(Utc::now()) && changed.is_expired(later) && changed.is_fragmented());
    assert_eq!((changed.n_rows, changed.n_superseded, changed.n_runs), (999, 1, 1));
    let publication = lake.begin().await.unwrap();
    publication.rewrite(&relation()).await.unwrap().unwrap();
    publication.commit().await.unwrap();
    let mut declared_otherwise = relation();
    declared_otherwise.columns.truncate(1);
    let publication = lake.begin().await.unwrap();
    assert_eq!(publication.layout(&declared_otherwise).await.unwrap(), None);
    assert_eq!(publication.rewrite(&declared_otherwise).await.unwrap(), None);
    let rewritten = layout(&lake).await;
    assert!(!rewritten.is_expired(later) && rewritten.n_superseded == 0 && rewritten.bytes < changed.bytes);
}

async fn layout(lake: &Lake) -> TableLayout {
    lake.begin().await.unwrap().layout(&relation()).await.unwrap().unwrap()
}

#[tokio::test]
async fn where_a_row_came_from_is_no_difference() {
    let lake = lake();
    let (first, published) = update(&lake, &[rows(0..1_000, |i| i)]).await;
    assert!(first.is_some());
    let before = content(&lake, &published).await;
    let publication = lake.begin().await.unwrap();
    let others = [rows((0..1_000).map(|i| i + 7_000), |i| i - 7_000)];
    assert_eq!(Box::pin(publication.update(&relation(), &others, &["n"])).await.unwrap(), None);
    let more = [rows((0..1_001).map(|i| i + 7_000), |i| i - 7_000)];
    let written = Box::pin(publication.update(&relation(), &more, &["n"])).await.unwrap().unwrap();
    assert_eq!((written.n_written, written.n_rows), (1, 1_001));
    let published = publication.commit().await.unwrap();
    let expected: Vec<_> = before.into_iter().chain([("001000".to_owned(), 8_000)]).collect();
    assert_eq!(content(&lake, &published).await, expected);
}
