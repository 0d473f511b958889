//! How an address is written: width, spaces, brackets, remarks.

use std::borrow::Cow;

use crate::headings::is_invisible;
use crate::numeral::digit;
use crate::writing::narrow;

/// What a dropped remark hinted at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    /// 出租, 自住: belongs to the residence, not to the address.
    Tenure,
    /// Anything else: 附近, 原供销社.
    Other,
}

impl Remark {
    /// The name for quality lists.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tenure => "tenure_remark",
            Self::Other => "address_remark",
        }
    }
}

const TENURE: [&str; 6] = ["出租", "自住", "租住", "承租", "空置", "空关"];
const REMARKS: [&str; 19] = [
    "附近",
    "旁",
    "对面",
    "隔壁",
    "门口",
    "原",
    "近",
    "交叉口",
    "暂",
    "临时",
    "拆迁",
    "已",
    "户主",
    "电话",
    "联系",
    "备注",
    "靠近",
    "方向",
    "以内",
];

/// The text in one width, without spaces and punctuation that parts nothing, its brackets resolved. Borrows clean text.
pub(super) fn clean(raw: &str) -> (Cow<'_, str>, Option<Remark>) {
    let text = raw.trim();
    if text.chars().all(is_clean) {
        return (Cow::Borrowed(text), None);
    }
    let mut out = String::with_capacity(text.len());
    let mut inside = String::new();
    let mut closing: Option<char> = None;
    let mut remark = None;
    for c in text.chars() {
        let c = narrow(c);
        if is_invisible(c) || c.is_whitespace() || c.is_control() {
            continue;
        }
        match (closing, c) {
            (None, '(' | '【' | '[' | '〔' | '{' | '<' | '《') => closing = Some(matching(c)),
            (Some(end), _) if c == end => {
                remark = resolve(&inside, &mut out).or(remark);
                inside.clear();
                closing = None;
            }
            (Some(_), '(' | ')' | '【' | '】' | '[' | ']' | '〔' | '〕' | '{' | '}' | '<' | '>' | '《' | '》') => {
            }
            (Some(_), _) => inside.push(one_form(c)),
            (
                None,
                ',' | '。' | '、' | ';' | '"' | '\'' | '“' | '”' | ')' | '】' | ']' | '〕' | '}' | '?' | '!' | '*'
                | ':' | '>' | '》',
            ) if !(c == '、' && out.ends_with(|l: char| l.is_ascii_digit())) => {}
            (None, _) => out.push(one_form(c)),
        }
    }
    if !inside.is_empty() {
        remark = resolve(&inside, &mut out).or(remark);
    }
    (Cow::Owned(out), remark)
}

fn is_clean(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit() || c.is_ascii_uppercase() || c == '-' || c == '#' || c == '/';
    }
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

fn one_form(c: char) -> char {
    match c {
        '—' | '–' | '−' | '─' | '―' | '－' | '~' | '～' | '_' => '-',
        '、' | '\\' | '&' => '/',
        '＃' | '♯' => '#',
        '棟' => '栋',
        '號' => '号',
        '單' => '单',
        _ => c.to_ascii_uppercase(),
    }
}

fn matching(open: char) -> char {
    match open {
        '(' => ')',
        '【' => '】',
        '[' => ']',
        '〔' => '〕',
        '{' => '}',
        '<' => '>',
        _ => '》',
    }
}

/// Keeps what stands in brackets if it is part of the address, and says what kind of remark it was if not.
fn resolve(inside: &str, out: &mut String) -> Option<Remark> {
    if TENURE.iter().any(|word| inside.contains(word)) {
        return Some(Remark::Tenure);
    }
    if REMARKS.iter().any(|word| inside.contains(word)) {
        return Some(Remark::Other);
    }
    if !out.ends_with(inside) {
        out.push_str(inside);
    }
    None
}

/// A compound's name and what follows it. The name ends before the first number in it, unless the number counts a part
/// of the compound (翠苑1区).
pub(super) fn split_compound(text: &str) -> (&str, &str) {
    let text = text.trim_matches(['-', '/', '#', '.', '·']);
    let mut chars = text.char_indices().peekable();
    let mut at_start = true;
    while let Some((at, c)) = chars.next() {
        if !c.is_ascii_digit() {
            at_start = false;
            continue;
        }
        while chars.next_if(|(_, c)| c.is_ascii_digit()).is_some() {}
        let counts_a_part = chars.peek().is_some_and(|(_, c)| "区期村里坊苑园组队".contains(*c));
        if !at_start && !counts_a_part {
            return text.split_at_checked(at).unwrap_or((text, ""));
        }
        at_start = false;
    }
    (text, "")
}

/// A compound's name for comparison: Chinese digits as ASCII ones, without 小区.
pub(super) fn push_compound_key(compound: &str, key: &mut String) {
    let short = compound.strip_suffix("小区").filter(|s| s.chars().count() > 1).unwrap_or(compound);
    for c in short.chars() {
        match digit(c).and_then(|d| u32::try_from(d).ok()).and_then(|d| char::from_digit(d, 10)) {
            Some(digit) => key.push(digit),
            None => key.push(c),
        }
    }
}
