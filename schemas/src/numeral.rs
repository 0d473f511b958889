//! Chinese numerals.

/// Reads a whole number in Chinese numerals, everyday or financial: 三十五, 一百零五, 壹仟贰佰, 五零一, 二〇二〇, 廿三.
/// `None` for anything else, and for 三百五, which some mean as 350 and some as 305.
#[must_use]
pub fn chinese_number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    if text.chars().all(|c| digit(c).is_some()) {
        return text.chars().try_fold(0_u64, |sum, c| sum.checked_mul(10)?.checked_add(digit(c)?));
    }
    let (mut total, mut section, mut pending, mut last_unit, mut gap) = (0_u64, 0_u64, None, u64::MAX, false);
    for c in text.chars() {
        if let Some(tens) = short_tens(c) {
            if pending.is_some() || last_unit <= 10 {
                return None;
            }
            section = section.checked_add(tens)?;
            last_unit = 10;
        } else if let Some(value) = digit(c) {
            if pending.is_some() {
                return None;
            }
            gap |= value == 0;
            pending = (value != 0).then_some(value);
        } else if let Some(large) = large_unit(c) {
            total = total.checked_add((section + pending.take().unwrap_or(0)).checked_mul(large)?)?;
            (section, last_unit, gap) = (0, large, false);
        } else {
            let unit = unit(c)?;
            if unit >= last_unit {
                return None;
            }
            let count = match pending.take() {
                Some(count) => count,
                None if unit == 10 => 1,
                None => return None,
            };
            section = section.checked_add(count * unit)?;
            (last_unit, gap) = (unit, false);
        }
    }
    match pending {
        Some(_) if last_unit != u64::MAX && last_unit > 10 && !gap => None,
        Some(ones) => total.checked_add(section)?.checked_add(ones),
        None => total.checked_add(section),
    }
}

/// The value of one Chinese digit.
pub(crate) fn digit(c: char) -> Option<u64> {
    Some(match c {
        '〇' | '零' | '○' | 'Ｏ' => 0,
        '一' | '壹' | '弌' | '幺' => 1,
        '二' | '贰' | '貳' | '两' | '弍' => 2,
        '三' | '叁' | '參' | '叄' | '弎' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' | '陸' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    })
}

fn unit(c: char) -> Option<u64> {
    Some(match c {
        '十' | '拾' => 10,
        '百' | '佰' => 100,
        '千' | '仟' => 1000,
        _ => return None,
    })
}

fn short_tens(c: char) -> Option<u64> {
    match c {
        '廿' => Some(20),
        '卅' => Some(30),
        _ => None,
    }
}

fn large_unit(c: char) -> Option<u64> {
    match c {
        '万' | '萬' => Some(10_000),
        '亿' | '億' => Some(100_000_000),
        _ => None,
    }
}

/// Whether the character can be part of a Chinese number.
pub(crate) fn is_numeral(c: char) -> bool {
    digit(c).is_some() || unit(c).is_some() || short_tens(c).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        for (text, number) in [
            ("三", 3),
            ("十", 10),
            ("十二", 12),
            ("二十", 20),
            ("三十五", 35),
            ("一百零五", 105),
            ("一百一十", 110),
            ("两百", 200),
            ("五零一", 501),
            ("二〇二〇", 2020),
            ("壹仟贰佰", 1200),
            ("一万二千", 12000),
            ("三千零五十", 3050),
            ("一亿", 100_000_000),
            ("廿三", 23),
            ("廿", 20),
            ("零", 0),
        ] {
            assert_eq!(chinese_number(text), Some(number), "{text}");
        }
        for bad in
            ["", "张", "三百五", "十十", "百", "廿廿", "三个", "12", "九九九九九九九九九九九九九九九九九九九九九九"]
        {
            assert_eq!(chinese_number(bad), None, "{bad}");
        }
    }
}
