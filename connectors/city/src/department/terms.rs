//! Words departments use for codes, and texts they fill in. Each word is one the shared code lists or their synonyms know.

use crate::people::{Attributes, Education, Marital, Person, Role, Sex};
use crate::rng::Rng;

/// Marital status in words.
pub(super) fn marital(rng: &mut Rng, person: &Person) -> &'static str {
    if person.age() < 16 {
        return if rng.chance(5_000) { "未婚" } else { "" };
    }
    match person.marital {
        Marital::Single => "未婚",
        Marital::Married => rng.weighted_text(&[("已婚", 70), ("有配偶", 12), ("初婚", 18)]),
        Marital::Widowed => "丧偶",
        Marital::Divorced => rng.weighted_text(&[("离婚", 70), ("离异", 30)]),
    }
}

/// Education in words.
pub(super) fn education(rng: &mut Rng, attributes: &Attributes) -> &'static str {
    match attributes.education {
        Education::None => "",
        Education::Primary => "小学",
        Education::Junior => "初中",
        Education::Senior => rng.weighted_text(&[("高中", 80), ("普通高中", 20)]),
        Education::Vocational => rng.weighted_text(&[("中专", 80), ("技工学校", 20)]),
        Education::College => rng.weighted_text(&[("大专", 75), ("专科", 25)]),
        Education::Bachelor => rng.weighted_text(&[("本科", 60), ("大学本科", 25), ("大学", 15)]),
        Education::Master => rng.weighted_text(&[("硕士", 60), ("硕士研究生", 40)]),
    }
}

/// Relation to the head of the household. `nth` counts children from 1; `children` is how many there are.
pub(super) fn relation(person: &Person, nth: usize, children: usize) -> &'static str {
    let male = person.sex == Sex::Male;
    match person.role {
        Role::Head => "户主",
        Role::Spouse if male => "夫",
        Role::Spouse => "妻",
        Role::Parent if male => "父亲",
        Role::Parent => "母亲",
        Role::Grandchild if male => "孙子",
        Role::Grandchild => "孙女",
        Role::Stranger => "非亲属",
        Role::Child => match (male, children > 1, nth) {
            (true, true, 1) => "长子",
            (true, true, 2) => "次子",
            (false, true, 1) => "长女",
            (false, true, 2) => "次女",
            (true, ..) => "子",
            (false, ..) => "女",
        },
    }
}

/// Ethnicity in one of its writings.
pub(super) fn ethnicity(rng: &mut Rng, person: &Person) -> String {
    let name = person.ethnicity;
    match name {
        "汉族" => rng.weighted_text(&[("汉族", 80), ("汉", 19), ("HA", 1)]).to_owned(),
        other => other.to_owned(),
    }
}

const TRADES: &[&str] = &[
    "机械", "电子", "服装", "食品", "建材", "物流", "软件", "餐饮", "贸易", "物业", "化工", "汽配", "家具", "纺织",
    "广告",
];
const FIRMS: &[&str] =
    &["恒源", "瑞丰", "金桥", "宏达", "东升", "新源", "华泰", "鼎盛", "安信", "博远", "云帆", "长风"];
const PUBLIC: &[&str] = &[
    "云州市示范区第一中学",
    "云州市示范区实验小学",
    "云州市示范区人民医院",
    "云州市示范区中心幼儿园",
    "云州市示范区市场监管局",
    "云州市公交集团",
    "云州市水务公司",
];

/// Name of an invented employer.
pub(super) fn employer(number: u64) -> String {
    let pick = |list: &[&'static str], at: u64| {
        usize::try_from(at % list.len() as u64).ok().and_then(|i| list.get(i).copied()).unwrap_or_default()
    };
    if number.is_multiple_of(11) {
        return pick(PUBLIC, number / 11).to_owned();
    }
    format!("云州{}{}有限公司", pick(FIRMS, number), pick(TRADES, number / 12))
}

const FAR: &[&str] = &[
    "临海省东平市",
    "临海省望海市",
    "岭南西省石泉市",
    "江淮东省云溪市",
    "秦中省定川市",
    "塞北省青原市",
    "滇东省红河源市",
];
const FAR_COUNTIES: &[&str] = &["清河县", "东山县", "白水县", "金沙县", "龙门县", "太平县", "新源县", "古城县"];
const FAR_TOWNS: &[&str] = &["石桥镇", "柳林镇", "马家镇", "双河镇", "大营镇", "红旗镇", "黄土镇"];
const FAR_VILLAGES: &[&str] = &["前进村", "王庄村", "李家村", "东沟村", "上坝村", "下河村", "新建村"];

/// A registered address elsewhere, in provinces that do not exist.
pub(super) fn address_elsewhere(rng: &mut Rng) -> String {
    let (far, county, town, village) =
        (rng.text(FAR), rng.text(FAR_COUNTIES), rng.text(FAR_TOWNS), rng.text(FAR_VILLAGES));
    format!("{far}{county}{town}{village}{}号", rng.between(1, 260))
}

/// An officer, doctor or clerk: only a name.
pub(super) fn staff(rng: &mut Rng) -> String {
    let sex = if rng.chance(5_000) { Sex::Male } else { Sex::Female };
    let year = i32::try_from(rng.between(1970, 1998)).unwrap_or(1985);
    format!("{}{}", crate::names::surname(rng), crate::names::given(rng, sex, year))
}
