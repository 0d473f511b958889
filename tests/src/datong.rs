//! Drives the binary `datong` as its users do: arguments in, exit code and text out.
//!
//! Nothing here knows how the product is built inside, except [`Site::lake`] and [`Demo::lake`], which open the tables with
//! the site's own key so that a test can compare what was answered with what is stored.

mod demo;
mod running;
mod site;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tempfile::TempDir;

pub use demo::Demo;
pub use running::{Finished, Running, WasRunning};
pub use site::{Site, lake_of};

/// The division all synthetic people are registered in. No edition of GB/T 2260 ever assigned it.
pub const DIVISION: &str = "290102";
/// Addresses of the synthetic city begin with this.
pub const REGION: &str = "云州省云州市示范区";
/// The reject limit of a site's sources.
pub const REJECT_SHARE: f64 = 0.25;
/// Issuer of the tokens a site signs itself.
pub const ISSUER: &str = "urn:datong:local";
/// Audience of these tokens.
pub const AUDIENCE: &str = "datong";
/// The roles of the shipped policies.
pub const ROLES: [&str; 11] = [
    "auditor",
    "civil_clerk",
    "grid_worker",
    "health_analyst",
    "housing_clerk",
    "operator",
    "platform",
    "police_officer",
    "privacy_officer",
    "privacy_reviewer",
    "street_analyst",
];

/// The binary built beside this test.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let own = env::current_exe().expect("the path of this test");
    let folder = own.parent().and_then(Path::parent).expect("target/debug of this test");
    let file = folder.join(format!("datong{}", env::consts::EXE_SUFFIX));
    assert!(file.is_file(), "the binary datong is not built: run `cargo xtask test`");
    file
}

/// A port that is free now, and so are the next two, which a demo takes for its other doors.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    for _ in 0..100 {
        let found = TcpListener::bind("127.0.0.1:0").expect("a port of the system's choice");
        let port = found.local_addr().expect("the bound address").port();
        let next = |n: u16| port.checked_add(n).is_some_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        if next(1) && next(2) {
            return port;
        }
    }
    panic!("no three free ports in a row");
}

/// A new folder on the quickest disk there is. Tests that kill the process measure what a crash of the process leaves, not
/// what a power failure does, so a file system in memory serves them.
///
/// # Panics
/// If no folder can be made.
#[must_use]
pub fn quick_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if free_bytes(memory) > 2 << 30
        && let Ok(folder) = TempDir::with_prefix_in("datong-test-", memory)
    {
        return folder;
    }
    TempDir::with_prefix("datong-test-").expect("a temporary folder")
}

/// Copies a folder with everything in it.
///
/// # Panics
/// If something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            let _bytes = fs::copy(&path, &target).expect("a copy");
        }
    }
}

fn free_bytes(folder: &Path) -> u64 {
    let answer = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).stderr(Stdio::null()).output();
    let text = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
    text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

/// A command of the binary with its arguments, speaking English, untouched by the caller's environment.
#[must_use]
pub fn command<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments.into_iter().map(Into::into));
    for name in ["DATONG_CONFIG", "DATONG_TOKEN", "DATONG_LOG", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "en_US.UTF-8").stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
#[must_use]
pub fn run<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Finished {
    Running::start(command(arguments)).finish()
}

/// What a token says of its holder under a name; empty if nothing. The signature is not looked at.
///
/// # Panics
/// If the token is none.
#[must_use]
pub fn claim(token: &str, name: &str) -> Vec<String> {
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("claims");
    match &claims[name] {
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(value) => vec![value.clone()],
        _ => Vec::new(),
    }
}

/// Writes a synthetic city into `out`.
#[must_use]
pub fn city(people: u64, seed: u64, out: &Path) -> Finished {
    run([
        OsString::from("city"),
        "--people".into(),
        people.to_string().into(),
        "--seed".into(),
        seed.to_string().into(),
        "--out".into(),
        out.into(),
    ])
    .expect_code(0)
}

/// The rows of a printed table, cells trimmed, without heading and rules.
#[must_use]
pub fn table_rows(printed: &str) -> Vec<Vec<String>> {
    let is_rule = |line: &str| !line.is_empty() && line.chars().all(|c| matches!(c, '─' | '═'));
    let mut rows = Vec::new();
    let mut in_body = false;
    for line in printed.lines() {
        if is_rule(line) {
            in_body |= line.starts_with('═');
        } else if in_body && line.starts_with(' ') {
            rows.push(cells(line));
        } else {
            in_body = false;
        }
    }
    rows
}

/// Cells are at least two spaces apart; text within one is not.
fn cells(line: &str) -> Vec<String> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}
