//! The form as a file: CSV, or a workbook with a sheet that says what to do.

use std::path::Path;

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use crate::Failure;
use crate::quarantine::form::{INSTRUCTIONS, neutral};

/// Rows of one sheet, headings left out.
const SHEET_ROWS_MAX: usize = 1_048_575;

/// Formats of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Csv,
    Xlsx,
}

impl Layout {
    /// What the name of the file asks for.
    pub(super) fn of_name(out: &Path) -> Result<Self, Failure> {
        let extension = out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "xlsx" => Ok(Self::Xlsx),
            _ => Err(Failure::usage("--out 应以 .xlsx 或 .csv 结尾", "--out has to end in .xlsx or .csv")),
        }
    }

    /// The whole file. It is made in memory: nothing in clear is written anywhere else.
    pub(super) fn encode(self, headings: &[String], rows: &[Vec<String>]) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Csv => csv_text(headings, rows)
                .map_err(|error| Failure::caused_by("CSV 无法写出", "the CSV cannot be written", &error)),
            Self::Xlsx if rows.len() > SHEET_ROWS_MAX => Err(Failure::usage(
                "行数超过工作表上限,请用 .csv 或 --rule",
                "too many rows for a sheet: use .csv or --rule",
            )),
            Self::Xlsx => workbook(headings, rows)
                .map_err(|error| Failure::caused_by("工作簿无法写出", "the workbook cannot be written", &error)),
        }
    }
}

/// UTF-8 with a byte order mark, which spreadsheet programs need to read it as such.
fn csv_text(headings: &[String], rows: &[Vec<String>]) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(b"\xef\xbb\xbf".to_vec());
    for row in std::iter::once(headings).chain(rows.iter().map(Vec::as_slice)) {
        writer.write_record(row.iter().map(|cell| neutral(cell)))?;
    }
    writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

/// Every cell is text: a spreadsheet program neither computes it nor cuts its digits.
fn workbook(headings: &[String], rows: &[Vec<String>]) -> Result<Vec<u8>, XlsxError> {
    let text = Format::new().set_num_format("@");
    let bold = Format::new().set_bold();
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("退回数据")?;
    for (column, heading) in (0_u16..).zip(headings) {
        sheet.set_column_width(column, 18)?;
        sheet.set_column_format(column, &text)?;
        sheet.write_string_with_format(0, column, heading, &bold)?;
    }
    for (row, cells) in (1_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(cells) {
            sheet.write_string_with_format(row, column, cell, &text)?;
        }
    }
    let words = workbook.add_worksheet();
    words.set_name("说明")?;
    words.set_column_width(0, 100)?;
    for (row, line) in (0_u32..).zip(INSTRUCTIONS) {
        words.write_string(row, 0, line)?;
    }
    workbook.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use connectors::{ReadLimits, read_form};

    use super::*;

    #[test]
    fn both_layouts_are_read_back_as_they_were_written() {
        let headings = ["行参照 row_ref", "姓名"].map(str::to_owned);
        let rows = vec![
            ["1", "张三\n\"李,四"].map(str::to_owned).to_vec(),
            ["2", "990101198407190019"].map(str::to_owned).to_vec(),
        ];
        for layout in [Layout::Csv, Layout::Xlsx] {
            let content = layout.encode(&headings, &rows).unwrap();
            let read = read_form(content, "form", &ReadLimits::default()).unwrap();
            let texts: Vec<Vec<String>> =
                read.into_iter().map(|row| row.cells.into_iter().map(|cell| cell.text).collect()).collect();
            assert_eq!((texts[0].as_slice(), &texts[1..]), (headings.as_slice(), rows.as_slice()), "{layout:?}");
        }
    }

    #[test]
    fn formulas_are_harmless() {
        let rows = vec![vec!["=cmd".to_owned()]];
        let text = String::from_utf8(Layout::Csv.encode(&["h".to_owned()], &rows).unwrap()).unwrap();
        assert_eq!(text, "\u{feff}h\r\n'=cmd\r\n");
        let read = read_form(Layout::Xlsx.encode(&["h".to_owned()], &rows).unwrap(), "form", &ReadLimits::default());
        assert_eq!(read.unwrap()[1].cells[0].text, "=cmd");
    }

    #[test]
    fn other_names_are_refused() {
        assert_eq!(Layout::of_name(Path::new("a.XLSX")), Ok(Layout::Xlsx));
        assert!(Layout::of_name(Path::new("a.txt")).is_err() && Layout::of_name(Path::new("csv")).is_err());
    }
}
