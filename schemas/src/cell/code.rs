//! Codes of a list and the words that stand for them; yes and no.

use std::collections::{HashMap, HashSet};

use super::{Cell, CellValue};
use crate::{CodeList, shipped, writing};

/// What a word means in one list.
#[derive(Debug, Clone)]
enum Meaning {
    Code(String, Option<&'static str>),
    NoneOfThese,
    Review(&'static str),
}

/// Everything that can be read as a code of one list.
#[derive(Debug)]
pub(super) struct CodeTable {
    words: HashMap<String, Meaning>,
    /// Bare codes that other lists in use give another meaning.
    ambiguous: HashSet<&'static str>,
}

impl CodeTable {
    pub(super) fn of(list: &CodeList) -> Self {
        let mut ambiguous: HashSet<&'static str> = HashSet::new();
        for line in shipped::AMBIGUOUS.lines().skip(1) {
            let mut cells = line.split(',');
            if cells.next() == Some(list.id.as_str()) {
                ambiguous.extend(cells.next());
            }
        }
        let mut words = HashMap::new();
        let plain = |code: &String| Meaning::Code(code.clone(), None);
        for (code, (zh, _)) in list.codes.iter() {
            words.insert(zh.clone(), plain(code));
            if !ambiguous.contains(code.as_str()) {
                words.insert(code.clone(), plain(code));
            }
        }
        for (code, (zh, _)) in list.codes.iter() {
            let short = zh.strip_suffix('族').filter(|s| !s.is_empty());
            if let Some(short) = short {
                words.entry(short.to_owned()).or_insert_with(|| plain(code));
            }
            // A spreadsheet took `01` for a number.
            let bare = code.trim_start_matches('0');
            if bare.len() < code.len()
                && !bare.is_empty()
                && !list.codes.contains_key(bare)
                && !ambiguous.contains(bare)
            {
                words.entry(bare.to_owned()).or_insert_with(|| Meaning::Code(code.clone(), Some("zero_restored")));
            }
        }
        for line in shipped::SYNONYMS.lines().skip(1) {
            let mut cells = line.split(',');
            if cells.next() != Some(list.id.as_str()) {
                continue;
            }
            let (Some(word), Some(code), remark) = (cells.next(), cells.next(), cells.next()) else { continue };
            let meaning = match code.strip_prefix("<review:").and_then(|r| r.strip_suffix('>')) {
                Some(reason) => Meaning::Review(reason),
                None if code == "<none>" => Meaning::NoneOfThese,
                None => Meaning::Code(code.to_owned(), remark.filter(|r| !r.is_empty())),
            };
            words.entry(word.to_owned()).or_insert(meaning);
        }
        Self { words, ambiguous }
    }

    pub(super) fn read(&self, text: &str) -> Cell {
        if let Some(meaning) = self.words.get(text) {
            return cell(meaning);
        }
        if self.ambiguous.contains(text) {
            return Cell::BySourceMap;
        }
        let other = other_writing(text);
        if let Some(meaning) = self.words.get(&other) {
            return cell(meaning);
        }
        if self.ambiguous.contains(other.as_str()) {
            return Cell::BySourceMap;
        }
        if let Some(meaning) = self.code_with_name(&other) {
            return cell(meaning);
        }
        if writing::is_null_word(text) { Cell::Null } else { Cell::Reject("code") }
    }

    /// `01 汉族`, `01-汉族`: both halves have to mean the same, or the number has to be ambiguous alone.
    fn code_with_name(&self, text: &str) -> Option<&Meaning> {
        let end = text.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let (code, rest) = text.split_at_checked(end)?;
        let named = self.words.get(rest.trim_start_matches(['-', ':', '.', '、', '_', '/', '|']))?;
        match (named, self.words.get(code)) {
            (Meaning::Code(by_name, _), Some(Meaning::Code(by_code, _))) if by_name == by_code => Some(named),
            (Meaning::Code(..), None) if self.ambiguous.contains(code) => Some(named),
            _ => None,
        }
    }
}

fn cell(meaning: &Meaning) -> Cell {
    match meaning {
        Meaning::Code(code, remark) => Cell::Value(CellValue::Text(code.clone()), *remark),
        Meaning::NoneOfThese => Cell::NoneOfThese,
        Meaning::Review(reason) => Cell::Review(reason),
    }
}

/// The word in one width and case, without brackets around it: `[作废]`, `（汉族）`.
fn other_writing(text: &str) -> String {
    let compact = writing::compact(text).to_uppercase();
    let inner = compact.strip_prefix(['[', '(', '【', '<']).and_then(|t| t.strip_suffix([']', ')', '】', '>']));
    let word = inner.unwrap_or(&compact);
    word.strip_suffix(".0").unwrap_or(word).to_owned()
}

/// 是/否 in its spellings. `01` and `02` are codes of GB/T 31000 and no yes or no.
pub(super) fn boolean(text: &str) -> Cell {
    let word = writing::compact(text).to_uppercase();
    let truth = match word.as_str() {
        "是" | "Y" | "YES" | "TRUE" | "T" | "1" | "1.0" | "有" | "√" | "✓" | "✔" | "☑" | "对" | "真" | "已"
        | "死亡" | "已死亡" | "已故" | "是的" => true,
        "否" | "N" | "NO" | "FALSE" | "F" | "0" | "0.0" | "无" | "没有" | "×" | "✗" | "✘" | "☐" | "不" | "不是"
        | "假" | "未" | "健在" | "正常" | "未死亡" | "存活" => false,
        "01" | "02" => return Cell::BySourceMap,
        _ if writing::is_null_word(text) => return Cell::Null,
        _ => return Cell::Reject("code"),
    };
    Cell::Value(CellValue::Boolean(truth), None)
}
