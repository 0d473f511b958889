//! Forms that are not taken.

use std::collections::BTreeMap;
use std::fs;

use tests::datong::quick_folder;

use crate::form::{Form, column, write_form};
use crate::residents::Five;
use crate::{DATASET, corrections, fix};

#[test]
fn a_faulty_form_is_refused_whole_with_its_lines() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let file = kept.path().join("form.csv");
    let form = five.filled(&site, &file, &five.right);
    let edited = |edit: &dyn Fn(&mut Form)| {
        let mut edited = form.clone();
        edit(&mut edited);
        edited
    };
    let number = column(&form, "公民身份号码");
    let cases: BTreeMap<&str, Form> = [
        (
            "line 3: the row reference is not",
            edited(&|form| {
                let mut row = form.1[0].clone();
                row[0] = "0".repeat(32);
                form.1.push(row);
            }),
        ),
        (
            "line 3: the same row was changed otherwise",
            edited(&|form| {
                form.1.push(form.1[0].clone());
                form.1[1][number].push('X');
            }),
        ),
        ("line 1: the heading of column 9 is no field", edited(&|form| form.0[8] = five.wrong.clone())),
        ("line 1: the heading of column 9 was there before", edited(&|form| form.0[8] = form.0[7].clone())),
        ("line 1: there is no column", edited(&|form| form.0[0] = String::new())),
        ("line 1: no column is a field", edited(&|form| form.0.iter_mut().skip(7).for_each(String::clear))),
        ("line 1: the form has no rows", edited(&|form| form.1.clear())),
        ("no cell was changed", edited(&|form| form.1[0][number] = "***".to_owned())),
        ("lost digits", edited(&|form| form.1[0][number] = "李\u{fffd}".to_owned())),
    ]
    .into();
    for (says, form) in &cases {
        write_form(&file, form);
        let refused = fix(&site, &file).expect_code(1);
        assert!(refused.stderr.contains(says), "{says}: {}", refused.stderr);
        assert!(!refused.stderr.contains(&five.wrong) && !refused.stderr.contains(&five.right), "{}", refused.stderr);
    }
    for (content, says) in [(&b""[..], "is empty"), (b"PK\x03\x04cut", "is damaged"), (b"%PDF-1.7", "PDF")] {
        fs::write(&file, content).expect("a file");
        let refused = fix(&site, &file).expect_code(1);
        assert!(refused.stderr.contains(says), "{says}: {}", refused.stderr);
    }
    let missing = fix(&site, &kept.path().join("none.csv")).expect_code(1);
    assert!(missing.stderr.contains("cannot be read"), "{}", missing.stderr);
    let path = file.to_str().expect("a path");
    let unsigned = ["quarantine", "fix", DATASET, "--corrections", path, "--author", " ", "--reason", "x"];
    let _refused = site.run(&unsigned).expect_code(2);
    let unknown = ["quarantine", "fix", "police.nothing", "--corrections", path, "--author", "a", "--reason", "x"];
    let _refused = site.run(&unknown).expect_code(2);
    let _refused =
        site.run(&["quarantine", "undo", "0123456789abcdef", "--author", "a", "--reason", "b"]).expect_code(2);
    assert!(corrections(&site).is_empty(), "nothing was kept");
}
