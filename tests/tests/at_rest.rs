//! In the middle of a pull and of a query that spills, nobody who reads the disk reads a person: neither in files that have a
//! name nor in those that have none.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tests::datong::{Finished, Running, Site, city, quick_folder};
use tests::traces::{Traces, files_below};

/// Looks at the disk between two looks for so long at least.
const PAUSE: Duration = Duration::from_millis(20);
/// Nothing here takes longer.
const TIME_MAX: Duration = Duration::from_secs(120);

/// What was read of the disk.
#[derive(Debug, Default)]
struct Seen {
    looks: u64,
    bytes: u64,
    /// Of files without a name.
    nameless_bytes: u64,
}

impl Seen {
    /// Reads every file of these folders, and those without a name that a process holds open.
    fn look(&mut self, traces: &Traces, folders: &[&Path], process: u32) {
        self.looks += 1;
        for file in folders.iter().flat_map(|folder| files_now(folder)) {
            // A file may have gone since it was listed.
            let Ok(bytes) = fs::read(&file) else { continue };
            assert_eq!(traces.count(&bytes), 0, "{}", file.display());
            self.bytes += bytes.len() as u64;
        }
        let Ok(open) = fs::read_dir(format!("/proc/{process}/fd")) else { return };
        for descriptor in open.flatten().map(|entry| entry.path()) {
            let Ok(target) = fs::read_link(&descriptor) else { continue };
            let target = target.to_string_lossy().into_owned();
            if target.starts_with('/') && target.ends_with("(deleted)") {
                let Ok(bytes) = fs::read(&descriptor) else { continue };
                assert_eq!(traces.count(&bytes), 0, "{target}");
                self.nameless_bytes += bytes.len() as u64;
            }
        }
    }
}

/// The files there are now. Folders may come and go meanwhile.
fn files_now(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files_now(&path) } else { vec![path] }).collect()
}

/// Looks until the process has ended.
fn watch(mut running: Running, traces: &Traces, folders: &[&Path], process: Option<u32>) -> (Seen, Finished) {
    let (mut seen, clock) = (Seen::default(), Instant::now());
    let process = process.unwrap_or(running.id());
    while !running.has_ended() {
        assert!(clock.elapsed() < TIME_MAX, "it takes too long: {}", running.output());
        seen.look(traces, folders, process);
        std::thread::sleep(PAUSE);
    }
    (seen, running.finish())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_read_in_the_middle_of_a_pull_or_of_a_spilling_query() {
    let kept = quick_folder();
    let exports = kept.path().join("city");
    let _said = city(4_000, 3, &exports);
    let known = Site::init(&kept.path().join("known"));
    known.take_exports(&exports);
    let _said = known.run(&["pull"]).expect_code(0);
    let traces = Traces::of_residents(&known.lake()).await;
    // The search finds what there is to find.
    let in_clear: usize = files_below(&exports).iter().map(|file| traces.count(&fs::read(file).expect("a file"))).sum();
    assert!(in_clear > 50, "{in_clear} in the exports");

    let site = Site::init(&kept.path().join("site"));
    let (data, temporary) = (site.folder.join("data"), kept.path().join("temporary"));
    fs::create_dir(&temporary).expect("a folder");
    site.take_exports(&exports);
    let config = fs::read_to_string(site.config()).expect("the configuration");
    let little = format!("{config}\n[limits]\nmax_query_memory_bytes = {}\nmax_query_ms = 110000\n", 40 << 20);
    assert!(!config.contains("\n[limits]"));
    fs::write(site.config(), little).expect("a write");
    let mut pull = site.command(&["pull"]);
    pull.env("TMPDIR", &temporary);
    let (seen, pulled) = watch(Running::start(pull), &traces, &[&data, &temporary], None);
    let _said = pulled.expect_code(0);
    assert!(seen.looks >= 5 && seen.bytes > 1 << 20, "{seen:?}");
    println!("pull: {seen:?}");

    let mut serve = site.command(&["serve"]);
    serve.env("TMPDIR", &temporary);
    let (server, url) = Site::served(serve);
    let token = kept.path().join("token");
    fs::write(&token, site.token("police_officer", None)).expect("a write");
    let columns =
        ["name", "phone", "reg_address", "cur_address", "employer", "household_id", "house_id", "native_place"];
    let taken = columns.map(|column| format!("a.{column}")).join(", ");
    let statement = format!(
        "SELECT {taken}, b.person_id AS other FROM unified.person a \
         CROSS JOIN (SELECT person_id FROM unified.person LIMIT 20) b ORDER BY a.reg_address, b.person_id, a.person_id"
    );
    let token = token.display().to_string();
    let asked = site.command(&["sql", "--url", &url, "--token-file", &token, "--output", "csv", &statement]);
    // Whether it ends within its memory does not matter here.
    let (seen, _answer) = watch(Running::start(asked), &traces, &[&data, &temporary], Some(server.id()));
    assert!(seen.nameless_bytes > 1 << 20, "the query spills: {seen:?}");
    println!("query: {seen:?}");
    drop(server);
}
