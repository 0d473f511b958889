//! Residents, some of them with a number that is wrong.

use std::fs;
use std::path::Path;

use tests::datong::{DIVISION, Site};

use crate::form::{Form, column, read_form, write_form};
use crate::{export, officer};

/// A number that reads well: the check digit of GB 11643.
pub(crate) fn id_no(birth_and_order: &str) -> String {
    let digits = format!("{DIVISION}{birth_and_order}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        digits.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).expect("a digit") * weight).sum();
    let check = ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][sum as usize % 11];
    format!("{digits}{check}")
}

/// The last digit is another one.
fn spoilt(id_no: &str) -> String {
    let (head, last) = id_no.split_at(17);
    format!("{head}{}", if last == "1" { "2" } else { "1" })
}

/// A site with one small file of residents. Each row: number, name, ID number.
pub(crate) fn small_site(folder: &Path, rows: &[[&str; 3]]) -> Site {
    let site = Site::init(folder);
    write_residents(&site, rows);
    site
}

pub(crate) fn write_residents(site: &Site, rows: &[[&str; 3]]) {
    let folder = site.exports("police");
    fs::create_dir_all(&folder).expect("a folder");
    let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    let text = format!("人员编号,姓名,公民身份号码\n{}\n", lines.join("\n"));
    fs::write(folder.join("户籍人口.csv"), text).expect("an export");
}

/// Five residents, the last with a wrong check digit.
pub(crate) struct Five {
    numbers: Vec<String>,
    pub(crate) wrong: String,
    pub(crate) right: String,
}

impl Five {
    pub(crate) fn new() -> Self {
        let right = id_no("19900101005");
        let numbers = (1..5).map(|n| id_no(&format!("1980010100{n}"))).collect();
        Self { numbers, wrong: spoilt(&right), right }
    }

    pub(crate) fn rows<'a>(&'a self, last: [&'a str; 3]) -> Vec<[&'a str; 3]> {
        let names = ["R1", "R2", "R3", "R4"];
        let people = ["张一", "张二", "张三", "张四"];
        let mut rows: Vec<[&str; 3]> = (0..4).map(|i| [names[i], people[i], self.numbers[i].as_str()]).collect();
        rows.push(last);
        rows
    }

    pub(crate) fn site(&self, folder: &Path) -> Site {
        let site = small_site(folder, &self.rows(["R5", "李五", &self.wrong]));
        let _pulled = site.run(&["pull"]).expect_code(0);
        site
    }

    /// The form of the rejected row, with this number.
    pub(crate) fn filled(&self, site: &Site, file: &Path, number: &str) -> Form {
        let _gone = fs::remove_file(file);
        let _written = export(site, &officer(site), file).expect_code(0);
        let mut form = read_form(file);
        let column = column(&form, "公民身份号码");
        assert_eq!((form.1.len(), form.1[0][column].as_str()), (1, self.wrong.as_str()));
        form.1[0][column] = number.to_owned();
        write_form(file, &form);
        form
    }
}
