//! The start of an address: province, prefecture, county, in force or abolished, repeated or left out.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::division::{COUNTIES, County, county};

/// A region, its missing parts empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) province: String,
    pub(crate) city: String,
    pub(crate) county: String,
    /// The deepest code that is known for sure: two, four or six digits.
    code: &'static str,
}

impl Region {
    /// Reads the region of a file.
    pub(crate) fn parse(text: &str) -> Self {
        take_region(text.trim(), None).0
    }

    /// The six-digit code of a text that is a region and nothing else.
    pub(crate) fn code_of(text: &str) -> Option<String> {
        let (region, rest) = take_region(text.trim(), None);
        (rest.is_empty() && !region.code.is_empty()).then(|| format!("{:0<6}", region.code))
    }

    fn is_empty(&self) -> bool {
        self.province.is_empty() && self.city.is_empty() && self.county.is_empty()
    }
}

/// Names of regions and what they stand for.
struct Names {
    /// By the first two characters: code of two digits, full name, short name.
    provinces: HashMap<&'static str, (&'static str, &'static str, &'static str)>,
    /// Full names of prefectures: codes of four digits.
    cities: HashMap<&'static str, Vec<&'static str>>,
    /// Short names of prefectures in force: code of four digits and full name.
    short_cities: HashMap<&'static str, (&'static str, &'static str)>,
    counties: HashMap<&'static str, Vec<&'static County>>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names {
        provinces: HashMap::new(),
        cities: HashMap::new(),
        short_cities: HashMap::new(),
        counties: HashMap::new(),
    };
    for entry in COUNTIES.iter().filter(|c| !c.name.is_empty()) {
        let (Some(two), Some(four)) = (entry.code.get(..2), entry.code.get(..4)) else { continue };
        if entry.code.ends_with("0000") {
            let start = first_two(entry.name);
            names.provinces.entry(start).or_insert((two, entry.name, short_province(entry.name)));
        } else if entry.code.ends_with("00") {
            if entry.name.contains("直辖") || entry.name == "市辖区" {
                continue;
            }
            names.cities.entry(entry.name).or_default().push(four);
            if entry.in_force {
                names.short_cities.entry(short_city(entry.name)).or_insert((four, entry.name));
            }
        } else if !matches!(entry.name, "市辖区" | "市区" | "郊区" | "新区" | "二区") {
            names.counties.entry(entry.name).or_default().push(entry);
        }
    }
    names
});

fn first_two(name: &str) -> &str {
    let end = name.char_indices().nth(2).map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

fn short_province(name: &'static str) -> &'static str {
    if name.starts_with("内蒙古") {
        return "内蒙古";
    }
    if name.ends_with("自治区") || name.ends_with("行政区") {
        return first_two(name);
    }
    name.trim_end_matches(['省', '市'])
}

fn short_city(name: &'static str) -> &'static str {
    for ending in ["地区", "市", "盟"] {
        if let Some(short) = name.strip_suffix(ending) {
            return short;
        }
    }
    // 黔东南苗族侗族自治州 has no short name that could not be something else.
    name
}

/// Takes the region from the start of an address. What the text leaves out is filled in from `within`, and from the
/// division tables where it follows.
pub(super) fn take_region<'t>(text: &'t str, within: Option<&Region>) -> (Region, &'t str) {
    let mut region = Region::default();
    let mut rest = text;
    for _ in 0..3 {
        if !region.is_empty() && !may_repeat(rest, &region) {
            break;
        }
        let (found, behind) = take_once(rest, &region, within);
        let repeats = region.is_empty()
            || [(&region.province, &found.province), (&region.city, &found.city), (&region.county, &found.county)]
                .iter()
                .all(|(have, new)| new.is_empty() || have.is_empty() || have == new);
        if found.is_empty() || !repeats {
            break;
        }
        merge(&mut region, found);
        rest = behind;
    }
    complete(&mut region);
    if let Some(within) = within {
        fill(&mut region, within);
    }
    (region, rest)
}

/// Whether the region could be written a second time here: then one of its names begins again.
fn may_repeat(rest: &str, region: &Region) -> bool {
    let next = rest.chars().next();
    next.is_some() && [&region.province, &region.city, &region.county].iter().any(|name| name.chars().next() == next)
}

fn merge(region: &mut Region, found: Region) {
    if found.code.len() > region.code.len() {
        region.code = found.code;
    }
    for (have, new) in
        [(&mut region.province, found.province), (&mut region.city, found.city), (&mut region.county, found.county)]
    {
        if have.is_empty() {
            *have = new;
        }
    }
}

/// A prefecture and a province that follow from the code.
fn complete(region: &mut Region) {
    let code = region.code;
    if region.province.is_empty()
        && let Some(province) = code.get(..2).and_then(|c| county(&format!("{c}0000")))
    {
        region.province = province.name.to_owned();
    }
    if region.city.is_empty()
        && code.len() == 6
        && let Some(city) = code.get(..4).and_then(|c| county(&format!("{c}00")))
        && !(city.name == "市辖区" || city.name == "县" || city.name.contains("直辖") || city.name == region.province)
    {
        region.city = city.name.to_owned();
    }
}

/// What a file's own region says about an address that leaves it out.
fn fill(region: &mut Region, within: &Region) {
    let same = |have: &str, other: &str| have.is_empty() || have == other;
    if !same(&region.province, &within.province) || !same(&region.city, &within.city) {
        return;
    }
    let known = region.code.len() == 6 && !region.city.is_empty();
    for (have, other) in [(&mut region.province, &within.province), (&mut region.city, &within.city)] {
        if have.is_empty() && !known {
            have.clone_from(other);
        }
    }
    if region.county.is_empty() {
        region.county.clone_from(&within.county);
    }
}

fn take_once<'t>(text: &'t str, known: &Region, within: Option<&Region>) -> (Region, &'t str) {
    let mut region = Region::default();
    let mut rest = text;
    if let Some((code, name, len)) = province(rest) {
        let behind = rest.get(len..).unwrap_or_default();
        let is_full = len >= name.len();
        let is_repeated = province(behind).is_some_and(|(again, ..)| again == code);
        if is_full || is_repeated || city(behind, Some(code), true).is_some() || county_in(behind, code).is_some() {
            (region.province, region.code) = (name.to_owned(), code);
            // 北京北京市: a municipality is its own prefecture.
            rest = behind.strip_prefix(name).unwrap_or(behind);
        }
    } else if let Some(len) = invented(rest, '省', 2..=4) {
        let (name, behind) = rest.split_at_checked(len).unwrap_or((rest, ""));
        (region.province, rest) = (name.to_owned(), behind);
    }
    let province_code = region.code.get(..2).or_else(|| known.code.get(..2));
    if let Some((code, name, len)) = city(rest, province_code, !region.province.is_empty()) {
        (region.city, region.code, rest) = (name.to_owned(), code, rest.get(len..).unwrap_or_default());
    } else if (known.city.is_empty() || rest.starts_with(&known.city))
        && county_named(rest, province_code.unwrap_or("")).is_none()
        && let Some(len) = invented_city(rest)
    {
        let (name, behind) = rest.split_at_checked(len).unwrap_or((rest, ""));
        (region.city, rest) = (name.to_owned(), behind);
    }
    let scope = [region.code, known.code, within.map_or("", |w| w.code)]
        .into_iter()
        .filter_map(|code| code.get(..4).or(code.get(..2)))
        .max_by_key(|code| code.len())
        .unwrap_or("");
    let scope = if region.code.len() == 2 { region.code } else { scope };
    // Below an invented prefecture no table applies.
    let invented_above = region.code.is_empty() && !(region.province.is_empty() && region.city.is_empty());
    if !invented_above && let Some((name, code, len)) = county_named(rest, scope) {
        region.county = name.to_owned();
        rest = rest.get(len..).unwrap_or_default();
        if !code.is_empty() {
            region.code = code;
        }
    } else if let Some(within) = within.filter(|w| !w.county.is_empty() && rest.starts_with(w.county.as_str())) {
        region.county.clone_from(&within.county);
        rest = rest.get(within.county.len()..).unwrap_or_default();
    } else if !region.city.is_empty()
        && let Some(len) = invented_county(rest, region.code.len() == 4)
    {
        let (name, behind) = rest.split_at_checked(len).unwrap_or((rest, ""));
        (region.county, rest) = (name.to_owned(), behind);
    }
    (region, rest)
}

/// Code, full name and length of a province, full or short.
fn province(text: &str) -> Option<(&'static str, &'static str, usize)> {
    let (code, full, short) = NAMES.provinces.get(first_two(text))?;
    if text.starts_with(full) {
        Some((code, full, full.len()))
    } else if text.starts_with(short) {
        Some((code, full, short.len()))
    } else {
        None
    }
}

/// Code, full name and length of a prefecture. A short name counts only before a county, or behind a province and not
/// before a word that makes it a road.
fn city(text: &str, province: Option<&str>, behind_province: bool) -> Option<(&'static str, &'static str, usize)> {
    let fits = |code: &str| province.is_none_or(|p| code.starts_with(p));
    for (at, c) in text.char_indices().skip(1).take(11) {
        if !matches!(c, '市' | '区' | '盟' | '州') {
            continue;
        }
        let name = text.get(..at + c.len_utf8())?;
        if let Some((name, codes)) = NAMES.cities.get_key_value(name) {
            let mut fitting = codes.iter().filter(|code| fits(code));
            if let Some(code) = fitting.next() {
                return Some((code, name, name.len()));
            }
        }
    }
    for (at, c) in text.char_indices().skip(1).take(3) {
        let name = text.get(..at + c.len_utf8())?;
        let Some((code, full)) = NAMES.short_cities.get(name).filter(|(code, _)| fits(code)) else { continue };
        let behind = text.get(name.len()..)?;
        let makes_a_road = behind.starts_with(['路', '街', '大', '道', '巷', '东', '西', '南', '北', '中', '市']);
        if county_in(behind, code).is_some() || (behind_province && !makes_a_road) {
            return Some((code, full, name.len()));
        }
    }
    None
}

fn county_in(text: &str, scope: &str) -> Option<(&'static str, &'static str, usize)> {
    county_named(text, scope).filter(|(_, code, _)| !code.is_empty())
}

/// Name in use today, code if it is certain, and length in the text, of a county within a scope of two or four digits.
fn county_named(text: &str, scope: &str) -> Option<(&'static str, &'static str, usize)> {
    for (n, (at, c)) in text.char_indices().enumerate().skip(1).take(14) {
        if c.is_ascii() {
            return None;
        }
        if !matches!(c, '区' | '县' | '市' | '旗' | '岛' | '域') {
            continue;
        }
        let name = text.get(..at + c.len_utf8())?;
        let Some(entries) = NAMES.counties.get(name) else { continue };
        if scope.len() < 4 && n < 2 {
            continue;
        }
        if let Some((name_now, code)) = resolve(entries, scope) {
            return Some((name_now, code, name.len()));
        }
    }
    None
}

/// What a name means within a scope: a county in force, or the one successor of an abolished one.
fn resolve(entries: &[&'static County], scope: &str) -> Option<(&'static str, &'static str)> {
    let mut in_force = entries.iter().filter(|e| e.in_force && e.code.starts_with(scope));
    if let Some(entry) = in_force.next() {
        let code = if in_force.next().is_none() && !scope.is_empty() { entry.code } else { "" };
        return Some((entry.name, code));
    }
    let mut found: Option<&'static County> = None;
    let mut abolished = None;
    for entry in entries.iter().filter(|e| !e.in_force) {
        let within = entry.code.starts_with(scope);
        match last_successor(entry) {
            Some(now) if now.code.starts_with(scope) => {
                if found.is_some_and(|f| f.code != now.code) {
                    return None;
                }
                found = Some(now);
            }
            _ if within => abolished = Some(entry.name),
            _ => {}
        }
    }
    match found {
        Some(now) => Some((now.name, if scope.is_empty() { "" } else { now.code })),
        None => abolished.filter(|_| !scope.is_empty()).map(|name| (name, "")),
    }
}

/// The county in force that an abolished one became, if it became one.
fn last_successor(entry: &'static County) -> Option<&'static County> {
    let mut entry = entry;
    for _ in 0..6 {
        if entry.in_force {
            let is_county = !entry.code.ends_with("00");
            return is_county.then_some(entry);
        }
        let [one] = entry.successors.as_slice() else { return None };
        entry = county(one)?;
    }
    None
}

/// Length of a name ending on `word` that no table has.
fn invented(text: &str, word: char, length: std::ops::RangeInclusive<usize>) -> Option<usize> {
    text.char_indices()
        .enumerate()
        .take(*length.end())
        .find(|(n, (_, c))| *c == word && length.contains(&(n + 1)))
        .map(|(_, (at, c))| at + c.len_utf8())
}

fn invented_city(text: &str) -> Option<usize> {
    let len = invented(text, '市', 3..=5)?;
    let name = text.get(..len)?;
    let before = name.chars().rev().nth(1)?;
    let plausible = !"超菜夜集花城都门书鱼".contains(before)
        && !name.chars().any(|c| c.is_ascii() || "路街道号镇乡村区".contains(c));
    plausible.then_some(len)
}

/// 示范区 and the like. In a prefecture of the tables only the kinds of zone that no division table has.
fn invented_county(text: &str, real_city: bool) -> Option<usize> {
    let len = ['区', '县', '旗'].into_iter().filter_map(|word| invented(text, word, 2..=8)).min()?;
    let name = text.get(..len)?;
    if name.chars().any(|c| c.is_ascii() || "路街道号镇乡村".contains(c)) {
        return None;
    }
    let is_zone = ["开发区", "高新区", "示范区", "度假区", "新区", "风景区", "保税区", "合作区"]
        .iter()
        .any(|w| name.ends_with(w));
    if real_city {
        return is_zone.then_some(len);
    }
    let before = name.chars().rev().nth(1)?;
    let is_part = "小社园校厂库景一二三四五六七八九十".contains(before)
        || ("东西南北中".contains(before) && name.chars().count() > 3);
    (!is_part).then_some(len)
}
