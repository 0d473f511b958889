//! Education, work and the like, by age and sex.

use super::Sex;
use crate::rng::Rng;

/// What registers hold beside identity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) education: Education,
    pub(crate) occupation: &'static str,
    /// Index of an invented employer; none for those without work.
    pub(crate) employer: Option<u64>,
}

/// Level of education; departments have their own words for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Education {
    /// Too young for school, or never went.
    None,
    /// 小学
    Primary,
    /// 初中
    Junior,
    /// 高中
    Senior,
    /// 中专
    Vocational,
    /// 大专
    College,
    /// 本科
    Bachelor,
    /// 硕士
    Master,
}

const WORK_MALE: &[(&str, u32)] = &[
    ("工人", 18),
    ("司机", 10),
    ("技术员", 12),
    ("工程师", 9),
    ("销售人员", 9),
    ("个体经营者", 12),
    ("公务员", 4),
    ("教师", 3),
    ("医生", 2),
    ("保安", 5),
    ("快递员", 5),
    ("外卖骑手", 4),
    ("建筑工人", 10),
    ("厨师", 5),
    ("程序员", 5),
    ("会计", 2),
];
const WORK_FEMALE: &[(&str, u32)] = &[
    ("工人", 12),
    ("营业员", 14),
    ("会计", 9),
    ("教师", 9),
    ("护士", 6),
    ("文员", 12),
    ("个体经营者", 11),
    ("服务员", 9),
    ("家政服务员", 6),
    ("公务员", 3),
    ("医生", 2),
    ("设计师", 3),
    ("程序员", 2),
    ("社区工作者", 3),
];

/// Draws the attributes of somebody of that sex and age.
pub(crate) fn describe(rng: &mut Rng, sex: Sex, age: i32) -> Attributes {
    let education = education(rng, age);
    let retired_at = if sex == Sex::Male { 61 } else { 56 };
    let (occupation, works) = match age {
        ..=2 => ("", false),
        3..=5 => ("学龄前儿童", false),
        6..=18 => ("学生", false),
        19..=22 if rng.chance(6_500) => ("学生", false),
        a if a >= retired_at => ("退休人员", false),
        _ if rng.chance(900) => ("无业", false),
        _ => (rng.weighted_text(if sex == Sex::Male { WORK_MALE } else { WORK_FEMALE }), true),
    };
    Attributes { education, occupation, employer: (works && rng.chance(7_800)).then(|| rng.below(4_000)) }
}

fn education(rng: &mut Rng, age: i32) -> Education {
    use Education::{Bachelor, College, Junior, Master, None, Primary, Senior, Vocational};
    let weights: &[(Education, u32)] = match age {
        ..=5 => &[(None, 1)],
        6..=14 => &[(Primary, 1)],
        15..=17 => &[(Junior, 1)],
        18..=21 => &[(Senior, 62), (Vocational, 25), (Junior, 13)],
        22..=35 => &[(Bachelor, 30), (College, 27), (Master, 6), (Senior, 12), (Vocational, 9), (Junior, 16)],
        36..=50 => {
            &[(Bachelor, 15), (College, 18), (Master, 2), (Senior, 19), (Vocational, 10), (Junior, 32), (Primary, 4)]
        }
        51..=65 => &[(Bachelor, 4), (College, 8), (Senior, 20), (Vocational, 5), (Junior, 43), (Primary, 20)],
        _ => &[(Bachelor, 2), (College, 3), (Senior, 8), (Vocational, 3), (Junior, 26), (Primary, 45), (None, 13)],
    };
    rng.weighted(weights).copied().unwrap_or(None)
}
