//! Files that must be refused, each for its own reason, in both languages and without a cell in the text.

use connectors::{Damage, ReadError};

use crate::fixture::{HEADINGS, options, read_with, refused};
use crate::packed::{gzip, zip_of};

fn check(bytes: impl Into<Vec<u8>>, english: &str, chinese: &str) {
    let error = refused(bytes);
    assert_eq!((error.to_string().as_str(), error.message_zh().as_str()), (english, chinese));
}

#[test]
fn nothing_in_it() {
    check("", "file `roster` is empty", "文件“roster”为空");
    check("\u{feff}\r\n \r\n", "file `roster` is empty", "文件“roster”为空");
    check("\n,,,\n,,\n", "file `roster` is empty", "文件“roster”为空");
    check(gzip(b""), "file `roster` is empty", "文件“roster”为空");
    check(zip_of(&[]), "file `roster` is empty", "文件“roster”为空");
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet();
    check(book.save_to_buffer().unwrap(), "file `roster` is empty", "文件“roster”为空");
}

#[test]
fn not_a_table() {
    let junk: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    check(junk, "file `roster` is in no format that can be read", "文件“roster”不是可识别的格式");
    check(
        "<html><body><table><tr><td>编号</td></tr></table>",
        "file `roster` is HTML, which is not read; export it as XLSX, XLS, CSV, NDJSON or Parquet",
        "文件“roster”是 HTML 格式，请另存为 XLSX、XLS、CSV、NDJSON 或 Parquet",
    );
    check(
        "尊敬的用户：\n请查收附件。\n",
        "file `roster`: no headings of this dataset in the first 2 rows",
        "文件“roster”前 2 行中没有找到本数据集的表头",
    );
}

#[test]
fn headings_missing() {
    check(
        "姓名,金额,旧编号\n张三,1,2\n",
        "file `roster`: missing columns `编号`; found `姓名`, `金额`, `旧编号`",
        "文件“roster”缺少必需的列：编号；现有列：姓名、金额、旧编号",
    );
}

#[test]
fn quote_not_closed() {
    check(
        "编号,姓名,备注\nR1,张三,\"好\nR2,李四,\n",
        "file `roster`: the quote opened in line 2 (byte 31) is not closed",
        "文件“roster”第 2 行（第 31 字节）的引号没有闭合",
    );
}

#[test]
fn cut_off() {
    let table = format!("{}\n{}", HEADINGS.join(","), "R1,张三,,\n".repeat(2000));
    let packed = gzip(table.as_bytes());
    check(&packed[..packed.len() / 2], "file `roster` is damaged: text breaks off", "文件“roster”已损坏：text 不完整");
    let zipped = zip_of(&[("a.csv", table.as_bytes())]);
    check(&zipped[..zipped.len() - 30], "file `roster` is damaged: zip breaks off", "文件“roster”已损坏：zip 不完整");
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().write_string(0, 0, "编号").unwrap();
    let book = book.save_to_buffer().unwrap();
    check(&book[..book.len() / 2], "file `roster` is damaged: zip breaks off", "文件“roster”已损坏：zip 不完整");
    check(
        &b"PAR1\x15\x04\x15"[..],
        "file `roster` is damaged: parquet breaks off",
        "文件“roster”已损坏：parquet 不完整",
    );
}

#[test]
fn changed_on_the_way() {
    let table = format!("{}\n{}", HEADINGS.join(","), "R1,张三,,\n".repeat(2000));
    let mut packed = gzip(table.as_bytes());
    let end = packed.len() - 6;
    packed[end] ^= 0xff;
    match refused(packed) {
        ReadError::Damaged { problem, .. } => assert_eq!(problem, Damage::Undecodable),
        e => panic!("{e:?}"),
    }
}

#[test]
fn a_secret_dataset_is_never_loaded() {
    let registry = crate::fixture::registry();
    let dataset = schemas::Dataset { secret: true, ..crate::fixture::dataset(&registry) };
    let mut sink = crate::fixture::Collected::default();
    let reader = std::io::Cursor::new(b"x".to_vec());
    let error = connectors::read_file(reader, "f", &registry, &dataset, &options(), &mut sink).unwrap_err();
    assert!(matches!(error, ReadError::Secret { .. }));
}

/// Whatever is cut or flipped: an error or rows that add up, and never a panic that leaves the crate.
#[test]
fn a_workbook_broken_anywhere_is_refused_or_read() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, heading) in (0..).zip(HEADINGS) {
        sheet.write_string(0, column, heading).unwrap();
        sheet.write_string(1, column, "1").unwrap();
    }
    let whole = book.save_to_buffer().unwrap();
    for at in (0..whole.len()).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x41;
        let _ = read_with(flipped, &options());
        let _ = read_with(whole[..at].to_vec(), &options());
    }
}

#[test]
fn the_sink_can_end_the_reading() {
    struct Full;
    impl connectors::RowSink for Full {
        fn accept(&mut self, _: arrow::record_batch::RecordBatch) -> Result<(), connectors::SinkError> {
            Err("full".into())
        }
        fn reject(&mut self, _: connectors::RejectedRow) -> Result<(), connectors::SinkError> {
            Ok(())
        }
    }
    let registry = crate::fixture::registry();
    let dataset = crate::fixture::dataset(&registry);
    let reader = std::io::Cursor::new("编号,姓名\nR1,张三\n".as_bytes().to_vec());
    let error = connectors::read_file(reader, "f", &registry, &dataset, &options(), &mut Full).unwrap_err();
    assert!(matches!(error, ReadError::Sink { .. }));
}
