//! Column headings: what a department printed, measured against what a dataset declares.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::{Dataset, HeadingMatch, shipped};

/// In [`shipped::HEADINGS`], a heading without meaning for us.
const DROP: &str = "<drop>";

static COMMON: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    shipped::HEADINGS
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .map(|(field, heading)| (normalise_heading(heading), field))
        .collect()
});

/// The canonical field that a heading usually means, whatever the dataset: `GMSFHM` is `id_no`. `None` for headings
/// that mean nothing (序号) or are not known.
#[must_use]
pub fn canonical_heading(heading: &str) -> Option<&'static str> {
    common(&normalise_heading(heading)).filter(|field| *field != DROP)
}

fn common(normal: &str) -> Option<&'static str> {
    COMMON.get(normal).or_else(|| COMMON.get(without_brackets(normal).as_str())).copied()
}

/// A heading without what only printing put there: width, spaces, line breaks, case, `*`, （必填）, a closing colon.
pub(crate) fn normalise_heading(heading: &str) -> String {
    let mut normal: String = heading
        .nfkc()
        .filter(|c| !c.is_whitespace() && !is_invisible(*c) && !"*※★●▲#'\"".contains(*c))
        .map(|c| match c {
            '【' | '[' | '{' | '〔' => '(',
            '】' | ']' | '}' | '〕' => ')',
            _ => c.to_ascii_uppercase(),
        })
        .collect();
    for mark in ["(必填)", "(必填项)", "(选填)", "(非必填)", "(必选)", "(可选)", "(下拉选择)", "(必须)"]
    {
        normal = normal.replace(mark, "");
    }
    while normal.ends_with([':', '、']) {
        normal.pop();
    }
    normal
}

/// Characters that take no room: zero-width, direction marks, byte order mark.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

fn without_brackets(normal: &str) -> String {
    let mut depth = 0_u32;
    normal
        .chars()
        .filter(|c| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// Which field each normalised heading stands for.
struct Claims(HashMap<String, usize>);

impl Claims {
    /// The declaration's own words first, then the common ones, so that a dataset may use a common word otherwise.
    fn of(dataset: &Dataset) -> Self {
        let mut claims = HashMap::new();
        let fields = || dataset.fields.iter().enumerate();
        for (idx, field) in fields() {
            let own =
                [field.zh.as_str(), field.name.as_str()].into_iter().chain(field.aliases.iter().map(String::as_str));
            for heading in own {
                claims.entry(normalise_heading(heading)).or_insert(idx);
            }
        }
        let stripped: Vec<(String, usize)> = claims.iter().map(|(h, idx)| (without_brackets(h), *idx)).collect();
        for (heading, idx) in stripped.into_iter().filter(|(h, _)| !h.is_empty()) {
            claims.entry(heading).or_insert(idx);
        }
        for (idx, field) in fields() {
            for (heading, _) in COMMON.iter().filter(|(_, canonical)| **canonical == field.name.as_str()) {
                claims.entry(heading.clone()).or_insert(idx);
            }
        }
        Self(claims)
    }

    fn get(&self, normal: &str) -> Option<usize> {
        self.0.get(normal).or_else(|| self.0.get(without_brackets(normal).as_str())).copied()
    }
}

impl Dataset {
    /// Measures the headings of a file against the declaration. Width, spaces, line breaks, case and marks such as
    /// （必填） do not matter. A heading under a merged group arrives as `group.sub`: tried whole, then as one word
    /// (`男方` over `姓名` is `男方姓名`), then `sub` alone if no other group has the same. Empty headings and those
    /// without meaning (序号) stand for no field and are not reported.
    #[must_use]
    pub fn match_headings(&self, headings: &[String]) -> HeadingMatch {
        let claims = Claims::of(self);
        let normal: Vec<String> = headings.iter().map(|h| normalise_heading(h)).collect();
        let mut found = HeadingMatch::default();
        let mut taken = vec![false; self.fields.len()];
        for (heading, printed) in normal.iter().zip(headings) {
            let claimed = claims.get(heading).or_else(|| grouped(heading, &normal, &claims));
            let Some(idx) = claimed else {
                found.fields.push(None);
                if !heading.is_empty() && common(heading) != Some(DROP) {
                    found.unknown.push(printed.clone());
                }
                continue;
            };
            match (taken.get_mut(idx), self.fields.get(idx)) {
                (Some(taken), _) if !*taken => {
                    *taken = true;
                    found.fields.push(Some(idx));
                }
                (_, Some(field)) => {
                    found.fields.push(None);
                    found.ambiguous.push((field.name.clone(), printed.clone()));
                }
                _ => found.fields.push(None),
            }
        }
        let missing = || self.fields.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(field, _)| field);
        found.missing = missing().map(|f| f.name.clone()).collect();
        found.missing_required = missing().filter(|f| f.required).map(|f| f.name.clone()).collect();
        found
    }
}

fn grouped(heading: &str, all: &[String], claims: &Claims) -> Option<usize> {
    let (group, sub) = heading.rsplit_once('.')?;
    let last_group = group.rsplit('.').next().unwrap_or(group);
    if let Some(idx) = claims.get(&format!("{last_group}{sub}")) {
        return Some(idx);
    }
    let same_sub = all.iter().filter(|h| h.rsplit('.').next() == Some(sub)).count();
    if same_sub == 1 { claims.get(sub) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DatasetId, Registry};

    fn fields(dataset: &str, headings: &[&str]) -> (Vec<Option<String>>, HeadingMatch) {
        let registry = Registry::shipped().unwrap();
        let dataset = registry.dataset(&DatasetId::try_from(dataset).unwrap()).unwrap();
        let headings: Vec<String> = headings.iter().map(|h| (*h).to_owned()).collect();
        let found = dataset.match_headings(&headings);
        let names = found.fields.iter().map(|f| f.map(|idx| dataset.fields[idx].name.to_string())).collect();
        (names, found)
    }

    fn some(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|n| (!n.is_empty()).then(|| (*n).to_owned())).collect()
    }

    #[test]
    fn printing_does_not_matter() {
        let (names, found) = fields(
            "police.resident",
            &[
                "序号",
                "人员编号",
                "姓  名",
                "公民身份\n号码*",
                "ＸＢ",
                "出生日期：",
                "与户主关系（必填）",
                "联系电话(手机)",
                "hjxz",
                "鞋码",
            ],
        );
        let wanted = [
            "",
            "record_no",
            "name",
            "id_no",
            "sex",
            "birth_date",
            "relation_to_head",
            "phone",
            "registered_address",
            "",
        ];
        assert_eq!(names, some(&wanted));
        assert_eq!(found.unknown, ["鞋码"]);
        assert!(found.missing_required.is_empty());
        assert!(found.missing.iter().any(|name| name.as_str() == "former_name"));
    }

    #[test]
    fn a_required_heading_is_missed() {
        let (_, found) = fields("police.resident", &["姓名"]);
        assert_eq!(found.missing_required.iter().map(ToString::to_string).collect::<Vec<_>>(), ["record_no"]);
    }

    #[test]
    fn two_headings_for_one_field_are_told() {
        let (names, found) = fields("police.resident", &["身份证号", "公民身份号码"]);
        assert_eq!(names, some(&["id_no", ""]));
        assert_eq!(found.ambiguous.len(), 1);
        assert_eq!((found.ambiguous[0].0.as_str(), found.ambiguous[0].1.as_str()), ("id_no", "公民身份号码"));
    }

    #[test]
    fn groups_are_read_with_their_sub_headings() {
        let (names, _) =
            fields("civil.subsistence", &["保障人数.总人数", "保障人数.重点保障人数", "领取.月保障金额", "户主.姓名"]);
        assert_eq!(names, some(&["members", "key_members", "monthly_amount", "head_name"]));
        let (names, _) = fields("civil.marriage", &["男方.姓名", "男方.身份证号", "女方.姓名", "女方.身份证号"]);
        assert_eq!(names, some(&["husband_name", "husband_id_no", "wife_name", "wife_id_no"]));
        let (names, found) = fields("civil.elder_allowance", &["甲.姓名", "乙.姓名"]);
        assert_eq!(names, some(&["", ""]));
        assert_eq!(found.unknown.len(), 2);
    }

    #[test]
    fn a_dataset_may_use_a_common_word_otherwise() {
        let (names, _) = fields("police.floating", &["公民身份号码", "证件号码"]);
        assert_eq!(names, some(&["id_no", "permit_no"]));
    }

    #[test]
    fn every_printed_title_finds_its_own_field() {
        for dataset in Registry::shipped().unwrap().datasets() {
            let titles: Vec<String> = dataset.fields.iter().map(|f| f.zh.clone()).collect();
            let found = dataset.match_headings(&titles);
            let wanted: Vec<Option<usize>> = (0..dataset.fields.len()).map(Some).collect();
            assert_eq!(found.fields, wanted, "{}", dataset.id);
            assert!(found.missing.is_empty() && found.unknown.is_empty() && found.ambiguous.is_empty());
        }
    }
}
