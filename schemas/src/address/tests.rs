use proptest::prelude::*;

use super::*;

fn elements(text: &str) -> Vec<(&'static str, String)> {
    let a = StandardAddress::parse(text);
    [
        ("province", a.province),
        ("city", a.city),
        ("county", a.county),
        ("street", a.street),
        ("community", a.community),
        ("road", a.road),
        ("plate", a.plate_no),
        ("compound", a.compound),
        ("rest", a.rest),
        ("building", a.building_no),
        ("unit", a.unit_no),
        ("floor", a.floor_no),
        ("room", a.room_no),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

fn check(text: &str, wanted: &[(&'static str, &str)]) {
    let wanted: Vec<(&str, String)> = wanted.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    assert_eq!(elements(text), wanted, "{text}");
}

#[test]
fn a_full_address_has_all_its_elements() {
    check(
        "浙江省杭州市西湖区翠苑街道翠苑一区社区文一路105号翠苑一区3幢2单元5层501室",
        &[
            ("province", "浙江省"),
            ("city", "杭州市"),
            ("county", "西湖区"),
            ("street", "翠苑街道"),
            ("community", "翠苑一区社区"),
            ("road", "文一路"),
            ("plate", "105"),
            ("compound", "翠苑一区"),
            ("building", "3"),
            ("unit", "2"),
            ("floor", "5"),
            ("room", "501"),
        ],
    );
    check(
        "云州省云州市示范区望湖街道锦溪社区锦江路12号望湖花园3幢2单元501室",
        &[
            ("province", "云州省"),
            ("city", "云州市"),
            ("county", "示范区"),
            ("street", "望湖街道"),
            ("community", "锦溪社区"),
            ("road", "锦江路"),
            ("plate", "12"),
            ("compound", "望湖花园"),
            ("building", "3"),
            ("unit", "2"),
            ("room", "501"),
        ],
    );
}

#[test]
fn invented_regions_are_left_as_they_are() {
    for text in [
        "临海省东平市太平县石桥镇前进村12号",
        "岭南西省石泉市清河县马家镇王庄村8号",
        "滇东省红河源市龙门县红旗镇新建村3号",
    ] {
        let address = StandardAddress::parse_in(text, "云州省云州市示范区");
        assert_eq!(address.to_string(), text);
        assert!(address.county.ends_with('县') && address.street.ends_with('镇') && address.community.ends_with('村'));
        assert!(!address.plate_no.is_empty() && address.compound.is_empty());
    }
}

#[test]
fn villages_lanes_and_yards_are_known() {
    check(
        "江苏省苏州市吴江区震泽镇双阳村5组12号",
        &[
            ("province", "江苏省"),
            ("city", "苏州市"),
            ("county", "吴江区"),
            ("street", "震泽镇"),
            ("community", "双阳村"),
            ("road", "5组"),
            ("plate", "12"),
        ],
    );
    check(
        "上海市长宁区仙霞路99弄3支弄12号601",
        &[("province", "上海市"), ("county", "长宁区"), ("road", "仙霞路99弄3支弄"), ("plate", "12"), ("room", "601")],
    );
    check(
        "北京市朝阳区文慧园路12号院3号楼501",
        &[
            ("province", "北京市"),
            ("county", "朝阳区"),
            ("road", "文慧园路"),
            ("plate", "12号院"),
            ("building", "3"),
            ("room", "501"),
        ],
    );
    check("翠苑小区3号501室", &[("plate", "3"), ("compound", "翠苑小区"), ("room", "501")]);
    check("文一路105弄12-601", &[("road", "文一路105弄"), ("plate", "12"), ("room", "601")]);
    check("人民路12", &[("road", "人民路"), ("plate", "12")]);
}

#[test]
fn texts_that_are_no_address_lose_nothing() {
    check(
        "人民路与解放路交叉口东北角50米",
        &[("road", "人民路"), ("compound", "与解放路交叉口东北角"), ("rest", "50米")],
    );
    check("翠苑一区501", &[("compound", "翠苑一区"), ("rest", "501")]);
    check("翠苑一区3-501", &[("compound", "翠苑一区"), ("rest", "3-501")]);
    check("", &[]);
    for text in
        ["人民路与解放路交叉口东北角50米", "翠苑一区501", "中心广场", "杭州路12号", "北京路", "南京东路100号世纪超市"]
    {
        assert_eq!(StandardAddress::parse(text).to_string(), text);
    }
}

#[test]
fn regions_are_completed_repeated_and_renamed() {
    for (text, wanted) in [
        ("江苏苏州吴江区江苏苏州市吴江区震泽镇双阳路158号", "江苏省苏州市吴江区震泽镇双阳路158号"),
        ("江苏省苏州市吴江市震泽镇双阳路158号", "江苏省苏州市吴江区震泽镇双阳路158号"),
        ("江苏省吴江市震泽镇双阳路158号", "江苏省苏州市吴江区震泽镇双阳路158号"),
        ("苏州市吴江区震泽镇双阳路158号", "江苏省苏州市吴江区震泽镇双阳路158号"),
        ("广东深圳南山区龙珠大道5号", "广东省深圳市南山区龙珠大道5号"),
        ("北京北京市朝阳区建国路1号", "北京市朝阳区建国路1号"),
        ("内蒙古呼和浩特市新城区新华大街1号", "内蒙古自治区呼和浩特市新城区新华大街1号"),
        ("河南省济源市沁园街道1号", "河南省济源市沁园街道1号"),
        ("杭州市江干区凯旋路1号", "浙江省杭州市江干区凯旋路1号"),
        ("浙江省杭州市翠苑一区3幢", "浙江省杭州市翠苑一区3幢"),
    ] {
        assert_eq!(StandardAddress::parse(text).to_string(), wanted, "{text}");
    }
}

#[test]
fn a_region_is_prepended_where_it_was_left_out() {
    let demo = "云州省云州市示范区";
    for (text, region, wanted) in [
        ("西湖区翠苑街道翠苑一区3幢", "浙江省杭州市", "浙江省杭州市西湖区翠苑街道翠苑一区3幢"),
        ("翠苑一区3幢", "浙江省杭州市西湖区", "浙江省杭州市西湖区翠苑一区3幢"),
        ("杭州市西湖区翠苑一区3幢", "浙江省杭州市", "浙江省杭州市西湖区翠苑一区3幢"),
        ("江苏省苏州市吴江区震泽镇1号", "浙江省杭州市", "江苏省苏州市吴江区震泽镇1号"),
        ("苏州吴江区震泽镇1号", "浙江省杭州市", "江苏省苏州市吴江区震泽镇1号"),
        ("望湖街道望湖花园3幢", demo, "云州省云州市示范区望湖街道望湖花园3幢"),
        ("示范区望湖街道望湖花园3幢", demo, "云州省云州市示范区望湖街道望湖花园3幢"),
        ("云州市示范区望湖花园3幢", demo, "云州省云州市示范区望湖花园3幢"),
        ("云州市望湖花园3幢", demo, "云州省云州市示范区望湖花园3幢"),
    ] {
        assert_eq!(StandardAddress::parse_in(text, region).to_string(), wanted, "{text}");
    }
}

#[test]
fn writings_of_one_flat_share_a_key() {
    let key = StandardAddress::parse("云州省云州市示范区望湖花园3幢2单元501室").house_key().unwrap();
    for text in [
        "云州市示范区望湖街道望湖花园3号楼2单元501",
        "云州市示范区望湖花园3-2-501",
        "云州市示范区望湖花园３＃楼二单元０５０１室",
        "云州市示范区锦江路12号望湖花园三幢2-501",
        "云州市示范区望湖花园3栋2单元501房（出租）",
        "云州市示范区 望湖花园 3座 2单元 五零一室",
        "云州市示范区望湖花园小区3幢2单元5层501室",
    ] {
        assert_eq!(StandardAddress::parse(text).house_key().as_ref(), Some(&key), "{text}");
    }
    for other in
        ["云州市示范区望湖花园3幢2单元502室", "云州市示范区望湖花园3幢501室", "云州市示范区望湖苑3幢2单元501室"]
    {
        assert_ne!(StandardAddress::parse(other).house_key().as_ref(), Some(&key), "{other}");
    }
    for short in ["云州市示范区望湖花园3幢", "云州市示范区望湖花园", "", "501室", "云州市示范区望湖花园3-501"]
    {
        assert_eq!(StandardAddress::parse(short).house_key(), None, "{short}");
    }
    let lane = StandardAddress::parse("文一路105弄12号601");
    assert_eq!(lane.house_key(), StandardAddress::parse("文一路105弄12-601室").house_key());
    assert!(lane.building_key().is_some());
    assert_eq!(
        StandardAddress::parse("翠苑一区3幢").building_key(),
        StandardAddress::parse("翠苑1区3号楼").building_key()
    );
}

#[test]
fn joined_flats_are_all_read() {
    let rooms: Vec<String> =
        StandardAddress::parse_all("翠苑一区3幢2单元501/502").into_iter().map(|a| a.room_no).collect();
    assert_eq!(rooms, ["501", "502"]);
    let rooms = StandardAddress::parse_all("翠苑一区3幢2单元501室|翠苑一区3幢2单元502室");
    assert_eq!(rooms.iter().map(|a| a.room_no.as_str()).collect::<Vec<_>>(), ["501", "502"]);
}

#[test]
fn a_debug_text_tells_nothing() {
    assert_eq!(format!("{:?}", StandardAddress::parse("翠苑一区3幢")), "StandardAddress(hidden)");
}

proptest! {
    #[test]
    fn reading_is_total(text in "[省市区县街道镇村社路弄号幢栋座楼单元层室一二三十0-9a-zA-Z#()（）/、 -]{0,24}") {
        let _ = StandardAddress::parse(&text).to_string();
        let _ = StandardAddress::parse_in(&text, "浙江省杭州市").house_key();
        let _ = StandardAddress::parse_all(&text);
    }

    #[test]
    fn canonical_text_reads_as_itself(
        region in prop::sample::select(vec!["", "西湖区", "杭州市西湖区", "江苏苏州吴江市", "云州市示范区", "北京市朝阳区"]),
        middle in prop::sample::select(vec!["", "翠苑街道", "翠苑街道翠苑一区社区", "震泽镇双阳村", "马家镇"]),
        road in prop::sample::select(vec!["", "5组", "五组12号", "文一路105号", "文一路12-3号", "仙霞路99弄3支弄12号", "龙珠大道", "建国路甲5号", "人民路12号院"]),
        compound in prop::sample::select(vec!["", "翠苑一区", "翠苑1区", "望湖花园", "桃源村", "【世纪公寓】", "金桐新村（附近）"]),
        tail in prop::sample::select(vec![
            "", "3幢2单元501室", "3号楼2单元501", "3-2-501", "3#2-501", "B座1201", "三号楼二单元五零一室", "3幢5层501室", "501室", "501",
            "3-501", "5楼501", "甲幢101室", "3幢2单元501/502", "12号501室", "0501", "3楼2单元101",
        ]),
    ) {
        let once = StandardAddress::parse(&format!("{region}{middle}{road}{compound}{tail}"));
        let again = StandardAddress::parse(&once.to_string());
        prop_assert_eq!(again.to_string(), once.to_string());
        prop_assert_eq!(again.house_key(), once.house_key());
    }

    #[test]
    fn reading_any_text_is_total(text in "\\PC*") {
        let _ = StandardAddress::parse(&text).to_string();
    }

    #[test]
    fn generated_addresses_round_trip(
        region in prop::sample::select(vec!["", "浙江省杭州市西湖区", "云州省云州市示范区", "上海市长宁区"]),
        street in prop::sample::select(vec!["", "望湖街道", "震泽镇"]),
        community in prop::sample::select(vec!["", "锦溪社区"]),
        road in prop::sample::select(vec!["", "锦江路12号", "仙霞路99弄3号", "龙珠大道8号之2"]),
        compound in prop::sample::select(vec!["", "望湖花园", "翠苑一区", "金桐新村"]),
        building in 1_u32..40, unit in 1_u32..6, room in 101_u32..3304,
    ) {
        let gap = if road.ends_with('2') && compound.is_empty() { "-" } else { "" };
        let text = format!("{region}{street}{community}{road}{compound}{gap}{building}幢{unit}单元{room}室");
        let address = StandardAddress::parse(&text);
        prop_assert_eq!(&address.to_string(), &text);
        prop_assert_eq!(address.building_no, building.to_string());
        prop_assert_eq!(address.unit_no, unit.to_string());
        prop_assert_eq!(address.room_no, room.to_string());
        prop_assert_eq!(address.compound, compound);
    }
}
