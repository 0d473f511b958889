//! What leaves with a form, and the record of it.

use std::fs;

use audit::{AuditReader, Content};
use serde_json::Value;
use tests::datong::quick_folder;

use crate::form::{column, read_form};
use crate::residents::Five;
use crate::{DATASET, export, fix, officer, token_file};

#[test]
fn an_export_holds_what_its_reader_may_see_and_is_on_record() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let out = kept.path().join("out.csv");
    let operator = token_file(&site, "op", &["--role", "operator"]);
    let refused = export(&site, &operator, &out).expect_code(77);
    assert!(refused.stderr.contains("may not see it") && !out.exists(), "{}", refused.stderr);
    let forged = kept.path().join("forged.jwt");
    fs::write(&forged, "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.").expect("a file");
    let refused = export(&site, forged.to_str().expect("a path"), &out).expect_code(77);
    assert!(refused.stderr.contains("in a way this service does not accept"), "{}", refused.stderr);
    let _refused = site.run(&["quarantine", "export", DATASET, "--out", "x.csv"]).expect_code(2);

    // On duty an officer sees no full number; of a row at fault not even where it may be hidden.
    let on_duty = token_file(&site, "qian", &["--role", "police_officer"]);
    let written = export(&site, &on_duty, &out).expect_code(0);
    assert!(written.stderr.contains("id_no"), "{}", written.stderr);
    let form = read_form(&out);
    let text = fs::read_to_string(&out).expect("a form");
    assert!(!text.contains(&five.wrong), "{text}");
    assert_eq!(form.1[0][column(&form, "公民身份号码")], "***");
    assert_eq!(form.1[0][column(&form, "姓名")], "李五");
    let _exists = export(&site, &on_duty, &out).expect_code(1);
    let inside = export(&site, &on_duty, &site.folder.join("data").join("out.csv")).expect_code(2);
    assert!(inside.stderr.contains("data folder"), "{}", inside.stderr);
    let _other = export(&site, &on_duty, &kept.path().join("out.txt")).expect_code(2);

    let _withdrawn = site.run(&["access", "withdraw", "qian", "--reason", "调离"]).expect_code(0);
    let refused = export(&site, &on_duty, &kept.path().join("late.csv")).expect_code(77);
    assert!(refused.stderr.contains("withdrawn"), "{}", refused.stderr);

    // Also while a server holds its own log open.
    let (_server, _url) = site.serve();
    let whole = kept.path().join("whole.xlsx");
    let _written = export(&site, &officer(&site), &whole).expect_code(0);
    let unchanged = fix(&site, &whole).expect_code(1);
    assert!(unchanged.stderr.contains("no cell was changed"), "{}", unchanged.stderr);
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&whole).expect("a file").permissions()) & 0o777,
        0o600
    );
    let reader = AuditReader::new(
        &site.folder.join("data").join("audit").join("commands"),
        site.key().derive("audit of commands"),
    );
    let begun: Vec<Value> = reader
        .records()
        .expect("a log")
        .map(|record| record.expect("a record"))
        .filter_map(|record| match record.content {
            Content::Opened { event, .. } => Some(serde_json::to_value(event).expect("JSON")),
            _ => None,
        })
        .collect();
    let told: Vec<_> = begun.iter().map(|event| (event["subject"].as_str(), event["decision"].as_str())).collect();
    let expected = [("op", "denied"), ("qian", "allowed"), ("zhao", "allowed"), ("王敏", "allowed")];
    assert_eq!(told, expected.map(|(subject, decision)| (Some(subject), Some(decision))));
    assert!(reader.verify(&[]).expect("a report").is_intact());
}
