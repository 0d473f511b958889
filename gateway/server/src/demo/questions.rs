//! The same question as three roles, over the real door.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use arrow::array::AsArray;
use auth::TokenIssuer;
use policies::Principal;
use schemas::RelationName;
use serde_json::Value;

use crate::Failure;
use crate::screen::Screen;
use crate::site::Site;

/// A question about many. Every role of the three may ask it; each gets another answer.
const STATISTIC: &str = "SELECT sex, count(DISTINCT person_id) AS persons \
                         FROM unified.person GROUP BY sex ORDER BY sex";
/// A question about single people. Who may only count is told so.
const ROWS: &str = "SELECT name, id_no, birth_date, phone, cur_address, grid_id \
                    FROM unified.person ORDER BY person_id LIMIT 3";
const COUNT: &str = "SELECT count(*) AS persons FROM unified.person";
const ASKED: [&str; 3] = ["grid_worker", "police_officer", "health_analyst"];
/// Life of the demo's tokens.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// One principal for each role of the shipped policies. Grid and street are the first ones of the city.
pub(super) async fn principals(site: &Site) -> Result<Vec<Principal>, Failure> {
    let (grid, street) = first_grid(site).await?;
    Ok(site
        .policies
        .roles()
        .map(|role| {
            let attributes: BTreeMap<String, Vec<String>> = role
                .attributes
                .iter()
                .filter_map(|attribute| {
                    let value = match attribute.as_str() {
                        "grids" => grid.clone(),
                        "street" => street.clone(),
                        "department" => department_of(&role.name).to_owned(),
                        _ => return None,
                    };
                    Some((attribute.clone(), vec![value]))
                })
                .collect();
            Principal { subject: format!("demo-{}", role.name), role: role.name.clone(), attributes, purpose: None }
        })
        .collect())
}

fn department_of(role: &str) -> &'static str {
    match role {
        "police_officer" => "police",
        "civil_clerk" => "civil",
        "health_analyst" => "health",
        "housing_clerk" => "housing",
        _ => "grid",
    }
}

async fn first_grid(site: &Site) -> Result<(String, String), Failure> {
    let unreadable = |error: &lake::LakeError| Failure::caused_by("网格无法读取", "grids cannot be read", error);
    let Some(published) = site.lake.published().await.map_err(|error| unreadable(&error))? else {
        return Ok(Default::default());
    };
    let Ok(name) = RelationName::new("unified", "grid") else { return Ok(Default::default()) };
    let batches = site.lake.snapshot(&published).read(&name).await.map_err(|error| unreadable(&error))?;
    let first = |column: &str| {
        batches.iter().find(|batch| batch.num_rows() > 0).and_then(|batch| {
            let values = batch.column_by_name(column)?.as_string_opt::<i32>()?;
            values.iter().next().flatten().map(str::to_owned)
        })
    };
    Ok((first("grid_id").unwrap_or_default(), first("street_code").unwrap_or_default()))
}

/// A token for each principal, by role.
pub(super) fn tokens(issuer: &TokenIssuer, principals: &[Principal]) -> Result<Vec<(String, String)>, Failure> {
    principals
        .iter()
        .map(|principal| {
            let token = issuer
                .issue(principal, TOKEN_LIFE)
                .map_err(|error| Failure::caused_by("无法签发令牌", "a token cannot be issued", &error))?;
            Ok((principal.role.clone(), token))
        })
        .collect()
}

/// Asks and prints.
pub(super) async fn ask_all(address: SocketAddr, tokens: &[(String, String)], screen: &Screen) -> Result<(), Failure> {
    for question in [STATISTIC, ROWS] {
        screen.line(&format!("\nSQL> {question}"));
        for role in ASKED {
            let Some((_, token)) = tokens.iter().find(|(name, _)| name == role) else { continue };
            let count = answered(ask(address, token, COUNT).await?)?;
            let persons = count.pointer("/rows/0/persons").and_then(Value::as_str).unwrap_or_default();
            screen.line(&format!("-- {role}: {persons} 人可见 persons visible"));
            match ask(address, token, question).await? {
                Ok(answer) => print_rows(&answer, screen),
                Err(refusal) => screen.line(&format!("   {refusal}")),
            }
        }
    }
    Ok(())
}

fn answered(answer: Result<Value, String>) -> Result<Value, Failure> {
    answer.map_err(|detail| {
        Failure::failed(format!("提问被拒绝:{detail}"), format!("the question was refused: {detail}"))
    })
}

/// The answer, or the words of a refusal.
async fn ask(address: SocketAddr, token: &str, sql: &str) -> Result<Result<Value, String>, Failure> {
    let failed = |error: reqwest::Error| Failure::caused_by("提问失败", "the question failed", &error);
    let answer = reqwest::Client::new()
        .post(format!("http://{address}/api/v1/sql"))
        .bearer_auth(token)
        .header("content-type", "text/plain")
        .body(sql.to_owned())
        .send()
        .await
        .map_err(failed)?;
    let status = answer.status();
    let body: Value = answer.json().await.map_err(failed)?;
    if status.is_success() {
        return Ok(Ok(body));
    }
    Ok(Err(body.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned()))
}

fn print_rows(answer: &Value, screen: &Screen) {
    let list = |key: &str| answer.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let columns: Vec<String> = list("columns")
        .iter()
        .filter_map(|column| column.get("name").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let rows: Vec<Vec<String>> = list("rows")
        .iter()
        .map(|row| {
            columns
                .iter()
                .map(|column| row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned())
                .collect()
        })
        .collect();
    screen.table(&columns.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
}
