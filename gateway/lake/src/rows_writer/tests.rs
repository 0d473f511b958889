use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::physical_plan::metrics::MetricValue;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::prelude::{Expr, SessionConfig, SessionContext, col, lit};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use schemas::{ColumnName, FieldType};

use super::*;
use crate::table_file::TableFile;
use crate::{Lake, MasterKey, Snapshot, WrittenTable, synthetic};

const N_ROWS: usize = 12_000;

/// The metric that counts files which were not opened.
const SKIPPED: &str = "files_ranges_pruned_statistics";

fn relation() -> Relation {
    // Of no unified table: those are found by their key index instead.
    let columns = [("person_id", FieldType::Text), ("name", FieldType::PersonName), ("grid_id", FieldType::Text)];
    synthetic::relation("police.resident", &columns)
}

fn id(i: usize) -> String {
    format!("{i:032x}")
}

fn rows(from: usize, to: usize) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values((from..to).map(id))),
        Arc::new(StringArray::from_iter_values((from..to).map(|i| format!("n{}", i * 7919 % N_ROWS)))),
        Arc::new(StringArray::from_iter_values((from..to).map(|i| format!("G{}", i % 10)))),
    ];
    RecordBatch::try_new(relation().arrow_schema(), columns).unwrap()
}

async fn published(lake: &Lake) -> (WrittenTable, Snapshot) {
    let publication = lake.begin().await.unwrap();
    let mut writer = publication.writer(&relation()).unwrap();
    // One large batch and some small ones.
    writer.write(rows(0, 9_000)).await.unwrap();
    for from in (9_000..N_ROWS).step_by(300) {
        writer.write(rows(from, from + 300)).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    (written, lake.snapshot(&publication.commit().await.unwrap()))
}

fn lake() -> Lake {
    Lake::over(Arc::new(InMemory::new()), MasterKey::from_bytes([1; 32])).unwrap()
}

async fn metadata(lake: &Lake) -> Vec<ParquetMetaData> {
    let listed = lake.store().list_with_delimiter(Some(&Tables::folder(&relation().name))).await.unwrap();
    let mut all = Vec::new();
    for object in listed.objects {
        let mut file = TableFile::new(lake.store(), object.location, object.size);
        all.push(file.get_metadata(None).await.unwrap().as_ref().clone());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_becomes_several_files_in_order() {
    let lake = lake();
    let (written, snapshot) = published(&lake).await;
    assert_eq!((written.n_rows, written.n_files), (N_ROWS as u64, 3));
    let read = snapshot.read(&relation().name).await.unwrap();
    let read = arrow::compute::concat_batches(&relation().arrow_schema(), &read).unwrap();
    assert_eq!(read, rows(0, N_ROWS));
    let sizes: u64 = snapshot_files(&lake).await.iter().sum();
    assert_eq!(sizes, written.bytes);
}

async fn snapshot_files(lake: &Lake) -> Vec<u64> {
    let listed = lake.store().list_with_delimiter(Some(&Tables::folder(&relation().name))).await.unwrap();
    listed.objects.iter().map(|o| o.size).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_have_the_layout_lookups_need() {
    let lake = lake();
    published(&lake).await;
    let files = metadata(&lake).await;
    assert_eq!(files.len(), 3);
    for file in &files {
        for group in file.row_groups() {
            assert!(group.num_rows() <= 2_048);
            let [key, name, grid] = group.columns() else { panic!("three columns") };
            assert!(key.bloom_filter_offset().is_some() && name.bloom_filter_offset().is_none());
            assert!(key.dictionary_page_offset().is_none(), "keys do not repeat");
            assert!(grid.dictionary_page_offset().is_some(), "grids do");
            assert!(group.columns().iter().all(|c| c.compression() == Compression::LZ4_RAW));
            assert!(key.statistics().is_some() && key.column_index_offset().is_some());
        }
        let rows_of_file: i64 = file.row_groups().iter().map(|g| g.num_rows()).sum();
        assert_eq!(rows_of_file, file.file_metadata().num_rows());
        assert!(rows_of_file < (FILE_ROWS_MAX + SLICE_ROWS) as i64);
    }
}

/// Runs `SELECT person_id WHERE filter` and gives the rows found, the executed plan, and the rows the scan gave to it.
async fn scanned(snapshot: &Snapshot, filter: Expr) -> (usize, Arc<dyn ExecutionPlan>, String) {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    let provider = snapshot.provider(&relation().name).await.unwrap();
    let frame = context.read_table(provider).unwrap().filter(filter).unwrap().select_columns(&["name"]).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let found = collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
    let text = displayable(plan.as_ref()).indent(false).to_string();
    (found.iter().map(RecordBatch::num_rows).sum(), plan, text)
}

/// The sum of a metric over all nodes.
fn metric(plan: &Arc<dyn ExecutionPlan>, name: &str) -> Option<usize> {
    let own = plan.metrics().and_then(|m| m.sum_by_name(name)).map(|m| m.as_usize());
    plan.children().into_iter().filter_map(|child| metric(child, name)).chain(own).reduce(|a, b| a + b)
}

/// How much a metric of all nodes says was skipped.
fn pruned(plan: &Arc<dyn ExecutionPlan>, name: &str) -> usize {
    let mut pruned = plan.children().into_iter().map(|child| pruned(child, name)).sum();
    for metric in plan.metrics().iter().flat_map(|metrics| metrics.iter()) {
        if let MetricValue::PruningMetrics { name: found, pruning_metrics } = metric.value()
            && found == name
        {
            pruned += pruning_metrics.pruned();
        }
    }
    pruned
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_by_key_skips_files_and_pages() {
    let lake = lake();
    let (_, snapshot) = published(&lake).await;
    let key = ScalarValue::Utf8View(Some(id(7_777)));
    let (n_found, plan, text) = scanned(&snapshot, col("person_id").eq(lit(key))).await;
    assert_eq!(n_found, 1);
    assert_eq!(pruned(&plan, SKIPPED), 2, "two of three files are skipped by their keys\n{text}");
    assert!(pruned(&plan, "page_index_rows_pruned") > 0, "pages are skipped by their index\n{text}");
    let (n_found, plan, text) = scanned(&snapshot, col("person_id").gt_eq(lit(id(11_999)))).await;
    assert_eq!(n_found, 1);
    assert_eq!(pruned(&plan, SKIPPED), 2, "{text}");
    let (n_found, plan, _) = scanned(&snapshot, col("name").eq(lit("n5"))).await;
    assert_eq!(n_found, 1);
    assert_eq!(pruned(&plan, SKIPPED), 0, "other columns have no statistics in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_reads_only_its_columns() {
    let lake = lake();
    let (_, snapshot) = published(&lake).await;
    let context = SessionContext::new();
    let provider = snapshot.provider(&relation().name).await.unwrap();
    let state = context.state();
    let plan = provider.scan(&state, Some(&vec![2]), &[], None).await.unwrap();
    assert_eq!(plan.schema().fields().len(), 1);
    let batches = collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), N_ROWS);
    let column = arrow::compute::cast(batches[0].column(0), &DataType::Utf8).unwrap();
    assert!(column.as_string::<i32>().iter().all(|grid| grid.unwrap().starts_with('G')));
    let bytes: u64 = snapshot_files(&lake).await.iter().sum();
    let scanned = metric(&plan, "bytes_scanned").unwrap() as u64;
    assert!(scanned < bytes / 4, "{scanned} of {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relation_whose_key_is_no_column_is_refused() {
    let mut bad = relation();
    bad.key = ColumnName::try_from("none").unwrap();
    let publication = lake().begin().await.unwrap();
    assert!(matches!(publication.writer(&bad), Err(LakeError::NoSuchColumn { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_never_share_a_file() {
    let lake = lake();
    for n_files in [3, 6] {
        published(&lake).await;
        assert_eq!(snapshot_files(&lake).await.len(), n_files);
    }
}
