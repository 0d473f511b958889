//! Names of persons.

use unicode_normalization::UnicodeNormalization;

use super::{Cell, CellValue};
use crate::fold::is_interpunct;
use crate::writing::{is_han, narrow};

/// Longest name in characters (GB/T 31000).
const NAME_MAX: usize = 50;

/// A name: NFC, `·` between its parts, no space between Chinese characters. Remarks in brackets go and are noted.
pub(super) fn person_name(text: &str) -> Cell {
    if is_clean(text) {
        return judge(text.to_owned(), None);
    }
    let (bare, remark) = match without_remark(text) {
        Ok(parts) => parts,
        Err(reason) => return Cell::Review(reason),
    };
    judge(normalise(&bare), remark)
}

/// Two to four common characters: nothing to normalise.
fn is_clean(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\u{4e00}'..='\u{9fff}'))
}

fn judge(name: String, remark: Option<&'static str>) -> Cell {
    let n_chars = name.chars().count();
    if name.contains(['*', '●', '■', '□', '＊', '#']) || is_crossed_out(&name) {
        return Cell::Reject("masked");
    }
    if is_test_row(&name) {
        return Cell::Reject("test_row");
    }
    if name.chars().all(|c| c == '?' || c == '？') {
        return Cell::Reject("mojibake");
    }
    if name.chars().any(is_private) {
        return Cell::Review("pua");
    }
    if is_unnamed_infant(&name) {
        return Cell::Review("unnamed_infant");
    }
    if (n_chars == 3 && name.ends_with("某某")) || (n_chars == 2 && name.ends_with('某')) {
        return Cell::Review("masked");
    }
    let titled = ["先生", "女士", "小姐", "同志", "阿姨", "师傅"].iter().any(|t| name.ends_with(t));
    if n_chars < 2 || (titled && n_chars <= 4) {
        return Cell::Review("short_name");
    }
    if n_chars > NAME_MAX || name.chars().any(|c| c.is_ascii_digit() || "/、,;，；|".contains(c)) {
        return Cell::Review("ambiguous");
    }
    Cell::Value(CellValue::Text(name), remark)
}

/// 张××, 张XX.
fn is_crossed_out(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_han)
        && name.chars().count() > 1
        && chars.all(|c| matches!(c, '×' | 'X' | 'x' | '✕' | '○' | 'Ｘ'))
}

fn is_test_row(name: &str) -> bool {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    matches!(bare, "测试" | "测试人员" | "测试用户" | "测试数据" | "测试员" | "示例" | "样例" | "张三测试")
        || bare.eq_ignore_ascii_case("test")
}

fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10fffd}')
}

fn is_unnamed_infant(name: &str) -> bool {
    let child_of =
        ["之子", "之女", "之婴", "之长子", "之次子", "之长女", "之次女", "之孙", "婴儿", "新生儿", "毛毛", "宝宝"];
    matches!(name, "未取名" | "未命名" | "待取名" | "无名" | "无名氏" | "弃婴")
        || (name.chars().count() > 2 && child_of.iter().any(|ending| name.ends_with(ending)))
}

/// A name without the remark in brackets behind it.
fn without_remark(text: &str) -> Result<(String, Option<&'static str>), &'static str> {
    let text: String = text.chars().map(narrow).collect();
    let Some((name, behind)) = text.split_once(['(', '【', '[', '〔']) else { return Ok((text, None)) };
    let inside = behind.trim_end_matches([')', '】', ']', '〕']);
    let has = |words: &[&str]| words.iter().any(|word| inside.contains(word));
    if name.trim().is_empty() {
        return Err("ambiguous");
    }
    if matches!(inside, "亡" | "故" | "殁" | "逝") || has(&["已故", "死亡", "去世", "已亡", "病故", "亡故", "注销"])
    {
        return Ok((name.to_owned(), Some("deceased_mark")));
    }
    let harmless = [
        "户主", "男", "女", "本人", "代", "迁出", "迁入", "残", "低保", "党员", "长子", "次子", "配偶", "妻", "夫",
        "母", "父",
    ];
    if inside.is_empty() || has(&harmless) || has(&["曾用名", "原名", "又名", "小名", "别名"]) {
        return Ok((name.to_owned(), Some("name_remark")));
    }
    Err("ambiguous")
}

fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.nfc() {
        let c = match narrow(c) {
            dot if is_interpunct(dot) => '·',
            ' ' => {
                gap = true;
                continue;
            }
            other => other,
        };
        let between_letters = out.chars().next_back().is_some_and(|b| !is_han(b) && b != '·') && !is_han(c) && c != '·';
        if gap && between_letters {
            out.push(' ');
        }
        gap = false;
        if !(c == '·' && (out.is_empty() || out.ends_with('·'))) {
            out.push(c);
        }
    }
    out.truncate(out.trim_end_matches('·').len());
    out
}
