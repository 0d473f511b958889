//! Masks, rows, days and visibility in words.

use chrono::{DateTime, NaiveDate};

use super::change::Wording;
use crate::lift::Shown;
use crate::row::{RowRule, Values};
use crate::{AggregateRule, RevealRule, SearchRule, Visibility};

/// What is shown of a column. If the words are the same for both, the parameters of the masks are added.
pub(super) fn of_columns(old: Option<Shown<'_>>, new: Option<Shown<'_>>) -> (Wording, Wording) {
    let plain = |shown: Option<Shown<'_>>| match shown {
        Some(shown) => Wording::new(shown.zh(), shown.en()),
        None => Wording::new("不可见", "hidden"),
    };
    let exact = |shown: Option<Shown<'_>>| match shown {
        Some(shown) => Wording::new(format!("{} [{shown}]", shown.zh()), format!("{} [{shown}]", shown.en())),
        None => plain(None),
    };
    let (before, after) = (plain(old), plain(new));
    if before == after { (exact(old), exact(new)) } else { (before, after) }
}

pub(super) fn of_visibility(visibility: Visibility) -> Wording {
    match visibility {
        Visibility::Invisible => Wording::new("不可见", "invisible"),
        Visibility::Refused => Wording::new("可知其存在，但拒绝查询", "known, but refused"),
        Visibility::Visible => Wording::new("可见", "visible"),
    }
}

/// `None`: rows may be read.
pub(super) fn of_aggregate(rule: Option<&AggregateRule>) -> Wording {
    let Some(rule) = rule else { return Wording::new("可读单行", "rows may be read") };
    let list = |names: &std::collections::BTreeSet<String>| match names.len() {
        0 => "-".to_owned(),
        _ => names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    };
    let (keys, measures) = (list(&rule.keys), list(&rule.measures));
    let AggregateRule { persons, k, dominance_percent, .. } = rule;
    Wording::new(
        format!(
            "仅供统计：每组至少 {k} 人（{persons}），单人占比不超过 {dominance_percent}%，分组 {keys}，指标 {measures}"
        ),
        format!(
            "statistics only: at least {k} persons ({persons}) in a group, nobody above {dominance_percent}%, keys {keys}, measures {measures}"
        ),
    )
}

/// `None`: nobody is found.
pub(super) fn of_search(rule: Option<&SearchRule>) -> Wording {
    let Some(rule) = rule else { return Wording::new("不可查人", "nobody can be found") };
    let by = rule.by.iter().map(|key| key.word()).collect::<Vec<_>>().join(", ");
    let per_hour = rule.per_hour;
    Wording::new(
        format!("凭 {by} 查人，每小时至多 {per_hour} 次"),
        format!("found by {by}, at most {per_hour} tries an hour"),
    )
}

/// `None`: nothing is revealed.
pub(super) fn of_reveal(rule: Option<&RevealRule>) -> Wording {
    let Some(rule) = rule else { return Wording::new("不可查看单人明文", "nothing can be revealed") };
    let list = |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let RevealRule { seconds, per_hour, .. } = rule;
    let (columns, approvers) = (list(&rule.columns), list(&rule.approved_by));
    let (by_zh, by_en) = if rule.approved_by.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("，须经 {approvers} 同意"), format!(", agreed by {approvers}"))
    };
    Wording::new(
        format!("可查看一人的 {columns} 明文 {seconds} 秒，每小时至多 {per_hour} 次{by_zh}"),
        format!("{columns} of one record for {seconds} seconds, at most {per_hour} times an hour{by_en}"),
    )
}

/// Days since 1970-01-01.
pub(super) fn of_expiry(day: i32) -> Wording {
    let text = date(day).map_or_else(|| format!("1970-01-01 + {day}"), |date| date.to_string());
    Wording::new(format!("至{text}"), format!("until {text}"))
}

fn date(day: i32) -> Option<NaiveDate> {
    DateTime::from_timestamp(i64::from(day).checked_mul(86_400)?, 0).map(|at| at.date_naive())
}

/// `None`: no row.
pub(super) fn of_rows(rule: Option<&RowRule>) -> Wording {
    match rule {
        None => Wording::new("没有行", "no row"),
        Some(RowRule::All) => Wording::new("全部行", "all rows"),
        Some(RowRule::In { column, values }) => {
            let (zh, en) = of_values(values);
            Wording::new(format!("{column} 属于{zh}"), format!("{column} in {en}"))
        }
        Some(RowRule::Prefix { column, values }) => {
            let (zh, en) = of_values(values);
            Wording::new(format!("{column} 以{zh} 之一开头"), format!("{column} starts with one of {en}"))
        }
        Some(RowRule::And(parts)) => of_parts(parts, [" 且 ", " and "]),
        Some(RowRule::Or(parts)) => of_parts(parts, [" 或 ", " or "]),
    }
}

fn of_parts(parts: &[RowRule], [zh, en]: [&str; 2]) -> Wording {
    let words: Vec<Wording> = parts.iter().map(|part| bracketed(of_rows(Some(part)), part)).collect();
    let join = |of: fn(&Wording) -> &str, by: &str| words.iter().map(of).collect::<Vec<_>>().join(by);
    Wording::new(join(|w| &w.zh, zh), join(|w| &w.en, en))
}

fn bracketed(words: Wording, part: &RowRule) -> Wording {
    match part {
        RowRule::And(_) | RowRule::Or(_) => Wording::new(format!("({})", words.zh), format!("({})", words.en)),
        RowRule::All | RowRule::In { .. } | RowRule::Prefix { .. } => words,
    }
}

fn of_values(values: &Values) -> (String, String) {
    match values {
        Values::Attribute(name) => (format!("本人的 {name}"), format!("the own {name}")),
        Values::Literal(literals) => {
            let list = format!("{{{}}}", literals.join(", "));
            (format!(" {list}"), list)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mask;

    #[test]
    fn days_and_rows_read_well() {
        assert_eq!(of_expiry(19_922).en, "until 2024-07-18");
        let own = || RowRule::In { column: "grid_id".to_owned(), values: Values::Attribute("grids".to_owned()) };
        let codes =
            || RowRule::Prefix { column: "code".to_owned(), values: Values::Literal(vec!["C1".into(), "C2".into()]) };
        let rule = RowRule::And(vec![own(), RowRule::Or(vec![codes(), own()])]);
        let words = of_rows(Some(&rule));
        assert_eq!(
            words.en,
            "grid_id in the own grids and (code starts with one of {C1, C2} or grid_id in the own grids)"
        );
        assert_eq!(words.zh, "grid_id 属于本人的 grids 且 (code 以 {C1, C2} 之一开头 或 grid_id 属于本人的 grids)");
    }

    #[test]
    fn masks_with_the_same_words_show_their_parameters() {
        let token = |class: &str| Mask::Token { class: class.to_owned() };
        let (person, house) = (token("person"), token("house"));
        let shown = |mask| Some(Shown { mask, lift: None });
        let (before, after) = of_columns(shown(&person), shown(&house));
        assert!(before.en.ends_with("[token(person)]") && after.zh.ends_with("[token(house)]"), "{before:?} {after:?}");
        let (before, after) = of_columns(None, shown(&Mask::Clear));
        assert_eq!((before.zh.as_str(), after.zh.as_str()), ("不可见", "按原值显示"));
    }
}
