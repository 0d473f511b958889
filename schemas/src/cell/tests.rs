use proptest::prelude::*;

use super::*;
use crate::{ColumnName, Identifiability, Sensitivity};

const ALL: [FieldType; 20] = [
    FieldType::Text,
    FieldType::CitizenId,
    FieldType::CreditCode,
    FieldType::DisabilityCertNo,
    FieldType::PersonName,
    FieldType::Phone,
    FieldType::Date,
    FieldType::PartialDate,
    FieldType::Timestamp,
    FieldType::Code,
    FieldType::Boolean,
    FieldType::Integer,
    FieldType::Float,
    FieldType::Amount,
    FieldType::Area,
    FieldType::Address,
    FieldType::DivisionCode,
    FieldType::DiagnosisCode,
    FieldType::Floor,
    FieldType::TextList,
];

fn field(field_type: FieldType, code_list: Option<&str>) -> Field {
    Field {
        name: ColumnName::try_from("birth_date").unwrap(),
        zh: "列".to_owned(),
        en: "column".to_owned(),
        field_type,
        aliases: Vec::new(),
        required: false,
        class: Sensitivity::P,
        ident: Identifiability::Attribute,
        code_list: code_list.map(str::to_owned),
        source_map: std::collections::BTreeMap::new(),
        null_words: Vec::new(),
        fill_down: false,
    }
}

fn read_field(field: Field, raw: &str) -> Cell {
    let registry = Registry::shipped().unwrap();
    let mut dataset = registry.datasets().next().unwrap().clone();
    dataset.fields = vec![field.clone()];
    CellReader::new(&registry, &dataset).read(&field, raw, RowContext::default())
}

fn read(field_type: FieldType, raw: &str) -> Cell {
    read_field(field(field_type, None), raw)
}

fn text(value: &str) -> Cell {
    Cell::Value(CellValue::Text(value.to_owned()), None)
}

fn noted(value: &str, remark: &'static str) -> Cell {
    Cell::Value(CellValue::Text(value.to_owned()), Some(remark))
}

#[test]
fn codes_are_read_with_their_list_only() {
    let sex = |raw: &str| read_field(field(FieldType::Code, Some("sex")), raw);
    for (raw, wanted) in [
        ("男", text("1")),
        ("ｆ", text("2")),
        ("2-女", text("2")),
        ("1", Cell::BySourceMap),
        ("9", text("9")),
        ("未知", text("0")),
        ("雄", Cell::Reject("code")),
        ("无", Cell::Null),
    ] {
        assert_eq!(sex(raw), wanted, "{raw}");
    }
    let mut mapped = field(FieldType::Code, Some("sex"));
    mapped.source_map.insert("0".to_owned(), "1".to_owned());
    assert_eq!(read_field(mapped, "0"), text("1"));
    let relation = |raw: &str| read_field(field(FieldType::Code, Some("family_relation")), raw);
    assert_eq!(relation("2"), Cell::BySourceMap);
    assert_eq!(relation("媳妇"), Cell::Review("relative"));
    assert_eq!(relation("02"), text("02"));
    let ethnicity = |raw: &str| read_field(field(FieldType::Code, Some("ethnicity")), raw);
    assert_eq!(ethnicity("1"), noted("01", "zero_restored"));
    assert_eq!(ethnicity("01汉族"), text("01"));
    assert_eq!(ethnicity("02汉族"), Cell::Reject("code"));
    let education = |raw: &str| read_field(field(FieldType::Code, Some("education")), raw);
    assert_eq!(education("文盲"), noted("90", "illiterate"));
    assert_eq!(education("21"), text("21"));
    assert_eq!(education("大专及以上"), Cell::Review("ambiguous"));
    let stage = |raw: &str| read_field(field(FieldType::Code, Some("event_stage")), raw);
    assert_eq!(stage("[作废]"), text("99"));
}

#[test]
fn a_source_map_serves_numbers_too() {
    let mut satisfaction = field(FieldType::Integer, None);
    satisfaction.source_map.insert("满意".to_owned(), "4".to_owned());
    assert_eq!(read_field(satisfaction, " 满意 "), Cell::Value(CellValue::Integer(4), None));
}

#[test]
fn documents_other_than_id_cards_pass() {
    for (raw, wanted) in [
        ("E12345678", noted("E12345678", "passport")),
        ("H12345678", noted("H12345678", "travel_permit_hmt")),
        ("830000199001010012", noted("830000199001010012", "residence_permit_hmt")),
        ("110105491231002", noted("11010519491231002X", "id15")),
        ("军字第123456号", noted("军字第123456号", "other_document")),
        ("身份证：11010519491231002X", text("11010519491231002X")),
        ("000000000000000000", Cell::Null),
        ("无证件123", Cell::Reject("length")),
    ] {
        assert_eq!(read(FieldType::CitizenId, raw), wanted, "{raw}");
    }
    assert_eq!(read(FieldType::DisabilityCertNo, "11010519491231002X44B1"), noted("11010519491231002X44", "reissued"));
    assert_eq!(read(FieldType::DisabilityCertNo, "11010519491231002X84"), Cell::Reject("charset"));
    assert_eq!(read(FieldType::DisabilityCertNo, "110105194912310021"), Cell::Reject("length"));
    assert_eq!(read(FieldType::DisabilityCertNo, "11010519491231002144"), Cell::Reject("checksum"));
}

#[test]
fn names_keep_every_character_and_hide_none() {
    for (raw, wanted) in [
        ("John  Smith", text("John Smith")),
        ("阿依古丽.买买提", text("阿依古丽·买买提")),
        ("李四（已故）", noted("李四", "deceased_mark")),
        ("李四(户主)", noted("李四", "name_remark")),
        ("李四(王五)", Cell::Review("ambiguous")),
        ("李", Cell::Review("short_name")),
        ("李女士", Cell::Review("short_name")),
        ("王XX", Cell::Reject("masked")),
        ("王某某", Cell::Review("masked")),
        ("新生儿", Cell::Review("unnamed_infant")),
        ("测试01", Cell::Reject("test_row")),
        ("王\u{e123}", Cell::Review("pua")),
        ("张三、李四", Cell::Review("ambiguous")),
        ("同上", Cell::Reject("ditto")),
        ("无", Cell::Null),
        ("寮犱笁", Cell::Review("mojibake")),
        ("张\u{fffd}", Cell::Reject("mojibake")),
    ] {
        assert_eq!(read(FieldType::PersonName, raw), wanted, "{raw}");
    }
}

#[test]
fn numbers_lose_their_units_but_no_digits() {
    let hundredths = |value| Cell::Value(CellValue::Hundredths(value), None);
    for (raw, wanted) in [
        ("1,200.50", hundredths(120_050)),
        ("1.2万元", hundredths(1_200_000)),
        ("人民币壹仟贰佰元伍角陆分", hundredths(120_056)),
        ("-5", hundredths(-500)),
        ("0", hundredths(0)),
        ("1.005", Cell::Value(CellValue::Hundredths(101), Some("rounded"))),
        ("1000-1500", Cell::Review("range")),
        ("很多", Cell::Review("number")),
        ("99999999999", Cell::Review("number")),
        ("1.2E+12", Cell::Reject("precision_lost")),
    ] {
        assert_eq!(read(FieldType::Amount, raw), wanted, "{raw}");
    }
    assert_eq!(read(FieldType::Area, "89.567 m²"), Cell::Value(CellValue::Hundredths(8957), Some("rounded")));
    assert_eq!(read(FieldType::Area, "-3"), Cell::Review("number"));
    let integer = |value| Cell::Value(CellValue::Integer(value), None);
    for (raw, wanted) in [
        ("3人", integer(3)),
        ("三", integer(3)),
        ("3.0", integer(3)),
        ("1,234", integer(1234)),
        ("-1", integer(-1)),
        ("3.5", Cell::Review("number")),
    ] {
        assert_eq!(read(FieldType::Integer, raw), wanted, "{raw}");
    }
    for (raw, wanted) in [
        ("5层", integer(5)),
        ("负1层", integer(-1)),
        ("B1", integer(-1)),
        ("-1", integer(-1)),
        ("地下一层", integer(-1)),
        ("第十二层", integer(12)),
        ("5F", integer(5)),
        ("5层/共18层", integer(5)),
        ("顶层", Cell::Review("relative")),
        ("5-6", Cell::Review("range")),
    ] {
        assert_eq!(read(FieldType::Floor, raw), wanted, "{raw}");
    }
    assert_eq!(read(FieldType::Float, "120.153576°"), Cell::Value(CellValue::Float(120.153_576), None));
    assert_eq!(read(FieldType::Float, "inf"), Cell::Review("number"));
}

#[test]
fn divisions_are_read_by_code_or_full_name() {
    for (raw, wanted) in [
        ("330106.0", text("330106")),
        ("33", text("33")),
        ("320584", text("320584")),
        ("999999", Cell::Reject("division")),
        ("33O106", Cell::Reject("charset")),
        ("浙江省杭州市西湖区", noted("330106", "from_name")),
        ("浙江杭州西湖区", noted("330106", "from_name")),
        ("浙江省", noted("330000", "from_name")),
        ("西湖区", Cell::Review("ambiguous")),
    ] {
        assert_eq!(read(FieldType::DivisionCode, raw), wanted, "{raw}");
    }
}

#[test]
fn dates_that_a_column_cannot_hold_are_held_back() {
    assert_eq!(read(FieldType::Date, "1970-01-02"), Cell::Value(CellValue::Date(1), None));
    assert_eq!(read(FieldType::Date, "1970-01"), Cell::Review("partial_date"));
    assert_eq!(read(FieldType::Date, "43836"), Cell::Value(CellValue::Date(18_267), Some("excel_serial")));
    assert_eq!(read(FieldType::Date, "1546747778000"), Cell::Value(CellValue::Date(17_902), None));
    assert_eq!(read(FieldType::Date, "2023-02-29"), Cell::Reject("date"));
    assert_eq!(read(FieldType::Date, "长期"), Cell::Null);
    assert_eq!(read(FieldType::PartialDate, "2190-01-01"), Cell::Reject("date"));
}

#[test]
fn a_reader_keeps_regions_of_files_apart() {
    let registry = Registry::shipped().unwrap();
    let reader = CellReader::new(&registry, registry.datasets().next().unwrap());
    let address = field(FieldType::Address, None);
    for (region, wanted) in [
        (Some("云州省云州市示范区"), "云州省云州市示范区望湖花园3幢"),
        (Some("浙江省杭州市"), "浙江省杭州市望湖花园3幢"),
        (None, "望湖花园3幢"),
    ] {
        assert_eq!(reader.read(&address, "望湖花园3号楼", RowContext { id_no: None, region }), text(wanted));
    }
    assert_eq!(reader.read(&address, "同现住址", RowContext::default()), Cell::Copy("current_address"));
    assert_eq!(reader.read(&address, "望湖花园3-501", RowContext::default()), Cell::Review("two_numbers"));
    assert_eq!(reader.read(&address, "望湖花园***", RowContext::default()), Cell::Reject("masked"));
}

#[test]
fn free_text_keeps_its_punctuation() {
    assert_eq!(read(FieldType::Text, "\n\t\t您好，　楼下１２号。 "), text("您好，楼下12号。"));
    assert_eq!(read(FieldType::Text, "6.22848E+18"), Cell::Reject("precision_lost"));
}

#[test]
fn a_debug_text_shows_no_value() {
    assert_eq!(format!("{:?}", text("张三")), "Value(Text(6 bytes), None)");
    let row = RowContext { id_no: Some("11010519491231002X"), region: None };
    assert!(!format!("{row:?}").contains("1949"));
}

proptest! {
    #[test]
    fn the_reader_is_total(raw in "\\PC*", at in 0_usize..20) {
        let list = (ALL[at] == FieldType::Code).then_some("education");
        let _ = read_field(field(ALL[at], list), &raw);
    }

    #[test]
    fn the_reader_is_total_for_likely_text(raw in "[0-9a-zA-Z.,:+*/#年月日号层元万角分一二三十百零张省市区县路（）() \\-]{0,30}", at in 0_usize..20) {
        let list = (ALL[at] == FieldType::Code).then_some("sex");
        let _ = read_field(field(ALL[at], list), &raw);
    }
}
