//! `datong doctor --self-test`: the two-world check on the policies in force, and its signed report.

use std::fs;

use policies::PolicySet;
use tests::datong::{Site, quick_folder};

#[test]
fn the_shipped_policies_keep_what_they_hide_and_the_report_says_so() {
    let folder = quick_folder();
    let site = Site::init(&folder.path().join("site"));
    let report = folder.path().join("report.jws");
    let path = report.to_str().expect("a path");
    let said = site.run(&["doctor", "--self-test", path]).expect_code(0);
    assert!(said.stdout.contains("statements asked twice"), "{}", said.stdout);
    let number = |before: &str| -> u64 {
        let (head, _) = said.stdout.split_once(before).unwrap_or_else(|| panic!("{before}: {}", said.stdout));
        let digits = head.rsplit(' ').next().expect("a word").replace(',', "");
        digits.parse().expect("a number")
    };
    // Many statements, and much to hide: a self-test of nothing would pass too.
    assert!(number(" statements asked twice") > 3_000, "{}", said.stdout);
    assert!(number(" of them answered") > 2_000, "{}", said.stdout);
    assert!(number(" cells and ") > 3_000, "{}", said.stdout);
    assert!(number(" rows not to be told") > 100, "{}", said.stdout);
    let _whole = site.run(&["doctor", "--verify", path]).expect_code(0);

    // Another policy in force: the report is still whole, and about the one before.
    let policies = site.folder.join("policies.toml");
    fs::write(&policies, format!("{}\n# reviewed\n", PolicySet::shipped_text())).expect("policies");
    let outdated = site.run(&["doctor", "--verify", path]).expect_code(3);
    assert!(outdated.stderr.contains("the report is about policies"), "{}", outdated.stderr);
    fs::write(&policies, PolicySet::shipped_text()).expect("policies");

    // A changed report, another site's report, an access token, and no report at all.
    let text = fs::read_to_string(&report).expect("a report");
    let (head, signature) = text.trim().rsplit_once('.').expect("a signature");
    let other = Site::init(&folder.path().join("other"));
    fs::write(&report, format!("{head}x.{signature}")).expect("a report");
    let _changed = site.run(&["doctor", "--verify", path]).expect_code(3);
    fs::write(&report, &text).expect("a report");
    let _foreign = other.run(&["doctor", "--verify", path]).expect_code(3);
    fs::write(&report, site.token("auditor", None)).expect("a token");
    let _token = site.run(&["doctor", "--verify", path]).expect_code(3);
    fs::write(&report, "report").expect("a text");
    let _text = site.run(&["doctor", "--verify", path]).expect_code(3);
}
