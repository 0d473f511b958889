//! Exports of departments that cannot be taken.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tests::datong::{Site, quick_folder};
use tests::http::Door;

use crate::{assert_no_value, personal_values, pulled_site};

/// One department's file gone bad.
struct BadFile {
    title: &'static str,
    source: &'static str,
    dataset: &'static str,
    /// Begins the name of the file that is replaced.
    file: &'static str,
    spoil: fn(&Path, &Site),
    /// What the error has to say beside file, source and dataset.
    says: &'static [&'static str],
}

const BAD_FILES: [BadFile; 12] = [
    BadFile {
        title: "an empty file",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "").expect("a file"),
        says: &["is empty"],
    },
    BadFile {
        title: "a wrong sheet",
        source: "civil",
        dataset: "civil.disability",
        file: "残疾人",
        spoil: |file, site| {
            let other = exported(&site.exports("grid"), "网格清单");
            let _bytes = fs::copy(other, file).expect("a file");
        },
        says: &["no sheet has the headings of this dataset", "found `网格`"],
    },
    BadFile {
        title: "a truncated zip",
        source: "health",
        dataset: "health.archive",
        file: "居民健康档案",
        spoil: |file, _| cut(file),
        says: &["is damaged", "zip breaks off"],
    },
    BadFile {
        title: "a truncated workbook",
        source: "housing",
        dataset: "housing.property",
        file: "房屋产权",
        spoil: |file, _| cut(file),
        says: &["is damaged", "zip breaks off"],
    },
    BadFile {
        title: "a truncated gzip",
        source: "police",
        dataset: "police.incident",
        file: "警情",
        spoil: |file, _| cut(file),
        says: &["is damaged", "breaks off"],
    },
    BadFile {
        title: "a truncated Parquet file",
        source: "health",
        dataset: "health.chronic_visit",
        file: "慢病随访_202606",
        spoil: |file, _| cut(file),
        says: &["is damaged", "parquet"],
    },
    BadFile {
        title: "binary junk",
        source: "police",
        dataset: "police.floating",
        file: "流动人口",
        spoil: |file, _| fs::write(file, junk(50_000)).expect("a file"),
        says: &["is in no format that can be read"],
    },
    BadFile {
        title: "a required column gone",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "人员编号,公民身份号码,性别\n1,290102195409251433,男\n").expect("a file"),
        says: &["missing columns `姓名`", "found `人员编号`, `公民身份号码`, `性别`"],
    },
    BadFile {
        title: "an unknown encoding",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| {
            fs::write(file, b"RYID,XM,GMSFHM\n1,\xff\x80\xfe\x81\xff\xff,2\n2,\x81\xff\xff\x80,\n").expect("a file")
        },
        says: &["encoding not recognised", "byte at 17", "line 2"],
    },
    BadFile {
        title: "a quote that never closes",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "RYID,XM,GMSFHM\n1,\"甲,2\n2,乙,3\n").expect("a file"),
        says: &["the quote opened in line 2", "is not closed"],
    },
    BadFile {
        title: "a login page instead of an export",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| fs::write(file, "<html><body>请登录</body></html>").expect("a file"),
        says: &["is HTML", "export it as XLSX, XLS, CSV, NDJSON or Parquet"],
    },
    BadFile {
        title: "a single line of 200 MB",
        source: "police",
        dataset: "police.resident",
        file: "户籍人口",
        spoil: |file, _| long_line(file, 200_000_000),
        says: &["no headings of this dataset"],
    },
];

#[tokio::test]
async fn a_bad_file_is_named_and_the_last_version_stays_served() {
    let kept = quick_folder();
    let (site, truth) = pulled_site(kept.path(), 600, 3);
    let names = personal_values(&site).await;
    let (_server, url) = site.serve();
    let door = Door::new(&url, &site.token("police_officer", None));
    let before = (door.count("unified.person").await, served_version(&door).await);
    assert!(before.0 > 500);
    for bad in &BAD_FILES {
        let file = exported(&site.exports(bad.source), bad.file);
        (bad.spoil)(&file, &site);
        let failed = site.run(&["pull"]).expect_code(1);
        let file_name = file.file_name().expect("a name").to_string_lossy().into_owned();
        for part in [file_name.as_str(), bad.source, bad.dataset, "nothing is published"].iter().chain(bad.says) {
            assert!(failed.stderr.contains(part), "{}: no `{part}` in: {}", bad.title, failed.stderr);
        }
        assert_eq!(failed.stdout, "", "{}", bad.title);
        assert_no_value(&failed.stderr, &names, bad.title);
        assert!(failed.stderr.len() < 1_000, "{}: {}", bad.title, failed.stderr);
        let after = (door.count("unified.person").await, served_version(&door).await);
        assert_eq!(after, before, "{}", bad.title);
        site.take_exports(&truth);
    }
    let said = site.run(&["pull"]).expect_code(0);
    assert!(said.stdout.contains("nothing changed; version 1 stays"), "{}", said.stdout);
}

/// A heading line, then 200 MB without a line break: the row is rejected whole, the pull goes over its reject limit, and
/// the quarantine says where and why.
#[test]
fn an_endless_row_is_rejected_in_bounded_memory_and_said_so() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 4);
    let file = exported(&site.exports("police"), "户籍人口");
    long_line(&file, 200_000_000);
    let rest = fs::read(&file).expect("the line");
    fs::write(&file, [b"RYID,XM\n".as_slice(), &rest].concat()).expect("a file");
    let failed = site.run(&["pull", "police"]).expect_code(1);
    for part in
        ["police.resident", "1 of 1 rows were rejected", "nothing is published", "quarantine show police.resident"]
    {
        assert!(failed.stderr.contains(part), "no `{part}` in: {}", failed.stderr);
    }
    let shown = site.run(&["quarantine", "show", "police.resident"]).expect_code(0);
    assert!(shown.stdout.contains("户籍人口") && shown.stdout.contains("too_long"), "{}", shown.stdout);
    let doctor = site.run(&["doctor"]).expect_code(0);
    assert!(doctor.stdout.contains("data version 1, 30 tables, 0 unreadable"), "{}", doctor.stdout);
}

#[tokio::test]
async fn over_its_reject_limit_a_pull_publishes_nothing() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 5);
    let file = exported(&site.exports("police"), "户籍人口");
    let mut rows = "人员编号,公民身份号码,姓名\n".to_owned();
    for n in 0..20 {
        // The last of these ID numbers' eighteen characters does not follow from the others.
        rows.push_str(&format!("{n},2901021954092514{n:02},甲乙丙\n"));
    }
    fs::write(&file, &rows).expect("a file");
    let failed = site.run(&["pull"]).expect_code(1);
    for part in ["police.resident", "of 20 rows were rejected", "share of 0.25", "nothing is published"] {
        assert!(failed.stderr.contains(part), "no `{part}` in: {}", failed.stderr);
    }
    assert!(!failed.stderr.contains("甲乙丙") && !failed.stderr.contains("29010219540925"), "{}", failed.stderr);
    let doctor = site.run(&["doctor"]).expect_code(0);
    assert!(doctor.stdout.contains("data version 1,"), "{}", doctor.stdout);
}

/// The file of a folder whose name begins with `start`.
fn exported(folder: &Path, start: &str) -> PathBuf {
    let files = fs::read_dir(folder).expect("a folder of exports").map(|file| file.expect("an export").path());
    let begins = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    files.into_iter().find(begins).unwrap_or_else(|| panic!("no export {start}"))
}

fn cut(file: &Path) {
    let bytes = fs::read(file).expect("an export");
    fs::write(file, &bytes[..bytes.len() / 2]).expect("half an export");
}

/// Bytes of no format, the same every time.
fn junk(n_bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..n_bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

fn long_line(file: &Path, n_bytes: usize) {
    let mut writer = BufWriter::new(File::create(file).expect("a file"));
    let chunk = [b'a'; 100_000];
    for _ in 0..n_bytes / chunk.len() {
        writer.write_all(&chunk).expect("room for a long line");
    }
    writer.flush().expect("room for a long line");
}

async fn served_version(door: &Door) -> u64 {
    door.get("/readyz").await.expect_status(200).json()["data_version"].as_u64().expect("a version")
}
