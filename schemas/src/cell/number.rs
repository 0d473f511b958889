//! Amounts, areas, counts, floors.

use super::{Cell, CellValue};
use crate::numeral::chinese_number;
use crate::writing::{self, compact};

/// Yuan. `￥1200`, `1,200.00元/月`, `1.2万元`, `壹仟贰佰元整`.
pub(super) fn amount(text: &str) -> Cell {
    let text = compact(text);
    let bare = text
        .trim_start_matches(['¥', '￥'])
        .trim_start_matches("RMB")
        .trim_start_matches("CNY")
        .trim_start_matches("人民币");
    let bare = bare.split_once("元/").or_else(|| bare.split_once("/月")).map_or(bare, |(before, _)| before);
    let bare = bare.trim_end_matches(['整', '正']).trim_end_matches(['元', '圆', '块', '¥']);
    let (bare, factor) = match bare.strip_suffix('万') {
        Some(before) if before.starts_with(|c: char| c.is_ascii_digit()) => (before, 10_000),
        _ => (bare, 1),
    };
    match hundredths(bare, factor).or_else(|| chinese_amount(&text).map(|h| (h, None))) {
        Some((hundredths, remark)) => Cell::Value(CellValue::Hundredths(hundredths), remark),
        None => unread(bare),
    }
}

/// Square metres. Zero says that nobody measured.
pub(super) fn area(text: &str) -> Cell {
    let text = compact(text).to_lowercase();
    let mut bare = text.as_str();
    for unit in ["平方米", "平米", "平方", "m2", "m²", "㎡", "平", "米"] {
        bare = bare.strip_suffix(unit).unwrap_or(bare);
    }
    match hundredths(bare, 1) {
        Some((0, _)) => Cell::Null,
        Some((hundredths, remark)) if hundredths > 0 => Cell::Value(CellValue::Hundredths(hundredths), remark),
        Some(_) => Cell::Review("number"),
        None => unread(bare),
    }
}

pub(super) fn integer(text: &str) -> Cell {
    let text = compact(text);
    let bare = text
        .trim_start_matches('第')
        .trim_end_matches(['人', '岁', '户', '个', '次', '名', '针', '剂', '层', '年', '栋', '分', '幢', '口']);
    let digits: String = bare.chars().filter(|c| *c != ',').collect();
    let whole = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|b| b == b'0') => whole,
        _ => digits.as_str(),
    };
    match whole.strip_prefix('+').unwrap_or(whole).parse::<i64>().ok().or_else(|| chinese_integer(whole)) {
        Some(number) => Cell::Value(CellValue::Integer(number), None),
        None => unread(bare),
    }
}

fn chinese_integer(text: &str) -> Option<i64> {
    chinese_number(text).and_then(|number| i64::try_from(number).ok())
}

pub(super) fn float(text: &str) -> Cell {
    let text = compact(text);
    let bare = text.trim_start_matches(['E', 'N', '东', '北', '经', '纬']).trim_end_matches(['°', '度', 'E', 'N']);
    let bare = bare.split_once("mmol").or_else(|| bare.split_once("mm")).map_or(bare, |(number, _)| number);
    let shaped = bare.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    match bare.parse::<f64>() {
        Ok(number) if shaped && number.is_finite() => Cell::Value(CellValue::Float(number), None),
        _ => unread(bare),
    }
}

/// A floor: `5`, `5/18`, `5层`, `-1`, `B1`, `地下一层`. Words for a part of the building (顶层, 中楼层) need the building.
pub(super) fn floor(text: &str) -> Cell {
    let text = compact(text).to_uppercase();
    if ["顶", "中", "高", "低", "底"].iter().any(|word| text.starts_with(word)) {
        return Cell::Review("relative");
    }
    let own = text.split(['/', '共', '(']).next().unwrap_or(&text);
    let own = own.trim_start_matches('第').trim_end_matches(['层', '楼', 'F']).trim_end_matches('层');
    let (below, digits) = match ["地下", "负", "B", "-"].iter().find_map(|word| own.strip_prefix(word)) {
        Some(rest) => (true, rest),
        None => (false, own.trim_start_matches("地上").trim_start_matches('F')),
    };
    let digits = digits.trim_start_matches('第');
    match digits.parse::<i64>().ok().or_else(|| chinese_integer(digits)) {
        Some(number) if (0..=200).contains(&number) => {
            Cell::Value(CellValue::Integer(if below { -number } else { number }), None)
        }
        _ => unread(own),
    }
}

/// Two numbers with a dash between them are a range; anything else is no number. Neither costs the row.
fn unread(text: &str) -> Cell {
    if writing::is_scientific(text) {
        return Cell::Reject("precision_lost");
    }
    if text.contains('*') {
        return Cell::Reject("masked");
    }
    let parts: Vec<&str> = text.split(['-', '~', '至', '到', '—', '～', '–']).collect();
    let is_number = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit());
    Cell::Review(if parts.len() == 2 && parts.iter().all(is_number) { "range" } else { "number" })
}

/// A decimal number as hundredths, rounded half away from zero, with a remark if digits were lost by that. `None` if it
/// is no number, or has more than ten digits before the point (`Decimal128(12, 2)`).
fn hundredths(text: &str, factor: i128) -> Option<(i128, Option<&'static str>)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(&whole) || !all_digits(fraction) || whole.len() > 12 {
        return None;
    }
    let places = fraction.get(..fraction.len().min(9)).unwrap_or_default();
    let units: i128 = format!("0{whole}{places:0<9}").parse().ok()?;
    let scaled = units * factor;
    let step = 10_000_000;
    let rounded = (scaled + step / 2) / step;
    let remark = (scaled % step != 0).then_some("rounded");
    (rounded <= 999_999_999_999).then_some((if negative { -rounded } else { rounded }, remark))
}

/// 壹仟贰佰元伍角陆分 in hundredths.
fn chinese_amount(text: &str) -> Option<i128> {
    let text = text.trim_start_matches("人民币").trim_end_matches(['整', '正']);
    let (yuan, rest) = text.split_once(['元', '圆']).unwrap_or((text, ""));
    let (jiao, rest) = rest.split_once('角').unwrap_or(("", rest));
    let fen = rest.trim_end_matches('分').trim_start_matches('零');
    let part = |text: &str| if text.is_empty() { Some(0) } else { chinese_number(text).map(i128::from) };
    let sum = i128::from(chinese_number(yuan)?) * 100 + part(jiao)? * 10 + part(fen)?;
    (sum <= 999_999_999_999).then_some(sum)
}
