use connectors::{Format, ReadError, ReadOptions, SkipKind, TextEncoding};
use proptest::prelude::*;

use crate::fixture::{gb18030, options, read, read_with, refused};

const TABLE: &str = "编号,姓名,登记日期,金额\r\nR1,张三,2024-01-31,600\r\nR2,李四,2024/2/1,1200.5\r\n";

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn check_encoding(bytes: Vec<u8>, encoding: &str) {
    let (report, rows) = read(bytes);
    assert_eq!(report.encoding.as_deref(), Some(encoding));
    assert_eq!((report.format, report.read, report.accepted), (Format::Delimited, 2, 2));
    assert_eq!(rows.column("record_no"), ["R1", "R2"]);
    assert_eq!(rows.column("name"), ["张三", "李四"]);
    assert_eq!(rows.column("joined_on"), ["2024-01-31", "2024-02-01"]);
    assert_eq!(rows.column("amount"), ["600.00", "1200.50"]);
    assert_eq!(rows.column("household_no"), ["∅", "∅"]);
    assert_eq!(rows.column("source_row"), ["2", "3"]);
    assert_eq!(rows.column("batch_id"), ["batch", "batch"]);
    assert_eq!(rows.column("ingested_at")[0], "1700000000000000");
}

#[test]
fn one_table_in_every_encoding() {
    check_encoding(TABLE.into(), "utf-8");
    check_encoding([b"\xef\xbb\xbf", TABLE.as_bytes()].concat(), "utf-8");
    check_encoding(gb18030(TABLE), "gb18030");
    check_encoding(utf16(TABLE, u16::to_le_bytes), "utf-16le");
    check_encoding(utf16(TABLE, u16::to_be_bytes), "utf-16be");
    check_encoding([b"\xff\xfe".to_vec(), utf16(TABLE, u16::to_le_bytes)].concat(), "utf-16le");
    check_encoding([b"\xfe\xff".to_vec(), utf16(TABLE, u16::to_be_bytes)].concat(), "utf-16be");
}

/// The three `bytes` rows of the dirt list, each as a cell of a file in its encoding.
#[test]
fn cells_given_as_bytes_come_out_as_text() {
    let check = |cell: &[u8], before: Vec<u8>, after: Vec<u8>, name: &str| {
        let (report, rows) = read([before, cell.to_vec(), after].concat());
        assert_eq!((report.read, report.accepted), (1, 1));
        assert_eq!(rows.column("name"), [name]);
    };
    let (before, after) = ("编号,姓名\r\nR1,", "\r\n");
    check(b"\xd5\xc5\xc8\xfd", gb18030(before), gb18030(after), "张三");
    check(b"\xcd\xf5\x82\x30\xb7\x31", gb18030(before), gb18030(after), "王㛃");
    check(b"\x20\x5f\x09\x4e", utf16(before, u16::to_le_bytes), utf16(after, u16::to_le_bytes), "张三");
}

#[test]
fn tab_and_semicolon_separate_too() {
    for separator in ["\t", ";"] {
        let (report, rows) = read(TABLE.replace(',', separator));
        assert_eq!((report.read, report.rejected), (2, 0));
        assert_eq!(rows.column("name"), ["张三", "李四"]);
    }
    let (_, rows) = read("编号;姓名;备注\nR1;张三;\"甲,乙,丙,丁;戊\"\n");
    assert_eq!(rows.column("remark"), ["甲,乙,丙,丁;戊"]);
}

#[test]
fn a_declared_encoding_is_believed() {
    let declared = ReadOptions { encoding: Some(TextEncoding::Gb18030), ..options() };
    let (report, rows) = read_with(gb18030(TABLE), &declared).unwrap();
    assert_eq!(report.encoding.as_deref(), Some("gb18030"));
    assert_eq!(rows.column("name"), ["张三", "李四"]);
}

#[test]
fn an_unknown_encoding_is_refused_with_its_place() {
    let big5 = encoding_rs::BIG5.encode("陳小明,臺北市信義區松仁路,電話號碼,身分證字號\n").0.repeat(9);
    match refused([b"a,b\n".to_vec(), big5].concat()) {
        ReadError::UnknownEncoding { offset, line, .. } => assert_eq!((offset, line), (4, 2)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broken_row_is_rejected_and_the_others_are_not() {
    let mut bytes = gb18030("编号,姓名,登记日期,金额\nR1,张三,,\nR2,");
    bytes.extend(b"\xd5\xff");
    bytes.extend(gb18030(",,\nR3,王五\nR4,赵六,,,多\nR5,钱七,,,\n"));
    let (report, rows) = read(bytes);
    assert_eq!(rows.rejects(), [(3, "encoding", None), (4, "field_count", None), (5, "field_count", None)]);
    assert_eq!(rows.column("record_no"), ["R1", "R5"]);
    assert_eq!(report.rejects_by_rule["field_count"], 2);
    let broken = &rows.rejected[0];
    assert_eq!(broken.record_key.as_deref(), Some("R2"));
    assert_eq!(broken.raw[1].0, "姓名");
    assert!(broken.raw[1].1.contains('\u{fffd}'));
    assert_eq!(rows.rejected[2].raw[4], ("#5".to_owned(), "多".to_owned()));
    assert!(broken.hint_zh.contains("GB18030") && broken.hint_en.contains("GB18030"));
}

#[test]
fn broken_utf8_and_utf16_rows_are_rejected_too() {
    let mut bytes = TABLE.repeat(3).into_bytes();
    bytes.extend(b"R9,\xd5\xc5,,\n");
    let (_, rows) = read(bytes);
    assert_eq!(rows.rejects(), [(10, "encoding", None)]);
    let mut bytes = utf16(TABLE, u16::to_le_bytes);
    bytes.extend(utf16("R9,", u16::to_le_bytes));
    bytes.extend(b"\x00\xd8");
    bytes.extend(utf16(",,\n", u16::to_le_bytes));
    let (_, rows) = read(bytes);
    assert_eq!(rows.rejects(), [(4, "encoding", None)]);
}

#[test]
fn anatomy_of_a_printed_table() {
    let text = "示范区名册,,,\n填表单位：××街道　　单位：元,,,\n\n编号,姓名,登记日期,金额\n必填，文本,必填,选填，格式 2024-01-31,选填\n\
                R1,张三,,600\n小计,,,600\n编号,姓名,登记日期,金额\nR2,李四,,5\n合计,,,605\n填表人：,,审核人：,\n以下空白\n";
    let (report, rows) = read(text);
    assert_eq!(rows.column("record_no"), ["R1", "R2"]);
    let skipped: Vec<(SkipKind, u64)> = report.skipped.iter().map(|(kind, n)| (*kind, *n)).collect();
    assert_eq!(
        skipped,
        [
            (SkipKind::Title, 1),
            (SkipKind::Caption, 1),
            (SkipKind::Header, 1),
            (SkipKind::Instruction, 1),
            (SkipKind::Subtotal, 1),
            (SkipKind::Total, 1),
            (SkipKind::Footer, 2),
            (SkipKind::RepeatHeader, 1),
            (SkipKind::Blank, 1),
        ]
    );
    assert_eq!(report.sheets[0].heading_row, Some(4));
    assert_eq!(report.rejected, 0);
}

#[test]
fn two_heading_rows_saved_from_a_sheet() {
    let (report, rows) = read("编号,姓名,保障人数,,金额\n,,总人数,重点保障人数,\nR1,张三,3,1,600\n");
    assert_eq!(rows.column("members"), ["3"]);
    assert_eq!(rows.column("key_members"), ["1"]);
    assert_eq!(rows.column("amount"), ["600.00"]);
    assert_eq!(report.skipped[&SkipKind::Header], 2);
}

#[test]
fn exact_duplicates_are_dropped_and_counted() {
    let (report, rows) = read("序号,编号,姓名\n1,R1,张三\n2,R1,张三\n3,R1,张三 \n4,R2,张三\n");
    assert_eq!(rows.column("record_no"), ["R1", "R1", "R2"]);
    assert_eq!((report.read, report.skipped[&SkipKind::Duplicate]), (3, 1));
    let hashes = rows.column("raw_hash");
    assert!(hashes.iter().all(|h| h.len() == 32) && hashes[0] != hashes[1]);
}

#[test]
fn drift_is_reported() {
    let (report, _) = read("编号,姓名,新列,姓名\nR1,张三,x,y\n");
    let drift = &report.sheets[0].drift;
    assert_eq!(drift.unknown, ["新列"]);
    assert_eq!(drift.ambiguous.len(), 1);
    assert_eq!((drift.ambiguous[0].0.as_str(), drift.ambiguous[0].1.as_str()), ("name", "姓名"));
    assert!(drift.missing.iter().any(|m| m.as_str() == "amount"));
}

#[test]
fn more_rows_than_a_batch_arrive_in_several() {
    let mut text = "编号,姓名\n".to_owned();
    for n in 0..20_000 {
        text.push_str(&format!("R{n},张三\n"));
    }
    let (report, rows) = read(text);
    assert_eq!(report.accepted, 20_000);
    assert_eq!(rows.batches.iter().map(|b| b.num_rows()).collect::<Vec<_>>(), [8192, 8192, 3616]);
    assert_eq!(rows.column("record_no")[8192], "R8192");
    assert_eq!(rows.progress.len(), 3);
}

#[test]
fn large_cells_make_smaller_batches() {
    let cell = "字".repeat(100_000);
    let mut text = "编号,姓名,备注\n".to_owned();
    for n in 0..120 {
        text.push_str(&format!("R{n},张三,{cell}\n"));
    }
    let (report, rows) = read(text);
    assert_eq!(report.accepted, 120);
    assert_eq!(rows.batches.len(), 3);
}

proptest! {
    /// Every row of a file is accounted for: accepted, rejected, or skipped for a named reason.
    #[test]
    fn no_row_is_lost(rows in prop::collection::vec(prop::collection::vec("(R[0-9]|张三|合计|小计|编号|姓名|备注：|\u{3000}|2024-13-01|x)?", 1..6), 0..12)) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_record(["编号", "姓名", "登记日期", "备注"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let (report, _) = read(writer.into_inner().unwrap());
        prop_assert_eq!(report.read + report.skipped.values().sum::<u64>(), rows.len() as u64 + 1);
    }
}

#[test]
fn quoted_cells_keep_their_line_breaks() {
    let (_, rows) = read("编号,姓名,备注\nR1,张三,\"一\n二\"\nR2,李四,\"他说\"\"好\"\"\"\n");
    assert_eq!(rows.column("source_row"), ["2", "4"]);
    assert!(rows.column("remark")[0].contains('一') && rows.column("remark")[0].contains('二'));
    assert_eq!(rows.column("remark")[1], "他说\"好\"");
}
