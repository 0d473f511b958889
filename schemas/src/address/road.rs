//! The middle of an address: street office, community, road, plate.

use crate::numeral::{chinese_number, is_numeral};

/// How many characters the name of a street office, community or road may have at most.
const NAME_MAX: usize = 16;

/// 街道、镇、乡 at the start of the text.
pub(super) fn take_street(text: &str) -> (&str, &str) {
    let mut before = ' ';
    let mut chars = text.char_indices().enumerate().take(NAME_MAX).peekable();
    while let Some((n, (at, c))) = chars.next() {
        let next = chars.peek().map(|(_, (_, c))| *c);
        if c.is_ascii() || "路弄号巷幢栋".contains(c) {
            break;
        }
        if c == '街' {
            if next != Some('道') || n == 0 {
                break;
            }
            let (street, rest) = cut(text, at + '街'.len_utf8() + '道'.len_utf8());
            return (street, rest.strip_prefix("办事处").unwrap_or(rest));
        }
        let is_office = match c {
            '镇' => n > 0 && n < 10 && !"小特".contains(before),
            '乡' => n > 0 && n < 10 && !"水梦家故".contains(before),
            _ => false,
        };
        if is_office && !next.is_some_and(|next| "路街大道巷政中小卫医学府东西南北".contains(next)) {
            let (street, rest) = cut(text, at + c.len_utf8());
            return (street, rest.strip_prefix("人民政府").unwrap_or(rest));
        }
        before = c;
    }
    ("", text)
}

/// 社区、居委会、村 at the start of the text.
pub(super) fn take_community<'t>(text: &'t str, street: &str) -> (&'t str, &'t str) {
    let rural = street.ends_with(['镇', '乡']);
    let mut before = ' ';
    for (n, (at, c)) in text.char_indices().enumerate().take(NAME_MAX) {
        if c.is_ascii() || "路弄号巷幢栋街".contains(c) || (before, c) == ('大', '道') {
            break;
        }
        let (_, here) = cut(text, at);
        let word = ["社区居委会", "社区", "居民委员会", "居委会", "村民委员会", "村委会"]
            .iter()
            .find(|w| here.starts_with(**w));
        if let Some(word) = word.filter(|_| n > 0) {
            return cut(text, at + word.len());
        }
        if c == '村' && n > 0 && !"新小花乡农".contains(before) {
            let (village, rest) = cut(text, at + c.len_utf8());
            if is_village(rest, rural, !street.is_empty()) {
                return (village, rest);
            }
        }
        before = c;
    }
    ("", text)
}

/// Whether what stands behind 村 makes it a village and not the name of a compound.
fn is_village(rest: &str, rural: bool, has_street: bool) -> bool {
    let number_end = rest.find(|c: char| !c.is_ascii_digit() && !is_numeral(c)).unwrap_or(rest.len());
    let (number, behind) = cut(rest, number_end);
    if !number.is_empty() {
        return behind.starts_with(['组', '队', '社'])
            || (rural && behind.starts_with('号') && !behind.starts_with("号楼"));
    }
    if rest.is_empty() {
        return rural;
    }
    has_street && !rest.starts_with(['东', '西', '南', '北', '小', '新', '村', '公', '花', '家', '-', '#'])
}

/// 路、街、巷、大道 with its 弄, or the 组 of a village. Chinese numbers before 弄 and 组 become digits.
pub(super) fn take_road(text: &str) -> (String, &str) {
    let (mut road, mut rest) = take_road_name(text);
    while let Some((number, behind)) = leading_number(rest) {
        let Some(word) = ["支弄", "弄", "组", "支路"].iter().find(|w| behind.starts_with(**w)) else { break };
        road.push_str(&number);
        road.push_str(word);
        rest = behind.strip_prefix(word).unwrap_or(behind);
    }
    (road, rest)
}

fn take_road_name(text: &str) -> (String, &str) {
    let mut before = ' ';
    let mut chars = text.char_indices().enumerate().take(NAME_MAX).peekable();
    while let Some((n, (at, c))) = chars.next() {
        let next = chars.peek().map(|(_, (_, c))| *c);
        if c.is_ascii() || "幢栋号弄".contains(c) {
            break;
        }
        let ends_here = match c {
            '路' | '巷' => n > 0 && next != Some('街'),
            '街' => n > 0 && next != Some('道') && next != Some('区'),
            '道' => n > 0 && (before == '大' || next.is_some_and(|c| c.is_ascii_digit())),
            '同' => before == '胡',
            _ => false,
        };
        if ends_here {
            let (name, rest) = cut(text, at + c.len_utf8());
            for section in ["东段", "西段", "南段", "北段", "中段"] {
                if let Some(behind) = rest.strip_prefix(section) {
                    return (format!("{name}{section}"), behind);
                }
            }
            return (name.to_owned(), rest);
        }
        before = c;
    }
    (String::new(), text)
}

/// `12号`, `12号院`, `12-3号`, `12号之3`, `12之3号` at the start of the text.
pub(super) fn take_plate(text: &str) -> (String, &str) {
    let none = (String::new(), text);
    let Some((number, rest)) = leading_number(text) else { return none };
    let (sub, rest) = match rest.strip_prefix(['-', '之']).and_then(leading_number) {
        Some((sub, behind)) => (sub, behind),
        None => (String::new(), rest),
    };
    let Some(behind) = rest.strip_prefix('号') else { return none };
    if behind.starts_with(['楼', '房']) {
        return none;
    }
    if !sub.is_empty() {
        return (format!("{number}之{sub}"), behind);
    }
    if let Some((sub, behind)) = behind.strip_prefix("之").and_then(leading_number) {
        return (format!("{number}之{sub}"), behind);
    }
    match behind.strip_prefix('院') {
        Some(behind) => (format!("{number}号院"), behind),
        None => (number, behind),
    }
}

/// A number at the start: ASCII digits with letters behind them, or a Chinese number, as digits.
pub(super) fn leading_number(text: &str) -> Option<(String, &str)> {
    let ascii_end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    if ascii_end > 0 {
        let (number, rest) = cut(text, ascii_end);
        let has_digit = number.bytes().any(|b| b.is_ascii_digit());
        return has_digit.then(|| (without_zeros(number).to_owned(), rest));
    }
    let end = text.find(|c: char| !is_numeral(c)).unwrap_or(text.len());
    let (number, rest) = cut(text, end);
    chinese_number(number).map(|number| (number.to_string(), rest))
}

pub(super) fn without_zeros(number: &str) -> &str {
    let trimmed = number.trim_start_matches('0');
    if trimmed.starts_with(|c: char| c.is_ascii_digit()) { trimmed } else { number }
}

fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}
