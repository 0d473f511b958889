//! BIFF8 workbooks, written record by record: the smallest ones a spreadsheet program would still open.

use std::io::{Cursor, Write as _};

use connectors::{Damage, Excess, Format, ReadError, SheetState};

use crate::fixture::{HEADINGS, read, refused};

/// A cell of a sheet.
pub(crate) enum BiffCell<'a> {
    Text(&'a str),
    Number(f64),
    /// A number shown as a date.
    Date(f64),
}

type Rows<'a> = Vec<(u16, Vec<(u16, BiffCell<'a>)>)>;

pub(crate) struct BiffSheet<'a> {
    pub(crate) name: &'a str,
    pub(crate) rows: Rows<'a>,
    /// First row, last row, first column, last column.
    pub(crate) merged: Vec<[u16; 4]>,
}

fn record(kind: u16, data: &[u8], out: &mut Vec<u8>) {
    out.extend(kind.to_le_bytes());
    out.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
    out.extend(data);
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Two-byte characters.
fn long_string(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut bytes = words(&[u16::try_from(units.len()).unwrap()]);
    bytes.push(1);
    bytes.extend(words(&units));
    bytes
}

fn short_string(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut bytes = vec![u8::try_from(units.len()).unwrap(), 1];
    bytes.extend(words(&units));
    bytes
}

fn xf(number_format: u16) -> Vec<u8> {
    let mut bytes = words(&[0, number_format]);
    bytes.resize(20, 0);
    bytes
}

fn sheet_stream(sheet: &BiffSheet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record(0x0809, &words(&[0x0600, 0x0010, 0, 0, 0, 0, 0, 0]), &mut out);
    for (row, cells) in &sheet.rows {
        for (column, cell) in cells {
            match cell {
                BiffCell::Text(text) => {
                    record(0x0204, &[words(&[*row, *column, 0]), long_string(text)].concat(), &mut out);
                }
                BiffCell::Number(x) => {
                    record(0x0203, &[words(&[*row, *column, 0]), x.to_le_bytes().to_vec()].concat(), &mut out);
                }
                BiffCell::Date(x) => {
                    record(0x0203, &[words(&[*row, *column, 1]), x.to_le_bytes().to_vec()].concat(), &mut out);
                }
            }
        }
    }
    for range in &sheet.merged {
        record(0x00e5, &[words(&[1]), words(range)].concat(), &mut out);
    }
    record(0x000a, &[], &mut out);
    out
}

fn globals(names: &[&str], positions: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    record(0x0809, &words(&[0x0600, 0x0005, 0, 0, 0, 0, 0, 0]), &mut out);
    record(0x00e0, &xf(0), &mut out);
    record(0x00e0, &xf(14), &mut out);
    for (name, position) in names.iter().zip(positions) {
        record(0x0085, &[position.to_le_bytes().to_vec(), vec![0, 0], short_string(name)].concat(), &mut out);
    }
    record(0x000a, &[], &mut out);
    out
}

pub(crate) fn workbook_stream(sheets: &[BiffSheet<'_>]) -> Vec<u8> {
    let names: Vec<&str> = sheets.iter().map(|s| s.name).collect();
    let streams: Vec<Vec<u8>> = sheets.iter().map(sheet_stream).collect();
    let mut position = globals(&names, &vec![0; names.len()]).len();
    let mut positions = Vec::new();
    for stream in &streams {
        positions.push(u32::try_from(position).unwrap());
        position += stream.len();
    }
    let mut out = globals(&names, &positions);
    out.extend(streams.into_iter().flatten());
    out
}

pub(crate) fn compound(stream_name: &str, stream: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new())).unwrap();
    file.create_stream(stream_name).unwrap().write_all(stream).unwrap();
    file.flush().unwrap();
    file.into_inner().into_inner()
}

fn text_row<'a>(row: u16, cells: &[&'a str]) -> (u16, Vec<(u16, BiffCell<'a>)>) {
    let cells = (0..).zip(cells).filter(|(_, c)| !c.is_empty()).map(|(column, c)| (column, BiffCell::Text(c)));
    (row, cells.collect())
}

fn workbook(sheets: &[BiffSheet<'_>]) -> Vec<u8> {
    compound("/Workbook", &workbook_stream(sheets))
}

#[test]
fn a_biff_workbook_is_read_like_any_other() {
    let mut dated = text_row(6, &["R2", "", "李四"]);
    dated.1.extend([(3, BiffCell::Date(45_322.0)), (6, BiffCell::Number(95.52))]);
    let mut lost = text_row(7, &["R3", "", "王五"]);
    lost.1.push((7, BiffCell::Number(990_101_198_407_190_016.0)));
    let rows = vec![
        text_row(0, &["示范区名册"]),
        text_row(2, &["编号", "户号", "姓名", "登记日期", "保障人数", "", "金额", "公民身份号码"]),
        text_row(3, &["", "", "", "", "总人数", "重点保障人数"]),
        text_row(5, &["R1", "H1", "张三", "2024/1/30", "2", "1", "600"]),
        dated,
        lost,
        text_row(8, &["合计", "", "", "", "2"]),
    ];
    let merged = vec![[0, 0, 0, 7], [2, 2, 4, 5], [5, 6, 1, 1]];
    let (report, rows) = read(workbook(&[BiffSheet { name: "名册", rows, merged }]));
    assert_eq!(report.format, Format::Xls);
    assert_eq!(rows.column("record_no"), ["R1", "R2"]);
    assert_eq!(rows.column("household_no"), ["H1", "H1"]);
    assert_eq!(rows.column("joined_on"), ["2024-01-30", "2024-01-31"]);
    assert_eq!(rows.column("members"), ["2", "∅"]);
    assert_eq!(rows.column("key_members"), ["1", "∅"]);
    assert_eq!(rows.column("amount"), ["600.00", "95.52"]);
    assert_eq!(rows.column("source_row"), ["6", "7"]);
    assert_eq!(rows.column("source_sheet"), ["名册", "名册"]);
    assert_eq!(rows.rejects(), [(8, "precision_lost", Some("id_no"))]);
}

#[test]
fn a_full_sheet_goes_on_in_the_next_one() {
    let keys: Vec<String> = (1..=65_535).map(|n| format!("R{n}")).collect();
    let mut first = vec![text_row(0, &HEADINGS)];
    for (row, key) in (1..=65_535).zip(&keys) {
        first.push(text_row(row, &[key, "张三"]));
    }
    let sheets = |first| {
        let second = vec![text_row(0, &["R65536", "李四"])];
        [("Sheet1", first), ("Sheet2", second)].map(|(name, rows)| BiffSheet { name, rows, merged: Vec::new() })
    };
    let (report, rows) = read(workbook(&sheets(first)));
    assert_eq!((report.read, report.accepted), (65_536, 65_536));
    assert_eq!(rows.column("record_no").last().unwrap(), "R65536");
    assert_eq!(rows.column("source_sheet").last().unwrap(), "Sheet2");
    assert_eq!(report.sheets[1].state, SheetState::Continued);
    // After a sheet that is not full, a sheet without headings is another table.
    let short = vec![text_row(0, &HEADINGS), text_row(1, &[&keys[0], "张三"])];
    let (report, _) = read(workbook(&sheets(short)));
    assert_eq!((report.read, report.sheets[1].state), (1, SheetState::Ignored));
}

#[test]
fn sheets_that_span_absurd_rectangles_are_refused() {
    let corners: Vec<BiffSheet<'_>> = (0..3)
        .map(|_| BiffSheet {
            name: "x",
            rows: vec![text_row(0, &["a"]), (65_535, vec![(255, BiffCell::Number(1.0))])],
            merged: Vec::new(),
        })
        .collect();
    assert!(matches!(refused(workbook(&corners)), ReadError::TooLarge { what: Excess::Cells, .. }));
    // A sheet that only says so.
    let mut stream = globals(&["x"], &[0]);
    let start = u32::try_from(stream.len()).unwrap();
    stream = globals(&["x"], &[start]);
    record(0x0809, &words(&[0x0600, 0x0010, 0, 0, 0, 0, 0, 0]), &mut stream);
    let declared = [0_u32.to_le_bytes(), u32::MAX.to_le_bytes()].concat();
    record(0x0200, &[declared, words(&[0, 0xff, 0])].concat(), &mut stream);
    record(0x000a, &[], &mut stream);
    assert!(matches!(refused(compound("/Workbook", &stream)), ReadError::TooLarge { what: Excess::Cells, .. }));
}

#[test]
fn compound_files_that_are_no_readable_workbook() {
    assert!(matches!(refused(compound("/EncryptedPackage", b"x")), ReadError::Encrypted { .. }));
    assert!(matches!(refused(compound("/WordDocument", b"x")), ReadError::UnsupportedFormat { .. }));
    let mut protected = Vec::new();
    record(0x0809, &words(&[0x0600, 0x0005, 0, 0, 0, 0, 0, 0]), &mut protected);
    record(0x002f, &words(&[1, 1, 1]), &mut protected);
    assert!(matches!(refused(compound("/Workbook", &protected)), ReadError::Encrypted { .. }));
    let whole = workbook(&[BiffSheet { name: "x", rows: vec![text_row(0, &HEADINGS)], merged: Vec::new() }]);
    for cut in [8, 300, 512, 1024, 1536] {
        match refused(&whole[..cut]) {
            ReadError::Damaged { problem, .. } => assert_ne!(problem, Damage::Inconsistent, "{cut}"),
            e => panic!("{cut}: {e:?}"),
        }
    }
}
