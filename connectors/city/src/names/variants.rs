//! How a name comes out differently elsewhere: homophones, variant characters, traditional characters.

/// Characters that sound alike or are mistaken for each other, both ways.
const ALIKE: &[(char, char)] = &[
    ('伟', '玮'),
    ('莉', '丽'),
    ('静', '婧'),
    ('军', '君'),
    ('华', '桦'),
    ('辉', '晖'),
    ('红', '虹'),
    ('明', '铭'),
    ('涛', '焘'),
    ('颖', '颍'),
    ('宇', '羽'),
    ('琳', '林'),
    ('峰', '锋'),
    ('燕', '艳'),
    ('婷', '亭'),
    ('晓', '小'),
    ('玉', '钰'),
    ('欣', '鑫'),
    ('佳', '嘉'),
    ('浩', '皓'),
    ('轩', '萱'),
    ('涵', '晗'),
    ('梓', '子'),
    ('志', '智'),
    ('建', '健'),
    ('文', '雯'),
    ('霞', '侠'),
    ('成', '诚'),
    ('永', '咏'),
    ('兰', '岚'),
    ('珍', '贞'),
    ('云', '芸'),
    ('平', '萍'),
    ('芳', '方'),
    ('强', '墙'),
    ('斌', '彬'),
    ('波', '博'),
    ('杰', '洁'),
    ('娟', '鹃'),
    ('敏', '闽'),
    ('英', '瑛'),
    ('梅', '玫'),
    ('祥', '翔'),
    ('荣', '容'),
    ('福', '富'),
    ('国', '帼'),
    ('生', '升'),
    ('新', '辛'),
    ('立', '力'),
    ('卫', '维'),
    ('怡', '宜'),
    ('琪', '淇'),
    ('瑶', '遥'),
    ('辰', '晨'),
    ('睿', '瑞'),
    ('泽', '则'),
    ('沐', '木'),
    ('奕', '弈'),
    ('春', '椿'),
    ('秀', '绣'),
    ('淑', '舒'),
    ('桂', '贵'),
    ('德', '得'),
];

/// Surnames written in two ways, both ways.
const SURNAMES: &[(char, char)] = &[('肖', '萧'), ('付', '傅'), ('闫', '阎'), ('戴', '代')];

/// Simplified and traditional.
const TRADITIONAL: &[(char, char)] = &[
    ('张', '張'),
    ('刘', '劉'),
    ('陈', '陳'),
    ('杨', '楊'),
    ('黄', '黃'),
    ('赵', '趙'),
    ('吴', '吳'),
    ('孙', '孫'),
    ('马', '馬'),
    ('罗', '羅'),
    ('郑', '鄭'),
    ('谢', '謝'),
    ('韩', '韓'),
    ('冯', '馮'),
    ('邓', '鄧'),
    ('许', '許'),
    ('苏', '蘇'),
    ('卢', '盧'),
    ('蒋', '蔣'),
    ('叶', '葉'),
    ('贾', '賈'),
    ('华', '華'),
    ('国', '國'),
    ('伟', '偉'),
    ('丽', '麗'),
    ('红', '紅'),
    ('军', '軍'),
    ('东', '東'),
    ('兰', '蘭'),
    ('凤', '鳳'),
    ('龙', '龍'),
    ('钟', '鍾'),
    ('谭', '譚'),
    ('陆', '陸'),
    ('邹', '鄒'),
    ('顾', '顧'),
    ('龚', '龔'),
    ('钱', '錢'),
    ('庄', '莊'),
    ('强', '強'),
    ('刚', '剛'),
    ('辉', '輝'),
    ('涛', '濤'),
    ('静', '靜'),
    ('荣', '榮'),
];

/// The name with one character mistaken for another, if one of its characters can be.
pub(crate) fn mistaken(name: &str, by_surname: bool) -> Option<String> {
    let first = name.chars().next()?;
    if by_surname && let Some(other) = other_way(SURNAMES, first) {
        return Some(std::iter::once(other).chain(name.chars().skip(1)).collect());
    }
    let (at, other) = name.chars().enumerate().skip(1).find_map(|(at, c)| Some((at, other_way(ALIKE, c)?)))?;
    Some(name.chars().enumerate().map(|(i, c)| if i == at { other } else { c }).collect())
}

/// The name in traditional characters, if that makes a difference.
pub(crate) fn traditional(name: &str) -> Option<String> {
    let written: String =
        name.chars().map(|c| TRADITIONAL.iter().find(|(s, _)| *s == c).map_or(c, |(_, t)| *t)).collect();
    (written != name).then_some(written)
}

fn other_way(pairs: &[(char, char)], c: char) -> Option<char> {
    pairs.iter().find_map(|&(a, b)| {
        if a == c {
            Some(b)
        } else if b == c {
            Some(a)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_character_changes_and_never_to_itself() {
        assert_eq!(mistaken("王伟", false).as_deref(), Some("王玮"));
        assert_eq!(mistaken("肖伟", true).as_deref(), Some("萧伟"));
        assert_eq!(mistaken("王乙", true), None);
        assert_eq!(traditional("张国华").as_deref(), Some("張國華"));
        assert_eq!(traditional("王一"), None);
        for (a, b) in ALIKE.iter().chain(SURNAMES).chain(TRADITIONAL) {
            assert_ne!(a, b);
        }
    }
}
