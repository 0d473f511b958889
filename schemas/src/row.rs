//! Rows of a sheet that are no records.

use crate::headings::canonical_heading;

/// Why a row is no record. Such a row is left out and counted by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SkipKind {
    /// The title over the table.
    Title,
    /// Who filled it in, in which unit: 填表单位, 单位:元.
    Caption,
    /// How to fill it in.
    Instruction,
    /// 小计
    Subtotal,
    /// 合计
    Total,
    /// 以下空白, 填表人, 审核人.
    Footer,
    /// The headings, printed again on each page.
    RepeatHeader,
    /// Nothing.
    Blank,
}

impl SkipKind {
    /// The name on receipts: `repeat_header`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Caption => "caption",
            Self::Instruction => "instruction",
            Self::Subtotal => "subtotal",
            Self::Total => "total",
            Self::Footer => "footer",
            Self::RepeatHeader => "repeat_header",
            Self::Blank => "blank",
        }
    }
}

/// Says of a row, by its cells alone, why it is no record; `None` for a record. Cautious: a row with four or more filled
/// cells is only ever a total or a repeated header, so that no record is lost.
#[must_use]
pub fn row_kind<S: AsRef<str>>(cells: &[S]) -> Option<SkipKind> {
    let filled: Vec<&str> = cells.iter().map(|c| c.as_ref().trim()).filter(|c| !c.is_empty()).collect();
    let Some(first) = filled.first() else { return Some(SkipKind::Blank) };
    let label: String = first.chars().filter(|c| !c.is_whitespace() && *c != ':' && *c != '：').collect();
    let counts_behind =
        filled.iter().skip(1).all(|c| c.chars().all(|c| c.is_ascii_digit() || ".,-￥¥元人户%/ ".contains(c)));
    if counts_behind && matches!(label.as_str(), "合计" | "总计" | "共计" | "累计" | "总合计") {
        return Some(SkipKind::Total);
    }
    if counts_behind && (label == "小计" || (label.ends_with("小计") && label.chars().count() < 12)) {
        return Some(SkipKind::Subtotal);
    }
    let n_headings = filled.iter().filter(|c| canonical_heading(c).is_some()).count();
    if n_headings >= 2 && n_headings * 2 > filled.len() {
        return Some(SkipKind::RepeatHeader);
    }
    if filled.len() > 3 {
        return None;
    }
    let starts = |words: &[&str]| words.iter().any(|w| label.starts_with(w));
    let has = |words: &[&str]| words.iter().any(|w| label.contains(w));
    if starts(&[
        "以下空白",
        "填表人",
        "审核人",
        "制表人",
        "负责人签字",
        "制表日期",
        "打印日期",
        "打印时间",
        "(以下空白",
        "（以下空白",
    ]) {
        return Some(SkipKind::Footer);
    }
    if has(&["填写说明", "请勿删除", "填表说明", "示例行", "请勿修改", "为必填"]) || starts(&["说明1", "注1", "示例："])
    {
        return Some(SkipKind::Instruction);
    }
    if starts(&[
        "填表单位",
        "填报单位",
        "填报日期",
        "统计时间",
        "制表单位",
        "报送单位",
        "编制单位",
        "单位元",
        "单位万元",
        "导出时间",
    ]) {
        return Some(SkipKind::Caption);
    }
    let names_a_table =
        ["表", "册", "台账", "清单", "汇总", "一览"].iter().any(|w| label.trim_end_matches([')', '）']).ends_with(w))
            && !label.is_ascii();
    (filled.len() == 1 && cells.len() > 1 && names_a_table && label.chars().count() > 3).then_some(SkipKind::Title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_no_records_are_told_apart() {
        for (cells, wanted) in [
            (vec!["", " ", ""], Some(SkipKind::Blank)),
            (vec!["户籍人口信息表", "", ""], Some(SkipKind::Title)),
            (vec!["填表单位：某街道", "", "单位：元"], Some(SkipKind::Caption)),
            (vec!["第二行为填写说明，请勿删除", "", ""], Some(SkipKind::Instruction)),
            (vec!["小  计", "", "1200.00"], Some(SkipKind::Subtotal)),
            (vec!["合计", "12人", "1200.00", "", "3"], Some(SkipKind::Total)),
            (vec!["填表人：", "审核人："], Some(SkipKind::Footer)),
            (vec!["姓 名", "身份证号", "性别", "手机"], Some(SkipKind::RepeatHeader)),
            (vec!["张三", "11010519491231002X", "男", "13800138000"], None),
            (vec!["合计", "11010519491231002X", "男", "翠苑一区"], None),
            (vec!["张三", "", ""], None),
        ] {
            assert_eq!(row_kind(&cells), wanted, "{cells:?}");
        }
    }
}
