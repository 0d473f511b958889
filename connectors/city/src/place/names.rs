//! Place names: every street, community, compound and road of the city gets its own, by number.

use crate::rng::{Stream, mix, permute};

const FIRST: [&str; 60] = [
    "云", "望", "锦", "翠", "清", "兰", "桂", "松", "竹", "梅", "凤", "龙", "鹤", "鹭", "燕", "虹", "霞", "星", "月",
    "晨", "朝", "春", "秋", "晴", "雪", "金", "银", "玉", "珠", "碧", "青", "紫", "丹", "白", "绿", "长", "永", "安",
    "宁", "康", "和", "福", "德", "仁", "义", "信", "文", "书", "学", "明", "景", "秀", "芳", "芝", "荷", "莲", "枫",
    "柳", "槐", "桐",
];
const SECOND: [&str; 50] = [
    "湖", "溪", "江", "山", "泉", "桥", "林", "石", "塘", "洲", "屏", "岭", "坪", "河", "海", "岩", "峰", "岗", "坡",
    "台", "亭", "阁", "渡", "津", "浦", "滨", "汀", "岸", "涧", "源", "丘", "原", "畈", "垅", "坞", "潭", "浪", "波",
    "屿", "岛", "港", "田", "麓", "湾", "樟", "榆", "柏", "杉", "桃", "杏",
];
const COMPOUND_KINDS: [&str; 9] = ["小区", "花园", "苑", "公寓", "家园", "新村", "雅苑", "嘉园", "名苑"];
const ROAD_KINDS: [&str; 3] = ["路", "街", "大道"];

/// Distinct names of two characters.
const PAIRS: u64 = 60 * 50;

fn pair(seed: u64, kind: u64, number: u64) -> String {
    let cell = permute(mix(seed ^ ((Stream::PlaceName as u64) << 8) ^ kind), PAIRS, number % PAIRS);
    let pick = |names: &[&'static str], at: u64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    // Names beyond the pairs get a direction, so that they still differ.
    let side = match number / PAIRS {
        0 => "",
        1 => "东",
        2 => "西",
        3 => "南",
        _ => "北",
    };
    format!("{side}{}{}", pick(&FIRST, cell / 50), pick(&SECOND, cell % 50))
}

/// Name of the street of that number: 望湖街道.
pub(crate) fn street_name(seed: u64, number: u64) -> String {
    format!("{}街道", pair(seed, 1, number))
}

/// Name of the community of that number.
pub(crate) fn community_name(seed: u64, number: u64) -> String {
    format!("{}社区", pair(seed, 2, number))
}

/// Name of the compound of that number; distinct up to 135,000.
pub(crate) fn compound_name(seed: u64, number: u64) -> String {
    let kinds = COMPOUND_KINDS.len() as u64;
    let turn = (number / PAIRS + mix(seed ^ (number % PAIRS)) % kinds) % kinds;
    let kind = usize::try_from(turn).ok().and_then(|k| COMPOUND_KINDS.get(k).copied()).unwrap_or_default();
    let lap = number / (PAIRS * kinds);
    format!("{}{kind}", pair(seed, 3, number % PAIRS + lap * PAIRS))
}

/// Name of the road of that number.
pub(crate) fn road_name(seed: u64, number: u64) -> String {
    let kind =
        usize::try_from(mix(seed ^ number) % 3).ok().and_then(|k| ROAD_KINDS.get(k).copied()).unwrap_or_default();
    format!("{}{kind}", pair(seed, 4, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_kind_have_different_names() {
        for name in [street_name, community_name, compound_name, road_name] {
            let mut all: Vec<String> = (0..9_000).map(|n| name(3, n)).collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 9_000);
        }
        let mut many: Vec<String> = (0..60_000).map(|n| compound_name(3, n)).collect();
        many.sort();
        many.dedup();
        assert_eq!(many.len(), 60_000);
    }
}
