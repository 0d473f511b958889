//! `datong purge`: versions that are no longer kept go, with every file that only they read; a certificate says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tests::datong::{Site, city, quick_folder, table_rows};

/// Makes every file of the tables two days old, so that none can belong to a pull under way.
fn age(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            age(&path);
        } else {
            let then = SystemTime::now() - Duration::from_secs(48 * 3_600);
            std::fs::File::options().append(true).open(&path).expect("a file").set_modified(then).expect("a time");
        }
    }
}

fn n_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| {
            if path.is_dir() {
                n_files(&path)
            } else {
                usize::from(
                    path.extension().is_some_and(|e| {
                        ["parquet", "records", "keys", "groups", "covered"].iter().any(|kind| e == *kind)
                    }),
                )
            }
        })
        .sum()
}

/// The batches of which raw files are kept, by dataset.
fn batches(site: &Site) -> BTreeMap<String, BTreeSet<String>> {
    let names = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        entries.map(|entry| entry.file_name().into_string().expect("a text")).collect()
    };
    let raw = site.folder.join("data").join("raw");
    let mut batches: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for dataset in names(&raw) {
        for batch in names(&raw.join(&dataset)) {
            if !names(&raw.join(&dataset).join(&batch)).is_empty() {
                batches.entry(dataset.clone()).or_default().insert(batch);
            }
        }
    }
    batches
}

#[test]
fn old_versions_go_and_a_certificate_says_so() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let config = std::fs::read_to_string(site.config()).expect("the configuration");
    for seed in 1..=3 {
        let out = kept.path().join(format!("city-{seed}"));
        let _made = city(300, seed, &out).expect_code(0);
        site.take_exports(&out);
        let _pulled = site.run(&["pull"]).expect_code(0);
    }
    let data = site.folder.join("data");
    let n_all = n_files(&data);
    let batches_before = batches(&site);
    age(&data.join("tables"));
    age(&data.join("index"));
    age(&data.join("raw"));
    age(&data.join("rejects"));
    // Nothing is old enough for the shipped rule.
    let nothing = site.run(&["--lang", "en", "purge"]).expect_code(0);
    assert!(nothing.stdout.contains("purged 0 versions, 0 files"), "{}", nothing.stdout);
    assert!(!site.folder.join("certificates").exists());

    std::fs::write(site.config(), config.replace("days = 30", "days = 0").replace("versions = 3 ", "versions = 1 "))
        .expect("a write");
    let rehearsed = site.run(&["--lang", "en", "purge", "--dry-run"]).expect_code(0);
    assert!(
        rehearsed.stdout.contains("purged 2 versions") && rehearsed.stdout.contains("oldest version left 3"),
        "{}",
        rehearsed.stdout
    );
    assert_eq!(n_files(&data), n_all);
    // Without a key to sign with nothing goes.
    let signing = std::fs::read_to_string(site.config()).expect("the configuration");
    let unsigned: Vec<&str> = signing.lines().filter(|line| !line.starts_with("signing_key_file")).collect();
    std::fs::write(site.config(), unsigned.join("\n")).expect("a write");
    let refused = site.run(&["--lang", "en", "purge"]).expect_code(77);
    assert!(refused.stderr.contains("no signing key") && n_files(&data) == n_all, "{}", refused.stderr);
    std::fs::write(site.config(), signing).expect("a write");
    let purged = site.run(&["--lang", "en", "purge"]).expect_code(0);
    let (beside, of_tables): (Vec<_>, Vec<_>) =
        table_rows(&purged.stdout).into_iter().partition(|row| row.join(" ").contains("raw files"));
    let n_of = |rows: &[Vec<String>]| -> usize {
        rows.iter().filter_map(|row| row.last()?.replace(',', "").parse::<usize>().ok()).sum()
    };
    let n_purged = n_of(&of_tables);
    assert!(n_purged > 0 && n_files(&data) == n_all - n_purged, "{}", purged.stdout);
    // Raw files and rejected rows go with the last version made of them; those of the version that is kept stay.
    let now = batches(&site);
    assert!(n_of(&beside) > 10, "{}", purged.stdout);
    for (dataset, batches) in &now {
        assert_eq!(batches.len(), 1, "{dataset}: {batches:?}");
        assert_eq!(batches_before[dataset].len(), 3, "{dataset}");
    }
    assert_eq!(now.len(), batches_before.len());

    let certificates: Vec<_> = std::fs::read_dir(site.folder.join("certificates")).expect("a folder").collect();
    assert_eq!(certificates.len(), 1);
    let file = certificates[0].as_ref().expect("an entry").path();
    let shown = file.to_str().expect("a text").to_owned();
    let verified = site.run(&["--lang", "en", "purge", "--verify", &shown]).expect_code(0);
    assert!(
        verified.stdout.contains("purged 2 versions") && verified.stdout.contains("the newest 1 versions"),
        "{}",
        verified.stdout
    );
    let signed = std::fs::read_to_string(&file).expect("the certificate");
    let (head, tail) = signed.split_at(signed.len() / 2);
    let flipped = if tail.starts_with('A') { "B" } else { "A" };
    std::fs::write(&file, format!("{head}{flipped}{}", &tail[1..])).expect("a write");
    let forged = site.run(&["--lang", "en", "purge", "--verify", &shown]).expect_code(3);
    assert!(forged.stderr.contains("was not signed by this site"), "{}", forged.stderr);

    // What is kept can be read and built upon.
    let (serving, url) = site.serve();
    let officer = tests::http::Door::new(&url, &site.token("police_officer", None));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert!(runtime.block_on(officer.count("unified.person")) > 200);
    let _was = serving.kill();
    let unchanged = site.run(&["pull"]).expect_code(0);
    assert!(!unchanged.stdout.is_empty());
}
