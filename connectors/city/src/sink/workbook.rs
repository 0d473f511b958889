//! XLSX workbooks with the anatomy of departments' sheets: title, caption, one or two rows of headings, instruction, data,
//! subtotals, footer. Split into several workbooks long before Excel's limit of rows.

use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDateTime, Timelike};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::{Sink, part_path};
use crate::error::CityError;
use crate::export::{Sheet, Value};

/// Rows of a sheet, and of a workbook, before the next is begun. Excel's limit is 1,048,576.
const ROWS_PER_WORKBOOK: u32 = 400_000;
/// Rows of a sheet that cannot be streamed because headings are merged over two rows.
const ROWS_IN_MEMORY: u32 = 20_000;

/// What stands around the data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anatomy {
    /// Merged over all columns in the first row.
    pub(crate) title: Option<&'static str>,
    /// 填表单位…单位：元
    pub(crate) caption: Option<&'static str>,
    /// A row under the headings that says how to fill in the form.
    pub(crate) instruction: Option<&'static str>,
    /// 填表人… under the data.
    pub(crate) footer: Option<&'static str>,
    /// Name of the sheet while no part is named.
    pub(crate) sheet: &'static str,
}

/// An XLSX export.
pub(crate) struct WorkbookSink {
    sheet: Sheet,
    anatomy: Anatomy,
    workbook: Workbook,
    current: Option<(Worksheet, u32)>,
    section: String,
    parts_of_section: u32,
    rows_in_workbook: u32,
    rows_most: u32,
    files: Vec<PathBuf>,
    moment: Format,
    number_format: Format,
}

impl WorkbookSink {
    /// A workbook; nothing is on disk before the first part is full or the export is finished.
    pub(crate) fn new(sheet: Sheet, anatomy: Anatomy) -> Self {
        let grouped = sheet.headings.iter().any(|h| h.contains('.'));
        Self {
            section: anatomy.sheet.to_owned(),
            rows_most: if grouped { ROWS_IN_MEMORY } else { ROWS_PER_WORKBOOK },
            sheet,
            anatomy,
            workbook: Workbook::new(),
            current: None,
            parts_of_section: 0,
            rows_in_workbook: 0,
            files: Vec::new(),
            moment: Format::new().set_num_format("yyyy/m/d h:mm:ss"),
            number_format: Format::new().set_num_format("General"),
        }
    }

    fn path(&self) -> PathBuf {
        part_path(&self.sheet, self.files.len() + 1, "xlsx")
    }

    fn grouped(&self) -> bool {
        self.sheet.headings.iter().any(|h| h.contains('.'))
    }

    fn open(&mut self) -> Result<(), XlsxError> {
        self.workbook.set_tempdir(&self.sheet.folder)?;
        let mut worksheet =
            if self.grouped() { Worksheet::new() } else { self.workbook.new_worksheet_with_constant_memory()? };
        self.parts_of_section += 1;
        let name = if self.parts_of_section == 1 {
            self.section.clone()
        } else {
            format!("{}（{}）", self.section, self.parts_of_section)
        };
        worksheet.set_name(name)?;
        let columns = u16::try_from(self.sheet.headings.len()).unwrap_or(u16::MAX);
        for column in 0..columns {
            worksheet.set_column_width(column, 16)?;
        }
        let mut row = 0;
        let last = columns.saturating_sub(1);
        if let Some(title) = self.anatomy.title {
            let format = Format::new().set_bold().set_font_size(16).set_align(FormatAlign::Center);
            worksheet.merge_range(row, 0, row, last, title, &format)?;
            row += 1;
        }
        if let Some(caption) = self.anatomy.caption {
            worksheet.write_string(row, 0, caption)?;
            row += 1;
        }
        row = self.headings(&mut worksheet, row)?;
        if let Some(instruction) = self.anatomy.instruction {
            worksheet.write_string(row, 0, instruction)?;
            row += 1;
        }
        self.current = Some((worksheet, row));
        Ok(())
    }

    /// Writes one row of headings, or two with merged groups; returns the row after them.
    fn headings(&self, worksheet: &mut Worksheet, row: u32) -> Result<u32, XlsxError> {
        let format = Format::new().set_bold().set_align(FormatAlign::Center);
        let mut columns = (0_u16..).zip(&self.sheet.headings).peekable();
        if !self.grouped() {
            for (column, heading) in columns {
                worksheet.write_string_with_format(row, column, heading, &format)?;
            }
            return Ok(row + 1);
        }
        while let Some((column, heading)) = columns.next() {
            let Some((group, part)) = heading.split_once('.') else {
                worksheet.merge_range(row, column, row + 1, column, heading, &format)?;
                continue;
            };
            worksheet.write_string_with_format(row + 1, column, part, &format)?;
            let mut last = column;
            while let Some((next, other)) = columns.peek()
                && let Some((same, part)) = other.split_once('.')
                && same == group
            {
                worksheet.write_string_with_format(row + 1, *next, part, &format)?;
                last = *next;
                columns.next();
            }
            if last > column {
                worksheet.merge_range(row, column, row, last, group, &format)?;
            } else {
                worksheet.write_string_with_format(row, column, group, &format)?;
            }
        }
        Ok(row + 2)
    }

    fn put(&mut self, cells: &[Value]) -> Result<(), XlsxError> {
        if self.current.is_none() {
            self.open()?;
        }
        let Some((worksheet, row)) = self.current.as_mut() else { return Ok(()) };
        for (column, cell) in (0_u16..).zip(cells) {
            match cell {
                Value::Empty => {}
                Value::Text(text) => {
                    worksheet.write_string(*row, column, text)?;
                }
                Value::Number(number) => {
                    worksheet.write_number_with_format(*row, column, *number, &self.number_format)?;
                }
                Value::Moment(at) => {
                    worksheet.write_datetime_with_format(*row, column, &excel(*at)?, &self.moment)?;
                }
            }
        }
        *row += 1;
        self.rows_in_workbook += 1;
        Ok(())
    }

    /// Ends the sheet under way, with its footer.
    fn close_sheet(&mut self) -> Result<(), XlsxError> {
        if let Some((mut worksheet, row)) = self.current.take() {
            if let Some(footer) = self.anatomy.footer {
                worksheet.write_string(row, 0, footer)?;
            }
            self.workbook.push_worksheet(worksheet);
        }
        Ok(())
    }

    fn close_workbook(&mut self, path: &Path) -> Result<(), XlsxError> {
        self.close_sheet()?;
        let mut workbook = std::mem::take(&mut self.workbook);
        // A fixed date: the same city gives the same bytes.
        let made = ExcelDateTime::from_ymd(2026, 6, 30)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
        workbook.save(path)?;
        self.files.push(path.to_path_buf());
        self.rows_in_workbook = 0;
        self.parts_of_section = 0;
        Ok(())
    }

    fn failed(&self) -> impl FnOnce(XlsxError) -> CityError + use<> {
        let path = self.path();
        move |source| CityError::format(&path, "xlsx")(source)
    }
}

impl Sink for WorkbookSink {
    fn row(&mut self, cells: &[Value]) -> Result<(), CityError> {
        let failed = self.failed();
        if self.rows_in_workbook >= self.rows_most {
            let path = self.path();
            self.close_workbook(&path).map_err(self.failed())?;
        }
        self.put(cells).map_err(failed)
    }

    fn aside(&mut self, cells: &[Value]) -> Result<(), CityError> {
        let failed = self.failed();
        self.put(cells).map_err(failed)
    }

    fn section(&mut self, name: &str) -> Result<(), CityError> {
        if self.section != name {
            let failed = self.failed();
            self.close_sheet().map_err(failed)?;
            name.clone_into(&mut self.section);
            self.parts_of_section = 0;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, CityError> {
        let path = self.path();
        if self.current.is_none() && self.rows_in_workbook == 0 {
            self.open().map_err(self.failed())?;
        }
        self.close_workbook(&path).map_err(CityError::format(&path, "xlsx"))?;
        Ok(self.files)
    }
}

fn excel(at: NaiveDateTime) -> Result<ExcelDateTime, XlsxError> {
    let year = u16::try_from(at.year()).unwrap_or(1900);
    let small = |n: u32| u8::try_from(n).unwrap_or_default();
    ExcelDateTime::from_ymd(year, small(at.month()), small(at.day()))?.and_hms(
        u16::try_from(at.hour()).unwrap_or_default(),
        small(at.minute()),
        f64::from(at.second()),
    )
}

#[cfg(test)]
mod tests {
    use calamine::Reader;

    use super::*;

    const ANATOMY: Anatomy =
        Anatomy { title: Some("表"), caption: None, instruction: None, footer: Some("以下空白"), sheet: "清单" };

    fn sheet(folder: &Path) -> Sheet {
        let headings = ["编号", "人数.总", "人数.重点"].map(str::to_owned).to_vec();
        Sheet { headings, folder: folder.to_path_buf(), stem: "低保_1".to_owned() }
    }

    #[test]
    fn a_full_workbook_is_followed_by_another_and_parts_get_sheets() {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = Box::new(WorkbookSink::new(sheet(folder.path()), ANATOMY));
        sink.rows_most = 4;
        for n in 0..10_u32 {
            if n == 2 {
                sink.section("望湖街道").unwrap();
            }
            sink.row(&[format!("{n}").into(), n.into(), Value::Empty]).unwrap();
        }
        let files = sink.finish().unwrap();
        assert_eq!(files.len(), 3);
        let mut found = Vec::new();
        for file in &files {
            let mut workbook: calamine::Xlsx<_> = calamine::open_workbook(file).unwrap();
            for name in workbook.sheet_names() {
                let range = workbook.worksheet_range(&name).unwrap();
                let rows: Vec<String> = range.rows().map(|row| row[0].to_string()).collect();
                assert_eq!(rows[0], "表");
                assert_eq!(range.get_value((1, 1)).unwrap().to_string(), "人数");
                assert_eq!(range.get_value((2, 2)).unwrap().to_string(), "重点");
                assert_eq!(rows.last().unwrap(), "以下空白");
                found.push((name, rows[3..rows.len() - 1].to_vec()));
            }
        }
        let rows = |of: &[&str]| of.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found,
            [
                ("清单".to_owned(), rows(&["0", "1"])),
                ("望湖街道".to_owned(), rows(&["2", "3"])),
                ("望湖街道".to_owned(), rows(&["4", "5", "6", "7"])),
                ("望湖街道".to_owned(), rows(&["8", "9"])),
            ]
        );
    }
}
