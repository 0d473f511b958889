//! How policy commands print what they found.

use policies::{LintFinding, LintSeverity, MatrixCell, PolicyDiff, Visibility};
use serde::Serialize;
use serde_json::json;

use crate::Failure;
use crate::cli::ReportFormat;
use crate::failure::counted;
use crate::screen::Screen;

/// One JSON document.
pub(super) fn json(value: &impl Serialize, screen: &Screen) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::caused_by("无法输出", "the result cannot be written", &error))?;
    screen.line(&text);
    Ok(())
}

/// Who sees what.
pub(super) fn matrix(cells: &[MatrixCell], output: ReportFormat, screen: &Screen) -> Result<(), Failure> {
    if output == ReportFormat::Json {
        return json(&cells, screen);
    }
    let rows: Vec<Vec<String>> = cells
        .iter()
        .map(|cell| {
            let seen = match cell.visibility {
                Visibility::Invisible => screen.pick("不可见", "invisible").to_owned(),
                Visibility::Refused => format!("{}: {}", screen.pick("拒绝", "refused"), cell.refusal),
                Visibility::Visible => match cell.counted_by {
                    Some(k) if cell.mask != "-" => {
                        format!(
                            "{} · {} {k}",
                            cell.mask,
                            screen.pick("仅统计,每组人数至少", "counted only, persons at least")
                        )
                    }
                    _ => cell.mask.clone(),
                },
            };
            vec![
                cell.role.clone(),
                cell.purpose.clone().unwrap_or_default(),
                cell.relation.clone(),
                cell.column.clone().unwrap_or_default(),
                seen,
                cell.rows.clone(),
            ]
        })
        .collect();
    screen.table(&["角色 role", "用途 purpose", "表 relation", "字段 column", "所见 seen", "行 rows"], &rows);
    Ok(())
}

/// Who sees more, or less.
pub(super) fn diff(diff: &PolicyDiff, output: ReportFormat, screen: &Screen) -> Result<(), Failure> {
    if output == ReportFormat::Json {
        return json(&json!({ "widens": diff.widens(), "changes": diff.table(), "notes": diff.notes }), screen);
    }
    let (zh, en) = (diff.zh(), diff.en());
    for (zh, en) in zh.iter().zip(&en) {
        screen.say(zh, en);
    }
    for note in &diff.notes {
        screen.line(&note.to_string());
    }
    let n_widening = diff.changes.iter().filter(|change| change.change.widens()).count();
    screen.say(
        &format!("{} 处变化,其中 {n_widening} 处看得更多;{} 处文字变化", zh.len(), diff.notes.len()),
        &format!(
            "{}, {n_widening} of them show more; {} of wording",
            counted(zh.len(), "change"),
            counted(diff.notes.len(), "change")
        ),
    );
    if n_widening > 0 {
        screen.say("看得更多的变化须经另一人批准", "a change that shows more needs a second person");
    }
    Ok(())
}

/// What columns give away together.
pub(super) fn findings(found: &[LintFinding], output: ReportFormat, screen: &Screen) -> Result<(), Failure> {
    let n_errors = found.iter().filter(|finding| finding.severity == LintSeverity::Error).count();
    if output == ReportFormat::Json {
        let lines: Vec<_> = found.iter().map(finding_as_json).collect();
        json(&lines, screen)?;
    } else {
        for finding in found {
            screen.line(&finding.to_string());
            screen.say(&format!("    {}", finding.zh), &format!("    {}", finding.en));
        }
        let n_warnings = found.len() - n_errors;
        screen.say(
            &format!("{n_errors} 个错误,{n_warnings} 个警告"),
            &format!("{}, {}", counted(n_errors, "error"), counted(n_warnings, "warning")),
        );
    }
    if n_errors == 0 {
        return Ok(());
    }
    Err(Failure::problems_found(
        format!("{n_errors} 处遮盖可被还原"),
        format!("{} can be undone", counted(n_errors, "mask")),
    ))
}

fn finding_as_json(finding: &LintFinding) -> serde_json::Value {
    json!({
        "severity": finding.severity.to_string(),
        "rule": finding.rule,
        "role": finding.role,
        "purpose": finding.purpose,
        "columns": finding.columns,
        "candidates": finding.candidates,
        "zh": finding.zh,
        "en": finding.en,
    })
}
