//! The lines of the dirt sample that speak of whole rows and of bytes; the schemas crate reads the others.

use connectors::SkipKind;
use rust_xlsxwriter::{Format as CellFormat, Workbook};

use crate::fixture::{HEADINGS, gb18030, read};

const SAMPLE: &str = include_str!("../../../schemas/data/dirt/dirt.csv");

/// Raw text and what is wanted of it, of every line of that type.
fn lines(of_type: &str) -> Vec<(String, String)> {
    csv::Reader::from_reader(SAMPLE.as_bytes())
        .records()
        .map(Result::unwrap)
        .filter(|line| &line[0] == of_type)
        .map(|line| (line[1].to_owned(), line[2].to_owned()))
        .collect()
}

/// A sheet of two records with this row where its kind stands: captions above the headings, instructions right below
/// them, headings between the records, the others at the end.
fn table(row: &str, wanted: &str) -> String {
    let headings = HEADINGS.join(",");
    let (one, two) = ("R1,张三,2024-01-31,1", "R2,李四,2024-01-31,2");
    match wanted {
        "<skip:caption>" => format!("名册\n{row}\n{headings}\n{one}\n{two}\n"),
        "<skip:instruction>" => format!("{headings}\n{row}\n{one}\n{two}\n"),
        "<skip:repeat_header>" => format!("{headings}\n{one}\n{headings}\n{two}\n"),
        _ => format!("{headings}\n{one}\n{two}\n{row}\n"),
    }
}

#[test]
fn rows_that_are_no_records_are_left_out_and_counted() {
    let kinds = [
        ("<skip:caption>", SkipKind::Caption),
        ("<skip:instruction>", SkipKind::Instruction),
        ("<skip:total>", SkipKind::Total),
        ("<skip:footer>", SkipKind::Footer),
        ("<skip:repeat_header>", SkipKind::RepeatHeader),
        ("<dedup:exact>", SkipKind::Duplicate),
    ];
    let mut n_checked = 0;
    for (row, wanted) in lines("row") {
        if wanted == "<fill_down>" {
            continue;
        }
        let kind = kinds.iter().find(|(name, _)| *name == wanted).map(|(_, kind)| *kind).expect(&wanted);
        let row = if kind == SkipKind::Duplicate { "R2,李四,2024-01-31,2" } else { &row };
        let (report, rows) = read(gb18030(&table(row, &wanted)));
        assert_eq!(rows.column("record_no"), ["R1", "R2"], "{wanted}");
        assert_eq!(report.skipped.get(&kind), Some(&1), "{wanted}: {:?}", report.skipped);
        assert_eq!((report.read, report.rejected), (2, 0), "{wanted}");
        n_checked += 1;
    }
    assert_eq!(n_checked, 6);
}

#[test]
fn a_merged_household_is_filled_down_within_the_merged_range_only() {
    assert_eq!(lines("row").iter().filter(|(_, wanted)| wanted == "<fill_down>").count(), 1);
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, heading) in (0..).zip(["编号", "户号", "姓名"]) {
        sheet.write_string(0, column, heading).unwrap();
    }
    sheet.merge_range(1, 1, 2, 1, "H1", &CellFormat::new()).unwrap();
    for (row, (number, name)) in (1..).zip([("R1", "张三"), ("R2", "李四"), ("R3", "王五")]) {
        sheet.write_string(row, 0, number).unwrap();
        sheet.write_string(row, 2, name).unwrap();
    }
    let (_, rows) = read(book.save_to_buffer().unwrap());
    assert_eq!(rows.column("household_no"), ["H1", "H1", "∅"]);
}

#[test]
fn bytes_are_decoded() {
    let lines = lines("bytes");
    for (raw, wanted) in &lines {
        let name = hex::decode(raw.strip_prefix("hex:").expect("bytes in hex")).unwrap();
        let heading_and_number = |text: &str| -> Vec<u8> {
            if *raw == "hex:205F094E" {
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            } else {
                gb18030(text)
            }
        };
        let mut file = heading_and_number("编号\t姓名\t备注\nR1\t");
        file.extend(name);
        file.extend(heading_and_number("\t居民反映楼下夜间施工噪声扰民\n"));
        let (_, rows) = read(file);
        assert_eq!(rows.column("name"), [wanted.as_str()], "{raw}");
    }
    assert_eq!(lines.len(), 3);
}
