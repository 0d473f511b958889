//! Free text without its numbers.
//!
//! What it is not: a way to find names or places told in words. A column masked this way is still personal data.

use super::REDACTED;

/// From this many digits on a number is taken for an identifier.
const DIGITS_MIN: usize = 6;
/// From this many characters on a mix of letters and digits is taken for an identifier: licence plates, account names.
const MIXED_MIN: usize = 6;
/// Signs that may stand between two digits of one number, at most so many in a row.
const SEPARATORS_MAX: usize = 3;
/// Words after a number that make it part of an address.
const ADDRESS_WORDS: [&str; 8] = ["室", "单元", "幢", "栋", "号", "弄", "楼", "座"];

/// Copies the text with `***` for: numbers of six digits and more (full-width, Chinese numerals and digits set apart by
/// spaces, dashes, dots or invisible signs included; a closing X goes with them), letters mixed with digits, e-mail
/// addresses, and numbers of a building, unit or room. Over-redacts dates. Linear in the length of the text.
pub(super) fn write_redacted(value: &str, out: &mut String) {
    let mut rest = value;
    while !rest.is_empty() {
        let run = Run::at_start(rest);
        if run.bytes == 0 {
            let plain = rest.char_indices().find(|(_, c)| is_run_char(*c)).map_or(rest.len(), |(at, _)| at);
            // A run of length 0 means that the first character starts none, so `plain` is at least one character.
            let (text, after) = rest.split_at_checked(plain.max(1)).unwrap_or((rest, ""));
            out.push_str(text);
            rest = after;
            continue;
        }
        let (text, after) = rest.split_at_checked(run.bytes).unwrap_or((rest, ""));
        if let Some(host) = after.strip_prefix(['@', '＠']) {
            // The local part may have begun before this run: `li.si@`.
            let kept = out.trim_end_matches(is_mail_char).len();
            out.truncate(kept);
            out.push_str(REDACTED);
            rest = host.trim_start_matches(is_mail_char);
            continue;
        }
        out.push_str(if run.identifies(after) { REDACTED } else { text });
        rest = after;
    }
}

/// A stretch of digits and letters, with the signs between its digits.
#[derive(Default)]
struct Run {
    bytes: usize,
    digits: usize,
    letters: usize,
}

impl Run {
    fn at_start(text: &str) -> Self {
        let mut run = Self::default();
        let mut separators = 0;
        let mut after_digit = false;
        for (at, c) in text.char_indices() {
            let next = at + c.len_utf8();
            if is_digit(c) {
                run.digits += 1;
                run.bytes = next;
                after_digit = true;
                separators = 0;
            } else if is_letter(c) && separators == 0 {
                run.letters += 1;
                run.bytes = next;
                after_digit = false;
            } else if is_separator(c) && after_digit && separators < SEPARATORS_MAX {
                separators += 1;
            } else {
                break;
            }
        }
        run
    }

    fn identifies(&self, after: &str) -> bool {
        let mixed = self.digits > 0 && self.letters > 0 && self.digits + self.letters >= MIXED_MIN;
        let of_address = self.digits > 0 && ADDRESS_WORDS.iter().any(|word| after.starts_with(word));
        self.digits >= DIGITS_MIN || mixed || of_address
    }
}

fn is_mail_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '%')
}

fn is_run_char(c: char) -> bool {
    is_digit(c) || is_letter(c)
}

fn is_digit(c: char) -> bool {
    c.is_numeric() || "零一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖".contains(c)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || matches!(c, 'Ａ'..='Ｚ' | 'ａ'..='ｚ')
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '/' | ':' | '·' | '(' | ')' | '－' | '—' | '–' | '_' | '*')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe0f}' | '\u{20e3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let mut out = String::new();
        write_redacted(value, &mut out);
        assert_eq!(out, expected, "{value}");
    }

    #[test]
    fn ids_and_phones_are_replaced() {
        check("报警人身份证11010519491231002X，电话13912345678。", "报警人身份证***，电话***。");
        check("座机0571-12345678转8", "座机***转8");
        check("139 1234 5678", "***");
        check("１３９１２３４５６７８", "***");
        check("1\u{200b}3\u{200b}9\u{200b}1\u{200b}2\u{200b}3", "***");
        check("1️⃣3️⃣9️⃣1️⃣2️⃣3️⃣", "***\u{fe0f}\u{20e3}");
    }

    #[test]
    fn numerals_in_words_are_replaced() {
        check("电话幺三九幺二三四五六七八", "电话***");
        check("一年一度", "一年一度");
    }

    #[test]
    fn plates_accounts_and_mail_are_replaced() {
        check("车牌浙A12345停在路边", "车牌浙***停在路边");
        check("微信wxid_ab12cd", "微信***");
        check("写信到 li.si@example.org 即可", "写信到 *** 即可");
    }

    #[test]
    fn rooms_are_replaced() {
        check("翠苑小区3幢2单元501室漏水", "翠苑小区***幢***单元***室漏水");
    }

    #[test]
    fn ordinary_text_stays() {
        for text in
            ["", "楼道堆物", "今年第3次投诉，12人参加", "Call me at 12", "🙂 e\u{301} \u{202e}abc", "，。、", "   "]
        {
            check(text, text);
        }
    }

    #[test]
    fn a_long_text_takes_linear_time() {
        let mut out = String::new();
        write_redacted(&"12345 甲".repeat(100_000), &mut out);
        assert_eq!(out.chars().count(), 700_000);
    }
}
