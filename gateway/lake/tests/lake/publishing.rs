//! Publishing tables and reading them at one version.

use std::sync::Arc;

use super::synthetic::{column_name, id, joined, name, publish, relation, rows};
use arrow::datatypes::DataType;
use datafusion::prelude::{SessionContext, col, lit};
use lake::{KeyError, Lake, LakeError, MasterKey};
use object_store::memory::InMemory;

struct Fixture {
    _dir: tempfile::TempDir,
    lake: Lake,
}

fn key() -> MasterKey {
    MasterKey::from_bytes([1; 32])
}

fn local() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open(&dir.path().join("data"), key()).unwrap();
    Fixture { _dir: dir, lake }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_comes_back_in_order_and_type() {
    let fixture = local();
    let lake = &fixture.lake;
    assert_eq!(lake.published().await.unwrap(), None);
    let (person, house) = (relation("unified.person"), relation("unified.house"));
    let publication = lake.begin().await.unwrap();
    assert_eq!(publication.base(), None);
    let (mut a, mut b) = (publication.writer(&person).unwrap(), publication.writer(&house).unwrap());
    // Written side by side, in pieces.
    a.write(rows(&person, 0, 3, "a")).await.unwrap();
    b.write(rows(&house, 0, 5, "b")).await.unwrap();
    a.write(rows(&person, 3, 100, "a")).await.unwrap();
    let written = a.finish().await.unwrap();
    assert_eq!((written.n_rows, written.n_files), (100, 1));
    assert_eq!(b.finish().await.unwrap().n_rows, 5);
    publication.set_batch(&name("police.resident"), "2026-11-01");
    publication.set_note("policies", "7f3a");
    assert_eq!(lake.published().await.unwrap(), None, "nothing is visible before the commit");
    let published = publication.commit().await.unwrap();
    assert_eq!(lake.published().await.unwrap(), Some(published.clone()));
    assert_eq!(published.version, 1);
    assert_eq!(published.batches[&name("police.resident")], "2026-11-01");
    assert_eq!(published.notes["policies"], "7f3a");
    let snapshot = lake.snapshot(&published);
    assert_eq!(snapshot.relations().cloned().collect::<Vec<_>>(), [name("unified.house"), name("unified.person")]);
    let read = joined(&snapshot.read(&person.name).await.unwrap());
    assert_eq!(read, rows(&person, 0, 100, "a"), "rows, order, columns and types");
    assert_eq!(snapshot.schema(&person.name).await.unwrap(), person.arrow_schema());
    assert_eq!(joined(&snapshot.read(&house.name).await.unwrap()), rows(&house, 0, 5, "b"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_replaces_the_content_and_leaves_the_old_one_readable() {
    let fixture = local();
    let (lake, person, house) = (&fixture.lake, relation("unified.person"), relation("unified.house"));
    publish(lake, &house, 7, "house").await;
    let first = publish(lake, &person, 10, "first").await;
    let second = publish(lake, &person, 4, "second").await;
    assert_eq!((first.version, second.version), (2, 3));
    let (old, new) = (lake.snapshot(&first), lake.snapshot(&second));
    assert_eq!(joined(&new.read(&person.name).await.unwrap()), rows(&person, 0, 4, "second"));
    assert_eq!(joined(&old.read(&person.name).await.unwrap()), rows(&person, 0, 10, "first"));
    assert_eq!(joined(&new.read(&house.name).await.unwrap()), rows(&house, 0, 7, "house"), "carried over");
    for expected in [&first, &second] {
        assert_eq!(&lake.published_at_version(expected.version).await.unwrap(), expected);
    }
    assert!(matches!(lake.published_at_version(9).await, Err(LakeError::NoSuchVersion { version: 9 })));
    // A lake opened later sees the same.
    let again = Lake::open(&fixture._dir.path().join("data"), key()).unwrap();
    assert_eq!(again.published().await.unwrap(), Some(second));
    let old = again.snapshot(&again.published_at_version(2).await.unwrap());
    assert_eq!(joined(&old.read(&person.name).await.unwrap()), rows(&person, 0, 10, "first"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_table_can_be_published() {
    let fixture = local();
    let (lake, person) = (&fixture.lake, relation("unified.person"));
    for rows_to in [0, 3, 0] {
        let published = publish(lake, &person, rows_to, "x").await;
        let read = lake.snapshot(&published).read(&person.name).await.unwrap();
        assert_eq!(read.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), rows_to as usize);
        let provider = lake.snapshot(&published).provider(&person.name).await.unwrap();
        assert_eq!(SessionContext::new().read_table(provider).unwrap().count().await.unwrap(), rows_to as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_publishers_the_second_gets_a_conflict() {
    let fixture = local();
    let (lake, person) = (&fixture.lake, relation("unified.person"));
    for base in [None, Some(1)] {
        let (first, second) = (lake.begin().await.unwrap(), lake.begin().await.unwrap());
        assert_eq!(first.base().map(|p| p.version), base);
        for (publication, tag) in [(&first, "first"), (&second, "second")] {
            let mut writer = publication.writer(&person).unwrap();
            writer.write(rows(&person, 0, 5, tag)).await.unwrap();
            writer.finish().await.unwrap();
        }
        let won = first.commit().await.unwrap();
        assert!(matches!(second.commit().await, Err(LakeError::Conflict)));
        assert_eq!(lake.published().await.unwrap(), Some(won.clone()));
        let read = joined(&lake.snapshot(&won).read(&person.name).await.unwrap());
        assert_eq!(read, rows(&person, 0, 5, "first"), "the loser's rows lie above, unseen");
    }
    // The loser tries again, on top.
    let third = publish(lake, &person, 6, "third").await;
    assert_eq!(third.version, 3);
    assert_eq!(joined(&lake.snapshot(&third).read(&person.name).await.unwrap()), rows(&person, 0, 6, "third"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_publishers_at_once_one_wins_and_its_rows_are_whole() {
    // Each round is a new lake: who creates a table is a race of its own.
    for _ in 0..30 {
        let lake = Lake::over(Arc::new(InMemory::new()), key()).unwrap();
        let person = relation("unified.person");
        let mut tasks = tokio::task::JoinSet::new();
        for i in 0..6 {
            let (lake, person) = (lake.clone(), person.clone());
            tasks.spawn(async move {
                let publication = lake.begin().await.unwrap();
                let mut writer = publication.writer(&person).unwrap();
                writer.write(rows(&person, 0, 50, &format!("p{i}-"))).await.unwrap();
                writer.finish().await?;
                publication.commit().await.map(|published| (i, published))
            });
        }
        let outcomes = tasks.join_all().await;
        assert!(outcomes.iter().all(|o| matches!(o, Ok(_) | Err(LakeError::Conflict))), "{outcomes:?}");
        let last = lake.published().await.unwrap().unwrap();
        let winner = outcomes.into_iter().flatten().find(|(_, p)| p == &last).unwrap().0;
        let read = joined(&lake.snapshot(&last).read(&person.name).await.unwrap());
        assert_eq!(read, rows(&person, 0, 50, &format!("p{winner}-")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_publication_changes_nothing() {
    let fixture = local();
    let (lake, person) = (&fixture.lake, relation("unified.person"));
    let first = publish(lake, &person, 5, "first").await;
    for finished in [false, true] {
        let publication = lake.begin().await.unwrap();
        let mut writer = publication.writer(&person).unwrap();
        writer.write(rows(&person, 0, 9, "lost")).await.unwrap();
        if finished {
            writer.finish().await.unwrap();
        }
        drop(publication);
        assert_eq!(lake.published().await.unwrap(), Some(first.clone()));
        assert_eq!(joined(&lake.snapshot(&first).read(&person.name).await.unwrap()), rows(&person, 0, 5, "first"));
    }
    let next = publish(lake, &person, 6, "next").await;
    assert_eq!(next.version, 2);
    assert!(next.tables[&person.name] > first.tables[&person.name] + 1, "the orphan is passed over");
    assert_eq!(joined(&lake.snapshot(&next).read(&person.name).await.unwrap()), rows(&person, 0, 6, "next"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_is_used_once_and_to_the_end() {
    let fixture = local();
    let (lake, person) = (&fixture.lake, relation("unified.person"));
    let publication = lake.begin().await.unwrap();
    let writer = publication.writer(&person).unwrap();
    assert!(matches!(publication.writer(&person), Err(LakeError::WrittenTwice { .. })));
    drop(writer);
    assert!(matches!(publication.commit().await, Err(LakeError::Unfinished { relation }) if relation == person.name));
    assert_eq!(lake.published().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_another_shape_are_refused() {
    let fixture = local();
    let person = relation("unified.person");
    let publication = fixture.lake.begin().await.unwrap();
    let mut writer = publication.writer(&person).unwrap();
    let good = rows(&person, 0, 3, "x");
    let fewer = good.project(&[0, 1]).unwrap();
    let other_order = good.project(&[1, 0, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap();
    for bad in [fewer, other_order] {
        assert!(matches!(writer.write(bad).await, Err(LakeError::WrongColumns { .. })));
    }
    writer.write(good).await.unwrap();
    assert_eq!(writer.finish().await.unwrap().n_rows, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_table_is_gone_from_the_next_version_only() {
    let fixture = local();
    let (lake, person) = (&fixture.lake, relation("police.resident"));
    let publication = lake.begin().await.unwrap();
    publication.writer(&person).unwrap().finish().await.unwrap();
    publication.set_batch(&person.name, "1");
    let first = publication.commit().await.unwrap();
    let publication = lake.begin().await.unwrap();
    publication.drop_table(&person.name);
    let second = publication.commit().await.unwrap();
    assert!(second.tables.is_empty() && second.batches.is_empty());
    assert!(matches!(lake.snapshot(&second).read(&person.name).await, Err(LakeError::NoSuchTable { .. })));
    assert!(lake.snapshot(&first).read(&person.name).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relation_may_gain_a_column() {
    let fixture = local();
    let (lake, wide) = (&fixture.lake, relation("unified.person"));
    let mut narrow = wide.clone();
    narrow.columns.truncate(3);
    let publication = lake.begin().await.unwrap();
    let mut writer = publication.writer(&narrow).unwrap();
    let few = rows(&wide, 0, 5, "n").project(&[0, 1, 2]).unwrap();
    writer.write(few.clone()).await.unwrap();
    writer.finish().await.unwrap();
    let first = publication.commit().await.unwrap();
    let second = publish(lake, &wide, 5, "w").await;
    assert_eq!(joined(&lake.snapshot(&first).read(&wide.name).await.unwrap()), few);
    assert_eq!(joined(&lake.snapshot(&second).read(&wide.name).await.unwrap()), rows(&wide, 0, 5, "w"));
    let provider = lake.snapshot(&second).provider(&wide.name).await.unwrap();
    assert_eq!(provider.schema().fields().len(), wide.columns.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_can_be_read_alone() {
    let fixture = local();
    let (lake, person) = (&fixture.lake, relation("unified.person"));
    let published = publish(lake, &person, 50, "x").await;
    let snapshot = lake.snapshot(&published);
    let wanted = [column_name("phones"), column_name("person_id")];
    let stream = snapshot.stream(&person.name, Some(&wanted)).await.unwrap();
    let read: Vec<_> = futures::TryStreamExt::try_collect(stream).await.unwrap();
    assert_eq!(joined(&read), rows(&person, 0, 50, "x").project(&[0, 9]).unwrap(), "in the order of the table");
    let unknown = snapshot.stream(&person.name, Some(&[column_name("shoe_size")])).await;
    assert!(matches!(unknown, Err(LakeError::NoSuchColumn { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_reads_the_same_rows() {
    let fixture = local();
    let (lake, person) = (&fixture.lake, relation("unified.person"));
    publish(lake, &person, 10, "old").await;
    let published = publish(lake, &person, 3000, "new").await;
    let snapshot = lake.snapshot(&published);
    let provider = snapshot.provider(&person.name).await.unwrap();
    // What the documentation of `provider` promises.
    let view = |field: &str| provider.schema().field_with_name(field).unwrap().data_type().clone();
    assert_eq!(view("person_id"), DataType::Utf8View);
    assert!(matches!(view("phones"), DataType::List(element) if element.data_type() == &DataType::Utf8View));
    assert_eq!(view("updated_at"), *person.arrow_schema().field_with_name("updated_at").unwrap().data_type());
    let context = SessionContext::new();
    let all = context.read_table(provider).unwrap();
    let sorted = all.clone().sort(vec![col("person_id").sort(true, false)]).unwrap().collect().await.unwrap();
    let sorted = joined(&sorted);
    let declared = person.arrow_schema();
    let columns = sorted.columns().iter().zip(declared.fields());
    let columns = columns.map(|(column, field)| arrow::compute::cast(column, field.data_type()).unwrap()).collect();
    let cast = arrow::array::RecordBatch::try_new(Arc::clone(&declared), columns).unwrap();
    assert_eq!(cast, rows(&person, 0, 3000, "new"));
    assert_eq!(all.clone().count().await.unwrap(), 3000);
    let found = all.filter(col("person_id").eq(lit(id(1234)))).unwrap().select_columns(&["members", "name"]).unwrap();
    let found = joined(&found.collect().await.unwrap());
    assert_eq!((found.num_rows(), found.num_columns()), (1, 2));
    let members = found.column(0).as_any().downcast_ref::<arrow::array::Int64Array>().unwrap();
    assert_eq!(members.value(0), 1234);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lakes_in_one_session_do_not_mix() {
    let (a, b) = (local(), local());
    let person = relation("unified.person");
    let context = SessionContext::new();
    for (fixture, n) in [(&a, 5), (&b, 8)] {
        let published = publish(&fixture.lake, &person, n, "x").await;
        let provider = fixture.lake.snapshot(&published).provider(&person.name).await.unwrap();
        let rows = context.read_table(provider).unwrap().collect().await.unwrap();
        assert_eq!(rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), n as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_inside_the_data_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let inside = MasterKey::create(&data.join("master.key")).unwrap();
    assert!(matches!(Lake::open(&data, inside), Err(LakeError::KeyInsideData)));
    // Not even through a link.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(data.join("master.key"), &link).unwrap();
    assert!(matches!(Lake::open(&data, MasterKey::load(&link).unwrap()), Err(LakeError::KeyInsideData)));
    let outside = MasterKey::create(&dir.path().join("master.key")).unwrap();
    assert!(Lake::open(&data, outside).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_cannot_open_the_lake() {
    let fixture = local();
    publish(&fixture.lake, &relation("unified.person"), 3, "x").await;
    let other = Lake::open(&fixture._dir.path().join("data"), MasterKey::from_bytes([2; 32])).unwrap();
    assert!(matches!(other.published().await, Err(LakeError::Store { .. })));
    assert!(matches!(other.keys().site_key().await, Err(KeyError::OtherKey { .. })));
    assert!(other.begin().await.is_err());
}
