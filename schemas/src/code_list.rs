//! Code lists, each with its version. A code without its list's version cannot be read.

use std::collections::BTreeMap;

/// Name of a code list, the stem of its file: `sex`, `ethnicity`, `gbt31000_inflow_reason`.
pub type CodeListId = String;

/// One list of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    /// Name.
    pub id: CodeListId,
    /// Version of the standard it comes from.
    pub version: String,
    /// Code to (Chinese name, English name), in code order.
    pub codes: BTreeMap<String, (String, String)>,
}

impl CodeList {
    /// The Chinese name of a code.
    #[must_use]
    pub fn name_zh(&self, code: &str) -> Option<&str> {
        self.codes.get(code).map(|(zh, _)| zh.as_str())
    }

    /// The English name of a code.
    #[must_use]
    pub fn name_en(&self, code: &str) -> Option<&str> {
        self.codes.get(code).map(|(_, en)| en.as_str())
    }

    /// Reads a list from its file: `code,name_zh,name_en,source`. The version is the source without its remarks.
    pub(crate) fn from_csv(file: &str, text: &str) -> Result<Self, String> {
        let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".csv");
        let mut version = String::new();
        let mut codes = BTreeMap::new();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let cell = |idx: usize| record.get(idx).unwrap_or_default().trim();
            if version.is_empty() {
                version = cell(3).split([';', '(']).next().unwrap_or_default().trim().to_owned();
            }
            if cell(0).is_empty() || cell(1).is_empty() {
                return Err("a code or its Chinese name is empty".to_owned());
            }
            if codes.insert(cell(0).to_owned(), (cell(1).to_owned(), cell(2).to_owned())).is_some() {
                return Err(format!("code `{}` is there twice", cell(0)));
            }
        }
        if codes.is_empty() || version.is_empty() {
            return Err("the list has no code or no version".to_owned());
        }
        Ok(Self { id: stem.to_owned(), version, codes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_its_version_and_names() {
        let list =
            CodeList::from_csv("codes/x.csv", "code,name_zh,name_en,source\n01,甲,a,GB/T 1-2003 (note)\n").unwrap();
        assert_eq!((list.id.as_str(), list.version.as_str()), ("x", "GB/T 1-2003"));
        assert_eq!((list.name_zh("01"), list.name_en("01"), list.name_zh("1")), (Some("甲"), Some("a"), None));
        let twice = "code,name_zh,name_en,source\n1,甲,a,s\n1,乙,b,s\n";
        assert_eq!(CodeList::from_csv("x.csv", twice), Err("code `1` is there twice".to_owned()));
        assert!(CodeList::from_csv("x.csv", "code,name_zh,name_en,source\n").is_err());
    }
}
