//! Addresses, down to the road and the compound.

use schemas::StandardAddress;

use super::REDACTED;

/// Words below the compound. An element that holds one was not parsed apart, so nothing of the address is shown.
const BELOW_COMPOUND: [&str; 7] = ["室", "单元", "幢", "栋", "号楼", "门牌", "房间"];

/// Words of sentences, not of places. An element that holds one is no address, so nothing of it is shown.
const TALK: [&str; 9] = ["住", "在", "电话", "手机", "联系", "身份", "姓名", "先生", "女士"];

/// How names of compounds end. The parser takes any words behind the road for a compound; only these are shown.
const COMPOUND_ENDINGS: [&str; 22] = [
    "小区", "花园", "家园", "公寓", "新村", "广场", "大厦", "大楼", "大院", "世家", "名都", "苑", "园", "城", "庭",
    "府", "湾", "郡", "墅", "阁", "轩", "坊",
];

/// Longest name of a place, in characters.
const ELEMENT_MAX: usize = 12;

/// `云州市示范区翠苑小区3幢2单元501室` to `云州市示范区翠苑小区`. Plate, building, unit and room are dropped, and so is
/// everything the parser does not know and every compound that is not named like one. Redacted if neither community, road
/// nor compound is left, or if any part reads like a sentence, a number, or a place inside a compound.
pub(super) fn write_compound(value: &str, out: &mut String) {
    let address = StandardAddress::parse(value);
    let region = [&address.province, &address.city, &address.county, &address.street];
    let place = [&address.community, &address.road, &address.compound];
    if region.iter().chain(&place).any(|element| is_suspicious(element)) {
        out.push_str(REDACTED);
        return;
    }
    let compound = if is_named_compound(&address.compound) { address.compound.as_str() } else { "" };
    if [address.community.as_str(), address.road.as_str(), compound].iter().all(|element| element.is_empty()) {
        out.push_str(REDACTED);
        return;
    }
    out.extend(region.iter().map(|element| element.as_str()));
    out.extend([address.community.as_str(), address.road.as_str(), compound]);
}

fn is_suspicious(element: &str) -> bool {
    let has = |word: &&str| element.contains(*word);
    element.chars().count() > ELEMENT_MAX
        || element.chars().filter(|c| c.is_numeric()).count() > 4
        || element.chars().any(|c| !c.is_alphanumeric() && c != '·')
        || BELOW_COMPOUND.iter().any(has)
        || TALK.iter().any(has)
}

/// Named like a compound: `翠苑小区`, or a numbered part of one: `翠苑一区`, `大桥道7弄`.
fn is_named_compound(element: &str) -> bool {
    let numbered = element.strip_suffix(['区', '弄']).and_then(|rest| rest.chars().next_back());
    COMPOUND_ENDINGS.iter().any(|ending| element.ends_with(ending))
        || numbered.is_some_and(|c| c.is_numeric() || "一二三四五六七八九十东西南北".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let mut out = String::new();
        write_compound(value, &mut out);
        assert_eq!(out, expected, "{value}");
    }

    #[test]
    fn building_unit_room_and_plate_are_dropped() {
        check("浙江省杭州市西湖区翠苑小区3幢2单元501室", "浙江省杭州市西湖区翠苑小区");
        check("翠苑小区3-2-501", "翠苑小区");
        check("翠苑一区3幢501室", "翠苑一区");
        check("人民路18号望湖花园3号楼", "人民路望湖花园");
        check("人民路18号", "人民路");
    }

    #[test]
    fn a_compound_not_named_like_one_is_dropped() {
        check("人民路与解放路交叉口东北角50米", "人民路");
        check("张三家3幢501室", REDACTED);
    }

    #[test]
    fn what_is_no_address_is_redacted() {
        for value in [
            "",
            " ",
            "不详",
            "13912345678",
            "住在亲戚家，电话13912345678",
            "暂住朋友的翠苑小区",
            "3幢2单元501室",
            "🙂",
            "John Smith",
        ] {
            check(value, REDACTED);
        }
    }
}
