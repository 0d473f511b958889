use connectors::{Format, ReadError, SheetState, SkipKind};
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Formula, Workbook, Worksheet};

use crate::fixture::{HEADINGS, read, refused};

fn write_row(sheet: &mut Worksheet, row: u32, cells: &[&str]) {
    for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        sheet.write_string(row, column, *cell).unwrap();
    }
}

fn book(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().unwrap()
}

#[test]
fn the_anatomy_of_a_sheet() {
    let centre = CellFormat::new();
    let bytes = book(|sheet| {
        sheet.merge_range(0, 0, 0, 6, "示范区最低生活保障名册", &centre).unwrap();
        sheet.merge_range(1, 0, 1, 6, "填表单位：××街道　　单位：元", &centre).unwrap();
        for (column, heading) in [(0, "编号"), (1, "户号"), (2, "姓  名"), (5, "金额"), (6, "备注")] {
            sheet.merge_range(2, column, 3, column, heading, &centre).unwrap();
        }
        sheet.merge_range(2, 3, 2, 4, "保障人数", &centre).unwrap();
        write_row(sheet, 3, &["", "", "", "总人数", "重点保障人数"]);
        sheet.merge_range(4, 0, 4, 6, "第二行为填写说明，请勿删除", &centre).unwrap();
        sheet.merge_range(5, 1, 7, 1, "H1", &centre).unwrap();
        write_row(sheet, 5, &["R1", "", "张三", "3", "1", "600"]);
        write_row(sheet, 6, &["R2", "", "李四"]);
        write_row(sheet, 7, &["R3", "", "王五"]);
        write_row(sheet, 8, &["R4", "", "赵六"]);
        write_row(sheet, 9, &["小计", "", "", "3", "", "600"]);
        write_row(sheet, 10, &["编号", "户号", "姓  名", "保障人数", "", "金额", "备注"]);
        write_row(sheet, 11, &["", "", "", "总人数", "重点保障人数"]);
        sheet.write_string(12, 0, "R5").unwrap();
        sheet.write_string(12, 2, "钱七").unwrap();
        write_row(sheet, 14, &["合计", "", "", "3", "", "600"]);
        write_row(sheet, 15, &["填表人：", "", "审核人："]);
        write_row(sheet, 16, &["以下空白"]);
        sheet.write_blank(17, 0, &CellFormat::new().set_bold()).unwrap();
    });
    let (report, rows) = read(bytes);
    assert_eq!(report.format, Format::Xlsx);
    assert_eq!(rows.column("record_no"), ["R1", "R2", "R3", "R4", "R5"]);
    assert_eq!(rows.column("household_no"), ["H1", "H1", "H1", "∅", "∅"]);
    assert_eq!(rows.column("members"), ["3", "∅", "∅", "∅", "∅"]);
    assert_eq!(rows.column("key_members"), ["1", "∅", "∅", "∅", "∅"]);
    assert_eq!(rows.column("amount")[0], "600.00");
    assert_eq!(rows.column("source_row"), ["6", "7", "8", "9", "13"]);
    assert_eq!(rows.column("source_sheet")[0], "Sheet1");
    assert_eq!(report.sheets[0].heading_row, Some(3));
    let skipped = |kind| report.skipped.get(&kind).copied().unwrap_or_default();
    for (kind, n) in [
        (SkipKind::Title, 1),
        (SkipKind::Caption, 1),
        (SkipKind::Header, 2),
        (SkipKind::Instruction, 1),
        (SkipKind::Subtotal, 1),
        (SkipKind::RepeatHeader, 2),
        (SkipKind::Total, 1),
        (SkipKind::Footer, 2),
    ] {
        assert_eq!(skipped(kind), n, "{kind:?}");
    }
    assert_eq!((report.read, report.rejected), (5, 0));
}

#[test]
fn identifiers_as_text_are_whole_and_as_numbers_are_not() {
    let id = format!("99010119840719001{}", schemas::CitizenId::check_character("99010119840719001").unwrap());
    let bytes = book(|sheet| {
        write_row(sheet, 0, &["编号", "姓名", "公民身份号码", "备注"]);
        write_row(sheet, 1, &["R1", "张三", &id]);
        write_row(sheet, 2, &["R2", "李四"]);
        sheet.write_number(2, 2, id.parse::<f64>().unwrap()).unwrap();
        write_row(sheet, 3, &["", "王五"]);
        sheet.write_number(3, 0, 1001).unwrap();
        sheet.write_number(3, 3, 6_222_020_200_112_230_000_f64).unwrap();
        sheet.write_number(4, 0, 123_456_789_012_345_f64).unwrap();
        write_row(sheet, 4, &["", "赵六"]);
    });
    let (_, rows) = read(bytes);
    assert_eq!(rows.column("record_no"), ["R1", "123456789012345"]);
    assert_eq!(rows.column("id_no"), [id.as_str(), "∅"]);
    assert_eq!(rows.rejects(), [(3, "precision_lost", Some("id_no")), (4, "precision_lost", Some("remark"))]);
    assert_eq!(rows.rejected[1].record_key.as_deref(), Some("1001"));
    assert_eq!(rows.rejected[0].sheet.as_deref(), Some("Sheet1"));
}

#[test]
fn dates_numbers_and_formulas_are_read_as_shown() {
    let date = CellFormat::new().set_num_format("yyyy-mm-dd");
    let bytes = book(|sheet| {
        write_row(sheet, 0, &HEADINGS);
        write_row(sheet, 1, &["R1", "张三"]);
        sheet.write_datetime_with_format(1, 2, ExcelDateTime::from_ymd(2024, 1, 31).unwrap(), &date).unwrap();
        sheet.write_number(1, 3, 95.52).unwrap();
        write_row(sheet, 2, &["R2", "李四", "2024/2/1"]);
        sheet.write_formula(2, 3, Formula::new("=1+1").set_result("2")).unwrap();
        write_row(sheet, 3, &["R3", "王五"]);
        sheet.write_formula(3, 3, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    });
    let (_, rows) = read(bytes);
    assert_eq!(rows.column("joined_on"), ["2024-01-31", "2024-02-01"]);
    assert_eq!(rows.column("amount"), ["95.52", "2.00"]);
    assert_eq!(rows.rejects(), [(4, "cell_error", Some("amount"))]);
}

#[test]
fn the_sheets_that_match_are_read_one_after_another() {
    let mut book = Workbook::new();
    write_row(book.add_worksheet().set_name("说明").unwrap(), 0, &["本表由各街道填报"]);
    for (name, record) in [("翠苑", "R1"), ("文新", "R2")] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        write_row(sheet, 0, &HEADINGS);
        write_row(sheet, 1, &[record, "张三"]);
        write_row(sheet, 2, &["R9", "李四"]);
    }
    book.add_worksheet().set_name("空").unwrap();
    let (report, rows) = read(book.save_to_buffer().unwrap());
    assert_eq!(rows.column("record_no"), ["R1", "R9", "R2"]);
    assert_eq!(rows.column("source_sheet"), ["翠苑", "翠苑", "文新"]);
    let states: Vec<(Option<&str>, SheetState, u64)> =
        report.sheets.iter().map(|s| (s.name.as_deref(), s.state, s.read)).collect();
    assert_eq!(
        states,
        [
            (Some("说明"), SheetState::Ignored, 0),
            (Some("翠苑"), SheetState::Read, 2),
            (Some("文新"), SheetState::Read, 1),
            (Some("空"), SheetState::Empty, 0),
        ]
    );
    assert_eq!(report.skipped[&SkipKind::Duplicate], 1);
}

#[test]
fn a_stray_cell_in_the_last_corner_costs_nothing() {
    let bytes = book(|sheet| {
        write_row(sheet, 0, &HEADINGS);
        write_row(sheet, 1, &["R1", "张三"]);
        sheet.write_string(1, 9, "旁注").unwrap();
        sheet.write_string(1_048_575, 16_383, "x").unwrap();
    });
    let (report, rows) = read(bytes);
    assert_eq!(rows.column("record_no"), ["R1"]);
    assert_eq!((report.read, report.sheets[0].stray_cells), (1, 1));
    assert_eq!(report.skipped[&SkipKind::Blank], 1);
}

#[test]
fn a_workbook_without_the_dataset_names_its_sheets() {
    let mut other = Workbook::new();
    write_row(other.add_worksheet().set_name("统计").unwrap(), 0, &["街道", "户数"]);
    match refused(other.save_to_buffer().unwrap()) {
        ReadError::NoMatchingSheet { sheets, .. } => assert_eq!(sheets, ["统计"]),
        e => panic!("{e:?}"),
    }
}

#[test]
fn missing_required_headings_are_named() {
    let bytes = book(|sheet| {
        write_row(sheet, 0, &["示范区名册"]);
        write_row(sheet, 1, &["姓名", "登记日期", "旧编号"]);
        write_row(sheet, 2, &["张三", "2024-01-31", "1"]);
    });
    match refused(bytes) {
        ReadError::MissingColumns { sheet, missing, found, .. } => {
            assert_eq!(sheet.as_deref(), Some("Sheet1"));
            assert_eq!(missing, ["编号"]);
            assert_eq!(found, ["姓名", "登记日期", "旧编号"]);
        }
        e => panic!("{e:?}"),
    }
}
