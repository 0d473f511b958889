//! Rejected rows go back to their department and come back corrected: `datong quarantine export | fix | retry | corrections |
//! undo`. Nobody sees more of them on the way than the policies in force show.

mod applied;
mod exported;
mod form;
mod refused;
mod residents;
mod round_trip;

use std::fs;
use std::path::Path;

use object_store::ObjectStoreExt;
use serde_json::Value;
use tests::datong::{Finished, Site, table_rows};
use tests::http::Door;

const DATASET: &str = "police.resident";
const AUTHOR: [&str; 4] = ["--author", "王敏", "--reason", "已核对户口簿"];

fn token_file(site: &Site, name: &str, arguments: &[&str]) -> String {
    let mut whole = vec!["token", "issue", "--subject", name];
    whole.extend(arguments);
    let file = site.folder.join(format!("{name}.jwt"));
    fs::write(&file, site.run(&whole).expect_code(0).stdout).expect("a token file");
    file.to_str().expect("a path").to_owned()
}

/// On a case, an officer sees every column of residents in clear.
fn officer(site: &Site) -> String {
    token_file(site, "zhao", &["--role", "police_officer", "--purpose", "case_investigation"])
}

fn export(site: &Site, token: &str, out: &Path) -> Finished {
    site.run(&["quarantine", "export", DATASET, "--token-file", token, "--out", out.to_str().expect("a path")])
}

fn fix(site: &Site, form: &Path) -> Finished {
    let mut arguments = vec!["quarantine", "fix", DATASET, "--corrections", form.to_str().expect("a path")];
    arguments.extend(AUTHOR);
    site.run(&arguments)
}

fn retry(site: &Site, more: &[&str]) -> Finished {
    let mut arguments = vec!["quarantine", "retry"];
    arguments.extend(more);
    site.run(&arguments)
}

/// States and ids of the corrections, oldest first.
fn corrections(site: &Site) -> Vec<(String, String)> {
    let listed = site.run(&["quarantine", "corrections"]).expect_code(0);
    let pair = |row: Vec<String>| (row.first().expect("an id").clone(), row.last().expect("a state").clone());
    table_rows(&listed.stdout).into_iter().map(pair).collect()
}

fn states(site: &Site) -> Vec<String> {
    corrections(site).into_iter().map(|(_, state)| state).collect()
}

async fn receipt(site: &Site) -> Value {
    let object = object_store::path::Path::from(format!("receipts/{DATASET}/latest.json"));
    let found = site.lake().store().get(&object).await.expect("a receipt");
    serde_json::from_slice(&found.bytes().await.expect("bytes")).expect("JSON")
}

fn count(receipt: &Value, name: &str) -> u64 {
    receipt[name].as_u64().unwrap_or_else(|| panic!("no {name} on the receipt"))
}

async fn accepted(site: &Site, id_no: &str) -> u64 {
    let (_server, url) = site.serve();
    let token = fs::read_to_string(officer(site)).expect("a token");
    let door = Door::new(&url, token.trim());
    let rows = door.rows(&format!("SELECT count(*) AS n FROM {DATASET} WHERE id_no = '{id_no}'")).await;
    rows[0]["n"].as_str().and_then(|n| n.parse().ok()).expect("a count")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}
