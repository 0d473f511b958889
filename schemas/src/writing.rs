//! How something is written, apart from what it says: width, case, spaces, wrappers, and the words that say nothing.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::headings::is_invisible;

/// Text as a person would copy it: without wrappers of spreadsheets, invisible characters and needless spaces; letters
/// and digits of full width become ASCII, punctuation stays. Borrows clean text.
pub(crate) fn plain(raw: &str) -> Cow<'_, str> {
    let text = unwrap(raw);
    if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(make_plain(text)) }
}

/// An identifier in its one way of writing: NFKC, upper case, no space and nothing invisible. Borrows clean text.
pub(crate) fn identifier(raw: &str) -> Cow<'_, str> {
    let text = unwrap(raw);
    if text.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_lowercase()) {
        return Cow::Borrowed(text);
    }
    let upper: String =
        text.nfkc().filter(|c| !c.is_whitespace() && !is_invisible(*c)).map(|c| c.to_ascii_uppercase()).collect();
    Cow::Owned(unwrap(&upper).to_owned())
}

/// NFKC without whitespace and invisible characters, in the case it came.
pub(crate) fn compact(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfkc().filter(|c| !c.is_whitespace() && !is_invisible(*c)).collect())
}

/// Without surrounding space, `="…"` and the apostrophe that marks a text cell.
fn unwrap(raw: &str) -> &str {
    let text = raw.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    let text = text.strip_prefix("=\"").and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    match text.strip_prefix(['\'', '`', '‘', '’', '＇']) {
        Some(rest) if !rest.is_empty() => rest.trim(),
        _ => text,
    }
}

fn is_plain(text: &str) -> bool {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return true;
    }
    let mut before = 'x';
    for c in text.chars() {
        if c == ' ' {
            if before == ' ' || !before.is_ascii() {
                return false;
            }
        } else if !c.is_ascii() {
            let spaced = before == ' ';
            if spaced || is_wide(c) || c.is_whitespace() || is_invisible(c) || c.is_control() {
                return false;
            }
        } else if c.is_control() {
            return false;
        }
        before = c;
    }
    true
}

/// A letter or digit of full width.
fn is_wide(c: char) -> bool {
    matches!(c, '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ')
}

fn make_plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if is_invisible(c) {
            continue;
        }
        if c.is_whitespace() || c.is_control() {
            gap = true;
            continue;
        }
        let c = if is_wide(c) { narrow(c) } else { c };
        let between_words = out.chars().next_back().is_some_and(|before| before.is_ascii() && c.is_ascii());
        if gap && between_words {
            out.push(' ');
        }
        gap = false;
        out.push(c);
    }
    out
}

/// The ASCII character of a full-width one.
pub(crate) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// Words that mean "no value" in every column whose own words do not say otherwise.
const NULL_WORDS: &[&str] = &[
    "无",
    "/",
    "//",
    "\\",
    "-",
    "--",
    "---",
    "—",
    "——",
    "―",
    "――",
    "－",
    "–",
    "_",
    ".",
    "。",
    "、",
    "?",
    "？",
    "*",
    "＊",
    "×",
    "／",
    "空",
    "空白",
    "未知",
    "不详",
    "不祥",
    "未填",
    "未填写",
    "未登记",
    "未提供",
    "未采集",
    "未录入",
    "无此项",
    "无数据",
    "无信息",
    "暂无",
    "暂缺",
    "缺",
    "缺失",
    "待补",
    "待补充",
    "待核实",
    "不明",
    "不清楚",
    "没有",
    "\\N",
    "#N/A",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#DIV/0!",
    "#NULL!",
    "#NUM!",
];
/// The same in any case.
const NULL_WORDS_ASCII: &[&str] = &["NULL", "(NULL)", "[NULL]", "<NULL>", "N/A", "NA", "NAN", "NONE", "NIL"];

/// Whether the text is a word that means "no value".
pub(crate) fn is_null_word(text: &str) -> bool {
    text.len() <= 24
        && (text.is_empty()
            || NULL_WORDS.contains(&text)
            || text.is_ascii() && NULL_WORDS_ASCII.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

/// Words that point at the row above.
pub(crate) fn is_ditto(text: &str) -> bool {
    matches!(text, "同上" | "〃" | "″" | "\"" | "”" | "“" | "''" | "\"\"" | "々" | "同前")
}

/// One digit, at least five times: typed to fill a column that must not be empty.
pub(crate) fn is_filler(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    let Some(first) = bytes.next() else { return false };
    digits.len() >= 5 && first.is_ascii_digit() && bytes.all(|b| b == first)
}

/// `1.10105E+17`: a spreadsheet took the text for a number, and its last digits are lost.
pub(crate) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let marked = exponent.starts_with('+') || mantissa.contains('.');
    marked && digits(whole) && digits(fraction) && digits(exponent.strip_prefix('+').unwrap_or(exponent))
}

/// Whether the character is a Chinese one.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '〇' | '々')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_borrowed() {
        for clean in ["翠苑一区3幢", "John Smith", "A-1", "你好，世界。", ""] {
            assert!(matches!(plain(clean), Cow::Borrowed(text) if text == clean), "{clean}");
        }
        assert!(matches!(identifier("11010519491231002X"), Cow::Borrowed(_)));
    }

    #[test]
    fn only_the_writing_changes() {
        for (raw, wanted) in [
            ("\n\t\t\t您好　世界 ", "您好世界"),
            ("张 三", "张三"),
            ("A  B\u{a0}C", "A B C"),
            ("ＡＢ１２，ｘ", "AB12，x"),
            ("=\"00123\"", "00123"),
            ("'00123", "00123"),
            ("'", "'"),
            ("\u{202d}abc\u{202c}", "abc"),
            ("a\u{200b}b", "ab"),
        ] {
            assert_eq!(plain(raw), wanted, "{raw:?}");
        }
        assert_eq!(identifier(" '1101 05x "), "110105X");
        assert_eq!(identifier("＝＂１２＂"), "12");
    }

    #[test]
    fn lost_digits_and_fillers_are_seen() {
        assert!(is_scientific("1.10105E+17") && is_scientific("1.38001E+10") && is_scientific("1E+17"));
        assert!(!is_scientific("E12345678") && !is_scientific("3E5") && !is_scientific("1.5"));
        assert!(is_filler("00000000000") && is_filler("11111"));
        assert!(!is_filler("0000") && !is_filler("12345") && !is_filler("") && !is_filler("无无无无无"));
    }
}
