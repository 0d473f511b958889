//! Personal names: folded, read in pinyin, and compared.
//!
//! Two or three characters are too few for an edit distance, so names are compared by what goes wrong with them: a
//! character written as another of the same sound, as one that looks alike, as its pinyin, or not at all.

use pinyin::{ToPinyin, ToPinyinMulti};
use schemas::fold_name;

use crate::dictionary::{Code, Dictionary, NONE};

/// Surnames that are read otherwise than their character usually is.
const SURNAME_READINGS: [(char, &str); 30] = [
    ('曾', "zeng"),
    ('单', "shan"),
    ('仇', "qiu"),
    ('解', "xie"),
    ('翟', "zhai"),
    ('朴', "piao"),
    ('乐', "yue"),
    ('区', "ou"),
    ('查', "zha"),
    ('盖', "ge"),
    ('缪', "miao"),
    ('员', "yun"),
    ('种', "chong"),
    ('折', "she"),
    ('召', "shao"),
    ('黑', "he"),
    ('秘', "bi"),
    ('覃', "qin"),
    ('佴', "nai"),
    ('繁', "po"),
    ('能', "nai"),
    ('隗', "kui"),
    ('祭', "zhai"),
    ('郇', "huan"),
    ('牟', "mu"),
    ('宓', "mi"),
    ('尉', "yu"),
    ('晁', "chao"),
    ('冼', "xian"),
    ('逄', "pang"),
];

/// Compound surnames with a reading of their own.
const COMPOUND_READINGS: [(&str, [&str; 2]); 4] =
    [("万俟", ["mo", "qi"]), ("尉迟", ["yu", "chi"]), ("长孙", ["zhang", "sun"]), ("单于", ["chan", "yu"])];

/// Characters that are taken for one another by their shape though they sound differently.
const LOOKALIKES: [&str; 14] = [
    "己已巳",
    "未末",
    "土士",
    "日曰",
    "治冶",
    "戊戌戍",
    "刺剌",
    "钧钓",
    "沐沭",
    "祎袆",
    "茜西",
    "崇祟",
    "妹姝",
    "亨享",
];

/// How two names go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameLevel {
    /// Two people's names.
    Different,
    /// A long name (with its interpunct) cut short.
    Truncated,
    /// One character is unreadable or looks like the other.
    OneCharacter,
    /// The same sounds throughout.
    Homophone,
    /// The same name.
    Same,
}

/// Every distinct name once: folded text and codes of its readings.
#[derive(Debug, Default)]
pub(crate) struct Names {
    written: Dictionary,
    /// By code of the written name minus one: the code of the folded one.
    folded_of: Vec<Code>,
    folded: Dictionary,
    readings: Dictionary,
    /// By name code minus one: the code of the reading, and of the other reading a surname has.
    by_name: Vec<[Code; 2]>,
}

impl Names {
    /// The code of a name, equal for all writings that fold to one. Each writing is folded once.
    pub(crate) fn code(&mut self, name: &str) -> Code {
        let written = self.written.code(name);
        if self.written.len() > self.folded_of.len() {
            let code = self.folded_code(name);
            self.folded_of.push(code);
        }
        (written as usize).checked_sub(1).and_then(|at| self.folded_of.get(at)).copied().unwrap_or(NONE)
    }

    /// The code of a name that was read, in whatever writing.
    pub(crate) fn find(&self, name: &str) -> Option<Code> {
        self.folded.find(&fold_name(name))
    }

    fn folded_code(&mut self, name: &str) -> Code {
        let code = self.folded.code(&fold_name(name));
        if self.folded.len() > self.by_name.len() {
            let [surname, usual] = pinyin_keys(self.folded.text(code));
            let first = self.readings.code(&surname);
            let second = if usual == surname { NONE } else { self.readings.code(&usual) };
            self.by_name.push([first, second]);
        }
        code
    }

    /// The folded text: the `name_key` of a person.
    pub(crate) fn text(&self, name: Code) -> &str {
        self.folded.text(name)
    }

    /// The codes of the name's readings; [`NONE`] where there is none.
    pub(crate) fn readings(&self, name: Code) -> [Code; 2] {
        (name as usize).checked_sub(1).and_then(|at| self.by_name.get(at)).copied().unwrap_or_default()
    }

    /// Compares two names by their codes. A missing name is compatible with any: it counts as the same.
    pub(crate) fn level(&self, a: Code, b: Code) -> NameLevel {
        if a == b || a == NONE || b == NONE { NameLevel::Same } else { compare_names(self.text(a), self.text(b)) }
    }
}

/// One written unit of a name.
#[derive(Debug, PartialEq, Eq)]
enum Unit {
    Han(char),
    /// A syllable or name in Latin letters, lower case.
    Latin(String),
    /// A character that a system could not hold: `?`, `□`, private use.
    Unreadable,
}

fn units(name: &str) -> Vec<Unit> {
    let mut out: Vec<Unit> = Vec::new();
    for ch in name.chars() {
        if ch.is_ascii_alphabetic() || ch == 'ü' {
            let letter = if ch == 'ü' { 'v' } else { ch.to_ascii_lowercase() };
            match out.last_mut() {
                Some(Unit::Latin(run)) => run.push(letter),
                _ => out.push(Unit::Latin(letter.to_string())),
            }
        } else if matches!(ch, '?' | '？' | '*' | '＊' | '□' | '■' | '\u{fffd}')
            || ('\u{e000}'..='\u{f8ff}').contains(&ch)
        {
            out.push(Unit::Unreadable);
        } else if ch.is_alphanumeric() {
            out.push(Unit::Han(ch));
        }
    }
    out
}

/// Compares two folded names.
pub(crate) fn compare_names(a: &str, b: &str) -> NameLevel {
    if a == b {
        return NameLevel::Same;
    }
    let (left, right) = (units(a), units(b));
    if left.len() != right.len() {
        return if is_cut_short(&left, &right) { NameLevel::Truncated } else { NameLevel::Different };
    }
    let (mut n_homophones, mut n_alike, mut n_same) = (0, 0, 0);
    for (at, (x, y)) in left.iter().zip(&right).enumerate() {
        if x == y && *x != Unit::Unreadable {
            n_same += 1;
        } else if sounds_alike(x, y, at == 0) {
            n_homophones += 1;
        } else if looks_alike(x, y) {
            n_alike += 1;
        } else {
            return NameLevel::Different;
        }
    }
    match (n_same, n_homophones, n_alike) {
        (_, _, 0) => NameLevel::Homophone,
        (1.., 0, 1) => NameLevel::OneCharacter,
        _ => NameLevel::Different,
    }
}

/// Names of minorities are long, and some systems hold four characters: the shorter is a beginning of the longer.
fn is_cut_short(a: &[Unit], b: &[Unit]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    short.len() >= 4 && long.len() >= 6 && long.starts_with(short)
}

fn sounds_alike(a: &Unit, b: &Unit, is_first: bool) -> bool {
    match (a, b) {
        (Unit::Han(x), Unit::Han(y)) => {
            let other = readings_of(*y, is_first);
            readings_of(*x, is_first).iter().any(|r| other.contains(r))
        }
        (Unit::Han(x), Unit::Latin(run)) | (Unit::Latin(run), Unit::Han(x)) => {
            readings_of(*x, is_first).iter().any(|r| r == run)
        }
        _ => false,
    }
}

fn looks_alike(a: &Unit, b: &Unit) -> bool {
    match (a, b) {
        (Unit::Unreadable, _) | (_, Unit::Unreadable) => true,
        (Unit::Han(x), Unit::Han(y)) => LOOKALIKES.iter().any(|group| group.contains(*x) && group.contains(*y)),
        _ => false,
    }
}

/// Every toneless reading of a character, the surname's among them where it begins a name.
fn readings_of(ch: char, is_first: bool) -> Vec<String> {
    let mut out: Vec<String> = ch
        .to_pinyin_multi()
        .map(|all| all.into_iter().map(|p| p.plain().replace('ü', "v")).collect())
        .unwrap_or_default();
    if is_first && let Some(reading) = surname_reading(ch) {
        out.push(reading.to_owned());
    }
    out
}

fn surname_reading(ch: char) -> Option<&'static str> {
    SURNAME_READINGS.iter().find(|(surname, _)| *surname == ch).map(|(_, reading)| *reading)
}

/// The name in toneless pinyin, read as a surname is and read as the characters usually are. Equal where the surname
/// has no reading of its own.
fn pinyin_keys(name: &str) -> [String; 2] {
    let compound =
        COMPOUND_READINGS.iter().find(|(surname, _)| name.starts_with(surname)).map(|(_, readings)| readings);
    let mut as_surname = String::new();
    let mut as_usual = String::new();
    for (at, unit) in units(name).into_iter().enumerate() {
        let usual = match &unit {
            Unit::Han(ch) => ch.to_pinyin().map_or_else(|| ch.to_string(), |p| p.plain().replace('ü', "v")),
            Unit::Latin(run) => run.clone(),
            Unit::Unreadable => "?".to_owned(),
        };
        let special = compound.and_then(|readings| readings.get(at).copied()).or(match unit {
            Unit::Han(ch) if at == 0 => surname_reading(ch),
            _ => None,
        });
        for (key, reading) in [(&mut as_surname, special.unwrap_or(&usual)), (&mut as_usual, usual.as_str())] {
            if at > 0 {
                key.push(' ');
            }
            key.push_str(reading);
        }
    }
    [as_surname, as_usual]
}

/// Whether a text in a name column names an organisation: property and leases are also held by companies and offices.
pub(crate) fn is_organisation(name: &str) -> bool {
    const ENDINGS: [&str; 16] = [
        "公司",
        "集团",
        "委员会",
        "居委会",
        "村委会",
        "合作社",
        "办事处",
        "政府",
        "中心",
        "学校",
        "医院",
        "银行",
        "协会",
        "基金会",
        "事务所",
        "管理局",
    ];
    name.chars().count() >= 4 && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_what_goes_wrong_with_them() {
        for (a, b, wanted) in [
            ("王小明", "王小明", NameLevel::Same),
            ("张伟", "张玮", NameLevel::Homophone),
            ("曾丽", "zeng丽", NameLevel::Homophone),
            ("王喆", "王zhe", NameLevel::Homophone),
            ("李?", "李娜", NameLevel::OneCharacter),
            ("王\u{e123}强", "王志强", NameLevel::OneCharacter),
            ("陈未", "陈末", NameLevel::OneCharacter),
            ("阿卜杜拉", "阿卜杜拉买买提", NameLevel::Truncated),
            ("王小明", "王大明", NameLevel::Different),
            ("王子涵", "王子轩", NameLevel::Different),
            ("王明", "王小明", NameLevel::Different),
            ("??", "李娜", NameLevel::Different),
            ("", "李娜", NameLevel::Different),
        ] {
            assert_eq!(compare_names(a, b), wanted, "{a} {b}");
            assert_eq!(compare_names(b, a), wanted, "{b} {a}");
        }
    }

    #[test]
    fn surnames_are_read_as_surnames_and_as_the_dictionary_has_them() {
        assert_eq!(pinyin_keys("单雄"), ["shan xiong", "dan xiong"].map(str::to_owned));
        assert_eq!(pinyin_keys("万俟雪").first().map(String::as_str), Some("mo qi xue"));
        assert_eq!(pinyin_keys("吕强"), ["lv qiang", "lv qiang"].map(str::to_owned));
    }

    #[test]
    fn names_that_sound_alike_share_a_reading() {
        let mut names = Names::default();
        let (a, b, c) = (names.code("仇伟"), names.code("仇炜"), names.code("邱伟"));
        assert_eq!(names.readings(a), names.readings(b));
        assert_eq!(names.readings(a).first(), names.readings(c).first());
        assert_eq!(names.level(a, NONE), NameLevel::Same);
        assert_eq!(names.readings(NONE), [NONE, NONE]);
    }

    #[test]
    fn companies_are_no_persons() {
        assert!(is_organisation("云州置业有限公司"));
        assert!(!is_organisation("王中心"));
    }
}
