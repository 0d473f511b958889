//! Queries that need more memory than they may have.

use std::os::unix::fs::FileExt;

use super::*;

const N_ROWS: usize = 300_000;
const MARK: &str = "SENTINEL";

/// Persons of one grid in no order, each with a long secret-looking key.
fn many() -> PublishedData {
    let relation = relation();
    let batches = (0..N_ROWS / 5_000).map(|part| {
        let keys = (0..5_000).map(|row| {
            let n = part * 5_000 + row;
            format!("{:08x}-{MARK}-{n:08}-{}", (n as u32).wrapping_mul(2_654_435_761), "x".repeat(150))
        });
        let same = |text: &'static str| -> ArrayRef { Arc::new(StringArray::from(vec![text; 5_000])) };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(keys)),
            same("G1"),
            same("13800000001"),
            Arc::new(Int64Array::from(vec![1; 5_000])),
            same("s"),
        ];
        RecordBatch::try_new(relation.arrow_schema(), columns).unwrap()
    });
    let provider = Arc::new(MemTable::try_new(relation.arrow_schema(), vec![batches.collect()]).unwrap());
    let tables = BTreeMap::from([(relation.name.clone(), PublishedTable { relation, provider })]);
    PublishedData { version: 7, tables, ..PublishedData::default() }
}

fn spilling_gateway(folder: Option<&std::path::Path>, max_query_spill_bytes: u64) -> Gateway {
    let limits = Limits { max_query_memory_bytes: 40 << 20, max_query_spill_bytes, ..Limits::default() };
    let policies = PolicySet::parse("test.toml", POLICY, &[relation()]).unwrap();
    let config = GatewayConfig {
        limits,
        cpu_threads: 1,
        token_key: TokenKey::new([1; 32]),
        today: Some(20_000),
        spill_folder: folder.map(std::path::Path::to_owned),
    };
    let gateway = Gateway::start(config, policies, Arc::<Memory>::default()).unwrap();
    gateway.publish(many());
    gateway
}

const SORT: &str = "SELECT person_id FROM unified.person ORDER BY person_id";

/// What this process holds open in the folder: files without a name keep the folder in theirs.
fn open_files(folder: &std::path::Path) -> Vec<std::fs::File> {
    let prefix = folder.to_str().unwrap();
    let handles = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = std::fs::read_link(&path).ok()?;
        target.to_str()?.starts_with(prefix).then(|| std::fs::File::open(path).ok()).flatten()
    });
    handles.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_larger_than_its_memory_is_answered_and_the_disk_sees_ciphertext() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = spilling_gateway(Some(folder.path()), 1 << 30);
    let mut stream = gateway.query(request(worker(&["G1"]), SORT)).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    // The first row of a sort comes when all runs are on the disk.
    let files = open_files(folder.path());
    assert!(!files.is_empty(), "nothing was spilled");
    let mut n_bytes = 0;
    for file in files {
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert!(!bytes.windows(MARK.len()).any(|found| found == MARK.as_bytes()));
        n_bytes += bytes.len();
    }
    assert!(n_bytes > 10 << 20, "{n_bytes} bytes on the disk");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no spill file has a name");
    let mut batches = vec![first];
    batches.extend(rows_of(stream).await.unwrap());
    let mut n_rows = 0;
    let mut last = String::new();
    for batch in &batches {
        let shown = datafusion::arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
        for key in shown.as_string::<i32>() {
            let key = key.unwrap();
            assert!(last.as_str() < key);
            key.clone_into(&mut last);
            n_rows += 1;
        }
    }
    assert_eq!(n_rows, N_ROWS);
    drop(batches);
    assert!(open_files(folder.path()).is_empty(), "what is answered is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_the_error_says_which_limit() {
    let folder = tempfile::tempdir().unwrap();
    for (gateway, limit) in [
        (spilling_gateway(Some(folder.path()), 1 << 20), "max_query_spill_bytes"),
        (spilling_gateway(None, 1 << 30), "max_query_memory_bytes"),
    ] {
        let refused = ask(&gateway, worker(&["G1"]), SORT).await.unwrap_err();
        let QueryError::LimitReached { limit: named, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(named, limit);
    }
    let gone = folder.path().join("gone");
    let refused = ask(&spilling_gateway(Some(&gone), 1 << 30), worker(&["G1"]), SORT).await.unwrap_err();
    assert_eq!(refused, QueryError::SpillUnavailable);
}

#[tokio::test]
async fn cells_are_counted() {
    let limits = Limits { max_cells: 7, ..Limits::default() };
    let gateway = gateway_with(Arc::default(), limits);
    gateway.publish(data());
    let asked = |sql| ask(&gateway, worker(&["G1"]), sql);
    assert!(asked("SELECT person_id, grid_id, phone FROM unified.person").await.is_ok());
    let refused = asked("SELECT * FROM unified.person").await.unwrap_err();
    assert!(matches!(refused, QueryError::LimitReached { limit: "max_cells", .. }), "{refused:?}");
}
