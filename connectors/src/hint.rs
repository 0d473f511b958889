//! What would fix a rejected row, in the words of the people who sent it.

/// `(rule, Chinese, English)`.
const HINTS: &[(&str, &str, &str)] = &[
    (
        "birth_date",
        "证件号码中的出生日期不存在，请核对原始证件",
        "the birth date inside the number does not exist; check the document",
    ),
    (
        "by_source_map",
        "该代码在不同代码表中含义不同，请提供代码表及版本",
        "the code means different things in different lists; name the list and its version",
    ),
    ("cell_error", "单元格是公式错误值，请改为正确内容", "the cell holds a formula error; enter the value"),
    ("charset", "含有该编号不允许的字符，请核对", "it has a character that such a number cannot have"),
    ("checksum", "校验位不符，请对照原始证件更正", "the check digit is wrong; check the document"),
    ("code", "代码不在代码表中，请按代码表填写", "the code is not in the list; use one that is"),
    ("date", "日期不存在或无法识别，请按 2024-01-31 的格式填写", "no such date; write it as 2024-01-31"),
    ("ditto", "“同上”不能代替内容，请填写完整", "a ditto mark cannot stand for a value here; write it out"),
    ("division", "行政区划代码从未启用，请核对", "no edition has this division code"),
    (
        "encoding",
        "含有无法解码的字节，请以 UTF-8 或 GB18030 重新导出",
        "bytes that cannot be decoded; export again as UTF-8 or GB18030",
    ),
    (
        "field_count",
        "列数与表头不一致，请检查该行的分隔符和引号",
        "the number of fields differs from the headings; check separators and quotes of this row",
    ),
    ("field_too_long", "单元格过长，疑似缺少换行或引号", "the cell is too long; a line break or quote may be missing"),
    ("json", "该行不是一个 JSON 对象", "the line is not one JSON object"),
    ("key", "记录主键缺失或待核实，无法入库", "the record's key is missing or unclear"),
    ("legacy_reg_no", "旧版编号，请提供现行编号", "a number of an older scheme; give the current one"),
    ("length", "长度不符，请核对是否缺位或多位", "wrong length; look for missing or extra digits"),
    ("masked", "号码已在来源处脱敏，请提供完整号码", "masked at the source; send the whole number"),
    (
        "mojibake",
        "文字已乱码且无法恢复，请重新导出",
        "the text was decoded wrongly and cannot be recovered; export again",
    ),
    ("number", "不是数字，请核对", "not a number"),
    ("numbering", "不在号码规划内，请核对电话号码", "outside the numbering plan"),
    (
        "precision_lost",
        "号码以数值格式保存，末尾数字已丢失，请将该列设为文本后重新填写",
        "stored as a number, its last digits are lost; make the column text and enter it again",
    ),
    ("range", "数值超出可保存的范围，请核对", "the number is out of range"),
    ("required", "必填项为空，请补充", "a required field is empty"),
    ("row_too_long", "该行过长，疑似缺少换行", "the row is too long; a line break may be missing"),
    ("test_row", "疑似测试数据，请删除", "looks like a test record; remove it"),
];

/// What would fix a row rejected by `rule`: `(Chinese, English)`. A rule without a hint of its own gets a general one.
#[must_use]
pub fn hint(rule: &str) -> (&'static str, &'static str) {
    let known = HINTS.iter().find(|(name, _, _)| *name == rule);
    known.map_or(
        ("该内容无法使用，请核对后重新报送", "the value cannot be used; check it and send it again"),
        |(_, zh, en)| (zh, en),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_one_hint_in_both_languages_and_unknown_rules_a_general_one() {
        assert!(HINTS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(HINTS.iter().all(|(_, zh, en)| !zh.is_ascii() && en.is_ascii()));
        assert_eq!(hint("checksum").1, "the check digit is wrong; check the document");
        assert_eq!(hint("no such rule").1, "the value cannot be used; check it and send it again");
    }
}
