//! Which correction is applied, and what became of the others.

use std::path::PathBuf;

use tests::datong::{Running, Site, quick_folder, run};

use crate::form::{column, read_form, write_form};
use crate::residents::{Five, id_no, small_site, write_residents};
use crate::{AUTHOR, DATASET, accepted, corrections, count, export, fix, officer, receipt, retry, runtime, states};

#[test]
fn what_the_department_changes_itself_needs_no_correction() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let form = kept.path().join("form.csv");
    let _form = five.filled(&site, &form, &five.right);
    let _fixed = fix(&site, &form).expect_code(0);
    // The same row elsewhere in another file is the same row.
    let mut rows = five.rows(["R5", "李五", &five.wrong]);
    rows.swap(0, 4);
    write_residents(&site, &rows);
    let pulled = site.run(&["pull"]).expect_code(0);
    assert!(pulled.stdout.contains("1 of them corrected"), "{}", pulled.stdout);
    assert_eq!(states(&site), ["applied"]);

    write_residents(&site, &five.rows(["R5", "李武", &five.wrong]));
    let _pulled = site.run(&["pull"]).expect_code(0);
    let receipt = runtime().block_on(receipt(&site));
    assert_eq!((count(&receipt, "rejected"), count(&receipt, "corrected")), (1, 0));
    assert_eq!(states(&site), ["not applied any more"]);
}

#[test]
fn a_correction_that_does_not_help_is_told() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let form = kept.path().join("form.csv");
    let _form = five.filled(&site, &form, "29010219900101");
    let _fixed = fix(&site, &form).expect_code(0);
    let tried = retry(&site, &[]).expect_code(0);
    assert!(tried.stdout.contains("0 more rows accepted"), "{}", tried.stdout);
    assert_eq!(states(&site), ["still rejected"]);
    let shown = site.run(&["quarantine", "show", DATASET]).expect_code(0);
    assert!(shown.stdout.contains("rejected all the same"), "{}", shown.stdout);
    // Corrected once more, the same row twice in one form: the later correction is in force.
    let mut twice = five.filled(&site, &form, &five.right);
    twice.1.push(twice.1[0].clone());
    write_form(&form, &twice);
    let _fixed = fix(&site, &form).expect_code(0);
    // A cell left as it came keeps what was said of it.
    let name = column(&twice, "姓名");
    let mut renamed = five.filled(&site, &form, "***");
    renamed.1[0][name] = "李武".to_owned();
    write_form(&form, &renamed);
    let _fixed = fix(&site, &form).expect_code(0);
    let again = fix(&site, &form).expect_code(0);
    assert!(again.stdout.contains("0 corrections kept"), "{}", again.stdout);
    let _tried = retry(&site, &[]).expect_code(0);
    assert_eq!(states(&site), ["replaced by a later one", "replaced by a later one", "applied"]);
    assert_eq!(runtime().block_on(accepted(&site, &five.right)), 1);
    // The row is kept as it came beside what it was corrected to.
    let batches = runtime().block_on(async {
        let lake = site.lake();
        let published = lake.published().await.expect("a pointer").expect("a version");
        lake.snapshot(&published).read(&schemas::RelationName::try_from(DATASET).expect("a name")).await.expect("rows")
    });
    let shown = arrow::util::pretty::pretty_format_batches(&batches).expect("text").to_string();
    assert_eq!(shown.matches("id_no:corrected").count(), 1, "{shown}");
}

#[test]
fn a_row_that_was_split_wrongly_is_corrected_whole() {
    let kept = quick_folder();
    let five = Five::new();
    let site = small_site(&kept.path().join("site"), &five.rows(["R5", "李,五", &five.right]));
    let _pulled = site.run(&["pull"]).expect_code(0);
    let file = kept.path().join("form.csv");
    let _written = export(&site, &officer(&site), &file).expect_code(0);
    let mut form = read_form(&file);
    let (name, number) = (column(&form, "姓名"), column(&form, "公民身份号码"));
    assert_eq!(form.1[0][column(&form, "规则")], "field_count");
    form.1[0][name] = "李五".to_owned();
    form.1[0][number] = "***".to_owned();
    write_form(&file, &form);
    let refused = fix(&site, &file).expect_code(1);
    assert!(refused.stderr.contains("line 2: the row as a whole is at fault"), "{}", refused.stderr);
    form.1[0][number].clone_from(&five.right);
    write_form(&file, &form);
    let _fixed = fix(&site, &file).expect_code(0);
    let _tried = retry(&site, &[DATASET]).expect_code(0);
    assert_eq!(runtime().block_on(accepted(&site, &five.right)), 1);
}

#[test]
fn two_fixes_at_once_are_both_kept_and_one_is_in_force() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let forms: Vec<PathBuf> = (0..2).map(|n| kept.path().join(format!("form-{n}.csv"))).collect();
    let numbers = [five.right.clone(), id_no("19900101013")];
    for (form, number) in forms.iter().zip(&numbers) {
        let _form = five.filled(&site, form, number);
    }
    let started: Vec<Running> = forms
        .iter()
        .map(|form| {
            let mut arguments = vec!["quarantine", "fix", DATASET, "--corrections", form.to_str().expect("a path")];
            arguments.extend(AUTHOR);
            Running::start(site.command(&arguments))
        })
        .collect();
    for running in started {
        let _finished = running.finish().expect_code(0);
    }
    assert_eq!(corrections(&site).len(), 2);
    let _tried = retry(&site, &[]).expect_code(0);
    let landed: u64 = numbers.iter().map(|number| runtime().block_on(accepted(&site, number))).sum();
    assert_eq!(landed, 1);
    // The same form once more adds nothing.
    let mut states = states(&site);
    states.sort();
    assert_eq!(states, ["applied", "replaced by a later one"]);
}

#[test]
fn nothing_to_retry_is_no_failure() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let said = retry(&site, &[]).expect_code(0);
    assert!(said.stdout.contains("nothing was pulled yet"), "{}", said.stdout);
    let _refused = retry(&site, &["police.nothing"]).expect_code(2);
    assert!(run(["quarantine", "--help"]).expect_code(0).stdout.contains("retry"));
}
