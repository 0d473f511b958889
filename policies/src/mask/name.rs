//! Names of persons: the surname, or the first character.

use super::REDACTED;

/// Surnames of two characters. A name of two characters is never read as a bare one of them.
const COMPOUND_SURNAMES: [&str; 60] = [
    "欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "万俟", "闻人", "夏侯", "诸葛", "尉迟", "公羊",
    "赫连", "澹台", "皇甫", "宗政", "濮阳", "公冶", "太叔", "申屠", "公孙", "慕容", "仲孙", "钟离", "长孙", "宇文",
    "司徒", "鲜于", "司空", "闾丘", "子车", "亓官", "司寇", "巫马", "公西", "颛孙", "壤驷", "公良", "漆雕", "乐正",
    "宰父", "谷梁", "拓跋", "夹谷", "轩辕", "令狐", "段干", "百里", "呼延", "东郭", "南门", "羊舌", "微生", "公户",
    "梁丘", "左丘", "东门", "西门",
];

/// The interpunct of names such as 阿依古丽·买买提, in the writings that exports use.
const INTERPUNCTS: [char; 6] = ['·', '•', '・', '‧', '．', '.'];

/// `张三` to `张**`, `欧阳修` to `欧阳**`, `买买提·艾力` to `买**`. Always two stars. Anything that does not start with a
/// Chinese character is redacted.
pub(super) fn write_surname(value: &str, out: &mut String) {
    let name = value.trim();
    let Some(first) = name.chars().next().filter(|c| is_han(*c)) else {
        out.push_str(REDACTED);
        return;
    };
    // 司马义·艾买提 is a given name with a patronymic, not a Sima.
    let has_interpunct = name.contains(INTERPUNCTS);
    let compound = COMPOUND_SURNAMES.iter().find(|s| name.starts_with(**s));
    match compound {
        Some(surname) if !has_interpunct && name.chars().count() > 2 => out.push_str(surname),
        _ => out.push(first),
    }
    out.push_str("**");
}

/// The first letter and `**`. What starts with anything but a letter, in any script, is redacted.
pub(super) fn write_first_char(value: &str, out: &mut String) {
    match value.trim().chars().next().filter(|c| c.is_alphabetic()) {
        Some(first) => {
            out.push(first);
            out.push_str("**");
        }
        None => out.push_str(REDACTED),
    }
}

/// Chinese characters, extensions and compatibility forms included: rare characters are common in names.
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3007}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: fn(&str, &mut String), value: &str, expected: &str) {
        let mut out = String::new();
        write(value, &mut out);
        assert_eq!(out, expected, "{value}");
    }

    #[test]
    fn a_surname_is_one_character() {
        for (name, shown) in
            [("张三", "张**"), ("王小明", "王**"), ("陈李小明", "陈**"), (" 赵六", "赵**"), ("\u{3000}钱一", "钱**")]
        {
            check(write_surname, name, shown);
        }
    }

    #[test]
    fn a_compound_surname_is_kept_whole() {
        check(write_surname, "欧阳修", "欧阳**");
        check(write_surname, "诸葛孔明", "诸葛**");
        // Two characters: surname 欧 and given name 阳.
        check(write_surname, "欧阳", "欧**");
    }

    #[test]
    fn a_name_with_interpunct_keeps_one_character() {
        check(write_surname, "买买提·艾力", "买**");
        check(write_surname, "司马义·艾买提", "司**");
        check(write_surname, "司马义•艾买提", "司**");
    }

    #[test]
    fn a_rare_character_is_a_surname() {
        check(write_surname, "\u{20BB7}野", "\u{20BB7}**");
        check(write_surname, "㛃三", "㛃**");
    }

    #[test]
    fn what_is_no_chinese_name_is_redacted() {
        for value in ["", " ", "John Smith", "🙂三", "13912345678", "\u{301}张", "*三", "·艾力"] {
            check(write_surname, value, REDACTED);
        }
    }

    #[test]
    fn first_char_takes_a_letter_of_any_script() {
        check(write_first_char, "张三", "张**");
        check(write_first_char, "欧阳修", "欧**");
        check(write_first_char, "Ивар", "И**");
        for value in ["", "13912345678", "🙂", "\u{301}a", "*三"] {
            check(write_first_char, value, REDACTED);
        }
    }
}
