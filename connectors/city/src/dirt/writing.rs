//! Writings of one value: full width, wrapped, spaced, in other digits.

/// ASCII letters, digits and signs in full width.
pub(crate) fn full_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '!'..='~' => char::from_u32(c as u32 + 0xfee0).unwrap_or(c),
            ' ' => '\u{3000}',
            other => other,
        })
        .collect()
}

/// Only ASCII digits and hyphens in full width, as in an address typed with the wide input method.
pub(crate) fn full_width_digits(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_digit() || c == '-' { char::from_u32(c as u32 + 0xfee0).unwrap_or(c) } else { c })
        .collect()
}

/// The number digit by digit in Chinese: 501 is 五零一.
pub(crate) fn chinese_digits(number: u32) -> String {
    number
        .to_string()
        .chars()
        .map(|c| match c {
            '0' => '零',
            '1' => '一',
            '2' => '二',
            '3' => '三',
            '4' => '四',
            '5' => '五',
            '6' => '六',
            '7' => '七',
            '8' => '八',
            _ => '九',
        })
        .collect()
}

/// Splits after so many characters.
pub(crate) fn split_chars(text: &str, at: usize) -> (String, String) {
    (text.chars().take(at).collect(), text.chars().skip(at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_are_as_departments_write_them() {
        assert_eq!(full_width("1-2X"), "１－２Ｘ");
        assert_eq!(full_width_digits("望湖苑3-2"), "望湖苑３－２");
        assert_eq!(chinese_digits(501), "五零一");
        assert_eq!(split_chars("张三丰", 1), ("张".to_owned(), "三丰".to_owned()));
    }
}
