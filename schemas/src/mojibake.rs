//! Text that was decoded wrongly before it reached us.

use std::sync::LazyLock;

/// What became of wrongly decoded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mojibake {
    /// Every byte is still there: it could be decoded again, with care.
    Recoverable,
    /// Bytes were replaced: the text is lost.
    Lost,
}

impl Mojibake {
    /// What the text looks like. `None` for text that is in order, or for which nothing can be said.
    ///
    /// Seen are: the replacement character and what becomes of it (锟斤拷), UTF-8 read as GBK (寮犱笁 for 张三), and
    /// GBK or UTF-8 read as Latin-1. Linear in the text; allocates only for text that is suspected of the second.
    #[must_use]
    pub fn detect(text: &str) -> Option<Self> {
        if text.is_ascii() {
            return None;
        }
        let pattern = &*PATTERN;
        let (mut pairs, mut han, mut high, mut latin) = (0, 0, 0, 0);
        let mut first = false;
        for c in text.chars() {
            match c {
                '\u{fffd}' => return Some(Self::Lost),
                '锟' if text.contains("锟斤拷") => return Some(Self::Lost),
                '烫' if text.contains("烫烫烫") => return Some(Self::Lost),
                'a'..='z' | 'A'..='Z' => latin += 1,
                _ if is_upper_latin1(c) => high += 1,
                _ => {}
            }
            let Some(place) = position(c) else {
                first = false;
                continue;
            };
            han += 1;
            if first && is_in(&pattern.second, place) {
                pairs += 1;
            }
            first = is_in(&pattern.first, place);
        }
        // UTF-8 as GBK: nearly all of it is such groups. As Latin-1: nearly no plain letter between the signs.
        let as_gbk = pairs > 0 && han <= pairs * 4 + 1 && is_utf8_in_gbk(text);
        let as_latin1 = han == 0 && high >= 3 && high > latin * 2;
        (as_gbk || as_latin1).then_some(Self::Recoverable)
    }
}

/// Whether the bytes of the text in GBK are UTF-8. What tells rare names (张绮歌) from text decoded wrongly.
fn is_utf8_in_gbk(text: &str) -> bool {
    let (bytes, _, unmappable) = encoding_rs::GBK.encode(text);
    !unmappable && std::str::from_utf8(&bytes).is_ok()
}

/// Two characters of three bytes in UTF-8 are three of two bytes in GBK. The first of the three has a lead byte from E4
/// to E9, the second ends on such a byte; both sets are small and hold hardly a common character. Sets of characters
/// between U+4E00 and U+9FFF, one bit each.
struct Pattern {
    first: Vec<u64>,
    second: Vec<u64>,
}

static PATTERN: LazyLock<Pattern> = LazyLock::new(|| {
    let text = include_str!("../data/words/mojibake.txt");
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut set = || {
        let mut bits = vec![0_u64; (0x9fff - 0x4e00) / 64 + 1];
        for (word, bit) in lines.next().unwrap_or_default().chars().filter_map(position) {
            if let Some(bits) = bits.get_mut(word) {
                *bits |= bit;
            }
        }
        bits
    };
    Pattern { first: set(), second: set() }
});

fn position(c: char) -> Option<(usize, u64)> {
    let offset = (c as usize).checked_sub(0x4e00).filter(|offset| *offset <= 0x9fff - 0x4e00)?;
    Some((offset / 64, 1 << (offset % 64)))
}

fn is_in(set: &[u64], (word, bit): (usize, u64)) -> bool {
    set.get(word).is_some_and(|bits| bits & bit != 0)
}

/// What bytes above 7F become in Latin-1 and Windows-1252, except the interpunct of names.
fn is_upper_latin1(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{b6}' | '\u{b8}'..='\u{ff}')
        || matches!(c, 'Œ' | 'œ' | 'Š' | 'š' | 'Ž' | 'ž' | 'Ÿ' | 'ƒ' | '€' | '™' | '†' | '‡' | '‰')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_decodings_are_seen() {
        for (text, wanted) in [
            ("寮犱笁", Some(Mojibake::Recoverable)),
            ("鏉庡洓", Some(Mojibake::Recoverable)),
            ("缈犺嫅灏忓尯3骞�", Some(Mojibake::Lost)),
            ("娴欐睙鐪佹澀宸炲競", Some(Mojibake::Recoverable)),
            ("ÕÅÈý", Some(Mojibake::Recoverable)),
            ("å¼\u{a0}ä¸‰", Some(Mojibake::Recoverable)),
            ("锟斤拷锟斤拷", Some(Mojibake::Lost)),
            ("张\u{fffd}", Some(Mojibake::Lost)),
        ] {
            assert_eq!(Mojibake::detect(text), wanted, "{text}");
        }
    }

    #[test]
    fn text_in_order_is_left_alone() {
        for text in [
            "张三",
            "买买提·艾力",
            "王㛃",
            // Their characters also come up in text decoded wrongly, in these places.
            "张绮歌",
            "赵婵翠",
            "李妤介",
            "姗剁",
            "José",
            "浙江省杭州市西湖区翠苑街道翠苑一区3幢2单元501室",
            "居民反映楼下夜间施工噪声扰民，希望尽快处理。",
            "89.5㎡",
            "3×5",
            "",
        ] {
            assert_eq!(Mojibake::detect(text), None, "{text}");
        }
    }
}
