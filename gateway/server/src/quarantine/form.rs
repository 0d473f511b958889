//! The form that goes to a department and comes back: which columns it has, and how a cell is written.

use schemas::Dataset;

/// Columns before the dataset's fields. The first one ties a row of the form to the rejected row.
pub(super) const OWN_HEADINGS: [&str; 7] = [
    "行参照 row_ref",
    "来源文件 file",
    "工作表 sheet",
    "行号 row",
    "规则 rule",
    "出错字段 field",
    "如何处理 what would fix it",
];

/// Stands for a value that is not shown. Left as it is, the row's own value stays.
pub(super) const NOT_SHOWN: &str = "***";

/// Words of the sheet 说明.
pub(super) const INSTRUCTIONS: [&str; 6] = [
    "请只修改业务字段;不要改动“行参照”列,不要增加行或列。",
    "Change the fields only; leave the column row_ref alone and add no rows or columns.",
    "单元格为 *** 表示当前账号无权查看,不改动即保留原值;请对照原始材料填写。",
    "*** is a value that this account may not see; left as it is, the original value stays.",
    "证件号码、电话等请保持文本格式。填写后交回,由网关登记更正:datong quarantine fix。",
    "Keep numbers as text. Send the form back: datong quarantine fix takes the changed cells.",
];

/// What begins a formula in a spreadsheet program.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Headings of the form of a dataset.
pub(super) fn headings(dataset: &Dataset) -> Vec<String> {
    let fields = dataset.fields.iter().map(|field| field.zh.clone());
    OWN_HEADINGS.iter().map(|heading| (*heading).to_owned()).chain(fields).collect()
}

/// A text as it is written to CSV: what a spreadsheet program would run as a formula gets an apostrophe.
pub(super) fn neutral(text: &str) -> String {
    if text.starts_with(FORMULA_STARTS) { format!("'{text}") } else { text.to_owned() }
}

/// What was meant by a cell: without that apostrophe, line breaks as `\n`.
pub(super) fn meant(cell: &str) -> String {
    let bare = cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA_STARTS)).unwrap_or(cell);
    bare.replace("\r\n", "\n")
}

/// Whether a cell says something else than it did when the form was written.
pub(super) fn is_changed(cell: &str, original: &str) -> bool {
    cell != NOT_SHOWN && meant(cell) != meant(original)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_made_harmless_and_read_back() {
        for text in ["=1+1", "+86 138", "-", "@a", "\tx"] {
            assert_eq!(neutral(text), format!("'{text}"));
            assert_eq!(meant(&neutral(text)), text);
            assert!(!is_changed(&neutral(text), text) && !is_changed(text, text));
        }
        for text in ["张三", "'quoted", "", "1-2"] {
            assert_eq!((neutral(text), meant(text)), (text.to_owned(), text.to_owned()));
        }
    }

    #[test]
    fn a_cell_changes_when_it_says_something_else() {
        assert!(!is_changed("***", "x") && !is_changed("a\r\nb", "a\nb") && !is_changed("'=x", "'=x"));
        assert!(is_changed("", "x") && is_changed("x", "") && is_changed("x ", "x"));
    }
}
