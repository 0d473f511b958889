//! `datong sql`: a client of a running server, with the caller's own token.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::Failure;
use crate::cli::{OutputFormat, SqlArguments};
use crate::screen::Screen;

/// `datong sql`.
pub(crate) async fn run(arguments: &SqlArguments, screen: &Screen) -> Result<(), Failure> {
    let token = token(arguments.token_file.as_deref())?;
    let accept = match arguments.output {
        OutputFormat::Table | OutputFormat::Json => "application/json",
        OutputFormat::Ndjson => "application/x-ndjson",
        OutputFormat::Csv => "text/csv",
    };
    let unreachable = |error: reqwest::Error| {
        let error = error.without_url();
        Failure::caused_by("无法连接服务", "the server cannot be reached", &error)
    };
    let client = reqwest::Client::builder().connect_timeout(Duration::from_secs(5)).build().map_err(unreachable)?;
    let answer = client
        .post(format!("{}/api/v1/sql", arguments.url.trim_end_matches('/')))
        .bearer_auth(token.trim())
        .header("accept", accept)
        .header("accept-language", screen.pick("zh-CN", "en"))
        .header("content-type", "text/plain; charset=utf-8")
        .body(arguments.statement.clone())
        .send()
        .await
        .map_err(unreachable)?;
    let status = answer.status();
    let body = answer.text().await.map_err(unreachable)?;
    if !status.is_success() {
        return Err(refusal(status.as_u16(), &body));
    }
    match arguments.output {
        OutputFormat::Table => print_table(&body, screen),
        OutputFormat::Json | OutputFormat::Ndjson | OutputFormat::Csv => {
            screen.line(body.trim_end());
            Ok(())
        }
    }
}

/// The token in a file, or in the environment.
pub(crate) fn token(file: Option<&Path>) -> Result<String, Failure> {
    match file {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| Failure::caused_by("无法读取令牌文件", "the token file cannot be read", &error)),
        None => std::env::var("DATONG_TOKEN").map_err(|_| {
            Failure::usage(
                "请用 --token-file 或环境变量 DATONG_TOKEN 提供令牌",
                "give a token with --token-file or in the variable DATONG_TOKEN",
            )
        }),
    }
}

fn refusal(status: u16, body: &str) -> Failure {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let line = format!("{} ({}) [{}]", text("detail"), text("code"), text("instance"));
    if matches!(status, 401 | 403) {
        Failure::not_allowed(line.clone(), line)
    } else {
        Failure::failed(line.clone(), line)
    }
}

fn print_table(body: &str, screen: &Screen) -> Result<(), Failure> {
    let answer: Value = serde_json::from_str(body)
        .map_err(|error| Failure::caused_by("答复无法解析", "the answer cannot be read", &error))?;
    let list = |key: &str| answer.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let columns: Vec<String> = list("columns")
        .iter()
        .filter_map(|column| column.get("name").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let rows: Vec<Vec<String>> =
        list("rows").iter().map(|row| columns.iter().map(|column| shown(row.get(column))).collect()).collect();
    screen.table(&columns.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
    let masked: Vec<String> = answer
        .pointer("/meta/masked")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|m| Some(format!("{}({})", m.get("column")?.as_str()?, m.get("mask")?.as_str()?)))
        .collect();
    if !masked.is_empty() {
        let list = masked.join(", ");
        screen.remark(
            &format!("{} 列按策略脱敏:{list}", masked.len()),
            &format!("{} columns masked: {list}", masked.len()),
        );
    }
    let compared = answer.pointer("/meta/compared_masked").and_then(Value::as_array).into_iter().flatten();
    let compared: Vec<&str> = compared.filter_map(Value::as_str).collect();
    if !compared.is_empty() {
        let list = compared.join(", ");
        screen.remark(
            &format!("查询条件比较的是脱敏后的值:{list}"),
            &format!("conditions compare masked values of {list}"),
        );
    }
    Ok(())
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
