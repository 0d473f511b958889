//! The key index: every record is found as the table has it, and nothing else is.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use lake::{Lake, LakeError, LocalStore, MasterKey, Published, RecordIndex};
use object_store::ObjectStore;
use schemas::{FieldType, Relation};

use super::synthetic::{column, column_name, id, name, relation, rows};

fn lake(folder: &tempfile::TempDir) -> Lake {
    Lake::open(&folder.path().join("data"), MasterKey::from_bytes([1; 32])).unwrap()
}

/// The synthetic relation with the two kinds of identifiers.
fn with_identifiers() -> Relation {
    let mut relation = relation("unified.person");
    for (column_name, field_type) in [("id_no", FieldType::CitizenId), ("phone", FieldType::Phone)] {
        relation.columns.push(column(column_name, field_type, schemas::Identifiability::Direct));
    }
    relation
}

/// As `rows`; every third row has no ID number, and four share a telephone.
fn rows_with_identifiers(relation: &Relation, from: i64, to: i64) -> RecordBatch {
    let mut plain = relation.clone();
    plain.columns.truncate(10);
    let mut columns = rows(&plain, from, to, "t").columns().to_vec();
    let ids = (from..to).map(|i| (i % 3 != 0).then(|| id_no(i)));
    let phones = (from..to).map(|i| Some(phone(i)));
    columns.push(Arc::new(StringArray::from_iter(ids)));
    columns.push(Arc::new(StringArray::from_iter(phones)));
    RecordBatch::try_new(relation.arrow_schema(), columns).unwrap()
}

fn id_no(i: i64) -> String {
    format!("29010219800101{i:04}")
}

fn phone(i: i64) -> String {
    format!("199{:08}", i / 4)
}

async fn publish(lake: &Lake, relation: &Relation, batches: &[RecordBatch]) -> Published {
    let publication = lake.begin().await.unwrap();
    let mut writer = publication.writer(relation).unwrap();
    for batch in batches {
        writer.write(batch.clone()).await.unwrap();
    }
    writer.finish().await.unwrap();
    publication.commit().await.unwrap()
}

async fn index(lake: &Lake, published: &Published) -> Option<Arc<RecordIndex>> {
    lake.snapshot(published).records(&name("unified.person")).await.unwrap()
}

/// In the types of the declaration.
fn declared(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Vec<ArrayRef> = columns.map(|(column, field)| cast(column, field.data_type()).unwrap()).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

async fn objects(folder: &tempfile::TempDir) -> Vec<String> {
    let below = LocalStore::new(&folder.path().join("data")).unwrap();
    let all: Vec<_> = below.list(None).try_collect().await.unwrap();
    let paths = all.into_iter().map(|object| object.location.to_string());
    paths.filter(|path| path.starts_with("index/")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_found_as_the_table_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(&folder);
    let person = with_identifiers();
    // One row is longer than a block and one has texts of no length.
    let mut all = rows_with_identifiers(&person, 0, 5_000);
    let mut columns = all.columns().to_vec();
    let names = (0..5_000).map(|i| match i {
        77 => "很长".repeat(4_000),
        78 => String::new(),
        _ => format!("name {i}"),
    });
    columns[1] = Arc::new(StringArray::from_iter_values(names));
    all = RecordBatch::try_new(all.schema(), columns).unwrap();
    let published = publish(&lake, &person, &[all.slice(0, 1_000), all.slice(1_000, 4_000)]).await;
    let found = index(&lake, &published).await.unwrap();
    assert_eq!((found.n_rows(), found.key(), found.identifiers().len()), (5_000, &column_name("person_id"), 2));
    let provider = lake.snapshot(&published).provider(&person.name).await.unwrap();
    assert_eq!(found.schema(), &provider.schema());
    for i in 0..5_000 {
        let record = found.get(&id(i)).await.unwrap().unwrap();
        assert_eq!(declared(&record, &all.schema()), all.slice(i as usize, 1), "{i}");
    }
    for nobody in [
        "",
        "0",
        "x",
        &id(5_000),
        id(7).trim_end_matches('7'),
        &format!("{}0", id(7)),
        &id(7).to_uppercase().replace('7', "A"),
    ] {
        assert!(found.get(nobody).await.unwrap().is_none(), "{nobody}");
    }
    for i in (0..5_000).step_by(37) {
        let of_id = found.find("id_no", &id_no(i)).await.unwrap().unwrap();
        assert_eq!(of_id.num_rows(), usize::from(i % 3 != 0), "{i}");
        let of_phone = found.find("phone", &phone(i)).await.unwrap().unwrap();
        let four = all.slice((i / 4 * 4) as usize, 4);
        assert_eq!(declared(&of_phone, &all.schema()), four, "{i}");
    }
    assert_eq!(found.find("phone", &id_no(1)).await.unwrap().unwrap().num_rows(), 0);
    assert!(found.find("name", "name 1").await.unwrap().is_none(), "names are not hashed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_repeat_or_are_missing_or_unsorted_give_no_index() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(&folder);
    let person = relation("unified.person");
    let batch = |from: i64, to: i64| rows(&person, from, to, "t");
    let mut no_key = batch(5, 6).columns().to_vec();
    no_key[0] = Arc::new(StringArray::from(vec![None::<&str>]));
    let no_key = RecordBatch::try_new(person.arrow_schema(), no_key).unwrap();
    for unfit in [vec![batch(0, 10), batch(9, 20)], vec![batch(10, 20), batch(0, 5)], vec![batch(0, 5), no_key]] {
        let published = publish(&lake, &person, &unfit).await;
        assert!(index(&lake, &published).await.is_none());
        assert!(published.indexes.is_empty());
        assert!(objects(&folder).await.is_empty(), "nothing is left behind");
    }
    // And relations whose records nobody asks for one by one have none.
    let raw = relation("police.population");
    let published = publish(&lake, &raw, &[rows(&raw, 0, 10, "t")]).await;
    assert!(published.indexes.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_belongs_to_its_version_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(&folder);
    let person = relation("unified.person");
    let first = publish(&lake, &person, &[rows(&person, 0, 100, "one")]).await;
    // A publication that leaves the table as it is leaves its index.
    let house = relation("unified.house");
    let second = publish(&lake, &house, &[rows(&house, 0, 10, "one")]).await;
    assert_eq!(second.indexes[&person.name], first.indexes[&person.name]);
    let third = publish(&lake, &person, &[rows(&person, 50, 200, "two")]).await;
    assert_ne!(third.indexes[&person.name].name, first.indexes[&person.name].name);
    let (old, new) = (index(&lake, &first).await.unwrap(), index(&lake, &third).await.unwrap());
    let found = |index: &Arc<RecordIndex>, i: i64| {
        let index = Arc::clone(index);
        async move { index.get(&id(i)).await.unwrap() }
    };
    assert!(found(&old, 3).await.is_some() && found(&new, 3).await.is_none());
    assert!(found(&old, 150).await.is_none() && found(&new, 150).await.is_some());
    assert_ne!(found(&old, 60).await, found(&new, 60).await);
    // A state that names another version of the table has no index, whoever put it together.
    let mut mixed = first.clone();
    mixed.tables.clone_from(&third.tables);
    assert!(index(&lake, &mixed).await.is_none());
    // Written anew without an index, the table loses it; left out, too.
    let unsorted = publish(&lake, &person, &[rows(&person, 10, 20, "t"), rows(&person, 0, 5, "t")]).await;
    assert!(!unsorted.indexes.contains_key(&person.name));
    let publication = lake.begin().await.unwrap();
    publication.drop_table(&house.name);
    assert!(publication.commit().await.unwrap().indexes.is_empty());
    // An empty table has an index in which nobody is.
    let empty = publish(&lake, &person, &[]).await;
    assert!(found(&index(&lake, &empty).await.unwrap(), 1).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_index_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let person = with_identifiers();
    let published = publish(&lake(&folder), &person, &[rows_with_identifiers(&person, 0, 3_000)]).await;
    let mut paths = objects(&folder).await;
    assert_eq!(paths.len(), 3);
    // Grids are asked for in a test of their own.
    paths.retain(|path| !path.ends_with(".groups"));
    for path in &paths {
        let file = folder.path().join("data").join(path);
        let whole = std::fs::read(&file).unwrap();
        for (what, bytes) in [
            ("cut", whole[..whole.len() - 1].to_vec()),
            ("the first bytes alone", whole[..80].to_vec()),
            ("empty", Vec::new()),
            ("the last bit", [&whole[..whole.len() - 1], &[whole[whole.len() - 1] ^ 1]].concat()),
            ("the first row", [&whole[..70], &[whole[70] ^ 1], &whole[71..]].concat()),
            ("longer", [whole.as_slice(), &[0; 40]].concat()),
        ] {
            std::fs::write(&file, bytes).unwrap();
            let asked = async {
                let lake = lake(&folder);
                let found = lake.snapshot(&published).records(&person.name).await?.unwrap();
                for i in 0..3_000 {
                    found.get(&id(i)).await?;
                    found.find("phone", &phone(i)).await?;
                }
                Ok::<_, LakeError>(())
            };
            let told = asked.await.expect_err(what);
            assert!(told.to_string().contains(path.as_str()), "{what}: {told}");
        }
        std::fs::write(&file, whole).unwrap();
    }
    // The index of one table under the name of another's.
    let other = publish(&lake(&folder), &person, &[rows_with_identifiers(&person, 0, 3_000)]).await;
    let at = |published: &Published| {
        folder.path().join(format!("data/index/unified/person/{}.records", published.indexes[&person.name].name))
    };
    std::fs::copy(at(&published), at(&other)).unwrap();
    let told = lake(&folder).snapshot(&other).records(&person.name).await.map(|_| ());
    assert!(matches!(told, Err(LakeError::Store { .. })), "{told:?}");
    // Under another key there are neither records nor hashes.
    let stranger = Lake::open(&folder.path().join("data"), MasterKey::from_bytes([2; 32])).unwrap();
    assert!(stranger.snapshot(&published).records(&person.name).await.is_err());
}

/// People in grids of forty.
fn people_in_grids(relation: &Relation, numbers: &[i64]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(numbers.iter().map(|i| id(*i)))),
        Arc::new(StringArray::from_iter_values(numbers.iter().map(|i| format!("G{:05}", i % 2_000)))),
    ];
    RecordBatch::try_new(relation.arrow_schema(), columns).unwrap()
}

/// The ids in some grids, and how they were found.
async fn in_grids(lake: &Lake, published: &Published, grids: &[i64]) -> Result<(Vec<String>, String), DataFusionError> {
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    session.register_table("t", lake.snapshot(published).provider(&name("unified.person")).await.unwrap())?;
    let listed: Vec<String> = grids.iter().map(|grid| format!("'G{grid:05}'")).collect();
    let sql = format!("SELECT person_id FROM t WHERE grid_id IN ({})", listed.join(", "));
    let plan = session.sql(&sql).await?.create_physical_plan().await?;
    let mut ids = Vec::new();
    for batch in collect(Arc::clone(&plan), session.task_ctx()).await? {
        let texts = cast(batch.column(0), &DataType::Utf8)?;
        ids.extend(texts.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    ids.sort();
    Ok((ids, displayable(plan.as_ref()).indent(false).to_string()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_few_grids_are_found_without_the_others() {
    const N_ROWS: i64 = 80_000;
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(&folder);
    let mut person = relation("unified.person");
    person.columns.retain(|column| ["person_id", "grid_id"].contains(&column.name.as_str()));
    let all: Vec<i64> = (0..N_ROWS).collect();
    let published = publish(&lake, &person, &[people_in_grids(&person, &all)]).await;
    let expected = |grids: &[i64], left: &dyn Fn(i64) -> bool| {
        let ids: Vec<String> =
            all.iter().filter(|i| grids.contains(&(*i % 2_000)) && left(**i)).map(|i| id(*i)).collect();
        ids
    };
    for grids in [vec![7], vec![1_999], vec![5_000]] {
        let (found, plan) = in_grids(&lake, &published, &grids).await.unwrap();
        assert_eq!(found, expected(&grids, &|_| true));
        assert!(plan.contains("RecordsExec"), "{plan}");
    }
    let many: Vec<i64> = (0..30).collect();
    let (found, plan) = in_grids(&lake, &published, &many).await.unwrap();
    assert_eq!(found, expected(&many, &|_| true));
    assert!(!plan.contains("RecordsExec"), "many rows are read faster with all the others: {plan}");
    // Whoever moved away is no longer there, and whoever stayed is there once.
    let publication = lake.begin().await.unwrap();
    let mut changes = publication.changes(&person).await.unwrap().unwrap();
    let mut moved = people_in_grids(&person, &[7, 2_007]).columns().to_vec();
    moved[1] = Arc::new(StringArray::from_iter_values(["G00008", "G00007"]));
    changes.write(RecordBatch::try_new(person.arrow_schema(), moved).unwrap()).await.unwrap();
    changes.remove(id(4_007));
    changes.finish().await.unwrap();
    let changed = publication.commit().await.unwrap();
    let (found, plan) = in_grids(&lake, &changed, &[7]).await.unwrap();
    assert_eq!(found, expected(&[7], &|i| i != 7 && i != 4_007));
    assert!(plan.contains("RecordsExec"), "{plan}");
    assert_eq!(in_grids(&lake, &changed, &[8]).await.unwrap().0.len(), 41);
    // A grid's object that was changed is told by name.
    let groups = objects(&folder).await.into_iter().filter(|path| path.ends_with(".groups"));
    let groups: Vec<String> = groups.filter(|path| path.contains(&published.indexes[&person.name].name)).collect();
    let [path] = groups.as_slice() else { panic!("{groups:?}") };
    let file = folder.path().join("data").join(path);
    let whole = std::fs::read(&file).unwrap();
    // The first page holds some grid, whoever asks for that one is told.
    let mut bytes = whole.clone();
    bytes[70] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let reopened = self::lake(&folder);
    let mut n_told = 0;
    for grid in 0..2_000 {
        if let Err(error) = in_grids(&reopened, &published, &[grid]).await {
            assert!(format!("{error:?}").contains(path.as_str()), "{error:?}");
            n_told += 1;
        }
    }
    assert!(n_told > 0, "a changed page is found by those who read it");
}
