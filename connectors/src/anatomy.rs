//! Which rows of a sheet are records, and what the others are.

use crate::SkipKind;
use crate::headings::Headings;
use crate::raw_row::{RawRow, is_blank, without_space};

const TOTAL: [&str; 6] = ["合计", "总计", "共计", "累计", "本页合计", "总合计"];
const SUBTOTAL: [&str; 3] = ["小计", "本页小计", "分计"];
const FOOTER: [&str; 22] = [
    "填表人",
    "填报人",
    "制表人",
    "制表",
    "审核人",
    "审核",
    "复核人",
    "复核",
    "经办人",
    "负责人",
    "单位负责人",
    "填表日期",
    "填报日期",
    "制表日期",
    "打印日期",
    "打印时间",
    "导出时间",
    "注",
    "备注",
    "说明",
    "联系人",
    "联系电话",
];
const END: [&str; 4] = ["以下空白", "以下无正文", "以下无数据", "此页以下空白"];
const CAPTION: [&str; 8] = ["填表单位", "填报单位", "制表单位", "单位", "填报日期", "填表日期", "统计时间", "所属期"];
const INSTRUCTION: [&str; 12] =
    ["填写说明", "请勿删除", "必填", "选填", "填写", "格式", "示例", "样例", "下拉", "如：", "例：", "例如"];

/// Sorts the rows below the headings.
#[derive(Debug)]
pub(crate) struct Anatomy {
    /// The heading rows as printed, without space: printed again, they are no record.
    heading_rows: Vec<Vec<String>>,
    /// Titles and captions above the headings, for the same reason.
    above: Vec<(String, SkipKind)>,
    /// Columns of the key: whoever fills them is a record, whatever else the row looks like.
    key_columns: Vec<usize>,
    record_seen: bool,
}

impl Anatomy {
    /// Learns from the rows up to and including the headings.
    pub(crate) fn new(head: &[RawRow], headings: &Headings, key_columns: Vec<usize>) -> Self {
        let (above, from) = head.split_at_checked(headings.first).unwrap_or_default();
        let mut labels: Vec<(String, SkipKind)> = Vec::new();
        for row in above {
            if let Some((_, text)) = row.first_filled() {
                let kind = above_kind(text, labels.is_empty());
                labels.push((without_space(text), kind));
            }
        }
        let printed = |row: &RawRow| row.cells().iter().map(|c| without_space(&c.text)).collect();
        let heading_rows = from.iter().take(headings.height).map(printed).collect();
        Self { heading_rows, above: labels, key_columns, record_seen: false }
    }

    /// For a sheet that goes on where another ended.
    pub(crate) fn without_headings(key_columns: Vec<usize>) -> Self {
        Self { heading_rows: Vec::new(), above: Vec::new(), key_columns, record_seen: true }
    }

    /// What the rows above the headings are, for counting.
    pub(crate) fn above(&self) -> impl Iterator<Item = SkipKind> {
        self.above.iter().map(|(_, kind)| *kind)
    }

    /// What a row below the headings is; none for a record.
    pub(crate) fn kind(&mut self, row: &RawRow) -> Option<SkipKind> {
        let Some((column, text)) = row.first_filled() else { return Some(SkipKind::Blank) };
        let kind = self.label_kind(row, column, &without_space(text));
        self.record_seen |= kind.is_none();
        kind
    }

    fn label_kind(&self, row: &RawRow, column: usize, label: &str) -> Option<SkipKind> {
        if self.is_heading_row(row) {
            return Some(SkipKind::RepeatHeader);
        }
        let alone = row.cells().iter().filter(|c| !is_blank(&c.text)).count() == 1;
        // The label itself may stand in a key column, but a key beside it makes the row a record.
        let has_key = self.key_columns.iter().any(|key| *key != column && !is_blank(row.text(*key)));
        if has_key {
            return None;
        }
        if alone && let Some((_, kind)) = self.above.iter().find(|(above, _)| above == label) {
            return Some(*kind);
        }
        if END.iter().any(|end| label.starts_with(end)) {
            return Some(SkipKind::Footer);
        }
        if begins_with(label, &SUBTOTAL) {
            return Some(SkipKind::Subtotal);
        }
        if begins_with(label, &TOTAL) {
            return Some(SkipKind::Total);
        }
        if !self.record_seen && is_instruction(row) {
            return Some(SkipKind::Instruction);
        }
        let labelled = |words: &[&str]| {
            words.iter().any(|word| label.strip_prefix(word).is_some_and(|rest| rest.starts_with(['：', ':'])))
        };
        if labelled(&FOOTER) || label.starts_with("（以下") {
            return Some(SkipKind::Footer);
        }
        (alone && labelled(&CAPTION)).then_some(SkipKind::Caption)
    }

    fn is_heading_row(&self, row: &RawRow) -> bool {
        self.heading_rows.iter().any(|heading| {
            let width = heading.len().max(row.cells().len());
            let mut filled = 0;
            let same = (0..width).all(|column| {
                let printed = heading.get(column).map_or("", String::as_str);
                filled += usize::from(!printed.is_empty());
                without_space(row.text(column)) == *printed
            });
            same && filled > 0
        })
    }
}

fn above_kind(text: &str, first: bool) -> SkipKind {
    let label = without_space(text);
    let captioned = CAPTION.iter().any(|word| label.starts_with(word)) && label.contains(['：', ':']);
    let instructs = ["填写说明", "请勿删除"].iter().any(|word| label.contains(word));
    match (instructs, captioned || !first) {
        (true, _) => SkipKind::Instruction,
        (false, true) => SkipKind::Caption,
        (false, false) => SkipKind::Title,
    }
}

/// 合计, 合计：, 合计(3户), 合计3户, but not 合计达 as the beginning of a name.
fn begins_with(label: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        label
            .strip_prefix(word)
            .is_some_and(|rest| rest.chars().next().is_none_or(|c| c.is_ascii_digit() || "：:（(共，,、=".contains(c)))
    })
}

/// Half of the cells, or the only one, tell how to fill in the sheet.
fn is_instruction(row: &RawRow) -> bool {
    let filled: Vec<&str> = row.cells().iter().map(|c| c.text.as_str()).filter(|t| !is_blank(t)).collect();
    let telling = filled.iter().filter(|text| INSTRUCTION.iter().any(|word| text.contains(word))).count();
    telling > 0 && telling * 2 >= filled.len()
}

#[cfg(test)]
mod tests {
    use schemas::HeadingMatch;

    use super::*;

    fn row(cells: &[&str]) -> RawRow {
        let mut row = RawRow::default();
        row.reset(1);
        for cell in cells {
            row.push().text.push_str(cell);
        }
        row
    }

    fn anatomy() -> Anatomy {
        let head = [
            row(&["示范区户籍人口名册"]),
            row(&["填表单位：××街道\u{3000}\u{3000}单位：元"]),
            row(&["序号", "人员编号", "姓  名", "金额"]),
        ];
        let headings = Headings { first: 2, height: 1, texts: Vec::new(), found: HeadingMatch::default() };
        Anatomy::new(&head, &headings, vec![1])
    }

    fn check(cells: &[&str], expected: Option<SkipKind>) {
        assert_eq!(anatomy().kind(&row(cells)), expected, "{cells:?}");
    }

    #[test]
    fn what_is_above_the_headings() {
        assert_eq!(anatomy().above().collect::<Vec<_>>(), [SkipKind::Title, SkipKind::Caption]);
    }

    #[test]
    fn rows_that_are_no_records() {
        check(&["", " ", "\u{3000}"], Some(SkipKind::Blank));
        check(&["合计", "", "", "1200.00"], Some(SkipKind::Total));
        check(&["合　计", "", "3人", "1200.00"], Some(SkipKind::Total));
        check(&["", "", "小计（2户）", "600"], Some(SkipKind::Subtotal));
        check(&["", "总计：", "", "1"], Some(SkipKind::Total));
        check(&["以下空白"], Some(SkipKind::Footer));
        check(&["填表人：", "", "", "审核人："], Some(SkipKind::Footer));
        check(&["第二行为填写说明，请勿删除"], Some(SkipKind::Instruction));
        check(&["", "必填，文本", "必填", "选填，两位小数"], Some(SkipKind::Instruction));
        check(&["序号", "人员编号", "姓名", "金额"], Some(SkipKind::RepeatHeader));
        check(&["示范区户籍人口名册"], Some(SkipKind::Title));
        check(&["填表单位：××街道\u{3000}\u{3000}单位：元"], Some(SkipKind::Caption));
    }

    #[test]
    fn rows_that_are_records_all_the_same() {
        check(&["1", "R001", "张三", "600"], None);
        check(&["合计", "R002", "合计达", "600"], None);
        check(&["", "", "合计达", "600"], None);
        check(&["", "R003", "", ""], None);
        check(&["序号", "人员编号", "张三", "金额"], None);
    }

    #[test]
    fn instructions_only_come_before_the_first_record() {
        let mut anatomy = anatomy();
        assert_eq!(anatomy.kind(&row(&["1", "R001", "张三", "600"])), None);
        assert_eq!(anatomy.kind(&row(&["2", "", "必填", "选填"])), None);
    }
}
