use connectors::ReadOptions;

use crate::fixture::{options, read, read_corrected};

#[test]
fn a_row_fails_whole_and_is_kept_as_it_came() {
    let right = schemas::CitizenId::check_character("99010119840719001").unwrap();
    let wrong = format!("99010119840719001{}", if right == '0' { '1' } else { '0' });
    let text = format!("编号,姓名,公民身份号码,金额,附注\nR1,张三,{wrong},600,甲\n,李四,,1,\nR3,王五,,2,\n");
    let (_, rows) = read(text);
    assert_eq!(rows.rejects(), [(2, "checksum", Some("id_no")), (3, "required", Some("record_no"))]);
    let rejected = &rows.rejected[0];
    assert_eq!(rejected.record_key.as_deref(), Some("R1"));
    assert_eq!(rejected.raw[2], ("公民身份号码".to_owned(), wrong));
    assert_eq!(rejected.raw[4], ("附注".to_owned(), "甲".to_owned()));
    assert_eq!(rejected.hint_en, "the check digit is wrong; check the document");
    assert_eq!(rows.rejected[1].record_key, None);
    assert_eq!(rows.column("record_key"), ["R3"]);
    let shown = format!("{rejected:?}");
    assert!(!shown.contains("张三") && !shown.contains("R1"), "{shown}");
}

#[test]
fn wrongly_decoded_text_is_held_back_for_review() {
    let (_, rows) = read("编号,姓名,备注\nR1,寮犱笁,好\n");
    assert_eq!(rows.column("name"), ["∅"]);
    assert_eq!(rows.column("remark"), ["好"]);
    assert_eq!(rows.quality(), [["name:mojibake"]]);
}

#[test]
fn headings_as_the_police_print_them() {
    let registry = schemas::Registry::shipped().unwrap();
    let dataset = registry.dataset(&schemas::DatasetId::try_from("police.resident").unwrap()).unwrap();
    let text = "人员编号,姓  名（必填）,GMSFHM,HJXZ,XZXZ,联系方式,与户主关系,序号\nR1,张三,,,,,,1\n";
    let mut sink = crate::fixture::Collected::default();
    let reader = std::io::Cursor::new(text.as_bytes().to_vec());
    let report = connectors::read_file(reader, "f", &registry, dataset, &options(), &mut sink).unwrap();
    let name = |idx: &Option<usize>| idx.map(|idx| dataset.fields[idx].name.as_str());
    let drift = &report.sheets[0].drift;
    let fields: Vec<Option<&str>> = drift.fields.iter().map(name).collect();
    let wanted = ["record_no", "name", "id_no", "registered_address", "current_address", "phone", "relation_to_head"];
    assert_eq!(fields, wanted.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
    assert_eq!((drift.unknown.len(), report.accepted), (0, 1));
}

#[test]
fn progress_is_told_also_when_every_row_is_rejected() {
    let (report, rows) = read(format!("编号,姓名\n{}", "R1,\n,R2\n".repeat(10_000).replace("R2", "张三,多")));
    assert_eq!(report.accepted, 0);
    assert_eq!(rows.progress.len(), 2);
}

#[test]
fn numbers_that_lost_digits_in_a_text_file_are_rejected() {
    let (_, rows) =
        read("编号,姓名,公民身份号码,备注\n1.23457E+15,张三,,\nR2,李四,3.30106E+17,\nR3,王五,,6.22202E+18\n");
    assert_eq!(
        rows.rejects(),
        [
            (2, "precision_lost", Some("record_no")),
            (3, "precision_lost", Some("id_no")),
            (4, "precision_lost", Some("remark")),
        ]
    );
    assert_eq!(rows.rejected[1].record_key.as_deref(), Some("R2"));
}

#[test]
fn an_amount_too_large_to_hold_is_not_stored_and_not_forgotten() {
    let (_, rows) = read("编号,姓名,金额\nR1,张三,9999999999.99\nR2,李四,10000000000.00\n");
    assert_eq!(rows.column("amount"), ["9999999999.99", "∅"]);
    assert!(rows.quality()[0].is_empty());
    assert!(rows.quality()[1][0].starts_with("amount:"), "{:?}", rows.quality());
}

#[test]
fn accepted_and_rejected_add_up_over_the_shipped_datasets() {
    let registry = schemas::Registry::shipped().unwrap();
    for dataset in registry.datasets() {
        let headings: Vec<&str> = dataset.fields.iter().map(|f| f.zh.as_str()).collect();
        let text = format!("{}\n{}\n", headings.join(","), vec!["x1"; headings.len()].join(","));
        let mut sink = crate::fixture::Collected::default();
        let reader = std::io::Cursor::new(text.into_bytes());
        let report = connectors::read_file(reader, "f", &registry, dataset, &options(), &mut sink).unwrap();
        assert_eq!(report.read, 1, "{}", dataset.id);
        assert_eq!(report.accepted + report.rejected, 1, "{}", dataset.id);
        assert!(report.sheets[0].drift.missing.is_empty(), "{} {:?}", dataset.id, report.sheets[0].drift);
    }
}

#[test]
fn a_copied_address_is_the_other_address_of_its_row() {
    let registry = schemas::Registry::shipped().unwrap();
    let dataset = registry.dataset(&schemas::DatasetId::try_from("police.resident").unwrap()).unwrap();
    let text = "人员编号,姓名,户籍地址,现住地址\n\
                R1,张三,云州市示范区翠苑街道翠苑小区3幢2单元502室,同户籍地址\nR2,李四,,同户籍地址\n";
    let options = ReadOptions { region: Some("云州市".to_owned()), ..options() };
    let mut sink = crate::fixture::Collected::default();
    let reader = std::io::Cursor::new(text.as_bytes().to_vec());
    connectors::read_file(reader, "f", &registry, dataset, &options, &mut sink).unwrap();
    let current = sink.column("current_address");
    assert_eq!(current, [sink.column("registered_address")[0].as_str(), "∅"]);
    assert!(current[0].contains("翠苑"), "{current:?}");
    assert!(sink.quality()[1].contains(&"current_address:copy_unresolved".to_owned()), "{:?}", sink.quality());
}

#[test]
fn remarks_of_a_cell_go_to_the_quality_column() {
    let (_, rows) = read("编号,姓名,公民身份号码\nR1,张三,990101840719001\nR2,李四,\n");
    assert_eq!(rows.column("record_no"), ["R1", "R2"]);
    assert!(rows.quality()[0].iter().any(|flag| flag.starts_with("id_no:id15")), "{:?}", rows.quality());
    assert!(rows.quality()[1].is_empty());
}

#[test]
fn a_corrected_row_is_read_again_and_says_so() {
    let text = "编号,姓名,登记日期\nR1,张三,2024-02-30\nR2,李四,2024-02-30\nR3,王五,2024-01-31\n";
    let (report, rows) = read_corrected(text, &[("R1", &[("joined_on", "2024-02-29")])]);
    assert_eq!((report.read, report.accepted, report.corrected, report.rejected), (3, 2, 1, 1));
    assert_eq!(rows.column("joined_on"), ["2024-02-29", "2024-01-31"]);
    assert_eq!(rows.quality(), [vec!["joined_on:corrected".to_owned()], vec![]]);
    assert_eq!(rows.rejects(), [(3, "date", Some("joined_on"))]);
    // The hash is that of the row as it came.
    let (_, before) = read(text);
    assert_eq!(before.rejected[0].raw_hash, rows.column("raw_hash")[0]);
}

#[test]
fn a_correction_that_does_not_help_leaves_the_row_as_it_came() {
    let text = "编号,姓名,登记日期\nR1,张三,2024-02-30\n";
    let (report, rows) = read_corrected(text, &[("R1", &[("joined_on", "2024-01-31"), ("name", "")])]);
    assert_eq!((report.rejected, report.corrected), (1, 0));
    let rejected = &rows.rejected[0];
    assert_eq!((rejected.rule.as_str(), rejected.field.as_deref()), ("required", Some("name")));
    assert!(rejected.correction_failed);
    assert_eq!(
        (rejected.text("name"), rejected.text("joined_on"), rejected.text("remark")),
        ("张三", "2024-02-30", "")
    );
    let (_, before) = read(text);
    assert_eq!(
        (before.rejected[0].raw_hash.as_str(), before.rejected[0].faulty.len()),
        (rejected.raw_hash.as_str(), 1)
    );
    assert!(!before.rejected[0].correction_failed);
}

#[test]
fn of_a_row_split_wrongly_only_the_correction_counts() {
    let text = "编号,姓名,登记日期,备注\nR1,张,三,2024-01-31,好\n";
    let (_, before) = read(text);
    assert!(before.rejected[0].is_faulty_as_a_whole());
    let (_, rows) = read_corrected(text, &[("R1", &[("record_no", "R1"), ("name", "张三")])]);
    assert_eq!(
        (rows.column("name"), rows.column("joined_on"), rows.column("remark")),
        (vec!["张三".to_owned()], vec!["∅".to_owned()], vec!["∅".to_owned()],)
    );
}

#[test]
fn a_row_corrected_into_another_is_its_duplicate() {
    let text = "编号,姓名,登记日期\nR1,张三,2024-01-31\nR1,张三,2024-01-32\n";
    let (report, _) = read_corrected(text, &[("R1", &[("joined_on", "2024-01-31")])]);
    assert_eq!((report.read, report.accepted, report.corrected), (1, 1, 0));
    assert_eq!(report.skipped[&connectors::SkipKind::Duplicate], 1);
}
