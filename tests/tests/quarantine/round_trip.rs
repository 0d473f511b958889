//! There and back: a rejected row is returned, corrected, lands, and the correction is taken back.

use std::fs;

use serde_json::Value;
use tests::datong::{Site, city, quick_folder};
use tests::traces::files_below;

use crate::form::{column, read_form, write_form};
use crate::residents::id_no;
use crate::{DATASET, accepted, corrections, count, export, fix, officer, receipt, retry, runtime, states};

#[test]
fn a_rejected_row_is_returned_corrected_and_lands_and_can_be_taken_back() {
    let kept = quick_folder();
    let made = kept.path().join("city");
    let _made = city(300, 7, &made).expect_code(0);
    let site = Site::init(&kept.path().join("site"));
    site.take_exports(&made);
    let mut said = vec![site.run(&["pull"]).expect_code(0)];
    let before = runtime().block_on(receipt(&site));
    adds_up(&before);
    let form_file = kept.path().join("returned.csv");
    said.push(export(&site, &officer(&site), &form_file).expect_code(0));
    let mut form = read_form(&form_file);
    assert_eq!(form.1.len() as u64, count(&before, "rejected"));
    let (rule, number) = (column(&form, "规则"), column(&form, "公民身份号码"));
    let values: Vec<String> = form.1.iter().map(|row| row[number].clone()).filter(|value| value.len() >= 15).collect();
    assert!(!values.is_empty(), "the city has wrong numbers");

    let fixable = form.1.iter_mut().find(|row| row[rule] == "checksum").expect("the city has wrong check digits");
    let right = id_no("19700307998");
    fixable[number].clone_from(&right);
    write_form(&form_file, &form);
    assert_eq!(runtime().block_on(accepted(&site, &right)), 0);
    said.push(fix(&site, &form_file).expect_code(0));
    assert_eq!(states(&site), ["waiting for retry"]);
    // The department's files may be gone: what was kept is read.
    for file in files_below(&site.exports("police")) {
        fs::remove_file(file).expect("an export can be removed");
    }
    let version = published(&site);
    let rehearsed = retry(&site, &[DATASET, "--dry-run"]).expect_code(0);
    assert!(rehearsed.stdout.contains("1 more rows would be accepted"), "{}", rehearsed.stdout);
    assert_eq!((runtime().block_on(receipt(&site)), published(&site)), (before.clone(), version));
    said.push(retry(&site, &[DATASET]).expect_code(0));
    assert!(said.last().expect("said").stdout.contains("1 more rows accepted"), "{said:?}");
    assert_eq!(runtime().block_on(accepted(&site, &right)), 1);
    let after = runtime().block_on(receipt(&site));
    adds_up(&after);
    assert_eq!((count(&after, "accepted"), count(&after, "corrected")), (count(&before, "accepted") + 1, 1));
    assert_eq!((published(&site), states(&site)), (version + 1, vec!["applied".to_owned()]));

    said.push(retry(&site, &[DATASET]).expect_code(0));
    assert!(said.last().expect("said").stdout.contains("nothing changed"), "{said:?}");
    // A pull of the same files finds what the retry has published.
    site.take_exports(&made);
    said.push(site.run(&["pull"]).expect_code(0));
    assert!(said.last().expect("said").stdout.contains("nothing changed"), "{said:?}");

    let (id, _) = corrections(&site).remove(0);
    let undo = ["quarantine", "undo", &id, "--author", "王敏", "--reason", "填错"];
    said.push(site.run(&undo).expect_code(0));
    said.push(site.run(&undo).expect_code(1));
    said.push(retry(&site, &[DATASET]).expect_code(0));
    assert_eq!(runtime().block_on(accepted(&site, &right)), 0);
    let again = runtime().block_on(receipt(&site));
    for name in ["batch_id", "read", "accepted", "rejected", "corrected", "rejects_by_rule"] {
        assert_eq!(again[name], before[name], "{name}");
    }
    assert!(states(&site)[0].starts_with("withdrawn"), "{:?}", states(&site));

    said.push(site.run(&["quarantine", "corrections"]).expect_code(0));
    said.push(site.run(&["doctor"]).expect_code(0));
    for value in values.iter().chain([&right]) {
        for finished in &said {
            assert!(
                !finished.stdout.contains(value.as_str()) && !finished.stderr.contains(value.as_str()),
                "{finished:?}"
            );
        }
        for file in &files_below(&site.folder.join("data")) {
            assert!(!file.to_str().expect("a path").contains(value.as_str()));
            assert!(!holds(&fs::read(file).expect("a file"), value), "{}", file.display());
        }
    }
}

/// Rows in are rows accepted and rows rejected.
fn adds_up(receipt: &Value) {
    assert_eq!(count(receipt, "read"), count(receipt, "accepted") + count(receipt, "rejected"), "{receipt}");
}

fn holds(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|window| window == value.as_bytes())
}

fn published(site: &Site) -> u64 {
    runtime().block_on(site.lake().published()).expect("a pointer").expect("a version").version
}
