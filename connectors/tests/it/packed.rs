use std::io::{Cursor, Write as _};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder};
use arrow::record_batch::RecordBatch;
use connectors::{Excess, Format, ReadError, ReadLimits, ReadOptions, SheetState, SkipKind, Wrapping};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as ParquetCompression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use zip::write::SimpleFileOptions;

use crate::fixture::{gb18030, options, read, read_with, refused};

const TABLE: &str = "编号,姓名,登记日期,金额\nR1,张三,2024-01-31,600\nR2,李四,2024-02-01,5\n";

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, deflated).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A lower ratio than the real one, so that a fast compressor reaches it.
fn strict() -> ReadOptions {
    ReadOptions { limits: ReadLimits { unpacking_ratio_max: 50, ..ReadLimits::default() }, ..options() }
}

fn parquet_of(columns: Vec<(&str, ArrayRef)>, compression: ParquetCompression) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn table_parquet() -> Vec<u8> {
    table_parquet_in(ParquetCompression::LZ4_RAW)
}

fn table_parquet_in(compression: ParquetCompression) -> Vec<u8> {
    let mut remarks = ListBuilder::new(StringBuilder::new());
    remarks.values().append_value("甲");
    remarks.values().append_value("乙");
    remarks.append(true);
    remarks.append(false);
    remarks.append(false);
    let columns = vec![
        ("编号", Arc::new(StringArray::from(vec!["R1", "R2", "R3"])) as ArrayRef),
        ("姓名", Arc::new(StringArray::from(vec![Some("张三"), Some("李四"), Some("王五")]))),
        ("登记日期", Arc::new(Date32Array::from(vec![Some(19_753), None, None]))),
        ("保障人数.总人数", Arc::new(Int64Array::from(vec![Some(3), None, None]))),
        ("金额", Arc::new(Float64Array::from(vec![Some(95.52), None, None]))),
        ("公民身份号码", Arc::new(Float64Array::from(vec![None, None, Some(990_101_198_407_190_016.0)]))),
        ("备注", Arc::new(remarks.finish())),
    ];
    parquet_of(columns, compression)
}

#[test]
fn gzip_of_text() {
    let (report, rows) = read(gzip(&gb18030(TABLE)));
    assert_eq!((report.wrapping, report.format), (Wrapping::Gzip, Format::Delimited));
    assert_eq!(report.encoding.as_deref(), Some("gb18030"));
    assert_eq!(rows.column("name"), ["张三", "李四"]);
    let two_members = [gzip(&TABLE.as_bytes()[..40]), gzip(&TABLE.as_bytes()[40..])].concat();
    assert_eq!(read(two_members).0.accepted, 2);
}

#[test]
fn a_zip_is_read_entry_by_entry() {
    let second = "编号,姓名\nR3,王五\nR1,张三\n".as_bytes();
    let bytes = zip_of(&[
        ("2024/一月.csv", &gb18030(TABLE)),
        ("2024/二月.csv", second),
        ("2024/readme.txt", "请查收\n".as_bytes()),
        ("2024/empty.csv", b""),
        ("2024/scan.pdf", b"%PDF-1.7"),
        ("__MACOSX/2024/._一月.csv", b"\0\0\0"),
    ]);
    let (report, rows) = read(bytes);
    assert_eq!(report.wrapping, Wrapping::Zip);
    assert_eq!(rows.column("record_no"), ["R1", "R2", "R3", "R1"]);
    assert_eq!(rows.column("source_sheet"), ["一月.csv", "一月.csv", "二月.csv", "二月.csv"]);
    let states: Vec<(&str, SheetState)> = report.sheets.iter().map(|s| (s.name.as_deref().unwrap(), s.state)).collect();
    assert_eq!(
        states,
        [
            ("一月.csv", SheetState::Read),
            ("二月.csv", SheetState::Read),
            ("readme.txt", SheetState::Ignored),
            ("empty.csv", SheetState::Empty),
            ("scan.pdf", SheetState::Ignored),
        ]
    );
}

#[test]
fn a_workbook_or_parquet_file_inside_an_archive() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, (heading, cell)) in (0..).zip([("编号", "R1"), ("姓名", "张三")]) {
        sheet.write_string(0, column, heading).unwrap();
        sheet.write_string(1, column, cell).unwrap();
    }
    let book = book.save_to_buffer().unwrap();
    let (report, rows) = read(zip_of(&[("名册.xlsx", &book)]));
    assert_eq!((report.format, report.wrapping), (Format::Xlsx, Wrapping::Zip));
    assert_eq!(rows.column("source_sheet"), ["名册.xlsx/Sheet1"]);
    let (report, rows) = read(gzip(&table_parquet()));
    assert_eq!((report.format, report.wrapping), (Format::Parquet, Wrapping::Gzip));
    assert_eq!(rows.column("record_no"), ["R1", "R2"]);
}

#[test]
fn an_entry_that_lacks_a_required_heading_is_another_table_unless_it_is_the_only_one() {
    let lacking = "姓名,登记日期\n张三,2024-01-31\n".as_bytes();
    let (report, rows) = read(zip_of(&[("b.csv", lacking), ("a.csv", TABLE.as_bytes())]));
    assert_eq!(rows.column("record_no"), ["R1", "R2"]);
    assert_eq!(report.sheets[0].state, SheetState::Ignored);
    match refused(zip_of(&[("b.csv", lacking), ("readme.txt", b"hello\n")])) {
        ReadError::MissingColumns { sheet, missing, .. } => {
            assert_eq!((sheet.as_deref(), missing), (Some("b.csv"), vec!["编号".to_owned()]));
        }
        e => panic!("{e:?}"),
    }
}

#[test]
fn archives_are_opened_once() {
    let inner = zip_of(&[("a.csv", TABLE.as_bytes())]);
    assert!(matches!(refused(gzip(&inner)), ReadError::UnsupportedFormat { .. }));
    assert!(matches!(refused(gzip(&gzip(TABLE.as_bytes()))), ReadError::UnsupportedFormat { .. }));
    match refused(zip_of(&[("b.zip", &inner)])) {
        ReadError::NoMatchingSheet { sheets, .. } => assert_eq!(sheets, ["b.zip"]),
        e => panic!("{e:?}"),
    }
}

#[test]
fn packed_content_larger_than_the_limits_is_refused() {
    let limits = ReadLimits { unpacked_bytes_max: 1000, ..ReadLimits::default() };
    let small = ReadOptions { limits, ..options() };
    let long = TABLE.repeat(50);
    for bytes in [gzip(long.as_bytes()), zip_of(&[("a.csv", long.as_bytes())])] {
        match read_with(bytes, &small).unwrap_err() {
            ReadError::TooLarge { what, limit, .. } => assert_eq!((what, limit), (Excess::Unpacked, 1000)),
            e => panic!("{e:?}"),
        }
    }
    let bomb = [TABLE.as_bytes().to_vec(), vec![b'x'; 40 << 20]].concat();
    match read_with(gzip(&bomb), &strict()).unwrap_err() {
        ReadError::TooLarge { what, .. } => assert_eq!(what, Excess::UnpackingRatio),
        e => panic!("{e:?}"),
    }
    let many: Vec<(String, Vec<u8>)> = (0..12).map(|n| (format!("{n}.csv"), TABLE.into())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let few = ReadOptions { limits: ReadLimits { entries_max: 10, ..ReadLimits::default() }, ..options() };
    assert!(matches!(
        read_with(zip_of(&many), &few).unwrap_err(),
        ReadError::TooLarge { what: Excess::Entries, limit: 10, .. }
    ));
}

#[test]
fn a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_opened() {
    let types: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");
    let book: (&str, &[u8]) = ("xl/workbook.xml", b"<workbook/>");
    let check =
        |part: (&str, &[u8]), expected: Excess| match read_with(zip_of(&[types, book, part]), &strict()).unwrap_err() {
            ReadError::TooLarge { what, .. } => assert_eq!(what, expected),
            e => panic!("{e:?}"),
        };
    let cells = b"<c><v>1</v></c>".repeat(3_000_000);
    check(("xl/worksheets/sheet1.xml", &cells), Excess::UnpackingRatio);
    let text = [b"<t>".as_slice(), &vec![b'x'; 2 << 20]].concat();
    check(("xl/worksheets/sheet1.xml", &text), Excess::XmlText);
    let strings: (&str, &[u8]) = ("xl/sharedStrings.xml", br#"<sst uniqueCount="4000000000"><si/></sst>"#);
    assert!(matches!(refused(zip_of(&[types, book, strings])), ReadError::Damaged { .. }));
}

#[test]
fn ndjson_lines() {
    let text = concat!(
        r#"{"编号":"R1","姓名":"张三","金额":95.52,"登记日期":"2024-01-31"}"#,
        "\n\n",
        r#"{"编号":1002,"姓名":"李四","保障人数":{"总人数":3},"备注":["甲","乙"]}"#,
        "\n",
        r#"{"编号":"R3","姓名":"王五","公民身份号码":990101198407190019123}"#,
        "\n",
        r#"{"编号":"R4","#,
        "\n",
        r#"{"编号":"R5","姓名":null}"#,
        "\n",
    );
    for bytes in [text.as_bytes().to_vec(), gb18030(text), gzip(text.as_bytes())] {
        let (report, rows) = read(bytes);
        assert_eq!(report.format, Format::Ndjson);
        assert_eq!(rows.column("record_no"), ["R1", "1002"]);
        assert_eq!(rows.column("amount"), ["95.52", "∅"]);
        assert_eq!(rows.column("members"), ["∅", "3"]);
        assert_eq!(rows.column("remark"), ["∅", "甲|乙"]);
        assert_eq!(rows.column("source_row"), ["1", "3"]);
        assert_eq!(
            rows.rejects(),
            [(4, "precision_lost", Some("id_no")), (5, "json", None), (6, "required", Some("name"))]
        );
        assert_eq!(rows.rejected[0].record_key.as_deref(), Some("R3"));
        assert_eq!(rows.rejected[1].raw, [("#1".to_owned(), r#"{"编号":"R4","#.to_owned())]);
        assert_eq!(report.skipped[&SkipKind::Blank], 1);
    }
}

#[test]
fn ndjson_keys_may_come_late_but_not_without_end() {
    let mut text = String::new();
    for n in 0..100 {
        text.push_str(&format!("{{\"编号\":\"R{n}\",\"姓名\":\"张三\"}}\n"));
    }
    text.push_str("{\"编号\":\"R100\",\"姓名\":\"李四\",\"备注\":\"迟\",\"新\":1}\n");
    let (report, rows) = read(text);
    assert_eq!(rows.column("remark")[100], "迟");
    assert_eq!(report.sheets[0].drift.unknown, ["新"]);
    let mut text = String::new();
    for n in 0..2000 {
        text.push_str(&format!("{{\"编号\":\"R{n}\",\"姓名\":\"张三\",\"k{n}\":1}}\n"));
    }
    assert!(matches!(refused(text), ReadError::TooLarge { what: Excess::Keys, .. }));
    assert!(matches!(refused("{\"a\":1}\n"), ReadError::NoHeadings { .. }));
    match refused("{\"编号\":\"R1\",\"金额\":1}\n") {
        ReadError::MissingColumns { missing, .. } => assert_eq!(missing, ["姓名"]),
        e => panic!("{e:?}"),
    }
}

#[test]
fn an_endless_json_line_is_rejected_alone() {
    let limits = ReadLimits { row_bytes_max: 1000, ..ReadLimits::default() };
    let long = format!("{{\"编号\":\"R1\",\"姓名\":\"{}\"}}", "张".repeat(1000));
    let text = format!("{{\"编号\":\"R0\",\"姓名\":\"张三\"}}\n{long}\n{{\"编号\":\"R2\",\"姓名\":\"李四\"}}\n");
    let (_, rows) = read_with(text.into_bytes(), &ReadOptions { limits, ..options() }).unwrap();
    assert_eq!(rows.column("record_no"), ["R0", "R2"]);
    assert_eq!(rows.rejects(), [(2, "row_too_long", None)]);
}

#[test]
fn parquet_values_become_texts_and_are_read_again() {
    let (report, rows) = read(table_parquet());
    assert_eq!(report.format, Format::Parquet);
    assert_eq!(rows.column("record_no"), ["R1", "R2"]);
    assert_eq!(rows.column("joined_on"), ["2024-01-31", "∅"]);
    assert_eq!(rows.column("members"), ["3", "∅"]);
    assert_eq!(rows.column("amount"), ["95.52", "∅"]);
    assert_eq!(rows.column("remark"), ["甲|乙", "∅"]);
    assert_eq!(rows.rejects(), [(3, "precision_lost", Some("id_no"))]);
    assert_eq!(report.sheets[0].drift.missing.len(), 2);
}

/// What pandas, polars, Spark and DuckDB write unless told otherwise, and what they can be told.
#[test]
fn parquet_in_each_common_compression() {
    for compression in [
        ParquetCompression::UNCOMPRESSED,
        ParquetCompression::SNAPPY,
        ParquetCompression::GZIP(GzipLevel::default()),
        ParquetCompression::ZSTD(ZstdLevel::default()),
        ParquetCompression::LZ4_RAW,
    ] {
        let (_, rows) = read(table_parquet_in(compression));
        assert_eq!(rows.column("record_no"), ["R1", "R2"], "{compression}");
    }
}
