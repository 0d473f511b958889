//! The key under which two writings of one name are equal.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::headings::is_invisible;

/// Traditional and variant characters of names with the form in use today, in pairs. One-to-many cases take the form
/// that names have (鍾 is 钟, 範 is 范).
const PAIRS: &str = include_str!("../data/words/fold.txt");

static FOLD: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for pair in PAIRS.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace) {
        let mut chars = pair.chars();
        if let (Some(from), Some(to)) = (chars.next(), chars.next()) {
            table.insert(from, to);
        }
    }
    table
});

/// A match key for a person's name: traditional characters and variants become today's, interpuncts, spaces and
/// invisible characters go, Latin letters become upper case. Never shown; two different names may share a key.
///
/// | name         | key        |
/// |--------------|------------|
/// | 張三         | 张三       |
/// | 买买提·艾力  | 买买提艾力 |
#[must_use]
pub fn fold_name(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.nfkc() {
        if c.is_whitespace() || is_invisible(c) || is_interpunct(c) {
            continue;
        }
        if c.is_ascii() {
            key.push(c.to_ascii_uppercase());
        } else {
            key.push(FOLD.get(&c).copied().unwrap_or(c));
        }
    }
    key
}

/// Dots that part the names of a person: `·` and whatever is typed for it.
pub(crate) fn is_interpunct(c: char) -> bool {
    matches!(c, '·' | '•' | '‧' | '．' | '・' | '･' | '∙' | '⋅' | '●' | '᛫' | '⸱' | '.' | '。')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_name_share_a_key() {
        for (name, key) in [
            ("張三", "张三"),
            ("买买提·艾力", "买买提艾力"),
            ("买买提•艾力", "买买提艾力"),
            ("張　三", "张三"),
            ("劉德華", "刘德华"),
            ("john smith", "JOHNSMITH"),
            ("𠮷田", "𠮷田"),
            ("王㛃", "王㛃"),
            ("啓東", "启东"),
        ] {
            assert_eq!(fold_name(name), key, "{name}");
        }
    }

    #[test]
    fn the_table_is_well_formed_and_folds_in_one_step() {
        for pair in PAIRS.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace) {
            assert_eq!(pair.chars().count(), 2, "{pair}");
        }
        for (from, to) in FOLD.iter() {
            assert_ne!(from, to);
            assert!(!FOLD.contains_key(to), "{from}{to} folds twice");
        }
        assert!(FOLD.len() > 500);
    }
}
